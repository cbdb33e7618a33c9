//! A partition that is made in its place, while nobody may look at the others.

use crate::rule::prelude::*;
use crate::rules::text::Text;

pub(super) const RULE: Rule = Rule {
    code: "SR0403",
    name: "create-partition-of-locks-parent",
    severity: Severity::Warning,
    style: false,
    page: include_str!("create_partition_of_locks_parent.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::CreateTable(create) = at.stmt else { return };
    let Some(partition) = &create.partition_of else { return };
    let parent = &partition.table;
    if at.is_new(parent) {
        return;
    }
    let found = Found::new(
        format!("`{}` is made as a partition of `{parent}`, which locks that", create.name),
        format!(
            "ACCESS EXCLUSIVE on `{parent}`: short in itself, but it waits for every query on any partition, and all \
             others wait behind it"
        ),
    );
    let found = found
        .help("CREATE TABLE … (LIKE the parent), then ATTACH PARTITION, which lets reads and writes go on");
    out.push(at, found.fix(fix(at, create, parent)));
}

fn fix(at: &At<'_>, create: &CreateTable, parent: &Relation) -> Option<Fix> {
    let plain = create.columns.is_empty()
        && create.constraints.is_empty()
        && create.options.is_empty()
        && create.partition_by.is_none()
        && !create.if_not_exists
        && !create.unlogged
        && !create.foreign;
    let text = Text::of(at.text);
    if !plain || text.has(&["tablespace", "using"]) || at.embedded {
        return None;
    }
    let bounds = text.since_words(("for", "values")).or_else(|| text.last_word("default"))?;
    let (name, parent) = (quoted(&create.name), quoted(parent));
    let steps = vec![
        FixStep::new(format!("CREATE TABLE {name} (LIKE {parent} INCLUDING ALL EXCLUDING IDENTITY)")),
        FixStep::along(format!("ALTER TABLE {parent} ATTACH PARTITION {name} {bounds}")),
    ];
    Some(Fix::new("make the table beside the traffic, then attach it", steps))
}
