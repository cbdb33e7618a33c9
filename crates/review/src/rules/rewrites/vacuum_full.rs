//! `VACUUM FULL` and `CLUSTER`: a table is packed while nobody may look at it.

use super::rewritten;
use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    code: "SR0215",
    name: "vacuum-full",
    severity: Severity::Error,
    style: false,
    page: include_str!("vacuum_full.md"),
    look: Look::Statement(vacuum),
};

pub(super) const CLUSTER: Rule = Rule {
    code: "SR0216",
    name: "cluster",
    severity: Severity::Error,
    style: false,
    page: include_str!("cluster.md"),
    look: Look::Statement(cluster),
};

const ALL: &str =
    "ACCESS EXCLUSIVE on one table after the other while it is written anew: nobody can read or write it";

fn vacuum(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Vacuum { tables, full: true, .. } = at.stmt else { return };
    let help = "plain VACUUM makes the space free for new rows and keeps nobody out; to give it back to the disk, pack \
                the table beside the traffic (pg_repack, pg_squeeze)";
    if tables.is_empty() {
        out.push(at, Found::new("VACUUM FULL writes every table anew", ALL).help(help));
    }
    for table in tables.iter().filter(|table| at.is_used(table)) {
        let found = Found::new(format!("VACUUM FULL writes `{table}` anew"), rewritten(at, table));
        out.push(at, found.on(table).help(help));
    }
}

fn cluster(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Cluster { table } = at.stmt else { return };
    let help =
        "pack the table in the index' order beside the traffic (pg_repack), or leave the order to new rows";
    match table {
        None => out.push(
            at,
            Found::new("CLUSTER writes every table that was clustered before anew", ALL).help(help),
        ),
        Some(table) if at.is_used(table) => {
            let found = Found::new(format!("CLUSTER writes `{table}` anew"), rewritten(at, table));
            out.push(at, found.on(table).help(help));
        }
        Some(_) => {}
    }
}
