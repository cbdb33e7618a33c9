//! What the ledger says of a run that came to an end.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::{Direction, Durations, Event, RunStatus, What};
use crate::exit::Exit;
use crate::plan::{Release, RunId};
use crate::{RunView, code};

/// One end of a run. A run that got stuck, and one that was rolled back, has more than one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The run.
    pub run: RunId,
    /// The number of its event `run.finished`.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Where.
    pub environment: String,
    /// The target database's name.
    pub target: String,
    /// A hash of the server's identity and the target's name: the same on every machine.
    pub server: String,
    /// Who had the run in hand.
    pub operator: String,
    /// On which host.
    pub host: String,
    /// The release that ran before, where code is known.
    pub release_before: Option<Release>,
    /// The release that the run was to bring.
    pub release_after: Option<Release>,
    /// The target's revisions before.
    pub revision_before: Vec<String>,
    /// The revisions that the run was to bring.
    pub revision_after: Vec<String>,
    /// The pending migrations.
    pub digest: String,
    /// How it ended.
    pub status: RunStatus,
    /// How it came to that: `succeeded`, `undone`, `refused`, `stuck`, `interrupted`, `aborted`,
    /// `rolled_back`.
    pub end: String,
    /// The exit status of the command.
    pub exit: Exit,
    /// How long things took.
    pub durations: Durations,
    /// Which way the data went back, where it did.
    pub way_back: Option<String>,
    /// The backup that the run took.
    pub backup: Option<String>,
    /// Why, where it did not succeed: code and sentence.
    pub failure: Option<String>,
    /// The sum of the journal at this end.
    pub journal: String,
    /// Whether it was written later than the run ended, from the run's journal.
    #[serde(default)]
    pub later: bool,
}

/// Every end that a run's journal tells of. `events` come with the journal's sum after each;
/// `server` is the hash that the plan stands for.
pub fn ends(events: &[(Event, String)], server: &str) -> Vec<Entry> {
    let mut view: Option<RunView> = None;
    let mut succeeded = false;
    let mut found = Vec::new();
    for (event, sum) in events {
        match &mut view {
            None => view = RunView::begin(event).ok(),
            // The journal's reader has refused what can't follow.
            Some(view) => drop(view.apply(event)),
        }
        let (Some(view), What::Finished { status, .. }) = (&view, &event.what) else { continue };
        found.extend(entry(view, event, sum, server, succeeded));
        succeeded |= *status == RunStatus::Succeeded;
    }
    found
}

fn entry(run: &RunView, event: &Event, sum: &str, server: &str, succeeded: bool) -> Option<Entry> {
    let (outcome, plan) = (run.outcome.as_ref()?, &run.plan);
    let by = run.operator.as_ref();
    let noted = |step: &str, key: &str, field: &str| {
        let value = run.step(step)?.notes.get(key)?;
        value[field].as_str().map(str::to_owned)
    };
    let backup = run.step("backup").and_then(|step| step.output.as_ref());
    let back = run.direction == Direction::Back;
    Some(Entry {
        run: plan.run.clone(),
        seq: event.seq,
        at: event.at,
        environment: plan.environment.clone(),
        target: plan.target.clone(),
        server: server.to_owned(),
        operator: by.map(|by| by.user.clone()).unwrap_or_default(),
        host: by.map(|by| by.host.clone()).unwrap_or_default(),
        release_before: plan.release_before.clone(),
        release_after: plan.release_after.clone(),
        revision_before: plan.revision_before.clone(),
        revision_after: plan.revision_after.clone(),
        digest: plan.digest.clone(),
        status: outcome.status,
        end: end(run, succeeded).to_owned(),
        exit: outcome.exit,
        durations: outcome.durations,
        way_back: noted("restore_point", "way_back", "way").filter(|_| back),
        backup: backup.and_then(|output| output["id"].as_str()).map(str::to_owned),
        failure: outcome.failure.as_ref().map(ToString::to_string),
        journal: sum.to_owned(),
        later: false,
    })
}

/// How it came to its end; `succeeded`: it had ended well before.
fn end(run: &RunView, succeeded: bool) -> &'static str {
    let Some(outcome) = &run.outcome else { return "open" };
    let by_word = run.why.as_ref().is_some_and(|why| why.code == code::INTERRUPTED);
    match outcome.status {
        RunStatus::Undone | RunStatus::Refused if succeeded => "rolled_back",
        RunStatus::Undone | RunStatus::Refused if by_word && outcome.exit == Exit::Done => "aborted",
        RunStatus::Undone | RunStatus::Refused if by_word => "interrupted",
        other => other.name(),
    }
}
