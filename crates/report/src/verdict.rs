//! What a manager wants to know: what happened, for how long users saw nothing, whether data is lost.

use serde_json::Value;
use switchback_model::RunView;
use switchback_model::event::RunStatus;
use switchback_model::run::StepView;

use crate::facts;
use crate::text::{count, took};

/// What became of the data that users wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// Nothing.
    Nothing,
    /// This was dropped with the way back, and a person or the plan had agreed.
    Dropped(Vec<String>),
    /// The run is not at its end.
    NotCertain,
}

/// Which way the data went back, and why, as it was decided.
pub(crate) struct WayBack {
    pub(crate) way: String,
    pub(crate) why: String,
    pub(crate) dropped: Vec<String>,
}

/// The decision, where one was made; the run notes it on the restore point.
pub(crate) fn way_back(run: &RunView) -> Option<WayBack> {
    let mut restore_points = run.planned().filter(|(planned, _)| facts::is_restore_point(&planned.kind));
    let noted = restore_points.find_map(|(_, step)| step.notes.get("way_back"))?;
    let text = |key: &str| noted.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let dropped = noted.get("dropped").and_then(Value::as_array).cloned().unwrap_or_default();
    let dropped = dropped.iter().filter_map(|line| line.as_str().map(str::to_owned)).collect();
    let way = match text("way").as_str() {
        "nothing" => "the data had not to go back".to_owned(),
        "swap" => "the restore point took the place of the target; the failed database is kept".to_owned(),
        "down" => "the migrations were taken back by their downgrades".to_owned(),
        other => other.to_owned(),
    };
    Some(WayBack { way, why: text("why"), dropped })
}

/// What became of the data.
pub(crate) fn lost(run: &RunView) -> Lost {
    let dropped = way_back(run).map(|way| way.dropped).unwrap_or_default();
    match run.outcome.as_ref().map(|outcome| outcome.status) {
        _ if !dropped.is_empty() => Lost::Dropped(dropped),
        Some(RunStatus::Succeeded | RunStatus::Undone | RunStatus::Refused | RunStatus::Left) => {
            Lost::Nothing
        }
        Some(RunStatus::Stuck) | None => Lost::NotCertain,
    }
}

/// Whether anything was taken back.
pub(crate) fn went_back(run: &RunView) -> bool {
    run.steps.iter().any(|step| step.undo_started_at.is_some())
}

/// All of it in one sentence.
pub(crate) fn sentence(run: &RunView) -> String {
    format!("{}; {}; {}.", what(run), downtime(run), data(run))
}

fn what(run: &RunView) -> String {
    let deploy = format!("The deploy {}to {}", release(run), run.plan.environment);
    let back = went_back(run);
    match run.outcome.as_ref().map(|outcome| outcome.status) {
        None => format!("{deploy} is open"),
        Some(RunStatus::Succeeded) => format!("{deploy} succeeded"),
        Some(RunStatus::Undone) if facts::asked_back(run) => format!("{deploy} was taken back as asked"),
        Some(RunStatus::Undone) => match failed(run) {
            Some(title) => format!("{deploy} failed at “{title}” and was taken back"),
            None => format!("{deploy} was taken back"),
        },
        Some(RunStatus::Refused) => format!("{deploy} was refused before anything was changed"),
        Some(RunStatus::Left) => format!("{deploy} was stuck and was left by hand as it was"),
        Some(RunStatus::Stuck) if back => format!("{deploy} is stuck on its way back and needs a person"),
        Some(RunStatus::Stuck) => format!("{deploy} is stuck and needs a person"),
    }
}

fn release(run: &RunView) -> String {
    match &run.plan.release_after {
        Some(release) => format!("of {} ", facts::release_name(release)),
        None => String::new(),
    }
}

/// The step that failed.
fn failed(run: &RunView) -> Option<&str> {
    let failed = |step: &StepView| step.failure.is_some() && step.output.is_none();
    run.planned().find(|(_, step)| failed(step)).map(|(planned, _)| planned.title.as_str())
}

fn downtime(run: &RunView) -> String {
    match run.outcome.as_ref().and_then(|outcome| outcome.durations.downtime_ms) {
        Some(ms) => format!("users saw no application for {}", took(ms)),
        None if run.outcome.is_none() => {
            "for how long users see no application is not certain yet".to_owned()
        }
        None => "users saw the application all the time".to_owned(),
    }
}

fn data(run: &RunView) -> String {
    match lost(run) {
        Lost::Nothing => "no data was lost".to_owned(),
        Lost::Dropped(lines) => {
            format!("{} of later writes was dropped, as agreed", count(lines.len(), "kind"))
        }
        Lost::NotCertain => "what becomes of the data is not decided yet".to_owned(),
    }
}
