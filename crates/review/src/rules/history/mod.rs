//! Migrations as a history, their ways down, and the target that they meet.

use crate::rule::Rule;

mod chain;
mod files;
mod names_database;
mod pairs;
mod records;
mod text;

/// Every rule of this folder.
pub(super) const RULES: &[&Rule] = &[
    &chain::KEYS,
    &chain::RECREATE,
    &pairs::MISSING,
    &pairs::ASYMMETRIC,
    &pairs::LOSES,
    &pairs::CANNOT,
    &records::ROLLBACK,
    &files::VERSION,
    &chain::CONFLICT,
    &text::SYNTAX,
    &text::PLACEHOLDER,
    &text::PSQL,
    &files::EMPTY,
    &files::LARGE,
    &records::UNUSED,
    &records::NO_REASON,
    &names_database::RULE,
];
