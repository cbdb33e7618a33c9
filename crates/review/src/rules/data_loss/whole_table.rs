//! Rows that are deleted or changed all at once.

use crate::rule::prelude::*;
use crate::rules::{safe, truth};

pub(super) const DELETE: Rule = Rule {
    code: "SR0617",
    name: "delete-without-where",
    severity: Severity::Error,
    style: false,
    page: include_str!("delete_without_where.md"),
    look: Look::Statement(delete),
};

pub(super) const TRUE: Rule = Rule {
    code: "SR0618",
    name: "delete-always-true",
    severity: Severity::Error,
    style: false,
    page: include_str!("delete_always_true.md"),
    look: Look::Statement(always),
};

pub(super) const UPDATE: Rule = Rule {
    code: "SR0619",
    name: "update-without-where",
    severity: Severity::Error,
    style: false,
    page: include_str!("update_without_where.md"),
    look: Look::Statement(update),
};

pub(super) const NULLS: Rule = Rule {
    code: "SR0620",
    name: "update-drops-values",
    severity: Severity::Warning,
    style: false,
    page: include_str!("update_drops_values.md"),
    look: Look::Statement(nulls),
};

/// The statement, and those in its `WITH`.
fn writes<'a>(at: &At<'a>) -> Vec<&'a Stmt> {
    let mut all = vec![at.stmt];
    let mut next = 0;
    while let Some(stmt) = all.get(next).copied() {
        let inner: &[Stmt] = match stmt {
            Stmt::Update { writes, .. } | Stmt::Delete { writes, .. } | Stmt::Merge { writes, .. } => writes,
            Stmt::Select(query) | Stmt::Insert { source: Some(query), .. } => &query.writes,
            _ => &[],
        };
        all.extend(inner);
        next += 1;
    }
    all
}

fn delete(at: &At<'_>, out: &mut Out<'_>) {
    for stmt in writes(at) {
        let Stmt::Delete { table, filter: None, .. } = stmt else { continue };
        if at.is_new(table) {
            continue;
        }
        let found = Found::new(format!("every row of `{table}` is deleted"), deleted(at, table));
        let found = found.ask(safe::rows(table, "true"), "{n} rows are lost", "it has no rows");
        out.push(
            at,
            found.help("say WHERE; where all are meant, delete in batches with a commit after each"),
        );
    }
}

fn deleted(at: &At<'_>, table: &Relation) -> String {
    format!(
        "its rows{} are gone for good, and each is locked until the transaction ends: others that write them wait",
        at.size(table)
    )
}

fn always(at: &At<'_>, out: &mut Out<'_>) {
    for stmt in writes(at) {
        let (table, filter, done, why) = match stmt {
            Stmt::Delete { table, filter: Some(filter), .. } => {
                (table, filter, "deleted", deleted(at, table))
            }
            Stmt::Update { table, filter: Some(filter), .. } => {
                (table, filter, "changed", changed(at, table))
            }
            _ => continue,
        };
        if at.is_new(table) || truth::truth(filter) != Some(true) {
            continue;
        }
        let found = Found::new(format!("every row of `{table}` is {done}: its WHERE is always true"), why);
        let found = found.ask(safe::rows(table, "true"), "{n} rows", "it has no rows");
        out.push(at, found.help("say in WHERE which rows are meant; where all are meant, go in batches"));
    }
}

fn changed(at: &At<'_>, table: &Relation) -> String {
    format!(
        "each row of `{table}`{} is written again and locked until the transaction ends: others that write them wait, \
         the table may double in size, and as much WAL goes to the standbys",
        at.size(table)
    )
}

fn update(at: &At<'_>, out: &mut Out<'_>) {
    for stmt in writes(at) {
        let Stmt::Update { table, filter: None, reads, .. } = stmt else { continue };
        // `UPDATE … FROM` joins in its WHERE; without one it is as wrong.
        if at.is_new(table) {
            continue;
        }
        let found =
            Found::new(format!("every row of `{table}` is changed in one statement"), changed(at, table));
        let found = found.on(table).help(
            "go in batches with a commit after each (Switchback's `batch` steps, or ranges of the primary key), \
             outside of the transaction that changes the schema",
        );
        let fix = if std::ptr::eq(stmt, at.stmt) && reads.is_empty() { batches(at, table) } else { None };
        out.push(at, found.fix(fix));
    }
}

/// The statement by ranges of a primary key that is one number.
fn batches(at: &At<'_>, table: &Relation) -> Option<Fix> {
    let Stmt::Update { assignments, writes, .. } = at.stmt else { return None };
    let key = safe::primary_key(at, table)?;
    let [key] = key.as_slice() else { return None };
    let of = at.schema.column(table, key)?.of.as_ref()?;
    let whole = matches!(of.name.as_str(), "int2" | "int4" | "int8" | "serial" | "bigserial" | "smallserial");
    let plain = !at.text.contains("$$") && !at.text.to_ascii_lowercase().contains("returning");
    let simple = at.text.trim_start().to_ascii_lowercase().starts_with("update") && !at.text.contains("--");
    if !whole || !plain || !simple || !writes.is_empty() || assignments.iter().any(|(name, _)| name == key) {
        return None;
    }
    let (on, id, text) = (quoted(table), ident(key), at.text);
    let sql = format!(
        "DO $$\n\
         DECLARE\n    \
             first bigint; last bigint;\n\
         BEGIN\n    \
             SELECT min({id}), max({id}) INTO first, last FROM {on};\n    \
             WHILE first <= last LOOP\n        \
                 {text}\n        \
                 WHERE {id} >= first AND {id} < first + 10000;\n        \
                 COMMIT;\n        \
                 first := first + 10000;\n    \
             END LOOP;\n\
         END\n\
         $$"
    );
    Some(Fix::new(
        "change the rows in batches, each in a transaction of its own",
        vec![FixStep::outside(sql)],
    ))
}

fn nulls(at: &At<'_>, out: &mut Out<'_>) {
    for stmt in writes(at) {
        let Stmt::Update { table, assignments, .. } = stmt else { continue };
        if at.is_new(table) {
            continue;
        }
        for (column, value) in assignments {
            if *value.bare() != Expr::Null || at.is_new_column(table, column) {
                continue;
            }
            let found = Found::new(
                format!("`{table}.{column}` becomes null where it has a value"),
                "the values are gone for good: the way down can't put them back",
            );
            let condition = format!("{} is not null", ident(column));
            let found =
                found.ask(safe::rows(table, &condition), "at most {n} values are lost", "it has no values");
            out.push(at, found.help("copy the values with their keys into a table of their own first"));
        }
    }
}
