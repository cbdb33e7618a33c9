//! Every rule: one file, one page, one line in its folder's `mod.rs`.

use switchback_model::Severity;

use crate::cx::At;
use crate::options::{Level, Options};
use crate::out::{Found, Out, Raw};
use crate::rule::Rule;

mod aliases;
mod compatibility;
mod constraints;
mod data_loss;
mod design;
mod history;
mod indexes;
mod locking;
mod partitions;
mod replication;
mod rewrites;
mod routines;
mod safe;
mod security;
mod target;
mod text;
mod truth;

#[cfg(test)]
mod tests;

/// The folders, by the number in their rules' codes.
static GROUPS: &[&[&Rule]] = &[
    constraints::RULES,
    rewrites::RULES,
    indexes::RULES,
    partitions::RULES,
    routines::RULES,
    data_loss::RULES,
    compatibility::RULES,
    locking::RULES,
    design::RULES,
    security::RULES,
    replication::RULES,
    history::RULES,
];

pub use aliases::{Alias, alias, named};

/// Every rule.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    GROUPS.iter().flat_map(|group| group.iter().copied())
}

/// The rule of a name or a code, in any spelling of case.
pub fn find(name: &str) -> Option<&'static Rule> {
    all().find(|rule| is_named(rule.code, rule.name, name))
}

/// Whether a name is the rule's: its name, or its code.
pub(crate) fn is_named(code: &str, rule: &str, name: &str) -> bool {
    let dashed = |name: u8| if name == b'_' { b'-' } else { name };
    name.eq_ignore_ascii_case(rule)
        || name.eq_ignore_ascii_case(code)
        || name.bytes().map(dashed).eq(rule.bytes())
}

/// Whether a name means the rule: one of its own, or what another tool calls it.
pub(crate) fn means(name: &str, code: &str, rule: &str) -> bool {
    is_named(code, rule, name) || alias(name).is_some_and(|alias| alias.rules.contains(&rule))
}

/// What a project said of a rule.
pub(crate) fn level(code: &str, rule: &str, options: &Options) -> Option<Level> {
    if options.rules.is_empty() {
        return None;
    }
    options.rules.iter().find(|(name, _)| is_named(code, rule, name)).map(|(_, level)| *level)
}

/// The rules that are on.
pub(crate) fn active(options: &Options) -> impl Iterator<Item = &'static Rule> {
    all().filter(|rule| match level(rule.code, rule.name, options) {
        Some(Level::Off) => false,
        Some(Level::As(_) | Level::On) => true,
        None => options.all || !rule.style,
    })
}

/// On a way down only one thing is said of a statement: that going back would hold up others.
pub(crate) fn going_back(at: &At<'_>, raw: &mut Vec<Raw>, rules: impl FnOnce(&At<'_>, &mut Vec<Raw>)) {
    // Most ways down write and read through nothing, and then no rule has to look.
    if at.effects.rewrites.is_empty() && at.effects.scans.is_empty() {
        return;
    }
    let Some(rule) = find("rollback-needs-lock") else { return };
    let mut found = Vec::new();
    rules(at, &mut found);
    let holds_up = |raw: &Raw| {
        let lock = raw.finding.lock.as_ref();
        raw.finding.severity > Severity::Info && lock.is_some_and(|lock| lock.rewrite || lock.scan)
    };
    if let Some(raw_found) = found.into_iter().find(holds_up) {
        let finding = raw_found.finding;
        let message = format!("going back holds up others: {}", finding.message);
        Out { rule, raw }.push(at, Found::new(message, finding.why).help(finding.help));
    }
}
