//! A foreign key whose existing rows are looked at while writers wait.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    code: "SR0101",
    name: "add-fk-validated",
    severity: Severity::Error,
    style: false,
    page: include_str!("add_fk_validated.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    for (table, constraint) in at.adds_constraints() {
        let ConstraintKind::Foreign(key) = &constraint.kind else { continue };
        if constraint.not_valid || constraint.not_enforced {
            continue;
        }
        let other = &key.table;
        let found = Found::new(
            format!("a foreign key from `{table}` to `{other}` is added, and every row is looked at"),
            format!(
                "SHARE ROW EXCLUSIVE on both tables while `{table}`{} is read: nobody can write to them",
                at.size(table)
            ),
        );
        out.push(at, found.at(constraint.at).on(table).help(HELP).fix(fix(at, table, constraint)));
    }
}

const HELP: &str = "add it NOT VALID, then VALIDATE CONSTRAINT in a transaction of its own: that only reads";

fn fix(at: &At<'_>, table: &Relation, constraint: &Constraint) -> Option<Fix> {
    let name = constraint.name.as_ref()?;
    // Only where the statement does nothing else: the words NOT VALID belong to the constraint.
    let (_, [_]) = at.alters()? else { return None };
    let first = FixStep::new(format!("{} NOT VALID", at.text));
    let second = FixStep::new(format!("ALTER TABLE {} VALIDATE CONSTRAINT {}", quoted(table), ident(name)));
    Some(Fix::new("add it without a look, then look without locking writers out", vec![first, second]))
}
