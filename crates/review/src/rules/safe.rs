//! Statements of safe sequences, and questions to the target, that several rules share.

use switchback_model::finding::FixStep;
use switchback_sql::Relation;
use switchback_sql::ast::{ConstraintKind, Expr, ForeignKey};
use switchback_sql::schema::TableKind;

use crate::cx::At;
use crate::rule::{ident, quoted};

/// The server keeps so many bytes of a name.
const LONGEST: usize = 63;

/// More rows than this are not counted.
const MANY: usize = 10_001;

/// Looks at the rows of a constraint that was added without.
pub(super) fn validate(table: &Relation, name: &str) -> FixStep {
    FixStep::new(format!("ALTER TABLE {} VALIDATE CONSTRAINT {}", quoted(table), ident(name)))
}

/// The name that is written, or the one that the server would give: nothing, where that can't be told.
pub(super) fn name(
    at: &At<'_>,
    table: &Relation,
    written: Option<&str>,
    columns: &[&str],
    label: &str,
) -> Option<String> {
    if let Some(name) = written {
        return Some(name.to_owned());
    }
    let name = [&[table.name.as_str()], columns, &[label]].concat().join("_");
    let known =
        at.schema.table(table).is_some_and(|known| known.constraints.iter().any(|one| one.name == name));
    let index = Relation { schema: at.schema.resolve(table).schema, name: name.clone() };
    (name.len() <= LONGEST && !known && at.schema.index(&index).is_none()).then_some(name)
}

/// Makes a column `NOT NULL` without keeping anybody out for long.
pub(super) fn not_null(at: &At<'_>, table: &Relation, column: &str) -> Option<Vec<FixStep>> {
    let name = name(at, table, None, &[column], "not_null")?;
    let (on, col, constraint) = (quoted(table), ident(column), ident(&name));
    if at.script.options.version >= 18 {
        return Some(vec![
            FixStep::new(format!("ALTER TABLE {on} ADD CONSTRAINT {constraint} NOT NULL {col} NOT VALID")),
            validate(table, &name),
        ]);
    }
    Some(vec![
        FixStep::new(format!(
            "ALTER TABLE {on} ADD CONSTRAINT {constraint} CHECK ({col} IS NOT NULL) NOT VALID"
        )),
        validate(table, &name),
        FixStep::new(format!("ALTER TABLE {on} ALTER COLUMN {col} SET NOT NULL")),
        FixStep::along(format!("ALTER TABLE {on} DROP CONSTRAINT {constraint}")),
    ])
}

/// Fills a new column in the old rows, some pages at a time, each in a transaction of its own.
pub(super) fn backfill(table: &Relation, column: &str, value: &str) -> FixStep {
    let (on, col) = (quoted(table), ident(column));
    let text = on.replace('\'', "''");
    FixStep::outside(format!(
        "DO $$\n\
         DECLARE\n    \
             pages bigint := pg_relation_size('{text}') / current_setting('block_size')::bigint;\n\
         BEGIN\n    \
             FOR page IN 0..pages BY 1000 LOOP\n        \
                 UPDATE {on} SET {col} = {value}\n        \
                 WHERE ctid >= format('(%s,0)', page)::tid AND ctid < format('(%s,0)', page + 1000)::tid\n            \
                     AND {col} IS NULL;\n        \
                 COMMIT;\n    \
             END LOOP;\n\
         END\n\
         $$"
    ))
}

/// Its rows are in other tables, so that what is done to tables with rows is not possible for it.
pub(super) fn is_partitioned(at: &At<'_>, table: &Relation) -> bool {
    at.schema.table(table).is_some_and(|table| table.kind == TableKind::Partitioned)
}

/// How many rows a condition is true for.
pub(super) fn rows(table: &Relation, condition: &str) -> String {
    format!("select count(*) from (select 1 from {} where {condition} limit {MANY}) x", quoted(table))
}

/// How many rows are null in a column.
pub(super) fn nulls(table: &Relation, column: &str) -> String {
    rows(table, &format!("{} is null", ident(column)))
}

/// How many groups of rows are equal in these columns.
pub(super) fn duplicates(table: &Relation, columns: &[&str]) -> String {
    let columns: Vec<String> = columns.iter().map(|column| ident(column)).collect();
    let not_null: Vec<String> = columns.iter().map(|column| format!("{column} is not null")).collect();
    format!(
        "select count(*) from (select 1 from {} where {} group by {} having count(*) > 1 limit {MANY}) x",
        quoted(table),
        not_null.join(" and "),
        columns.join(", ")
    )
}

/// How many rows point to nothing; nothing where the other side's columns are not known.
pub(super) fn orphans(at: &At<'_>, table: &Relation, columns: &[&str], key: &ForeignKey) -> Option<String> {
    let referenced = referenced(at, key)?;
    if referenced.len() != columns.len() || columns.is_empty() {
        return None;
    }
    let not_null: Vec<String> =
        columns.iter().map(|column| format!("c.{} is not null", ident(column))).collect();
    let equal: Vec<String> = columns
        .iter()
        .zip(&referenced)
        .map(|(column, other)| format!("p.{} = c.{}", ident(other), ident(column)))
        .collect();
    Some(format!(
        "select count(*) from (select 1 from {} c where {} and not exists (select 1 from {} p where {}) limit {MANY}) x",
        quoted(table),
        not_null.join(" and "),
        quoted(&key.table),
        equal.join(" and ")
    ))
}

/// The columns that a foreign key points to: those that are written, or the primary key's.
pub(super) fn referenced(at: &At<'_>, key: &ForeignKey) -> Option<Vec<String>> {
    if !key.referenced.is_empty() {
        return Some(key.referenced.clone());
    }
    primary_key(at, &key.table)
}

/// The columns of a table's primary key.
pub(super) fn primary_key(at: &At<'_>, table: &Relation) -> Option<Vec<String>> {
    let constraints = &at.schema.table(table)?.constraints;
    constraints.iter().find_map(|constraint| match &constraint.kind {
        ConstraintKind::Primary { columns, .. } if !columns.is_empty() => Some(columns.clone()),
        _ => None,
    })
}

/// The columns of an expression, each once.
pub(super) fn columns(expr: &Expr) -> Vec<&str> {
    let mut columns = expr.columns();
    columns.sort_unstable();
    columns.dedup();
    columns
}
