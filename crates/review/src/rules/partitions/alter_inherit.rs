//! Tables that become, or cease to be, children of others.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    code: "SR0406",
    name: "alter-inherit",
    severity: Severity::Warning,
    style: false,
    page: include_str!("alter_inherit.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    let Some((child, actions)) = at.alters() else { return };
    for action in actions {
        let (parent, message, more) = match &action.kind {
            ActionKind::Inherit(parent) => (
                parent,
                format!("`{child}` becomes a child of `{parent}`"),
                "has the rows of the other from now on",
            ),
            ActionKind::NoInherit(parent) => (
                parent,
                format!("`{child}` is no child of `{parent}` any more"),
                "lacks the rows of the other from now on",
            ),
            _ => continue,
        };
        if at.is_new(parent) {
            continue;
        }
        let why = format!(
            "what a query, an UPDATE or a DELETE on `{parent}` without ONLY sees {more}; the statement takes ACCESS \
             EXCLUSIVE on `{child}`"
        );
        out.push(
            at,
            Found::new(message, why).at(action.at).help(
                "look through the queries on the parent first, and put ONLY where its own rows are meant",
            ),
        );
    }
}
