//! What a review has to say of a migration.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Stands in a source's text for a character of a secret: nobody's text has it, so that readers can show
/// a secret of any length as one.
pub const HIDDEN: char = '\u{e000}';
/// The same for a character that has two units in UTF-16.
pub const HIDDEN_WIDE: char = '\u{f0000}';

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Likely to hurt.
    Warning,
    /// It will fail, or do harm.
    Error,
}

impl Severity {
    /// As machines read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One place in a script that a rule has something to say about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's code: `SR0101`. It stays when a rule gets another name.
    pub code: Cow<'static, str>,
    /// The rule's name: `add-fk-validated`.
    pub rule: Cow<'static, str>,
    /// How much it weighs.
    pub severity: Severity,
    /// The script's path, as it was given.
    pub file: Arc<str>,
    /// The line at which it begins, from 1.
    pub line: usize,
    /// The column, from 1, in characters; in UTF-16 units where that was asked for.
    pub column: usize,
    /// Where it ends: the line, and the column behind its last character.
    pub end_line: usize,
    /// See `end_line`.
    pub end_column: usize,
    /// The statement, without its semicolon; empty where the finding is of a whole script.
    pub statement: Arc<str>,
    /// What stands there, as a sentence without a period.
    pub message: String,
    /// What comes of it.
    pub why: Cow<'static, str>,
    /// What to do instead, in words. Never empty where `fix` is not there.
    pub help: Cow<'static, str>,
    /// The safe way, where it can be written down.
    pub fix: Option<Fix>,
    /// The strongest lock that the statement takes on a relation that others use.
    pub lock: Option<LockTaken>,
}

/// Statements to put in the place of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// What it does, as an imperative without a period.
    pub title: String,
    /// The statements as one text.
    pub sql: String,
    /// The same, step by step; each in a transaction of its own.
    pub steps: Vec<FixStep>,
    /// It comes to another schema, or other rows, than what stands there: for a person to decide.
    #[serde(default)]
    pub changes_result: bool,
}

/// A statement of a fix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixStep {
    /// Without its semicolon.
    pub sql: String,
    /// It can't stand in a transaction block.
    pub outside_transaction: bool,
    /// It belongs into the transaction of the step before.
    pub with_previous: bool,
}

impl Fix {
    /// A fix of these steps.
    pub fn new(title: impl Into<String>, steps: Vec<FixStep>) -> Self {
        let statements: Vec<String> = steps.iter().map(|step| format!("{};", step.sql)).collect();
        Self { title: title.into(), sql: statements.join("\n"), steps, changes_result: false }
    }

    /// One that comes to another schema, or other rows, than what stands there.
    #[must_use]
    pub fn changing(self) -> Self {
        Self { changes_result: true, ..self }
    }
}

impl FixStep {
    /// In a transaction of its own.
    pub fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), ..Self::default() }
    }

    /// Outside of a transaction.
    pub fn outside(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), outside_transaction: true, with_previous: false }
    }

    /// In the same transaction as the step before.
    pub fn along(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), outside_transaction: false, with_previous: true }
    }
}

/// A lock that a statement takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockTaken {
    /// `ACCESS EXCLUSIVE`, …
    pub mode: Cow<'static, str>,
    /// On what.
    pub relation: String,
    /// Every row is written anew while it is held.
    pub rewrite: bool,
    /// Every row is read while it is held.
    pub scan: bool,
}

/// What a review came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// By file, line, column, code.
    pub findings: Vec<Finding>,
    /// How many there are.
    pub summary: Summary,
}

/// How many findings there are of each weight, in how many files that were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Errors.
    pub error: usize,
    /// Warnings.
    pub warning: usize,
    /// What is good to know.
    pub info: usize,
    /// Files that were read.
    pub files: usize,
    /// Findings that were left out because they stand in the baseline.
    #[serde(default)]
    pub baseline: usize,
    /// Findings that were left out because the configuration allows them.
    #[serde(default)]
    pub allowed: usize,
}

impl Findings {
    /// Counts them.
    pub fn new(findings: Vec<Finding>, files: usize) -> Self {
        let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        let summary = Summary {
            error: count(Severity::Error),
            warning: count(Severity::Warning),
            info: count(Severity::Info),
            files,
            ..Summary::default()
        };
        Self { findings, summary }
    }

    /// The heaviest.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}
