//! Whether a statement may stand in a transaction block (`PreventInTransactionBlock` in the server's
//! source).

use super::Place;
use crate::ast::{ActionKind, ObjectKind as Kind, Stmt, Transaction};
use crate::schema::{Table, TableKind};
use crate::statement::{Block, Relation};

pub(super) fn of(statement: &Stmt, place: Place<'_>) -> Block {
    match statement {
        Stmt::CreateIndex(create) if !create.concurrently => Block::Possible,
        Stmt::AlterTable { actions, .. } if !actions.iter().any(|action| is_alone(&action.kind)) => {
            Block::Possible
        }
        // Before 14 it goes past a partitioned table with a warning.
        Stmt::Reindex { kind: Kind::Table | Kind::Index, concurrently: false, .. } if place.version < 14 => {
            Block::Possible
        }
        Stmt::Reindex { kind: Kind::Table | Kind::Index, name: Some(name), concurrently: false } => {
            partitioned(name, place)
        }
        Stmt::Cluster { table: Some(table) } if place.version >= 15 => partitioned(table, place),
        Stmt::CreateIndex(_)
        | Stmt::AlterTable { .. }
        | Stmt::Drop { concurrently: true, .. }
        | Stmt::Drop { kind: Kind::Database | Kind::Tablespace, .. }
        | Stmt::Reindex { .. }
        | Stmt::Cluster { table: None }
        | Stmt::Vacuum { .. }
        | Stmt::Database { create: true, .. }
        | Stmt::Database { tablespace: true, .. }
        | Stmt::CreateTablespace { .. }
        | Stmt::AlterSystem { .. }
        | Stmt::Discard { all: true }
        | Stmt::Transaction(Transaction::EndPrepared) => Block::Impossible,
        Stmt::Drop { kind: Kind::Subscription, .. }
        | Stmt::Subscription { .. }
        | Stmt::Do { .. }
        | Stmt::Call { .. }
        // What nobody has read may be any of these.
        | Stmt::Unread => Block::Depends,
        _ => Block::Possible,
    }
}

/// An action that has transactions of its own.
fn is_alone(action: &ActionKind) -> bool {
    matches!(action, ActionKind::Detach { concurrently: true, .. })
}

/// Of a partitioned table each part is done in a transaction of its own.
fn partitioned(name: &Relation, place: Place<'_>) -> Block {
    let table = match place.schema.index(name) {
        Some(index) => place.schema.table(&index.table),
        None => place.schema.table(name),
    };
    match table {
        Some(Table { kind: TableKind::Partitioned, .. }) => Block::Impossible,
        Some(table) if table.all_columns => Block::Possible,
        _ => Block::Depends,
    }
}
