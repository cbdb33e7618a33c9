//! An index that moves to another tablespace.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    code: "SR0318",
    name: "alter-index-set-tablespace",
    severity: Severity::Warning,
    style: false,
    page: include_str!("alter_index_set_tablespace.md"),
    look: Look::Statement(look),
};

const HELP: &str = "REINDEX (CONCURRENTLY, TABLESPACE …) INDEX builds it there beside the traffic (PostgreSQL 14); before \
                    that, build another one there CONCURRENTLY and drop this one";

fn look(at: &At<'_>, out: &mut Out<'_>) {
    match at.stmt {
        Stmt::MoveAll { kind: ObjectKind::Index } => {
            let why = "each is copied under ACCESS EXCLUSIVE, and all stay locked to the end: queries wait for them";
            out.push(at, Found::new("every index of a tablespace is moved to another", why).help(HELP));
        }
        Stmt::AlterTable { kind: ObjectKind::Index | ObjectKind::Table, table, actions, .. } => {
            let moves = actions.iter().any(|action| action.kind == ActionKind::SetTablespace);
            let known = at.schema.index(table);
            let is_index = matches!(at.stmt, Stmt::AlterTable { kind: ObjectKind::Index, .. })
                || known.is_some() && at.schema.table(table).is_none();
            let partitioned = known.is_some_and(|index| crate::rules::safe::is_partitioned(at, &index.table));
            if !moves || !is_index || at.is_new(table) || partitioned {
                return;
            }
            let found = Found::new(
                format!("the index `{table}` moves to another tablespace"),
                format!(
                    "ACCESS EXCLUSIVE on `{table}` while its file is copied: queries that would use it wait"
                ),
            );
            let on = known.map(|index| at.schema.short(&index.table));
            let found = if let Some(on) = &on { found.on(on) } else { found };
            out.push(at, found.help(HELP));
        }
        _ => {}
    }
}
