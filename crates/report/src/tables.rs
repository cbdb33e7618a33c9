//! Aligned columns, and the lists that commands print: `status`, `doctor`, `runs list`, `backup list`.
//!
//! The rows are plain data, so that `--format json` prints the same thing that people read.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Serialize;
use switchback_model::ledger::Entry;
use switchback_model::plan::{Pending, Release};
use switchback_model::{Failure, Plan, Record, RunId};

use crate::facts;
use crate::text::{self, count, pad, pad_left, width};
use crate::theme::{Mark, Theme};

/// How the cells of a column stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows under a dimmed head, two blanks between the columns. Cells hold no escape codes.
pub fn columns(head: &[(&str, Align)], rows: &[Vec<String>], theme: Theme) -> String {
    let widest = |i: usize| rows.iter().filter_map(|row| row.get(i)).map(|cell| width(cell)).max();
    let widths: Vec<_> =
        head.iter().enumerate().map(|(i, (name, _))| width(name).max(widest(i).unwrap_or(0))).collect();
    let line = |cells: Vec<&str>| {
        let cells = cells.iter().zip(head).zip(&widths).map(|((cell, (_, align)), columns)| match align {
            Align::Left => pad(cell, *columns),
            Align::Right => pad_left(cell, *columns),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut out = format!("{}\n", theme.dim(&line(head.iter().map(|(name, _)| *name).collect())));
    for row in rows {
        let _ = writeln!(out, "{}", line(row.iter().map(String::as_str).collect()));
    }
    out
}

/// Names and values under each other; lines after the first of a value stand under it.
pub fn pairs(lines: &[(&str, String)], theme: Theme) -> String {
    let column = lines.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    let mut out = String::new();
    for (name, value) in lines {
        let mut label = *name;
        for line in value.lines().chain(value.is_empty().then_some("")) {
            let _ = writeln!(out, "{}", format!("{}  {line}", theme.dim(&pad(label, column))).trim_end());
            label = "";
        }
    }
    out
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// How it is.
    pub mark: Mark,
    /// What was looked at.
    pub title: String,
    /// What was seen.
    pub detail: String,
    /// What makes it fine, so that it can be typed.
    pub cure: Option<String>,
}

/// Checks, one a line, each with its cure underneath, and a last line that counts.
pub fn checks(checks: &[Check], theme: Theme) -> String {
    let column = checks.iter().map(|check| width(&check.title)).max().unwrap_or(0).min(40);
    let mut out = String::new();
    for check in checks {
        let (mark, title) = (theme.mark(check.mark), pad(&check.title, column));
        let _ = writeln!(out, "{}", format!("{mark} {title}  {}", check.detail).trim_end());
        for line in check.cure.iter().flat_map(|cure| cure.lines()) {
            let _ = writeln!(out, "{}{} {line}", " ".repeat(theme.mark_width() + 1), theme.command("cure:"));
        }
    }
    let _ = writeln!(out, "\n{}", tally(checks));
    out
}

fn tally(checks: &[Check]) -> String {
    let of = |mark| checks.iter().filter(|check| check.mark == mark).count();
    let (bad, warned) = (of(Mark::Fail), of(Mark::Warn));
    match (bad, warned) {
        (0, 0) => format!("{}: all fine", count(checks.len(), "check")),
        (0, _) => {
            format!("{}: nothing in the way, {}", count(checks.len(), "check"), count(warned, "warning"))
        }
        (_, 0) => format!("{}: {bad} not fine", count(checks.len(), "check")),
        _ => format!("{}: {bad} not fine, {}", count(checks.len(), "check"), count(warned, "warning")),
    }
}

/// A run in a list.
#[derive(Clone, Debug, Serialize)]
pub struct RunLine {
    /// The run.
    pub run: RunId,
    /// Its environment.
    pub environment: String,
    /// `succeeded`, `undone`, `stuck`, `refused` or `open`.
    pub status: String,
    /// When it was begun.
    pub started_at: Option<Timestamp>,
    /// How long it took.
    pub total_ms: Option<u64>,
    /// For how long users saw no application.
    pub downtime_ms: Option<u64>,
    /// The revisions that it was to lead to.
    pub revision: Vec<String>,
    /// The release that it was to bring, where code is known.
    pub release: Option<Release>,
    /// Who had it in hand last.
    pub operator: Option<String>,
    /// On which host.
    pub host: Option<String>,
}

impl RunLine {
    /// The line of a run.
    pub fn of(run: &switchback_model::RunView) -> Self {
        let durations = run.outcome.as_ref().map(|outcome| outcome.durations);
        Self {
            run: run.plan.run.clone(),
            environment: run.plan.environment.clone(),
            status: facts::status(run).to_owned(),
            started_at: run.started_at,
            total_ms: durations.map(|durations| durations.total_ms),
            downtime_ms: durations.and_then(|durations| durations.downtime_ms),
            revision: run.plan.revision_after.clone(),
            release: run.plan.release_after.clone(),
            operator: run.operator.as_ref().map(|by| by.user.clone()),
            host: run.operator.as_ref().map(|by| by.host.clone()),
        }
    }

    /// The line of a run of which only the ledger knows any more.
    pub fn of_entry(entry: &Entry) -> Self {
        let total_ms = i64::try_from(entry.durations.total_ms).unwrap_or(i64::MAX);
        Self {
            run: entry.run.clone(),
            environment: entry.environment.clone(),
            status: entry.status.name().to_owned(),
            started_at: entry.at.checked_sub(jiff::SignedDuration::from_millis(total_ms)).ok(),
            total_ms: Some(entry.durations.total_ms),
            downtime_ms: entry.durations.downtime_ms,
            revision: entry.revision_after.clone(),
            release: entry.release_after.clone(),
            operator: Some(entry.operator.clone()),
            host: Some(entry.host.clone()),
        }
    }

    fn by(&self) -> String {
        match (&self.operator, &self.host) {
            (Some(operator), Some(host)) => text::clean(&format!("{operator}@{host}")),
            _ => String::new(),
        }
    }

    fn mark(&self) -> Mark {
        match self.status.as_str() {
            "succeeded" => Mark::Ok,
            "undone" => Mark::Undone,
            "refused" | "left" => Mark::Warn,
            "stuck" => Mark::Fail,
            _ => Mark::Working,
        }
    }

    fn short(&self) -> String {
        let at = self.started_at.map_or_else(String::new, |at| format!(", {}", text::moment(at)));
        format!("{} {}{at}", self.run, self.status)
    }
}

/// Runs, one a line.
pub fn runs(runs: &[RunLine], theme: Theme) -> String {
    const HEAD: [(&str, Align); 9] = [
        ("run", Align::Left),
        ("environment", Align::Left),
        ("status", Align::Left),
        ("started", Align::Left),
        ("took", Align::Right),
        ("downtime", Align::Right),
        ("release", Align::Left),
        ("revision", Align::Left),
        ("by", Align::Left),
    ];
    let rows: Vec<_> = runs
        .iter()
        .map(|run| {
            vec![
                run.run.to_string(),
                run.environment.clone(),
                run.status.clone(),
                run.started_at.map(text::moment).unwrap_or_default(),
                run.total_ms.map(text::took).unwrap_or_default(),
                run.downtime_ms.map(text::took).unwrap_or_default(),
                run.release.as_ref().map(|release| text::clean(&release.name)).unwrap_or_default(),
                facts::list(&run.revision),
                run.by(),
            ]
        })
        .collect();
    if rows.is_empty() { "no runs yet\n".to_owned() } else { columns(&HEAD, &rows, theme) }
}

/// What the ledger says of a run whose journal is not here any more.
pub fn ledger_entry(entry: &Entry, theme: Theme) -> String {
    let release = facts::change(
        &facts::release(entry.release_before.as_ref()),
        &facts::release(entry.release_after.as_ref()),
        theme,
    );
    let revision =
        facts::change(&facts::list(&entry.revision_before), &facts::list(&entry.revision_after), theme);
    let mut lines = vec![
        ("run", entry.run.to_string()),
        ("environment", text::clean(&entry.environment)),
        ("database", text::clean(&entry.target)),
        ("ended", format!("{}, {}", entry.end.replace('_', " "), text::moment(entry.at))),
        ("by", text::clean(&format!("{}@{}", entry.operator, entry.host))),
        ("release", release),
        ("revision", revision),
        ("digest", text::clean(&entry.digest)),
        ("took", text::took(entry.durations.total_ms)),
    ];
    let more = [("way back", &entry.way_back), ("backup", &entry.backup), ("failure", &entry.failure)];
    lines.extend(more.into_iter().filter_map(|(name, value)| Some((name, text::clean(value.as_ref()?)))));
    lines.push(("journal", "not here any more; this is what the ledger says".to_owned()));
    pairs(&lines, theme)
}

/// What a look at the ledger found.
pub fn ledger(lines: usize, added: usize, missing: &[String], unlike: &[String]) -> String {
    let mut out = format!("{} in the ledger", count(lines, "line"));
    if added > 0 {
        let _ = write!(out, ", {added} added from the journals");
    }
    out.push('\n');
    for one in missing {
        let _ = writeln!(out, "no line: {}", text::clean(one));
    }
    for one in unlike {
        let _ = writeln!(out, "not the same: {}", text::clean(one));
    }
    out
}

/// Records, one a line.
pub fn records(records: &[&Record], theme: Theme) -> String {
    const HEAD: [(&str, Align); 7] = [
        ("kind", Align::Left),
        ("result", Align::Left),
        ("environment", Align::Left),
        ("digest", Align::Left),
        ("release", Align::Left),
        ("when", Align::Left),
        ("by", Align::Left),
    ];
    let row = |record: &&Record| {
        let until = record.expires.map(|at| format!(", until {}", text::moment(at))).unwrap_or_default();
        let note = record.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
        vec![
            record.kind.name().to_owned(),
            record.result.name().to_owned(),
            text::clean(&record.environment),
            record.digest.get(..12).unwrap_or_default().to_owned(),
            record.release.as_ref().map(|release| text::clean(&release.name)).unwrap_or_default(),
            format!("{}{until}", text::moment(record.at)),
            text::clean(&format!("{}@{}{note}", record.operator, record.host)),
        ]
    };
    let rows: Vec<_> = records.iter().map(row).collect();
    if rows.is_empty() { "no records yet\n".to_owned() } else { columns(&HEAD, &rows, theme) }
}

/// What somebody is about to approve.
pub fn approval(plan: &Plan, theme: Theme) -> String {
    let mut lines = facts::about(plan, theme);
    if !plan.pending.is_empty() {
        lines.push(("", pending(&plan.pending)));
    }
    lines.push(("digest", plan.digest.clone()));
    pairs(&lines, theme)
}

/// A backup in a list.
#[derive(Clone, Debug, Serialize)]
pub struct BackupLine {
    /// What `restore` and `backup verify` call it.
    pub name: String,
    /// The database that it was taken of.
    pub target: String,
    /// When.
    pub taken_at: Timestamp,
    /// How many bytes it takes.
    pub bytes: u64,
    /// When it was last restored and compared; `None`: never.
    pub proven_at: Option<Timestamp>,
    /// What the last thorough look found wrong with it; `None`: nothing.
    pub damaged: Option<String>,
}

/// Backups, one a line. A backup that was never restored is marked, because it is a hope only, and so
/// is one that was found damaged.
pub fn backups(backups: &[BackupLine], theme: Theme) -> String {
    const HEAD: [(&str, Align); 5] = [
        ("backup", Align::Left),
        ("database", Align::Left),
        ("taken", Align::Left),
        ("size", Align::Right),
        ("proven", Align::Left),
    ];
    let rows: Vec<_> = backups
        .iter()
        .map(|backup| {
            let proven = match (&backup.damaged, backup.proven_at) {
                (Some(_), _) => "! damaged".to_owned(),
                (None, Some(at)) => text::moment(at),
                (None, None) => "! not proven".to_owned(),
            };
            let taken = text::moment(backup.taken_at);
            vec![backup.name.clone(), backup.target.clone(), taken, text::bytes(backup.bytes), proven]
        })
        .collect();
    if rows.is_empty() { "no backups yet\n".to_owned() } else { columns(&HEAD, &rows, theme) }
}

/// Where an environment is: what `status` prints, as text and as JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The environment.
    pub environment: String,
    /// The migrator.
    pub tool: String,
    /// The target's revisions.
    pub current: Vec<String>,
    /// The last revisions of the code.
    pub heads: Vec<String>,
    /// What is not applied yet.
    pub pending: Vec<Pending>,
    /// Why `heads` and `pending` are not known, where the files can't be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<Failure>,
    /// Whether the target's catalog differs from what its revision should give; `None`: not known.
    pub drift: Option<bool>,
    /// The run that is open or stuck.
    pub open_run: Option<RunLine>,
    /// The last run that ended.
    pub last_run: Option<RunLine>,
}

/// Where an environment is.
pub fn status(status: &Status, theme: Theme) -> String {
    let drift = match status.drift {
        None => "not known",
        Some(false) => "none",
        Some(true) => "! the target is not what its revision should give",
    };
    let run = |run: &RunLine| format!("{} {}", theme.mark(run.mark()), run.short());
    let known = |text: String| {
        if status.unread.is_some() { "! not known: the files can't be read".to_owned() } else { text }
    };
    let mut lines = vec![
        ("environment", status.environment.clone()),
        ("tool", status.tool.clone()),
        ("current", facts::list(&status.current)),
        ("heads", known(facts::list(&status.heads))),
        ("pending", known(pending(&status.pending))),
        ("drift", drift.to_owned()),
        ("last run", status.last_run.as_ref().map_or_else(|| "none".to_owned(), run)),
    ];
    if let Some(open) = &status.open_run {
        let next = theme.command(&format!("switchback runs show {}", open.run));
        lines.push(("open run", format!("{}\n{next}", run(open))));
    }
    pairs(&lines, theme)
}

/// Pending migrations under each other: revision, name, path.
pub(crate) fn pending(pending: &[Pending]) -> String {
    if pending.is_empty() {
        return "none".to_owned();
    }
    let widest = |of: fn(&Pending) -> &str| pending.iter().map(|one| width(of(one))).max().unwrap_or(0);
    let (revision, name) = (widest(|one| &one.revision), widest(|one| &one.name));
    let line =
        |one: &Pending| format!("{}  {}  {}", pad(&one.revision, revision), pad(&one.name, name), one.path);
    pending.iter().map(line).map(|line| text::clean(&line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Story, at};

    fn check(mark: Mark, title: &str, detail: &str, cure: Option<&str>) -> Check {
        Check { mark, title: title.into(), detail: detail.into(), cure: cure.map(str::to_owned) }
    }

    #[test]
    fn a_check_that_is_not_fine_stands_over_its_cure() {
        let all = [
            check(Mark::Ok, "configuration", "switchback.toml", None),
            check(
                Mark::Warn,
                "privileges",
                "no pg_signal_backend",
                Some("GRANT pg_signal_backend TO deploy"),
            ),
            check(Mark::Fail, "disk", "2.1 GB free, 9.6 GB needed", Some("make room in /var/backups/ada")),
        ];
        insta::assert_snapshot!(checks(&all, Theme { color: false, unicode: true }), @r"
        ✓ configuration  switchback.toml
        ! privileges     no pg_signal_backend
          cure: GRANT pg_signal_backend TO deploy
        ✗ disk           2.1 GB free, 9.6 GB needed
          cure: make room in /var/backups/ada

        3 checks: 1 not fine, 1 warning
        ");
        insta::assert_snapshot!(checks(&all[..1], Theme::plain()), @r"
        ok configuration  switchback.toml

        1 check: all fine
        ");
    }

    #[test]
    fn runs_stand_in_columns() {
        let all = [RunLine::of(&Story::good().view()), RunLine::of(&Story::stuck().view())];
        insta::assert_snapshot!(runs(&all, Theme::plain()), @r"
        run                   environment  status     started                     took  downtime  release  revision  by
        20261122-021407-7f3a  production   succeeded  2026-11-22T02:14:07Z  1 min 04 s    21.8 s  v1.5.0   c21b      deploy@ops-1
        20261122-021407-7f3a  production   stuck      2026-11-22T02:14:07Z  1 min 00 s    21.8 s  v1.5.0   c21b      deploy@ops-1
        ");
        assert_eq!(runs(&[], Theme::plain()), "no runs yet\n");
    }

    #[test]
    fn a_backup_that_was_never_restored_is_marked() {
        let backup = |name: &str, proven_at| BackupLine {
            name: name.into(),
            target: "ada".into(),
            taken_at: at(0),
            bytes: 4_812_000_000,
            proven_at,
            damaged: None,
        };
        let damaged = Some("dump/toc.dat is not what it was".to_owned());
        let all = [
            backup("20261122-0200", Some(at(90_000))),
            backup("20261121-0200", None),
            BackupLine { damaged, ..backup("20261120-0200", Some(at(0))) },
        ];
        insta::assert_snapshot!(backups(&all, Theme::plain()), @r"
        backup         database  taken                   size  proven
        20261122-0200  ada       2026-11-22T02:14:07Z  4.8 GB  2026-11-22T02:15:37Z
        20261121-0200  ada       2026-11-22T02:14:07Z  4.8 GB  ! not proven
        20261120-0200  ada       2026-11-22T02:14:07Z  4.8 GB  ! damaged
        ");
    }

    #[test]
    fn the_status_says_where_an_environment_is() {
        let view = Story::stuck().view();
        let mut here = Status {
            environment: "production".into(),
            tool: "alembic".into(),
            current: view.plan.revision_before.clone(),
            heads: view.plan.revision_after.clone(),
            pending: view.plan.pending.clone(),
            unread: None,
            drift: Some(false),
            open_run: Some(RunLine::of(&view)),
            last_run: Some(RunLine::of(&Story::good().view())),
        };
        insta::assert_snapshot!(status(&here, Theme { color: false, unicode: true }), @r"
        environment  production
        tool         alembic
        current      8f3a
        heads        c21b
        pending      c21b  add profiles  migrations/versions/c21b_add_profiles.py
        drift        none
        last run     ✓ 20261122-021407-7f3a succeeded, 2026-11-22T02:14:07Z
        open run     ✗ 20261122-021407-7f3a stuck, 2026-11-22T02:14:07Z
                     switchback runs show 20261122-021407-7f3a
        ");
        (here.pending, here.open_run, here.last_run) = (Vec::new(), None, None);
        here.drift = Some(true);
        insta::assert_snapshot!(status(&here, Theme::plain()), @r"
        environment  production
        tool         alembic
        current      8f3a
        heads        c21b
        pending      none
        drift        ! the target is not what its revision should give
        last run     none
        ");
    }
}
