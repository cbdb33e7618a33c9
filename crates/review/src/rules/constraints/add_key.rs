//! Unique constraints and primary keys, whose index is built while everybody waits.

use crate::rule::prelude::*;
use crate::rules::safe;
use crate::rules::text::Text;

pub(super) const UNIQUE: Rule = Rule {
    code: "SR0105",
    name: "add-unique-constraint",
    severity: Severity::Error,
    style: false,
    page: include_str!("add_unique_constraint.md"),
    look: Look::Statement(unique),
};

pub(super) const PRIMARY: Rule = Rule {
    code: "SR0107",
    name: "add-primary-key",
    severity: Severity::Error,
    style: false,
    page: include_str!("add_primary_key.md"),
    look: Look::Statement(primary),
};

fn unique(at: &At<'_>, out: &mut Out<'_>) {
    for (table, constraint) in at.adds_constraints() {
        let ConstraintKind::Unique { columns, using_index: None } = &constraint.kind else { continue };
        let names = columns.join("`, `");
        let found = Found::new(
            format!(
                "a unique constraint over `{names}` is added to `{table}`, and its index is built at once"
            ),
            built(at, table),
        );
        let found = found.at(constraint.at).on(table).help(
            "build the index with CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … UNIQUE USING INDEX",
        );
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let found = ask(table, &columns, found);
        out.push(at, found.fix(unique_fix(at, table, constraint, &columns)));
    }
}

fn built(at: &At<'_>, table: &Relation) -> String {
    format!(
        "ACCESS EXCLUSIVE while the index over `{table}`{} is built: nobody can read or write it",
        at.size(table)
    )
}

fn ask(table: &Relation, columns: &[&str], found: Found) -> Found {
    if columns.is_empty() {
        return found;
    }
    found.ask(
        safe::duplicates(table, columns),
        "fails: {n} values are there more than once",
        "no value is there more than once",
    )
}

fn unique_fix(at: &At<'_>, table: &Relation, constraint: &Constraint, columns: &[&str]) -> Option<Fix> {
    let (index, name) = index(at, table, constraint, columns, "key")?;
    let add = format!("ALTER TABLE {} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}", quoted(table));
    let add = if constraint.deferrable { format!("{add}{}", deferrable(at)) } else { add };
    Some(Fix::new(TITLE, vec![index, FixStep::new(add)]))
}

const TITLE: &str = "build the index beside the traffic, then make it the constraint";

/// What builds the index, and its name; only where the statement adds this constraint and nothing else,
/// in words that an index has too.
fn index(
    at: &At<'_>,
    table: &Relation,
    constraint: &Constraint,
    columns: &[&str],
    label: &str,
) -> Option<(FixStep, String)> {
    let (_, [_]) = at.alters()? else { return None };
    let special = ["include", "with", "tablespace", "nulls", "without"];
    let partitioned = safe::is_partitioned(at, table);
    if partitioned || columns.is_empty() || Text::of(at.text).has(&special) {
        return None;
    }
    // The primary key's name has no columns in it.
    let in_name = if label == "pkey" { &[] } else { columns };
    let name = ident(&safe::name(at, table, constraint.name.as_deref(), in_name, label)?);
    let columns: Vec<String> = columns.iter().map(|column| ident(column)).collect();
    let sql =
        format!("CREATE UNIQUE INDEX CONCURRENTLY {name} ON {} ({})", quoted(table), columns.join(", "));
    Some((FixStep::outside(sql), name))
}

/// ` DEFERRABLE INITIALLY DEFERRED`, as it is written.
fn deferrable(at: &At<'_>) -> &'static str {
    let text = Text::of(at.text);
    if text.has(&["deferred"]) { " DEFERRABLE INITIALLY DEFERRED" } else { " DEFERRABLE" }
}

fn primary(at: &At<'_>, out: &mut Out<'_>) {
    for (table, constraint) in at.adds_constraints() {
        let ConstraintKind::Primary { columns, using_index: None } = &constraint.kind else { continue };
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let found = Found::new(
            format!("`{table}` gets a primary key, and its index is built at once"),
            format!("{}; its columns become NOT NULL, for which every row is read too", built(at, table)),
        );
        let found = ask(table, &columns, found.at(constraint.at).on(table).help(HELP));
        out.push(at, found.fix(primary_fix(at, table, constraint, &columns)));
    }
    for (table, column, action) in at.adds_columns() {
        if let Some(constraint) = column.constraints.iter().find(|one| is_primary(one)) {
            let found = Found::new(
                format!("`{table}` gets the column `{}` as its primary key", column.name),
                built(at, table),
            );
            out.push(at, found.at(constraint.at.max(action.at)).on(table).help(COLUMN));
        }
    }
}

fn is_primary(constraint: &Constraint) -> bool {
    matches!(constraint.kind, ConstraintKind::Primary { .. })
}

const HELP: &str = "build the index with CREATE UNIQUE INDEX CONCURRENTLY, make the columns NOT NULL by a check that \
                    is validated first, then ADD CONSTRAINT … PRIMARY KEY USING INDEX";
const COLUMN: &str = "add the column without it, fill it in batches, build the index with CREATE UNIQUE INDEX \
                      CONCURRENTLY, make the column NOT NULL, then ADD CONSTRAINT … PRIMARY KEY USING INDEX";

fn primary_fix(at: &At<'_>, table: &Relation, constraint: &Constraint, columns: &[&str]) -> Option<Fix> {
    let (index, name) = index(at, table, constraint, columns, "pkey")?;
    let mut steps = vec![index];
    for column in columns {
        let known = at.schema.column(table, column);
        if known.is_none_or(|known| !known.not_null) {
            steps.extend(safe::not_null(at, table, column)?);
        }
    }
    let add = format!("ALTER TABLE {} ADD CONSTRAINT {name} PRIMARY KEY USING INDEX {name}", quoted(table));
    let add = if constraint.deferrable { format!("{add}{}", deferrable(at)) } else { add };
    steps.push(FixStep::new(add));
    Some(Fix::new(TITLE, steps))
}
