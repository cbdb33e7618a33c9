//! Where and how a table's files are kept: to change it is to copy them.

use super::rewritten;
use crate::rule::prelude::*;

pub(super) const LOGGED: Rule = Rule {
    code: "SR0212",
    name: "set-logged-unlogged",
    severity: Severity::Error,
    style: false,
    page: include_str!("set_logged_unlogged.md"),
    look: Look::Statement(logged),
};

pub(super) const ACCESS_METHOD: Rule = Rule {
    code: "SR0213",
    name: "set-access-method",
    severity: Severity::Error,
    style: false,
    page: include_str!("set_access_method.md"),
    look: Look::Statement(access_method),
};

pub(super) const TABLESPACE: Rule = Rule {
    code: "SR0214",
    name: "set-tablespace",
    severity: Severity::Error,
    style: false,
    page: include_str!("set_tablespace.md"),
    look: Look::Statement(tablespace),
};

/// Actions on a table or materialised view that others use. `ALTER TABLE` may name an index too.
fn actions<'a>(at: &At<'a>) -> Option<(&'a Relation, &'a [Action])> {
    let Stmt::AlterTable { kind, table, actions, .. } = at.stmt else { return None };
    let is_index = at.schema.index(table).is_some() && at.schema.table(table).is_none();
    let stored = matches!(kind, ObjectKind::Table | ObjectKind::MaterializedView) && !is_index;
    (stored && at.is_used(table)).then_some((table, actions))
}

fn logged(at: &At<'_>, out: &mut Out<'_>) {
    let Some((table, actions)) = actions(at) else { return };
    for action in actions {
        let unlogged = match action.kind {
            ActionKind::SetLogged => false,
            ActionKind::SetUnlogged => true,
            _ => continue,
        };
        if at.effects_of(action).rewrites.is_empty() {
            continue;
        }
        let (word, more) = if unlogged {
            ("UNLOGGED", "; from then on it is emptied after a crash, and standbys don't have it")
        } else {
            ("LOGGED", ", and all of it is written to the WAL")
        };
        let found = Found::new(
            format!("`{table}` is SET {word}, which copies it"),
            format!("{}{more}", rewritten(at, table)),
        );
        let found = if unlogged { found } else { found.on(table) };
        out.push(at, found.at(action.at).help(
            "make a new table that is so from the beginning, copy rows there in batches, and swap the names",
        ));
    }
}

fn access_method(at: &At<'_>, out: &mut Out<'_>) {
    let Some((table, actions)) = actions(at) else { return };
    for action in actions.iter().filter(|action| action.kind == ActionKind::SetAccessMethod) {
        // A partitioned table has no rows: it says only what its next partitions will be.
        if crate::rules::safe::is_partitioned(at, table) {
            continue;
        }
        let found = Found::new(
            format!("`{table}` gets another access method, which copies it"),
            format!("unless it has that method already: {}", rewritten(at, table)),
        );
        out.push(
            at,
            found
                .at(action.at)
                .on(table)
                .help("make a new table with the method, copy rows there in batches, and swap the names"),
        );
    }
}

fn tablespace(at: &At<'_>, out: &mut Out<'_>) {
    if let Stmt::MoveAll { kind } = at.stmt {
        if *kind != ObjectKind::Index {
            let why =
                "each is copied under ACCESS EXCLUSIVE, one behind the other, and all stay locked to the end";
            let found = Found::new("every table of a tablespace is moved to another", why);
            out.push(
                at,
                found.help("move them one by one, each in a transaction of its own, when nobody uses it"),
            );
        }
        return;
    }
    let Some((table, actions)) = actions(at) else { return };
    for action in actions.iter().filter(|action| action.kind == ActionKind::SetTablespace) {
        if crate::rules::safe::is_partitioned(at, table) {
            continue;
        }
        let found = Found::new(
            format!("`{table}` moves to another tablespace"),
            format!(
                "ACCESS EXCLUSIVE while the files of `{table}`{} are copied and written to the WAL: nobody can read or \
                 write it",
                at.size(table)
            ),
        );
        out.push(at, found.at(action.at).on(table).help(
            "do it while nobody works; or make a new table there, copy rows in batches, and swap the names",
        ));
    }
}
