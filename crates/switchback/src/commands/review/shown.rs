//! What is shown of the findings, put on record of them, and what exit status they come to.

use std::borrow::Cow;
use std::collections::BTreeMap;

use switchback_model::config::FailOn;
use switchback_model::finding::{Finding, Findings, Summary};
use switchback_model::record::{Accepted, RecordKind, Sealed};
use switchback_model::{Exit, Failure, Plan, Result, Severity, code};
use switchback_report::findings::{self, Columns, Reviewed, Rule};
use switchback_report::tables;
use switchback_workflow::records::{self, Store};
use switchback_workflow::review::{self, Allowed, Secrets};
use switchback_workflow::world::World;

use super::Args;
use super::ground::Reading;
use crate::app::App;

/// The rule that says what could not be read.
const UNREAD: &str = "unread-statement";

/// What was shown: the heaviest finding, and whether one says that something could not be read.
pub(super) struct Shown {
    worst: Option<Severity>,
    unread: bool,
    findings: Vec<Finding>,
    /// What the configuration allows.
    pub(super) allowed: Vec<Allowed>,
}

impl Shown {
    pub(super) fn exit(&self, args: &Args, configured: FailOn) -> Exit {
        let least = least(args, configured);
        if self.worst.is_some_and(|worst| worst >= least) { Exit::NotFine } else { Exit::Done }
    }

    /// What a person accepts who puts it on record: what is not fine, what could not be read, and what the
    /// configuration allows.
    fn accepted(&self, args: &Args, configured: FailOn) -> Vec<Accepted> {
        let least = least(args, configured);
        let weighs = |finding: &&Finding| finding.severity >= least || finding.rule == UNREAD;
        let own = self.findings.iter().filter(weighs).map(|finding| accepted(finding, None));
        let allowed = self.allowed.iter().filter(|allowed| weighs(&&allowed.finding));
        own.chain(allowed.map(|one| accepted(&one.finding, Some(&one.because)))).collect()
    }
}

fn least(args: &Args, configured: FailOn) -> Severity {
    match (args.fail_on.as_deref(), configured) {
        (Some("info"), _) | (None, FailOn::Info) => Severity::Info,
        (Some("warning"), _) | (None, FailOn::Warning) => Severity::Warning,
        _ => Severity::Error,
    }
}

fn accepted(finding: &Finding, because: Option<&String>) -> Accepted {
    Accepted {
        rule: finding.rule.to_string(),
        file: finding.file.to_string(),
        line: finding.line,
        message: finding.message.clone(),
        because: because.cloned(),
    }
}

/// The files' texts without their secrets. Most forms show a few of them, and some none.
struct Shareable<'a> {
    sources: &'a BTreeMap<String, String>,
    secrets: &'a Secrets,
}

impl findings::Sources for Shareable<'_> {
    fn text(&self, path: &str) -> Option<Cow<'_, str>> {
        let text = self.sources.get(path)?;
        Some(if self.secrets.is_empty() {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(self.secrets.hide_in_place(text))
        })
    }
}

pub(super) fn show(
    format: &findings::Format,
    mut found: Findings,
    asked: &Reading,
    sources: &BTreeMap<String, String>,
    secrets: &Secrets,
    args: &Args,
    app: &App,
) -> Result<Shown> {
    let columns = if args.utf16 { Columns::Utf16 } else { Columns::Characters };
    if args.utf16 {
        utf16(&mut found, sources);
    }
    if !secrets.is_empty() {
        secrets.hide_findings(&mut found.findings);
    }
    let rules: Vec<Rule<'_>> = review::rules().map(rule).collect();
    let reviewed = Reviewed {
        findings: &found,
        files: &asked.read,
        sources: &Shareable { sources, secrets },
        rules: &rules,
        columns,
        theme: app.theme_out(),
        width: app.width_out(),
    };
    app.printed_elsewhere();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let written = (format.write)(&reviewed, &mut out).and_then(|()| std::io::Write::flush(&mut out));
    match written {
        // A reader that went away is no error.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(code::INTERNAL, "the findings can't be written").because(&error))
        }
        _ => {
            if format.name == "gitlab" {
                say_left_out(&found.summary, app);
            }
            let unread = found.findings.iter().any(|finding| finding.rule == UNREAD);
            Ok(Shown { worst: found.worst(), unread, findings: found.findings, allowed: Vec::new() })
        }
    }
}

/// Where the report itself has no place for it.
fn say_left_out(summary: &Summary, app: &App) {
    let Summary { baseline, allowed, .. } = *summary;
    if baseline + allowed > 0 {
        app.say(&format!("left out: {baseline} of the baseline, {allowed} that the configuration allows\n"));
    }
}

fn rule(rule: &'static review::Rule) -> Rule<'static> {
    Rule { code: rule.code, name: rule.name, title: rule.title(), page: rule.page, severity: rule.severity }
}

fn utf16(found: &mut Findings, sources: &BTreeMap<String, String>) {
    let lines: BTreeMap<&str, Vec<&str>> =
        sources.iter().map(|(file, text)| (file.as_str(), text.lines().collect())).collect();
    for finding in &mut found.findings {
        let Some(lines) = lines.get(&*finding.file) else { continue };
        let units = |line: usize, column: usize| {
            let text = lines.get(line - 1).copied().unwrap_or_default();
            text.chars().take(column - 1).map(char::len_utf16).sum::<usize>() + 1
        };
        finding.column = units(finding.line, finding.column);
        finding.end_column = units(finding.end_line, finding.end_column);
    }
}

/// Puts on record that exactly these migrations were reviewed; findings that are not fine, and what
/// could not be read, must be accepted by a person who says why.
pub(super) fn record(
    plan: &Plan,
    world: &World,
    shown: &Shown,
    fail_on: FailOn,
    args: &Args,
    app: &App,
) -> Result<Exit> {
    let not_fine = shown.exit(args, fail_on) != Exit::Done;
    if (not_fine || shown.unread) && args.accept.is_none() {
        let why = if not_fine {
            "there are findings that are not fine"
        } else {
            "not every statement could be read"
        };
        app.say(&format!("nothing was put on record: {why}; accept that with --accept WHY\n"));
        return Ok(Exit::NotFine);
    }
    let mut record = records::about(plan, RecordKind::Review, &world.operator.user, &world.operator.host);
    record.note.clone_from(&args.accept);
    record.accepted = shown.accepted(args, fail_on);
    let sealed = Sealed::new(record)?;
    Store::of(&world.config).add(&sealed)?;
    app.say(&tables::records(&[&sealed.record], app.theme()));
    Ok(Exit::Done)
}
