//! Indexes that another one makes needless.

use switchback_sql::schema::Index;

use crate::rule::prelude::*;

pub(super) const DUPLICATE: Rule = Rule {
    code: "SR0312",
    name: "duplicate-index",
    severity: Severity::Warning,
    style: false,
    page: include_str!("duplicate_index.md"),
    look: Look::Statement(duplicate),
};

pub(super) const REDUNDANT: Rule = Rule {
    code: "SR0313",
    name: "redundant-index",
    severity: Severity::Info,
    style: false,
    page: include_str!("redundant_index.md"),
    look: Look::Statement(redundant),
};

/// A table has fewer; a script that makes more of them is not to be slow.
const MOST: usize = 200;

/// An index that is plain enough to be compared, with those of its table that are.
fn compared<'a>(at: &At<'a>) -> Option<(&'a CreateIndex, Vec<&'a Index>)> {
    let Stmt::CreateIndex(create) = at.stmt else { return None };
    let plain = |keys: &[Key]| {
        !keys.is_empty()
            && !keys
                .iter()
                .any(|key| matches!(key, Key::Expr(expr) if expr.any(|part| matches!(part, Expr::Other(_)))))
    };
    if create.filter.is_some() || create.special || !plain(&create.keys) {
        return None;
    }
    let same_name = |index: &Index| create.name.as_ref() == Some(&index.name.name);
    let others = at.schema.indexes_of(&create.table).take(MOST).filter(|index| {
        !index.partial && !index.special && index.valid && index.method == create.method && plain(&index.keys)
    });
    // One of the same name is the same one, by IF NOT EXISTS, or an error that isn't ours to tell.
    Some((create, others.filter(|index| !same_name(index)).collect()))
}

/// What serves the same, so that the new one need not be.
fn is_same(create: &CreateIndex, index: &Index) -> bool {
    index.keys == create.keys
        && (index.unique || !create.unique)
        && create.include.iter().all(|column| index.include.contains(column))
}

fn duplicate(at: &At<'_>, out: &mut Out<'_>) {
    let Some((create, others)) = compared(at) else { return };
    let Some(other) = others.into_iter().find(|index| is_same(create, index)) else { return };
    let found = Found::new(
        format!("an index like this is there already: `{}`", other.name.name),
        format!("every write to `{}` keeps up both, and no query gains by the second", create.table),
    );
    out.push(at, found.help("leave it out, or drop the other one CONCURRENTLY when this one is built"));
}

fn redundant(at: &At<'_>, out: &mut Out<'_>) {
    let Some((create, others)) = compared(at) else { return };
    if create.method != "btree" || others.iter().any(|index| is_same(create, index)) {
        return;
    }
    let begins =
        |longer: &[Key], shorter: &[Key]| longer.len() > shorter.len() && longer.starts_with(shorter);
    let wider = others
        .iter()
        .find(|index| !create.unique && create.include.is_empty() && begins(&index.keys, &create.keys));
    if let Some(wider) = wider {
        let found = Found::new(
            format!("`{}` begins with the same columns", wider.name.name),
            format!("it answers what this index would, and every write to `{}` keeps up both", create.table),
        );
        return out.push(at, found.help("leave it out, unless it is much smaller and read very often"));
    }
    let narrower = others.iter().find(|index| {
        !index.unique
            && index.constraint.is_none()
            && index.include.is_empty()
            && begins(&create.keys, &index.keys)
    });
    if let Some(narrower) = narrower {
        let found = Found::new(
            format!("this index begins with the columns of `{}`", narrower.name.name),
            format!("it answers what that one does, and every write to `{}` keeps up both", create.table),
        );
        let help = format!(
            "DROP INDEX CONCURRENTLY {} when this one is built",
            quoted(&at.schema.short(&narrower.name))
        );
        out.push(at, found.help(help));
    }
}
