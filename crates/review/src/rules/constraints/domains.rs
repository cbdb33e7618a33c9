//! Domains: what they demand, every column that is of them must keep.

use crate::rule::prelude::*;

pub(super) const ADD_CONSTRAINT: Rule = Rule {
    code: "SR0113",
    name: "alter-domain-add-constraint",
    severity: Severity::Error,
    style: false,
    page: include_str!("alter_domain_add_constraint.md"),
    look: Look::Statement(add_constraint),
};

pub(super) const SET_NOT_NULL: Rule = Rule {
    code: "SR0114",
    name: "alter-domain-set-not-null",
    severity: Severity::Error,
    style: false,
    page: include_str!("alter_domain_set_not_null.md"),
    look: Look::Statement(set_not_null),
};

/// A matter of taste: a new domain does no harm today.
pub(super) const CREATE: Rule = Rule {
    code: "SR0115",
    name: "create-domain-with-constraint",
    severity: Severity::Warning,
    style: true,
    page: include_str!("create_domain_with_constraint.md"),
    look: Look::Statement(create),
};

fn add_constraint(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::AlterDomain { name, action: ActionKind::AddConstraint(constraint) } = at.stmt else { return };
    if constraint.not_valid || at.is_new_type(name) {
        return;
    }
    let found = Found::new(format!("the domain `{name}` gets a constraint, and {}", readers(at)), why(at));
    out.push(at, on(at, found).at(constraint.at).help(
        "add it NOT VALID, which holds for new values at once; VALIDATE CONSTRAINT keeps writers out as long as this \
         does, so do that while few write, or put a check on each table instead",
    ));
}

fn set_not_null(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::AlterDomain { name, action: ActionKind::SetNotNull { .. } } = at.stmt else { return };
    if at.is_new_type(name) {
        return;
    }
    let found = Found::new(format!("the domain `{name}` becomes NOT NULL, and {}", readers(at)), why(at));
    out.push(at, on(at, found).help(
        "make each column NOT NULL instead, by a check on its table that is added NOT VALID and validated",
    ));
}

fn used<'a>(at: &At<'a>) -> Vec<&'a Relation> {
    at.effects.scans.iter().filter(|table| at.is_used(table)).collect()
}

fn readers(at: &At<'_>) -> String {
    match used(at).as_slice() {
        [] => "every table with a column of it is read".to_owned(),
        [table] => format!("every row of `{table}` is read"),
        tables => {
            let names: Vec<String> = tables.iter().map(|table| format!("`{table}`")).collect();
            format!("every row of {} is read", names.join(", "))
        }
    }
}

fn why(at: &At<'_>) -> String {
    let sizes: String = used(at).iter().map(|table| at.size(table)).collect();
    format!("SHARE on each of these tables{sizes} until all are read: nobody can write to any of them")
}

/// The harm grows with the table, where it is one.
fn on(at: &At<'_>, found: Found) -> Found {
    match used(at).as_slice() {
        [table] => found.on(table),
        _ => found,
    }
}

fn create(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::CreateDomain { name, constraints, .. } = at.stmt else { return };
    if constraints.is_empty() {
        return;
    }
    let found = Found::new(
        format!("the domain `{name}` is made with a constraint"),
        "a column of it that is added later writes its table anew, and a change of the constraint reads every table \
         that has one while nobody can write",
    );
    out.push(at, found.help("put the check on the tables, where it can be NOT VALID first"));
}
