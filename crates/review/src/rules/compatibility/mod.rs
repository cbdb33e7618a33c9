//! What breaks the code that runs while the schema changes.

use crate::rule::Rule;

mod labels;
mod rename;
pub(super) mod signature;
mod writes;

/// Every rule of this folder.
pub(super) const RULES: &[&Rule] = &[
    &rename::COLUMN,
    &rename::TABLE,
    &rename::SCHEMA,
    &rename::OBJECT,
    &labels::RENAMED,
    &labels::ORDER,
    &labels::USED,
    &labels::OLD,
    &labels::BACK,
    &rename::MOVED,
    &writes::REQUIRED,
    &writes::DEFAULT,
    &writes::RESTRICTION,
    &signature::SIGNATURE,
    &rename::OWNER,
    &writes::COLUMNS,
    &signature::STAR,
];
