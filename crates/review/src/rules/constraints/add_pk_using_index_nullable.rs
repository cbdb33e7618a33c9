//! A primary key over an index whose columns may be null.

use crate::rule::prelude::*;
use crate::rules::safe;

pub(super) const RULE: Rule = Rule {
    code: "SR0108",
    name: "add-pk-using-index-nullable",
    severity: Severity::Warning,
    style: false,
    page: include_str!("add_pk_using_index_nullable.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    for (table, constraint) in at.adds_constraints() {
        let ConstraintKind::Primary { using_index: Some(index), .. } = &constraint.kind else { continue };
        match nullable(at, table, index) {
            Some(columns) if columns.is_empty() => {}
            Some(columns) => out.push(at, known(at, table, constraint, &columns)),
            None => out.push(at, unknown(table, constraint, index)),
        }
    }
}

/// The columns of the index that may be null, as far as is known; nothing: the index isn't known.
fn nullable(at: &At<'_>, table: &Relation, index: &str) -> Option<Vec<String>> {
    let name = Relation { schema: at.schema.resolve(table).schema, name: index.to_owned() };
    let keys = &at.schema.index(&name)?.keys;
    let columns = keys.iter().filter_map(|key| match key {
        Key::Column(name) => Some(name.clone()),
        Key::Expr(_) => None,
    });
    Some(columns.filter(|column| super::set_not_null::scans(at, table, column)).collect())
}

fn known(at: &At<'_>, table: &Relation, constraint: &Constraint, columns: &[String]) -> Found {
    let found = Found::new(
        format!(
            "the primary key of `{table}` makes `{}` NOT NULL, and every row is read",
            columns.join("`, `")
        ),
        format!("ACCESS EXCLUSIVE while `{table}`{} is read: nobody can read or write it", at.size(table)),
    );
    let found = found.at(constraint.at).on(table).help(HELP);
    let steps: Option<Vec<_>> = columns.iter().map(|column| safe::not_null(at, table, column)).collect();
    let alone = matches!(at.alters(), Some((_, [_])));
    let fix = steps.filter(|_| alone).map(|steps| {
        let steps = steps.into_iter().flatten().chain([FixStep::new(at.text)]).collect();
        Fix::new("make the columns NOT NULL without keeping anybody out, then add the key", steps)
    });
    let [column] = columns else { return found.fix(fix) };
    let found = found.ask(safe::nulls(table, column), "fails: {n} rows are null", "no row is null");
    found.fix(fix)
}

fn unknown(table: &Relation, constraint: &Constraint, index: &str) -> Found {
    let found = Found::new(
        format!("whether the columns of `{index}` are NOT NULL isn't known"),
        format!("where one may be null, every row of `{table}` is read under ACCESS EXCLUSIVE"),
    );
    found.at(constraint.at).on(table).severity(Severity::Info).help(HELP)
}

const HELP: &str =
    "first make its columns NOT NULL, by a check (column IS NOT NULL) that is validated before";
