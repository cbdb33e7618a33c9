//! Locks, transactions, timeouts.

mod analyze;
mod backfill;
mod guards;
mod lock_table;
mod merge;
mod order;
mod settings;
mod timeouts;
mod transactions;
mod windows;

use crate::rule::Rule;
use crate::rule::prelude::*;

/// Every rule of this folder.
pub(super) const RULES: &[&Rule] = &[
    &timeouts::LOCK,
    &timeouts::STATEMENT,
    &timeouts::IDLE,
    &timeouts::ORDER,
    &timeouts::NOT_LOCAL,
    &windows::STATEMENT,
    &windows::ROWS,
    &merge::RULE,
    &windows::WIDE,
    &order::RULE,
    &lock_table::RULE,
    &windows::UPGRADE,
    &transactions::NESTING,
    &transactions::UNCOMMITTED,
    &transactions::REFUSED,
    &guards::MISSING,
    &guards::HIDES,
    &backfill::RULE,
    &settings::SYSTEM,
    &settings::LATER,
    &settings::REPLICA,
    &settings::AUTOVACUUM,
    &analyze::RULE,
];

/// The relations that others use and that nobody can write to while the statement's transaction lasts.
fn strong<'a>(at: &At<'a>) -> impl Iterator<Item = (&'a Relation, Mode)> {
    let at = *at;
    let locks = at.effects.locks.iter().map(|lock| (&lock.relation, lock.mode));
    locks.filter(move |(relation, mode)| mode.blocks_writes() && at.is_used(relation))
}

/// Rows or indexes of a table that others use are read through or written anew.
fn slow<'a>(at: &At<'a>) -> Option<&'a Relation> {
    let effects = at.effects;
    let all = effects.rewrites.iter().chain(&effects.scans).chain(&effects.index_builds);
    all.into_iter().find(|relation| at.is_used(relation))
}
