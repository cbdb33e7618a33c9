//! A run that is open on a target, met by somebody who wanted to begin something else: where its
//! journal is, whether a process has it in hand, and what can be typed here.

use std::path::Path;

use switchback_engine::journal;
use switchback_model::{Failure, RunId, RunView, code};
use switchback_postgres::lease::{self, Marker};

use crate::world::World;

/// Why nobody else may begin. On the host of the run, what is known of its journal is said.
pub fn refusal(world: &World, marker: &Marker) -> Failure {
    if marker.host != world.operator.host {
        return marker.refusal();
    }
    let Some(runs) = Path::new(&marker.journal).parent() else { return marker.refusal() };
    let run = RunId(marker.run.clone());
    match journal::read(runs, &run) {
        Ok(view) => here(world, marker, runs, &view),
        Err(failure) if failure.code == code::RUN_UNKNOWN => gone(marker),
        Err(damage) => unreadable(marker, damage.message, "its journal is damaged")
            .hint(format!("see what can be read of it: switchback runs show {run}")),
    }
}

/// Why nobody can go on with the run that is open: its journal is here, and damaged. That is for a person.
///
/// `None` where it is not so.
pub fn damage(world: &World, marker: &Marker) -> Option<Failure> {
    if marker.host != world.operator.host {
        return None;
    }
    let (runs, run) = (Path::new(&marker.journal).parent()?, RunId(marker.run.clone()));
    let damage = journal::read(runs, &run).err().filter(|failure| failure.code == code::JOURNAL_DAMAGED)?;
    let with = |failure: Failure, hint: String| failure.hint(hint);
    let hints = [
        format!("see what can be read of it: switchback runs show {run}"),
        back_again(&run),
        BY_HAND.to_owned(),
    ];
    Some(hints.into_iter().fold(Failure { hints: Vec::new(), ..damage }, with))
}

/// A target that is not there under its own name may be behind the fence of a run: then that is what has
/// to be said. Any other failure is given back as it is.
pub async fn instead_of_missing(world: &World, failure: Failure) -> Failure {
    if failure.code != code::DATABASE_MISSING {
        return failure;
    }
    let open = async { lease::open_marker(&*world.admin().await?, &world.names.target).await };
    match open.await {
        Ok(Some((marker, _))) => refusal(world, &marker).cause(failure.message),
        _ => failure,
    }
}

/// Who has a run in hand at this moment, and what can be done about it; `None` where nobody has.
pub fn in_hand(runs: &Path, view: &RunView) -> Option<(String, String)> {
    let by = view.operator.as_ref().filter(|_| journal::is_held(runs, &view.plan.run))?;
    Some((
        format!("process {} of {} on {} is at work on it now", by.pid, by.user, by.host),
        format!("wait for it; or end it, and it takes the run back itself: kill {}", by.pid),
    ))
}

const BY_HAND: &str = "if there is no copy, by hand: switchback explain SB0303";

fn back_again(run: &RunId) -> String {
    format!(
        "bring that folder back from a copy; then, on this host: switchback resume {run}, or switchback abort {run}"
    )
}

/// The journal is here and whole: its run can be brought to an end, by this configuration or its own.
fn here(world: &World, marker: &Marker, runs: &Path, view: &RunView) -> Failure {
    let message = format!(
        "run {} is open on `{}`; its journal is on host {}, which is this one",
        marker.run, marker.target, marker.host
    );
    let failure = Failure::new(code::TARGET_LEASED, message)
        .cause(format!("the journal is in {}", marker.journal))
        .changed("nothing was changed");
    if let Some((who, way_out)) = in_hand(runs, view) {
        return failure.cause(who).hint(way_out);
    }
    let (program, run, environment) = (program(world, runs, view), &marker.run, &view.plan.environment);
    failure
        .hint(format!("go on with it: {program} resume {run} -e {environment}"))
        .hint(format!("or take it back: {program} abort {run} -e {environment}"))
}

/// How the program is called where it finds the run: with the configuration that the run was begun with,
/// where this one keeps its runs elsewhere.
fn program(world: &World, runs: &Path, view: &RunView) -> String {
    if runs == world.config.state.join("runs") {
        return "switchback".to_owned();
    }
    let root = view.plan.settings["root"].as_str().unwrap_or_default();
    let file = Path::new(root).join(switchback_model::config::FILE_NAME).display().to_string();
    format!("switchback --config {}", switchback_engine::exec::shell_word(&file))
}

fn gone(marker: &Marker) -> Failure {
    unreadable(marker, format!("there is no {}", marker.journal), "its journal is gone")
}

fn unreadable(marker: &Marker, cause: String, what: &str) -> Failure {
    let message = format!(
        "run {} is open on `{}`, and {what}: it was in {} on host {}, which is this one",
        marker.run, marker.target, marker.journal, marker.host
    );
    Failure::new(code::TARGET_LEASED, message)
        .cause(cause)
        .changed("nothing was changed")
        .hint(back_again(&RunId(marker.run.clone())))
        .hint(BY_HAND)
}
