//! Primary keys: those that run out, and those that are missing.

use std::collections::BTreeMap;

use super::columns::{Typed, is, retyped, typed};
use super::types::is_primary;
use crate::rule::prelude::*;

pub(super) const INT_PRIMARY: Rule = Rule {
    code: "SR0903",
    name: "int-primary-key",
    severity: Severity::Error,
    style: false,
    page: include_str!("int_primary_key.md"),
    look: Look::Statement(int_primary),
};

pub(super) const MISSING_PRIMARY: Rule = Rule {
    code: "SR0914",
    name: "missing-primary-key",
    severity: Severity::Warning,
    style: false,
    page: include_str!("missing_primary_key.md"),
    look: Look::Script(missing_primary),
};

const SMALL: &[&str] = &["int4", "int2", "serial", "serial4", "smallserial", "serial2"];

fn int_primary(at: &At<'_>, out: &mut Out<'_>) {
    let columns = typed(at);
    let found: Vec<(&Typed<'_>, &str)> = columns
        .iter()
        .filter(|column| is(at.base_type(column.of), SMALL) && is_key(at, column))
        .map(|column| (column, if column.of.name.contains("serial") { "bigserial" } else { "bigint" }))
        .collect();
    let fix = retyped(at, &found);
    for (column, _) in &found {
        let mut found = found_for(column.table, column.name, column.of).at(column.at);
        // So few rows are chosen on purpose, where nobody counts them up.
        if column.of.name == "int2" && column.column.is_some_and(|column| column.identity.is_none()) {
            found = found.severity(Severity::Info);
        }
        out.push(at, found.fix(fix.clone()));
    }
    added(at, out);
}

fn found_for(table: &Relation, column: &str, of: &Type) -> Found {
    let small = ["int2", "smallserial", "serial2"].contains(&of.name.as_str());
    let last = if small { "32,767" } else { "2,147,483,647" };
    let found = Found::new(
        format!("the primary key `{table}.{column}` ends at {last}"),
        "rows that were deleted or rolled back count too; when it is reached every INSERT fails, and the change to \
         bigint writes the table and those that point to it anew under ACCESS EXCLUSIVE",
    );
    found.help("bigint from the beginning, also in the columns that point to it")
}

/// It alone is the key, or it is the part of it that counts; and it does not follow another table's.
fn is_key(at: &At<'_>, typed: &Typed<'_>) -> bool {
    let Some(column) = typed.column else { return is_key_already(at, typed) };
    let beside: &[Constraint] = match at.stmt {
        Stmt::CreateTable(create) => &create.constraints,
        _ => &[],
    };
    let points = |constraint: &Constraint| match &constraint.kind {
        ConstraintKind::Foreign(key) => key.columns.is_empty() || key.columns == [column.name.clone()],
        _ => false,
    };
    if column.constraints.iter().chain(beside).any(points) {
        return false;
    }
    let counts = column.identity.is_some() || column.of.name.contains("serial");
    let of_table = beside.iter().any(|constraint| match &constraint.kind {
        ConstraintKind::Primary { columns, .. } => {
            columns.contains(&column.name) && (columns.len() == 1 || counts)
        }
        _ => false,
    });
    of_table || column.constraints.iter().any(is_primary)
}

/// A column that gets a smaller type is the key.
fn is_key_already(at: &At<'_>, typed: &Typed<'_>) -> bool {
    let Some(table) = at.schema.table(typed.table) else { return false };
    table.constraints.iter().any(|constraint| match &constraint.kind {
        ConstraintKind::Primary { columns, .. } => columns.as_slice() == [typed.name],
        _ => false,
    })
}

/// A key over a column that is known.
fn added(at: &At<'_>, out: &mut Out<'_>) {
    let Some((table, actions)) = at.alters_any() else { return };
    for action in actions {
        let ActionKind::AddConstraint(constraint) = &action.kind else { continue };
        let ConstraintKind::Primary { columns, .. } = &constraint.kind else { continue };
        let [name] = columns.as_slice() else { continue };
        let Some(known) = at.schema.table(table).filter(|known| !known.temporary) else { continue };
        let follows = known.constraints.iter().any(|other| match &other.kind {
            ConstraintKind::Foreign(key) => key.columns == *columns,
            _ => false,
        });
        let Some(of) = at.schema.column(table, name).and_then(|column| column.of.as_ref()) else { continue };
        if is(at.base_type(of), SMALL) && !follows {
            out.push(at, found_for(table, name, of).at(constraint.at));
        }
    }
}

fn missing_primary(script: &ScriptAt<'_>, out: &mut Out<'_>) {
    if script.script.direction == crate::Direction::Down {
        return;
    }
    let mut without: BTreeMap<Relation, usize> = BTreeMap::new();
    let bare = |name: &Relation| Relation {
        schema: name.schema.clone().filter(|schema| schema != "public"),
        name: name.name.clone(),
    };
    for (number, stmt) in script.stmts() {
        match stmt {
            Stmt::CreateTable(create) if lacks_key(create) => {
                without.insert(bare(&create.name), number);
            }
            Stmt::AlterTable { table, actions, .. } if actions.iter().any(gives_key) => {
                without.remove(&bare(table));
            }
            Stmt::Drop { kind: ObjectKind::Table, names, .. } => {
                for name in names {
                    without.remove(&bare(name));
                }
            }
            // It is another table from then on, of which something else may be said.
            Stmt::Rename { kind: ObjectKind::Table, relation, to, .. } => {
                if let Some(number) = without.remove(&bare(relation)) {
                    without.insert(
                        bare(&Relation { schema: relation.schema.clone(), name: to.clone() }),
                        number,
                    );
                }
            }
            _ => {}
        }
    }
    for (table, number) in without {
        let found = Found::new(
            format!("table `{table}` has no primary key"),
            "one row can't be told from an equal one, and where the table is published for logical replication \
             every UPDATE and DELETE on it fails: there is no replica identity",
        );
        let help = "give it one: id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, or the columns that it is known by";
        out.push_statement(script, number, found.help(help));
    }
}

fn lacks_key(create: &CreateTable) -> bool {
    let columns = create.columns.iter().flat_map(|column| &column.constraints);
    let elsewhere = create.partition_of.is_some() || create.query.is_some() || !create.like.is_empty();
    // A key is not inherited.
    let nothing = create.columns.is_empty() && create.inherits.is_empty();
    let other = create.temporary || create.foreign || nothing;
    !elsewhere && !other && !columns.chain(&create.constraints).any(is_primary)
}

fn gives_key(action: &Action) -> bool {
    match &action.kind {
        ActionKind::AddConstraint(constraint) => is_primary(constraint),
        ActionKind::AddColumn { column, .. } => column.constraints.iter().any(is_primary),
        ActionKind::ReplicaIdentity(ReplicaIdentity::Index(_)) | ActionKind::Attach(_) => true,
        _ => false,
    }
}
