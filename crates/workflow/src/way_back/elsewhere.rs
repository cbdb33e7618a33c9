//! A copy of the target on the scratch server: for a role that can't copy databases on the target's, and
//! while the application runs, for a copy beside the target would need it without a session.

use std::time::Duration;

use switchback_engine::step::StepCx;
use switchback_model::event::Unit;
use switchback_model::{DatabaseUrl, Failure, Result, code};
use switchback_postgres::backup::{self, Client, Ground, Manifest, Progress};
use switchback_postgres::scratch::{Scratch, ScratchOptions};
use switchback_postgres::session::ident;
use switchback_postgres::{Session, copy};

use super::trial::{self, Tried};
use crate::backups;
use crate::steps::restore_point;
use crate::world::World;

/// Dumps the target into the run's folder, restores that on the scratch server and tries the
/// downgrade there. What was made is gone afterwards, whatever happens.
///
/// # Errors
/// Those of the trial, of a dump and of a restore.
pub(super) async fn on_a_scratch_server(cx: &StepCx<'_, World>, name: &str) -> Result<Tried> {
    let world = cx.world;
    let place = world.folder.join("trial");
    let mut hear =
        |progress: Progress<'_>| cx.progress(progress.what, progress.done, progress.total, Unit::Bytes);
    let note = Some(format!("for the trial of a downgrade in run {}", world.run));
    let folder = backups::take(world, name, &place, note, false, cx.cancel, &mut hear).await?;
    let client = backups::client(world).await?;
    let tried = match &world.config.scratch_url {
        Some(server) => on_server(cx, server, &folder, &client).await,
        None => Box::pin(on_private(cx, &folder, &client)).await,
    };
    // A dump that can't be removed is no reason against the way back.
    let _kept_in_the_run = std::fs::remove_dir_all(&place);
    tried
}

/// On a cluster of our own: there the application's role can log in, whatever its password is.
async fn on_private(cx: &StepCx<'_, World>, folder: &std::path::Path, client: &Client) -> Result<Tried> {
    let mut hear =
        |progress: Progress<'_>| cx.progress(progress.what, progress.done, progress.total, Unit::Bytes);
    let options = backup::scratch_options(&Manifest::read(folder)?, ScratchOptions::default());
    let scratch = Scratch::start(&options, cx.cancel).await?;
    let (ground, name) = (Ground::Private(&scratch), &cx.world.names.rehearsal);
    backup::rebuild(folder, ground, name, client, cx.cancel, &mut hear).await?;
    let admin = scratch.url("postgres");
    let migrator = cx.world.config.migrator_url().at(&admin);
    let role = migrator.user().map(ident).unwrap_or_default();
    if !role.is_empty() {
        // Without the roles' own file only their names are known.
        Session::connect(&admin, &client.application)
            .await?
            .batch(&format!("alter role {role} login"))
            .await?;
    }
    let there = world_at(cx.world, admin, migrator);
    // As they were recorded: the fence may have left its own on the target.
    let tried = match restore_point::settings_under(&there, name).await {
        Ok(()) => trial::on_copy(cx, &there).await,
        Err(failure) => Err(failure),
    };
    scratch.stop().await?;
    tried
}

/// How often a copy's drop is tried, and how long after one another: a server that fell over is back by
/// then, or it is gone.
const DROPS: (u32, Duration) = (10, Duration::from_secs(1));

/// Drops what an earlier process of this run left on the scratch server, where that can be reached:
/// whoever needs the server says why not.
pub(super) async fn forget(world: &World) {
    if let Some(server) = &world.config.scratch_url {
        let _kept_for_the_next = dropped(world, server).await;
    }
}

async fn dropped(world: &World, server: &DatabaseUrl) -> Result<()> {
    let session = Session::connect(server, &world.application()).await?;
    copy::drop_database(&session, &world.names.rehearsal).await
}

/// The trial on a server of others. The copy goes whatever ended it: what broke the connections to the
/// copy may have broken the one that would drop it.
async fn on_server(
    cx: &StepCx<'_, World>,
    server: &DatabaseUrl,
    folder: &std::path::Path,
    client: &Client,
) -> Result<Tried> {
    dropped(cx.world, server).await?;
    let tried = acting(cx, server, folder, client).await;
    let mut gone = dropped(cx.world, server).await;
    for _ in 1..DROPS.0 {
        match &gone {
            Err(failure) if [code::CONNECTION_LOST, code::SERVER_UNREACHABLE].contains(&failure.code) => {
                tokio::time::sleep(DROPS.1).await;
                gone = dropped(cx.world, server).await;
            }
            _ => break,
        }
    }
    let left = |failure: Failure| {
        let name = ident(&cx.world.names.rehearsal);
        failure.hint(format!("on the scratch server, if it is there: drop database {name} with (force)"))
    };
    match (tried, gone) {
        (tried, Ok(())) => tried,
        (Ok(_), Err(failure)) | (Err(failure), Err(_)) => Err(left(failure)),
    }
}

/// The application's role may have no password there that we know: our own role acts as it in that one
/// database.
async fn acting(
    cx: &StepCx<'_, World>,
    server: &DatabaseUrl,
    folder: &std::path::Path,
    client: &Client,
) -> Result<Tried> {
    let name = &cx.world.names.rehearsal;
    let mut hear =
        |progress: Progress<'_>| cx.progress(progress.what, progress.done, progress.total, Unit::Bytes);
    let roles = backup::rebuild(folder, Ground::Server(server), name, client, cx.cancel, &mut hear).await?;
    let tried = match act_as(cx.world, server, client).await {
        Ok(()) => {
            let migrator = cx.world.config.migrator_url().at(server).with_login_of(server);
            trial::on_copy(cx, &world_at(cx.world, server.clone(), migrator)).await
        }
        Err(failure) => Err(failure),
    };
    for left in backup::dismantle(server, name, &roles, client).await? {
        cx.warn(left);
    }
    tried
}

async fn act_as(world: &World, server: &DatabaseUrl, client: &Client) -> Result<()> {
    let migrator = world.config.migrator_url();
    let Some(role) = migrator.user() else { return Ok(()) };
    let (role, name) = (ident(role), ident(&world.names.rehearsal));
    let sql = format!(
        "grant connect, create, temporary on database {name} to {role}; \
         alter role current_user in database {name} set role to {role}"
    );
    Session::connect(server, &client.application).await?.batch(&sql).await
}

/// The same run, with a copy on another server.
fn world_at(world: &World, admin: DatabaseUrl, migrator: DatabaseUrl) -> World {
    let mut config = world.config.clone();
    config.maintenance_url = admin;
    config.database_url = migrator;
    config.migration_url = None;
    let program = world.program.clone();
    let mut there =
        World::new(config, world.run.clone(), world.operator.clone(), world.folder.clone(), program);
    there.names = world.names.clone();
    there
}
