//! Transactions and settings.

use pg_query::protobuf::node::Node;
use pg_query::protobuf::{
    DiscardMode, TransactionStmt, TransactionStmtKind, VariableSetKind, VariableSetStmt,
};

use crate::ast::{Stmt, Transaction};

use super::{expr, names};

pub(super) fn statement(node: &Node) -> Option<Stmt> {
    Some(match node {
        Node::TransactionStmt(transaction) => Stmt::Transaction(kind(transaction)),
        Node::VariableSetStmt(set) => setting(set),
        Node::DiscardStmt(discard) => Stmt::Discard { all: discard.target() == DiscardMode::DiscardAll },
        _ => return None,
    })
}

fn kind(transaction: &TransactionStmt) -> Transaction {
    match transaction.kind() {
        TransactionStmtKind::TransStmtBegin | TransactionStmtKind::TransStmtStart => Transaction::Begin,
        TransactionStmtKind::TransStmtCommit => Transaction::Commit,
        TransactionStmtKind::TransStmtRollback => Transaction::Rollback,
        TransactionStmtKind::TransStmtPrepare => Transaction::Prepare,
        TransactionStmtKind::TransStmtCommitPrepared | TransactionStmtKind::TransStmtRollbackPrepared => {
            Transaction::EndPrepared
        }
        _ => Transaction::Savepoint,
    }
}

fn setting(set: &VariableSetStmt) -> Stmt {
    Stmt::Set { name: variable(set), value: value(set), local: set.is_local }
}

/// The variable's name in lower case; `all` for all of them.
pub(super) fn variable(set: &VariableSetStmt) -> String {
    match set.kind() {
        VariableSetKind::VarResetAll => "all".into(),
        _ => set.name.to_ascii_lowercase(),
    }
}

/// The values, with a comma between them, as they would be shown.
fn value(set: &VariableSetStmt) -> Option<String> {
    let values = names::inner(&set.args).map(|node| names::constant(&expr::of(node)));
    (set.kind() == VariableSetKind::VarSetValue).then(|| values.collect::<Vec<_>>().join(", "))
}
