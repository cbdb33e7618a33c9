//! Materialised views that are filled again.

use crate::rule::prelude::*;
use crate::rules::text::Text;

pub(super) const BLOCKING: Rule = Rule {
    code: "SR0316",
    name: "refresh-matview-blocking",
    severity: Severity::Error,
    style: false,
    page: include_str!("refresh_matview_blocking.md"),
    look: Look::Statement(blocking),
};

/// The gentle form: worth knowing for some houses only.
pub(super) const CONCURRENTLY: Rule = Rule {
    code: "SR0317",
    name: "refresh-matview-concurrently",
    severity: Severity::Info,
    style: true,
    page: include_str!("refresh_matview_concurrently.md"),
    look: Look::Statement(concurrently),
};

pub(super) const WITHOUT_KEY: Rule = Rule {
    code: "SR0319",
    name: "refresh-matview-without-key",
    severity: Severity::Error,
    style: false,
    page: include_str!("refresh_matview_without_key.md"),
    look: Look::Statement(without_key),
};

fn blocking(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Refresh { name, concurrently: false, no_data } = at.stmt else { return };
    if at.is_new(name) {
        return;
    }
    if *no_data {
        let found = Found::new(
            format!("`{name}` is emptied"),
            "every query on it fails until it is filled again, and that takes ACCESS EXCLUSIVE too",
        );
        return out.push(at, found.help("leave it filled, or make another one and swap the names"));
    }
    let found = Found::new(
        format!("`{name}` is filled again while readers wait"),
        format!(
            "ACCESS EXCLUSIVE on `{name}`{} while its whole query runs: nobody can read it",
            at.size(name)
        ),
    );
    let fix = has_key(at, name)
        .then(|| Text::of(at.text).with_behind("view", "CONCURRENTLY"))
        .flatten()
        .map(|sql| Fix::new("fill it beside its readers", vec![FixStep::new(sql)]));
    let help =
        "REFRESH MATERIALIZED VIEW CONCURRENTLY: it needs a unique index on plain columns without a WHERE";
    out.push(at, found.on(name).help(help).fix(fix));
}

/// A unique index by which rows can be told apart.
fn has_key(at: &At<'_>, view: &Relation) -> bool {
    let columns = |keys: &[Key]| keys.iter().all(|key| matches!(key, Key::Column(_)));
    at.schema.indexes_of(view).any(|index| index.unique && !index.partial && columns(&index.keys))
}

fn concurrently(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Refresh { name, concurrently: true, .. } = at.stmt else { return };
    if at.is_new(name) {
        return;
    }
    let found = Found::new(
        format!("`{name}` is filled again in the migration"),
        "readers go on, but the whole query runs, its result is compared row by row, and EXCLUSIVE is held: no other \
         refresh meanwhile, and the migration takes as long",
    );
    out.push(at, found.on(name).help("let the job that refreshes it do so after the migration"));
}

fn without_key(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Refresh { name, concurrently: true, .. } = at.stmt else { return };
    let Some(view) = at.schema.table(name).filter(|view| view.kind == TableKind::MaterializedView) else {
        return;
    };
    // In a block of code it may stand behind a condition.
    if at.embedded || !at.schema.is_followed(view.born) || may_have_key(at, name) {
        return;
    }
    let found = Found::new(
        format!("`{name}` is filled again beside its readers, and has no unique index for that"),
        format!(
            "the server refuses it (`cannot refresh materialized view \"{}\" concurrently`): old and new rows are told \
             apart by a unique index on plain columns, without a WHERE",
            at.schema.resolve(name)
        ),
    );
    let help = "CREATE UNIQUE INDEX on columns that tell its rows apart, before the first such refresh";
    out.push(at, found.help(help));
}

/// As [`has_key`]; what could not be read of an index may be a plain column.
fn may_have_key(at: &At<'_>, view: &Relation) -> bool {
    let plain = |key: &Key| matches!(key, Key::Column(_) | Key::Expr(Expr::Other(_)));
    at.schema.indexes_of(view).any(|index| index.unique && !index.partial && index.keys.iter().all(plain))
}
