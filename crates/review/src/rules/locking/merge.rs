//! Actions on one table that could be one statement.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    code: "SR0808",
    name: "multiple-alter-table",
    severity: Severity::Info,
    style: false,
    page: include_str!("multiple_alter_table.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    let Some((table, actions)) = at.alters().filter(|_| !at.embedded) else { return };
    let on = |all: &[Relation]| all.iter().any(|relation| relation.same(table));
    if !(on(&at.effects.rewrites) || on(&at.effects.scans)) || !actions.iter().any(goes_through) {
        return;
    }
    let before = at.number.checked_sub(1).and_then(|number| at.script.reads.get(number)).and_then(Read::stmt);
    let Some(Stmt::AlterTable { table: other, actions: others, .. }) = before else { return };
    if !other.same(table) || !others.iter().any(goes_through) {
        return;
    }
    let found = Found::new(
        format!("`{table}` is gone through again for this ALTER TABLE"),
        "each statement reads or writes every row under ACCESS EXCLUSIVE; the server does all actions of one ALTER TABLE \
         in one pass",
    );
    out.push(
        at,
        found.help("put the actions of both into one ALTER TABLE, with commas between them").on(table),
    );
}

/// Every row is looked at, or written, where nothing proves that unnecessary.
fn goes_through(action: &Action) -> bool {
    match &action.kind {
        ActionKind::SetNotNull { .. } | ActionKind::AlterType { .. } => true,
        ActionKind::AddConstraint(constraint) => {
            matches!(constraint.kind, ConstraintKind::Check(_))
                && !constraint.not_valid
                && !constraint.not_enforced
        }
        _ => false,
    }
}
