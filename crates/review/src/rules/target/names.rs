//! What a statement needs to be there.

use crate::rule::prelude::*;

/// The relations without which the statement fails. What stands behind IF EXISTS is not needed, and what
/// the server itself has is there.
pub(super) fn relations(stmt: &Stmt) -> Vec<&Relation> {
    let mut needs = Vec::new();
    of_definition(stmt, &mut needs);
    of_rows(stmt, &mut needs);
    needs.retain(|name| !is_own(name));
    needs
}

/// The server's own.
fn is_own(name: &Relation) -> bool {
    match &name.schema {
        Some(schema) => schema.starts_with("pg_") || schema == "information_schema",
        None => name.name.starts_with("pg_"),
    }
}

fn is_relation(kind: ObjectKind) -> bool {
    matches!(
        kind,
        ObjectKind::Table
            | ObjectKind::ForeignTable
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Index
            | ObjectKind::Sequence
    )
}

/// Parts that are named by the relation that has them.
fn is_part(kind: ObjectKind) -> bool {
    matches!(
        kind,
        ObjectKind::Column
            | ObjectKind::Constraint
            | ObjectKind::Trigger
            | ObjectKind::Rule
            | ObjectKind::Policy
    )
}

fn of_definition<'s>(stmt: &'s Stmt, needs: &mut Vec<&'s Relation>) {
    match stmt {
        Stmt::AlterTable { kind, table, if_exists: false, actions, .. } if is_relation(*kind) => {
            needs.push(table);
            for action in actions {
                of_action(&action.kind, needs);
            }
        }
        Stmt::CreateTable(create) => {
            let own = |other: &&Relation| !other.same(&create.name);
            needs.extend(keys(create).filter(own));
            needs.extend(create.inherits.iter().chain(&create.like));
            needs.extend(create.partition_of.iter().map(|partition| &partition.table));
            needs.extend(create.query.iter().flat_map(|query| &query.tables));
        }
        Stmt::CreateIndex(create) => needs.push(&create.table),
        Stmt::Reindex { kind: ObjectKind::Table | ObjectKind::Index, name: Some(name), .. } => {
            needs.push(name);
        }
        Stmt::Drop { kind, names, if_exists: false, .. } if is_relation(*kind) || is_part(*kind) => {
            needs.extend(names);
        }
        Stmt::Rename { kind, relation, if_exists: false, .. } if is_relation(*kind) || is_part(*kind) => {
            needs.push(relation);
        }
        Stmt::CreateView(create) => needs.extend(&create.query.tables),
        Stmt::Comment { kind, name, .. } if is_relation(*kind) || is_part(*kind) => needs.push(name),
        Stmt::Refresh { name, .. } => needs.push(name),
        Stmt::CreateTrigger(create) => needs.push(&create.table),
        Stmt::CreateRule { table, .. } => needs.push(table),
        Stmt::Policy(policy) => needs.push(&policy.table),
        Stmt::Cluster { table } | Stmt::CreateStatistics { table } => needs.extend(table),
        Stmt::Lock { tables, .. } | Stmt::Vacuum { tables, .. } | Stmt::Analyze { tables, .. } => {
            needs.extend(tables);
        }
        Stmt::Publication(publication) => needs.extend(&publication.adds),
        _ => {}
    }
}

fn keys(create: &CreateTable) -> impl Iterator<Item = &Relation> {
    let of_columns = create.columns.iter().flat_map(|column| &column.constraints);
    of_columns.chain(&create.constraints).filter_map(|constraint| key(&constraint.kind))
}

fn key(kind: &ConstraintKind) -> Option<&Relation> {
    match kind {
        ConstraintKind::Foreign(key) => Some(&key.table),
        _ => None,
    }
}

fn of_action<'s>(action: &'s ActionKind, needs: &mut Vec<&'s Relation>) {
    match action {
        ActionKind::AddConstraint(constraint) => needs.extend(key(&constraint.kind)),
        ActionKind::AddColumn { column, .. } => {
            needs.extend(column.constraints.iter().filter_map(|constraint| key(&constraint.kind)));
        }
        ActionKind::Attach(partition) => needs.push(&partition.table),
        ActionKind::Detach { partition, .. } => needs.push(partition),
        ActionKind::Inherit(parent) | ActionKind::NoInherit(parent) => needs.push(parent),
        _ => {}
    }
}

fn of_rows<'s>(stmt: &'s Stmt, needs: &mut Vec<&'s Relation>) {
    match stmt {
        Stmt::Truncate { tables, .. } => needs.extend(tables),
        Stmt::Insert { table, source, .. } => {
            needs.push(table);
            needs.extend(source.iter().flat_map(|query| &query.tables));
        }
        Stmt::Update { table, reads, .. }
        | Stmt::Delete { table, reads, .. }
        | Stmt::Merge { table, reads, .. } => {
            needs.push(table);
            needs.extend(reads);
        }
        Stmt::Select(query) => needs.extend(&query.tables),
        Stmt::Copy { table, .. } => needs.extend(table),
        _ => {}
    }
}

/// The columns that an action on a table names and that must be there, but for those that an action before
/// it adds.
pub(super) fn columns_of_action(action: &ActionKind) -> Vec<&str> {
    match action {
        ActionKind::DropColumn { name, if_exists: false, .. } => vec![name],
        ActionKind::AlterType { column, .. }
        | ActionKind::SetDefault { column, .. }
        | ActionKind::DropDefault { column }
        | ActionKind::SetNotNull { column }
        | ActionKind::DropNotNull { column }
        | ActionKind::AddIdentity { column }
        | ActionKind::SetIdentity { column, .. } => vec![column],
        ActionKind::AddConstraint(constraint) => match &constraint.kind {
            ConstraintKind::Check(expr) => plain(expr),
            ConstraintKind::NotNull { column } => vec![column],
            ConstraintKind::Primary { columns, .. } | ConstraintKind::Unique { columns, .. } => {
                columns.iter().map(String::as_str).collect()
            }
            ConstraintKind::Foreign(key) => key.columns.iter().map(String::as_str).collect(),
            ConstraintKind::Exclude => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The columns of an expression that stand there by their name alone.
pub(super) fn plain(expr: &Expr) -> Vec<&str> {
    let mut found = Vec::new();
    expr.walk(&mut |part| {
        if let Expr::Column(path) = part
            && let [name] = path.as_slice()
        {
            found.push(name.as_str());
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Script;
    use crate::cx::{outline, read_script};

    #[test]
    fn a_statement_in_outline_needs_what_it_needed() {
        for sql in [
            "ALTER TABLE t ADD COLUMN u_id int REFERENCES u",
            "COMMENT ON COLUMN t.a IS 'that many'",
            "CREATE TABLE s AS SELECT a FROM t JOIN u USING (a) WHERE b > 0",
            "CREATE MATERIALIZED VIEW v AS SELECT count(*) FROM t, u WHERE t.a = u.a",
            "CREATE POLICY p ON t USING (a > 0)",
            "INSERT INTO t SELECT a FROM u WHERE a > 0",
            "SELECT a FROM t WHERE a IN (SELECT a FROM u)",
            "UPDATE t SET a = 1 FROM u WHERE u.a = t.a",
        ] {
            let mut reads = read_script(&Script::new("1.sql", sql));
            let needs =
                |reads: &[Read]| reads.iter().filter_map(Read::stmt).flat_map(relations).cloned().collect();
            let whole: Vec<Relation> = needs(&reads);
            assert!(whole.contains(&Relation::named("t")), "{sql}: {whole:?}");
            outline(&mut reads);
            let left: Vec<Relation> = needs(&reads);
            assert_eq!(left, whole, "{sql}");
        }
    }
}
