//! What breaks the code that runs while the schema changes.

use crate::rule::Rule;

/// Every rule of this folder.
pub(super) const RULES: &[&Rule] = &[];
