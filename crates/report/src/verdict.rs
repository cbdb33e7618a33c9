//! What a manager wants to know: what happened, for how long users saw nothing, whether data is lost.

use serde_json::Value;
use switchback_model::RunView;
use switchback_model::event::RunStatus;
use switchback_model::run::{StepState, StepView};

use crate::facts;
use crate::json;
use crate::text::{clean, count, took};

/// What became of the data that users wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// Nothing.
    Nothing,
    /// This was dropped with the way back, and a person or the plan had agreed.
    Dropped(Vec<String>),
    /// This stayed in a database that left the target's place and is kept, and a person had agreed.
    LeftBehind {
        /// The database that is kept.
        database: String,
        /// What is in it and not in the target.
        lines: Vec<String>,
    },
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
    let Some(noted) = restore_points.find_map(|(_, step)| step.notes.get("way_back")) else {
        return exchanged_back(run);
    };
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

/// The way back of an exchange for a backup: another exchange.
fn exchanged_back(run: &RunView) -> Option<WayBack> {
    let way = swap(run)?.undo_proof.clone()?;
    let why = match left_behind(run) {
        Some(_) => "what was written since stays in the database that is kept",
        None => "nothing was written since that would be left behind",
    };
    Some(WayBack { way, why: why.to_owned(), dropped: Vec::new() })
}

/// The step that puts a backup in the target's place.
fn swap(run: &RunView) -> Option<&StepView> {
    run.planned().find(|(planned, _)| planned.kind == "swap").map(|(_, step)| step)
}

/// What is in the database that an exchange put aside, and not in the one that is in its place.
fn left_behind(run: &RunView) -> Option<Lost> {
    let swap = swap(run)?;
    let (database, lines) = match swap.state {
        StepState::Done => {
            let looks = run.planned().filter(|(planned, _)| planned.kind == "losses");
            let seen = looks.filter_map(|(_, step)| step.output.as_ref()?.get("lost")).next_back();
            (swap.output.as_ref()?.get("kept"), seen)
        }
        StepState::Undone => {
            let noted = swap.notes.get("left_behind")?;
            (noted.get("database"), noted.get("lines"))
        }
        _ => return None,
    };
    let lines = lines?.as_array()?.iter().map(json::plain).collect::<Vec<_>>();
    let database = json::plain(database?);
    (!lines.is_empty()).then_some(Lost::LeftBehind { database, lines })
}

/// What became of the data.
pub(crate) fn lost(run: &RunView) -> Lost {
    let dropped = way_back(run).map(|way| way.dropped).unwrap_or_default();
    match run.outcome.as_ref().map(|outcome| outcome.status) {
        _ if !dropped.is_empty() => Lost::Dropped(dropped),
        Some(RunStatus::Succeeded | RunStatus::Undone | RunStatus::Left) => {
            left_behind(run).unwrap_or(Lost::Nothing)
        }
        Some(RunStatus::Refused) => Lost::Nothing,
        Some(RunStatus::Stuck) | None => Lost::NotCertain,
    }
}

/// What became of the data where something of it is gone, for those who speak of losses only.
pub(crate) fn loss(run: &RunView) -> Option<String> {
    matches!(lost(run), Lost::Dropped(_) | Lost::LeftBehind { .. }).then(|| data(run))
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
    let deploy = match facts::restores(&run.plan) {
        Some(backup) => format!("The restore of backup {} to {}", clean(backup), run.plan.environment),
        None => format!("The deploy {}to {}", release(run), run.plan.environment),
    };
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

/// What became of the data, in a few words.
pub(crate) fn data(run: &RunView) -> String {
    match lost(run) {
        Lost::Nothing => "no data was lost".to_owned(),
        Lost::Dropped(lines) => {
            format!("{} of later writes was dropped, as agreed", count(lines.len(), "kind"))
        }
        Lost::LeftBehind { database, lines } => {
            format!("left behind in `{}`, as agreed: {}", clean(&database), few(&lines))
        }
        Lost::NotCertain => "what becomes of the data is not decided yet".to_owned(),
    }
}

/// The first few, and how many more there are.
fn few(lines: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = lines.iter().take(SHOWN).map(|line| clean(line)).collect::<Vec<_>>().join("; ");
    match lines.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::Story;

    const ROWS: &str = "public.users: 7 rows here, 0 in the backup";

    /// The story of an exchange for a backup.
    fn exchange(lost: &[&str]) -> RunView {
        let mut run = Story::good().view();
        let mut become_ = |id: &str, kind: &str, params: Value, output: Value| {
            let step = run.plan.steps.iter_mut().find(|step| step.id == id).unwrap();
            (step.kind, step.params) = (kind.to_owned(), params);
            run.steps.iter_mut().find(|step| step.id == id).unwrap().output = Some(output);
        };
        become_("backup", "restore", json!({"backup": "20261121-0200"}), json!({}));
        become_("restore_point", "losses", json!({}), json!({ "lost": lost }));
        become_("validate", "swap", json!({}), json!({"kept": "ada_old_7f3a"}));
        run
    }

    #[test]
    fn an_exchange_is_called_a_restore_and_names_what_was_left_behind() {
        let said = sentence(&exchange(&[ROWS]));
        assert!(said.starts_with("The restore of backup 20261121-0200 to production succeeded"), "{said}");
        assert!(said.contains(&format!("left behind in `ada_old_7f3a`, as agreed: {ROWS}")), "{said}");
        assert!(!said.contains("no data was lost") && !said.contains("deploy"), "{said}");
        assert!(sentence(&exchange(&[])).contains("no data was lost"));
        assert_eq!(few(&["a", "b", "c", "d", "e"].map(str::to_owned)), "a; b; c; and 2 more");
    }

    #[test]
    fn an_exchange_that_was_taken_back_speaks_of_what_was_written_to_the_backup() {
        let mut run = exchange(&[ROWS]);
        run.outcome.as_mut().unwrap().status = RunStatus::Undone;
        let swap = run.steps.iter_mut().find(|step| step.id == "validate").unwrap();
        swap.state = StepState::Undone;
        swap.undo_proof = Some("the former target is in its place again".to_owned());
        assert_eq!(lost(&run), Lost::Nothing);
        let swap = run.steps.iter_mut().find(|step| step.id == "validate").unwrap();
        let left = json!({"database": "ada_failed_7f3a", "lines": ["public.users: 8 rows, were 7"]});
        swap.notes.insert("left_behind".to_owned(), left);
        let said = sentence(&run);
        assert!(said.contains("left behind in `ada_failed_7f3a`, as agreed: public.users: 8 rows"), "{said}");
        assert_eq!(way_back(&run).unwrap().way, "the former target is in its place again");
    }
}
