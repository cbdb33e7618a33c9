//! Indexes and materialised views.

use crate::rule::Rule;

mod concurrently;
mod create_index_blocking;
mod drop_index_blocking;
mod index_on_volatile_expression;
mod index_shape;
mod move_index;
mod partitioned;
mod refresh;
mod reindex_blocking;
mod replacing_index;
mod same_index;
mod unique_index_data_dependent;

/// Every rule of this folder.
pub(super) const RULES: &[&Rule] = &[
    &create_index_blocking::RULE,
    &drop_index_blocking::RULE,
    &reindex_blocking::RULE,
    &concurrently::CREATE,
    &concurrently::DROP,
    &partitioned::RULE,
    &concurrently::UNGUARDED,
    &concurrently::IF_NOT_EXISTS,
    &unique_index_data_dependent::RULE,
    &index_shape::HASH,
    &index_shape::WIDE,
    &same_index::DUPLICATE,
    &same_index::REDUNDANT,
    &replacing_index::RULE,
    &index_on_volatile_expression::RULE,
    &refresh::BLOCKING,
    &refresh::CONCURRENTLY,
    &move_index::RULE,
    &refresh::WITHOUT_KEY,
];
