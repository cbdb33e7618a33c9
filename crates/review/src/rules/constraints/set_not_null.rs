//! A column becomes `NOT NULL`, and every row is read for that.

use crate::rule::prelude::*;
use crate::rules::safe;

pub(super) const RULE: Rule = Rule {
    code: "SR0110",
    name: "set-not-null",
    severity: Severity::Error,
    style: false,
    page: include_str!("set_not_null.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    let Some((table, actions)) = at.alters() else { return };
    for action in actions {
        let Some(column) = column(&action.kind) else { continue };
        if !scans(at, table, column) {
            continue;
        }
        let found = Found::new(
            format!("`{table}.{column}` becomes NOT NULL, and every row is read"),
            format!(
                "ACCESS EXCLUSIVE while `{table}`{} is read: nobody can read or write it",
                at.size(table)
            ),
        );
        let found = found.at(action.at).on(table).help(help(at));
        let found = found.ask(safe::nulls(table, column), "fails: {n} rows are null", "no row is null");
        let steps = safe::not_null(at, table, column).filter(|_| actions.len() == 1);
        let fix =
            steps.map(|steps| Fix::new("prove it by a check that is validated beside the traffic", steps));
        out.push(at, found.fix(fix));
    }
}

fn column(action: &ActionKind) -> Option<&str> {
    match action {
        ActionKind::SetNotNull { column } => Some(column),
        ActionKind::AddConstraint(constraint) if !constraint.not_valid && !constraint.not_enforced => {
            match &constraint.kind {
                ConstraintKind::NotNull { column } => Some(column),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether rows are read when the column becomes `NOT NULL`: it isn't yet, and no check proves it.
pub(super) fn scans(at: &At<'_>, table: &Relation, column: &str) -> bool {
    let action = Action { at: 0, kind: ActionKind::SetNotNull { column: column.to_owned() } };
    !at.effects_if(table, &action).scans.is_empty()
}

fn help(at: &At<'_>) -> &'static str {
    if at.script.options.version >= 18 {
        return "ADD CONSTRAINT … NOT NULL column NOT VALID, then VALIDATE CONSTRAINT in a transaction of its own";
    }
    "add CHECK (column IS NOT NULL) NOT VALID, validate it in a transaction of its own, then SET NOT NULL: the check \
     proves it, and can go"
}
