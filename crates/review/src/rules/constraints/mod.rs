//! Constraints: scans, and locks while they are made.

use switchback_model::finding::FixStep;
use switchback_sql::Relation;
use switchback_sql::ast::Constraint;

use super::safe;
use crate::cx::At;
use crate::rule::{Rule, ident};

mod add_check_validated;
mod add_column_inline;
mod add_exclusion_constraint;
mod add_fk_validated;
mod add_key;
mod add_pk_using_index_nullable;
mod domains;
mod drop_constraint;
mod fk_on_delete_cascade;
mod fk_type_mismatch;
mod fk_without_index;
mod fk_without_key;
mod multiple_fks_in_one_transaction;
mod not_valid_never_validated;
mod set_not_null;
mod validate_in_same_transaction;

/// Every rule of this folder.
pub(super) const RULES: &[&Rule] = &[
    &add_fk_validated::RULE,
    &add_column_inline::FOREIGN,
    &add_check_validated::RULE,
    &add_column_inline::CHECK,
    &add_key::UNIQUE,
    &add_column_inline::UNIQUE,
    &add_key::PRIMARY,
    &add_pk_using_index_nullable::RULE,
    &add_exclusion_constraint::RULE,
    &set_not_null::RULE,
    &validate_in_same_transaction::RULE,
    &not_valid_never_validated::RULE,
    &domains::ADD_CONSTRAINT,
    &domains::SET_NOT_NULL,
    &domains::CREATE,
    &drop_constraint::FOREIGN,
    &drop_constraint::OTHER,
    &drop_constraint::PRIMARY,
    &fk_on_delete_cascade::RULE,
    &fk_type_mismatch::RULE,
    &fk_without_index::RULE,
    &multiple_fks_in_one_transaction::RULE,
    &fk_without_key::RULE,
];

/// The statement, which adds this constraint alone, with `NOT VALID` and a name; and the look at its rows.
fn not_valid(at: &At<'_>, table: &Relation, constraint: &Constraint, name: &str) -> Vec<FixStep> {
    let (before, behind) = at.text.split_at_checked(constraint.at).unwrap_or(("", at.text));
    let named = if constraint.name.is_some() || before.is_empty() {
        at.text.to_owned()
    } else {
        format!("{before}CONSTRAINT {} {behind}", ident(name))
    };
    vec![FixStep::new(format!("{named} NOT VALID")), safe::validate(table, name)]
}
