//! A `DROP` without `CASCADE` of what something else needs.

use std::collections::BTreeSet;

use switchback_sql::schema::{Born, TableConstraint};

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    code: "SR1243",
    name: "drop-blocked",
    severity: Severity::Error,
    style: false,
    page: include_str!("drop_blocked.md"),
    look: Look::Statement(look),
};

/// So many of what is in the way are named.
const MOST: usize = 5;

fn look(at: &At<'_>, out: &mut Out<'_>) {
    // In a block of code it may stand behind a condition.
    if at.embedded {
        return;
    }
    match at.stmt {
        Stmt::Drop { kind, names, cascade: false, .. } => dropped(at, *kind, names, out),
        Stmt::AlterTable { kind: ObjectKind::Table, table, actions, .. } => {
            for action in actions {
                if let ActionKind::DropColumn { name, cascade: false, .. } = &action.kind {
                    let what = format!("`{table}.{name}`");
                    say(at, out, &what, action.at, of_column(at, table, name, actions));
                }
            }
        }
        _ => {}
    }
}

fn dropped(at: &At<'_>, kind: ObjectKind, names: &[Relation], out: &mut Out<'_>) {
    let going = match kind {
        ObjectKind::Table | ObjectKind::ForeignTable | ObjectKind::View | ObjectKind::MaterializedView => {
            with_partitions(at, names)
        }
        _ => BTreeSet::new(),
    };
    for name in names {
        let (what, users) = match kind {
            ObjectKind::Type | ObjectKind::Domain => (format!("the type `{name}`"), of_type(at, name)),
            ObjectKind::Schema => (format!("the schema `{name}`"), of_schema(at, name)),
            _ if going.is_empty() => return,
            // One of another kind is known: where the files tell something else, nobody knows what is there.
            _ if !is_of_kind(at, kind, name) => continue,
            _ => (format!("`{name}`"), of_relation(at, name, &going)),
        };
        say(at, out, &what, 0, users);
    }
}

fn is_of_kind(at: &At<'_>, kind: ObjectKind, name: &Relation) -> bool {
    at.schema.table(name).is_none_or(|known| match known.kind {
        TableKind::Table | TableKind::Partitioned => kind == ObjectKind::Table,
        TableKind::Foreign => kind == ObjectKind::ForeignTable,
        TableKind::View => kind == ObjectKind::View,
        TableKind::MaterializedView => kind == ObjectKind::MaterializedView,
    })
}

fn say(at: &At<'_>, out: &mut Out<'_>, what: &str, byte: usize, mut users: Vec<String>) {
    users.dedup();
    if users.is_empty() {
        return;
    }
    if users.len() > MOST {
        users.truncate(MOST);
        users.push("…".to_owned());
    }
    let found = Found::new(
        format!("{what} is dropped without CASCADE, and needed by {}", users.join(", ")),
        "the server refuses it (`because other objects depend on it`): the migration fails",
    );
    let help = "drop or change what needs it before, by name; CASCADE would drop also what nobody thought of";
    out.push(at, found.at(byte).help(help));
}

/// What goes without being named: the partitions of a table go with it.
fn with_partitions(at: &At<'_>, names: &[Relation]) -> BTreeSet<Relation> {
    let mut going = BTreeSet::new();
    let mut next: Vec<Relation> = names.iter().map(|name| at.schema.resolve(name)).collect();
    while let Some(name) = next.pop() {
        next.extend(at.schema.partitions_of(&name).into_iter().map(|part| part.name.clone()));
        going.insert(name);
    }
    going
}

/// Views that read it, tables that inherit from it, foreign keys to it.
fn of_relation(at: &At<'_>, name: &Relation, going: &BTreeSet<Relation>) -> Vec<String> {
    let mut users = Vec::new();
    for doomed in with_partitions(at, std::slice::from_ref(name)) {
        let stays = |other: &&Table| !going.contains(&other.name) && at.schema.is_followed(other.born);
        users.extend(at.schema.views_of(&doomed).into_iter().filter(stays).map(|view| view_name(at, view)));
        let inherits = |child: &&Table| stays(child) && child.inherits.contains(&doomed);
        let children = at.schema.children_of(&doomed).into_iter().filter(inherits);
        users
            .extend(children.map(|child| {
                format!("the table `{}`, which inherits from it", at.schema.short(&child.name))
            }));
        let keys = keys_to(at, &doomed).into_iter().filter(|(table, _)| !going.contains(&table.name));
        users.extend(keys.map(|(table, key)| key_name(at, table, key)));
    }
    users
}

/// The foreign keys to a table that are there for sure; those of partitions are their parent's.
fn keys_to<'a>(at: &At<'a>, to: &Relation) -> Vec<(&'a Table, &'a TableConstraint)> {
    let tables = at.schema.foreign_keys_to(to).into_iter().map(|(table, _)| table);
    let mut seen = BTreeSet::new();
    let tables = tables.filter(|table| table.partition_of.is_none() && seen.insert(&table.name));
    let keys = tables.flat_map(|table| table.constraints.iter().map(move |one| (table, one)));
    let is = |(table, one): &(&Table, &TableConstraint)| {
        let points = matches!(&one.kind, ConstraintKind::Foreign(key) if key.table == *to);
        points && table.all_constraints && at.schema.is_followed(one.born)
    };
    keys.filter(is).collect()
}

/// Columns of the type, or of a domain over it.
fn of_type(at: &At<'_>, name: &Relation) -> Vec<String> {
    let columns = at.schema.columns_of_type(name).into_iter();
    let stays = |since: Option<Born>| at.schema.is_followed(since);
    let columns = columns.filter(|(table, column)| {
        let has_rows = matches!(table.kind, TableKind::Table | TableKind::Partitioned | TableKind::Foreign);
        has_rows && table.partition_of.is_none() && stays(column.born.or(table.born))
    });
    columns.map(|(table, column)| format!("`{}.{}`", at.schema.short(&table.name), column.name)).collect()
}

/// The tables and views in it.
fn of_schema(at: &At<'_>, name: &Relation) -> Vec<String> {
    let there = at.schema.tables_in(&name.name).into_iter();
    let stays = |table: &Relation| {
        at.schema.table(table).is_some_and(|table| table.born.is_some() && at.schema.is_followed(table.born))
    };
    there.filter(stays).map(|table| format!("`{table}`")).collect()
}

/// Views that read it for sure, foreign keys to it, generated columns that are made of it.
fn of_column(at: &At<'_>, table: &Relation, column: &str, actions: &[Action]) -> Vec<String> {
    let own = at.schema.resolve(table);
    let Some(known) = at.schema.table(&own) else { return Vec::new() };
    let gone = |action: &Action| match &action.kind {
        ActionKind::DropColumn { name, .. } | ActionKind::DropConstraint { name, .. } => Some(name.clone()),
        _ => None,
    };
    let gone: BTreeSet<String> = actions.iter().filter_map(gone).collect();
    let views = at.schema.views_of(&own).into_iter().filter(|view| {
        // A view reads the column for sure where no other table that it reads may have one of that name.
        let others = view.reads.iter().all(|other| *other == own || super::lacks(at, other, column));
        others && view.reads_columns.iter().any(|read| read == column) && at.schema.is_followed(view.born)
    });
    let mut users: Vec<String> = views.map(|view| view_name(at, view)).collect();
    for (other, constraint) in keys_to(at, &own) {
        let ConstraintKind::Foreign(key) = &constraint.kind else { continue };
        // A key of the table itself goes with its own columns.
        let goes = other.name == own
            && (gone.contains(&constraint.name) || key.columns.iter().any(|own| gone.contains(own)));
        if !goes && key.referenced.iter().any(|to| to == column) {
            users.push(key_name(at, other, constraint));
        }
    }
    // Before PostgreSQL 15 they go with it.
    for other in known.columns.iter().filter(|_| at.script.options.version >= 15) {
        let made_of = other.generated.as_ref().is_some_and(|from| from.columns().contains(&column));
        if made_of && !gone.contains(&other.name) && at.schema.is_followed(other.born) {
            users.push(format!("the generated column `{}`", other.name));
        }
    }
    users
}

fn view_name(at: &At<'_>, view: &Table) -> String {
    let kind = if view.kind == TableKind::MaterializedView { "materialised view" } else { "view" };
    format!("the {kind} `{}`", at.schema.short(&view.name))
}

fn key_name(at: &At<'_>, table: &Table, key: &TableConstraint) -> String {
    format!("the foreign key `{}` of `{}`", key.name, at.schema.short(&table.name))
}
