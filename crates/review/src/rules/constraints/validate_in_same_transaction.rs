//! A look at the rows while the lock of the statement before is still held.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    code: "SR0111",
    name: "validate-in-same-transaction",
    severity: Severity::Error,
    style: false,
    page: include_str!("validate_in_same_transaction.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    let Some((table, actions)) = at.alters() else { return };
    for action in actions {
        let ActionKind::ValidateConstraint { name } = &action.kind else { continue };
        // The strongest lock of the statement, or of the transaction before it.
        let own = at.effects.on(table).filter(|mode| actions.len() > 1 && mode.blocks_writes());
        let held = at.session.held(table).map(|held| held.mode).filter(|mode| mode.blocks_writes());
        let Some(mode) = own.max(held) else { continue };
        let who = if mode.blocks_reads() { "nobody can read or write it" } else { "nobody can write to it" };
        let found = Found::new(
            format!("`{name}` is validated while {mode} on `{table}` is held"),
            format!(
                "a lock is kept to the end of its transaction: {who} while `{table}`{} is read",
                at.size(table)
            ),
        );
        let fix = (actions.len() == 1 && !at.embedded)
            .then(|| Fix::new("look in a transaction of its own", vec![FixStep::new(at.text)]));
        let found = found.at(action.at).on(table);
        out.push(
            at,
            found.help("commit first, then VALIDATE CONSTRAINT in a transaction of its own").fix(fix),
        );
    }
}
