//! `LOCK TABLE`.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    code: "SR0811",
    name: "explicit-lock-table",
    severity: Severity::Warning,
    style: false,
    page: include_str!("explicit_lock_table.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Lock { tables, mode, .. } = at.stmt else { return };
    if !mode.blocks_writes() {
        return;
    }
    let Some(table) = tables.iter().find(|table| at.is_used(table)) else { return };
    let who = if mode.blocks_reads() { "read or write" } else { "write to" };
    let found = Found::new(
        format!("`{table}` is locked in {mode} mode"),
        format!("nobody can {who} it until the transaction is over, whatever happens in it"),
    );
    let help = "leave it out: each statement takes the lock that it needs; or hold it for as little as possible, with a \
                lock_timeout";
    out.push(at, found.help(help));
}
