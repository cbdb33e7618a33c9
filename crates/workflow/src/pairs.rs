//! Release and revision: a release is started only on a schema that it knows.
//!
//! What a release knows stands in its own files: the revisions of its migrations. What has run well
//! together stands in the ledger.

use std::path::Path;

use switchback_engine::journal;
use switchback_model::event::RunStatus;
use switchback_model::plan::Release;
use switchback_model::{Failure, Plan, Result, code};

use crate::formats::Migrator;
use crate::ledger::Ledger;
use crate::planner::{self, shown};
use crate::world::World;

/// What a release makes of a target.
#[derive(Debug, PartialEq, Eq)]
pub enum Fit {
    /// It was written for this schema.
    Fits,
    /// It does not know these revisions of the target: it is older than the schema.
    Older(Vec<String>),
    /// It wants these revisions: it is newer than the schema.
    Newer(Vec<String>),
}

/// Compares a release's files with the revisions that a target is at.
///
/// # Errors
/// Those of the migrator where the files make no history.
pub fn fit(migrator: &dyn Migrator, root: &Path, current: &[String]) -> Result<Fit> {
    let knows = |revision: &String| migrator.find(root, revision).is_ok_and(|found| found == *revision);
    let unknown: Vec<_> = current.iter().filter(|revision| !knows(revision)).cloned().collect();
    if !unknown.is_empty() {
        // Files that make no history know nothing: that is another error than an old release.
        migrator.scripts(root, &[], None)?;
        return Ok(Fit::Older(unknown));
    }
    let scripts = migrator.scripts(root, current, None)?;
    Ok(if scripts.pending.is_empty() { Fit::Fits } else { Fit::Newer(scripts.heads) })
}

/// Refuses to start a release on a target whose schema it was not written for.
///
/// # Errors
/// [`code::RELEASE_UNFIT`].
pub fn check(world: &World, root: &Path, release: &Release, current: &[String]) -> Result<()> {
    match fit(&*world.migrator(), root, current)? {
        Fit::Fits => Ok(()),
        Fit::Older(unknown) => Err(older(world, release, &unknown, current)),
        Fit::Newer(wanted) => Err(unfit(format!(
            "release {} wants revision {}, and the target is at {}",
            release.name,
            shown(&wanted),
            shown(current)
        ))
        .hint(format!(
            "bring the schema along: switchback deploy -e {}{}",
            world.config.environment_name,
            said(release)
        ))),
    }
}

/// A release that is older than the schema.
pub fn older(world: &World, release: &Release, unknown: &[String], current: &[String]) -> Failure {
    let environment = &world.config.environment_name;
    let mut failure = unfit(format!(
        "release {} does not know revision {}, at which `{}` is",
        release.name,
        shown(unknown),
        world.names.target
    ));
    let known = Ledger::of(&world.config).releases_at(environment, current);
    if !known.is_empty() {
        let names: Vec<_> = known.iter().map(|known| known.name.as_str()).collect();
        failure = failure.cause(format!("at {} ran: {}", shown(current), names.join(", ")));
    }
    if let Some(run) = run_to(world, current) {
        failure = failure
            .hint(format!("take code and schema back together: switchback rollback {run} -e {environment}"));
    }
    match known.first() {
        Some(known) => failure.hint(format!(
            "or deploy a release that knows it: switchback deploy -e {environment}{}",
            said(known)
        )),
        None => failure.hint(format!("or deploy a release whose files have a migration {}", shown(unknown))),
    }
}

/// The last run that brought the environment to these revisions, where it can be taken back.
fn run_to(world: &World, current: &[String]) -> Option<String> {
    let runs = world.config.state.join("runs");
    let views = journal::list(&runs).into_iter().rev().filter_map(|run| journal::read(&runs, &run).ok());
    let mut here = views.filter(|view| view.plan.environment == world.config.environment_name);
    let led = |plan: &Plan| plan.revision_after == current && plan.revision_before != plan.revision_after;
    here.find(|view| {
        let succeeded = view.outcome.as_ref().is_some_and(|outcome| outcome.status == RunStatus::Succeeded);
        succeeded && led(&view.plan)
    })
    .map(|view| view.plan.run.0)
}

fn said(release: &Release) -> String {
    format!(" --release {}", release.name)
}

fn unfit(message: String) -> Failure {
    Failure::new(code::RELEASE_UNFIT, message).changed("nothing was changed")
}

/// Looks, before the application is started outside of a run, whether what is checked out fits the
/// target. Without a repository nobody knows what the release is.
///
/// # Errors
/// [`code::RELEASE_UNFIT`], and those of a connection.
pub async fn check_in_place(world: &World) -> Result<()> {
    let Some(repository) = world.repository().await? else { return Ok(()) };
    let release = repository.head().await?;
    let session = world.session(&world.names.target).await?;
    let current = world.migrator().current(&session).await?;
    // A new database: the application's own set-up may come first.
    if current.is_empty() {
        return Ok(());
    }
    check(world, &planner::in_place(world), &release, &current)
}

/// Looks, before a run that had succeeded is taken back, whether the release that comes back knows
/// the schema that comes back.
///
/// # Errors
/// [`code::RELEASE_UNFIT`].
pub async fn check_way_back(world: &World, plan: &Plan) -> Result<()> {
    let Some(before) = &plan.release_before else { return Ok(()) };
    let root = planner::release_files(world, before).await?;
    match fit(&*world.migrator(), &root, &plan.revision_before)? {
        Fit::Older(unknown) => Err(not_to_come_back(world, plan, before, &unknown)),
        Fit::Fits | Fit::Newer(_) => Ok(()),
    }
}

/// The release that would come back does not know the schema that would come back with it.
fn not_to_come_back(world: &World, plan: &Plan, release: &Release, unknown: &[String]) -> Failure {
    let environment = &world.config.environment_name;
    let (before, after) = (shown(&plan.revision_before), shown(&plan.revision_after));
    let message = format!(
        "run {} can't be taken back: release {} would come back with it, and does not know revision {}, at which `{}` would be then",
        plan.run,
        release.name,
        shown(unknown),
        plan.target
    );
    let known = Ledger::of(&world.config).releases_at(environment, &plan.revision_before);
    let names: Vec<_> = known.iter().map(|known| known.name.as_str()).collect();
    let failure = unfit(message).cause(format!("the run found it at {before}, and left it at {after}"));
    let failure = if names.is_empty() {
        failure
    } else {
        failure.cause(format!("at {before} ran: {}", names.join(", ")))
    };
    let fitting = known.first().map_or("REF", |known| known.name.as_str());
    failure.hint(format!(
        "put a backup of that time in place, with a release that knows its revision: switchback restore BACKUP --swap --release {fitting} -e {environment}"
    ))
}
