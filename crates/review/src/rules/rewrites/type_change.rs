//! Changes of a column's type. Each change is told by one rule only: by the one that says most.

use switchback_sql::locks::types::{Change, Typed, change};

use super::rewritten;
use super::type_classes::{Loss, fitting, loss, unless};
use crate::rule::prelude::*;

pub(super) const REWRITE: Rule = Rule {
    code: "SR0201",
    name: "type-change-rewrite",
    severity: Severity::Error,
    style: false,
    page: include_str!("type_change_rewrite.md"),
    look: Look::Statement(rewrite),
};

pub(super) const NARROWING: Rule = Rule {
    code: "SR0202",
    name: "type-change-narrowing",
    severity: Severity::Error,
    style: false,
    page: include_str!("type_change_narrowing.md"),
    look: Look::Statement(narrowing),
};

pub(super) const LOSSY: Rule = Rule {
    code: "SR0203",
    name: "type-change-lossy",
    severity: Severity::Error,
    style: false,
    page: include_str!("type_change_lossy.md"),
    look: Look::Statement(lossy),
};

pub(super) const USING: Rule = Rule {
    code: "SR0204",
    name: "type-change-using",
    severity: Severity::Warning,
    style: false,
    page: include_str!("type_change_using.md"),
    look: Look::Statement(using),
};

pub(super) const INDEX: Rule = Rule {
    code: "SR0205",
    name: "type-change-rebuilds-index",
    severity: Severity::Warning,
    style: false,
    page: include_str!("type_change_rebuilds_index.md"),
    look: Look::Statement(index),
};

pub(super) const TIMEZONE: Rule = Rule {
    code: "SR0206",
    name: "type-change-timestamp-timezone",
    severity: Severity::Error,
    style: false,
    page: include_str!("type_change_timestamp_timezone.md"),
    look: Look::Statement(timezone),
};

/// What a change is, for the rule that tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// The catalog alone is changed.
    Nothing,
    Rewrite,
    /// The old type isn't known, or nobody knows what one of the types is made of.
    Unknown,
    Narrowing,
    Lossy,
    Using,
    Index,
    Timezone,
}

/// A change of a column's type.
struct Changed<'a> {
    table: &'a Relation,
    column: &'a str,
    from: Option<&'a Type>,
    to: &'a Type,
    action: &'a Action,
    told: Told,
}

/// The changes of a statement that one rule tells.
fn changes<'a>(at: &At<'a>, told: &[Told]) -> Vec<Changed<'a>> {
    let Some((table, actions)) = at.alters() else { return Vec::new() };
    let changes = actions.iter().filter_map(|action| changed(at, table, action));
    changes.filter(|changed| told.contains(&changed.told)).collect()
}

fn changed<'a>(at: &At<'a>, table: &'a Relation, action: &'a Action) -> Option<Changed<'a>> {
    let ActionKind::AlterType { column, to, collation, using } = &action.kind else { return None };
    let known = at.schema.column(table, column);
    let from = known.and_then(|known| known.of.as_ref());
    let old = Typed { of: from, collation: known.and_then(|known| known.collation.as_deref()) };
    let cost = change(
        at.place(),
        column,
        old,
        Typed { of: Some(to), collation: collation.as_deref() },
        using.as_ref(),
    );
    let told = told(at, table, action, cost);
    Some(Changed { table, column, from, to, action, told })
}

fn told(at: &At<'_>, table: &Relation, action: &Action, cost: Change) -> Told {
    let ActionKind::AlterType { column, to, using, .. } = &action.kind else { return Told::Nothing };
    let from = at.schema.column(table, column).and_then(|known| known.of.as_ref());
    match cost {
        Change::Nothing | Change::IndexRebuild => {
            let effects = at.effects_of(action);
            let works = !effects.index_builds.is_empty() || !effects.scans.is_empty();
            return if works { Told::Index } else { Told::Nothing };
        }
        Change::Unknown => return Told::Unknown,
        Change::Rewrite => {}
    }
    // A cast of the column itself changes as much as none.
    let computed = using.as_ref().is_some_and(|using| !is_column(using, column));
    let Some(from) = from else { return if computed { Told::Using } else { Told::Rewrite } };
    if is_timezone(at.base_type(from), at.base_type(to)) {
        return Told::Timezone;
    }
    match loss(at.base_type(from), at.base_type(to)) {
        Some(Loss::Narrower) => Told::Narrowing,
        Some(Loss::Coarser) => Told::Lossy,
        None if computed => Told::Using,
        None => Told::Rewrite,
    }
}

fn is_column(expr: &Expr, column: &str) -> bool {
    matches!(expr.bare(), Expr::Column(path) if path.last().is_some_and(|last| last == column))
}

fn is_timezone(from: &Type, to: &Type) -> bool {
    let pair = (from.name.as_str(), to.name.as_str());
    !from.array && !to.array && matches!(pair, ("timestamp", "timestamptz") | ("timestamptz", "timestamp"))
}

impl Changed<'_> {
    fn found(&self, why: String) -> Found {
        let (table, column, to) = (self.table, self.column, name(self.to));
        let from = self.from.map(|from| format!("from `{}` ", name(from))).unwrap_or_default();
        let message = match self.told {
            Told::Unknown if self.from.is_none() => {
                format!("`{table}.{column}` changes to `{to}`, and what it is now isn't known")
            }
            Told::Unknown => {
                format!("`{table}.{column}` changes {from}to `{to}`: that may write every row anew")
            }
            Told::Index => {
                format!("`{table}.{column}` changes {from}to `{to}`: rows stay, but what hangs on it doesn't")
            }
            _ => format!("`{table}.{column}` changes {from}to `{to}`: every row is written anew"),
        };
        Found::new(message, why).at(self.action.at).on(table)
    }
}

/// A type as SQL has it, by its name in the catalog.
fn name(of: &Type) -> String {
    let schema = of.schema.as_ref().map(|schema| format!("{schema}.")).unwrap_or_default();
    let modifiers: Vec<String> = of.modifiers.iter().map(i64::to_string).collect();
    let modifiers = if modifiers.is_empty() { String::new() } else { format!("({})", modifiers.join(",")) };
    format!("{schema}{}{modifiers}{}", of.name, if of.array { "[]" } else { "" })
}

const EXPAND: &str = "add a column of the new type, keep it the same by a trigger, fill the old rows in batches, then \
                      let the new column take the old one's name";

fn rewrite(at: &At<'_>, out: &mut Out<'_>) {
    for changed in changes(at, &[Told::Rewrite, Told::Unknown]) {
        if changed.told == Told::Unknown {
            let unless = match changed.from {
                None => unless(changed.to),
                Some(_) => "the server takes the values as they are".to_owned(),
            };
            let why = format!(
                "rewrites every row of `{}`{} under ACCESS EXCLUSIVE, unless {unless}",
                changed.table,
                at.size(changed.table)
            );
            let help = "look what type the column has; give the review the migration that made it, or the target (-e), \
                        and it knows";
            out.push(at, changed.found(why).severity(Severity::Warning).help(help));
            continue;
        }
        out.push(at, changed.found(rewritten(at, changed.table)).help(EXPAND));
    }
}

fn narrowing(at: &At<'_>, out: &mut Out<'_>) {
    for changed in changes(at, &[Told::Narrowing]) {
        let why = format!(
            "a value that doesn't fit makes it fail, or is cut by its USING; {}",
            rewritten(at, changed.table)
        );
        let found = changed.found(why).help(
            "keep the type and add a check that holds for new rows (NOT VALID), look at the old rows, and change the \
             type when every row fits, if it is needed at all",
        );
        let found = match fitting(changed.column, changed.from, changed.to) {
            Some(fits) => found.ask(
                crate::rules::safe::rows(changed.table, &format!("not ({fits})")),
                "{n} rows don't fit into the new type",
                "every row fits into the new type",
            ),
            None => found,
        };
        out.push(at, found);
    }
}

fn lossy(at: &At<'_>, out: &mut Out<'_>) {
    for changed in changes(at, &[Told::Lossy]) {
        let why = format!(
            "what the new type has no room for is dropped without a word; {}",
            rewritten(at, changed.table)
        );
        let found = changed.found(why).help(
            "add a column of the new type beside the old one, fill it, and drop the old one when nobody misses what \
             it had",
        );
        let found = match fitting(changed.column, changed.from, changed.to) {
            Some(fits) => found.ask(
                crate::rules::safe::rows(changed.table, &format!("not ({fits})")),
                "{n} rows lose a part of their value",
                "no row loses anything",
            ),
            None => found,
        };
        out.push(at, found);
    }
}

fn using(at: &At<'_>, out: &mut Out<'_>) {
    for changed in changes(at, &[Told::Using]) {
        let why = format!(
            "USING works out every value, even where the bytes would stay; {}",
            rewritten(at, changed.table)
        );
        out.push(at, changed.found(why).help(EXPAND));
    }
}

fn index(at: &At<'_>, out: &mut Out<'_>) {
    for changed in changes(at, &[Told::Index]) {
        let table = changed.table;
        let effects = at.effects_of(changed.action);
        let what = match (effects.index_builds.is_empty(), effects.scans.is_empty()) {
            (false, true) => "the indexes on it are built again",
            (true, _) => "its checks are tried on every row again",
            (false, false) => "the indexes on it are built again and its checks are tried on every row",
        };
        let why = format!(
            "ACCESS EXCLUSIVE on `{table}`{} while {what}: nobody can read or write it",
            at.size(table)
        );
        out.push(at, changed.found(why).help(
            "drop the index CONCURRENTLY first where it can be missed, and build it CONCURRENTLY afterwards; drop a \
             check and add it NOT VALID again; or use a new column",
        ));
    }
}

fn timezone(at: &At<'_>, out: &mut Out<'_>) {
    for changed in changes(at, &[Told::Timezone]) {
        let computed = matches!(&changed.action.kind, ActionKind::AlterType { using: Some(using), .. } if !is_column(using, changed.column));
        let why = if computed {
            format!(
                "USING works out every value, even where the bytes would stay; {}",
                rewritten(at, changed.table)
            )
        } else {
            format!(
                "the two are the same bytes only where the session's TimeZone is UTC, which isn't set here; {}",
                rewritten(at, changed.table)
            )
        };
        out.push(at, changed.found(why).help(
            "where the values are meant in UTC: SET LOCAL timezone = 'UTC' in the same transaction before it, and no \
             USING; else add a column and fill it in batches",
        ));
    }
}
