//! Shapes of indexes that are rarely the best: matters of taste.

use crate::rule::prelude::*;

pub(super) const HASH: Rule = Rule {
    code: "SR0310",
    name: "hash-index",
    severity: Severity::Info,
    style: true,
    page: include_str!("hash_index.md"),
    look: Look::Statement(hash),
};

pub(super) const WIDE: Rule = Rule {
    code: "SR0311",
    name: "wide-index",
    severity: Severity::Info,
    style: true,
    page: include_str!("wide_index.md"),
    look: Look::Statement(wide),
};

/// More columns than this are many.
const MANY: usize = 3;

fn hash(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::CreateIndex(create) = at.stmt else { return };
    if create.method != "hash" {
        return;
    }
    let found = Found::new(
        format!("a hash index on `{}`", create.table),
        "it answers `=` alone: no order, no range, no second column, no uniqueness; it is rarely smaller or faster than \
         a btree that does all of that",
    );
    out.push(at, found.help("leave USING hash out, unless the values are long and only ever compared by ="));
}

fn wide(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::CreateIndex(create) = at.stmt else { return };
    if create.unique || create.keys.len() <= MANY || create.method != "btree" {
        return;
    }
    let found = Found::new(
        format!("an index over {} columns of `{}`", create.keys.len(), create.table),
        "every write of any of them writes the index too, and a query uses it well only by its first columns",
    );
    out.push(
        at,
        found.help("keep the columns that queries search by; put those that they only read into INCLUDE"),
    );
}
