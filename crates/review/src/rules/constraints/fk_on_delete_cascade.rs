//! One `DELETE` that takes others with it.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    code: "SR0119",
    name: "fk-on-delete-cascade",
    severity: Severity::Warning,
    style: false,
    page: include_str!("fk_on_delete_cascade.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    let Some((table, actions)) = at.alters() else { return };
    for action in actions {
        let constraints = match &action.kind {
            ActionKind::AddConstraint(constraint) => std::slice::from_ref(&**constraint),
            ActionKind::AddColumn { column, .. } => column.constraints.as_slice(),
            _ => continue,
        };
        for constraint in constraints {
            let ConstraintKind::Foreign(key) = &constraint.kind else { continue };
            if key.on_delete == OnDelete::Cascade {
                out.push(at, found(table, &key.table).at(constraint.at));
            }
        }
    }
}

fn found(table: &Relation, other: &Relation) -> Found {
    let found = Found::new(
        format!("whoever deletes a row of `{other}` deletes its rows of `{table}` from now on"),
        format!(
            "one DELETE on `{other}` can take any number of rows with it, and theirs in turn; nobody is asked, and \
             only a backup has them"
        ),
    );
    found.help("leave ON DELETE out and let the application delete in batches, or be sure that it is meant")
}
