//! `[[review.allow]]`: findings that a project says are in order, by rule and by path, and why.

use std::collections::BTreeSet;
use std::path::Path;

use switchback_model::config::{Allow, Review};
use switchback_model::{Failure, Finding, Result, code};
use switchback_review::{Raw, named};

use super::files::matches;
use super::names::Names;
use super::no_such;

/// A finding that the configuration allows, and why.
#[derive(Clone, Debug)]
pub struct Allowed {
    /// The finding.
    pub finding: Finding,
    /// Why it is in order.
    pub because: String,
}

/// Refuses an entry that names a rule that there is not, or that would allow everything.
///
/// # Errors
/// [`code::CONFIG_INVALID`].
pub(super) fn check(review: &Review) -> Result<()> {
    for (number, entry) in review.allow.iter().enumerate() {
        if let Some(unknown) = entry.rules.iter().find(|name| named(name).is_empty()) {
            return Err(no_such(unknown));
        }
        if entry.rules.is_empty() && entry.paths.is_empty() {
            let message = format!("[[review.allow]] number {} allows everything", number + 1);
            return Err(Failure::new(code::CONFIG_INVALID, message).changed("nothing was reviewed").hint(
                "name what it is about: rules = [\"drop-column\"], paths = [\"migrations/0003*\"], or both",
            ));
        }
    }
    Ok(())
}

/// Takes out what the entries allow; gives it, and says of each entry whether it allowed anything.
pub(super) fn take_out(raw: &mut Vec<Raw>, entries: &[Allow], names: &Names) -> (Vec<Allowed>, Vec<bool>) {
    let (mut taken, mut used) = (Vec::new(), vec![false; entries.len()]);
    if entries.is_empty() {
        return (taken, used);
    }
    let codes: Vec<BTreeSet<&str>> = entries.iter().map(codes).collect();
    raw.retain(|raw| {
        let file = names.of(&raw.finding.file);
        let mut because = None;
        for (number, entry) in entries.iter().enumerate() {
            let rule = entry.rules.is_empty() || codes[number].contains(&*raw.finding.code);
            if rule && is_in(entry, &file) {
                used[number] = true;
                because.get_or_insert(&entry.because);
            }
        }
        let Some(because) = because else { return true };
        taken.push(Allowed { finding: (*raw.finding).clone(), because: because.clone() });
        false
    });
    (taken, used)
}

/// Of the rules that an entry names.
fn codes(entry: &Allow) -> BTreeSet<&'static str> {
    entry.rules.iter().flat_map(|name| named(name)).map(|rule| rule.code).collect()
}

fn is_in(entry: &Allow, file: &str) -> bool {
    entry.paths.is_empty() || entry.paths.iter().any(|pattern| matches(pattern, file))
}

/// What an entry is about, as people say it.
pub(super) fn told(entry: &Allow) -> String {
    let rules = if entry.rules.is_empty() { "any rule".to_owned() } else { entry.rules.join(", ") };
    let paths =
        if entry.paths.is_empty() { String::new() } else { format!(" in {}", entry.paths.join(", ")) };
    format!("{rules}{paths}")
}

/// The line of the configuration at which an entry begins, from 1; the first line where it is written in
/// a way that has no line of its own.
pub(super) fn line(text: &str, number: usize) -> usize {
    let begins = |line: &str| {
        let bare: String = line.chars().filter(|c| !c.is_whitespace()).collect();
        bare.starts_with("[[review.allow]]")
    };
    text.lines().enumerate().filter(|(_, line)| begins(line)).nth(number).map_or(1, |(line, _)| line + 1)
}

/// A text in which only these lines are left, where they stood: of a configuration nothing else is
/// anybody's to show.
pub(super) fn only(text: &str, lines: &[usize]) -> String {
    let kept = text.lines().enumerate().map(|(number, line)| {
        if lines.contains(&(number + 1)) { format!("{line}\n") } else { "\n".to_owned() }
    });
    kept.collect()
}

/// As it is shown from here.
pub(super) fn shown(path: &Path, here: &Path) -> String {
    path.strip_prefix(here).unwrap_or(path).to_string_lossy().into_owned()
}
