//! An exclusion constraint: there is no gentle way to make one.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    code: "SR0109",
    name: "add-exclusion-constraint",
    severity: Severity::Error,
    style: false,
    page: include_str!("add_exclusion_constraint.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    for (table, constraint) in at.adds_constraints() {
        if constraint.kind != ConstraintKind::Exclude {
            continue;
        }
        let found = Found::new(
            format!(
                "an exclusion constraint is added to `{table}`: its index is built, and every row is compared"
            ),
            format!(
                "ACCESS EXCLUSIVE while `{table}`{} is read and the index is built: nobody can read or write it",
                at.size(table)
            ),
        );
        let found = found.at(constraint.at).on(table);
        out.push(at, found.help(
            "it can't be NOT VALID and takes no index that is there: add it while nobody works, or make a new table \
             with it, copy rows there in batches, and swap the names",
        ));
    }
}
