//! The last lines: what happened, how long it took, and what to type next.

use std::fmt::Write as _;

use switchback_model::RunView;
use switchback_model::event::RunStatus;
use switchback_model::plan::PlannedStep;
use switchback_model::run::{Outcome, StepState, StepView};

use crate::facts;
use crate::failure;
use crate::tables::pairs;
use crate::text::{clean, count, indent, pad, took, width};
use crate::theme::{Mark, Theme};
use crate::verdict;

/// Whether somebody who wants to hear of trouble only need not hear of it.
pub(super) fn is_good_news(run: &RunView) -> bool {
    run.outcome.as_ref().is_some_and(|outcome| outcome.status == RunStatus::Succeeded)
}

/// The last lines of a run that ended, or that needs a person.
pub(super) fn text(run: &RunView, theme: Theme, warnings: usize) -> String {
    let Some(outcome) = &run.outcome else {
        return left_open(run, theme);
    };
    let mark = match outcome.status {
        RunStatus::Succeeded => Mark::Ok,
        RunStatus::Undone => Mark::Undone,
        RunStatus::Refused | RunStatus::Left => Mark::Warn,
        RunStatus::Stuck => Mark::Fail,
    };
    let title = theme.bold(&facts::sentence(run));
    let mut out = format!("\n{} {title}\n", theme.mark(mark));
    if outcome.status == RunStatus::Stuck {
        stuck(&mut out, run, outcome, theme, warnings);
    } else {
        let mut lines = why(outcome);
        lines.extend(durations(run, outcome, warnings));
        lines.extend(next(run, outcome, theme));
        out.push_str(&indent(&pairs(&lines, theme), "  "));
    }
    out
}

fn why(outcome: &Outcome) -> Vec<(&'static str, String)> {
    let why = outcome.failure.as_ref();
    why.map(|why| ("why", format!("{}: {}", why.code, clean(&why.message)))).into_iter().collect()
}

fn durations(run: &RunView, outcome: &Outcome, warnings: usize) -> Vec<(&'static str, String)> {
    let downtime = outcome.durations.downtime_ms.map_or_else(|| "none".to_owned(), took);
    let mut lines = vec![("downtime", downtime), ("total", took(outcome.durations.total_ms))];
    lines.extend(verdict::loss(run).map(|loss| ("data", loss)));
    if warnings > 0 {
        lines.push(("warnings", format!("{warnings}, above")));
    }
    lines.extend(outcome.report.clone().map(|report| ("report", report)));
    lines
}

fn next(run: &RunView, outcome: &Outcome, theme: Theme) -> Option<(&'static str, String)> {
    match (outcome.status, outcome.failure.as_ref()) {
        (RunStatus::Succeeded, _) => {
            Some(("way back", theme.command(&format!("switchback rollback {}", run.plan.run))))
        }
        (RunStatus::Left, _) => {
            let start = format!("switchback service start -e {}", run.plan.environment);
            Some(("next", theme.command(&format!("{start}\nthen open the page"))))
        }
        (_, Some(why)) => {
            let hints: Vec<_> = why.hints.iter().map(|hint| clean(hint)).collect();
            let hints =
                if hints.is_empty() { vec![format!("switchback explain {}", why.code)] } else { hints };
            Some(("next", hints.iter().map(|hint| theme.command(hint)).collect::<Vec<_>>().join("\n")))
        }
        (_, None) => None,
    }
}

/// The commands come last: they are what is still on the screen.
fn stuck(out: &mut String, run: &RunView, outcome: &Outcome, theme: Theme, warnings: usize) {
    out.push_str(&indent(&pairs(&durations(run, outcome, warnings), theme), "  "));
    // What stands above already, under its step, is not said twice at length.
    let told = |step: &StepView| [&step.failure, &step.undo_failure].contains(&&outcome.failure);
    let shown = run.steps.iter().any(told);
    if let Some(why) = outcome.failure.as_ref().filter(|_| !shown) {
        let _ = write!(out, "\n{}", indent(&failure::of_step(why, theme), "  "));
    }
    out.push_str(&what_is_known(run, theme));
    out.push_str(&ways_out(run, theme));
}

fn what_is_known(run: &RunView, theme: Theme) -> String {
    let known = facts::known(run);
    let why = run.outcome.as_ref().and_then(|outcome| outcome.failure.as_ref());
    let mut lines = vec![
        ("why", why.map(|why| format!("{}: {}", why.code, clean(&why.message))).unwrap_or_default()),
        ("what changed", why.map(|why| clean(&failure::what_changed(why, ""))).unwrap_or_default()),
        ("in place", titles(&known.in_place)),
        ("not certain", titles(&known.unclear)),
        ("taken back", titles(&known.undone)),
    ];
    let inside = |kind| {
        let facts = facts::given(run, kind);
        let facts: Vec<_> = facts.iter().map(|(name, value)| format!("{name} {value}")).collect();
        facts.join("\n")
    };
    lines.push(("backup", inside(facts::is_backup)));
    // A restore point that was taken back is no more: it became the target, or was dropped.
    let gone = |(planned, step): (&PlannedStep, &StepView)| {
        facts::is_restore_point(&planned.kind) && step.state == StepState::Undone
    };
    if !run.planned().any(gone) {
        lines.push(("restore point", inside(facts::is_restore_point)));
    }
    lines.retain(|(_, value)| !value.is_empty());
    format!("\n  {}\n{}", theme.bold("What is known"), indent(&pairs(&lines, theme), "    "))
}

fn titles(steps: &[&PlannedStep]) -> String {
    if steps.is_empty() {
        return "nothing".to_owned();
    }
    steps.iter().map(|step| step.title.as_str()).collect::<Vec<_>>().join("\n")
}

fn ways_out(run: &RunView, theme: Theme) -> String {
    let ways = facts::ways_out(run);
    let column = ways.iter().map(|(command, _)| width(command)).max().unwrap_or(0);
    let mut out = format!("\n  {}\n", theme.bold("What to type next"));
    let why = run.outcome.as_ref().and_then(|outcome| outcome.failure.as_ref());
    for line in why.iter().flat_map(|why| &why.hints).flat_map(|hint| hint.lines()) {
        let _ = writeln!(out, "    {}", theme.command(&clean(line)));
    }
    for (command, does) in ways {
        let _ = writeln!(out, "    {}  {}", theme.command(&pad(&command, column)), theme.dim(does));
    }
    out
}

/// The process leaves a run that has not ended: its journal could not be written, say.
pub(super) fn left_open(run: &RunView, theme: Theme) -> String {
    let done = run.steps.iter().filter(|step| step.finished_at.is_some()).count();
    let title = theme.bold("the run is still open: this process leaves it where it stands");
    let mut out = format!("\n{} {title}\n", theme.mark(Mark::Fail));
    let _ = writeln!(out, "  {done} of {} came to an end", count(run.steps.len(), "step"));
    out.push_str(&what_is_known(run, theme));
    out.push_str(&ways_out(run, theme));
    out
}
