//! Where transactions begin and end.

use crate::rule::prelude::*;
use crate::rules::text::Text;

pub(super) const NESTING: Rule = Rule {
    code: "SR0813",
    name: "transaction-nesting",
    severity: Severity::Warning,
    style: false,
    page: include_str!("transaction_nesting.md"),
    look: Look::Statement(nesting),
};

pub(super) const UNCOMMITTED: Rule = Rule {
    code: "SR0814",
    name: "uncommitted-transaction",
    severity: Severity::Error,
    style: false,
    page: include_str!("uncommitted_transaction.md"),
    look: Look::Script(uncommitted),
};

pub(super) const REFUSED: Rule = Rule {
    code: "SR0815",
    name: "not-allowed-in-transaction",
    severity: Severity::Error,
    style: false,
    page: include_str!("not_allowed_in_transaction.md"),
    look: Look::Statement(refused),
};

fn nesting(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Transaction(word) = at.stmt else { return };
    // In a body these words are PL/pgSQL's.
    if at.embedded {
        return;
    }
    let open = at.session.transaction.as_ref().filter(|running| !running.implicit);
    let of_runner = open.is_some_and(|running| running.begun.is_none());
    let (message, why) = match (word, open) {
        (Transaction::Begin, Some(_)) if of_runner => (
            "BEGIN in a script that already runs in a transaction",
            "the server only warns; the COMMIT that belongs to it ends the runner's transaction, so that what follows, \
             and the runner's own record, is outside of it",
        ),
        (Transaction::Begin, Some(_)) => (
            "BEGIN in a transaction that was begun before",
            "the server only warns, and the first COMMIT ends it all: there are no transactions inside of one another",
        ),
        (Transaction::Commit | Transaction::Rollback, Some(_)) if of_runner => (
            "the runner's transaction is ended by the script",
            "what follows runs statement by statement, and if that stops half-way nothing is taken back; the runner's \
             record of the revision may be lost, or stay without its statements",
        ),
        (Transaction::Commit | Transaction::Rollback, None) if !chained(at) => (
            if *word == Transaction::Commit {
                "COMMIT without a transaction"
            } else {
                "ROLLBACK without a transaction"
            },
            "the server only warns; a BEGIN is missing, or a COMMIT before it ended more than was meant",
        ),
        _ => return,
    };
    let help = "leave it out; SAVEPOINT for a part that may fail, a file of its own for what needs its own transaction";
    out.push(at, Found::new(message, why).help(help));
}

/// The one before it was `COMMIT AND CHAIN`, which begins another.
fn chained(at: &At<'_>) -> bool {
    let last = at.script.before(at.number).find(|(_, stmt)| matches!(stmt, Stmt::Transaction(_)));
    last.is_some_and(|(number, _)| {
        switchback_sql::words(at.script.text(number)).any(|word| word.eq_ignore_ascii_case("chain"))
    })
}

fn uncommitted(script: &ScriptAt<'_>, out: &mut Out<'_>) {
    if script.script.wrapped {
        return;
    }
    let mut open = None;
    for (number, stmt) in script.stmts() {
        match stmt {
            Stmt::Transaction(Transaction::Begin) => open = open.or(Some(number)),
            Stmt::Transaction(Transaction::Commit | Transaction::Rollback | Transaction::Prepare) => {
                open = None;
            }
            _ => {}
        }
    }
    let Some(number) = open else { return };
    let found = Found::new(
        "a transaction is begun and never committed",
        "when the connection ends, everything since BEGIN is taken back; until then its locks are held",
    );
    out.push_statement(script, number, found.help("COMMIT behind the last statement"));
}

fn refused(at: &At<'_>, out: &mut Out<'_>) {
    let impossible = at.effects.block == Block::Impossible || makes_slot(at);
    if !impossible || !at.in_transaction() || has_own_rule(at.stmt) {
        return;
    }
    let mut words = switchback_sql::words(at.text).filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default().to_ascii_uppercase();
    let second = match first.as_str() {
        "VACUUM" | "CLUSTER" | "REINDEX" => String::new(),
        _ => words.next().map(|word| format!(" {}", word.to_ascii_uppercase())).unwrap_or_default(),
    };
    let found = Found::new(
        format!("{first}{second} in a transaction block"),
        "the server refuses it there: the migration stops here, and what the transaction did before is taken back",
    );
    let help = "run it outside: in a file of its own that the runner does not wrap (Alembic: autocommit_block(); Atlas: \
                -- atlas:txmode none; others have a directive of theirs)";
    let fix = Fix::new("run it outside of a transaction", vec![FixStep::outside(at.text)]);
    out.push(at, found.help(help).fix(Some(fix).filter(|_| !at.embedded)));
}

/// A subscription makes its slot at the publisher, unless that is said.
fn makes_slot(at: &At<'_>) -> bool {
    matches!(at.stmt, Stmt::Subscription { alter: false, .. })
        && !Text::of(at.text).has(&["create_slot", "connect"])
}

/// `CONCURRENTLY`.
fn has_own_rule(stmt: &Stmt) -> bool {
    match stmt {
        Stmt::CreateIndex(_) | Stmt::Drop { kind: ObjectKind::Index, .. } | Stmt::AlterTable { .. } => true,
        Stmt::Reindex { concurrently, .. } => *concurrently,
        _ => false,
    }
}
