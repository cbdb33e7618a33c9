//! Replication and sequences.

use crate::rule::Rule;

mod publications;
mod sequences;

/// Every rule of this folder.
pub(super) const RULES: &[&Rule] = &[
    &publications::IDENTITY,
    &publications::WITHOUT,
    &publications::CHANGE,
    &publications::DDL,
    &sequences::RESTART,
    &sequences::EXHAUSTION,
    &sequences::OWNER,
];
