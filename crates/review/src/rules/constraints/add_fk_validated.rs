//! A foreign key whose existing rows are looked at while writers wait.

use crate::rule::prelude::*;
use crate::rules::safe;

pub(super) const RULE: Rule = Rule {
    code: "SR0101",
    name: "add-fk-validated",
    severity: Severity::Error,
    style: false,
    page: include_str!("add_fk_validated.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    for (table, constraint) in at.adds_constraints() {
        let ConstraintKind::Foreign(key) = &constraint.kind else { continue };
        if constraint.not_valid || constraint.not_enforced {
            continue;
        }
        let other = &key.table;
        let found = Found::new(
            format!("a foreign key from `{table}` to `{other}` is added, and every row is looked at"),
            format!(
                "SHARE ROW EXCLUSIVE on both tables while `{table}`{} is read: nobody can write to them",
                at.size(table)
            ),
        );
        let found = ask(at, table, key, found.at(constraint.at).on(table));
        out.push(at, found.help(help(at, table)).fix(fix(at, table, constraint, key)));
    }
}

pub(super) fn ask(at: &At<'_>, table: &Relation, key: &ForeignKey, found: Found) -> Found {
    let columns: Vec<&str> = key.columns.iter().map(String::as_str).collect();
    match safe::orphans(at, table, &columns, key) {
        Some(sql) => {
            found.ask(sql, "fails: {n} rows point to nothing", "every row points to one that is there")
        }
        None => found,
    }
}

fn help(at: &At<'_>, table: &Relation) -> &'static str {
    if no_not_valid(at, table) {
        return "NOT VALID is not possible on a partitioned table before PostgreSQL 18: add it NOT VALID to each \
                partition, validate there, then add it to the parent";
    }
    "add it NOT VALID, then VALIDATE CONSTRAINT in a transaction of its own: that lets writers on"
}

fn no_not_valid(at: &At<'_>, table: &Relation) -> bool {
    at.script.options.version < 18 && safe::is_partitioned(at, table)
}

fn fix(at: &At<'_>, table: &Relation, constraint: &Constraint, key: &ForeignKey) -> Option<Fix> {
    // Only where the statement does nothing else: the words NOT VALID belong to the constraint.
    let (_, [_]) = at.alters()? else { return None };
    let columns: Vec<&str> = key.columns.iter().map(String::as_str).collect();
    let name = safe::name(at, table, constraint.name.as_deref(), &columns, "fkey")?;
    (!no_not_valid(at, table)).then(|| Fix::new(TITLE, super::not_valid(at, table, constraint, &name)))
}

const TITLE: &str = "add it without a look, then look without locking writers out";
