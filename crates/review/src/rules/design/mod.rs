//! Types and tables as they are designed.

use crate::rule::Rule;

/// Every rule of this folder.
pub(super) const RULES: &[&Rule] = &[];
