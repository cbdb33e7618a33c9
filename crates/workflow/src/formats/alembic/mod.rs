//! Alembic and Flask-Migrate, read without running them.
//!
//! `flask db heads` and `alembic history` import the application, or at least every migration,
//! and fail on many real projects for reasons that have nothing to do with the history. What is
//! needed for planning stands in the files as plain text: which revision follows which
//! ([`Graph`]), and where they are and how they are run ([`find`], [`Layout`]).
//!
//! What can't be told without running a file is an error with its file and line, never a guess.

mod env;
mod errors;
mod files;
mod graph;
mod ini;
mod layout;
mod literal;
mod order;
mod scan;
mod source;
mod token;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use env::Setting;
pub use graph::Graph;
pub use layout::{Layout, find};

/// One migration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// `revision`: its identity, whatever the file is called.
    pub id: String,
    /// `down_revision`: the revisions it follows; none for a base, several for a merge.
    pub down: Vec<String>,
    /// `depends_on`: revisions or branch labels that must be applied before it.
    pub depends_on: Vec<String>,
    /// `branch_labels`: names for the branch that begins here, as far as they are written out.
    pub branch_labels: Vec<String>,
    /// The first line of the docstring that is not blank; empty without a docstring.
    pub message: String,
    /// The file.
    pub path: PathBuf,
    /// Whether it calls `autocommit_block()`, so parts of it are outside of any transaction.
    pub autocommit_block: bool,
    /// What its `downgrade()` does.
    pub downgrade: Downgrade,
    /// SHA-256 of the text with `\n` line ends and without a byte order mark, in hexadecimal.
    pub text_sha256: String,
}

/// What a migration's `downgrade()` does, as far as its text shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Downgrade {
    /// It has statements.
    Present,
    /// It does nothing: `pass`, a string, `...` or a bare `return`.
    Empty,
    /// It raises, whatever the state.
    Refuses,
    /// There is none.
    #[default]
    Absent,
}
