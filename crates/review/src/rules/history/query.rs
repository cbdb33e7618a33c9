//! Several statements in one query are one transaction.

use crate::cx::leaves_transaction;
use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    code: "SR1225",
    name: "multi-statement-implicit-transaction",
    severity: Severity::Warning,
    style: false,
    page: include_str!("multi_statement_implicit_transaction.md"),
    look: Look::Script(look),
};

fn look(at: &ScriptAt<'_>, out: &mut Out<'_>) {
    if !at.script.one_query || at.reads.len() < 2 {
        return;
    }
    // A transaction that is written down is one that was meant.
    let mut written = false;
    for (number, stmt) in at.stmts() {
        match stmt {
            Stmt::Transaction(Transaction::Begin) => written = true,
            Stmt::Transaction(Transaction::Commit | Transaction::Rollback) => written = false,
            _ => {}
        }
        if !written && leaves_transaction(at.text(number)) {
            let found = Found::new(
                "the script is sent as one query: this statement runs in a transaction with the others",
                "the server makes one transaction of a query with several statements, and refuses this one in it",
            );
            out.push_statement(at, number, found.help("give it a file of its own"));
        }
    }
}
