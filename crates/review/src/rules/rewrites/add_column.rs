//! Columns whose addition writes every row anew.

use switchback_sql::locks::defaults::{Rewrites, volatile as is_volatile};

use super::rewritten;
use crate::rule::prelude::*;
use crate::rules::safe;
use crate::rules::text::Text;

pub(super) const VOLATILE: Rule = Rule {
    code: "SR0207",
    name: "add-column-volatile-default",
    severity: Severity::Error,
    style: false,
    page: include_str!("add_column_volatile_default.md"),
    look: Look::Statement(volatile),
};

pub(super) const SERIAL: Rule = Rule {
    code: "SR0208",
    name: "add-column-serial",
    severity: Severity::Error,
    style: false,
    page: include_str!("add_column_serial.md"),
    look: Look::Statement(serial),
};

pub(super) const IDENTITY: Rule = Rule {
    code: "SR0209",
    name: "add-column-identity",
    severity: Severity::Error,
    style: false,
    page: include_str!("add_column_identity.md"),
    look: Look::Statement(identity),
};

pub(super) const GENERATED: Rule = Rule {
    code: "SR0210",
    name: "add-column-generated-stored",
    severity: Severity::Error,
    style: false,
    page: include_str!("add_column_generated_stored.md"),
    look: Look::Statement(generated),
};

pub(super) const DOMAIN: Rule = Rule {
    code: "SR0211",
    name: "add-column-constrained-domain",
    severity: Severity::Error,
    style: false,
    page: include_str!("add_column_constrained_domain.md"),
    look: Look::Statement(domain),
};

fn volatile(at: &At<'_>, out: &mut Out<'_>) {
    for (table, column, action) in at.adds_columns() {
        let Some(default) = &column.default else { continue };
        let volatile = is_volatile(at.place(), default);
        if volatile == Rewrites::No || is_serial(column) {
            continue;
        }
        let name = &column.name;
        let found = if volatile == Rewrites::Perhaps {
            let message =
                format!("`{table}` gets the column `{name}` with a default by a function that isn't known");
            let why = format!("unless the function is STABLE or IMMUTABLE: {}", rewritten(at, table));
            Found::new(message, why).severity(Severity::Warning)
        } else {
            let message =
                format!("`{table}` gets the column `{name}` with a default that each row has its own of");
            Found::new(message, rewritten(at, table))
        };
        let found = found
            .at(action.at)
            .on(table)
            .help("add the column without it, SET DEFAULT for new rows, then fill the old rows in batches");
        out.push(at, found.fix(volatile_fix(at, table, column)));
    }
}

/// The column without the default, then the default, then the old rows.
fn volatile_fix(at: &At<'_>, table: &Relation, column: &Column) -> Option<Fix> {
    let (_, [Action { kind: ActionKind::AddColumn { if_not_exists: false, .. }, .. }]) = at.alters()? else {
        return None;
    };
    let triggers = at.schema.table(table).is_some_and(|table| !table.triggers.is_empty());
    // Triggers would see an update that a rewrite isn't; constraints belong to other rules.
    if triggers || safe::is_partitioned(at, table) || !column.constraints.is_empty() {
        return None;
    }
    let text = Text::of(at.text);
    let (default, value) = text.default(column.at)?;
    let without = text.without(&default);
    let rest = Text::of(&without);
    let first = match (column.not_null, rest.not_null()) {
        (false, None) => without.clone(),
        (true, Some(words)) => rest.without(&words),
        _ => return None,
    };
    let set =
        format!("ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {value}", quoted(table), ident(&column.name));
    let mut steps =
        vec![FixStep::new(first), FixStep::along(set), safe::backfill(table, &column.name, value)];
    if column.not_null {
        steps.extend(safe::not_null(at, table, &column.name)?);
    }
    Some(Fix::new("add the column, give new rows the default, then fill the old rows", steps))
}

fn is_serial(column: &Column) -> bool {
    column.of.name.ends_with("serial") && column.of.schema.is_none()
}

fn serial(at: &At<'_>, out: &mut Out<'_>) {
    for (table, column, action) in at.adds_columns().into_iter().filter(|(_, column, _)| is_serial(column)) {
        let message = format!("`{table}` gets the column `{}` as `{}`", column.name, column.of.name);
        let found = Found::new(message, rewritten(at, table)).at(action.at).on(table);
        let found = found.help(
            "add the column as an integer, make a sequence that it owns, SET DEFAULT nextval(…), fill the old rows in \
             batches, then make it NOT NULL by a check that is validated first",
        );
        out.push(at, found.fix(serial_fix(at, table, column)));
    }
}

fn serial_fix(at: &At<'_>, table: &Relation, column: &Column) -> Option<Fix> {
    let (_, [Action { kind: ActionKind::AddColumn { if_not_exists: false, .. }, .. }]) = at.alters()? else {
        return None;
    };
    let triggers = at.schema.table(table).is_some_and(|table| !table.triggers.is_empty());
    if triggers || safe::is_partitioned(at, table) || !column.constraints.is_empty() || column.not_null {
        return None;
    }
    let of = match column.of.name.as_str() {
        "serial" => "integer",
        "bigserial" => "bigint",
        "smallserial" => "smallint",
        _ => return None,
    };
    let name = safe::name(at, table, None, &[&column.name], "seq")?;
    let sequence = Relation { schema: table.schema.clone(), name };
    let (on, col, sequence) = (quoted(table), ident(&column.name), quoted(&sequence));
    let value = format!("nextval('{}')", sequence.replace('\'', "''"));
    let mut steps = vec![
        FixStep::new(format!("ALTER TABLE {on} ADD COLUMN {col} {of}")),
        FixStep::along(format!("CREATE SEQUENCE {sequence} AS {of} OWNED BY {on}.{col}")),
        FixStep::along(format!("ALTER TABLE {on} ALTER COLUMN {col} SET DEFAULT {value}")),
        safe::backfill(table, &column.name, &value),
    ];
    steps.extend(safe::not_null(at, table, &column.name)?);
    Some(Fix::new("add the column, number new rows, then the old ones", steps))
}

fn identity(at: &At<'_>, out: &mut Out<'_>) {
    for (table, column, action) in
        at.adds_columns().into_iter().filter(|(_, column, _)| column.identity.is_some())
    {
        let message =
            format!("`{table}` gets the column `{}` as an identity, which numbers every row", column.name);
        let found = Found::new(message, rewritten(at, table)).at(action.at).on(table);
        out.push(at, found.help(
            "add the column as a bigint with a default from a sequence of its own, fill the old rows in batches, make \
             it NOT NULL by a check that is validated first, then drop the default and ADD GENERATED … AS IDENTITY, \
             with a start behind the greatest value",
        ));
    }
}

fn generated(at: &At<'_>, out: &mut Out<'_>) {
    for (table, column, action) in at.adds_columns() {
        if column.generated.is_none() || column.generated_virtual {
            continue;
        }
        let message = format!("`{table}` gets the column `{}` as GENERATED … STORED", column.name);
        let found = Found::new(message, rewritten(at, table)).at(action.at).on(table);
        let help = if at.script.options.version >= 18 {
            "make it VIRTUAL, which is in no row; or add a plain column, fill it by a trigger, and old rows in batches"
        } else {
            "add a plain column, fill it by a trigger, and old rows in batches; or make a view, or an index on the \
             expression"
        };
        out.push(at, found.help(help));
    }
}

fn domain(at: &At<'_>, out: &mut Out<'_>) {
    for (table, column, action) in at.adds_columns() {
        let made = at.schema.made_type(&column.of).map(|made| &made.kind);
        if column.of.array || !matches!(made, Some(MadeKind::Domain(_, true))) {
            continue;
        }
        let message = format!(
            "`{table}` gets the column `{}` of the domain `{}`, which has a constraint",
            column.name, column.of.name
        );
        let found = Found::new(message, rewritten(at, table)).at(action.at).on(table);
        out.push(at, found.help(
            "give the column the type under the domain, and add the domain's check to the table NOT VALID, then \
             validate it",
        ));
    }
}
