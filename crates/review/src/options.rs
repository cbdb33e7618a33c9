//! How a review is made: what a project and an environment say of it.

use std::collections::BTreeMap;

use switchback_model::Severity;

/// What becomes of a rule's findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// There are none.
    Off,
    /// They weigh as much as this.
    As(Severity),
    /// They weigh as much as the rule says; this switches on what is off by default.
    On,
}

/// How a review is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server's major version.
    pub version: u32,
    /// Rules by name or code, and what becomes of their findings.
    pub rules: BTreeMap<String, Level>,
    /// Rules that are off by default too.
    pub all: bool,
    /// The name of the target database, where one is known.
    pub database: String,
    /// Whoever runs the scripts sets `lock_timeout` (Switchback does).
    pub runner_sets_lock_timeout: bool,
    /// Tables below so many bytes are small: what locks them for long weighs less.
    pub safe_below: u64,
    /// The first script that is not applied yet; nothing: each script is a deploy of its own, and what
    /// earlier ones made is in use.
    pub pending_from: Option<usize>,
    /// The columns that every new table must have.
    pub required_columns: Vec<String>,
    /// What names of new tables, columns, indexes, … must look like: a kind (`table`, `column`, `index`,
    /// `constraint`, `view`, `sequence`, `function`, `type`) and `*` patterns, one of which must match.
    pub naming: BTreeMap<String, Vec<String>>,
    /// Scripts with more statements, or more bytes, are large.
    pub large: (usize, usize),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            version: 15,
            rules: BTreeMap::new(),
            all: false,
            database: String::new(),
            runner_sets_lock_timeout: false,
            safe_below: 10 << 20,
            pending_from: None,
            required_columns: Vec::new(),
            naming: BTreeMap::new(),
            large: (500, 1 << 20),
        }
    }
}
