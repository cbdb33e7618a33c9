//! Triggers, rules, views, functions.

use crate::rule::Rule;

mod blocks;
mod objects;
mod triggers;

/// Every rule of this folder.
pub(super) const RULES: &[&Rule] = &[
    &triggers::CREATE,
    &triggers::DROP,
    &triggers::DISABLE,
    &triggers::RULE,
    &objects::REPLACE,
    &objects::VIEW,
    &objects::FUNCTION,
    &objects::CHANGE,
    &objects::MISSING,
    &blocks::DYNAMIC,
    &blocks::DDL,
];
