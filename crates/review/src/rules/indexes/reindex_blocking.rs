//! Indexes that are built again while others wait.

use crate::rule::prelude::*;
use crate::rules::text::Text;

pub(super) const RULE: Rule = Rule {
    code: "SR0303",
    name: "reindex-blocking",
    severity: Severity::Error,
    style: false,
    page: include_str!("reindex_blocking.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Reindex { kind, name, concurrently: false } = at.stmt else { return };
    let one = matches!(kind, ObjectKind::Table | ObjectKind::Index);
    if one && name.as_ref().is_some_and(|name| at.is_new(name)) {
        return;
    }
    let what = match (kind, name) {
        (ObjectKind::Index, Some(name)) => format!("the index `{name}`"),
        (ObjectKind::Table, Some(name)) => format!("every index of `{name}`"),
        (ObjectKind::Schema, Some(name)) => format!("every index of the schema `{name}`"),
        _ => "every index of the database".to_owned(),
    };
    let found = Found::new(
        format!("{what} is built again while writers wait"),
        "SHARE on the table and ACCESS EXCLUSIVE on the index until it is built: nobody can write, and queries that are \
         planned meanwhile wait for the index, even to read",
    );
    let table = match (kind, name) {
        (ObjectKind::Table, Some(name)) => Some(name.clone()),
        (ObjectKind::Index, Some(name)) => at.schema.index(name).map(|index| at.schema.short(&index.table)),
        _ => None,
    };
    let found = if let Some(table) = &table { found.on(table) } else { found };
    let text = Text::of(at.text);
    let fix = ["table", "index", "schema", "database"]
        .iter()
        .find_map(|word| text.with_behind(word, "CONCURRENTLY"));
    // The catalogs themselves can't be built CONCURRENTLY.
    let fix = fix.filter(|_| !at.embedded && !text.has(&["system"]));
    let fix = fix.map(|sql| Fix::new("build it beside the traffic", vec![FixStep::outside(sql)]));
    out.push(at, found.help("REINDEX … CONCURRENTLY, outside of a transaction").fix(fix));
}
