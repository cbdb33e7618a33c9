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
