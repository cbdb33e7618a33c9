//! What a migration will do, read without running it.
//!
//! A rule is a file in a folder of `rules/`, its page beside it (`NAME.md`), and a line in the folder's
//! `mod.rs`. [`walk`] leads the rules through the scripts: it keeps the schema, the session and the
//! locks that a statement meets, so that a rule only says what it knows.

pub mod alembic;
pub mod cx;
pub mod fix;
pub mod layout;
mod live;
mod made;
mod options;
mod out;
mod place;
pub mod rule;
pub mod rules;
pub mod secrets;
mod suppress;
mod walk;

pub use cx::{Direction, Script};
pub use live::{
    Fact, Live, LiveExtension, LiveLack, LiveRole, LiveSequence, LiveSlot, LiveTable, LiveTransaction,
};
pub use options::{Level, Options};
pub use out::{Found, Question, Raw};
pub use rule::{Look, Rule};
pub use rules::{alias, all, find, named};
pub use switchback_model::Severity;
pub use switchback_model::finding::{Finding, Findings};

/// Reads scripts by every rule; they are given in the order in which they run, a way down behind its way
/// up. Findings are sorted by file, place and rule.
pub fn review(scripts: &[Script<'_>], options: &Options, live: &Live) -> Findings {
    let raw = raw(scripts, options, live);
    let files: std::collections::BTreeSet<_> =
        scripts.iter().filter(|script| !script.applied).map(|script| script.path).collect();
    Findings::new(raw.into_iter().map(|raw| *raw.finding).collect(), files.len())
}

/// The same, with the questions that a target could answer.
pub fn raw(scripts: &[Script<'_>], options: &Options, live: &Live) -> Vec<Raw> {
    let walked = walk::walk(scripts, options, live);
    let mut raw = suppress::suppress(walked, scripts, options);
    raw.retain_mut(|raw| leveled(raw, options));
    sort(&mut raw);
    let mut said = std::collections::BTreeSet::new();
    raw.retain(|raw| match &raw.once {
        Some(once) => said.insert((raw.script, raw.finding.code.clone(), once.clone())),
        None => true,
    });
    raw
}

/// Findings in the order in which they are shown: by file, place and rule.
pub fn sort(raw: &mut [Raw]) {
    raw.sort_by(|a, b| key(&a.finding).cmp(&key(&b.finding)));
}

/// How much a rule's findings weigh in a project; nothing: they are not wanted there.
pub fn weight(rule: &Rule, options: &Options) -> Option<Severity> {
    match rules::level(rule.code, rule.name, options) {
        Some(Level::Off) => None,
        Some(Level::As(severity)) => Some(severity),
        Some(Level::On) | None => Some(rule.severity),
    }
}

fn key(finding: &Finding) -> (&str, usize, usize, &str, &str) {
    (&finding.file, finding.line, finding.column, &finding.code, &finding.message)
}

/// Whether a finding is wanted; gives it the weight that the project gave its rule.
fn leveled(raw: &mut Raw, options: &Options) -> bool {
    match rules::level(&raw.finding.code, &raw.finding.rule, options) {
        Some(Level::Off) => false,
        Some(Level::As(severity)) => {
            raw.finding.severity = severity;
            true
        }
        Some(Level::On) | None => true,
    }
}
