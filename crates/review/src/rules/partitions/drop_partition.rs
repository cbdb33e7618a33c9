//! A partition that is dropped in its place.

use crate::rule::prelude::*;
use crate::rules::safe;

pub(super) const RULE: Rule = Rule {
    code: "SR0405",
    name: "drop-partition",
    severity: Severity::Error,
    style: false,
    page: include_str!("drop_partition.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Drop { kind: ObjectKind::Table | ObjectKind::ForeignTable, names, .. } = at.stmt else {
        return;
    };
    for name in names.iter().filter(|name| at.is_used(name)) {
        let Some(parent) = at.schema.table(name).and_then(|table| table.partition_of.as_ref()) else {
            continue;
        };
        let parent = at.schema.short(parent);
        let found = Found::new(
            format!("`{name}`, a partition of `{parent}`, is dropped with its rows"),
            format!(
                "its rows{} are gone from `{parent}` too, and ACCESS EXCLUSIVE falls on `{parent}`: it waits for every \
                 query on any partition, and all others wait behind it",
                at.size(name)
            ),
        );
        let found = found.ask(safe::rows(name, "true"), "{n} rows are lost", "it has no rows");
        out.push(at, found.help(
            "DETACH PARTITION … CONCURRENTLY first; the table can then be kept, dumped, and dropped without a lock on \
             its parent",
        ));
    }
}
