//! Files, their order, their ways down, and the target that they meet.

use crate::rule::Rule;

mod names_database;

/// Every rule of this folder.
pub(super) const RULES: &[&Rule] = &[&names_database::RULE];
