//! What a migration will do, read without running it.
//!
//! A rule is a file in `rules/`, its page beside it (`NAME.md`), and a line in [`rules::RULES`].

pub mod alembic;
mod finding;
pub mod rules;

pub use finding::{Facts, Finding, Script, Severity};
pub use rules::{RULES, Rule};

/// Reads scripts by every rule. Findings are sorted by file, line, column and rule.
pub fn review(scripts: &[Script<'_>], facts: &Facts<'_>) -> Vec<Finding> {
    let mut findings: Vec<_> =
        scripts.iter().flat_map(|script| RULES.iter().flat_map(|rule| rule.check(script, facts))).collect();
    findings.sort_by(|a, b| (&a.file, a.line, a.column, a.rule).cmp(&(&b.file, b.line, b.column, b.rule)));
    findings
}
