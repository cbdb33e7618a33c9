//! Tables that are locked in an order that somebody else has the other way round.

use std::collections::BTreeMap;

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    code: "SR0810",
    name: "deadlock-order",
    severity: Severity::Warning,
    style: false,
    page: include_str!("deadlock_order.md"),
    look: Look::History(look),
};

/// In a transaction of more tables only the first are compared.
const COMPARED: usize = 20;

/// A pair of tables in the order in which they are locked, and where that is.
type Seen = BTreeMap<(Relation, Relation), String>;

fn look(history: &History<'_>, out: &mut Out<'_>) {
    let mut seen = Seen::new();
    for migration in &history.migrations {
        let mut open = migration.up.script.wrapped.then(Vec::new);
        // What the same deploy made, nobody waits for.
        let mut new: Vec<Relation> = Vec::new();
        for (number, stmt) in migration.up.stmts() {
            match stmt {
                Stmt::Transaction(Transaction::Begin) => open = open.or_else(|| Some(Vec::new())),
                Stmt::Transaction(Transaction::Savepoint) => {}
                Stmt::Transaction(_) => open = None,
                Stmt::CreateTable(create) => new.push(history.schema.resolve(&create.name)),
                _ => {
                    let Some(locked) = open.as_mut() else { continue };
                    for table in exclusive(stmt) {
                        let table = history.schema.resolve(table);
                        if locked.len() < COMPARED && !locked.contains(&table) && !new.contains(&table) {
                            turned(history, &migration.up, number, (locked, &table), &mut seen, out);
                            locked.push(table);
                        }
                    }
                }
            }
        }
    }
}

/// The tables that are locked in ACCESS EXCLUSIVE mode, or close to it, by what is written there.
fn exclusive(stmt: &Stmt) -> Vec<&Relation> {
    match stmt {
        Stmt::Lock { tables, mode, .. } if *mode >= Mode::ShareRowExclusive => tables.iter().collect(),
        Stmt::Truncate { tables, .. } => tables.iter().collect(),
        Stmt::Drop { kind: ObjectKind::Table, names, .. } => names.iter().collect(),
        Stmt::AlterTable { kind: ObjectKind::Table, table, actions, .. } => {
            let weak = |action: &Action| {
                matches!(
                    action.kind,
                    ActionKind::ValidateConstraint { .. }
                        | ActionKind::SetStatistics
                        | ActionKind::SetOptions(_)
                )
            };
            if actions.iter().all(weak) { Vec::new() } else { vec![table] }
        }
        _ => Vec::new(),
    }
}

fn turned(
    history: &History<'_>,
    script: &ScriptAt<'_>,
    number: usize,
    (locked, table): (&[Relation], &Relation),
    seen: &mut Seen,
    out: &mut Out<'_>,
) {
    let reviewed = !script.script.applied;
    let short = |table: &Relation| history.schema.short(table);
    for before in locked {
        let other = seen.get(&(table.clone(), before.clone())).cloned();
        seen.entry((before.clone(), table.clone())).or_insert_with(|| script.script.path.to_owned());
        if !reviewed {
            continue;
        }
        let (why, severity) = if points(history, before, table) {
            let before = short(before);
            let why =
                format!("`{before}` points to it by a foreign key, and whoever writes both begins here");
            (why, Severity::Warning)
        } else if let Some(path) = other {
            // Migrations don't run side by side; what runs beside them may follow either order.
            (format!("`{path}` has them the other way round"), Severity::Info)
        } else {
            continue;
        };
        let found = Found::new(
            format!("`{}` is locked after `{}`: {why}", short(table), short(before)),
            "two transactions that each have what the other waits for: the server ends one of them as a deadlock",
        );
        let help =
            "one table in a transaction, or the same order everywhere: the table that others point to first";
        out.push_statement(script, number, found.severity(severity).help(help));
        return;
    }
}

fn points(history: &History<'_>, from: &Relation, to: &Relation) -> bool {
    let keys = |table: &Relation, other: &Relation| {
        history.schema.table(table).is_some_and(|known| {
            known.constraints.iter().any(|constraint| match &constraint.kind {
                ConstraintKind::Foreign(key) => history.schema.resolve(&key.table) == *other,
                _ => false,
            })
        })
    };
    keys(from, to) && !keys(to, from)
}
