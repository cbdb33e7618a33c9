//! Triggers and rules: what happens besides when a table is written.

use crate::rule::prelude::*;

pub(super) const CREATE: Rule = Rule {
    code: "SR0501",
    name: "create-trigger",
    severity: Severity::Warning,
    style: false,
    page: include_str!("create_trigger.md"),
    look: Look::Statement(create),
};

pub(super) const DROP: Rule = Rule {
    code: "SR0502",
    name: "drop-trigger",
    severity: Severity::Warning,
    style: false,
    page: include_str!("drop_trigger.md"),
    look: Look::Statement(drop),
};

pub(super) const DISABLE: Rule = Rule {
    code: "SR0503",
    name: "disable-trigger",
    severity: Severity::Error,
    style: false,
    page: include_str!("disable_trigger.md"),
    look: Look::Statement(disable),
};

pub(super) const RULE: Rule = Rule {
    code: "SR0504",
    name: "create-rule",
    severity: Severity::Warning,
    style: false,
    page: include_str!("create_rule.md"),
    look: Look::Statement(rule),
};

fn create(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::CreateTrigger(trigger) = at.stmt else { return };
    let table = &trigger.table;
    if at.is_new(table) {
        return;
    }
    let what = if trigger.row { "each row that is written" } else { "each statement that writes" };
    let found = Found::new(
        format!("the trigger `{}` runs for {what} on `{table}` from now on", trigger.name),
        format!(
            "SHARE ROW EXCLUSIVE on `{table}` waits for every transaction that writes it, and all writers wait behind \
             it; from the commit on running code writes slower, and fails where `{}` does",
            trigger.function
        ),
    );
    out.push(at, found.help(
        "make it alone in its transaction, under a short lock_timeout with another try; try its function on the rows \
         that running code writes",
    ));
}

fn drop(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Drop { kind: ObjectKind::Trigger, names, parts, .. } = at.stmt else { return };
    for (table, name) in names.iter().zip(parts).filter(|(table, _)| at.is_used(table)) {
        let again = at.script.after_near(at.number).any(|stmt| match stmt {
            Stmt::CreateTrigger(made) => made.name == *name && made.table.same(table),
            _ => false,
        });
        let found = Found::new(
            format!("the trigger `{name}` of `{table}` is dropped"),
            format!(
                "ACCESS EXCLUSIVE on `{table}` waits for every query on it, and all others wait behind it; what the \
                 trigger kept right (other columns, other tables, a log) is kept so no more"
            ),
        );
        let found = if again && at.in_transaction() { found.severity(Severity::Info) } else { found };
        let help = if again {
            "CREATE OR REPLACE TRIGGER (PostgreSQL 14) or a new body of its function changes it without a drop"
        } else {
            "drop it when no code relies on it, alone in its transaction, under a short lock_timeout with another try"
        };
        out.push(at, found.help(help));
    }
}

fn disable(at: &At<'_>, out: &mut Out<'_>) {
    match at.stmt {
        Stmt::AlterTable { table, actions, .. } if at.is_used(table) => {
            for action in actions {
                if let ActionKind::DisableTrigger(choice) = &action.kind {
                    disabled(at, table, choice, action.at, out);
                }
            }
        }
        Stmt::Set { name, value: Some(value), .. }
            if name == "session_replication_role" && value.eq_ignore_ascii_case("replica") =>
        {
            let found = Found::new(
                "`session_replication_role = replica` switches triggers and foreign keys off for the session",
                "rows that point to nothing are taken without a word, and nobody looks at them when it is switched \
                 back; it needs a superuser, or a right to that variable",
            );
            out.push(
                at,
                found.help(
                    "leave foreign keys on: write parents before children, or make the keys DEFERRABLE",
                ),
            );
        }
        _ => {}
    }
}

fn disabled(at: &At<'_>, table: &Relation, choice: &TriggerChoice, byte: usize, out: &mut Out<'_>) {
    let enabled = at.script.after_near(at.number).any(|stmt| match stmt {
        Stmt::AlterTable { table: other, actions, .. } if other.same(table) => actions.iter().any(|action| {
            matches!(&action.kind, ActionKind::EnableTrigger(enabled) if enabled == choice || *enabled == TriggerChoice::All)
        }),
        _ => false,
    });
    let safe = enabled && at.in_transaction();
    let (what, why) = match choice {
        TriggerChoice::All => (
            "every trigger of it, those of foreign keys too,".to_owned(),
            "foreign keys of the table are not looked at: rows that point to nothing come in, and nobody looks at them \
             when the triggers are enabled again; it needs a superuser",
        ),
        // Nobody else writes in between, and the keys are looked at.
        _ if safe => return,
        TriggerChoice::User => (
            "every trigger of it".to_owned(),
            "it holds for everybody, from the commit until they are enabled again: what they keep right is kept so no \
             more",
        ),
        TriggerChoice::Named(name) => (
            format!("the trigger `{name}`"),
            "it holds for everybody, from the commit until it is enabled again: what it keeps right is kept so no more",
        ),
    };
    let found = Found::new(format!("{what} is disabled on `{table}`"), why);
    let weak = safe || matches!(choice, TriggerChoice::Named(_));
    let found = if weak { found.severity(Severity::Warning) } else { found };
    out.push(at, found.at(byte).help(
        "have the trigger's function look at a setting of the session (current_setting) instead; else disable it by \
         name and enable it again in the same transaction",
    ));
}

fn rule(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::CreateRule { name, table, instead, .. } = at.stmt else { return };
    if at.is_new(table) {
        return;
    }
    let instead = if *instead { "puts something else in the place of" } else { "adds something to" };
    let found = Found::new(
        format!("the rule `{name}` rewrites statements on `{table}`"),
        format!(
            "ACCESS EXCLUSIVE on `{table}` waits for every query on it; from the commit on the server {instead} what \
             statements of running code say: expressions run twice, counts of rows and RETURNING change"
        ),
    );
    out.push(
        at,
        found.help("use a trigger; for views an INSTEAD OF trigger, or one that can be updated by itself"),
    );
}
