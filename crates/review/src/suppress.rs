//! Comments that allow what was found: `-- switchback: allow drop-table because nobody reads it`.
//!
//! One stands before a statement, or in it, and is about that statement; `allow-file` is about the whole
//! script. The comments of squawk (`-- squawk-ignore RULE`), Atlas (`-- atlas:nolint RULE`) and eugene
//! (`-- eugene: ignore RULE`) are understood too, with their names of rules (`rules/aliases.rs`). A comment
//! that allows nothing is a finding, and so is one without a reason.

use std::collections::BTreeMap;
use std::ops::Range;

use switchback_sql::{Mentions, tokens};

use crate::cx::{Mark, Read, Script, ScriptAt};
use crate::live::Live;
use crate::options::Options;
use crate::out::{Found, Out, Raw};
use crate::place::Places;
use crate::rules;
use crate::walk::Walked;

/// How a comment that allows something begins, in lower case, and whether it is about the whole script.
const BEGINNINGS: &[(&str, bool)] = &[
    ("switchback: allow-file", true),
    ("switchback: allow", false),
    ("squawk-ignore-file", true),
    ("squawk-ignore", false),
    ("atlas:nolint", false),
    ("eugene: ignore", false),
];

/// Takes out what comments allow, and puts in what is to be said of those comments.
pub(crate) fn suppress(walked: Walked, scripts: &[Script<'_>], options: &Options) -> Vec<Raw> {
    let Walked { mut raw, reads } = walked;
    // The marks of each script that has some, and whether they were used.
    let mut all: BTreeMap<usize, (Vec<Mark>, Vec<bool>)> = BTreeMap::new();
    for (number, script) in scripts.iter().enumerate().filter(|(_, script)| !script.applied) {
        let marks = marks(script, &reads[number]);
        if !marks.is_empty() {
            let used = vec![false; marks.len()];
            all.insert(number, (marks, used));
        }
    }
    raw.retain(|raw| all.get_mut(&raw.script).is_none_or(|(marks, used)| !allowed(raw, marks, used)));
    for (number, (marks, used)) in all {
        let (script, live) = (&scripts[number], Live::default());
        let (reads, places) = (&reads[number], Places::of(script.text));
        let at = ScriptAt { number, script, reads, places: &places, options, live: &live };
        for (mark, used) in marks.iter().zip(used) {
            say(&at, mark, used, &mut raw);
        }
    }
    raw
}

/// Whether one of the marks allows it. All that do are used.
fn allowed(raw: &Raw, marks: &[Mark], used: &mut [bool]) -> bool {
    let mut allowed = false;
    for (mark, used) in marks.iter().zip(used) {
        let here = mark.statement.is_none() || mark.statement == raw.statement;
        let named = mark.rules.is_empty()
            || mark.rules.iter().any(|name| rules::means(name, &raw.finding.code, &raw.finding.rule));
        if here && named {
            *used = true;
            allowed = true;
        }
    }
    allowed
}

fn say(script: &ScriptAt<'_>, mark: &Mark, used: bool, raw: &mut Vec<Raw>) {
    // Those of other tools name rules of those, and know no reasons.
    if !script.script.text[mark.range.clone()].to_ascii_lowercase().contains("switchback:") {
        return;
    }
    let place = Some((mark.range.start, mark.range.end));
    let what = if mark.rules.is_empty() { "anything".to_owned() } else { mark.rules.join(", ") };
    if let Some(rule) = rules::find("unused-suppression").filter(|_| !used) {
        let found = Found::new(
            format!("this comment allows {what}, and nothing of that is found"),
            "what it was written for is gone, or the name is not a rule's; the next hazard here would be allowed unseen",
        );
        Out { rule, raw }.push_script(script, place, found.help("take the comment away, or name the rule"));
    }
    if let Some(rule) = rules::find("suppression-without-reason").filter(|_| mark.reason.is_none()) {
        let found = Found::new(
            format!("this comment allows {what} without a reason"),
            "whoever reads it later can't tell whether it still holds",
        );
        let help = "write why: -- switchback: allow RULE because …";
        Out { rule, raw }.push_script(script, place, found.help(help));
    }
}

/// How comments begin that allow something, ours and those of other linters.
const MARKS: Mentions = Mentions::of(&["switchback:", "squawk-ignore", "atlas:nolint", "eugene: ignore"]);

/// Every comment of a script that allows something.
pub(crate) fn marks(script: &Script<'_>, reads: &[Read]) -> Vec<Mark> {
    let part = script.part.clone().unwrap_or(0..script.text.len());
    // Most scripts have none, and reading their tokens again would take longer than this.
    let text = script.text.get(part.clone()).unwrap_or_default();
    if !MARKS.any_in(text) {
        return Vec::new();
    }
    let comments = comments(script, part);
    comments.into_iter().filter_map(|range| mark(script.text, range, reads)).collect()
}

fn comments(script: &Script<'_>, part: Range<usize>) -> Vec<Range<usize>> {
    if script.is_python() {
        return lines(script.text);
    }
    let all = tokens(&script.text[part.clone()]).filter(switchback_sql::Token::is_comment);
    all.map(|token| token.start + part.start..token.end + part.start).collect()
}

/// Comments of Python, and of SQL in its texts.
fn lines(text: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    let mut found = Vec::new();
    for line in text.split_inclusive('\n') {
        if let Some(at) = line.find("# ").or_else(|| line.find("--")) {
            found.push(start + at..start + line.trim_end().len());
        }
        start += line.len();
    }
    found
}

fn mark(text: &str, range: Range<usize>, reads: &[Read]) -> Option<Mark> {
    let comment = text.get(range.clone())?;
    let inside = comment
        .trim_start_matches(['-', '/', '*', '#', ' ', '\t'])
        .trim_end_matches(['*', '/', ' ', '\n', '\r']);
    let lower = inside.to_ascii_lowercase();
    let (beginning, whole) = BEGINNINGS.iter().find(|(beginning, _)| lower.starts_with(beginning))?;
    let rest = inside[beginning.len()..].trim_start_matches(':').trim();
    let (names, reason) = reason(rest);
    let rules = names.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    Some(Mark { statement: (!whole).then(|| statement(text, &range, reads)), rules, reason, range })
}

/// `drop-table because nobody reads it`, `drop-table: nobody reads it`, `drop-table -- nobody reads it`.
fn reason(text: &str) -> (&str, Option<String>) {
    // Without a rule's name: anything is allowed.
    if let Some(reason) = text.strip_prefix("because ") {
        return ("", Some(reason.trim().to_owned()).filter(|reason| !reason.is_empty()));
    }
    let text = text.strip_suffix(" because").unwrap_or(text);
    for mark in [" because ", " -- ", ": ", " # "] {
        if let Some((names, reason)) = text.split_once(mark) {
            return (names, Some(reason.trim().to_owned()).filter(|reason| !reason.is_empty()));
        }
    }
    (text, None)
}

/// The statement in which, or before which, it stands; one that stands behind a statement in its last
/// line is about that one. Behind all statements: about none.
fn statement(text: &str, range: &Range<usize>, reads: &[Read]) -> usize {
    let next = reads.partition_point(|read| read.range.end <= range.start);
    let last = next.checked_sub(1).and_then(|last| reads.get(last));
    let same_line = last.and_then(|last| text.get(last.range.end..range.start));
    if same_line.is_some_and(|between| !between.contains('\n')) { next - 1 } else { next }
}

#[cfg(test)]
mod tests {
    use crate::{Live, Options, Script};

    /// The lines of what is wrong with a script's grammar, and the rules that speak of its comments.
    fn left(text: &str) -> (Vec<usize>, Vec<String>) {
        let all = crate::review(&[Script::new("a.sql", text)], &Options::default(), &Live::default());
        let own = |rule: &str| rule == "syntax-error";
        let lines = all.findings.iter().filter(|found| own(&found.rule)).map(|found| found.line);
        let comments = ["unused-suppression", "suppression-without-reason"];
        let about = all.findings.iter().filter(|found| comments.contains(&&*found.rule));
        (lines.collect(), about.map(|found| found.rule.to_string()).collect())
    }

    #[test]
    fn a_comment_is_about_its_statement() {
        for (text, lines) in [
            ("-- switchback: allow syntax-error because a\nselekt 1;\nselekt 2;", vec![3]),
            ("selekt\n  -- switchback: allow syntax-error because a\n 1;\nselekt 2;", vec![4]),
            ("selekt 1; -- switchback: allow syntax-error because a\nselekt 2;", vec![2]),
            ("selekt 1; /* switchback: allow SR1222 because a */ select 2;\nselekt 3;", vec![2]),
            ("selekt 1;\n\n-- Switchback: Allow because a\n\nselekt 2;", vec![1]),
            ("selekt 1;\nselekt 2;\n-- switchback: allow-file syntax-error: a", vec![]),
            ("-- squawk-ignore syntax-error\nselekt 1;\nselekt 2;", vec![3]),
            ("-- atlas:nolint\nselekt 1;", vec![]),
            ("-- switchback: allow drop-table, syntax-error because a: b\nselekt 1;", vec![]),
        ] {
            assert_eq!(left(text), (lines, Vec::new()), "{text}");
        }
    }

    #[test]
    fn what_it_lacks_is_said() {
        let one = |rule: &str| vec![rule.to_owned()];
        let reason = one("suppression-without-reason");
        for (text, lines, rules) in [
            ("-- switchback: allow syntax-error\nselekt 1;", vec![], reason.clone()),
            ("selekt 1; -- switchback: allow syntax-error because", vec![], reason),
            ("-- switchback: allow drop-table because a\nselekt 1;", vec![2], one("unused-suppression")),
            ("selekt 1;\n-- switchback: allow syntax-error because a", vec![1], one("unused-suppression")),
            ("-- switchback: allow-file drop-table because a", vec![], one("unused-suppression")),
            ("select '-- switchback: allow syntax-error'; selekt 1;", vec![1], Vec::new()),
            ("-- atlas:nolint\nselect 1;", vec![], Vec::new()),
        ] {
            assert_eq!(left(text), (lines, rules), "{text}");
        }
    }
}
