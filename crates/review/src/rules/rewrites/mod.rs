//! What writes a whole table anew.

use crate::rule::Rule;

/// Every rule of this folder.
pub(super) const RULES: &[&Rule] = &[];
