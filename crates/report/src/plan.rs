//! A plan as a runbook: what will be done, in which order, and how each part is taken back.

use std::fmt::Write as _;

use serde_json::{Value, json};
use switchback_model::Plan;
use switchback_model::plan::{GateState, StepOutlook, UndoPolicy};

use crate::facts;
use crate::markdown::{bullet, cell, code, prose, table};
use crate::runbook;
use crate::tables;
use crate::text::{clean, indent, moment, pad, pad_left, width, wrap};
use crate::theme::{Mark, Theme};

/// The runbook for people, as wide as the terminal is.
pub fn text(plan: &Plan, theme: Theme, columns: usize) -> String {
    let columns = columns.clamp(60, 100);
    let mut out = format!("{}\n\n", theme.bold(&format!("Plan for {}", plan.environment)));
    out.push_str(&indent(&head(plan, theme), "  "));
    section(&mut out, theme, "Costs", &pairs(&runbook::costs(plan), theme, columns));
    section(&mut out, theme, "Gates", &gates(plan, theme, columns));
    section(&mut out, theme, "Before you begin", &lines(&plan.outlook.prerequisites, columns));
    section(&mut out, theme, "Steps", &steps(plan, theme));
    section(&mut out, theme, "Each step, and the way back from it", &details(plan, theme, columns));
    section(&mut out, theme, "Way back of the data", &ways_back(plan, theme, columns));
    section(&mut out, theme, "Notes", &notes(plan, theme, columns));
    section(&mut out, theme, "What to type", &commands(plan, theme));
    section(&mut out, theme, "Settings", &pairs(&settings(plan), theme, columns));
    let marks = [("digest", plan.digest.clone()), ("fingerprint", plan.fingerprint())];
    section(&mut out, theme, "This plan", &tables::pairs(&marks, theme));
    out
}

/// As [`tables::pairs`], broken between words.
fn pairs<N: AsRef<str>>(lines: &[(N, String)], theme: Theme, columns: usize) -> String {
    let column = lines.iter().map(|(name, _)| width(name.as_ref())).max().unwrap_or(0);
    let room = columns.saturating_sub(column + 4).max(24);
    let mut out = String::new();
    for (name, value) in lines {
        let mut label = name.as_ref();
        for line in wrap(value, room) {
            let _ = writeln!(out, "{}", format!("{}  {line}", theme.dim(&pad(label, column))).trim_end());
            label = "";
        }
    }
    out
}

/// Sentences under each other, each with a dash.
fn lines(all: &[String], columns: usize) -> String {
    let mut out = String::new();
    for line in all {
        let mut mark = "-";
        for part in wrap(&clean(line), columns.saturating_sub(4)) {
            let _ = writeln!(out, "{mark} {part}");
            mark = " ";
        }
    }
    out
}

fn settings(plan: &Plan) -> Vec<(String, String)> {
    let shown = plan.settings.as_object().is_some_and(|object| object.contains_key("environments"));
    if shown { runbook::settings(plan) } else { Vec::new() }
}

fn commands(plan: &Plan, theme: Theme) -> String {
    let mut out = String::new();
    for (command, does) in runbook::commands(plan) {
        let _ = writeln!(out, "{}\n    {}", theme.command(&command), theme.dim(does));
    }
    out
}

/// What a run is about: environment, database, releases, revisions, migrations.
pub(crate) fn head(plan: &Plan, theme: Theme) -> String {
    let mut lines = facts::about(plan, theme);
    if !plan.pending.is_empty() {
        lines.push(("", tables::pending(&plan.pending)));
    }
    tables::pairs(&lines, theme)
}

fn section(out: &mut String, theme: Theme, title: &str, body: &str) {
    if !body.is_empty() {
        let _ = write!(out, "\n{}\n{}", theme.bold(title), indent(body, "  "));
    }
}

/// The gates, each with how it stood when the plan was made.
pub(crate) fn gates(plan: &Plan, theme: Theme, columns: usize) -> String {
    let column = plan.gates.iter().map(|gate| width(gate)).max().unwrap_or(0);
    let room = columns.saturating_sub(column + theme.mark_width() + 8).max(30);
    let mut out = String::new();
    for gate in &plan.gates {
        let Some(state) = plan.gate_states.iter().find(|state| state.name == *gate) else {
            let _ = writeln!(out, "{gate}");
            continue;
        };
        let mut start = format!("{} {}", theme.mark(gate_mark(state)), pad(gate, column));
        for line in wrap(&clean(&state.detail), room) {
            let _ = writeln!(out, "{start}  {line}");
            start = " ".repeat(theme.mark_width() + 1 + column);
        }
        if let Some(cure) = &state.cure {
            let _ = writeln!(out, "{start}  {} {}", theme.command("cure:"), clean(cure));
        }
    }
    out
}

fn gate_mark(state: &GateState) -> Mark {
    if state.passed { Mark::Ok } else { Mark::Fail }
}

/// The gates as lines of a list.
pub(crate) fn gate_lines(plan: &Plan) -> Vec<String> {
    let line = |gate: &String| match plan.gate_states.iter().find(|state| state.name == *gate) {
        None => gate.clone(),
        Some(state) => {
            let stands = if state.passed { "passed" } else { "missing" };
            let cure = state.cure.as_ref().map(|cure| format!(" ({cure})")).unwrap_or_default();
            format!("{gate}: {stands}, {}{cure}", state.detail)
        }
    };
    plan.gates.iter().map(line).collect()
}

/// The run at a glance: when each step begins, how long it takes, where the downtime lies.
fn steps(plan: &Plan, theme: Theme) -> String {
    let entries = runbook::entries(plan);
    if entries.is_empty() {
        return plain_steps(plan, theme);
    }
    let clocks = entries.iter().map(|entry| width(&entry.clock())).max().unwrap_or(0);
    let takes = entries.iter().map(|entry| width(&entry.takes())).max().unwrap_or(0);
    let number = entries.len().to_string().len();
    let from = runbook::down_from(&entries).map(|entry| entry.number);
    let line = |clock: &str, took: &str, n: &str, text: &str| {
        let line =
            format!("{}  {}  {}  {text}", pad(clock, clocks), pad_left(took, takes), pad_left(n, number));
        format!("{}\n", line.trim_end())
    };
    let mut out = String::new();
    for entry in &entries {
        if Some(entry.number) == from {
            out.push_str(&line("", "", "", &theme.warn("-- from here users see no application --")));
        }
        let (n, title) = (entry.number.to_string(), clean(&entry.step.title));
        out.push_str(&line(&entry.clock(), &entry.takes(), &n, &title));
    }
    let end = runbook::clock(plan.outlook.total_ms.unwrap_or_default());
    let back = if from.is_some() { "-- users are in again --" } else { "-- the end --" };
    out.push_str(&line(&end, "", "", &theme.good(back)));
    out
}

/// A plan from before there were outlooks.
fn plain_steps(plan: &Plan, theme: Theme) -> String {
    let column = plan.steps.iter().map(|step| width(&step.title)).max().unwrap_or(0);
    let mut out = String::new();
    for (n, step) in plan.steps.iter().enumerate() {
        let number = pad_left(&(n + 1).to_string(), plan.steps.len().to_string().len());
        let undo = theme.dim(undoing(step.undo));
        let _ = writeln!(out, "{number}  {}  {undo}", pad(&clean(&step.title), column));
    }
    out
}

fn details(plan: &Plan, theme: Theme, columns: usize) -> String {
    let entries = runbook::entries(plan);
    let mut out = String::new();
    let mut same: Option<(usize, &StepOutlook)> = None;
    for entry in &entries {
        let _ = writeln!(out, "{}. {}", entry.number, theme.bold(&clean(&entry.step.title)));
        let ways =
            |outlook: &StepOutlook| (outlook.way_back.clone(), outlook.way_back_ms, outlook.loses.clone());
        let way = same.filter(|(_, first)| ways(first) == ways(entry.outlook)).map(|(number, _)| number);
        if way.is_none() {
            same = Some((entry.number, entry.outlook));
        }
        let mut rows = vec![
            ("does", clean(&entry.outlook.does)),
            ("verified", clean(&entry.outlook.verified)),
            ("takes", entry.estimate()),
            ("way back", way.map_or_else(|| entry.way_back(), |number| format!("as from step {number}"))),
        ];
        let loses = entry.outlook.loses.as_ref().filter(|_| way.is_none());
        rows.extend(loses.map(|loses| ("loses", clean(loses))));
        out.push_str(&indent(&pairs(&rows, theme, columns.saturating_sub(4)), "    "));
    }
    out
}

/// What undoing a step means, in a few words.
pub(crate) fn undoing(undo: UndoPolicy) -> &'static str {
    match undo {
        UndoPolicy::NoEffect => "changes nothing",
        UndoPolicy::Bookkeeping => "leaves only something of its own",
        UndoPolicy::Reversible => "can be taken back",
    }
}

/// How the data goes back, phase by phase.
pub(crate) fn ways_back(plan: &Plan, theme: Theme, columns: usize) -> String {
    let column = plan.ways_back.iter().map(|way| width(&way.when)).max().unwrap_or(0).min(36);
    let room = columns.saturating_sub(column + 6).max(30);
    let mut out = String::new();
    for way in &plan.ways_back {
        let mut when = theme.bold(&pad(&way.when, column));
        for line in wrap(&clean(&way.how), room) {
            let _ = writeln!(out, "{when}  {line}");
            when = " ".repeat(column);
        }
    }
    out
}

/// What a person should know before saying yes.
pub(crate) fn notes(plan: &Plan, theme: Theme, columns: usize) -> String {
    let room = columns.saturating_sub(theme.mark_width() + 5).max(30);
    let mut out = String::new();
    for note in &plan.notes {
        let mut mark = theme.mark(Mark::Warn);
        for line in wrap(&clean(note), room) {
            let _ = writeln!(out, "{mark} {line}");
            mark = theme.mark(Mark::Blank);
        }
    }
    out
}

/// The runbook in Markdown: for a ticket, an audit, a binder. It can be read without the program.
pub fn markdown(plan: &Plan) -> String {
    let mut out = format!("# Plan for {}\n\n", cell(&plan.environment));
    for (name, value) in facts::about(plan, Theme { color: false, unicode: true }) {
        bullet(&mut out, name, &cell(&value));
    }
    bullet(&mut out, "planned", &moment(plan.made_at));
    bullet(&mut out, "digest", &code(&plan.digest));
    bullet(&mut out, "fingerprint", &code(&plan.fingerprint()));
    let costs = runbook::costs(plan);
    if !costs.is_empty() {
        out.push_str("\n## Costs\n\n");
        let mut label = "";
        for (name, value) in &costs {
            label = if name.is_empty() { label } else { name };
            bullet(&mut out, label, &prose(value));
        }
    }
    migrations(&mut out, plan);
    list(&mut out, "Gates", gate_lines(plan).iter());
    list(&mut out, "Before you begin", plan.outlook.prerequisites.iter());
    out.push_str("\n## Steps\n\n");
    step_tables(&mut out, plan);
    way_back_table(&mut out, plan);
    list(&mut out, "Notes", plan.notes.iter());
    out.push_str("\n## What to type\n\n");
    let rows = runbook::commands(plan).into_iter().map(|(command, does)| vec![code(&command), cell(does)]);
    table(&mut out, &["command", "does"], rows);
    let settings = settings(plan);
    if !settings.is_empty() {
        out.push_str("\n## Settings\n\n");
        table(&mut out, &["key", "value"], settings.iter().map(|(key, value)| vec![code(key), cell(value)]));
    }
    out
}

/// The run at a glance, and under it the rollback plan: what happens when it fails at each step.
fn step_tables(out: &mut String, plan: &Plan) {
    let entries = runbook::entries(plan);
    if entries.is_empty() {
        let rows = plan.steps.iter().enumerate();
        let rows =
            rows.map(|(n, step)| vec![(n + 1).to_string(), cell(&step.title), undoing(step.undo).to_owned()]);
        return table(out, &["#", "step", "undo"], rows);
    }
    let rows = entries.iter().map(|entry| {
        let down = if entry.outlook.down { "yes" } else { "" }.to_owned();
        let (does, verified) = (prose(&entry.outlook.does), prose(&entry.outlook.verified));
        let (title, takes) = (cell(&entry.step.title), prose(&entry.estimate()));
        vec![entry.number.to_string(), entry.clock(), title, does, verified, takes, down]
    });
    table(out, &["#", "starts", "step", "does", "verified by", "takes", "down"], rows);
    if let Some(total) = plan.outlook.total_ms {
        let end = runbook::clock(total);
        let _ = match runbook::down_from(&entries) {
            Some(from) => writeln!(
                out,
                "\nUsers see no application from step {} ({}) to the end ({end}).",
                from.number,
                from.clock()
            ),
            None => writeln!(out, "\nUsers notice nothing; the end is at {end}."),
        };
    }
    out.push_str("\n## Way back from each step\n\n");
    let rows = entries.iter().map(|entry| {
        let loses = entry.outlook.loses.as_deref().unwrap_or("nothing");
        vec![entry.number.to_string(), cell(&entry.step.title), prose(&entry.way_back()), prose(loses)]
    });
    table(out, &["#", "fails at", "way back", "loses"], rows);
}

/// The pending migrations with their files.
pub(crate) fn migrations(out: &mut String, plan: &Plan) {
    if plan.pending.is_empty() {
        return;
    }
    out.push_str("\n## Migrations\n\n");
    let rows = plan.pending.iter().map(|one| vec![code(&one.revision), cell(&one.name), code(&one.path)]);
    table(out, &["revision", "name", "file"], rows);
}

/// The way back, phase by phase.
pub(crate) fn way_back_table(out: &mut String, plan: &Plan) {
    if plan.ways_back.is_empty() {
        return;
    }
    out.push_str("\n## Way back\n\n");
    let rows = plan.ways_back.iter().map(|way| vec![cell(&way.when), prose(&way.how)]);
    table(out, &["when", "how"], rows);
}

/// A list under a title, where there is something to list.
pub(crate) fn list<'a>(out: &mut String, title: &str, items: impl Iterator<Item = &'a String>) {
    let mut items = items.peekable();
    if items.peek().is_some() {
        let _ = write!(out, "\n## {title}\n\n");
    }
    for item in items {
        let _ = writeln!(out, "- {}", prose(item));
    }
}

/// The plan as it is, and its fingerprint.
pub fn json(plan: &Plan) -> Value {
    let mut document = json!(plan);
    document["fingerprint"] = plan.fingerprint().into();
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Story;

    #[test]
    #[expect(clippy::too_many_lines, reason = "a runbook is as long as it is")]
    fn a_runbook_for_people() {
        let story = Story::good();
        let text = text(&story.plan(), Theme { color: false, unicode: true }, 80);
        insta::assert_snapshot!(story.steady(&text), @r#"
        Plan for production

          environment  production
          database     ada
          server       db.example:5432, PostgreSQL 15.18
          release      v1.4.0 (0f1e2d3c4b) → v1.5.0 (a1b2c3d4e5)
          revision     8f3a → c21b
          migrations   1 pending (alembic)
                       c21b  add profiles  migrations/versions/c21b_add_profiles.py

        Costs
          total     at least 1 min 04 s, from the first step to the end
          downtime  at least 32 s, from step 3 (T+00:32) to the end
          way back  at least 9 s for the longest, from the decision on
          disk      4.8 GB for the backup, in /var/backups/ada; 40.0 GB free
                    9.6 GB for the copy of the target, on the server; what is free can't
                    be seen from here
          locks     each migration runs with lock_timeout 5.0 s behind a closed fence:
                    nobody waits for it

        Gates
          review
          rehearsal

        Before you begin
          - nothing is bad in `switchback doctor -e production`

        Steps
          T+00:00        2 s  1  look at server, privileges and disk
          T+00:01        2 s  2  take a backup and prove it
                                 -- from here users see no application --
          T+00:32        2 s  3  stop ada-app.service
          T+00:35        2 s  4  make a restore point
          T+00:50  not known  5  apply c21b add profiles
          T+00:52        2 s  6  validate the data
          T+01:00        2 s  7  start ada-app.service
          T+01:04                -- users are in again --

        Each step, and the way back from it
          1. look at server, privileges and disk
              does      what preflight does
              verified  how preflight is looked at
              takes     2 s: 9.6 GB at 100 MB/s
              way back  the run ends here; target, code and service were not touched (at
                        once)
          2. take a backup and prove it
              does      what backup does
              verified  how backup is looked at
              takes     2 s: 9.6 GB at 100 MB/s
              way back  as from step 1
          3. stop ada-app.service
              does      what stop does
              verified  how stop is looked at
              takes     2 s: 9.6 GB at 100 MB/s
              way back  the application is started (about 3 s)
          4. make a restore point
              does      what restore_point does
              verified  how restore_point is looked at
              takes     2 s: 9.6 GB at 100 MB/s
              way back  the fence is lifted, the application started (about 4 s)
          5. apply c21b add profiles
              does      what apply:c21b does
              verified  how apply:c21b is looked at
              takes     not known
              way back  the restore point takes the target's place by rename (about 5 s)
          6. validate the data
              does      what validate does
              verified  how validate is looked at
              takes     2 s: 9.6 GB at 100 MB/s
              way back  as from step 5
          7. start ada-app.service
              does      what start does
              verified  how start is looked at
              takes     2 s: 9.6 GB at 100 MB/s
              way back  `switchback rollback`: as before, if nothing was written (about
                        9 s)
              loses     nothing, but with --accept-loss what was written since the
                        restore point, named

        Way back of the data
          until the first migration     the fence is lifted; nothing was changed
          until the application starts  the restore point takes the target's place by
                                        two renames, in under a second; the failed
                                        database is kept

        Notes
          ! WAL that is archived during the run belongs to both databases

        What to type
          switchback deploy --release v1.5.0 -e production
              begin
          switchback status -e production
              look, from another terminal
          Ctrl-C
              turn round where it is; it goes back by itself
          switchback resume -e production
              go on after a crash, forward or back
          switchback abort -e production
              take an open run back
          switchback rollback -e production
              take it back later
          switchback rollback --accept-loss -e production
              take it back and lose what was written since

        Settings
          fence     closed
          requires  ["review","rehearsal"]

        This plan
          digest       3f786850e387550fdab836ed7e6dc881de23001b6b6f8f2f1c0a4e2d5c9b7a10
          fingerprint  [fingerprint]
        "#);
    }

    #[test]
    fn a_runbook_for_a_narrow_terminal_without_unicode() {
        let text = text(&Story::good().plan(), Theme::plain(), 60);
        assert!(text.is_ascii());
    }

    #[test]
    fn a_runbook_in_markdown() {
        let story = Story::good();
        insta::assert_snapshot!(story.steady(&markdown(&story.plan())), @r#"
        # Plan for production

        - **environment**: production
        - **database**: ada
        - **server**: db.example:5432, PostgreSQL 15.18
        - **release**: v1.4.0 (0f1e2d3c4b) → v1.5.0 (a1b2c3d4e5)
        - **revision**: 8f3a → c21b
        - **migrations**: 1 pending (alembic)
        - **planned**: 2026-11-22T02:13:07Z
        - **digest**: `3f786850e387550fdab836ed7e6dc881de23001b6b6f8f2f1c0a4e2d5c9b7a10`
        - **fingerprint**: `[fingerprint]`

        ## Costs

        - **total**: at least 1 min 04 s, from the first step to the end
        - **downtime**: at least 32 s, from step 3 (T+00:32) to the end
        - **way back**: at least 9 s for the longest, from the decision on
        - **disk**: 4.8 GB for the backup, in /var/backups/ada; 40.0 GB free
        - **disk**: 9.6 GB for the copy of the target, on the server; what is free can't be seen from here
        - **locks**: each migration runs with lock_timeout 5.0 s behind a closed fence: nobody waits for it

        ## Migrations

        | revision | name | file |
        |---|---|---|
        | `c21b` | add profiles | `migrations/versions/c21b_add_profiles.py` |

        ## Gates

        - review
        - rehearsal

        ## Before you begin

        - nothing is bad in `switchback doctor -e production`

        ## Steps

        | # | starts | step | does | verified by | takes | down |
        |---|---|---|---|---|---|---|
        | 1 | T+00:00 | look at server, privileges and disk | what preflight does | how preflight is looked at | 2 s: 9.6 GB at 100 MB/s |  |
        | 2 | T+00:01 | take a backup and prove it | what backup does | how backup is looked at | 2 s: 9.6 GB at 100 MB/s |  |
        | 3 | T+00:32 | stop ada-app.service | what stop does | how stop is looked at | 2 s: 9.6 GB at 100 MB/s | yes |
        | 4 | T+00:35 | make a restore point | what restore_point does | how restore_point is looked at | 2 s: 9.6 GB at 100 MB/s | yes |
        | 5 | T+00:50 | apply c21b add profiles | what apply:c21b does | how apply:c21b is looked at | not known | yes |
        | 6 | T+00:52 | validate the data | what validate does | how validate is looked at | 2 s: 9.6 GB at 100 MB/s | yes |
        | 7 | T+01:00 | start ada-app.service | what start does | how start is looked at | 2 s: 9.6 GB at 100 MB/s | yes |

        Users see no application from step 3 (T+00:32) to the end (T+01:04).

        ## Way back from each step

        | # | fails at | way back | loses |
        |---|---|---|---|
        | 1 | look at server, privileges and disk | the run ends here; target, code and service were not touched (at once) | nothing |
        | 2 | take a backup and prove it | the run ends here; target, code and service were not touched (at once) | nothing |
        | 3 | stop ada-app.service | the application is started (about 3 s) | nothing |
        | 4 | make a restore point | the fence is lifted, the application started (about 4 s) | nothing |
        | 5 | apply c21b add profiles | the restore point takes the target's place by rename (about 5 s) | nothing |
        | 6 | validate the data | the restore point takes the target's place by rename (about 5 s) | nothing |
        | 7 | start ada-app.service | `switchback rollback`: as before, if nothing was written (about 9 s) | nothing, but with --accept-loss what was written since the restore point, named |

        ## Way back

        | when | how |
        |---|---|
        | until the first migration | the fence is lifted; nothing was changed |
        | until the application starts | the restore point takes the target's place by two renames, in under a second; the failed database is kept |

        ## Notes

        - WAL that is archived during the run belongs to both databases

        ## What to type

        | command | does |
        |---|---|
        | `switchback deploy --release v1.5.0 -e production` | begin |
        | `switchback status -e production` | look, from another terminal |
        | `Ctrl-C` | turn round where it is; it goes back by itself |
        | `switchback resume -e production` | go on after a crash, forward or back |
        | `switchback abort -e production` | take an open run back |
        | `switchback rollback -e production` | take it back later |
        | `switchback rollback --accept-loss -e production` | take it back and lose what was written since |

        ## Settings

        | key | value |
        |---|---|
        | `fence` | closed |
        | `requires` | \["review","rehearsal"\] |
        "#);
    }

    #[test]
    fn a_gate_says_how_it_stands_and_what_makes_it_pass() {
        let mut plan = Story::good().plan();
        let state = |name: &str, passed, detail: &str, cure: Option<&str>| GateState {
            name: name.into(),
            passed,
            detail: detail.into(),
            cure: cure.map(str::to_owned),
        };
        plan.gate_states = vec![
            state("review", true, "on record, by ann on desk", None),
            state("rehearsal", false, "none is on record", Some("switchback record import FILE")),
        ];
        insta::assert_snapshot!(gates(&plan, Theme { color: false, unicode: true }, 100), @r"
        ✓ review     on record, by ann on desk
        ✗ rehearsal  none is on record
                     cure: switchback record import FILE
        ");
        assert_eq!(
            gate_lines(&plan)[1],
            "rehearsal: missing, none is on record (switchback record import FILE)"
        );
    }

    #[test]
    fn the_document_reads_back_as_the_plan() {
        let plan = Story::good().plan();
        let document = json(&plan);
        let back: Plan = serde_json::from_value(document.clone()).unwrap();
        assert_eq!(document["fingerprint"], back.fingerprint());
        assert_eq!(json(&back), document);
    }
}
