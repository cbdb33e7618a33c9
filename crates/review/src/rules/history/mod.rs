//! Migrations as a history, their ways down, and the target that they meet.

use crate::rule::Rule;

mod names_database;
mod records;
mod text;

/// Every rule of this folder.
pub(super) const RULES: &[&Rule] = &[
    &records::ROLLBACK,
    &text::SYNTAX,
    &text::PLACEHOLDER,
    &text::PSQL,
    &records::UNUSED,
    &records::NO_REASON,
    &names_database::RULE,
];
