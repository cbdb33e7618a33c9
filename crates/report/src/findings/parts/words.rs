//! A finding in words.

use std::fmt::Write as _;

use switchback_model::Severity;
use switchback_model::finding::{Finding, LockTaken, Summary};

use super::fix;
use crate::text::{clean, count, indent};

/// As people and other programs call it: what is good to know is a note.
pub(in crate::findings) fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "note",
        other => other.name(),
    }
}

/// `ACCESS EXCLUSIVE on orders, rewritten`
pub(in crate::findings) fn lock(lock: &LockTaken) -> String {
    let mut out = line(&lock.mode);
    if !lock.relation.is_empty() {
        out.push_str(" on ");
        out.push_str(&line(&lock.relation));
    }
    for (so, word) in [(lock.rewrite, ", rewritten"), (lock.scan, ", scanned")] {
        out.push_str(if so { word } else { "" });
    }
    out
}

/// `3 errors, 1 warning, 0 notes in 12 files; left out: 40 of the baseline`
pub(in crate::findings) fn summary(summary: &Summary) -> String {
    let Summary { error, warning, info, files, .. } = *summary;
    let [error, warning, info, files] =
        [(error, "error"), (warning, "warning"), (info, "note"), (files, "file")]
            .map(|(n, what)| count(n, what));
    format!("{error}, {warning}, {info} in {files}{}", left_out(summary))
}

/// `; left out: 40 of the baseline, 2 that the configuration allows`, where something was: nothing is
/// left out in silence.
pub(in crate::findings) fn left_out(summary: &Summary) -> String {
    let what = [(summary.baseline, "of the baseline"), (summary.allowed, "that the configuration allows")];
    let told: Vec<_> = what.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    if told.is_empty() { String::new() } else { format!("; left out: {}", told.join(", ")) }
}

/// The path as services know it that look at a repository: below its root, without a leading `./`.
pub(in crate::findings) fn path(finding: &Finding) -> &str {
    let mut path = &*finding.file;
    while let Some(rest) = path.strip_prefix("./") {
        path = rest.trim_start_matches('/');
    }
    path
}

/// Everything below the message, as plain lines: for readers that know no markup.
pub(in crate::findings) fn body(finding: &Finding) -> String {
    let mut out = String::new();
    let lock = finding.lock.as_ref().map(lock).unwrap_or_default();
    for (label, text) in [("lock", lock.as_str()), ("why", &finding.why), ("help", &finding.help)] {
        if !text.is_empty() {
            let _ = writeln!(out, "{label}: {}", lines(text));
        }
    }
    if let Some(fix) = &finding.fix {
        let sql = indent(&lines(&fix::sql(fix)), "    ");
        let _ = write!(out, "fix: {}\n{sql}", fix::title(fix));
    }
    out
}

/// A text as one line, without what moves a cursor.
pub(in crate::findings) fn line(text: &str) -> String {
    clean(&text.replace(['\r', '\n'], " ")).trim().to_owned()
}

/// Each line without what moves a cursor.
pub(in crate::findings) fn lines(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::parts::testing::Sample;

    #[test]
    fn a_path_is_below_the_root_of_the_repository() {
        let mut finding = Sample::some().findings.findings[0].clone();
        for (given, known) in
            [("./a/./b.sql", "a/./b.sql"), (".//a.sql", "a.sql"), ("/a.sql", "/a.sql"), ("-", "-")]
        {
            finding.file = given.into();
            assert_eq!(path(&finding), known);
        }
    }

    #[test]
    fn a_lock_says_what_is_done_under_it() {
        let mut taken = LockTaken { mode: "SHARE".into(), relation: "a.b".into(), rewrite: true, scan: true };
        assert_eq!(lock(&taken), "SHARE on a.b, rewritten, scanned");
        (taken.relation, taken.rewrite, taken.scan) = (String::new(), false, false);
        assert_eq!(lock(&taken), "SHARE");
    }
}
