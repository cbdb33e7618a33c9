//! Files as files: empty ones, large ones, two of one version.

use std::collections::BTreeMap;

use crate::rule::prelude::*;

pub(super) const EMPTY: Rule = Rule {
    code: "SR1226",
    name: "empty-migration",
    severity: Severity::Info,
    style: false,
    page: include_str!("empty_migration.md"),
    look: Look::Script(empty),
};

pub(super) const LARGE: Rule = Rule {
    code: "SR1227",
    name: "large-migration-file",
    severity: Severity::Info,
    style: false,
    page: include_str!("large_migration_file.md"),
    look: Look::Script(large),
};

pub(super) const VERSION: Rule = Rule {
    code: "SR1217",
    name: "duplicate-or-gap-version",
    severity: Severity::Error,
    style: false,
    page: include_str!("duplicate_or_gap_version.md"),
    look: Look::History(version),
};

fn empty(at: &ScriptAt<'_>, out: &mut Out<'_>) {
    // Of a way down that is empty, `missing-down` speaks.
    if at.script.is_python() || !at.reads.is_empty() || at.script.direction == crate::Direction::Down {
        return;
    }
    let found = Found::new("there is no statement in it", "it is recorded as applied, and did nothing");
    out.push_script(at, None, found.help("write its statements, or take the file away before it is applied"));
}

fn large(at: &ScriptAt<'_>, out: &mut Out<'_>) {
    let (statements, bytes) = at.options.large;
    let part = at.script.part.clone().unwrap_or(0..at.script.text.len());
    let size = switchback_model::units::Size(part.len() as u64);
    if at.reads.len() <= statements && part.len() <= bytes {
        return;
    }
    let found = Found::new(
        format!("the script has {} statements in {size}", at.reads.len()),
        "nobody reads so much, and in one transaction every lock is held until the end",
    );
    out.push_script(
        at,
        None,
        found.help("take it apart: the schema in small files, data by a job of its own"),
    );
}

fn version(history: &History<'_>, out: &mut Out<'_>) {
    let mut seen: BTreeMap<(&str, u64), &str> = BTreeMap::new();
    for (number, migration) in history.migrations.iter().enumerate() {
        let up = &migration.up;
        let Some((folder, digits)) = numbered(up.script.revision) else { continue };
        let Ok(value) = digits.parse::<u64>() else { continue };
        let reviewed = number >= history.first && !up.script.applied;
        let before = seen.insert((folder, value), up.script.path);
        if let Some(before) = before.filter(|before| reviewed && *before != up.script.path) {
            let found = Found::new(
                format!("`{before}` has the version {digits} too"),
                "which of them is the version is left to chance: a migrator refuses both, or runs one of them",
            );
            out.push_script(up, None, found.help("give the file that is not applied yet the next version"));
            continue;
        }
        // Whoever counts from 1 leaves out none by intent; of a clock's time nothing is known.
        let counts = value < 10_000 && seen.contains_key(&(folder, 1));
        let last = seen.range(..(folder, value)).next_back().filter(|((of, _), _)| *of == folder);
        let gap = last.filter(|((_, last), _)| reviewed && before.is_none() && counts && last + 1 < value);
        if let Some(((_, last), path)) = gap {
            let found = Found::new(
                format!("between version {last} and {value} there is none"),
                format!(
                    "a file behind `{path}` is missing, or was never merged; once it comes, it stands before one that is applied"
                ),
            );
            let help = "look for the missing file, or give this one the next number";
            out.push_script(up, None, found.help(help).severity(Severity::Info));
        }
    }
}

/// The folder and the number of a revision, where it is a number; not a day, of which there may be two.
fn numbered(revision: &str) -> Option<(&str, &str)> {
    let (folder, digits) = revision.rsplit_once('/').unwrap_or(("", revision));
    let digits = digits.strip_prefix('V').unwrap_or(digits);
    let all = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (all && digits.len() != 8).then_some((folder, digits))
}
