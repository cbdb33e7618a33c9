//! Migrations as a history, their ways down, and the target that they meet.

use crate::rule::Rule;

mod chain;
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
    &pairs::MISSING,
    &pairs::ASYMMETRIC,
    &pairs::LOSES,
    &pairs::CANNOT,
    &records::ROLLBACK,
    &files::VERSION,
    &chain::CONFLICT,
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
    &unread::RULE,
    &names_database::RULE,
];
