//! A check whose existing rows are looked at while everybody waits.

use crate::rule::prelude::*;
use crate::rules::safe;
use crate::rules::text::Text;

pub(super) const RULE: Rule = Rule {
    code: "SR0103",
    name: "add-check-validated",
    severity: Severity::Error,
    style: false,
    page: include_str!("add_check_validated.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    for (table, constraint) in at.adds_constraints() {
        let ConstraintKind::Check(expr) = &constraint.kind else { continue };
        if constraint.not_valid || constraint.not_enforced {
            continue;
        }
        let found = Found::new(
            format!("a check is added to `{table}`, and every row is looked at"),
            format!(
                "ACCESS EXCLUSIVE while `{table}`{} is read: nobody can read or write it",
                at.size(table)
            ),
        );
        let found = ask(at, table, constraint, found).at(constraint.at).on(table).help(HELP);
        out.push(at, found.fix(fix(at, table, constraint, expr)));
    }
}

const HELP: &str =
    "add it NOT VALID, then VALIDATE CONSTRAINT in a transaction of its own: that lets everybody on";

fn ask(at: &At<'_>, table: &Relation, constraint: &Constraint, found: Found) -> Found {
    let text = Text::of(at.text);
    match text.brackets(constraint.at).and_then(|range| at.text.get(range)) {
        Some(condition) => found.ask(
            safe::rows(table, &format!("not ({condition})")),
            "fails: {n} rows are refused by it",
            "no row is refused by it",
        ),
        None => found,
    }
}

fn fix(at: &At<'_>, table: &Relation, constraint: &Constraint, expr: &Expr) -> Option<Fix> {
    let (_, [_]) = at.alters()? else { return None };
    // The server names a check by its column, where that is one.
    let columns = safe::columns(expr);
    let columns = if columns.len() == 1 { columns } else { Vec::new() };
    let name = safe::name(at, table, constraint.name.as_deref(), &columns, "check")?;
    let title = "add it without a look, then look without locking anybody out";
    Some(Fix::new(title, super::not_valid(at, table, constraint, &name)))
}
