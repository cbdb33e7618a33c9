//! The first lines: what will be done, and how it can be taken back.

use std::fmt::Write as _;

use switchback_model::event::Direction;
use switchback_model::run::StepState;
use switchback_model::{Event, RunView, What};

use crate::plan;
use crate::text::{count, indent};
use crate::theme::Theme;

/// The first lines, for the first event that this process sees.
pub(super) fn text(event: &Event, run: &RunView, theme: Theme, columns: usize) -> String {
    match &event.what {
        What::Planned { .. } => planned(run, theme, columns),
        _ => again(event, run, theme),
    }
}

fn planned(run: &RunView, theme: Theme, columns: usize) -> String {
    let mut out = title(run, "", theme);
    out.push_str(&indent(&plan::head(&run.plan, theme), "  "));
    let ways = plan::ways_back(&run.plan, theme, columns);
    if !ways.is_empty() {
        let _ = write!(out, "\n  {}\n{}", theme.dim("way back"), indent(&ways, "    "));
    }
    let notes = plan::notes(&run.plan, theme, columns);
    if !notes.is_empty() {
        let _ = write!(out, "\n{}", indent(&notes, "  "));
    }
    out + "\n"
}

/// A run that an earlier process began.
fn again(event: &Event, run: &RunView, theme: Theme) -> String {
    let back = matches!(&event.what, What::Started { direction: Direction::Back, .. });
    let mut out = title(run, if back { " is taken back" } else { " goes on" }, theme);
    out.push_str(&indent(&plan::head(&run.plan, theme), "  "));
    let done = run.steps.iter().filter(|step| step.state == StepState::Done).count();
    let _ = write!(out, "\n  {done} of {} done before\n\n", count(run.steps.len(), "step"));
    out
}

fn title(run: &RunView, what: &str, theme: Theme) -> String {
    format!("{}{what}\n\n", theme.bold(&format!("Run {}", run.plan.run)))
}
