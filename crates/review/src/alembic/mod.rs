//! Revisions of Alembic as statements, read from the Python file without running it.
//!
//! Operations (`op.create_table(…)`) become the statements that Alembic would send to PostgreSQL; SQL
//! in texts is given as text with the places of its bytes. What can't be seen without running the file
//! is named, never guessed.

use std::ops::Range;

use switchback_sql::ast::Stmt;

mod dml;
mod eval;
mod expression;
mod names;
mod ops;
mod python;
mod reader;
mod strings;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod types;
mod value;

pub use text::Text;

/// One operation of a revision, in the order in which they run. A call that Alembic makes several
/// statements of is several operations with one range.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Bytes of the file: the whole call.
    pub range: Range<usize>,
    /// What is called: `create_index`; `execute` for whatever runs SQL.
    pub name: String,
    /// It runs in `with op.get_context().autocommit_block()`, that is without a transaction.
    pub autocommit: bool,
    /// All of it can be seen. Otherwise names that are known only when the revision runs stand in the
    /// statement between underscores, `__table__`, and expressions are left empty.
    pub exact: bool,
    /// What it does.
    pub what: What,
}

/// What an operation does.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A statement. Its places (`at`) are bytes from the beginning of [`Operation::range`].
    Statement(Stmt),
    /// SQL, perhaps several statements, for `split` and `read`.
    Sql(Text),
    /// What can't be read, as a sentence without a period.
    Unread(String),
}

/// A revision's file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Revision {
    /// Its name.
    pub revision: Option<String>,
    /// What it stands on: nothing for the first one, several for a merge.
    pub down_revision: Vec<String>,
    /// There is a function `upgrade`.
    pub has_upgrade: bool,
    /// There is a function `downgrade`.
    pub has_downgrade: bool,
    /// What `upgrade` does.
    pub upgrade: Vec<Operation>,
    /// What `downgrade` does.
    pub downgrade: Vec<Operation>,
    /// What is done whenever the file is loaded.
    pub loaded: Vec<Operation>,
    /// Blocks that run without a transaction, `with` and all.
    pub autocommit: Vec<Range<usize>>,
    /// What is not Python.
    pub mistakes: Vec<Range<usize>>,
}

/// Reads a revision. Whatever the text is, there is an answer.
pub fn read(source: &str) -> Revision {
    let tree = python::Tree::read(source);
    let mut reader = reader::Reader::new(source, &tree);
    let loaded = reader.module();
    let revision = reader.global("revision").and_then(value::Value::as_text).map(|text| text.text.clone());
    let down_revision = reader.global("down_revision").map(identities).unwrap_or_default();
    let has = |name| matches!(reader.global(name), Some(value::Value::Function(_)));
    let (has_upgrade, has_downgrade) = (has("upgrade"), has("downgrade"));
    let upgrade = reader.function("upgrade");
    let downgrade = reader.function("downgrade");
    let mut autocommit = std::mem::take(&mut reader.autocommit);
    autocommit.sort_by_key(|block| (block.start, block.end));
    autocommit.dedup();
    let mistakes = tree.mistakes;
    Revision {
        revision,
        down_revision,
        has_upgrade,
        has_downgrade,
        upgrade,
        downgrade,
        loaded,
        autocommit,
        mistakes,
    }
}

fn identities(value: &value::Value) -> Vec<String> {
    let list = value.items().unwrap_or(std::slice::from_ref(value));
    list.iter().filter_map(value::Value::as_text).map(|text| text.text.clone()).collect()
}
