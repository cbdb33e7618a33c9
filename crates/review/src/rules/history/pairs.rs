//! A way up and its way down.

use crate::made::Thing;
use crate::rule::prelude::*;

pub(super) const MISSING: Rule = Rule {
    code: "SR1211",
    name: "missing-down",
    severity: Severity::Warning,
    style: false,
    page: include_str!("missing_down.md"),
    look: Look::History(missing),
};

pub(super) const ASYMMETRIC: Rule = Rule {
    code: "SR1212",
    name: "asymmetric-down",
    severity: Severity::Warning,
    style: false,
    page: include_str!("asymmetric_down.md"),
    look: Look::Pair(asymmetric),
};

pub(super) const LOSES: Rule = Rule {
    code: "SR1213",
    name: "down-loses-data",
    severity: Severity::Warning,
    style: false,
    page: include_str!("down_loses_data.md"),
    look: Look::Pair(loses),
};

pub(super) const CANNOT: Rule = Rule {
    code: "SR1214",
    name: "down-cannot-restore",
    severity: Severity::Error,
    style: false,
    page: include_str!("down_cannot_restore.md"),
    look: Look::Pair(cannot),
};

fn missing(history: &History<'_>, out: &mut Out<'_>) {
    let goes_back = |migration: &Migration<'_>| {
        migration.down.as_ref().is_some_and(|down| !down.script.is_python() && !down.reads.is_empty())
    };
    // Who never goes back by a script has another way.
    if !history.migrations.iter().any(goes_back) {
        return;
    }
    let reviewed = history.migrations.iter().skip(history.first);
    for migration in reviewed.filter(|migration| !goes_back(migration)) {
        let up = &migration.up;
        let repeated = up.script.path.rsplit('/').next().is_some_and(|name| name.starts_with("R__"));
        let down = migration.down.as_ref().map(|down| down.script.text).unwrap_or_default();
        if up.script.applied || up.script.is_python() || up.reads.is_empty() || repeated {
            continue;
        }
        if says_irreversible(up.script.text) || says_irreversible(down) {
            continue;
        }
        let what = if migration.down.is_some() { "its way down is empty" } else { "it has no way down" };
        let found = Found::new(what, "others here have one: whoever goes back stops at this one");
        let help = "write the way down, or a comment that says why it is irreversible";
        out.push_script(up, None, found.help(help));
    }
}

/// How people say that there is no way back.
const IRREVERSIBLE: &[&str] = &[
    "irreversible",
    "not reversible",
    "no way back",
    "no restore",
    "no rollback",
    "cannot be undone",
    "can't be undone",
    "cannot be reverted",
    "can't be reverted",
    "forward-only",
];

fn says_irreversible(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    IRREVERSIBLE.iter().any(|words| lower.contains(words))
}

fn asymmetric(pair: &Pair<'_>, out: &mut Out<'_>) {
    let Pair { up, down, forward, back } = pair;
    for (thing, _) in forward.left_by(back) {
        let found = Found::new(
            format!("{thing} is made on the way up, and stays on the way back"),
            "the next way up meets it again, and fails or works on the old one",
        );
        out.push_script(down, start(down), found.help(format!("drop {thing} here")));
    }
    for (thing, number) in back.dropped.iter().filter(|(thing, _)| !forward.touches(thing)) {
        let found = Found::new(
            format!("{thing} is dropped here, and the way up does not make it"),
            "going back takes away what was there before the migration",
        );
        out.push_statement(down, *number, found.help("drop what the way up made, and nothing else"));
    }
    for (thing, number) in forward.dropped.iter().filter(|(thing, _)| !back.touches(thing)) {
        let found = Found::new(
            format!("{thing} is dropped, and the way down does not bring it back"),
            "after going back, the old version of the application misses it",
        );
        let help = "make it again on the way down, or say there that it is irreversible";
        if !says_irreversible(down.script.text) {
            out.push_statement(up, *number, found.help(help));
        }
    }
    for (what, number) in forward.changed.iter().filter(|(thing, _)| !back.changes(thing)) {
        let found = Found::new(
            format!("{what} is changed, and the way down does not change it back"),
            "after going back, the old version of the application meets the new column",
        );
        out.push_statement(up, *number, found.help("set it back on the way down"));
    }
}

fn loses(pair: &Pair<'_>, out: &mut Out<'_>) {
    let Pair { down, forward, back, .. } = pair;
    for (thing, number) in back.dropped.iter().filter(|(thing, _)| forward.fills(thing)) {
        let found = Found::new(
            format!("{thing} is dropped on the way back, and the way up filled it"),
            "what was written there, then and since, is lost",
        );
        let help = "keep a copy of it before it is dropped, or leave it there: the old version does not mind";
        out.push_statement(down, *number, found.help(help));
    }
}

fn cannot(pair: &Pair<'_>, out: &mut Out<'_>) {
    let Pair { up, forward, back, .. } = pair;
    let gone = forward.dropped.iter().filter(|(thing, _)| back.created.contains_key(*thing));
    for (thing, number) in gone.chain(&forward.emptied) {
        if !matches!(thing, Thing::Table(_) | Thing::Column(..)) || forward.keeps_copy(thing) {
            continue;
        }
        let found = Found::new(
            format!("the way down can't bring back what was in {thing}"),
            "it looks as if there was a way back, and behind it the rows are gone",
        );
        let help = "rename it and drop it in a later release, or copy it before, and prove a backup";
        out.push_statement(up, *number, found.help(help));
    }
}

fn start(script: &ScriptAt<'_>) -> Option<(usize, usize)> {
    script.reads.first().map(|read| (read.range.start, read.range.end))
}
