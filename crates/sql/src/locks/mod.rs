//! What a statement locks, rewrites and reads through, and whether it may stand in a transaction.
//!
//! A model of the server, for each of its versions, and not a list of patterns: an action has its lock
//! (PostgreSQL manual, 13.3 and the pages of the statements; `AlterTableGetLockLevel` in the server's
//! source), and what is known of the schema says on which other relations it falls, and whether rows
//! are read or written anew. It is tested against what a real server does.

mod alter;
mod block;
mod builder;
pub mod defaults;
mod mode;
mod objects;
mod proof;
mod rows;
#[cfg(test)]
mod tests;
pub mod types;

pub use mode::{MODES, Mode};

use crate::ast::Stmt;
use crate::schema::Schema;
use crate::statement::{Block, Relation};

/// What a statement does to relations that were there before it.
///
/// Names are as short as they can be: without a schema where the search path finds them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// The strongest lock on each relation, in the order in which they are taken.
    pub locks: Vec<Lock>,
    /// Tables whose every row is written anew.
    pub rewrites: Vec<Relation>,
    /// Tables whose rows are perhaps written anew: it depends on a type or a function that nobody has
    /// seen.
    pub maybe_rewrites: Vec<Relation>,
    /// Tables whose every row is read while the lock is held; those that are rewritten are not
    /// repeated.
    pub scans: Vec<Relation>,
    /// Tables of which an index is built, or built again; those that are rewritten (which builds every
    /// index) are not repeated.
    pub index_builds: Vec<Relation>,
    /// Whether it may stand in a transaction block.
    pub block: Block,
}

/// A lock on a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// On what.
    pub relation: Relation,
    /// How strong.
    pub mode: Mode,
}

/// Where a statement runs.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The server's major version.
    pub version: u32,
    /// What is known of its relations.
    pub schema: &'a Schema,
    /// Whether the session's time zone is UTC (or another without an offset): then `timestamp` and
    /// `timestamptz` are the same bytes.
    pub utc: bool,
}

impl Effects {
    /// The lock on a relation, if there is one.
    pub fn on(&self, relation: &Relation) -> Option<Mode> {
        self.locks.iter().find(|lock| lock.relation.same(relation)).map(|lock| lock.mode)
    }

    /// The strongest lock of all, with its relation.
    pub fn strongest(&self) -> Option<&Lock> {
        self.locks.iter().rev().max_by_key(|lock| lock.mode)
    }
}

/// What a statement does, as far as that is known where it runs.
pub fn effects(statement: &Stmt, place: Place<'_>) -> Effects {
    let mut builder = builder::Builder::new(place);
    builder.statement(statement);
    let mut effects = builder.done();
    effects.block = block::of(statement, place);
    effects
}
