//! An index that is dropped while everybody waits.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    code: "SR0302",
    name: "drop-index-blocking",
    severity: Severity::Error,
    style: false,
    page: include_str!("drop_index_blocking.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Drop { kind: ObjectKind::Index, names, concurrently: false, if_exists, cascade, .. } = at.stmt
    else {
        return;
    };
    let used: Vec<&Relation> = names.iter().filter(|index| at.is_used(index)).collect();
    let Some(first) = used.first() else { return };
    let table = at.schema.index(first).map(|index| at.schema.short(&index.table));
    let on = table.as_ref().map_or("its table".to_owned(), |table| format!("`{table}`"));
    let list: Vec<String> = used.iter().map(|index| format!("`{index}`")).collect();
    let (list, are) = (list.join(", "), if used.len() == 1 { "index" } else { "indexes" });
    let found = Found::new(
        format!(
            "the {are} {list} {} dropped under a lock on {on}",
            if used.len() == 1 { "is" } else { "are" }
        ),
        format!(
            "ACCESS EXCLUSIVE on {on}: short in itself, but it waits for every query that runs there, and all others \
             wait behind it"
        ),
    );
    let word = if *if_exists { "IF EXISTS " } else { "" };
    let steps = names
        .iter()
        .map(|index| FixStep::outside(format!("DROP INDEX CONCURRENTLY {word}{}", quoted(index))));
    let partitioned = names.iter().any(|index| is_partitioned(at, index));
    let fix = (!cascade && !at.embedded && !partitioned)
        .then(|| Fix::new("drop it beside the traffic", steps.collect()));
    let help = if partitioned {
        "an index of a partitioned table can't be dropped CONCURRENTLY: take a short lock_timeout, and try again"
    } else {
        "DROP INDEX CONCURRENTLY, one index a statement, outside of a transaction: it waits, and nobody behind it"
    };
    let found = if let Some(table) = &table { found.on(table) } else { found };
    out.push(at, found.help(help).fix(fix));
}

fn is_partitioned(at: &At<'_>, index: &Relation) -> bool {
    at.schema.index(index).is_some_and(|index| crate::rules::safe::is_partitioned(at, &index.table))
}
