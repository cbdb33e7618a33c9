//! A table that is made from a query: all of its rows are copied in one statement.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    code: "SR0217",
    name: "create-table-as",
    severity: Severity::Warning,
    style: false,
    page: include_str!("create_table_as.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::CreateTable(create) = at.stmt else { return };
    let Some(query) = &create.query else { return };
    if create.no_data || create.temporary || query.limited {
        return;
    }
    // The greatest of them says how long it takes, where the target is known.
    let bytes = |table: &&Relation| at.script.live.table(table).map_or(u64::MAX, |live| live.bytes);
    let Some(from) = query.tables.iter().filter(|table| at.is_used(table)).max_by_key(bytes) else { return };
    let found = Found::new(
        format!("`{}` is made of the rows of `{from}`{}, in one statement", create.name, at.size(from)),
        "its rows are written in the transaction of the migration: what that holds is held as long, an old snapshot \
         keeps VACUUM from cleaning up everywhere, and rows that are written meanwhile are missing",
    );
    out.push(at, found.on(from).help(
        "make the empty table first, then copy in batches by key, each in a transaction of its own; what it copies has \
         no keys, defaults or indexes either",
    ));
}
