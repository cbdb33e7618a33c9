//! A table becomes a partition, or a new partition is made: whose rows are read for that.

use crate::rule::prelude::*;

pub(super) const SCAN: Rule = Rule {
    code: "SR0401",
    name: "attach-partition-scan",
    severity: Severity::Error,
    style: false,
    page: include_str!("attach_partition_scan.md"),
    look: Look::Statement(scan),
};

pub(super) const DEFAULT: Rule = Rule {
    code: "SR0402",
    name: "attach-partition-default-scan",
    severity: Severity::Error,
    style: false,
    page: include_str!("attach_partition_default_scan.md"),
    look: Look::Statement(default),
};

fn scan(at: &At<'_>, out: &mut Out<'_>) {
    let Some((parent, actions)) = at.alters() else { return };
    for action in actions {
        let ActionKind::Attach(partition) = &action.kind else { continue };
        let table = &partition.table;
        let effects = at.effects_of(action);
        if at.is_new(table) || !effects.scans.iter().any(|scan| is(at, scan, table)) {
            continue;
        }
        let found = Found::new(
            format!("`{table}` becomes a partition of `{parent}`, and every row of it is read"),
            format!(
                "ACCESS EXCLUSIVE on `{table}`{} while it is read: nobody can read or write it; `{parent}` goes on, but \
                 its other schema changes wait",
                at.size(table)
            ),
        );
        let found = found.at(action.at).on(table).help(
            "add a check with the same bounds (and IS NOT NULL for the key) NOT VALID, validate it in a transaction of \
             its own, then attach: the check proves it, and can go afterwards",
        );
        out.push(at, found.fix(fix(at, parent, partition, actions)));
    }
}

fn is(at: &At<'_>, one: &Relation, other: &Relation) -> bool {
    at.schema.resolve(one) == at.schema.resolve(other)
}

/// The check of a range over one column, before the statement and away behind it.
fn fix(at: &At<'_>, parent: &Relation, partition: &Partition, actions: &[Action]) -> Option<Fix> {
    let key = &at.schema.table(parent)?.partition_key;
    let ([column], [from, to], "range", 1) =
        (key.as_slice(), partition.bounds.as_slice(), partition.strategy.as_str(), actions.len())
    else {
        return None;
    };
    if column.is_empty() || from.is_empty() || to.is_empty() || at.embedded {
        return None;
    }
    let (table, column) = (&partition.table, ident(column));
    let text = |value: &str| format!("'{}'", value.replace('\'', "''"));
    let mut parts = vec![format!("{column} IS NOT NULL")];
    if from != "minvalue" {
        parts.push(format!("{column} >= {}", text(from)));
    }
    if to != "maxvalue" {
        parts.push(format!("{column} < {}", text(to)));
    }
    let name = format!("{}_bounds", table.name);
    if name.len() > 63 {
        return None;
    }
    let (on, constraint) = (quoted(table), ident(&name));
    let steps = vec![
        FixStep::new(format!(
            "ALTER TABLE {on} ADD CONSTRAINT {constraint} CHECK ({}) NOT VALID",
            parts.join(" AND ")
        )),
        crate::rules::safe::validate(table, &name),
        FixStep::new(at.text),
        FixStep::along(format!("ALTER TABLE {on} DROP CONSTRAINT {constraint}")),
    ];
    Some(Fix::new("prove the bounds by a check that is validated beside the traffic", steps))
}

fn default(at: &At<'_>, out: &mut Out<'_>) {
    let (parent, byte) = match at.stmt {
        Stmt::CreateTable(create) => match &create.partition_of {
            Some(partition) if !partition.default => (&partition.table, None),
            _ => return,
        },
        Stmt::AlterTable { table, actions, .. } => {
            let attaches = |action: &&Action| matches!(&action.kind, ActionKind::Attach(one) if !one.default);
            let Some(action) = actions.iter().find(attaches) else { return };
            (table, Some(action.at))
        }
        _ => return,
    };
    if at.is_new(parent) {
        return;
    }
    let partitions = at.schema.partitions_of(parent);
    let Some(default) = partitions.iter().find(|part| part.default_partition) else { return };
    let name = at.schema.short(&default.name);
    if at.is_new(&name) || !at.effects.scans.iter().any(|scan| is(at, scan, &name)) {
        return;
    }
    let found = Found::new(
        format!("`{parent}` has a default partition, `{name}`, and every row of that is read"),
        format!(
            "ACCESS EXCLUSIVE on `{name}`{} while it is read for rows that belong into the new partition: nobody can read \
             or write it, nor what goes through `{parent}` into it; one such row, and it fails",
            at.size(&name)
        ),
    );
    let found = if let Some(byte) = byte { found.at(byte) } else { found };
    out.push(at, found.on(&name).help(
        "add a check to the default partition that keeps the new bounds out, NOT VALID, validate it in a transaction of \
         its own, then add the partition: the check proves that there is none",
    ));
}
