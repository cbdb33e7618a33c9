//! The target is not what the migrations take it for.

use std::collections::BTreeSet;

use switchback_sql::ast::Type;
use switchback_sql::schema::TableColumn;

use super::{list, names};
use crate::rule::prelude::*;

pub(in crate::rules) const RULE: Rule = Rule {
    code: "SR1220",
    name: "schema-drift",
    severity: Severity::Error,
    style: false,
    page: include_str!("schema_drift.md"),
    look: Look::StatementAndHistory(statement, history),
};

/// Columns that every table has.
const SYSTEM: &[&str] = &["ctid", "tableoid", "xmin", "xmax", "cmin", "cmax", "*"];
/// So many tables are told one by one.
const TOLD: usize = 20;

const HELP: &str = "look what is there (psql's \\d), and what was done by hand or by another branch; bring it in line by a \
                    migration of its own before this one";

/// What the statement needs and the target lacks, and what it makes and the target has.
fn statement(at: &At<'_>, out: &mut Out<'_>) {
    // In a block of code it may stand behind a condition.
    if !at.schema.knows_all() || at.embedded {
        return;
    }
    let missing: BTreeSet<&Relation> =
        names::relations(at.stmt).into_iter().filter(|name| is_missing(at, name)).collect();
    for name in &missing {
        let found = Found::new(format!("`{name}` is not in the target"), "the statement fails there");
        out.push(at, found.help(HELP));
    }
    if !missing.is_empty() {
        return;
    }
    if let Some(what) = taken(at) {
        let found = Found::new(format!("{what} is in the target already"), "the statement fails there");
        out.push(at, found.help(HELP));
    }
    parts(at, out);
}

/// Not there, and not dropped by a script before: of that another rule speaks.
fn is_missing(at: &At<'_>, name: &Relation) -> bool {
    let schema = at.schema;
    let known =
        schema.table(name).is_some() || schema.index(name).is_some() || schema.sequence(name).is_some();
    !known && schema.dropped(name).is_none() && schema.made(name).is_none()
}

/// What the statement makes, where the target has it from before the scripts.
fn taken(at: &At<'_>) -> Option<String> {
    let schema = at.schema;
    let table =
        |name: &Relation| schema.table(name).is_some_and(|known| known.born.is_none() && !known.temporary);
    match at.stmt {
        Stmt::CreateTable(create) if !create.if_not_exists && !create.temporary => {
            table(&create.name).then(|| format!("`{}`", create.name))
        }
        Stmt::CreateView(create) if !create.replace && !create.if_not_exists && !create.temporary => {
            table(&create.name).then(|| format!("`{}`", create.name))
        }
        Stmt::CreateIndex(create) if !create.if_not_exists => {
            let name = create.name.as_ref()?;
            let name = Relation { schema: schema.resolve(&create.table).schema, name: name.clone() };
            let known = schema.index(&name)?;
            (known.born.is_none() && known.valid).then(|| format!("the index `{}`", name.name))
        }
        Stmt::Sequence(sequence) if !sequence.alter => {
            let known = schema.sequence(&sequence.name)?;
            known.born.is_none().then(|| format!("the sequence `{}`", sequence.name))
        }
        Stmt::CreateEnum { name, .. } | Stmt::CreateType { name, .. } | Stmt::CreateDomain { name, .. } => {
            schema.made(name)?.born.is_none().then(|| format!("the type `{name}`"))
        }
        _ => None,
    }
}

/// Columns and constraints.
fn parts(at: &At<'_>, out: &mut Out<'_>) {
    let mut wanted: Vec<(&Relation, &str, usize)> = Vec::new();
    match at.stmt {
        Stmt::AlterTable { kind: ObjectKind::Table, table, actions, .. } => {
            let mut added = BTreeSet::new();
            for action in actions {
                if let ActionKind::AddColumn { column, if_not_exists } = &action.kind {
                    added.insert(column.name.as_str());
                    if !if_not_exists && has_before(at, table, &column.name) {
                        let message = format!("`{table}.{}` is in the target already", column.name);
                        let found = Found::new(message, "the statement fails there").at(action.at);
                        out.push(at, found.help(HELP));
                    }
                }
                let columns = names::columns_of_action(&action.kind).into_iter();
                wanted.extend(
                    columns.filter(|name| !added.contains(name)).map(|name| (table, name, action.at)),
                );
                constraint(at, table, action, out);
            }
        }
        Stmt::CreateIndex(create) => {
            let keys = create.keys.iter().flat_map(|key| match key {
                Key::Column(name) => vec![name.as_str()],
                Key::Expr(expr) => names::plain(expr),
            });
            let more =
                create.include.iter().map(String::as_str).chain(create.filter.iter().flat_map(names::plain));
            wanted.extend(keys.chain(more).map(|name| (&create.table, name, 0)));
        }
        Stmt::Insert { table, columns, .. } => {
            wanted.extend(columns.iter().map(|name| (table, name.as_str(), 0)));
        }
        Stmt::Update { table, assignments, .. } => {
            wanted.extend(assignments.iter().map(|(name, _)| (table, name.as_str(), 0)));
        }
        Stmt::Rename { kind: ObjectKind::Column, relation, part: Some(part), .. } => {
            wanted.push((relation, part, 0));
        }
        _ => {}
    }
    for (table, column, byte) in wanted {
        if lacks(at, table, column) {
            let found = Found::new(
                format!("`{table}` has no column `{column}` in the target"),
                "the statement fails there",
            );
            out.push(at, found.at(byte).help(HELP));
        }
    }
}

/// A table of the target with all of its columns, and not this one.
fn lacks(at: &At<'_>, table: &Relation, column: &str) -> bool {
    let Some(known) = at.schema.table(table) else { return false };
    known.born.is_none()
        && known.all_columns
        && !SYSTEM.contains(&column)
        && !known.columns.iter().any(|known| known.name == column)
}

fn has_before(at: &At<'_>, table: &Relation, column: &str) -> bool {
    at.schema.column(table, column).is_some_and(|known| known.born.is_none())
        && at.schema.table(table).is_some_and(|known| known.born.is_none())
}

fn constraint(at: &At<'_>, table: &Relation, action: &Action, out: &mut Out<'_>) {
    let (ActionKind::ValidateConstraint { name }
    | ActionKind::AlterConstraint { name, .. }
    | ActionKind::DropConstraint { name, if_exists: false, .. }) = &action.kind
    else {
        return;
    };
    let Some(known) = at.schema.table(table).filter(|known| known.born.is_none()) else { return };
    let own =
        known.columns.iter().any(|column| *name == format!("{}_{}_not_null", known.name.name, column.name));
    if own || known.constraints.iter().any(|constraint| constraint.name == *name) {
        return;
    }
    let found = Found::new(
        format!("`{table}` has no constraint `{name}` in the target"),
        "the statement fails there",
    );
    out.push(at, found.at(action.at).help(HELP));
}

/// What the applied files tell, and what is there.
fn history(history: &History<'_>, out: &mut Out<'_>) {
    let scripts = history.scripts();
    let Some(first) = scripts.values().next() else { return };
    if !history.live.without_file.is_empty() {
        let found = Found::new(
            format!(
                "{} is applied in the target, and there is no file of it",
                list(&history.live.without_file)
            ),
            "what it did is not told by the files, and nobody can take it back with them",
        );
        out.push_script(first, None, found.help("bring the files back: git knows where they were last"));
    }
    let (Some(told), Some(live)) = (history.told, &history.live.schema) else { return };
    let mut differ: Vec<(&Table, Vec<String>)> = Vec::new();
    for table in told.tables().filter(|table| table.born.is_some() && !table.temporary) {
        let differences = differences(table, told, live);
        if !differences.is_empty() {
            differ.push((table, differences));
        }
    }
    let touched: BTreeSet<Relation> = scripts
        .values()
        .flat_map(|script| script.stmts())
        .flat_map(|(_, stmt)| names::relations(stmt))
        .map(|name| live.resolve(name))
        .collect();
    let rest = differ.len().saturating_sub(TOLD);
    for (table, differences) in differ.iter().take(TOLD) {
        let found = Found::new(
            format!(
                "`{}` is not in the target what the files tell: {}",
                told.short(&table.name),
                some(differences)
            ),
            "something was changed by hand, by another branch, or by a file that was edited: what was tried elsewhere may \
             fail here",
        );
        let severity = if touched.contains(&table.name) { Severity::Error } else { Severity::Warning };
        out.push_script(first, None, found.help(HELP).severity(severity));
    }
    if rest > 0 {
        let found = Found::new(
            format!("{rest} more tables are not in the target what the files tell"),
            "these files are perhaps not this target's",
        );
        out.push_script(first, None, found.help(HELP).severity(Severity::Warning));
    }
}

fn some(differences: &[String]) -> String {
    let told = differences.iter().take(4).cloned().collect::<Vec<_>>().join("; ");
    match differences.len().saturating_sub(4) {
        0 => told,
        more => format!("{told}; and {more} more"),
    }
}

/// Where the target has a table otherwise than the files tell.
fn differences(table: &Table, told: &Schema, live: &Schema) -> Vec<String> {
    let Some(there) = live.table(&table.name) else { return vec!["it is not there".to_owned()] };
    let is_table = |table: &Table| matches!(table.kind, TableKind::Table | TableKind::Partitioned);
    if is_table(table) != is_table(there) {
        return vec!["it is of another kind".to_owned()];
    }
    if !is_table(table) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for column in &table.columns {
        match there.columns.iter().find(|known| known.name == column.name) {
            None => found.push(format!("the column `{}` is missing", column.name)),
            Some(known) => found.extend(of_column(column, known, live)),
        }
    }
    if table.all_columns {
        let more = there
            .columns
            .iter()
            .filter(|known| !table.columns.iter().any(|column| column.name == known.name));
        found.extend(more.map(|column| format!("the column `{}` is in no file", column.name)));
    }
    for constraint in
        table.constraints.iter().filter(|one| !matches!(one.kind, ConstraintKind::NotNull { .. }))
    {
        match there.constraints.iter().find(|known| known.name == constraint.name) {
            None => found.push(format!("the constraint `{}` is missing", constraint.name)),
            Some(known) if constraint.valid && !known.valid => {
                found.push(format!("the constraint `{}` is not valid", constraint.name));
            }
            Some(_) => {}
        }
    }
    for index in told.indexes_of(&table.name).filter(|index| index.constraint.is_none()) {
        match live.index(&index.name) {
            None => found.push(format!("the index `{}` is missing", index.name.name)),
            Some(known) if index.valid && !known.valid => {
                found.push(format!("the index `{}` is not valid", index.name.name));
            }
            Some(_) => {}
        }
    }
    found
}

fn of_column(told: &TableColumn, there: &TableColumn, live: &Schema) -> Option<String> {
    let name = &told.name;
    if let (Some(one), Some(other)) = (&told.of, &there.of)
        && !live.is_same_type(one, other)
    {
        return Some(format!("`{name}` is `{}`, and the files say `{}`", shown(other), shown(one)));
    }
    match (told.not_null, there.not_null) {
        (true, false) => Some(format!("`{name}` takes NULL, and the files say NOT NULL")),
        (false, true) => Some(format!("`{name}` is NOT NULL, and the files say otherwise")),
        _ => None,
    }
}

fn shown(of: &Type) -> String {
    let limits: Vec<String> = of.modifiers.iter().map(ToString::to_string).collect();
    let limits = if limits.is_empty() { String::new() } else { format!("({})", limits.join(",")) };
    format!("{}{limits}{}", of.name, if of.array { "[]" } else { "" })
}
