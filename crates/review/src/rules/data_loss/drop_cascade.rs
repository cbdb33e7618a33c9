//! `CASCADE`: what is dropped without being named.

use crate::rule::prelude::*;
use std::collections::BTreeSet;

pub(super) const RULE: Rule = Rule {
    code: "SR0605",
    name: "drop-cascade",
    severity: Severity::Error,
    style: false,
    page: include_str!("drop_cascade.md"),
    look: Look::Statement(look),
};

/// No more names than these are told.
const MANY: usize = 8;

/// A chain of views is not followed further.
const DEEP: usize = 1000;

fn look(at: &At<'_>, out: &mut Out<'_>) {
    match at.stmt {
        Stmt::Drop { kind, names, cascade: true, .. } => {
            let mut unknown = Vec::new();
            for name in names.iter().filter(|name| !super::is_new(at, *kind, name)) {
                object(at, *kind, name, &mut unknown, out);
            }
            if !unknown.is_empty() {
                out.push(at, found(&several(&unknown), Vec::new()));
            }
        }
        Stmt::AlterTable { table, actions, .. } if at.is_used(table) => {
            for action in actions {
                part(at, table, action, out);
            }
        }
        _ => {}
    }
}

/// Names one by one, as far as anybody reads them.
fn several(names: &[&Relation]) -> String {
    let list: Vec<String> = names.iter().take(MANY).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(MANY) {
        0 => list.join(", "),
        more => format!("{} and {more} more", list.join(", ")),
    }
}

fn object<'a>(
    at: &At<'_>,
    kind: ObjectKind,
    name: &'a Relation,
    unknown: &mut Vec<&'a Relation>,
    out: &mut Out<'_>,
) {
    let known = match kind {
        ObjectKind::Table | ObjectKind::ForeignTable | ObjectKind::View | ObjectKind::MaterializedView => {
            of_relation(at, name)
        }
        ObjectKind::Type | ObjectKind::Domain => of_type(at, name),
        ObjectKind::Schema => of_schema(at, &name.name),
        // Its own rule says what goes with it.
        ObjectKind::Extension => return,
        _ => Vec::new(),
    };
    // What is in the schema is told by its own rule.
    if kind == ObjectKind::Schema && known.is_empty() {
        return;
    }
    if known.is_empty() {
        return unknown.push(name);
    }
    let kind = if kind == ObjectKind::Schema { "the schema " } else { "" };
    out.push(at, found(&format!("{kind}`{name}`"), known));
}

fn part(at: &At<'_>, table: &Relation, action: &Action, out: &mut Out<'_>) {
    let (name, known) = match &action.kind {
        ActionKind::DropColumn { name, cascade: true, .. } if !at.is_new_column(table, name) => {
            (name, of_column(at, table, name))
        }
        ActionKind::DropConstraint { name, cascade: true, .. } => (name, of_constraint(at, table, name)),
        _ => return,
    };
    out.push(at, found(&format!("`{table}.{name}`"), known).at(action.at));
}

fn found(what: &str, mut known: Vec<String>) -> Found {
    known.dedup();
    let more = known.len().saturating_sub(MANY);
    known.truncate(MANY);
    let mut list = known.join(", ");
    if more > 0 {
        list = format!("{list} and {more} more");
    }
    let message = if known.is_empty() {
        format!("CASCADE drops whatever depends on {what}, without a name")
    } else {
        format!("CASCADE drops with {what}: {list}")
    };
    let found = Found::new(
        message,
        "what goes is decided by the database that it runs on: views, foreign keys, columns that nobody has named, \
         each under ACCESS EXCLUSIVE, and code that uses them fails",
    );
    found.help(
        "leave CASCADE out, and drop by name what depends on it: then nothing goes that nobody thought of",
    )
}

/// Views over it, at any depth, foreign keys that point to it, tables that inherit from it.
fn of_relation(at: &At<'_>, name: &Relation) -> Vec<String> {
    let mut known = keys(at, name, None);
    known.extend(views(at, at.schema.views_of(name)));
    let children = at.schema.children_of(name);
    let children = children.into_iter().filter(|child| child.partition_of.is_none());
    known.extend(children.map(|child| format!("the table `{}`", at.schema.short(&child.name))));
    known
}

fn views(at: &At<'_>, first: Vec<&Table>) -> Vec<String> {
    let (mut next, mut seen, mut known) = (first, BTreeSet::new(), Vec::new());
    while let Some(view) = next.pop() {
        if seen.len() > DEEP || !seen.insert(view.name.clone()) {
            continue;
        }
        known.push(format!("the view `{}`", at.schema.short(&view.name)));
        next.extend(at.schema.views_of(&view.name));
    }
    known.sort();
    known
}

/// Foreign keys that point to a table, or to some of its columns.
fn keys(at: &At<'_>, table: &Relation, columns: Option<&[String]>) -> Vec<String> {
    let wanted = at.schema.resolve(table);
    let mut known = Vec::new();
    for (from, _) in at.schema.foreign_keys_to(table) {
        if from.name == wanted {
            continue;
        }
        for constraint in &from.constraints {
            let ConstraintKind::Foreign(key) = &constraint.kind else { continue };
            let hit = columns.is_none_or(|columns| {
                key.referenced.is_empty() || columns.iter().any(|column| key.referenced.contains(column))
            });
            if key.table == wanted && hit {
                let name = &constraint.name;
                known.push(format!("the foreign key `{name}` of `{}`", at.schema.short(&from.name)));
            }
        }
    }
    known.sort();
    known.dedup();
    known
}

fn of_column(at: &At<'_>, table: &Relation, column: &str) -> Vec<String> {
    let reading = at.schema.views_of(table);
    let reading = reading.into_iter().filter(|view| view.reads_columns.iter().any(|name| name == column));
    let mut known = views(at, reading.collect());
    let names = |columns: &[String]| columns.iter().any(|name| name == column);
    let keyed = at.schema.table(table).is_some_and(|known| {
        known.constraints.iter().any(|constraint| match &constraint.kind {
            ConstraintKind::Primary { columns, .. } | ConstraintKind::Unique { columns, .. } => {
                names(columns)
            }
            _ => false,
        })
    });
    if keyed {
        known.extend(keys(at, table, Some(&[column.to_owned()])));
    }
    known
}

fn of_constraint(at: &At<'_>, table: &Relation, name: &str) -> Vec<String> {
    let Some(known) = at.schema.table(table) else { return Vec::new() };
    let constraint = known.constraints.iter().find(|constraint| constraint.name == name);
    match constraint.map(|constraint| &constraint.kind) {
        Some(ConstraintKind::Primary { columns, .. } | ConstraintKind::Unique { columns, .. }) => {
            keys(at, table, Some(columns))
        }
        _ => Vec::new(),
    }
}

fn of_type(at: &At<'_>, name: &Relation) -> Vec<String> {
    let columns = at.schema.columns_of_type(name).into_iter();
    let mut known: Vec<String> = columns
        .map(|(table, column)| format!("the column `{}.{}`", at.schema.short(&table.name), column.name))
        .collect();
    known.sort();
    known
}

/// What lies outside of a schema and depends on what is in it.
fn of_schema(at: &At<'_>, schema: &str) -> Vec<String> {
    let mut known = Vec::new();
    for table in &at.schema.tables_in(schema) {
        let outside = |table: &&Table| table.name.schema.as_deref() != Some(schema);
        let reading = at.schema.views_of(table).into_iter().filter(outside).collect();
        known.extend(views(at, reading));
        let pointed = at.schema.foreign_keys_to(table);
        if pointed.iter().any(|(from, _)| outside(from)) {
            known.extend(keys(at, table, None));
        }
    }
    known.sort();
    known
}
