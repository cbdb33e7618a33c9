//! The report as one page that holds everything: no script, nothing loaded from elsewhere.
//!
//! A manager reads its first screen, an auditor all of it. Every piece of it is read without colour
//! and without sight: headings, captions, marks with words, drawings with their numbers beside them.

mod axis;
mod charts;
mod markup;
mod seen;
mod timeline;

use serde_json::Value;
use switchback_model::event::RunStatus;
use switchback_model::{Event, Failure, RunView, What};

use crate::facts::{self, given};
use crate::json::plain;
use crate::papers::{Difference, Papers, TableRows};
use crate::performance;
use crate::text::{count, moment, took};
use crate::theme::Theme;
use crate::verdict::{self, Lost};
use markup::{Html, list, mark, pairs, table};

const HEAD: &str = concat!(
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">",
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; ",
    "base-uri 'none'; form-action 'none'\">",
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
    "<meta name=\"referrer\" content=\"no-referrer\"><meta name=\"color-scheme\" content=\"light dark\"><style>",
    include_str!("style.css"),
    "</style><title>"
);
/// More differences than this are read elsewhere.
const MOST: usize = 400;

/// A part of the page.
struct Section {
    id: &'static str,
    title: &'static str,
    body: Html,
}

/// The page.
pub fn report(papers: &Papers) -> String {
    let run = &papers.view;
    let title = format!("Run {} of {}", run.plan.run, run.plan.environment);
    let sections = sections(papers);
    let mut out = Html::new().raw(HEAD).text(&title).raw("</title></head><body>");
    out = out.raw("<a class=\"skip\" href=\"#main\">to the report</a>").add(&header(papers, &title));
    out = out.raw("<nav aria-label=\"parts\"><ul>");
    for section in &sections {
        out = out.raw("<li><a href=\"#").raw(section.id).raw("\">").raw(section.title).raw("</a></li>");
    }
    out = out.raw("</ul></nav><main id=\"main\">");
    for section in &sections {
        out = out.raw("<section id=\"").raw(section.id).raw("\" aria-labelledby=\"h-").raw(section.id);
        out = out.raw("\"><h2 id=\"h-").raw(section.id).raw("\">").raw(section.title).raw("</h2>");
        out = out.add(&section.body).raw("</section>");
    }
    let made = format!("Run {}, digest {}", run.plan.run, run.plan.digest);
    out.raw("</main><footer>").text(&made).raw(". Written by Switchback.</footer></body></html>\n").finish()
}

/// Every part that has something to say, in the order in which people ask.
fn sections(papers: &Papers) -> Vec<Section> {
    let run = &papers.view;
    let what = if facts::restores(&run.plan).is_some() { "What was restored" } else { "What was deployed" };
    let all = [
        ("failure", "What went wrong", failures(run)),
        ("next", "What to type next", next(run)),
        ("what", what, about(run)),
        ("timeline", "Timeline", timeline::section(papers)),
        ("way-back", "Way back", way_back(run)),
        ("checks", "Checks", checks(run)),
        ("rows", "Rows", rows(papers)),
        ("schema", "Schema", schema(papers)),
        ("backup", "Backup and restore point", copies(run)),
        ("monitor", "The server meanwhile", seen::section(papers)),
        ("performance", "Performance", performance(papers)),
        ("warnings", "Warnings and notes", warnings(papers)),
        ("noted", "Written down by steps", noted(run)),
        ("settings", "Settings", settings(&run.plan.settings)),
        ("events", "Events", events(papers)),
    ];
    let section = |(id, title, body)| Section { id, title, body };
    all.into_iter().map(section).filter(|section: &Section| !section.body.is_empty()).collect()
}

fn header(papers: &Papers, title: &str) -> Html {
    let run = &papers.view;
    let (class, word) = match run.outcome.as_ref().map(|outcome| outcome.status) {
        Some(RunStatus::Succeeded) => ("good", mark("good", "✓", "succeeded")),
        Some(RunStatus::Undone) => ("warn", mark("warn", "↶", "taken back")),
        Some(RunStatus::Refused) => ("warn", mark("warn", "!", "refused")),
        Some(RunStatus::Left) => ("warn", mark("warn", "!", "left by hand")),
        Some(RunStatus::Stuck) => ("bad", mark("bad", "✗", "stuck")),
        None => ("warn", mark("warn", "…", "open")),
    };
    let mut out = Html::new().raw("<header class=\"").raw(class).raw("\"><p class=\"status\">").add(&word);
    out = out.raw("</p><h1>").text(title).raw("</h1><p class=\"verdict\">").text(&verdict::sentence(run));
    out.raw("</p>").add(&figures(run)).raw("</header>")
}

/// The four numbers that everybody asks for.
fn figures(run: &RunView) -> Html {
    let durations = run.outcome.as_ref().map(|outcome| outcome.durations);
    let downtime = match durations {
        None => "not certain yet".to_owned(),
        Some(durations) => durations.downtime_ms.map_or_else(|| "none".to_owned(), took),
    };
    let lost = match verdict::lost(run) {
        Lost::Nothing => "none",
        Lost::Dropped(_) => "some, as agreed",
        Lost::LeftBehind { .. } => "left behind, as agreed",
        Lost::NotCertain => "not decided yet",
    };
    let back = if verdict::went_back(run) { "taken" } else { "not taken" };
    let total = durations.map_or_else(|| "not certain yet".to_owned(), |durations| took(durations.total_ms));
    let figures =
        [("Downtime", downtime), ("In all", total), ("Data lost", lost.into()), ("Way back", back.into())];
    let mut out = Html::new().raw("<dl class=\"figures\">");
    for (name, value) in figures {
        out = out.raw("<div><dt>").raw(name).raw("</dt><dd>").text(&value).raw("</dd></div>");
    }
    out.raw("</dl>")
}

fn failures(run: &RunView) -> Html {
    let end = run.outcome.as_ref().and_then(|outcome| outcome.failure.as_ref());
    let mut out = Html::new();
    if let Some(why) = &run.why {
        let title = if facts::asked_back(run) { "Why it was taken back" } else { "Why it turned round" };
        out = out.add(&failure(title, why));
    }
    if let Some(end) = end.filter(|end| run.why.as_ref() != Some(*end)) {
        out = out.add(&failure("What stopped it", end));
    }
    out
}

fn failure(title: &'static str, failure: &Failure) -> Html {
    let mut out = Html::new().raw("<article class=\"failure\"><h3>").raw(title).raw("</h3><p>");
    out = out.add(&failed(failure)).raw("</p>");
    if !failure.causes.is_empty() {
        out = out.raw("<pre tabindex=\"0\">").text(&failure.causes.join("\n")).raw("</pre>");
    }
    let changed = crate::failure::what_changed(failure, "nothing by the step that failed");
    out = out.raw("<p><b>What changed:</b> ").prose(&changed).raw("</p>");
    if !failure.hints.is_empty() {
        out = out.raw("<p><b>What to do:</b></p>").add(&list(failure.hints.iter().map(String::as_str)));
    }
    out.raw("</article>")
}

/// A failure in a line.
fn failed(failure: &Failure) -> Html {
    Html::new().code(failure.code.id()).raw(" ").prose(&failure.message)
}

/// Where a person is needed: what is known, and what leads out.
fn next(run: &RunView) -> Html {
    if !run.is_open() || run.outcome.is_none() {
        return Html::new();
    }
    let known = facts::known(run);
    let lists = [("in place", known.in_place), ("not certain", known.unclear), ("taken back", known.undone)];
    let known = lists.into_iter().map(|(name, steps)| {
        let titles: Vec<_> = steps.iter().map(|step| step.title.as_str()).collect();
        (
            name.to_owned(),
            Html::of(if titles.is_empty() { "nothing".to_owned() } else { titles.join("; ") }.as_str()),
        )
    });
    let ways = facts::ways_out(run).into_iter();
    let ways = ways.map(|(command, what)| vec![Html::new().code(&command), Html::of(what)]);
    pairs(known).add(&table("Commands that lead out", "", &["command", "does"], ways))
}

fn about(run: &RunView) -> Html {
    let plan = &run.plan;
    let about = facts::about(plan, Theme { color: false, unicode: true }).into_iter();
    let mut lines: Vec<_> = about.map(|(name, value)| (name.to_owned(), Html::of(&value))).collect();
    if let Some(by) = &run.operator {
        lines.push(("operator".into(), Html::of(&format!("{} on {}", by.user, by.host))));
    }
    let times = [("planned", Some(plan.made_at)), ("started", run.started_at), ("ended", run.ended_at)];
    lines.extend(times.into_iter().filter_map(|(name, at)| Some((name.to_owned(), Html::of(&moment(at?))))));
    if let Some(outcome) = &run.outcome {
        lines.push(("exit status".into(), Html::of(&outcome.exit.status().to_string())));
    }
    lines.push(("digest".into(), Html::new().code(&plan.digest)));
    lines.push(("fingerprint".into(), Html::new().code(&plan.fingerprint())));
    let rows = plan
        .pending
        .iter()
        .map(|one| vec![Html::new().code(&one.revision), Html::of(&one.name), Html::new().code(&one.path)]);
    let mut out = pairs(lines.into_iter());
    if !plan.pending.is_empty() {
        out = out.add(&table("Migrations, in order", "", &["revision", "name", "file"], rows));
    }
    out
}

fn way_back(run: &RunView) -> Html {
    let mut out = Html::new();
    if let Some(way) = verdict::way_back(run) {
        out = out.raw("<p><b>Taken:</b> ").text(&way.way).raw(". <b>Why:</b> ").prose(&way.why).raw(".</p>");
        if !way.dropped.is_empty() {
            out =
                out.raw("<p><b>Dropped with it:</b></p>").add(&list(way.dropped.iter().map(String::as_str)));
        }
    } else if verdict::went_back(run) {
        out = out.raw("<p><b>Taken</b>, before there was anything of the data to go back.</p>");
    } else {
        out = out.raw("<p><b>Not taken.</b> It is planned like this:</p>");
    }
    if let Lost::LeftBehind { database, lines } = verdict::lost(run) {
        out = out.raw("<p><b>Left behind in ").code(&database).raw(", which is kept:</b></p>");
        out = out.add(&list(lines.iter().map(String::as_str)));
    }
    if run.accept_loss {
        out = out.raw("<p>A person agreed to lose newer writes.</p>");
    }
    let ways = run.plan.ways_back.iter().map(|way| vec![Html::of(&way.when), Html::new().prose(&way.how)]);
    if run.plan.ways_back.is_empty() {
        return out;
    }
    out.add(&table("How the data goes back, phase by phase", "", &["when", "how"], ways))
}

/// What the steps of kind `validate` checked.
fn checks(run: &RunView) -> Html {
    let checks = facts::checks(run);
    if checks.is_empty() {
        return Html::new();
    }
    let fine = checks.iter().filter(|check| check.ok).count();
    let rows = checks.iter().map(|check| {
        let mark = match (check.ok, check.warning) {
            (true, false) => mark("good", "✓", "holds"),
            (true, true) => mark("warn", "!", "holds, with a warning"),
            (false, _) => mark("bad", "✗", "does not hold"),
        };
        vec![Html::of(&check.name), mark, Html::new().prose(&check.detail)]
    });
    let rows = table(
        "After the migrations, compared with the restore point",
        "",
        &["check", "result", "detail"],
        rows,
    );
    Html::new().raw("<p>").number(fine).raw(" of ").number(checks.len()).raw(" checks hold.</p>").add(&rows)
}

fn rows(papers: &Papers) -> Html {
    let (changed, same): (Vec<_>, Vec<_>) = papers.tables.iter().partition(|(_, rows)| rows.changed());
    if papers.tables.is_empty() {
        return Html::new();
    }
    let validated = papers.tables.values().any(|rows| rows.after.is_some());
    if !validated {
        let rows: i64 = papers.tables.values().filter_map(|rows| Some(rows.before.as_ref()?.0)).sum();
        let text = format!(
            "{} with {rows} rows were counted and digested at the restore point; the run did not come to count them again.",
            count(papers.tables.len(), "table")
        );
        return Html::new().raw("<p>").text(&text).raw("</p>");
    }
    let head = ["table", "rows before", "rows after", "change", "data"];
    let text = format!(
        "{} of {} hold other data than at the restore point.",
        changed.len(),
        count(papers.tables.len(), "table")
    );
    let mut out = Html::new().raw("<p>").text(&text).raw("</p>");
    if !changed.is_empty() {
        out =
            out.add(&table("Tables whose data changed", "numbers", &head, changed.into_iter().map(counted)));
    }
    if !same.is_empty() {
        let title = format!("{} as before", count(same.len(), "table"));
        let rows = table("Tables whose data is as before", "numbers", &head, same.into_iter().map(counted));
        out = out.raw("<details><summary>").text(&title).raw("</summary>").add(&rows).raw("</details>");
    }
    out
}

fn counted((name, rows): (&String, &TableRows)) -> Vec<Html> {
    let number =
        |side: &Option<(i64, String)>| side.as_ref().map_or_else(|| "–".to_owned(), |(n, _)| n.to_string());
    let (change, data) = match (&rows.before, &rows.after) {
        (None, _) => (String::new(), "new table"),
        (_, None) => (String::new(), "no such table any more"),
        (Some((before, old)), Some((after, new))) => {
            let change = after - before;
            let data = if old == new { "equal, by digest" } else { "differs" };
            (if change == 0 { "±0".to_owned() } else { format!("{change:+}") }, data)
        }
    };
    vec![
        Html::of(name),
        Html::of(&number(&rows.before)),
        Html::of(&number(&rows.after)),
        Html::of(&change),
        Html::of(data),
    ]
}

/// What differs between the schema before and after, side by side.
fn schema(papers: &Papers) -> Html {
    let Some(differences) = papers.differences() else {
        let known = papers.schema.before.as_ref().map(std::collections::BTreeMap::len);
        let text = known.map(|n| {
            format!("{} were recorded before; the run did not come to compare them.", count(n, "object"))
        });
        return text.map(|text| Html::new().raw("<p>").text(&text).raw("</p>")).unwrap_or_default();
    };
    if differences.is_empty() {
        return Html::of("No definition differs.");
    }
    let number = |of: fn(&Difference<'_>) -> bool| differences.iter().filter(|one| of(one)).count();
    let (added, removed) = (number(|one| one.before.is_none()), number(|one| one.after.is_none()));
    let changed = differences.len() - added - removed;
    let text = format!("{added} added, {changed} changed, {removed} removed; all else is as before.");
    let rows = differences.iter().take(MOST).map(difference);
    let mut out = Html::new().raw("<p>").text(&text).raw("</p>");
    out = out.add(&table("Definitions that differ", "diff", &["object", "before", "after"], rows));
    if differences.len() > MOST {
        let text = format!("{} more are in the run's folder.", differences.len() - MOST);
        out = out.raw("<p>").text(&text).raw("</p>");
    }
    out
}

fn difference(difference: &Difference<'_>) -> Vec<Html> {
    let word = match (difference.before, difference.after) {
        (None, _) => mark("good", "+", "added"),
        (_, None) => mark("bad", "−", "removed"),
        _ => mark("warn", "~", "changed"),
    };
    let (before, after) = (difference.before.unwrap_or_default(), difference.after.unwrap_or_default());
    let (start, end) = common(before, after);
    let side = |text: &str, open: &'static str, close: &'static str, there: bool| {
        if !there {
            return Html::of("–");
        }
        let middle = &text[start..text.len() - end];
        let mut out = Html::new().raw("<pre>").text(&text[..start]);
        if !middle.is_empty() {
            out = out.raw(open).text(middle).raw(close);
        }
        out.text(&text[text.len() - end..]).raw("</pre>")
    };
    vec![
        Html::new().text(difference.object).raw(" ").add(&word),
        side(before, "<del>", "</del>", difference.before.is_some()),
        side(after, "<ins>", "</ins>", difference.after.is_some()),
    ]
}

/// How many bytes two texts have in common at their beginning and at their end.
fn common(one: &str, other: &str) -> (usize, usize) {
    let same = one.chars().zip(other.chars()).take_while(|(a, b)| a == b);
    let start: usize = same.map(|(c, _)| c.len_utf8()).sum();
    let back = one[start..].chars().rev().zip(other[start..].chars().rev()).take_while(|(a, b)| a == b);
    (start, back.map(|(c, _)| c.len_utf8()).sum())
}

fn copies(run: &RunView) -> Html {
    let part = |title: &'static str, kind: fn(&str) -> bool| {
        let mut facts: Vec<_> =
            given(run, kind).into_iter().map(|(name, value)| (name, Html::of(&value))).collect();
        let proofs = run.planned().filter(|(planned, _)| kind(&planned.kind));
        let proof = proofs.filter_map(|(_, step)| step.proof.as_deref()).next_back();
        facts.extend(proof.map(|proof| ("proof".to_owned(), Html::new().prose(proof))));
        if facts.is_empty() {
            return Html::new();
        }
        Html::new().raw("<h3>").raw(title).raw("</h3>").add(&pairs(facts.into_iter()))
    };
    part("Backup", facts::is_backup).add(&part("Restore point", facts::is_restore_point))
}

fn performance(papers: &Papers) -> Html {
    let Some(impact) = &papers.impact else { return Html::new() };
    let mut out = Html::new();
    if let Some(missing) = &impact.missing {
        out = out.raw("<p class=\"said\">").prose(missing).raw("</p>");
    }
    if impact.statements.is_empty() {
        return out;
    }
    let head = ["statement", "verdict", "mean before", "mean after", "calls before", "calls after"];
    let rows = performance::ranked(impact).into_iter().map(|(statement, verdict)| {
        let mean = |cost: Option<switchback_model::monitor::StatementCost>| {
            Html::of(&cost.map_or_else(|| "–".to_owned(), |cost| performance::ms(cost.mean_ms)))
        };
        let calls = |cost: Option<switchback_model::monitor::StatementCost>| {
            Html::of(&cost.map_or_else(|| "–".to_owned(), |cost| cost.calls.to_string()))
        };
        let text = if statement.query.is_empty() { "its text is not known" } else { &statement.query };
        let (before, after) = (statement.before, statement.after);
        vec![
            Html::new().code(text),
            Html::of(&verdict.text()),
            mean(before),
            mean(after),
            calls(before),
            calls(after),
        ]
    });
    out = out.raw("<p>").text(&capital(&performance::summary(impact)));
    out = out.raw(". <i>Before</i> is all that the server had counted until the run began, <i>after</i> what it counted from the start of the new release to the end of the run.</p>");
    let rows = table("Statements that cost the most (pg_stat_statements)", "numbers", &head, rows);
    let title = format!("{}, those to look at first", count(impact.statements.len(), "statement"));
    out.raw("<details><summary>").text(&title).raw("</summary>").add(&rows).raw("</details>")
}

fn warnings(papers: &Papers) -> Html {
    let mut out = Html::new();
    let run = &papers.view;
    let lists: [(&'static str, &[String]); 3] = [
        ("Warnings", &run.warnings),
        ("Notes of the plan", &run.plan.notes),
        ("What could not be read for this report", &papers.unread),
    ];
    for (title, items) in lists {
        if !items.is_empty() {
            out = out.raw("<h3>").raw(title).raw("</h3>").add(&list(items.iter().map(String::as_str)));
        }
    }
    out
}

/// What steps wrote down while they ran.
fn noted(run: &RunView) -> Html {
    let notes = run.planned().flat_map(|(planned, step)| step.notes.iter().map(move |note| (planned, note)));
    let rows: Vec<_> = notes
        .map(|(planned, (key, value))| {
            vec![Html::of(&planned.title), Html::of(&facts::name(key)), Html::new().code(&plain(value))]
        })
        .collect();
    if rows.is_empty() {
        return Html::new();
    }
    let rows = table("Notes", "", &["step", "what", "value"], rows.into_iter());
    Html::new().raw("<details><summary>Notes of the steps</summary>").add(&rows).raw("</details>")
}

/// The settings as they were when the run was planned; the plan keeps no secret.
fn settings(settings: &Value) -> Html {
    let mut flat = Vec::new();
    flatten(String::new(), settings, &mut flat);
    if flat.is_empty() {
        return Html::new();
    }
    let rows = flat.into_iter().map(|(key, value)| vec![Html::new().code(&key), Html::new().code(&value)]);
    let rows = table("Settings, without secrets", "", &["key", "value"], rows);
    Html::new()
        .raw("<details><summary>Settings of the run, without secrets</summary>")
        .add(&rows)
        .raw("</details>")
}

fn flatten(path: String, value: &Value, out: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let key = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(key, value, out);
            }
        }
        Value::Null => {}
        value => out.push((path, plain(value))),
    }
}

fn events(papers: &Papers) -> Html {
    if papers.events.is_empty() {
        return Html::new();
    }
    let rows = papers.events.iter().map(|event| {
        vec![
            Html::new().number(event.seq),
            Html::of(&moment(event.at)),
            Html::new().code(&facts::kind(event)),
            said(event),
        ]
    });
    let rows = table("Everything that the journal holds", "events", &["no.", "at", "event", "what"], rows);
    let title = format!("All {}", count(papers.events.len(), "event"));
    Html::new().raw("<details><summary>").text(&title).raw("</summary>").add(&rows).raw("</details>")
}

/// What an event says, but for its kind.
fn said(event: &Event) -> Html {
    let step = |step: &str| Html::new().code(step).raw(" ");
    match &event.what {
        What::Planned { plan } => {
            Html::of(&format!("{} for {}", count(plan.steps.len(), "step"), plan.environment))
        }
        What::Started { operator, .. } => {
            Html::of(&format!("by {} on {}, process {}", operator.user, operator.host, operator.pid))
        }
        What::Unwinding { why } => failed(why),
        What::Finished { status, .. } => Html::of(status.name()),
        What::StepStarted { step: id } | What::UndoStarted { step: id } => step(id),
        What::StepNoted { step: id, key, value } => step(id).text(&format!("{key} = {}", plain(value))),
        What::StepFinished { step: id, proof, ms, .. } | What::UndoFinished { step: id, proof, ms } => {
            step(id).text(&took(*ms)).raw(": ").prose(proof)
        }
        What::StepFailed { step: id, failure, .. } | What::UndoFailed { step: id, failure, .. } => {
            step(id).add(&failed(failure))
        }
        What::Warning { message } => Html::new().prose(message),
        What::Progress { .. } | What::Output { .. } | What::Sampled { .. } | What::Unknown => Html::new(),
    }
}

fn capital(sentence: &str) -> String {
    let mut chars = sentence.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    first + chars.as_str()
}

#[cfg(test)]
mod tests;
