//! The steps as bars: the way there, and under it the way back.

use jiff::Timestamp;
use switchback_model::RunView;
use switchback_model::plan::{PlannedStep, UndoPolicy};
use switchback_model::run::{StepState, StepView};

use super::axis::{Axis, WIDTH};
use super::markup::{Html, mark, table};
use crate::papers::Papers;
use crate::text::{between, moment, took};

/// A bar that is narrower could not be seen.
const NARROWEST: f64 = 4.0;
const HEIGHT: f64 = 14.0;

/// What is drawn of one step in one direction.
struct Bar<'a> {
    title: &'a str,
    said: Html,
    from: Timestamp,
    to: Option<Timestamp>,
    kind: &'static str,
    mark: Html,
}

pub(super) fn section(papers: &Papers) -> Html {
    let run = &papers.view;
    let (there, back) = (there(run), back(run));
    let spans = there.iter().chain(&back).map(|bar| (bar.from, bar.to.unwrap_or(bar.from)));
    let axis = Axis::of(spans);
    let rows = |bars: &[Bar<'_>]| bars.iter().map(|bar| row(bar, axis.as_ref(), papers)).collect::<Vec<_>>();
    let head = ["step", "when", "took", "result"];
    let mut out = table("The way there", "timeline", &head, rows(&there).into_iter());
    if !back.is_empty() {
        out = out.add(&table("The way back, last step first", "timeline", &head, rows(&back).into_iter()));
    }
    out.add(&legend(axis.as_ref(), papers)).add(&not_begun(run))
}

fn there(run: &RunView) -> Vec<Bar<'_>> {
    run.planned().filter_map(|(planned, step)| forwards(planned, step)).collect()
}

fn forwards<'a>(planned: &'a PlannedStep, step: &StepView) -> Option<Bar<'a>> {
    let from = step.started_at?;
    // A step that began again after it failed has no end yet, or a later one.
    let to = step.finished_at.filter(|to| *to >= from);
    let (kind, mark, said) = match (&step.failure, &step.output) {
        _ if to.is_none() => ("open", mark("warn", "…", "begun, end not known"), Html::new()),
        (Some(failure), None) => ("failed", mark("bad", "✗", "failed"), super::failed(failure)),
        _ => {
            ("done", mark("good", "✓", "done"), Html::new().prose(step.proof.as_deref().unwrap_or_default()))
        }
    };
    Some(Bar { title: &planned.title, said, from, to, kind, mark })
}

fn back(run: &RunView) -> Vec<Bar<'_>> {
    let worth = |(planned, _): &(&PlannedStep, &StepView)| planned.undo != UndoPolicy::NoEffect;
    run.planned().rev().filter(worth).filter_map(|(planned, step)| backwards(planned, step)).collect()
}

fn backwards<'a>(planned: &'a PlannedStep, step: &StepView) -> Option<Bar<'a>> {
    let from = step.undo_started_at?;
    let to = step.undone_at.filter(|to| *to >= from);
    let (kind, mark, said) = match (step.state, &step.undo_failure) {
        (StepState::Undone, _) => {
            let proof = step.undo_proof.as_deref().unwrap_or_default();
            ("undone", mark("good", "↶", "taken back"), Html::new().prose(proof))
        }
        (_, Some(failure)) => ("failed", mark("bad", "✗", "not taken back"), super::failed(failure)),
        (_, None) => ("open", mark("warn", "…", "begun, end not known"), Html::new()),
    };
    Some(Bar { title: &planned.title, said, from, to, kind, mark })
}

fn row(bar: &Bar<'_>, axis: Option<&Axis>, papers: &Papers) -> Vec<Html> {
    let ms = bar.to.map(|to| u64::try_from(between(bar.from, to).as_millis()).unwrap_or_default());
    let when = Html::new().raw("<time").attribute("datetime", &bar.from.to_string()).raw(">");
    let when = when.text(&clock(bar.from)).raw("</time>");
    let drawing = axis.map(|axis| drawing(bar, axis, papers)).unwrap_or_default();
    vec![
        Html::new().text(bar.title),
        when.add(&drawing),
        Html::of(&ms.map(took).unwrap_or_default()),
        bar.mark.clone().raw(" <span class=\"said\">").add(&bar.said).raw("</span>"),
    ]
}

fn drawing(bar: &Bar<'_>, axis: &Axis, papers: &Papers) -> Html {
    let mut out = open(HEIGHT).raw(" aria-hidden=\"true\">").add(&downtime(papers, axis, HEIGHT));
    let from = axis.x(bar.from);
    let width = (axis.x(bar.to.unwrap_or(bar.from)) - from).max(NARROWEST);
    // The last bar must not stick out.
    let from = from.min(WIDTH - width);
    out = out.raw("<rect class=\"").raw(bar.kind).raw("\"").at("x", from).at("y", 2.0);
    out.at("width", width).at("height", HEIGHT - 4.0).raw("/></svg>")
}

/// A drawing that is as wide as its place.
pub(super) fn open(height: f64) -> Html {
    Html::new().raw("<svg preserveAspectRatio=\"none\" viewBox=\"0 0 1000 ").number(height).raw("\"")
}

/// The times for which users saw no application, as a shade each.
pub(super) fn downtime(papers: &Papers, axis: &Axis, height: f64) -> Html {
    papers.downtimes.iter().fold(Html::new(), |html, (from, to)| {
        let (from, to) = (axis.x(*from), axis.x(*to));
        let shade = html.raw("<rect class=\"down\"").at("x", from).at("y", 0.0);
        shade.at("width", to - from).at("height", height).raw("/>")
    })
}

fn legend(axis: Option<&Axis>, papers: &Papers) -> Html {
    let Some((axis, (from, to))) = axis.and_then(|axis| Some((axis, axis.ends()?))) else {
        return Html::new();
    };
    let mut out =
        Html::new().raw("<p class=\"legend\">From ").text(&moment(from)).raw(" to ").text(&moment(to));
    out = out.raw(" (UTC).");
    if !papers.downtimes.is_empty() {
        out = out.raw(" <span class=\"swatch\"></span> shaded: users saw no application.");
    }
    if axis.is_broken() {
        out = out.raw(" Long times without a step are drawn short.");
    }
    out.raw("</p>")
}

fn not_begun(run: &RunView) -> Html {
    let left: Vec<_> = run.planned().filter(|(_, step)| step.started_at.is_none()).collect();
    if left.is_empty() {
        return Html::new();
    }
    let titles: Vec<_> = left.iter().map(|(planned, _)| planned.title.as_str()).collect();
    Html::new().raw("<p>Not begun: ").text(&titles.join("; ")).raw(".</p>")
}

/// The time of day.
pub(super) fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}
