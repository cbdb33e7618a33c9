//! An index that is built while writers wait.

use super::partitioned;
use crate::rule::prelude::*;
use crate::rules::safe;
use crate::rules::text::Text;

pub(super) const RULE: Rule = Rule {
    code: "SR0301",
    name: "create-index-blocking",
    severity: Severity::Error,
    style: false,
    page: include_str!("create_index_blocking.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::CreateIndex(create) = at.stmt else { return };
    let table = &create.table;
    let partitioned = safe::is_partitioned(at, table);
    // On a partitioned table alone it is a name, and nothing is built.
    if create.concurrently || at.is_new(table) || create.only && partitioned {
        return;
    }
    let found = Found::new(
        format!("{} on `{table}` is built while writers wait", named(create)),
        format!(
            "SHARE on `{table}`{} until the index is built: everybody can read, nobody can write",
            at.size(table)
        ),
    );
    let found = found.on(table);
    if partitioned {
        let found = found.help(partitioned::HELP);
        return out.push(at, found.fix(partitioned::fix(at, create)));
    }
    let fix = Text::of(at.text)
        .with_behind("index", "CONCURRENTLY")
        .filter(|_| !at.embedded)
        .map(|sql| Fix::new("build it beside the traffic", vec![FixStep::outside(sql)]));
    let help = "CREATE INDEX CONCURRENTLY, outside of a transaction: it takes longer and keeps nobody out";
    out.push(at, found.help(help).fix(fix));
}

fn named(create: &CreateIndex) -> String {
    match &create.name {
        Some(name) => format!("the index `{name}`"),
        None => "an index".to_owned(),
    }
}
