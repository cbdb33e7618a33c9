//! Indexes that the target can't trust.

use super::key;
use crate::rule::prelude::*;

pub(in crate::rules) const CORRUPT: Rule = Rule {
    code: "SR1207",
    name: "concurrent-index-corruption-pg14",
    severity: Severity::Error,
    style: false,
    page: include_str!("concurrent_index_corruption_pg14.md"),
    look: Look::Statement(corrupt),
};

pub(in crate::rules) const INVALID: Rule = Rule {
    code: "SR1208",
    name: "invalid-index-left",
    severity: Severity::Error,
    style: false,
    page: include_str!("invalid_index_left.md"),
    look: Look::StatementAndHistory(invalid, left),
};

fn corrupt(at: &At<'_>, out: &mut Out<'_>) {
    let version = at.script.live.version_num.unwrap_or_default();
    if !(140_000..140_004).contains(&version) {
        return;
    }
    let what = match at.stmt {
        Stmt::CreateIndex(index) if index.concurrently && at.is_used(&index.table) => "CREATE INDEX",
        Stmt::Reindex { concurrently: true, .. } => "REINDEX",
        _ => return,
    };
    let found = Found::new(
        format!(
            "the target is PostgreSQL 14.{}, whose {what} CONCURRENTLY can leave rows out of the index",
            version % 100
        ),
        "queries by the index then don't find rows that are there, and a unique one lets duplicates in; nothing says so",
    );
    out.push(at, found.help(
        "update the server to 14.4 or newer first; what was built so before: amcheck's bt_index_check(index, true) finds \
         it, and REINDEX after the update cures it",
    ));
}

/// At the statements that meet such an index.
fn invalid(at: &At<'_>, out: &mut Out<'_>) {
    let left = &at.script.live.invalid_indexes;
    if left.is_empty() {
        return;
    }
    let Some(table) = table(at) else { return };
    let Some(key) = key(at, table) else { return };
    for (index, _) in left.iter().filter(|(_, of)| **of == key) {
        if !cures(at.stmt, index, &key) {
            let found = say(index, &key).once(index);
            out.push(at, found);
        }
    }
}

/// Of those that no statement meets it is good to know.
fn left(history: &History<'_>, out: &mut Out<'_>) {
    if history.live.invalid_indexes.is_empty() {
        return;
    }
    let scripts = history.scripts();
    let Some(first) = scripts.values().next() else { return };
    let stmts = || scripts.values().flat_map(|script| script.stmts()).map(|(_, stmt)| stmt);
    for (index, table) in &history.live.invalid_indexes {
        let met =
            stmts().any(|stmt| cures(stmt, index, table) || of_table(stmt).is_some_and(|of| is(of, table)));
        if !met {
            out.push_script(first, None, say(index, table).severity(Severity::Info));
        }
    }
}

fn say(index: &str, table: &str) -> Found {
    let found = Found::new(
        format!("the target has an invalid index `{index}` on `{table}`, which a build left that failed"),
        "every write keeps it up and no query uses it; its name is taken, and IF NOT EXISTS takes it for the one that was \
         wanted",
    );
    found.help(format!(
        "DROP INDEX CONCURRENTLY {index}, then build it again; or REINDEX INDEX CONCURRENTLY {index}"
    ))
}

/// Whether the statement takes it away, or builds it again.
fn cures(stmt: &Stmt, index: &str, table: &str) -> bool {
    match stmt {
        Stmt::Drop { kind: ObjectKind::Index, names, .. } => names.iter().any(|name| is(name, index)),
        Stmt::Drop { kind: ObjectKind::Table, names, .. } => names.iter().any(|name| is(name, table)),
        Stmt::Reindex { kind: ObjectKind::Index, name: Some(name), .. } => is(name, index),
        Stmt::Reindex { kind: ObjectKind::Table, name: Some(name), .. } => is(name, table),
        Stmt::Reindex { name: None, .. } => true,
        _ => false,
    }
}

/// Whether a name means what the target has under a name with its schema.
fn is(name: &Relation, known: &str) -> bool {
    match &name.schema {
        Some(schema) => format!("{schema}.{}", name.name) == known,
        None => known.split_once('.').is_some_and(|(_, known)| known == name.name),
    }
}

fn table<'a>(at: &At<'a>) -> Option<&'a Relation> {
    of_table(at.stmt).filter(|table| at.is_used(table))
}

fn of_table(stmt: &Stmt) -> Option<&Relation> {
    match stmt {
        Stmt::CreateIndex(index) => Some(&index.table),
        Stmt::AlterTable { kind: ObjectKind::Table, table, .. } => Some(table),
        _ => None,
    }
}
