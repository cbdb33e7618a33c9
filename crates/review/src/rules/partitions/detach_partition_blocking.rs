//! A partition that is taken out while everybody waits.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    code: "SR0404",
    name: "detach-partition-blocking",
    severity: Severity::Error,
    style: false,
    page: include_str!("detach_partition_blocking.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    let Some((parent, actions)) = at.alters() else { return };
    for action in actions {
        let ActionKind::Detach { partition, concurrently: false, finalize: false } = &action.kind else {
            continue;
        };
        let found = Found::new(
            format!("`{partition}` is detached from `{parent}` under a lock on both"),
            format!(
                "ACCESS EXCLUSIVE on `{parent}` and `{partition}`: short in itself, but it waits for every query on any \
                 partition, and all others wait behind it"
            ),
        );
        let default = at.schema.partitions_of(parent).iter().any(|part| part.default_partition);
        let help = match (at.script.options.version, default) {
            (..14, _) => {
                "PostgreSQL 14 can do it CONCURRENTLY; here take a short lock_timeout, and try again"
            }
            (_, true) => {
                "CONCURRENTLY is refused where there is a default partition: take a short lock_timeout, and try again"
            }
            _ => "DETACH PARTITION … CONCURRENTLY, outside of a transaction",
        };
        let possible = at.script.options.version >= 14 && !default && actions.len() == 1 && !at.embedded;
        let fix = possible.then(|| {
            let sql = format!("{} CONCURRENTLY", at.text);
            // It leaves a check of the old bounds on what was a partition (manual, ALTER TABLE).
            Fix::new("detach it beside the traffic", vec![FixStep::outside(sql)]).changing()
        });
        out.push(at, found.at(action.at).help(help).fix(fix));
    }
}
