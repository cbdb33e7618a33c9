//! Types and tables as they are designed.

mod columns;
mod keys;
mod names;
mod policy;
mod queries;
mod tables;
mod types;

use crate::rule::Rule;

/// Every rule of this folder.
pub(super) const RULES: &[&Rule] = &[
    &types::CHAR,
    &types::VARCHAR,
    &keys::INT_PRIMARY,
    &types::INT,
    &types::TIMESTAMP,
    &types::JSON,
    &types::MONEY,
    &types::FLOAT,
    &types::TIMETZ,
    &types::XML,
    &types::SERIAL,
    &types::BY_DEFAULT,
    &tables::ENUM,
    &keys::MISSING_PRIMARY,
    &tables::INHERITS,
    &tables::UNLOGGED,
    &names::TOO_LONG,
    &names::QUOTED,
    &names::UNNAMED,
    &names::UNQUALIFIED,
    &tables::ALIGNMENT,
    &policy::NULLABLE,
    &policy::COMMENT,
    &policy::REQUIRED,
    &queries::ASSIGNED_TWICE,
    &queries::NULL,
    &queries::NOT_IN,
];
