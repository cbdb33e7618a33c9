//! What is kept of a script when it was looked through: a history may have tens of thousands of
//! statements, and most of their trees are columns, values, conditions and bodies that nobody asks for
//! any more.

use switchback_sql::ast::{Action, ActionKind, Column, Constraint, ConstraintKind, Expr, Query, Stmt};

use super::{Read, What};

/// Takes out of the statements what no rule on histories asks for: all but what each one is, does, and
/// speaks of. Whether there is a statement, and where it stands, stays.
pub(crate) fn outline(reads: &mut Vec<Read>) {
    for read in reads.iter_mut() {
        if let What::Statement(stmt) = &mut read.what {
            shorten(stmt);
        }
    }
    reads.shrink_to_fit();
}

fn shorten(stmt: &mut Stmt) {
    match stmt {
        Stmt::CreateTable(table) => {
            table.columns.iter_mut().for_each(column);
            table.columns.retain(|column| !column.constraints.is_empty());
            keys(&mut table.constraints);
            table.query.iter_mut().for_each(|query| tables(query));
            (table.partition_by, table.options) = (None, Vec::new());
            table.columns.shrink_to_fit();
        }
        Stmt::AlterTable { actions, .. } => actions.iter_mut().for_each(action),
        Stmt::CreateIndex(index) => {
            (index.keys, index.include, index.filter) = (Vec::new(), Vec::new(), None);
        }
        Stmt::Insert { columns, source, .. } => {
            *columns = Vec::new();
            if let Some(query) = source {
                tables(query);
            }
        }
        Stmt::Update { assignments, filter, .. } => (*assignments, *filter) = (Vec::new(), None),
        Stmt::Delete { filter, .. } => *filter = None,
        Stmt::Select(query) => tables(query),
        Stmt::CreateView(view) => tables(&mut view.query),
        Stmt::CreateFunction(function) => function.body = None,
        Stmt::Do { body: (body, _), .. } => *body = String::new(),
        Stmt::Policy(policy) => (policy.using, policy.check) = (None, None),
        Stmt::CreateEnum { labels, .. } => *labels = Vec::new(),
        Stmt::CreateType { columns, .. } => *columns = Vec::new(),
        Stmt::CreateDomain { constraints, .. } => *constraints = Vec::new(),
        Stmt::Grant(_) => *stmt = Stmt::Other,
        _ => {}
    }
}

/// Leaves of an action which it is, and what it speaks of.
fn action(action: &mut Action) {
    match &mut action.kind {
        ActionKind::AddColumn { column: added, .. } => column(added),
        ActionKind::AlterType { using, .. } => *using = None,
        ActionKind::SetDefault { value, .. } => *value = Expr::Null,
        ActionKind::AddConstraint(constraint) => {
            if let ConstraintKind::Check(check) = &mut constraint.kind {
                *check = Expr::Null;
            }
        }
        _ => {}
    }
}

/// Leaves of a column to what it points.
fn column(column: &mut Column) {
    let mut constraints = std::mem::take(&mut column.constraints);
    keys(&mut constraints);
    *column = Column { constraints, ..Column::default() };
}

/// Leaves the foreign keys.
fn keys(constraints: &mut Vec<Constraint>) {
    constraints.retain(|constraint| matches!(constraint.kind, ConstraintKind::Foreign(_)));
    constraints.shrink_to_fit();
}

/// Leaves of a query what it reads.
fn tables(query: &mut Query) {
    let tables = std::mem::take(&mut query.tables);
    *query = Query { tables, constant: query.constant, ..Query::default() };
}
