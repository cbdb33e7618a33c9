//! `IF EXISTS`, `IF NOT EXISTS`: where they help, and what they hide.

use crate::rule::prelude::*;
use crate::rules::text::Text;

pub(super) const MISSING: Rule = Rule {
    code: "SR0816",
    name: "missing-guard",
    severity: Severity::Info,
    style: true,
    page: include_str!("missing_guard.md"),
    look: Look::Statement(missing),
};

pub(super) const HIDES: Rule = Rule {
    code: "SR0817",
    name: "if-exists-hides-drift",
    severity: Severity::Info,
    style: false,
    page: include_str!("if_exists_hides_drift.md"),
    look: Look::Statement(hides),
};

fn missing(at: &At<'_>, out: &mut Out<'_>) {
    if at.in_transaction() || at.script.reads.len() < 2 {
        return;
    }
    let Some((word, guard)) = unguarded(at.stmt) else { return };
    let found = Found::new(
        format!("no {guard} in a migration of several transactions"),
        "if a later statement stops it, what was done stays; the next try fails here, and somebody has to clean up by hand",
    );
    let help = format!("{guard}, so that it can be run again; look at what is there, which the words do not");
    let fix =
        Text::of(at.text).with_behind(word, guard).filter(|text| switchback_sql::read::read(text).is_ok());
    let fix = fix.map(|text| Fix::new("let it be run again", vec![step(at, text)]));
    out.push(at, found.help(help).fix(fix));
}

fn step(at: &At<'_>, text: String) -> FixStep {
    if at.effects.block == Block::Impossible { FixStep::outside(text) } else { FixStep::new(text) }
}

/// The word behind which the guard belongs, and the guard.
fn unguarded(stmt: &Stmt) -> Option<(&'static str, &'static str)> {
    const NEW: &str = "IF NOT EXISTS";
    const OLD: &str = "IF EXISTS";
    match stmt {
        Stmt::CreateTable(create) if !create.if_not_exists && create.query.is_none() && !create.temporary => {
            Some(("table", NEW))
        }
        Stmt::CreateIndex(create) if !create.if_not_exists && create.name.is_some() => {
            Some((if create.concurrently { "concurrently" } else { "index" }, NEW))
        }
        Stmt::CreateSchema { if_not_exists: false, .. } => Some(("schema", NEW)),
        Stmt::CreateExtension { if_not_exists: false, .. } => Some(("extension", NEW)),
        Stmt::Drop { kind, if_exists: false, concurrently, .. } => Some((
            match kind {
                ObjectKind::Index if *concurrently => "concurrently",
                ObjectKind::Index => "index",
                ObjectKind::Table => "table",
                ObjectKind::View | ObjectKind::MaterializedView => "view",
                ObjectKind::Type => "type",
                ObjectKind::Sequence => "sequence",
                ObjectKind::Schema => "schema",
                _ => return None,
            },
            OLD,
        )),
        Stmt::AlterTable { actions, .. } => actions.iter().find_map(|action| match &action.kind {
            ActionKind::AddColumn { if_not_exists: false, .. } => Some(("column", NEW)),
            ActionKind::DropColumn { if_exists: false, .. } => Some(("column", OLD)),
            _ => None,
        }),
        _ => None,
    }
}

fn hides(at: &At<'_>, out: &mut Out<'_>) {
    match at.stmt {
        Stmt::CreateTable(create) if create.if_not_exists => {
            let Some(difference) = difference(at, create) else { return };
            say(at, out, &format!("table `{}`", create.name), &difference);
        }
        Stmt::AlterTable { table, actions, .. } => {
            for action in actions {
                let ActionKind::AddColumn { column, if_not_exists: true } = &action.kind else { continue };
                let Some(known) = at.schema.column(table, &column.name) else { continue };
                let Some(of) = known.of.as_ref().filter(|of| plain(of) != plain(&column.of)) else {
                    continue;
                };
                let what = format!("column `{table}.{}`", column.name);
                say(at, out, &what, &format!("it is of type `{}` there", of.name));
            }
        }
        Stmt::CreateIndex(create) if create.if_not_exists => {
            let Some(name) = &create.name else { return };
            let schema = at.schema.resolve(&create.table).schema;
            let Some(known) = at.schema.index(&Relation { schema, name: name.clone() }) else { return };
            if known.keys != create.keys || known.unique != create.unique {
                say(at, out, &format!("index `{name}`"), "it has another key there");
            }
        }
        _ => {}
    }
}

fn say(at: &At<'_>, out: &mut Out<'_>, what: &str, difference: &str) {
    let found = Found::new(
        format!("{what} is there already, and {difference}"),
        "IF NOT EXISTS looks at the name alone: the statement does nothing, without an error, and what comes later counts \
         on something that is not there",
    );
    out.push(at, found.help("leave IF NOT EXISTS out, or alter what is there to what is wanted"));
}

fn difference(at: &At<'_>, create: &CreateTable) -> Option<String> {
    let known = at.schema.table(&create.name).filter(|known| known.all_columns)?;
    for column in &create.columns {
        let Some(other) = known.columns.iter().find(|other| other.name == column.name) else {
            return Some(format!("it has no column `{}`", column.name));
        };
        if let Some(of) = other.of.as_ref().filter(|of| plain(of) != plain(&column.of)) {
            return Some(format!("its column `{}` is of type `{}`", column.name, of.name));
        }
    }
    let more =
        known.columns.iter().find(|other| create.columns.iter().all(|column| column.name != other.name));
    let whole = create.like.is_empty() && create.inherits.is_empty() && create.partition_of.is_none();
    more.filter(|_| whole).map(|more| format!("it has a column `{}` too", more.name))
}

/// A type without what makes it `serial`.
fn plain(of: &Type) -> Type {
    let name = match of.name.as_str() {
        "serial" | "serial4" => "int4",
        "bigserial" | "serial8" => "int8",
        "smallserial" | "serial2" => "int2",
        other => other,
    };
    Type { name: name.to_owned(), ..of.clone() }
}
