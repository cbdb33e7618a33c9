//! A foreign key to columns over which there is no key.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    code: "SR0123",
    name: "fk-without-key",
    severity: Severity::Error,
    style: false,
    page: include_str!("fk_without_key.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    for constraint in added(at.stmt) {
        let ConstraintKind::Foreign(key) = &constraint.kind else { continue };
        let Some(false) = has_key(at, key) else { continue };
        let (message, said) = if key.referenced.is_empty() {
            (
                format!("a foreign key points to `{}`, which has no primary key", key.table),
                "there is no primary key for referenced table",
            )
        } else {
            let columns = key.referenced.join(", ");
            (
                format!("a foreign key points to `{}` ({columns}), and no key is over that", key.table),
                "there is no unique constraint matching given keys for referenced table",
            )
        };
        let found = Found::new(
            message,
            format!("the server refuses it (`{said}`): rows are pointed to by what only one of them has"),
        );
        let help = "before it, add a primary key, UNIQUE, or a unique index without WHERE over just these columns; or \
                    point to the columns of a key that is there";
        out.push(at, found.at(constraint.at).help(help));
    }
}

/// The constraints that a statement makes, wherever they are written.
fn added(stmt: &Stmt) -> Vec<&Constraint> {
    match stmt {
        Stmt::CreateTable(create) => {
            let of_columns = create.columns.iter().flat_map(|column| &column.constraints);
            of_columns.chain(&create.constraints).collect()
        }
        Stmt::AlterTable { kind: ObjectKind::Table, actions, .. } => {
            actions.iter().flat_map(|action| added_by(&action.kind)).collect()
        }
        _ => Vec::new(),
    }
}

fn added_by(action: &ActionKind) -> &[Constraint] {
    match action {
        ActionKind::AddConstraint(constraint) => std::slice::from_ref(constraint),
        ActionKind::AddColumn { column, .. } => &column.constraints,
        _ => &[],
    }
}

/// Whether the table that is pointed to has the key that the server asks for; nothing where that is not
/// known.
fn has_key(at: &At<'_>, key: &ForeignKey) -> Option<bool> {
    match at.stmt {
        Stmt::CreateTable(create) if points_to(at, key, &create.name) => {
            let plain = create.like.is_empty() && create.inherits.is_empty() && create.partition_of.is_none();
            (plain && at.schema.table(&create.name).is_none()).then(|| is_made(at.stmt, key))
        }
        Stmt::AlterTable { table, .. } if points_to(at, key, table) && is_made(at.stmt, key) => Some(true),
        _ => is_there(at, key),
    }
}

fn points_to(at: &At<'_>, key: &ForeignKey, table: &Relation) -> bool {
    at.schema.resolve(&key.table) == at.schema.resolve(table)
}

/// Whether the statement itself makes the key.
fn is_made(stmt: &Stmt, key: &ForeignKey) -> bool {
    let fits = |constraint: &Constraint, column: Option<&str>| match &constraint.kind {
        ConstraintKind::Primary { columns, using_index } => {
            key.referenced.is_empty() || using_index.is_some() || is_over(columns, column, &key.referenced)
        }
        ConstraintKind::Unique { columns, using_index } => {
            !key.referenced.is_empty() && (using_index.is_some() || is_over(columns, column, &key.referenced))
        }
        _ => false,
    };
    let of_column = |column: &Column| column.constraints.iter().any(|one| fits(one, Some(&column.name)));
    match stmt {
        Stmt::CreateTable(create) => {
            create.columns.iter().any(of_column) || create.constraints.iter().any(|one| fits(one, None))
        }
        Stmt::AlterTable { actions, .. } => actions.iter().any(|action| match &action.kind {
            ActionKind::AddConstraint(constraint) => fits(constraint, None),
            ActionKind::AddColumn { column, .. } => of_column(column),
            _ => false,
        }),
        _ => false,
    }
}

/// Whether a key over these columns, or at this column, is over just the ones that are wanted, in any order.
fn is_over(columns: &[String], column: Option<&str>, wanted: &[String]) -> bool {
    let columns: Vec<&str> = match column {
        Some(column) if columns.is_empty() => vec![column],
        _ => columns.iter().map(String::as_str).collect(),
    };
    columns.len() == wanted.len() && wanted.iter().all(|wanted| columns.contains(&wanted.as_str()))
}

/// Whether the table had the key before the statement.
fn is_there(at: &At<'_>, key: &ForeignKey) -> Option<bool> {
    let table = at.schema.table(&key.table)?;
    let has_rows = matches!(table.kind, TableKind::Table | TableKind::Partitioned);
    let columns = key.referenced.iter().all(|name| table.columns.iter().any(|column| column.name == *name));
    if !has_rows || !columns || !table.all_constraints || !at.schema.is_followed(table.born) {
        return None;
    }
    if key.referenced.is_empty() {
        let primary = |kind: &ConstraintKind| matches!(kind, ConstraintKind::Primary { .. });
        return Some(table.constraints.iter().any(|constraint| primary(&constraint.kind)));
    }
    let mut indexes = at.schema.indexes_of(&key.table).filter(|index| index.unique && !index.partial);
    Some(indexes.any(|index| {
        let names = index.keys.iter().filter_map(|key| match key {
            Key::Column(name) => Some(name.clone()),
            Key::Expr(_) => None,
        });
        let names: Vec<String> = names.collect();
        // What was taken over with `USING INDEX` from an index that nobody saw may be over anything.
        index.keys.is_empty() || names.len() == index.keys.len() && is_over(&names, None, &key.referenced)
    }))
}
