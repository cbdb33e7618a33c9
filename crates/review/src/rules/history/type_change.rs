//! What hangs on a column's type.

use crate::rule::prelude::*;

pub(super) const RECHECKS: Rule = Rule {
    code: "SR1201",
    name: "type-change-rechecks-constraint",
    severity: Severity::Warning,
    style: false,
    page: include_str!("type_change_rechecks_constraint.md"),
    look: Look::Statement(rechecks),
};

pub(super) const STATISTICS: Rule = Rule {
    code: "SR1202",
    name: "type-change-drops-statistics",
    severity: Severity::Info,
    style: false,
    page: include_str!("type_change_drops_statistics.md"),
    look: Look::Statement(statistics),
};

pub(super) const BLOCKED: Rule = Rule {
    code: "SR1203",
    name: "type-change-blocked-by-view",
    severity: Severity::Error,
    style: false,
    page: include_str!("type_change_blocked_by_view.md"),
    look: Look::Statement(blocked),
};

/// The columns whose types change, each with its action.
fn changes(actions: &[Action]) -> impl Iterator<Item = (&str, &Action)> {
    actions.iter().filter_map(|action| match &action.kind {
        ActionKind::AlterType { column, .. } => Some((column.as_str(), action)),
        _ => None,
    })
}

fn rechecks(at: &At<'_>, out: &mut Out<'_>) {
    let Some((table, actions)) = at.alters() else { return };
    for (column, action) in changes(actions) {
        let known = at.schema.table(table).map_or(&[][..], |table| &table.constraints);
        let rewrites = !at.effects_of(action).rewrites.is_empty();
        let hangs = known.iter().filter(|one| {
            one.valid
                && match &one.kind {
                    ConstraintKind::Check(check) => check.columns().contains(&column),
                    // It is taken over where the values stay as they are.
                    ConstraintKind::Foreign(key) => rewrites && key.columns.iter().any(|own| own == column),
                    _ => false,
                }
        });
        let names: Vec<String> = hangs.map(|one| format!("`{}`", one.name)).collect();
        if names.is_empty() {
            continue;
        }
        let found = Found::new(
            format!(
                "`{table}.{column}` gets another type, and every row is looked at again for {}",
                names.join(", ")
            ),
            format!(
                "ACCESS EXCLUSIVE on `{table}`{} for that long too: nobody can read or write",
                at.size(table)
            ),
        );
        let help = "drop the constraint before, and add it again NOT VALID behind it; then VALIDATE in a \
                    transaction of its own";
        out.push(at, found.at(action.at).on(table).help(help));
    }
}

fn statistics(at: &At<'_>, out: &mut Out<'_>) {
    let Some((table, actions)) = at.alters() else { return };
    for (column, action) in changes(actions) {
        if at.effects_of(action).rewrites.is_empty() || analyzed(at, table) {
            continue;
        }
        let found = Found::new(
            format!("`{table}.{column}` loses its statistics with its type"),
            "until autovacuum comes by, queries on it are planned as if nothing was known of it",
        );
        let help = format!("ANALYZE {} ({}) behind it, before traffic returns", quoted(table), ident(column));
        out.push(at, found.at(action.at).on(table).help(help));
    }
}

fn analyzed(at: &At<'_>, table: &Relation) -> bool {
    at.script.after_near(at.number).any(|stmt| match stmt {
        Stmt::Analyze { tables, .. } | Stmt::Vacuum { tables, analyze: true, .. } => {
            tables.is_empty() || tables.iter().any(|other| other.same(table))
        }
        _ => false,
    })
}

fn blocked(at: &At<'_>, out: &mut Out<'_>) {
    let Some((table, actions)) = at.alters_any() else { return };
    for (column, action) in changes(actions) {
        let reads = |view: &&Table| view.reads_columns.iter().any(|own| own == column || own == "*");
        let views: Vec<&Table> = at.schema.views_of(table).into_iter().filter(reads).collect();
        // A view reads the column for sure where no other table that it reads may have one of that name.
        let own = at.schema.resolve(table);
        let mut sure = views
            .iter()
            .any(|view| view.reads.iter().all(|other| *other == own || super::lacks(at, other, column)));
        let mut users: Vec<String> =
            views.iter().map(|view| format!("the view `{}`", at.schema.short(&view.name))).collect();
        let dropped = |name: &str| {
            actions
                .iter()
                .any(|action| matches!(&action.kind, ActionKind::DropColumn { name: own, .. } if own == name))
        };
        for other in at.schema.table(table).into_iter().flat_map(|table| &table.columns) {
            let from = other.generated.as_ref().is_some_and(|from| from.columns().contains(&column));
            if from && !dropped(&other.name) {
                sure = true;
                users.push(format!("the generated column `{}`", other.name));
            }
        }
        if users.is_empty() {
            continue;
        }
        let verb = if sure { "uses it" } else { "may use it" };
        let severity = if sure { Severity::Error } else { Severity::Info };
        let found = Found::new(
            format!("`{table}.{column}` gets another type, and {} {verb}", users.join(", ")),
            "the server refuses to change the type of a column that a view or a generated column uses",
        );
        let help = "in one transaction: drop what uses it, change the type, make it again with its grants; or add a \
                    column of the new type and move over to it";
        out.push(at, found.at(action.at).severity(severity).help(help));
    }
}
