//! What follows from a run, and is wanted by more than one text.

use serde_json::Value;
use switchback_model::event::{Direction, RunStatus};
use switchback_model::plan::{Plan, PlannedStep, Release, UndoPolicy};
use switchback_model::run::{StepState, StepView};
use switchback_model::{Effect, Event, Exit, RunView};

use crate::json;
use crate::text;
use crate::theme::Theme;

/// How the run ended, or `open`.
pub(crate) fn status(run: &RunView) -> &'static str {
    run.outcome.as_ref().map_or("open", |outcome| outcome.status.name())
}

/// How long a step took forwards, where it came to an end.
pub(crate) fn ms(step: &StepView) -> Option<u64> {
    span(step.started_at?, step.finished_at?)
}

/// How long it took to take a step back.
pub(crate) fn undo_ms(step: &StepView) -> Option<u64> {
    span(step.undo_started_at?, step.undone_at?)
}

fn span(from: jiff::Timestamp, to: jiff::Timestamp) -> Option<u64> {
    u64::try_from(text::between(from, to).as_millis()).ok()
}

/// How it ended, in a sentence.
pub(crate) fn sentence(run: &RunView) -> String {
    let Some(outcome) = &run.outcome else {
        return "the run is open".to_owned();
    };
    let back = run.direction == Direction::Back;
    match outcome.status {
        RunStatus::Undone if outcome.exit == Exit::Interrupted => {
            "interrupted and taken back: target, code and service are as before".to_owned()
        }
        RunStatus::Refused if outcome.exit == Exit::Interrupted => {
            "interrupted before the first change".to_owned()
        }
        RunStatus::Succeeded => format!("done: {} is at {}", run.plan.target, list(&run.plan.revision_after)),
        RunStatus::Undone if asked_back(run) => {
            "taken back as asked: target, code and service are as before".to_owned()
        }
        RunStatus::Undone => "failed and taken back: target, code and service are as before".to_owned(),
        RunStatus::Refused => "refused: target, code and service were not changed".to_owned(),
        RunStatus::Left => "left by hand: the target stays as it is, and is open".to_owned(),
        RunStatus::Stuck if back => "stuck on the way back: a person is needed".to_owned(),
        RunStatus::Stuck => "stuck: a person is needed".to_owned(),
    }
}

/// Whether it turned round because a person asked, and not because a step failed.
pub(crate) fn asked_back(run: &RunView) -> bool {
    run.why.is_some() && run.steps.iter().all(|step| step.failure.is_none())
}

/// What is known of the steps, for somebody who must decide what to do next.
#[derive(Default)]
pub(crate) struct Known<'a> {
    /// Their effect is in place.
    pub in_place: Vec<&'a PlannedStep>,
    /// Their effect may or may not be there.
    pub unclear: Vec<&'a PlannedStep>,
    /// They were taken back.
    pub undone: Vec<&'a PlannedStep>,
}

/// The step that ends what a step of this kind holds: the start lifts the fence, the close opens the
/// page.
fn ended_by(kind: &str) -> Option<&'static str> {
    match kind {
        "fence" | "stop" => Some("start"),
        "maintenance" => Some("close"),
        _ => None,
    }
}

/// Sorts the steps that change target, code or service by where they are.
pub(crate) fn known(run: &RunView) -> Known<'_> {
    let mut known = Known::default();
    let state =
        |kind: &str| run.planned().find(|(planned, _)| planned.kind == kind).map(|(_, step)| step.state);
    for (planned, step) in run.planned().filter(|(planned, _)| planned.undo == UndoPolicy::Reversible) {
        match step.state {
            StepState::Pending => {}
            StepState::Done => match ended_by(&planned.kind).and_then(state) {
                None | Some(StepState::Pending | StepState::Undone) => known.in_place.push(planned),
                // Ended in good order: a later step has given it back.
                Some(StepState::Done) => {}
                Some(_) => known.unclear.push(planned),
            },
            StepState::Undone => known.undone.push(planned),
            StepState::Failed if step.failure.as_ref().is_some_and(|why| why.effect == Effect::None) => {}
            StepState::Started | StepState::Failed | StepState::Undoing => known.unclear.push(planned),
        }
    }
    known
}

/// What a finished step of this kind gave, as names and plain values.
pub(crate) fn given(run: &RunView, kind: fn(&str) -> bool) -> Vec<(String, String)> {
    let steps = run.planned().filter(|(planned, _)| kind(&planned.kind));
    let outputs = steps.filter_map(|(_, step)| step.output.as_ref()?.as_object());
    let pairs = outputs.flat_map(|output| output.iter());
    pairs.filter(|(_, value)| is_plain(value)).map(|(key, value)| fact(key, value)).collect()
}

/// A key says by its end what a number counts.
fn fact(key: &str, value: &Value) -> (String, String) {
    let with = |unit: &str, called: &str, shown: fn(u64) -> String| {
        let before = key.strip_suffix(unit).filter(|before| before.is_empty() || before.ends_with('_'))?;
        Some((name(&format!("{before}{called}")), shown(value.as_u64()?)))
    };
    with("bytes", "size", text::bytes)
        .or_else(|| with("ms", "time", text::took))
        .unwrap_or_else(|| (name(key), json::plain(value)))
}

/// Whether a value can stand in a line.
pub(crate) fn is_plain(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Object(_) | Value::Array(_))
}

/// A key as words.
pub(crate) fn name(key: &str) -> String {
    key.replace('_', " ")
}

/// What a check of the data found.
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) ok: bool,
    pub(crate) warning: bool,
    pub(crate) detail: String,
}

/// What the steps of kind `validate` checked. One that failed has no output; what it noted before it
/// failed says what it saw.
pub(crate) fn checks(run: &RunView) -> Vec<Check> {
    let steps = run.planned().filter(|(planned, _)| planned.kind == "validate");
    let lists = steps.filter_map(|(_, step)| {
        let given = step.output.as_ref().and_then(|output| output.get("checks"));
        given.or_else(|| step.notes.get("checks"))?.as_array()
    });
    lists.flatten().map(check).collect()
}

fn check(check: &Value) -> Check {
    let field = |name: &str| check.get(name).filter(|value| !value.is_null());
    let text = |name: &str| field(name).map(json::plain).unwrap_or_default();
    // What is not said to be fine is not.
    let is = |name: &str| field(name).and_then(Value::as_bool).unwrap_or(false);
    Check { name: text("name"), ok: is("ok"), warning: is("warning"), detail: text("detail") }
}

/// What kind of event it is, as scripts know it.
pub(crate) fn kind(event: &Event) -> String {
    let value = serde_json::to_value(&event.what).unwrap_or_default();
    value.get("kind").map(json::plain).unwrap_or_default()
}

/// The kind of step that takes the backup.
pub(crate) fn is_backup(kind: &str) -> bool {
    kind == "backup"
}

/// The kind of step that makes the restore point.
pub(crate) fn is_restore_point(kind: &str) -> bool {
    matches!(kind, "restore_point" | "restore-point")
}

/// Revisions as a person reads them.
pub(crate) fn list(revisions: &[String]) -> String {
    if revisions.is_empty() { "none".to_owned() } else { text::clean(&revisions.join(", ")) }
}

/// A release as a person reads it.
pub(crate) fn release(release: Option<&Release>) -> String {
    match release {
        None => "unknown".to_owned(),
        Some(release) if release.commit.starts_with(&release.name) => text::short(&release.commit).to_owned(),
        Some(release) => format!("{} ({})", release.name, text::short(&release.commit)),
    }
}

/// A release as a person calls it.
pub(crate) fn release_name(release: &Release) -> &str {
    if release.commit.starts_with(&release.name) { text::short(&release.commit) } else { &release.name }
}

/// From one state to another, or that it stays.
pub(crate) fn change(before: &str, after: &str, theme: Theme) -> String {
    if before == after { format!("{before} (stays)") } else { format!("{before} {} {after}", theme.arrow()) }
}

/// What a plan is about: a name and a value each.
pub(crate) fn about(plan: &Plan, theme: Theme) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        ("environment", text::clean(&plan.environment)),
        ("database", text::clean(&plan.target)),
        ("server", text::clean(&format!("{}, PostgreSQL {}", plan.server, plan.server_version))),
    ];
    if plan.release_before.is_some() || plan.release_after.is_some() {
        let (before, after) = (release(plan.release_before.as_ref()), release(plan.release_after.as_ref()));
        lines.push(("release", change(&before, &after, theme)));
    }
    let (before, after) = (list(&plan.revision_before), list(&plan.revision_after));
    lines.push(("revision", change(&before, &after, theme)));
    lines.push(match restores(plan) {
        Some(backup) => ("backup", text::clean(backup)),
        None => ("migrations", format!("{} pending ({})", plan.pending.len(), plan.tool)),
    });
    lines
}

/// The backup that takes the target's place, where that is what the plan is for.
pub(crate) fn restores(plan: &Plan) -> Option<&str> {
    plan.steps.iter().find(|step| step.kind == "restore")?.params.get("backup")?.as_str()
}

/// The commands that lead out of an open run, and what each does.
pub(crate) fn ways_out(run: &RunView) -> Vec<(String, &'static str)> {
    let id = format!("{} -e {}", run.plan.run, run.plan.environment);
    let mut ways = vec![(format!("switchback runs show {id}"), "everything that is known of the run")];
    if run.direction == Direction::Back {
        ways.push((format!("switchback resume {id}"), "go on taking it back, from where it stands"));
    } else {
        ways.push((format!("switchback resume {id}"), "look again, and go on where that is safe"));
        ways.push((format!("switchback abort {id}"), "take everything back"));
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Story;

    #[test]
    fn what_a_later_step_gave_back_is_not_in_place() {
        let titles = |steps: &[&PlannedStep]| steps.iter().map(|step| step.kind.clone()).collect::<Vec<_>>();
        let mut run = Story::good().view();
        let found = known(&run);
        assert!(!titles(&found.in_place).contains(&"stop".to_owned()), "{:?}", titles(&found.in_place));
        assert!(titles(&found.in_place).contains(&"start".to_owned()));
        let start = run.steps.iter_mut().find(|step| step.id == "start").unwrap();
        start.state = StepState::Undoing;
        assert!(titles(&known(&run).unclear).contains(&"stop".to_owned()));
        let start = run.steps.iter_mut().find(|step| step.id == "start").unwrap();
        start.state = StepState::Undone;
        assert!(titles(&known(&run).in_place).contains(&"stop".to_owned()));
    }
}
