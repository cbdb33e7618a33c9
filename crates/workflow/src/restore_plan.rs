//! A backup and a target in; the ordered plan of an exchange out. Nothing is changed by planning.
//!
//! It is a run like a deploy: the same lease, fence, stop, start and health, so the same journal,
//! `resume` and `rollback`. What is its own is that nothing is migrated: the backup is restored
//! beside the target, compared with it, and takes its place by rename.

use std::path::PathBuf;

use switchback_engine::clock;
use switchback_engine::step::planned;
use switchback_model::config::FenceKind;
use switchback_model::plan::{Outlook, PlannedStep, Release, WayBack};
use switchback_model::{Config, Failure, Plan, Result, code};
use switchback_postgres::backup::{Listed, Manifest};
use switchback_postgres::lease as marker;
use switchback_postgres::server::{self, Identity};

use crate::examine::Needs;
use crate::planner::{self, Steps};
use crate::steps::close::Close;
use crate::steps::fence::Fence;
use crate::steps::health::HealthCheck;
use crate::steps::lease::Lease;
use crate::steps::losses::Losses;
use crate::steps::maintenance::MaintenanceOn;
use crate::steps::preflight::Preflight;
use crate::steps::prepare::Prepare;
use crate::steps::record::Record;
use crate::steps::restore::{self, Restore};
use crate::steps::start::Start;
use crate::steps::stop::Stop;
use crate::steps::swap::Swap;
use crate::steps::switch_code::SwitchCode;
use crate::world::World;

/// The settings of an exchange: always behind a closed fence, for it renames the target anyway.
#[must_use]
pub fn settings(mut config: Config) -> Config {
    config.environment.fence = FenceKind::Closed;
    let name = config.environment_name.clone();
    config.snapshot["environments"][&name]["fence"] = "closed".into();
    config
}

/// What planning found out.
struct Found<'a> {
    backup: &'a Listed,
    manifest: &'a Manifest,
    identity: Identity,
    oid: u32,
    current: Vec<String>,
    release_before: Option<Release>,
    release_after: Option<Release>,
    root: PathBuf,
    accept_loss: bool,
}

/// Makes the plan of putting `backup` in the target's place. `accept_loss`: a person agreed to
/// leave behind what the backup has not.
///
/// # Errors
/// [`code::TARGET_LEASED`] where a run is open, [`code::DATABASE_MISSING`] where there is no target,
/// [`code::RESTORE_OTHER_REVISION`], [`code::RELEASE_UNKNOWN`], those of a damaged backup.
pub async fn plan(world: &World, backup: &Listed, release: Option<&str>, accept_loss: bool) -> Result<Plan> {
    let found = find(world, backup, release, accept_loss).await?;
    let mut plan = Plan {
        format: 1,
        run: world.run.clone(),
        made_at: clock::now(),
        environment: world.config.environment_name.clone(),
        target: world.names.target.clone(),
        server: planner::place(world),
        server_version: found.identity.version.clone(),
        tool: world.migrator().name().to_owned(),
        release_before: found.release_before.clone(),
        release_after: found.release_after.clone(),
        revision_before: found.current.clone(),
        revision_after: found.manifest.revision.clone().unwrap_or_default(),
        pending: Vec::new(),
        // What an approval of this plan would be about.
        digest: switchback_postgres::backup::manifest::checksum(&backup.folder)?,
        gates: Vec::new(),
        gate_states: Vec::new(),
        ways_back: ways_back(&found),
        notes: notes(world, &found),
        outlook: Outlook::default(),
        steps: steps(world, &found)?,
        settings: world.config.snapshot.clone(),
    };
    crate::estimate::fill(world, &mut plan).await?;
    Ok(plan)
}

async fn find<'a>(
    world: &World,
    backup: &'a Listed,
    release: Option<&str>,
    accept_loss: bool,
) -> Result<Found<'a>> {
    let manifest = backup.manifest.as_ref().map_err(Clone::clone)?;
    let admin = world.admin().await?;
    if let Some((marker, _)) = marker::open_marker(&admin, &world.names.target).await? {
        return Err(crate::open_run::refusal(world, &marker));
    }
    let Some(target) = server::database(&admin, &world.names.target).await? else {
        return Err(no_target(world, backup));
    };
    let identity = Identity::read(&admin).await?;
    let session = world.session(&world.names.target).await?;
    let current = world.migrator().current(&session).await?;
    let (release_before, release_after) = planner::releases(world, release).await?;
    let root = planner::files_of(world, release_before.as_ref(), release_after.as_ref()).await?;
    if let Some(revision) = &manifest.revision {
        let scripts = world.migrator().scripts(&root, revision, None)?;
        if !scripts.pending.is_empty() {
            return Err(restore::unlike(&backup.id, revision, &scripts.heads));
        }
    }
    let oid = target.oid;
    Ok(Found { backup, manifest, identity, oid, current, release_before, release_after, root, accept_loss })
}

/// There is nothing that could be swapped: a plain restore makes what is missing.
fn no_target(world: &World, backup: &Listed) -> Failure {
    let name = &world.names.target;
    Failure::new(code::DATABASE_MISSING, format!("there is no database `{name}` to exchange"))
        .changed("nothing was changed")
        .hint(format!("make it from the backup: switchback restore {} --into {name}", backup.id))
}

fn steps(world: &World, found: &Found<'_>) -> Result<Vec<PlannedStep>> {
    let environment = &world.config.environment;
    let mut steps = Steps(Vec::new());
    steps.push(&Preflight { needs: needs(found), root: found.root.clone(), scripts: Vec::new() })?;
    steps.push(&Lease { identity: found.identity.clone(), oid: found.oid })?;
    steps.push(&Record { revision: found.current.clone(), models: false })?;
    let (backup, folder, root) = (found.backup.id.clone(), found.backup.folder.clone(), found.root.clone());
    steps.push(&Restore { backup, folder, root })?;
    let accept = found.accept_loss;
    if !accept {
        // Refused before anybody notices, not after the application was stopped.
        steps.push(&Losses { fenced: false, accept })?;
    }
    let switches = found.release_after.clone().filter(|_| found.release_before != found.release_after);
    if let Some(release) = switches.clone().filter(|_| planner::prepares(world)) {
        steps.push(&Prepare { release })?;
    }
    if environment.maintenance.is_some() {
        steps.push(&MaintenanceOn {})?;
    }
    if environment.service.is_some() {
        steps.push(&Stop {})?;
    }
    steps.push(&Fence { kind: FenceKind::Closed })?;
    steps.0.push(planned::<World, _>(&Losses { fenced: true, accept }, Some("fenced"))?);
    steps.push(&Swap {})?;
    if let Some(release) = switches {
        steps.push(&SwitchCode { release })?;
    }
    steps.push(&Start { fenced: true })?;
    steps.push(&HealthCheck {})?;
    steps.push(&Close {})?;
    Ok(steps.0)
}

fn needs(found: &Found<'_>) -> Needs {
    Needs {
        // As much room as a copy, and the same right to make a database.
        copy: true,
        closed_fence: true,
        swap: true,
        release: found.release_after.as_ref().map(|release| release.name.clone()),
        ..Needs::default()
    }
}

fn ways_back(found: &Found<'_>) -> Vec<WayBack> {
    let way = |when: &str, how: &str| WayBack { when: when.to_owned(), how: how.to_owned() };
    let aside = "the former target takes its place again by rename, under a second; the restored one is kept";
    let code = if found.release_before == found.release_after { "" } else { ", and the code goes back" };
    vec![
        way("until the swap", "the fence is lifted and the application is started on the target as it was"),
        way("swap to the start", &format!("{aside}{code}")),
        way(
            "application started",
            &format!("as before{code}, if nothing was written since; else a person is asked"),
        ),
        way(
            "later",
            "`switchback rollback RUN`: the former target, if nothing was written since; with --accept-loss in any case, naming what is left behind in the database that is kept",
        ),
    ]
}

/// That a backup is not one of this target, where it is not: it would replace one application's data by
/// another's, or production's by staging's.
#[must_use]
pub fn taken_elsewhere(world: &World, manifest: &Manifest, here: &Identity) -> Option<String> {
    let taken = &manifest.target;
    let same_server = taken.server.system_identifier == here.system_identifier;
    if same_server && taken.database == world.names.target {
        return None;
    }
    let server = if same_server { String::new() } else { format!(" on another server ({})", taken.host) };
    Some(format!("it was taken of `{}`{server}, not of this target", taken.database))
}

fn notes(world: &World, found: &Found<'_>) -> Vec<String> {
    let manifest = found.manifest;
    let proven = match &found.backup.proof {
        Some(proof) => format!("proven {}", proof.at),
        None => "never proven: it is compared with its manifest now".to_owned(),
    };
    let mut notes = vec![format!("backup {}, taken {}, {proven}", found.backup.id, manifest.made_at)];
    notes.extend(taken_elsewhere(world, manifest, &found.identity));
    if manifest.revision.is_none() {
        notes.push("its revision is not known before it is restored; one that does not fit the release is refused then".into());
    }
    if found.accept_loss {
        notes.push(format!(
            "what the target has and the backup has not is left behind in `{}`: agreed to with --accept-loss",
            world.names.replaced
        ));
    }
    notes.push("owner, grants, comment, limits and settings of the database stay those of the target".into());
    notes
}
