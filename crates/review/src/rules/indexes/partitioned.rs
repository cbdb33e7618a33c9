//! Indexes of partitioned tables: each partition's beside the traffic, then all of them together.

use crate::rule::prelude::*;
use crate::rules::safe;
use crate::rules::text::Text;

pub(super) const RULE: Rule = Rule {
    code: "SR0306",
    name: "concurrently-on-partitioned",
    severity: Severity::Error,
    style: false,
    page: include_str!("concurrently_on_partitioned.md"),
    look: Look::Statement(look),
};

pub(super) const HELP: &str = "CREATE INDEX … ON ONLY the parent, then CREATE INDEX CONCURRENTLY on each partition, then \
                               ALTER INDEX … ATTACH PARTITION for each";

fn look(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::CreateIndex(create) = at.stmt else { return };
    let table = &create.table;
    if !create.concurrently || create.only || !safe::is_partitioned(at, table) {
        return;
    }
    let found = Found::new(
        format!("CREATE INDEX CONCURRENTLY on `{table}`, which is partitioned"),
        "the server refuses it: an index of a partitioned table can't be built CONCURRENTLY",
    );
    out.push(at, found.help(HELP).fix(fix(at, create)));
}

/// The parent's index as a name, those of the partitions that are known, and their ties. Not where a
/// partition is partitioned itself.
pub(super) fn fix(at: &At<'_>, create: &CreateIndex) -> Option<Fix> {
    let name = create.name.as_ref().filter(|_| !create.if_not_exists && !at.embedded)?;
    let parts = at.schema.partitions_of(&create.table);
    if parts.is_empty() || parts.iter().any(|part| part.kind != TableKind::Table) {
        return None;
    }
    let text = Text::of(at.text);
    let place = text.table_behind_on()?;
    let plain = if create.concurrently { text.without_word("concurrently")? } else { at.text.to_owned() };
    let parent = Text::of(&plain).table_behind_on()?;
    let first = format!("{}ONLY {}", &plain[..parent.start], &plain[parent.start..]);
    let mut steps = vec![FixStep::new(first)];
    let own = Relation { schema: create.table.schema.clone(), name: name.clone() };
    for part in parts {
        let part = at.schema.short(&part.name);
        let part_name = format!("{}_{}", part.name, suffix(&create.table.name, name));
        if part_name.len() > 63 {
            return None;
        }
        let index = Relation { schema: part.schema.clone(), name: part_name };
        let head = ident(&index.name);
        let unique = if create.unique { "UNIQUE " } else { "" };
        let tail = &at.text[place.end..];
        steps.push(FixStep::outside(format!(
            "CREATE {unique}INDEX CONCURRENTLY {head} ON {}{tail}",
            quoted(&part)
        )));
        steps.push(FixStep::new(format!("ALTER INDEX {} ATTACH PARTITION {}", quoted(&own), quoted(&index))));
    }
    Some(Fix::new("build each partition's index beside the traffic, then tie them together", steps))
}

/// `events_id_idx` of `events` is `id_idx`.
fn suffix<'n>(table: &str, name: &'n str) -> &'n str {
    name.strip_prefix(table)
        .map(|rest| rest.trim_start_matches('_'))
        .filter(|rest| !rest.is_empty())
        .unwrap_or(name)
}
