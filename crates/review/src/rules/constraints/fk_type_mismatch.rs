//! A foreign key between columns of different types.

use crate::rule::prelude::*;
use crate::rules::safe;

pub(super) const RULE: Rule = Rule {
    code: "SR0120",
    name: "fk-type-mismatch",
    severity: Severity::Warning,
    style: false,
    page: include_str!("fk_type_mismatch.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    match at.stmt {
        Stmt::AlterTable { kind: ObjectKind::Table, table, actions, .. } => {
            let new: Vec<&Column> = actions.iter().filter_map(added).collect();
            for action in actions {
                match &action.kind {
                    ActionKind::AddConstraint(constraint) => one(at, out, table, &new, constraint, None),
                    ActionKind::AddColumn { column, .. } => {
                        for constraint in &column.constraints {
                            one(at, out, table, &new, constraint, Some(&column.name));
                        }
                    }
                    _ => {}
                }
            }
        }
        Stmt::CreateTable(create) => {
            let new: Vec<&Column> = create.columns.iter().collect();
            for column in &create.columns {
                for constraint in &column.constraints {
                    one(at, out, &create.name, &new, constraint, Some(&column.name));
                }
            }
            for constraint in &create.constraints {
                one(at, out, &create.name, &new, constraint, None);
            }
        }
        _ => {}
    }
}

fn added(action: &Action) -> Option<&Column> {
    match &action.kind {
        ActionKind::AddColumn { column, .. } => Some(column),
        _ => None,
    }
}

fn one(
    at: &At<'_>,
    out: &mut Out<'_>,
    table: &Relation,
    new: &[&Column],
    constraint: &Constraint,
    column: Option<&str>,
) {
    let ConstraintKind::Foreign(key) = &constraint.kind else { return };
    let own: Vec<&str> = match column {
        Some(column) => vec![column],
        None => key.columns.iter().map(String::as_str).collect(),
    };
    let Some(others) = safe::referenced(at, key) else { return };
    for (column, other) in own.iter().zip(&others) {
        let new = new.iter().find(|new| new.name == *column).map(|new| &new.of);
        let known = || at.schema.column(table, column).and_then(|known| known.of.as_ref());
        let (Some(from), Some(to)) =
            (new.or_else(known), at.schema.column(&key.table, other).and_then(|known| known.of.as_ref()))
        else {
            continue;
        };
        let (from, to) = (at.base_type(from), at.base_type(to));
        if from.array || to.array || family(&from.name).is_none() || family(&to.name).is_none() {
            continue;
        }
        if let Some(found) = differ(table, column, &from.name, &key.table, other, &to.name) {
            out.push(at, found.at(constraint.at));
        }
    }
}

/// Types that can be compared with each other without a cast that is written.
fn family(name: &str) -> Option<&'static str> {
    Some(match name {
        "int2" | "int4" | "int8" | "serial" | "bigserial" | "smallserial" => "integer",
        "text" | "varchar" | "bpchar" | "name" => "text",
        "float4" | "float8" => "float",
        "numeric" => "numeric",
        "uuid" => "uuid",
        "date" | "timestamp" | "timestamptz" => "time",
        "bool" => "bool",
        "bytea" => "bytea",
        "inet" | "cidr" => "inet",
        _ => return None,
    })
}

/// `serial` is an `int4`.
fn stored(name: &str) -> &str {
    match name {
        "serial" => "int4",
        "bigserial" => "int8",
        "smallserial" => "int2",
        "varchar" => "text",
        "cidr" => "inet",
        _ => name,
    }
}

fn differ(
    table: &Relation,
    column: &str,
    from: &str,
    other: &Relation,
    to_column: &str,
    to: &str,
) -> Option<Found> {
    let (own, others) = (family(from)?, family(to)?);
    if stored(from) == stored(to) {
        return None;
    }
    let message =
        format!("`{table}.{column}` is `{from}`, and points to `{other}.{to_column}`, which is `{to}`");
    let help = format!("make `{table}.{column}` a `{}` too", stored_as(to));
    // Numbers of one kind are taken for another where nothing is lost.
    let numbers = |name: &str| matches!(name, "integer" | "numeric" | "float");
    if own != others && !(numbers(own) && numbers(others)) {
        let why = "the server has no equality between the two types, and refuses the foreign key";
        return Some(Found::new(message, why).severity(Severity::Error).help(help));
    }
    let why =
        "every check casts one side, and values of the one may not fit into the other when there are more";
    Some(Found::new(message, why).help(help))
}

/// How the type of a column is called that is not to have a sequence.
fn stored_as(name: &str) -> &str {
    match name {
        "serial" => "int4",
        "bigserial" => "int8",
        "smallserial" => "int2",
        _ => name,
    }
}
