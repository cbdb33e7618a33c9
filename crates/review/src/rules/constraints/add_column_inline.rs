//! Constraints that stand at a column that is added.

use crate::rule::prelude::*;
use crate::rules::safe;
use crate::rules::text::Text;

pub(super) const FOREIGN: Rule = Rule {
    code: "SR0102",
    name: "add-column-inline-fk",
    severity: Severity::Error,
    style: false,
    page: include_str!("add_column_inline_fk.md"),
    look: Look::Statement(foreign),
};

pub(super) const CHECK: Rule = Rule {
    code: "SR0104",
    name: "add-column-inline-check",
    severity: Severity::Warning,
    style: false,
    page: include_str!("add_column_inline_check.md"),
    look: Look::Statement(check),
};

pub(super) const UNIQUE: Rule = Rule {
    code: "SR0106",
    name: "add-column-inline-unique",
    severity: Severity::Warning,
    style: false,
    page: include_str!("add_column_inline_unique.md"),
    look: Look::Statement(unique),
};

/// Constraints of columns that are added, with what adds them.
fn inline<'a>(at: &At<'a>) -> impl Iterator<Item = (&'a Relation, &'a Column, &'a Action, &'a Constraint)> {
    let added = at.adds_columns().into_iter();
    added.flat_map(|(table, column, action)| {
        column.constraints.iter().map(move |constraint| (table, column, action, constraint))
    })
}

fn foreign(at: &At<'_>, out: &mut Out<'_>) {
    for (table, column, _, constraint) in inline(at) {
        let ConstraintKind::Foreign(key) = &constraint.kind else { continue };
        let other = &key.table;
        let scans = is_filled(column) && !constraint.not_enforced;
        // Nobody waits for a table that nobody uses, and the table itself is locked anyhow.
        let locks = !at.schema.resolve(other).eq(&at.schema.resolve(table)) && at.is_used(other);
        let why = if scans {
            format!(
                "ACCESS EXCLUSIVE on `{table}` and SHARE ROW EXCLUSIVE on `{other}` while `{table}`{} is read: \
                 the default fills every row, so every row is looked up",
                at.size(table)
            )
        } else if locks {
            format!(
                "ACCESS EXCLUSIVE on `{table}` and SHARE ROW EXCLUSIVE on `{other}` at once: while one of the \
                 two is waited for, nobody can write to the other"
            )
        } else {
            continue;
        };
        let severity = if scans { Severity::Error } else { Severity::Warning };
        let found = Found::new(
            format!("`{table}` gets the column `{}` with a foreign key to `{other}` at once", column.name),
            why,
        );
        let found = found.at(constraint.at).severity(severity).help(
            "add the column alone, then the foreign key NOT VALID, then VALIDATE CONSTRAINT, each in a \
             transaction of its own",
        );
        let found = if scans { found.on(table) } else { found };
        out.push(at, found.fix(foreign_fix(at, table, column, constraint)));
    }
}

/// Old rows have a value in the new column.
fn is_filled(column: &Column) -> bool {
    let null = column.default.as_ref().is_none_or(|default| *default.bare() == Expr::Null);
    !null || column.identity.is_some() || column.generated.is_some() || column.of.name.ends_with("serial")
}

fn foreign_fix(at: &At<'_>, table: &Relation, column: &Column, constraint: &Constraint) -> Option<Fix> {
    if at.script.options.version < 18 && safe::is_partitioned(at, table) {
        return None;
    }
    let (first, body) = apart(at, constraint)?;
    let name = safe::name(at, table, constraint.name.as_deref(), &[&column.name], "fkey")?;
    let add = format!(
        "ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}) {body} NOT VALID",
        quoted(table),
        ident(&name),
        ident(&column.name)
    );
    let steps = vec![FixStep::new(first), FixStep::new(add), safe::validate(table, &name)];
    Some(Fix::new("add the column, then the foreign key, then look at the rows", steps))
}

fn check(at: &At<'_>, out: &mut Out<'_>) {
    for (table, column, _, constraint) in inline(at) {
        if !matches!(constraint.kind, ConstraintKind::Check(_)) || constraint.not_enforced {
            continue;
        }
        let found = Found::new(
            format!("`{table}` gets the column `{}` with a check, and every row is looked at", column.name),
            format!(
                "ACCESS EXCLUSIVE while `{table}`{} is read, even where the column is null in every row: nobody \
                 can read or write it",
                at.size(table)
            ),
        );
        let found = found.at(constraint.at).on(table).help(
            "add the column alone, then the check NOT VALID, then VALIDATE CONSTRAINT, each in a transaction \
             of its own",
        );
        out.push(at, found.fix(check_fix(at, table, column, constraint)));
    }
}

fn check_fix(at: &At<'_>, table: &Relation, column: &Column, constraint: &Constraint) -> Option<Fix> {
    let (first, body) = apart(at, constraint)?;
    let name = safe::name(at, table, constraint.name.as_deref(), &[&column.name], "check")?;
    let add = format!("ALTER TABLE {} ADD CONSTRAINT {} {body} NOT VALID", quoted(table), ident(&name));
    let steps = vec![FixStep::new(first), FixStep::new(add), safe::validate(table, &name)];
    Some(Fix::new("add the column, then the check, then look at the rows", steps))
}

fn unique(at: &At<'_>, out: &mut Out<'_>) {
    for (table, column, _, constraint) in inline(at) {
        if !matches!(constraint.kind, ConstraintKind::Unique { .. }) {
            continue;
        }
        let found = Found::new(
            format!("`{table}` gets the column `{}`, and a unique index over every row", column.name),
            format!(
                "ACCESS EXCLUSIVE while the index over `{table}`{} is built: nobody can read or write it",
                at.size(table)
            ),
        );
        let found = found.at(constraint.at).on(table).help(
            "add the column alone, then CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … UNIQUE USING INDEX",
        );
        out.push(at, found.fix(unique_fix(at, table, column, constraint)));
    }
}

fn unique_fix(at: &At<'_>, table: &Relation, column: &Column, constraint: &Constraint) -> Option<Fix> {
    let (first, body) = apart(at, constraint)?;
    // Other words than this one change the index.
    if !body.eq_ignore_ascii_case("unique") || safe::is_partitioned(at, table) {
        return None;
    }
    let name = safe::name(at, table, constraint.name.as_deref(), &[&column.name], "key")?;
    let (on, name) = (quoted(table), ident(&name));
    let steps = vec![
        FixStep::new(first),
        FixStep::outside(format!(
            "CREATE UNIQUE INDEX CONCURRENTLY {name} ON {on} ({})",
            ident(&column.name)
        )),
        FixStep::new(format!("ALTER TABLE {on} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}")),
    ];
    Some(Fix::new("add the column, build the index beside the traffic, then make it the constraint", steps))
}

/// The statement without the constraint, and the constraint without its name; only where the statement
/// adds this column and nothing else.
fn apart<'t>(at: &At<'t>, constraint: &Constraint) -> Option<(String, &'t str)> {
    let (_, [Action { kind: ActionKind::AddColumn { if_not_exists: false, .. }, .. }]) = at.alters()? else {
        return None;
    };
    let text = Text::of(at.text);
    let (range, body) = text.column_constraint(constraint.at)?;
    Some((text.without(&range), at.text.get(body..range.end)?))
}
