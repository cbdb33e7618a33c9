//! Step 8: a copy of the target that covers every acknowledged write, taken inside the fence. Its
//! undo is the way back of the data.

use std::path::PathBuf;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchback_engine::step::{Probe, Step, StepCx};
use switchback_model::config::RestorePointKind;
use switchback_model::event::Unit;
use switchback_model::plan::UndoPolicy;
use switchback_model::{Failure, Result, code};
use switchback_postgres::{copy, fence, lease, server};

use crate::checks::Facts;
use crate::way_back::{self, Way};
use crate::world::World;
use crate::{backups, facts, files, target};

/// The restore point.
#[derive(Debug, Serialize, Deserialize)]
pub struct RestorePoint {
    /// How it is made: never `auto`, the planner has chosen.
    pub kind: RestorePointKind,
}

/// What there is to go back to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Taken {
    /// The target itself, by its identity.
    pub target: u32,
    /// The copy's name, where it is a database.
    pub copy: Option<String>,
    /// The dump's folder, where it is one.
    pub dump: Option<PathBuf>,
    /// Tables whose rows and digest were taken.
    pub tables: usize,
    /// SHA-256 of the catalog.
    pub catalog: String,
}

#[async_trait(?Send)]
impl Step<World> for RestorePoint {
    const KIND: &'static str = "restore_point";
    type Output = Taken;

    fn title(&self) -> String {
        match self.kind {
            RestorePointKind::Dump => "take the restore point: a dump",
            RestorePointKind::Down => "take the data facts (the way back is the downgrade)",
            RestorePointKind::Clone | RestorePointKind::Auto => "take the restore point: a copy",
        }
        .into()
    }

    fn undo_policy(&self) -> UndoPolicy {
        UndoPolicy::Reversible
    }

    async fn probe(&self, cx: &StepCx<'_, World>) -> Result<Probe<Taken>> {
        // A copy that a killed process began may be half of one to us, never to the server; but
        // whether its facts were written is not known, so it is made again.
        copy::drop_database(&*cx.world.admin().await?, &cx.world.names.restore_point).await?;
        Ok(Probe::NotDone)
    }

    async fn run(&self, cx: &StepCx<'_, World>) -> Result<Taken> {
        let world = cx.world;
        let name = target::name_now(world).await?;
        let target = server::database(&*world.admin().await?, &name).await?;
        let target = target.ok_or_else(|| Failure::new(code::RESTORE_POINT, "the target is gone"))?;
        let (copy, dump) = match self.kind {
            RestorePointKind::Down => (None, None),
            RestorePointKind::Dump => (None, Some(dump(cx, &name).await?)),
            RestorePointKind::Clone | RestorePointKind::Auto => (Some(clone(cx, &name).await?), None),
        };
        let before = match &copy {
            Some(copy) => facts_of_copy(cx, copy).await?,
            None => read(cx, &name).await?,
        };
        files::write_json(&world.folder.join(facts::BEFORE), &before)?;
        let tables = before.data.tables.len();
        Ok(Taken { target: target.oid, copy, dump, tables, catalog: before.catalog.digest() })
    }

    async fn verify(&self, cx: &StepCx<'_, World>, done: &Taken) -> Result<String> {
        let world = cx.world;
        let session = world.session(&target::name_now(world).await?).await?;
        let catalog = switchback_postgres::catalog::Catalog::read(&session).await?;
        if catalog.digest() != done.catalog {
            return Err(Failure::new(code::RESTORE_POINT, "the restore point's schema is not the target's"));
        }
        let written: Facts = files::read_json(&world.folder.join(facts::BEFORE))?;
        let rows: i64 = written.data.tables.values().map(|table| table.rows).sum();
        let what = match (&done.copy, &done.dump) {
            (Some(copy), _) => format!("`{copy}`"),
            (_, Some(folder)) => folder.display().to_string(),
            _ => "none".into(),
        };
        Ok(format!("{what}; {} tables, {rows} rows counted and digested", done.tables))
    }

    async fn undo(&self, cx: &StepCx<'_, World>, done: Option<&Taken>) -> Result<String> {
        let way = way_back::decided(cx).await?;
        match (way, done) {
            (Way::Swap, Some(done)) => swap_back(cx, done).await,
            (Way::Swap, None) => Err(Failure::new(code::SWAP, "there is no restore point to go back to")),
            (Way::Down, _) => {
                way_back::look_downgraded(cx).await?;
                Ok(format!("downgraded; {}", what_is_kept(cx, done).await?))
            }
            (Way::Nothing, _) => leave_copy(cx, done).await,
        }
    }
}

async fn clone(cx: &StepCx<'_, World>, name: &str) -> Result<String> {
    let (world, names) = (cx.world, &cx.world.names);
    let admin = world.admin().await?;
    cx.progress("copying the target", 0, 0, Unit::Bytes);
    copy::drop_database(&admin, &names.restore_point).await?;
    copy::clone(&admin, name, &names.restore_point, cx.cancel).await?;
    mark_copy(cx).await?;
    Ok(names.restore_point.clone())
}

/// The copy carries the marker, as the target does: a swap must not leave the target without.
async fn mark_copy(cx: &StepCx<'_, World>) -> Result<()> {
    let before = super::lease::kept_in_marker(cx).await?;
    let marker = super::lease::marker(cx.world, &before).text();
    lease::set_comment(&*cx.world.admin().await?, &cx.world.names.restore_point, Some(&marker)).await
}

/// A dump inside the fence: its own digests prove it when it is restored.
async fn dump(cx: &StepCx<'_, World>, name: &str) -> Result<PathBuf> {
    let folder = cx.world.folder.join("restore-point");
    let mut hear = |progress: switchback_postgres::backup::Progress<'_>| {
        cx.progress(progress.what, progress.done, progress.total, Unit::Bytes);
    };
    let note = format!("restore point of run {}", cx.world.run);
    backups::take(cx.world, name, &folder, Some(note), false, cx.cancel, &mut hear).await
}

async fn read(cx: &StepCx<'_, World>, database: &str) -> Result<Facts> {
    let mut hear = |done, total| cx.progress("counting and digesting", done, total, Unit::Bytes);
    facts::read_with_flaws(cx.world, database, cx.cancel, &mut hear).await
}

/// The facts are read from the copy: that it can be read to its last row is a part of its proof.
async fn facts_of_copy(cx: &StepCx<'_, World>, copy: &str) -> Result<Facts> {
    let admin = cx.world.admin().await?;
    // Whoever could write to the copy now would write into the way back.
    fence::admit_only(&admin, copy, &cx.world.roles().await?).await?;
    fence::allow_connections(&admin, copy, true).await?;
    let facts = read(cx, copy).await;
    fence::allow_connections(&admin, copy, false).await?;
    facts
}

/// Where the identity of the database is noted that takes the target's place.
pub const SWAPPED_IN: &str = "swapped_in";

/// The copy takes the target's place; the failed database is kept, closed.
async fn swap_back(cx: &StepCx<'_, World>, done: &Taken) -> Result<String> {
    let (world, names) = (cx.world, &cx.world.names);
    let admin = world.admin().await?;
    let name = target::name_now(world).await?;
    let live = server::database(&admin, &name).await?;
    let live = live.ok_or_else(|| Failure::new(code::SWAP, format!("the target `{name}` is gone")))?;
    // The copy's identity is on disk before the renames, so that a repeated undo knows whether they
    // happened. The target's own may be another than at the restore point: a later run's way back
    // puts another database in its place.
    if cx.noted::<u32>(SWAPPED_IN)? != Some(live.oid) {
        let copy = restored_copy(cx, done).await?;
        mark_copy(cx).await?;
        cx.note(SWAPPED_IN, &copy)?;
        let renames = [(live.oid, name.as_str(), names.failed.as_str()), (copy, &names.restore_point, &name)];
        fence::rename(&admin, &renames, false).await.map_err(|failure| swap_failed(&failure))?;
    }
    fence::allow_connections(&admin, &name, true).await?;
    if server::database(&admin, &names.failed).await?.is_some() {
        lease::set_comment(&admin, &names.failed, Some(&super::lease::kept(world))).await?;
    }
    settings_under(world, &name).await?;
    look_swapped(cx, done, &name).await
}

fn swap_failed(failure: &Failure) -> Failure {
    let outer = Failure::new(code::SWAP, "the restore point can't take the target's place")
        .changed("both databases are there, the target under its name behind the fence");
    failure.causes.iter().fold(outer.cause(failure.message.clone()), Failure::cause)
}

/// The copy's identity; a dump becomes a copy first.
async fn restored_copy(cx: &StepCx<'_, World>, done: &Taken) -> Result<u32> {
    let (world, names) = (cx.world, &cx.world.names);
    let admin = world.admin().await?;
    if let Some(folder) = &done.dump {
        // One that an earlier process began to restore may be half of one.
        copy::drop_database(&admin, &names.filling).await?;
        copy::drop_database(&admin, &names.restore_point).await?;
        let mut hear = |progress: switchback_postgres::backup::Progress<'_>| {
            cx.progress(progress.what, progress.done, progress.total, Unit::Bytes);
        };
        let filling = Some(names.filling.as_str());
        backups::restore(world, folder, &names.restore_point, filling, cx.cancel, &mut hear).await?;
        // A restored database has no statistics; its first users would wait for wrong plans.
        world.session(&names.restore_point).await?.batch("analyze").await?;
    }
    let copy = server::database(&admin, &names.restore_point).await?;
    copy.map(|copy| copy.oid).ok_or_else(|| {
        Failure::new(code::SWAP, format!("the restore point `{}` is gone", names.restore_point))
            .hint("the proven backup is there: switchback backup list")
    })
}

/// What a copy loses is put back, under whatever name the target has now.
///
/// # Errors
/// [`code::METADATA`].
pub async fn settings_under(world: &World, name: &str) -> Result<()> {
    use switchback_postgres::settings::DatabaseSettings;
    let admin = world.admin().await?;
    let recorded = super::record::settings(world)?;
    let comment = DatabaseSettings::read(&admin, name).await?.comment;
    let mut wanted = DatabaseSettings { comment, ..recorded };
    if name == world.names.fenced {
        wanted = wanted.closed_but_to(&world.roles().await?);
    }
    wanted.apply(&admin, name).await?;
    let left = wanted.differences(&DatabaseSettings::read(&admin, name).await?);
    if left.is_empty() {
        return Ok(());
    }
    Err(Failure::new(code::METADATA, "the target's settings are not what they were").cause(left.join("; ")))
}

/// Looks, from a new session, whether the target is what it was at the restore point.
async fn look_swapped(cx: &StepCx<'_, World>, done: &Taken, name: &str) -> Result<String> {
    let world = cx.world;
    let now = server::database(&*world.admin().await?, name).await?.map(|now| now.oid);
    if now.is_none() || now != cx.noted::<u32>(SWAPPED_IN)? {
        return Err(Failure::new(code::SWAP, "the target is still the database that failed"));
    }
    let session = world.session(name).await?;
    let revision = world.migrator().current(&session).await?;
    if revision != cx.log().view().plan.revision_before {
        return Err(Failure::new(
            code::SWAP,
            "the restore point is at another revision than the run began with",
        )
        .cause(format!("it is at {}", crate::planner::shown(&revision))));
    }
    let catalog = switchback_postgres::catalog::Catalog::read(&session).await?;
    if catalog.digest() != done.catalog {
        let before: Facts = files::read_json(&world.folder.join(facts::BEFORE))?;
        let names: Vec<_> =
            before.catalog.diff(&catalog).into_iter().map(|difference| difference.object).collect();
        return Err(
            Failure::new(code::SWAP, "the restore point's schema is not what it was").cause(names.join(", "))
        );
    }
    Ok(format!("the restore point took its place; the failed database is kept as `{}`", world.names.failed))
}

/// What there is of the restore point, in words. Nothing of it was used, and somebody may have dropped it.
async fn what_is_kept(cx: &StepCx<'_, World>, done: Option<&Taken>) -> Result<String> {
    let Some(taken) = done else { return Ok("no restore point was finished".into()) };
    if let Some(folder) = taken.dump.as_ref().filter(|folder| folder.is_dir()) {
        return Ok(format!("the restore point is kept in {}", folder.display()));
    }
    let Some(copy) = &taken.copy else { return Ok("there is no restore point".into()) };
    if cx.world.database(copy).await?.is_none() {
        return Ok(format!("the restore point `{copy}` is gone: somebody dropped it"));
    }
    Ok(format!("the restore point is kept beside the target as `{copy}`"))
}

/// Where the data did not need the copy, it is not needed any more: nothing was written since.
async fn leave_copy(cx: &StepCx<'_, World>, done: Option<&Taken>) -> Result<String> {
    let admin = cx.world.admin().await?;
    copy::drop_database(&admin, &cx.world.names.restore_point).await?;
    if done.is_none() {
        return Ok("none was finished".into());
    }
    Ok("the data stays as it is; the copy was dropped".into())
}
