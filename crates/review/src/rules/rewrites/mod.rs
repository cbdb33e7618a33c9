//! What writes a whole table anew.

use crate::cx::At;
use crate::rule::Rule;
use switchback_sql::Relation;

mod add_column;
mod create_table_as;
mod storage;
mod type_change;
mod type_classes;
mod vacuum_full;

/// Every rule of this folder.
pub(super) const RULES: &[&Rule] = &[
    &type_change::REWRITE,
    &type_change::NARROWING,
    &type_change::LOSSY,
    &type_change::USING,
    &type_change::INDEX,
    &type_change::TIMEZONE,
    &add_column::VOLATILE,
    &add_column::SERIAL,
    &add_column::IDENTITY,
    &add_column::GENERATED,
    &add_column::DOMAIN,
    &storage::LOGGED,
    &storage::ACCESS_METHOD,
    &storage::TABLESPACE,
    &vacuum_full::RULE,
    &vacuum_full::CLUSTER,
    &create_table_as::RULE,
];

/// What everybody waits for while a table is written anew.
fn rewritten(at: &At<'_>, table: &Relation) -> String {
    format!(
        "ACCESS EXCLUSIVE while every row of `{table}`{} is written anew and every index is built again: nobody can \
         read or write it, and it needs its size again on disk",
        at.size(table)
    )
}
