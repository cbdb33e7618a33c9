//! The report of a run: what somebody reads the next morning, or in a year.

use std::fmt::Write as _;

use jiff::Timestamp;
use switchback_model::plan::{PlannedStep, UndoPolicy};
use switchback_model::run::{StepState, StepView};
use switchback_model::{Failure, RunView};

use crate::facts::{self, given};
use crate::json::plain;
use crate::papers::Papers;
use crate::performance::{self, Verdict};
use crate::text::{clean, moment, took};
use crate::theme::Theme;
use crate::{monitor, plan, verdict};

/// The report in Markdown.
pub fn report(papers: &Papers) -> String {
    let run = &papers.view;
    let mut out = format!("# Run {} of {}\n\n", cell(&run.plan.run.0), cell(&run.plan.environment));
    outcome(&mut out, run);
    failure(&mut out, run);
    next(&mut out, run);
    about(&mut out, run);
    plan::migrations(&mut out, &run.plan);
    plan::list(&mut out, "Gates", plan::gate_lines(&run.plan).iter());
    timeline(&mut out, run);
    checks(&mut out, run);
    changes(&mut out, papers);
    pairs(&mut out, "Backup", &given(run, facts::is_backup));
    pairs(&mut out, "Restore point", &given(run, facts::is_restore_point));
    monitored(&mut out, papers);
    performance(&mut out, papers);
    plan::way_back_table(&mut out, &run.plan);
    plan::list(&mut out, "Notes", run.plan.notes.iter());
    plan::list(&mut out, "Warnings", run.warnings.iter());
    noted(&mut out, run);
    out
}

fn outcome(out: &mut String, run: &RunView) {
    let _ = writeln!(out, "**{}**\n", capital(&facts::sentence(run)));
    bullet(out, "status", facts::status(run));
    if let Some(outcome) = &run.outcome {
        bullet(out, "exit status", &outcome.exit.status().to_string());
        let downtime = outcome.durations.downtime_ms.map_or_else(|| "none".to_owned(), took);
        bullet(out, "downtime", &downtime);
        bullet(out, "total", &took(outcome.durations.total_ms));
    }
    bullet(out, "way back taken", way_back_taken(run));
    if let Some(loss) = verdict::loss(run) {
        bullet(out, "data", &prose(&loss));
    }
    if let (Some(started), Some(ended)) = (run.started_at, run.ended_at) {
        bullet(out, "started", &moment(started));
        bullet(out, "ended", &moment(ended));
    }
}

fn way_back_taken(run: &RunView) -> &'static str {
    let back = run.steps.iter().any(|step| step.undo_started_at.is_some());
    match (back, run.accept_loss) {
        (false, _) => "no",
        (true, false) => "yes",
        (true, true) => "yes, and a person agreed to lose newer writes",
    }
}

fn capital(sentence: &str) -> String {
    let mut chars = sentence.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    first + chars.as_str()
}

/// Why the run turned round, and what stopped it, where that is something else.
fn failure(out: &mut String, run: &RunView) {
    let end = run.outcome.as_ref().and_then(|outcome| outcome.failure.as_ref());
    if let Some(why) = &run.why {
        one_failure(out, "Why it turned round", why);
    }
    if let Some(end) = end.filter(|end| run.why.as_ref() != Some(*end)) {
        one_failure(out, "What stopped it", end);
    }
}

fn one_failure(out: &mut String, title: &str, failure: &Failure) {
    let _ = write!(out, "\n## {title}\n\n{}: {}\n", code(failure.code.id()), prose(&failure.message));
    if !failure.causes.is_empty() {
        let _ = write!(out, "\n{}", fenced("text", &failure.causes.join("\n")));
    }
    let changed = crate::failure::what_changed(failure, "nothing by the step that failed");
    let _ = write!(out, "\nWhat changed: {}\n", prose(&changed));
    for hint in &failure.hints {
        let _ = write!(out, "\nHint: {}\n", prose(hint));
    }
}

/// Where a person is needed: what is known, and what leads out.
fn next(out: &mut String, run: &RunView) {
    if !run.is_open() || run.outcome.is_none() {
        return;
    }
    let known = facts::known(run);
    out.push_str("\n## What is known\n\n");
    for (name, steps) in
        [("in place", known.in_place), ("not certain", known.unclear), ("taken back", known.undone)]
    {
        let titles: Vec<_> = steps.iter().map(|step| cell(&step.title)).collect();
        bullet(out, name, if titles.is_empty() { "nothing".into() } else { titles.join("; ") }.as_str());
    }
    out.push_str("\n## What to type next\n\n");
    let rows = facts::ways_out(run).into_iter().map(|(command, what)| vec![code(&command), cell(what)]);
    table(out, &["command", "does"], rows);
}

fn about(out: &mut String, run: &RunView) {
    out.push_str("\n## What\n\n");
    for (name, value) in facts::about(&run.plan, Theme { color: false, unicode: true }) {
        bullet(out, name, &cell(&value));
    }
    if let Some(operator) = &run.operator {
        bullet(out, "operator", &format!("{} on {}", cell(&operator.user), cell(&operator.host)));
    }
    bullet(out, "planned", &moment(run.plan.made_at));
    bullet(out, "digest", &code(&run.plan.digest));
    bullet(out, "fingerprint", &code(&run.plan.fingerprint()));
}

/// The way there, and the way back under it, last step first.
fn timeline(out: &mut String, run: &RunView) {
    out.push_str("\n## Timeline\n\n");
    let there = run.planned().filter(|(_, step)| step.started_at.is_some());
    let there = there.map(|(planned, step)| forwards(planned, step));
    let back = run.planned().rev().filter(|(_, step)| step.undo_started_at.is_some());
    let back = back.filter(|(planned, _)| planned.undo != UndoPolicy::NoEffect);
    let rows = there.chain(back.map(|(planned, step)| backwards(planned, step)));
    table(out, &["step", "started", "took", "result", "proof"], rows);
    let left: Vec<_> = run.planned().filter(|(_, step)| step.started_at.is_none()).collect();
    if !left.is_empty() {
        let titles: Vec<_> = left.iter().map(|(planned, _)| cell(&planned.title)).collect();
        let _ = write!(out, "\nNot begun: {}\n", titles.join("; "));
    }
}

fn forwards(planned: &PlannedStep, step: &StepView) -> Vec<String> {
    // A step that began again after it failed has no end yet, or a later one.
    let ended = step.finished_at >= step.started_at;
    let (result, said) = match (&step.failure, &step.output) {
        _ if !ended => ("begun, end not known", String::new()),
        (Some(failure), None) => ("✗ failed", said(failure)),
        _ => ("✓ done", prose(step.proof.as_deref().unwrap_or_default())),
    };
    row(&planned.title, step.started_at, facts::ms(step).filter(|_| ended), result, said)
}

fn backwards(planned: &PlannedStep, step: &StepView) -> Vec<String> {
    let title = format!("↶ {}", planned.title);
    let (result, said) = match (step.state, &step.undo_failure) {
        (StepState::Undone, _) => ("✓ taken back", prose(step.undo_proof.as_deref().unwrap_or_default())),
        (_, Some(failure)) => ("✗ not taken back", said(failure)),
        (_, None) => ("begun, end not known", String::new()),
    };
    row(&title, step.undo_started_at, facts::undo_ms(step), result, said)
}

fn row(title: &str, at: Option<Timestamp>, ms: Option<u64>, result: &str, said: String) -> Vec<String> {
    let (at, ms) = (at.map(moment).unwrap_or_default(), ms.map(took).unwrap_or_default());
    vec![cell(title), at, ms, result.to_owned(), said]
}

fn said(failure: &Failure) -> String {
    format!("{}: {}", failure.code, prose(&failure.message))
}

/// What was checked.
fn checks(out: &mut String, run: &RunView) {
    let checks = facts::checks(run);
    if !checks.is_empty() {
        out.push_str("\n## Checks\n\n");
        let sign = |ok: bool| if ok { "✓" } else { "✗" }.to_owned();
        let rows = checks.iter().map(|one| vec![cell(&one.name), sign(one.ok), prose(&one.detail)]);
        table(out, &["check", "result", "detail"], rows);
    }
}

/// What the charts of the page show, in numbers.
fn monitored(out: &mut String, papers: &Papers) {
    let samples = &papers.samples;
    if samples.is_empty() {
        return;
    }
    let _ = write!(out, "\n## The server meanwhile\n\n{}\n", prose(&monitor::summary(samples)));
    let waited = monitor::waited(samples);
    if !waited.is_empty() {
        out.push('\n');
        let rows = waited.iter().map(|one| {
            let blockers: Vec<_> = one.blockers.iter().map(|one| monitor::blocker(one)).collect();
            let who = format!("session {} of {}", one.waiter.pid, one.waiter.who);
            vec![cell(&who), cell(&one.waiter.wants), took(one.waiter.waited_ms), cell(&blockers.join("; "))]
        });
        table(out, &["who waited", "for", "how long", "in its way"], rows);
    }
    let long: Vec<_> = monitor::long(samples).into_iter().map(monitor::transaction).collect();
    plan::list(out, "Long transactions", long.iter());
}

/// How schema and rows changed, in numbers; the page has them side by side.
fn changes(out: &mut String, papers: &Papers) {
    let differences = papers.differences();
    let changed = papers.tables.values().filter(|rows| rows.after.is_some() && rows.changed()).count();
    let Some(differences) = differences else { return };
    out.push_str("\n## Schema and rows\n\n");
    let added = differences.iter().filter(|one| one.before.is_none()).count();
    let removed = differences.iter().filter(|one| one.after.is_none()).count();
    let altered = differences.len() - added - removed;
    bullet(out, "definitions", &format!("{added} added, {altered} changed, {removed} removed"));
    bullet(out, "tables with other data than before", &changed.to_string());
}

fn performance(out: &mut String, papers: &Papers) {
    let Some(impact) = &papers.impact else { return };
    out.push_str("\n## Performance\n\n");
    match &impact.missing {
        Some(missing) if impact.statements.is_empty() => bullet(out, "not measured", &prose(missing)),
        _ => bullet(out, "statements", &performance::summary(impact)),
    }
    let slower = performance::ranked(impact).into_iter();
    for (statement, verdict) in slower.filter(|(_, verdict)| matches!(verdict, Verdict::Slower(_))) {
        bullet(out, &verdict.text(), &code(&statement.query));
    }
}

fn pairs(out: &mut String, title: &str, facts: &[(String, String)]) {
    if facts.is_empty() {
        return;
    }
    let _ = write!(out, "\n## {title}\n\n");
    for (name, value) in facts {
        bullet(out, &cell(name), &cell(value));
    }
}

/// What steps wrote down while they ran: kept databases, what was found on the way back.
fn noted(out: &mut String, run: &RunView) {
    let notes = run.planned().flat_map(|(planned, step)| step.notes.iter().map(move |note| (planned, note)));
    let rows: Vec<_> = notes
        .map(|(planned, (key, value))| {
            vec![cell(&planned.title), cell(&facts::name(key)), cell(&plain(value))]
        })
        .collect();
    if !rows.is_empty() {
        out.push_str("\n## Written down by steps\n\n");
        table(out, &["step", "what", "value"], rows.into_iter());
    }
}

/// `- **name**: value`
pub(crate) fn bullet(out: &mut String, name: &str, value: &str) {
    let _ = writeln!(out, "- **{name}**: {value}");
}

/// A table; its cells are escaped already.
pub(crate) fn table(out: &mut String, head: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let _ = writeln!(out, "| {} |", head.join(" | "));
    let _ = writeln!(out, "|{}", "---|".repeat(head.len()));
    for row in rows {
        let _ = writeln!(out, "| {} |", row.join(" | "));
    }
}

/// A text that can't end a cell, begin markup, or become HTML.
pub(crate) fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (n, line) in text.lines().enumerate() {
        if n > 0 {
            out.push_str("<br>");
        }
        for c in clean(line).chars() {
            match c {
                '|' | '`' | '\\' | '*' | '[' | ']' => out.extend(['\\', c]),
                '<' => out.push_str("&lt;"),
                '&' => out.push_str("&amp;"),
                c => out.push(c),
            }
        }
    }
    out
}

/// As [`cell`], but what stands between backticks is code, where they come in pairs.
pub(crate) fn prose(text: &str) -> String {
    let parts: Vec<_> = text.split('`').collect();
    if parts.len() % 2 == 0 || text.contains('\n') {
        return cell(text);
    }
    let part = |(n, part): (usize, &&str)| match n % 2 {
        1 if part.is_empty() => "\\`\\`".to_owned(),
        1 => format!("`{}`", clean(part).replace('|', "\\|")),
        _ => cell(part),
    };
    parts.iter().enumerate().map(part).collect()
}

/// A text as code, in a cell or elsewhere.
pub(crate) fn code(text: &str) -> String {
    // A backtick would end the code, and a pipe the cell, whatever stands around it.
    if text.is_empty() || text.contains(['`', '|', '\n']) { cell(text) } else { format!("`{}`", clean(text)) }
}

/// A text as a block of code in some language.
pub(crate) fn fenced(language: &str, text: &str) -> String {
    let text = text.lines().map(clean).collect::<Vec<_>>().join("\n");
    let mut fence = "```".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    format!("{fence}{language}\n{text}\n{fence}\n")
}

#[cfg(test)]
#[path = "markdown/tests.rs"]
mod tests;
