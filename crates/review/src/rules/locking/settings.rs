//! Settings that reach further than the migration.

use crate::cx::settings;
use crate::rule::prelude::*;

pub(super) const SYSTEM: Rule = Rule {
    code: "SR0819",
    name: "alter-system",
    severity: Severity::Error,
    style: false,
    page: include_str!("alter_system.md"),
    look: Look::Statement(system),
};

pub(super) const LATER: Rule = Rule {
    code: "SR0820",
    name: "alter-database-or-role-set",
    severity: Severity::Warning,
    style: false,
    page: include_str!("alter_database_or_role_set.md"),
    look: Look::Statement(later),
};

pub(super) const REPLICA: Rule = Rule {
    code: "SR0821",
    name: "session-replication-role",
    severity: Severity::Error,
    style: false,
    page: include_str!("session_replication_role.md"),
    look: Look::Statement(replica),
};

pub(super) const AUTOVACUUM: Rule = Rule {
    code: "SR0822",
    name: "autovacuum-disabled",
    severity: Severity::Warning,
    style: false,
    page: include_str!("autovacuum_disabled.md"),
    look: Look::Statement(autovacuum),
};

fn system(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::AlterSystem { variable } = at.stmt else { return };
    let found = Found::new(
        format!("`{variable}` is changed for the whole server"),
        "every database of the cluster gets it, at the next reload or restart; a restored copy of this database does \
         not, and going back does not undo it",
    );
    out.push(at, found.help("configure the server where its configuration is kept, not in a migration"));
}

fn later(at: &At<'_>, out: &mut Out<'_>) {
    let (of, variable) = match at.stmt {
        Stmt::RoleSet { role: Some(role), variable } => (format!("role `{role}`"), variable),
        Stmt::RoleSet { role: None, variable } => ("every role".to_owned(), variable),
        Stmt::DatabaseSet { database, variable } => (format!("database `{database}`"), variable),
        _ => return,
    };
    let found = Found::new(
        format!("`{variable}` is changed for every later session of {of}"),
        "sessions that are open keep the old value, new ones get the new: behind a pooler both answer for hours; it is \
         no part of the schema, so that a copy of the database does not have it",
    );
    out.push(at, found.help("set it where the application connects, or on the function that needs it"));
}

fn replica(at: &At<'_>, out: &mut Out<'_>) {
    let is_replica = |(name, value, _): &(String, Option<&str>, bool)| {
        name == "session_replication_role" && value.is_some_and(|value| value.eq_ignore_ascii_case("replica"))
    };
    if !settings(at.stmt).iter().any(is_replica) {
        return;
    }
    let found = Found::new(
        "triggers and foreign keys are switched off for the session",
        "rows that point to nothing are written without an error, and no later check finds them: the constraint counts \
         as valid",
    );
    let help = "leave it out; write rows in an order that their foreign keys allow, or make those DEFERRABLE";
    out.push(at, found.help(help));
}

fn autovacuum(at: &At<'_>, out: &mut Out<'_>) {
    let (table, off) = match at.stmt {
        Stmt::CreateTable(create) if !create.temporary => (&create.name, switches_off(&create.options)),
        Stmt::AlterTable { table, actions, .. } => {
            let off = actions.iter().any(|action| match &action.kind {
                ActionKind::SetOptions(options) => switches_off(options),
                _ => false,
            });
            (table, off)
        }
        _ => return,
    };
    if !off || at.script.after_near(at.number).any(|stmt| switched_on(stmt, table)) {
        return;
    }
    let found = Found::new(
        format!("autovacuum is switched off for `{table}` and not on again"),
        "dead rows are never cleaned up and statistics never renewed: the table grows, plans go wrong, until a vacuum \
         against wraparound comes at the worst moment",
    );
    let help = format!("ALTER TABLE {} RESET (autovacuum_enabled) in the same migration", quoted(table));
    out.push(at, found.help(help));
}

const NAMES: &[&str] = &["autovacuum_enabled", "toast.autovacuum_enabled"];

fn switches_off(options: &[(String, String)]) -> bool {
    let off =
        |value: &str| ["false", "off", "no", "0", "f", "n"].iter().any(|no| value.eq_ignore_ascii_case(no));
    options.iter().any(|(name, value)| NAMES.contains(&name.as_str()) && off(value))
}

fn switched_on(stmt: &Stmt, table: &Relation) -> bool {
    let Stmt::AlterTable { table: other, actions, .. } = stmt else { return false };
    other.same(table)
        && actions.iter().any(|action| match &action.kind {
            ActionKind::SetOptions(options) => {
                options.iter().any(|(name, _)| NAMES.contains(&name.as_str())) && !switches_off(options)
            }
            ActionKind::ResetOptions(names) => names.iter().any(|name| NAMES.contains(&name.as_str())),
            _ => false,
        })
}
