//! Whether a statement may stand in a transaction block (`PreventInTransactionBlock` in the server's
//! source).

use super::Place;
use crate::ast::{ActionKind, ObjectKind, Stmt, Transaction};
use crate::schema::{Table, TableKind};
use crate::statement::{Block, Relation};

pub(super) fn of(statement: &Stmt, place: Place<'_>) -> Block {
    match statement {
        Stmt::CreateIndex(create) if create.concurrently => Block::Impossible,
        Stmt::Drop { concurrently: true, .. } => Block::Impossible,
        Stmt::Drop { kind: ObjectKind::Database | ObjectKind::Tablespace, .. } => Block::Impossible,
        Stmt::Drop { kind: ObjectKind::Subscription, .. } | Stmt::Subscription { .. } => Block::Depends,
        Stmt::Reindex { concurrently: true, .. } => Block::Impossible,
        Stmt::Reindex { kind: ObjectKind::Table | ObjectKind::Index, name: Some(name), .. } => {
            partitioned(name, place)
        }
        Stmt::Reindex { .. } => Block::Impossible,
        Stmt::AlterTable { actions, .. } => {
            let alone = |kind: &ActionKind| matches!(kind, ActionKind::Detach { concurrently: true, .. });
            if actions.iter().any(|action| alone(&action.kind)) { Block::Impossible } else { Block::Possible }
        }
        Stmt::Cluster { table: Some(table) } if place.version >= 15 => partitioned(table, place),
        Stmt::Cluster { table: None }
        | Stmt::Vacuum { .. }
        | Stmt::Database { create: true, .. }
        | Stmt::Database { tablespace: true, .. }
        | Stmt::CreateTablespace { .. }
        | Stmt::AlterSystem { .. }
        | Stmt::Discard { all: true }
        | Stmt::Transaction(Transaction::EndPrepared) => Block::Impossible,
        Stmt::Do { .. } | Stmt::Call { .. } => Block::Depends,
        _ => Block::Possible,
    }
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
