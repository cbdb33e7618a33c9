//! Constraints: scans, and locks while they are made.

use crate::rule::Rule;

mod add_fk_validated;

/// Every rule of this folder.
pub(super) const RULES: &[&Rule] = &[&add_fk_validated::RULE];
