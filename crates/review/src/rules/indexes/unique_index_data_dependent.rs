//! A unique index over rows that are there already.

use crate::rule::prelude::*;
use crate::rules::safe;

pub(super) const RULE: Rule = Rule {
    code: "SR0309",
    name: "unique-index-data-dependent",
    severity: Severity::Warning,
    style: false,
    page: include_str!("unique_index_data_dependent.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::CreateIndex(create) = at.stmt else { return };
    let table = &create.table;
    if !create.unique || at.is_new(table) || is_unique_already(at, create) || becomes_constraint(at, create) {
        return;
    }
    let found = Found::new(
        format!("a unique index is built over the rows that `{table}` has"),
        if create.concurrently {
            "it fails where two rows are equal, at the end of the build, and leaves an invalid index behind that keeps \
             refusing new rows"
        } else {
            "it fails where two rows are equal, and the migration with it"
        },
    );
    let found = found.help("look for rows that are there twice before, and decide which of them stays");
    let columns: Vec<&str> = create
        .keys
        .iter()
        .filter_map(|key| match key {
            Key::Column(name) => Some(name.as_str()),
            Key::Expr(_) => None,
        })
        .collect();
    let plain = columns.len() == create.keys.len() && create.filter.is_none() && !columns.is_empty();
    let found = if plain {
        found.ask(
            safe::duplicates(table, &columns),
            "fails: {n} values are there more than once",
            "no value is there more than once",
        )
    } else {
        found
    };
    out.push(at, found);
}

/// A unique index over some of the same columns says that no two rows are equal.
fn is_unique_already(at: &At<'_>, create: &CreateIndex) -> bool {
    // A table has fewer indexes; a script that makes more of them is not to be slow.
    at.schema.indexes_of(&create.table).take(200).any(|index| {
        index.unique
            && !index.partial
            && index.valid
            && index.keys.iter().all(|key| create.keys.contains(key))
    })
}

/// The safe way to a constraint: whoever goes it has thought of the rows.
fn becomes_constraint(at: &At<'_>, create: &CreateIndex) -> bool {
    let uses = |action: &Action| match &action.kind {
        ActionKind::AddConstraint(constraint) => match &constraint.kind {
            ConstraintKind::Unique { using_index, .. } | ConstraintKind::Primary { using_index, .. } => {
                using_index.is_some() && *using_index == create.name
            }
            _ => false,
        },
        _ => false,
    };
    at.script.after_near(at.number).any(|stmt| match stmt {
        Stmt::AlterTable { actions, .. } => actions.iter().any(uses),
        _ => false,
    })
}
