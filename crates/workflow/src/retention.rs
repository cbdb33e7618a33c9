//! What may go: databases that runs left on the server, and backups that nobody needs.
//!
//! What can't be judged stays: a database whose run's journal is elsewhere may be that run's only way
//! back.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use switchback_engine::clock;
use switchback_model::event::RunStatus;
use switchback_model::units::{Span, human};
use switchback_model::{Failure, Result, RunView, code};
use switchback_postgres::server::{self, Identity};
use switchback_postgres::{copy, lease};

use crate::examine::leftovers::left;
use crate::world::World;

/// What became of the databases that runs left.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Databases {
    /// Those that are gone (or would be).
    pub dropped: Vec<String>,
    /// Those that stay, each with the reason.
    pub spared: BTreeMap<String, String>,
}

/// Keeps every run off the target for as long as it is held, so that none begins to need what is
/// being removed.
///
/// # Errors
/// [`code::TARGET_LEASED`] where a run is at work.
pub async fn hold(world: &World) -> Result<()> {
    let identity = Identity::read(&*world.admin().await?).await?;
    world.hold_lease(&identity).await
}

/// The backups that somebody needs, with the reason: of open runs, and of runs whose way back is
/// still on the server.
///
/// # Errors
/// Those of a query.
pub async fn needed_backups(world: &World, runs: &[RunView]) -> Result<BTreeMap<String, String>> {
    let there = server::databases(&*world.admin().await?).await?;
    let mut needed = BTreeMap::new();
    for run in runs {
        let id = &run.plan.run.0;
        let kept = |mark: &str| there.iter().any(|one| one.name.ends_with(&format!("{mark}{id}")));
        let why = if run.is_open() {
            format!("run {id} is open")
        } else if has_succeeded(run) && (kept("_rp_") || kept("_old_")) {
            format!("run {id} can still be taken back")
        } else {
            continue;
        };
        for backup in backups_of(run) {
            needed.entry(backup).or_insert_with(|| why.clone());
        }
    }
    Ok(needed)
}

/// The backup that a run took, and the one that it restored.
fn backups_of(run: &RunView) -> Vec<String> {
    let text = |value: Option<&serde_json::Value>| value.and_then(|value| value.as_str()).map(str::to_owned);
    let of = |(planned, step): (&switchback_model::plan::PlannedStep, &switchback_model::run::StepView)| {
        match planned.kind.as_str() {
            "backup" => text(step.output.as_ref().and_then(|output| output.get("id"))),
            "restore" => text(planned.params.get("backup")),
            _ => None,
        }
    };
    run.planned().filter_map(of).collect()
}

/// Drops what runs left on the server and is older than `keep`; with `dry_run` it is only said.
///
/// What belongs to an open run stays, and so does the way back of the run that `rollback` would take
/// back. The caller holds the target ([`hold`]).
///
/// # Errors
/// Those of a query; [`code::EFFECT_UNCLEAR`] where a database is there after it was dropped.
pub async fn databases(world: &World, runs: &[RunView], keep: Span, dry_run: bool) -> Result<Databases> {
    let admin = world.admin().await?;
    let target = &world.names.target;
    let open = lease::open_marker(&admin, target).await?.map(|(marker, _)| marker.run);
    let mut found = Databases::default();
    for database in server::databases(&admin).await? {
        let Some((_, run)) = left(target, &database.name, None) else { continue };
        if let Some(why) = needed(runs, run, open.as_deref(), keep) {
            found.spared.insert(database.name, why);
            continue;
        }
        if !dry_run {
            copy::drop_database(&admin, &database.name).await?;
            if world.database(&database.name).await?.is_some() {
                let message = format!("`{}` is there after it was dropped", database.name);
                return Err(Failure::new(code::EFFECT_UNCLEAR, message));
            }
        }
        found.dropped.push(database.name);
    }
    Ok(found)
}

/// Why a run's database has to stay; nothing where it may go.
fn needed(runs: &[RunView], id: &str, marked: Option<&str>, keep: Span) -> Option<String> {
    let Some(run) = runs.iter().find(|run| run.plan.run.0 == id) else {
        return Some(format!("the journal of run {id} is not here"));
    };
    if run.is_open() || marked == Some(id) {
        return Some(format!("run {id} is open"));
    }
    if next_back(runs) == Some(id) {
        return Some(format!("`switchback rollback` would take run {id} back with it"));
    }
    let age = run.ended_at.map(|ended| clock::now().duration_since(ended).unsigned_abs());
    match age {
        Some(age) if age >= keep.0 => None,
        _ => {
            let age = age.unwrap_or(Duration::ZERO);
            Some(format!("it is {} old; keep_restore_points is {keep}", human(age)))
        }
    }
}

/// The run that `rollback` would take back: the last one that succeeded.
pub(crate) fn next_back(runs: &[RunView]) -> Option<&str> {
    runs.iter().rev().find(|run| has_succeeded(run)).map(|run| run.plan.run.0.as_str())
}

/// One that was taken back already is not taken back again.
fn has_succeeded(run: &RunView) -> bool {
    run.outcome.as_ref().is_some_and(|outcome| outcome.status == RunStatus::Succeeded)
}
