//! What contradicts an earlier statement, of this script or of those before.

use crate::rule::prelude::*;

pub(super) const CONFLICT: Rule = Rule {
    code: "SR1219",
    name: "migration-chain-conflict",
    severity: Severity::Error,
    style: false,
    page: include_str!("migration_chain_conflict.md"),
    look: Look::Statement(conflict),
};

pub(super) const RECREATE: Rule = Rule {
    code: "SR1206",
    name: "drop-recreate-table-force",
    severity: Severity::Error,
    style: false,
    page: include_str!("drop_recreate_table_force.md"),
    look: Look::Statement(recreate),
};

pub(super) const KEYS: Rule = Rule {
    code: "SR1205",
    name: "drop-table-with-fks",
    severity: Severity::Error,
    style: false,
    page: include_str!("drop_table_with_fks.md"),
    look: Look::Statement(keys),
};

fn conflict(at: &At<'_>, out: &mut Out<'_>) {
    // In a block of code it may stand behind a condition.
    if at.embedded {
        return;
    }
    match at.stmt {
        Stmt::CreateTable(table) if !table.if_not_exists && !table.temporary => twice(at, &table.name, out),
        Stmt::CreateIndex(index) => {
            if !index.if_not_exists {
                index_twice(at, index, out);
            }
            let keys = index.keys.iter().filter_map(|key| match key {
                Key::Column(name) => Some(name.as_str()),
                Key::Expr(_) => None,
            });
            no_columns(at, &index.table, keys.chain(index.include.iter().map(String::as_str)), out);
        }
        Stmt::AlterTable { table, if_exists: false, actions, kind: ObjectKind::Table, .. }
            if !missing(at, table, 0, out) =>
        {
            for action in actions {
                column(at, table, action, out);
            }
        }
        Stmt::Drop { kind, names, if_exists: false, .. } if has_names(*kind) => {
            for name in names {
                missing(at, name, 0, out);
            }
        }
        Stmt::Rename { kind: ObjectKind::Table, relation, if_exists: false, .. } => {
            missing(at, relation, 0, out);
        }
        Stmt::Rename { kind: ObjectKind::Column, relation, part, if_exists: false, .. }
            if !missing(at, relation, 0, out) =>
        {
            no_columns(at, relation, part.iter().map(String::as_str), out);
        }
        Stmt::CreateEnum { name, .. } | Stmt::CreateType { name, .. } | Stmt::CreateDomain { name, .. } => {
            type_twice(at, name, out);
        }
        Stmt::Truncate { tables, .. } => {
            for table in tables {
                missing(at, table, 0, out);
            }
        }
        Stmt::Insert { table, columns, .. } if !missing(at, table, 0, out) => {
            no_columns(at, table, columns.iter().map(String::as_str), out);
        }
        Stmt::Update { table, assignments, .. } if !missing(at, table, 0, out) => {
            no_columns(at, table, assignments.iter().map(|(name, _)| name.as_str()), out);
        }
        Stmt::Delete { table, .. } => {
            missing(at, table, 0, out);
        }
        _ => {}
    }
}

fn has_names(kind: ObjectKind) -> bool {
    matches!(
        kind,
        ObjectKind::Table
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Sequence
            | ObjectKind::Index
    )
}

/// An earlier statement dropped it, and none made it again.
fn missing(at: &At<'_>, name: &Relation, byte: usize, out: &mut Out<'_>) -> bool {
    let known = at.schema.table(name).is_some()
        || at.schema.index(name).is_some()
        || at.schema.sequence(name).is_some();
    let Some(dropped) = at.schema.dropped(name).filter(|_| !known) else { return false };
    let found = Found::new(
        format!("`{name}` is not there any more: {} dropped it", when(at, dropped.script, dropped.statement)),
        "the statement fails",
    );
    out.push(at, found.at(byte).help("take the statement out, or the DROP before it"));
    true
}

fn when(at: &At<'_>, script: usize, statement: usize) -> String {
    if script == at.script.number {
        let start = at.script.reads.get(statement).map_or(0, |read| read.range.start);
        let (line, _) = at.script.places.place(start);
        return format!("line {line}");
    }
    "an earlier file".to_owned()
}

fn twice(at: &At<'_>, name: &Relation, out: &mut Out<'_>) {
    let Some(born) = at.schema.table(name).and_then(|table| table.born) else { return };
    let found = Found::new(
        format!("`{name}` is there already: {} made it", when(at, born.script, born.statement)),
        "the statement fails",
    );
    out.push(at, found.help("take one of both out, or alter the table that is there"));
}

fn index_twice(at: &At<'_>, index: &CreateIndex, out: &mut Out<'_>) {
    let Some(name) = &index.name else { return };
    let name = Relation { schema: index.table.schema.clone(), name: name.clone() };
    let Some(known) = at.schema.index(&name) else { return };
    let Some(born) = known.born.filter(|_| known.table == at.schema.resolve(&index.table)) else { return };
    let found = Found::new(
        format!(
            "the index `{}` is there already: {} made it",
            name.name,
            when(at, born.script, born.statement)
        ),
        "the statement fails",
    );
    out.push(at, found.help("take one of both out, or give it another name"));
}

fn type_twice(at: &At<'_>, name: &Relation, out: &mut Out<'_>) {
    // SQLAlchemy looks whether an enumeration is there before it makes one with a table.
    if at.script.script.is_python() {
        return;
    }
    let Some(born) = at.schema.made(name).and_then(|made| made.born) else { return };
    let when = when(at, born.script, born.statement);
    let found =
        Found::new(format!("the type `{name}` is there already: {when} made it"), "the statement fails");
    out.push(at, found.help("take one of both out, or alter the type that is there"));
}

/// Every column of the table is known.
fn knows_columns(at: &At<'_>, table: &Relation) -> bool {
    at.schema.table(table).is_some_and(|known| {
        let of_rows = matches!(known.kind, TableKind::Table | TableKind::Partitioned);
        // Of what the target's own catalog tells, `schema-drift` speaks.
        let of_files = known.born.is_some() || !at.schema.knows_all();
        of_rows && of_files && known.all_columns && known.inherits.is_empty()
    })
}

/// A statement names columns that an existing table does not have.
fn no_columns<'n>(
    at: &At<'_>,
    table: &Relation,
    names: impl IntoIterator<Item = &'n str>,
    out: &mut Out<'_>,
) {
    if !knows_columns(at, table) {
        return;
    }
    let mut names = names.into_iter();
    if let Some(name) = names.find(|name| at.schema.column(table, name).is_none()) {
        let (message, help) = no_column(table, name);
        out.push(at, Found::new(message, "the statement fails").help(help));
    }
}

fn no_column(table: &Relation, name: &str) -> (String, &'static str) {
    (
        format!("`{table}` has no column `{name}`, as far as the files tell"),
        "look for the file that was to add it, or for the one that renamed or dropped it",
    )
}

fn column(at: &At<'_>, table: &Relation, action: &Action, out: &mut Out<'_>) {
    let known = |column: &str| at.schema.column(table, column);
    let all = knows_columns(at, table);
    let (message, help) = match &action.kind {
        // The one before may go in the same statement.
        ActionKind::AddColumn { column, .. } if dropped_here(at, &column.name) => return,
        ActionKind::AddColumn { column, if_not_exists: false } => {
            let Some(born) = known(&column.name).and_then(|known| known.born) else { return };
            // What an earlier action of the same statement did is not in the schema yet.
            let when = when(at, born.script, born.statement);
            (
                format!("`{table}.{}` is there already: {when} added it", column.name),
                "take one of both out, or change the column that is there",
            )
        }
        ActionKind::DropColumn { name, if_exists: false, .. }
        | ActionKind::AlterType { column: name, .. }
        | ActionKind::SetNotNull { column: name }
        | ActionKind::DropNotNull { column: name }
        | ActionKind::SetDefault { column: name, .. }
        | ActionKind::DropDefault { column: name }
            if all && known(name).is_none() && !added_here(at, name) =>
        {
            no_column(table, name)
        }
        _ => return,
    };
    out.push(at, Found::new(message, "the statement fails").at(action.at).help(help));
}

fn dropped_here(at: &At<'_>, column: &str) -> bool {
    let Some((_, actions)) = at.alters_any() else { return false };
    let mut actions = actions.iter().map(|action| &action.kind);
    actions.any(|action| matches!(action, ActionKind::DropColumn { name, .. } if name == column))
}

fn added_here(at: &At<'_>, name: &str) -> bool {
    let Some((_, actions)) = at.alters_any() else { return false };
    actions
        .iter()
        .any(|action| matches!(&action.kind, ActionKind::AddColumn { column, .. } if column.name == name))
}

fn recreate(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Drop { kind: ObjectKind::Table, names, .. } = at.stmt else { return };
    for name in names.iter().filter(|name| at.is_used(name) && may_be(at, name)) {
        let made = at.script.after_near(at.number).any(
            |stmt| matches!(stmt, Stmt::CreateTable(table) if !table.temporary && table.name.same(name)),
        );
        if made {
            let found = Found::new(
                format!("`{name}`{} is dropped and made anew", at.size(name)),
                "every row in it is lost, and so are its grants, triggers, policies and the foreign keys to it",
            );
            let help = "alter the table that is there; or make the new one under another name, copy the rows, and rename both";
            let ask = format!("SELECT count(*) FROM (SELECT 1 FROM {} LIMIT 10001) x", quoted(name));
            out.push(at, found.help(help).ask(ask, "{n} rows would be lost", "it is empty"));
        }
    }
}

/// Not, where all of the schema is known and it is not there.
fn may_be(at: &At<'_>, name: &Relation) -> bool {
    at.schema.table(name).is_some() || !(at.schema.knows_all() || at.schema.dropped(name).is_some())
}

fn keys(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Drop { kind: ObjectKind::Table, names, .. } = at.stmt else { return };
    for name in names {
        let Some(table) = at.schema.table(name).filter(|_| at.is_used(name)) else { continue };
        let mut others: Vec<&Relation> = Vec::new();
        for constraint in &table.constraints {
            if let ConstraintKind::Foreign(key) = &constraint.kind
                && key.table != table.name
                && at.is_used(&key.table)
                && !names.iter().any(|name| at.schema.resolve(name) == key.table)
                && !others.contains(&&key.table)
            {
                others.push(&key.table);
            }
        }
        if others.is_empty() {
            continue;
        }
        let list: Vec<String> = others.iter().map(|other| format!("`{}`", at.schema.short(other))).collect();
        let list = list.join(", ");
        let found = Found::new(
            format!("`{name}` is dropped, and its foreign keys to {list} with it"),
            format!("ACCESS EXCLUSIVE on {list} too until the transaction ends: nobody can read there"),
        );
        let help = "drop its foreign keys before, one a transaction and with a lock_timeout; then the table";
        out.push(at, found.help(help));
    }
}
