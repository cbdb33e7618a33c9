//! What happens in a transaction while others wait for its locks.

use super::backfill::{bulk, few};
use super::slow;
use crate::cx::Taker;
use crate::rule::prelude::*;

pub(super) const STATEMENT: Rule = Rule {
    code: "SR0806",
    name: "statement-after-access-exclusive",
    severity: Severity::Error,
    style: false,
    page: include_str!("statement_after_access_exclusive.md"),
    look: Look::Statement(statement),
};

pub(super) const ROWS: Rule = Rule {
    code: "SR0807",
    name: "ddl-and-dml-in-one-transaction",
    severity: Severity::Error,
    style: false,
    page: include_str!("ddl_and_dml_in_one_transaction.md"),
    look: Look::Statement(rows),
};

pub(super) const WIDE: Rule = Rule {
    code: "SR0809",
    name: "wide-lock-window",
    severity: Severity::Warning,
    style: false,
    page: include_str!("wide_lock_window.md"),
    look: Look::Statement(wide),
};

pub(super) const UPGRADE: Rule = Rule {
    code: "SR0812",
    name: "lock-upgrade",
    severity: Severity::Warning,
    style: false,
    page: include_str!("lock_upgrade.md"),
    look: Look::Statement(upgrade),
};

/// ACCESS EXCLUSIVE locks of the open transaction, of earlier statements.
fn exclusive<'a>(at: &At<'a>) -> impl Iterator<Item = &'a crate::cx::Held> {
    at.session.transaction.iter().flat_map(|running| running.held.exclusive())
}

/// Those of them on a table.
fn exclusive_on<'a>(at: &At<'a>, table: &Relation) -> impl Iterator<Item = &'a crate::cx::Held> {
    let held = at.session.transaction.iter().flat_map(|running| running.held.on(table));
    held.filter(|held| held.mode == Mode::AccessExclusive)
}

/// The statement alone, behind the transaction.
fn apart(at: &At<'_>) -> Option<Fix> {
    (!at.embedded).then(|| Fix::new("run it in a transaction of its own", vec![FixStep::new(at.text)]))
}

fn statement(at: &At<'_>, out: &mut Out<'_>) {
    if exclusive(at).next().is_none() {
        return;
    }
    let Some((long, what)) = lasting(at) else { return };
    // What the statement locks as strongly itself is for the rules of that statement to say.
    let own = |held: &&crate::cx::Held| at.effects.on(&held.relation) == Some(Mode::AccessExclusive);
    let Some(held) = exclusive(at).find(|held| !own(held)) else { return };
    if altered(at).is_some() || validates(at, &held.relation) {
        return;
    }
    let table = &held.relation;
    let found = Found::new(
        format!("{what} while ACCESS EXCLUSIVE on `{table}` is held"),
        format!("nobody can read or write `{table}` until it is done and the transaction is over"),
    );
    let found = found.help("end the transaction before it, and run it in one of its own");
    out.push(at, found.on(long).fix(apart(at)));
}

/// What takes its time in the statement: as long as the relation is large.
fn lasting<'a>(at: &At<'a>) -> Option<(&'a Relation, String)> {
    if let Stmt::Select(query) = at.stmt {
        let read = query.tables.iter().find(|table| at.is_used(table))?;
        let short = query.limited || query.constant || few(at, read, query.filter.as_ref());
        return (!short).then(|| (read, format!("`{read}` is read")));
    }
    if let Some((table, word)) = bulk(at) {
        return Some((table, format!("{word} writes rows of `{table}`")));
    }
    if let Stmt::Refresh { name, no_data: false, .. } = at.stmt {
        return Some((name, format!("`{name}` is filled again")));
    }
    slow(at).map(|table| (table, format!("all of `{table}` is gone through")))
}

/// That has a rule of its own.
fn validates(at: &At<'_>, held: &Relation) -> bool {
    let Some((table, actions)) = at.alters_any() else { return false };
    table.same(held)
        && actions.iter().all(|action| matches!(action.kind, ActionKind::ValidateConstraint { .. }))
}

/// The table whose rows the statement writes, where the transaction altered it before.
fn altered<'a>(at: &At<'a>) -> Option<&'a Relation> {
    let (table, _) = bulk(at)?;
    let altered = exclusive_on(at, table).any(|held| matches!(held.taker, Taker::Alter { .. }));
    altered.then_some(table)
}

fn rows(at: &At<'_>, out: &mut Out<'_>) {
    let Some(table) = altered(at) else { return };
    let found = Found::new(
        format!("rows of `{table}`{} are written in the transaction that altered it", at.size(table)),
        "ACCESS EXCLUSIVE is held until the last row is written: nobody can read or write the table meanwhile",
    );
    let help = "commit the ALTER TABLE first; write the rows afterwards, some thousand in a transaction";
    out.push(at, found.help(help).on(table).fix(apart(at)));
}

fn wide(at: &At<'_>, out: &mut Out<'_>) {
    let drops_other = matches!(at.stmt, Stmt::Drop { kind, .. } if *kind != ObjectKind::Table);
    if exclusive(at).next().is_none() || drops_other {
        return;
    }
    let locks = at.effects.locks.iter().filter(|lock| lock.mode == Mode::AccessExclusive);
    let mut tables =
        locks.map(|lock| &lock.relation).filter(|table| at.is_used(table) && is_table(at, table));
    let Some(table) = tables.find(|table| exclusive_on(at, table).next().is_none()) else {
        return;
    };
    // A view, say, is not there any more.
    let mut held = exclusive(at)
        .filter(|held| held.taker != Taker::DropOther && is_table(at, &held.relation))
        .filter(|held| !kin(at, &held.relation, table));
    let Some(before) = held.next() else { return };
    // The transaction is too wide already, and that was said.
    let mut wider = held.filter(|held| held.by != before.by && !kin(at, &held.relation, &before.relation));
    if !at.embedded && wider.next().is_some() {
        return;
    }
    let found = Found::new(
        format!("ACCESS EXCLUSIVE on `{table}` while it is held on `{}`", before.relation),
        format!(
            "while `{table}` is waited for, nobody can read or write `{}`; a transaction that has them in the other \
             order is a deadlock",
            before.relation
        ),
    );
    out.push(at, found.help("one table in a transaction").on(table).fix(apart(at)));
}

fn is_table(at: &At<'_>, relation: &Relation) -> bool {
    match at.schema.table(relation) {
        Some(table) => !matches!(table.kind, TableKind::View | TableKind::MaterializedView),
        None => at.schema.index(relation).is_none(),
    }
}

/// A table and its partition are locked together by most statements anyway.
fn kin(at: &At<'_>, one: &Relation, other: &Relation) -> bool {
    let parent = |table: &Relation| at.schema.table(table).and_then(|table| table.partition_of.clone());
    let is = |of: &Relation, table: &Relation| {
        parent(of).is_some_and(|parent| at.schema.resolve(&parent) == at.schema.resolve(table))
    };
    is(one, other) || is(other, one) || (parent(one).is_some() && parent(one) == parent(other))
}

fn upgrade(at: &At<'_>, out: &mut Out<'_>) {
    if at.session.transaction.is_none() {
        return;
    }
    let strong = at.effects.locks.iter().filter(|lock| lock.mode >= Mode::ShareRowExclusive);
    for lock in strong.filter(|lock| at.is_used(&lock.relation)) {
        let Some(held) = at.session.held(&lock.relation).filter(|held| held.mode < lock.mode) else {
            continue;
        };
        // Only a query is worth a word before it: a view, say, is made by who alters its table.
        if held.mode == Mode::AccessShare && held.taker != Taker::Select {
            continue;
        }
        let table = &lock.relation;
        let found = Found::new(
            format!("{} on `{table}` is taken while {} is held already", lock.mode, held.mode),
            "a session that has the weaker lock too and wants to write waits for this one, and this one for it: the \
             server ends one of them as a deadlock",
        );
        out.push(at, found.help("the strong lock first, or two transactions").on(table).fix(apart(at)));
        return;
    }
}
