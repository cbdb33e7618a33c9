//! Migrations as a history, their ways down, and the target that they meet.

use switchback_sql::Relation;

use super::target;
use crate::cx::At;
use crate::rule::Rule;

mod chain;
mod drop_blocked;
mod files;
mod names_database;
mod pairs;
mod query;
mod records;
mod style;
mod text;
mod type_change;
mod unread;
mod version;

/// Every rule of this folder.
pub(super) const RULES: &[&Rule] = &[
    &type_change::RECHECKS,
    &type_change::STATISTICS,
    &type_change::BLOCKED,
    &style::PLANS,
    &chain::KEYS,
    &chain::RECREATE,
    &target::indexes::CORRUPT,
    &target::indexes::INVALID,
    &target::limits::COLUMNS,
    &target::partition::RULE,
    &pairs::MISSING,
    &pairs::ASYMMETRIC,
    &pairs::LOSES,
    &pairs::CANNOT,
    &records::ROLLBACK,
    &target::applied::EDITED,
    &files::VERSION,
    &target::applied::ORDER,
    &chain::CONFLICT,
    &target::drift::RULE,
    &version::RULE,
    &text::SYNTAX,
    &text::PLACEHOLDER,
    &text::PSQL,
    &query::RULE,
    &files::EMPTY,
    &files::LARGE,
    &records::UNUSED,
    &records::NO_REASON,
    &style::NAMING,
    &target::size::SIZE,
    &target::busy::QUEUE,
    &target::busy::HOT,
    &target::busy::VACUUM,
    &target::busy::STANDBY,
    &target::size::DISK,
    &target::size::SLOT,
    &target::rights::EXTENSION,
    &target::rights::PRIVILEGE,
    &target::limits::SEQUENCE,
    &unread::RULE,
    &names_database::RULE,
    &drop_blocked::RULE,
];

/// All columns of the table are known, and none has that name.
fn lacks(at: &At<'_>, table: &Relation, column: &str) -> bool {
    at.schema.table(table).is_some_and(|known| known.all_columns) && at.schema.column(table, column).is_none()
}
