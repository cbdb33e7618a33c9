//! A constraint that is never looked at.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    code: "SR0112",
    name: "not-valid-never-validated",
    severity: Severity::Info,
    style: false,
    page: include_str!("not_valid_never_validated.md"),
    look: Look::History(look),
};

fn look(history: &History<'_>, out: &mut Out<'_>) {
    let scripts = history.scripts();
    for table in history.schema.tables() {
        for constraint in table.constraints.iter().filter(|constraint| !constraint.valid) {
            let Some(born) = constraint.born else { continue };
            let Some(script) = scripts.get(&born.script) else { continue };
            let says = script.reads.get(born.statement).and_then(Read::stmt);
            if !says.is_some_and(|stmt| adds(stmt, &constraint.name)) {
                continue;
            }
            let on = history.schema.short(&table.name);
            let name = &constraint.name;
            let found = Found::new(
                format!("`{name}` on `{on}` is NOT VALID, and no script validates it"),
                "it holds for new rows only: old ones may be wrong, and the planner doesn't rely on it",
            );
            let help = format!(
                "ALTER TABLE {} VALIDATE CONSTRAINT {} in a later migration",
                quoted(&on),
                ident(name)
            );
            out.push_statement(script, born.statement, found.help(help));
        }
    }
}

/// Whether the statement adds it as `NOT VALID`, and not `NOT ENFORCED`, which is meant to stay so.
fn adds(stmt: &Stmt, name: &str) -> bool {
    let Stmt::AlterTable { actions, .. } = stmt else { return false };
    actions.iter().any(|action| match &action.kind {
        ActionKind::AddConstraint(constraint) => {
            constraint.not_valid
                && !constraint.not_enforced
                && constraint.name.as_deref().is_none_or(|written| written == name)
        }
        _ => false,
    })
}
