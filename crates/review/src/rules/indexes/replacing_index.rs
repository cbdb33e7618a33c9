//! An index that is dropped before the one that takes its place is there.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    code: "SR0314",
    name: "replacing-index",
    severity: Severity::Warning,
    style: false,
    page: include_str!("replacing_index.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Drop { kind: ObjectKind::Index, names, if_exists, .. } = at.stmt else { return };
    for index in names {
        let known = at.schema.index(index);
        // With IF EXISTS, and unseen: what a failed build left is taken away before the next try.
        if at.is_new(index) || known.is_none() && *if_exists {
            continue;
        }
        let takes_place = |stmt: &&Stmt| match stmt {
            Stmt::CreateIndex(create) => {
                let same_name = create.name.as_ref() == Some(&index.name);
                let same_use = known.is_some_and(|known| {
                    at.schema.resolve(&create.table) == known.table
                        && create.keys.first() == known.keys.first()
                });
                same_name || same_use
            }
            _ => false,
        };
        let Some(Stmt::CreateIndex(create)) = at.script.after_near(at.number).find(takes_place) else {
            continue;
        };
        out.push(at, found(at, index, create));
    }
}

fn found(at: &At<'_>, index: &Relation, create: &CreateIndex) -> Found {
    let table = &create.table;
    let why = if at.in_transaction() {
        format!(
            "ACCESS EXCLUSIVE on `{table}`{} from the drop until the new one is built: nobody can read or write it",
            at.size(table)
        )
    } else {
        format!("until the new one is built, queries that need it read all of `{table}`{}", at.size(table))
    };
    let found =
        Found::new(format!("`{index}` is dropped before the index that takes its place is built"), why);
    found.on(table).help(
        "build the new one CONCURRENTLY under another name, then drop the old one CONCURRENTLY, then ALTER INDEX … \
         RENAME TO the old name",
    )
}
