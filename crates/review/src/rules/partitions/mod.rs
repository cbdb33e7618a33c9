//! Partitions and inheritance.

use crate::rule::Rule;

mod alter_inherit;
mod attach_partition;
mod create_partition_of_locks_parent;
mod detach_partition_blocking;
mod drop_partition;

/// Every rule of this folder.
pub(super) const RULES: &[&Rule] = &[
    &attach_partition::SCAN,
    &attach_partition::DEFAULT,
    &create_partition_of_locks_parent::RULE,
    &detach_partition_blocking::RULE,
    &drop_partition::RULE,
    &alter_inherit::RULE,
];
