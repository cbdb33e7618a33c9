//! Tables, columns and materialised views that are dropped with what is in them.

use crate::rule::prelude::*;
use crate::rules::safe;

pub(super) const TABLE: Rule = Rule {
    code: "SR0601",
    name: "drop-table",
    severity: Severity::Error,
    style: false,
    page: include_str!("drop_table.md"),
    look: Look::Statement(table),
};

pub(super) const COLUMN: Rule = Rule {
    code: "SR0602",
    name: "drop-column",
    severity: Severity::Error,
    style: false,
    page: include_str!("drop_column.md"),
    look: Look::Statement(column),
};

pub(super) const MATERIALIZED: Rule = Rule {
    code: "SR0609",
    name: "drop-materialized-view",
    severity: Severity::Warning,
    style: false,
    page: include_str!("drop_materialized_view.md"),
    look: Look::Statement(materialized),
};

fn table(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Drop { kind, names, .. } = at.stmt else { return };
    if !matches!(kind, ObjectKind::Table | ObjectKind::ForeignTable) {
        return;
    }
    for name in names.iter().filter(|name| at.is_used(name)) {
        // A partition has a rule of its own.
        if at.schema.table(name).is_some_and(|table| table.partition_of.is_some()) {
            continue;
        }
        out.push(at, if *kind == ObjectKind::Table { own(at, name) } else { foreign(name) });
    }
}

fn own(at: &At<'_>, name: &Relation) -> Found {
    let found = Found::new(
        format!("`{name}` is dropped with its rows"),
        format!(
            "its rows{} are gone for good, and running code that still uses it fails; ACCESS EXCLUSIVE waits for \
             every query on it, and all others wait behind it",
            at.size(name)
        ),
    );
    found
        .ask(safe::rows(name, "true"), "{n} rows are lost", "it has no rows")
        .help("drop it one release after the last code that uses it has gone; rename it first, or keep a dump of it")
}

fn foreign(name: &Relation) -> Found {
    let found = Found::new(
        format!("the foreign table `{name}` is dropped"),
        "running code that still uses it fails; its rows stay where they are",
    );
    found.severity(Severity::Warning).help("drop it one release after the last code that uses it has gone")
}

fn column(at: &At<'_>, out: &mut Out<'_>) {
    let Some((table, actions)) = at.alters() else { return };
    for action in actions {
        let ActionKind::DropColumn { name, .. } = &action.kind else { continue };
        if at.is_new_column(table, name) {
            continue;
        }
        let found = Found::new(
            format!("`{table}.{name}` is dropped with its values"),
            format!(
                "its values are gone for good{}; running code that names it fails, and so does code that has \
                 remembered the table's columns (ORMs, prepared `SELECT *`)",
                indexes(at, table, name)
            ),
        );
        let condition = format!("{} is not null", ident(name));
        let found = found.ask(safe::rows(table, &condition), "{n} values are lost", "it has no values");
        out.push(at, found.at(action.at).help(
            "take it out of the code first, deploy that, and drop it in a later release; keep a copy of its values \
             where they could be wanted again",
        ));
    }
}

/// The indexes that go with a column.
fn indexes(at: &At<'_>, table: &Relation, column: &str) -> String {
    let has = |index: &&switchback_sql::schema::Index| {
        let key = index.keys.iter().any(|key| match key {
            Key::Column(name) => name == column,
            Key::Expr(expr) => expr.columns().contains(&column),
        });
        key || index.include.iter().any(|name| name == column)
    };
    let names: Vec<String> =
        at.schema.indexes_of(table).filter(has).map(|index| format!("`{}`", index.name.name)).collect();
    if names.is_empty() { String::new() } else { format!(", with {}", names.join(", ")) }
}

fn materialized(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Drop { kind: ObjectKind::MaterializedView, names, .. } = at.stmt else { return };
    for name in names.iter().filter(|name| at.is_used(name)) {
        let found = Found::new(
            format!("the materialised view `{name}` is dropped"),
            format!(
                "what was computed{} is gone with its indexes, and running code that reads it fails; to have it back, \
                 the whole query runs again",
                at.size(name)
            ),
        );
        out.push(at, found.help(
            "make the new one under another name with its indexes, then swap the names in one transaction",
        ));
    }
}
