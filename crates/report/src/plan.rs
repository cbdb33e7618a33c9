//! A plan as a runbook: what will be done, in which order, and how each part is taken back.

use std::fmt::Write as _;

use serde_json::{Value, json};
use switchback_model::Plan;
use switchback_model::plan::UndoPolicy;

use crate::facts;
use crate::markdown::{bullet, cell, code, prose, table};
use crate::tables;
use crate::text::{clean, indent, pad, pad_left, width, wrap};
use crate::theme::{Mark, Theme};

/// The runbook for people, as wide as the terminal is.
pub fn text(plan: &Plan, theme: Theme, columns: usize) -> String {
    let mut out = format!("{}\n\n", theme.bold(&format!("Plan for {}", plan.environment)));
    out.push_str(&indent(&head(plan, theme), "  "));
    section(&mut out, theme, "Gates", &gates(plan));
    section(&mut out, theme, "Steps", &steps(plan, theme));
    section(&mut out, theme, "Way back", &ways_back(plan, theme, columns));
    section(&mut out, theme, "Notes", &notes(plan, theme, columns));
    let marks = [("digest", plan.digest.clone()), ("fingerprint", plan.fingerprint())];
    let _ = write!(out, "\n{}", indent(&tables::pairs(&marks, theme), "  "));
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

fn gates(plan: &Plan) -> String {
    let lines = plan.gates.iter().map(|gate| format!("{gate}\n"));
    lines.collect()
}

fn steps(plan: &Plan, theme: Theme) -> String {
    let column = plan.steps.iter().map(|step| width(&step.title)).max().unwrap_or(0);
    let mut out = String::new();
    for (n, step) in plan.steps.iter().enumerate() {
        let number = pad_left(&(n + 1).to_string(), plan.steps.len().to_string().len());
        let undo = theme.dim(undoing(step.undo));
        let _ = writeln!(out, "{number}  {}  {undo}", pad(&clean(&step.title), column));
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

/// The runbook in Markdown: for a ticket, a pull request, a binder.
pub fn markdown(plan: &Plan) -> String {
    let mut out = format!("# Plan for {}\n\n", cell(&plan.environment));
    for (name, value) in facts::about(plan, Theme { color: false, unicode: true }) {
        bullet(&mut out, name, &cell(&value));
    }
    bullet(&mut out, "digest", &code(&plan.digest));
    bullet(&mut out, "fingerprint", &code(&plan.fingerprint()));
    migrations(&mut out, plan);
    list(&mut out, "Gates", plan.gates.iter());
    let rows = plan.steps.iter().enumerate();
    let rows =
        rows.map(|(n, step)| vec![(n + 1).to_string(), cell(&step.title), undoing(step.undo).to_owned()]);
    out.push_str("\n## Steps\n\n");
    table(&mut out, &["#", "step", "undo"], rows);
    way_back_table(&mut out, plan);
    list(&mut out, "Notes", plan.notes.iter());
    out
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
    fn a_runbook_for_people() {
        let story = Story::good();
        let text = text(&story.plan(), Theme { color: false, unicode: true }, 100);
        insta::assert_snapshot!(story.steady(&text), @r"
        Plan for production

          environment  production
          database     ada
          server       db.example:5432, PostgreSQL 15.18
          release      v1.4.0 (0f1e2d3c4b) → v1.5.0 (a1b2c3d4e5)
          revision     8f3a → c21b
          migrations   1 pending (alembic)
                       c21b  add profiles  migrations/versions/c21b_add_profiles.py

        Gates
          review
          rehearsal

        Steps
          1  look at server, privileges and disk  changes nothing
          2  take a backup and prove it           leaves only something of its own
          3  stop ada-app.service                 can be taken back
          4  make a restore point                 leaves only something of its own
          5  apply c21b add profiles              can be taken back
          6  validate the data                    changes nothing
          7  start ada-app.service                can be taken back

        Way back
          until the first migration     the fence is lifted; nothing was changed
          until the application starts  the restore point takes the target's place by two renames, in
                                        under a second; the failed database is kept

        Notes
          ! WAL that is archived during the run belongs to both databases

          digest       3f786850e387550fdab836ed7e6dc881de23001b6b6f8f2f1c0a4e2d5c9b7a10
          fingerprint  [fingerprint]
        ");
    }

    #[test]
    fn a_runbook_for_a_narrow_terminal_without_unicode() {
        let text = text(&Story::good().plan(), Theme::plain(), 60);
        assert!(text.is_ascii());
    }

    #[test]
    fn a_runbook_in_markdown() {
        let story = Story::good();
        insta::assert_snapshot!(story.steady(&markdown(&story.plan())), @r"
        # Plan for production

        - **environment**: production
        - **database**: ada
        - **server**: db.example:5432, PostgreSQL 15.18
        - **release**: v1.4.0 (0f1e2d3c4b) → v1.5.0 (a1b2c3d4e5)
        - **revision**: 8f3a → c21b
        - **migrations**: 1 pending (alembic)
        - **digest**: `3f786850e387550fdab836ed7e6dc881de23001b6b6f8f2f1c0a4e2d5c9b7a10`
        - **fingerprint**: `[fingerprint]`

        ## Migrations

        | revision | name | file |
        |---|---|---|
        | `c21b` | add profiles | `migrations/versions/c21b_add_profiles.py` |

        ## Gates

        - review
        - rehearsal

        ## Steps

        | # | step | undo |
        |---|---|---|
        | 1 | look at server, privileges and disk | changes nothing |
        | 2 | take a backup and prove it | leaves only something of its own |
        | 3 | stop ada-app.service | can be taken back |
        | 4 | make a restore point | leaves only something of its own |
        | 5 | apply c21b add profiles | can be taken back |
        | 6 | validate the data | changes nothing |
        | 7 | start ada-app.service | can be taken back |

        ## Way back

        | when | how |
        |---|---|
        | until the first migration | the fence is lifted; nothing was changed |
        | until the application starts | the restore point takes the target's place by two renames, in under a second; the failed database is kept |

        ## Notes

        - WAL that is archived during the run belongs to both databases
        ");
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
