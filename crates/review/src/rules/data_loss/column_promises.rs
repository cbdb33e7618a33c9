//! What a column promised, and does no more.

use crate::rule::prelude::*;

pub(super) const NOT_NULL: Rule = Rule {
    code: "SR0621",
    name: "drop-not-null",
    severity: Severity::Warning,
    style: false,
    page: include_str!("drop_not_null.md"),
    look: Look::Statement(not_null),
};

pub(super) const DEFAULT: Rule = Rule {
    code: "SR0622",
    name: "drop-default",
    severity: Severity::Warning,
    style: false,
    page: include_str!("drop_default.md"),
    look: Look::Statement(default),
};

pub(super) const IDENTITY: Rule = Rule {
    code: "SR0623",
    name: "drop-identity-or-expression",
    severity: Severity::Warning,
    style: false,
    page: include_str!("drop_identity_or_expression.md"),
    look: Look::Statement(identity),
};

pub(super) const COPIED: Rule = Rule {
    code: "SR0624",
    name: "backfill-without-default-kept",
    severity: Severity::Warning,
    style: false,
    page: include_str!("backfill_without_default_kept.md"),
    look: Look::Statement(copied),
};

fn not_null(at: &At<'_>, out: &mut Out<'_>) {
    if let Stmt::AlterDomain { name, action: ActionKind::DropNotNull { .. } } = at.stmt
        && !at.is_new_type(name)
    {
        let found = Found::new(
            format!("every column of the domain `{name}` may be null from now on"),
            "running code that never met a null there meets one; to go back, every row of their tables is looked at again",
        );
        out.push(at, found.help("deploy code that bears nulls there first, then drop NOT NULL"));
    }
    let Some((table, actions)) = at.alters() else { return };
    for action in actions {
        let ActionKind::DropNotNull { column } = &action.kind else { continue };
        if at.is_new_column(table, column) {
            continue;
        }
        let found = Found::new(
            format!("`{table}.{column}` may be null from now on"),
            "running code that never met a null there meets one; to go back, every row is looked at again, and the \
             nulls that came in stand in the way",
        );
        out.push(
            at,
            found.at(action.at).help("deploy code that bears nulls there first, then drop NOT NULL"),
        );
    }
}

fn default(at: &At<'_>, out: &mut Out<'_>) {
    let Some((table, actions)) = at.alters() else { return };
    for action in actions {
        let ActionKind::DropDefault { column } = &action.kind else { continue };
        let sets = |actions: &[Action]| {
            actions.iter().any(|other| match &other.kind {
                ActionKind::SetDefault { column: set, .. } | ActionKind::AddIdentity { column: set } => {
                    set == column
                }
                ActionKind::DropColumn { name, .. } => name == column,
                _ => false,
            })
        };
        let later = at.script.after_near(at.number).any(|stmt| match stmt {
            Stmt::AlterTable { table: other, actions, .. } => other.same(table) && sets(actions),
            _ => false,
        });
        let known = at.schema.column(table, column);
        // A new column that may be null does without a default; one that may not needs it for old code.
        let seen = at.schema.table(table).is_some_and(|table| table.all_columns);
        let none = seen && known.is_some_and(|known| known.default.is_none() && !known.sequence);
        let free = none || at.is_new_column(table, column) && known.is_some_and(|known| !known.not_null);
        if sets(actions) || later || free {
            continue;
        }
        let what = match known {
            Some(known) if known.not_null => "fail: it must not be null",
            Some(_) => "write a null",
            None => "write a null, or fail where it must not be null",
        };
        let found = Found::new(
            format!("`{table}.{column}` has no default any more"),
            format!("INSERTs of running code that leave the column out {what}"),
        );
        out.push(
            at,
            found
                .at(action.at)
                .help("drop it one release after all code that inserts writes the column itself"),
        );
    }
}

fn identity(at: &At<'_>, out: &mut Out<'_>) {
    let Some((table, actions)) = at.alters() else { return };
    for action in actions {
        let (column, what) = match &action.kind {
            ActionKind::DropIdentity { column } => {
                (column, "its sequence is dropped with the last number, and INSERTs that leave it out fail")
            }
            ActionKind::DropExpression { column } => (
                column,
                "new rows, and rows that are changed, don't get it: it is null or what was there, and nobody is told",
            ),
            _ => continue,
        };
        if at.is_new_column(table, column) {
            continue;
        }
        let found = Found::new(format!("the server fills `{table}.{column}` no more"), what);
        out.push(at, found.at(action.at).help("deploy code that writes the column itself first, or give it a default in the same ALTER TABLE"));
    }
}

fn copied(at: &At<'_>, out: &mut Out<'_>) {
    let Some((table, actions)) = at.alters() else { return };
    for action in actions {
        let ActionKind::DropColumn { name, .. } = &action.kind else { continue };
        if at.is_new_column(table, name) {
            continue;
        }
        let Some(to) = at.script.before_near(at.number).find_map(|stmt| copy(at, stmt, table, name)) else {
            continue;
        };
        let found = Found::new(
            format!("`{table}.{name}` is dropped in the same migration that copies it to {to}"),
            "nobody has used the copy yet: where it is wrong or short of something, the values are gone; and the code \
             of the release that runs writes the old column until the last moment",
        );
        out.push(
            at,
            found
                .at(action.at)
                .help("copy now, keep both in step, and drop the old column one release later"),
        );
    }
}

/// Where a statement copies a column to.
fn copy(at: &At<'_>, stmt: &Stmt, table: &Relation, column: &str) -> Option<String> {
    let same = |other: &Relation| at.schema.resolve(other) == at.schema.resolve(table);
    match stmt {
        Stmt::Update { table: other, assignments, reads, .. } if same(other) || reads.iter().any(same) => {
            let from =
                assignments.iter().find(|(to, value)| to != column && value.columns().contains(&column));
            from.map(|(to, _)| format!("`{other}.{to}`"))
        }
        Stmt::Insert { table: other, source: Some(query), .. } if query.tables.iter().any(same) => {
            let read = query.columns.iter().any(|(_, value)| value.columns().contains(&column));
            read.then(|| format!("`{other}`"))
        }
        Stmt::CreateTable(create) => {
            let query = create.query.as_ref().filter(|query| query.tables.iter().any(same))?;
            let read = query.columns.iter().any(|(_, value)| value.columns().contains(&column));
            read.then(|| format!("`{}`", create.name))
        }
        _ => None,
    }
}
