//! Labels of enumerations.

use crate::rule::prelude::*;
use std::collections::BTreeMap;

use switchback_sql::{Kind, plpgsql, read, tokens};

pub(super) const RENAMED: Rule = Rule {
    code: "SR0705",
    name: "rename-enum-value",
    severity: Severity::Error,
    style: false,
    page: include_str!("rename_enum_value.md"),
    look: Look::Statement(renamed),
};

pub(super) const ORDER: Rule = Rule {
    code: "SR0706",
    name: "enum-value-order",
    severity: Severity::Info,
    style: true,
    page: include_str!("enum_value_order.md"),
    look: Look::Statement(order),
};

pub(super) const USED: Rule = Rule {
    code: "SR0707",
    name: "enum-value-used-in-transaction",
    severity: Severity::Error,
    style: false,
    page: include_str!("enum_value_used_in_transaction.md"),
    look: Look::Script(used),
};

pub(super) const OLD: Rule = Rule {
    code: "SR0708",
    name: "enum-value-in-transaction-old-pg",
    severity: Severity::Warning,
    style: false,
    page: include_str!("enum_value_in_transaction_old_pg.md"),
    look: Look::Statement(old_server),
};

pub(super) const BACK: Rule = Rule {
    code: "SR0709",
    name: "enum-no-down",
    severity: Severity::Info,
    style: true,
    page: include_str!("enum_no_down.md"),
    look: Look::Statement(back),
};

fn renamed(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::AlterEnum { name, old: Some(old), new, .. } = at.stmt else { return };
    if at.is_new_type(name) {
        return;
    }
    let found = Found::new(
        format!("the label `{old}` of `{name}` is renamed to `{new}`"),
        format!(
            "running code that writes '{old}' or asks for it fails from the commit on, and doesn't know '{new}' where it reads it"
        ),
    );
    out.push(at, found.help(format!(
        "add '{new}' beside it, deploy code that understands both, change the rows in batches, and write '{old}' no \
         more",
    )));
}

/// The type and the label that is added to a type that others use.
fn added<'a>(at: &At<'a>) -> Option<(&'a Relation, &'a str, bool)> {
    match at.stmt {
        Stmt::AlterEnum { name, old: None, new, placed, .. } if !at.is_new_type(name) => {
            Some((name, new, *placed))
        }
        _ => None,
    }
}

fn order(at: &At<'_>, out: &mut Out<'_>) {
    let Some((name, label, false)) = added(at) else { return };
    let found = Found::new(
        format!("the label `{label}` goes to the end of `{name}`"),
        "ORDER BY, < and max() take labels in the order in which they stand in the type",
    );
    out.push(at, found.help("say BEFORE or AFTER which label it belongs, where the order means something"));
}

fn old_server(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::AlterEnum { name, old: None, new, .. } = at.stmt else { return };
    if at.script.options.version >= 12 || !at.in_transaction() {
        return;
    }
    let found = Found::new(
        format!("the label `{new}` is added to `{name}` in a transaction block"),
        format!("PostgreSQL {} refuses that: the migration fails", at.script.options.version),
    );
    let fix = Fix::new("add it outside of a transaction", vec![FixStep::outside(at.text)]);
    out.push(
        at,
        found
            .help("add it outside of a transaction, in a migration of its own")
            .fix((!at.embedded).then_some(fix)),
    );
}

fn back(at: &At<'_>, out: &mut Out<'_>) {
    let Some((name, label, _)) = added(at) else { return };
    let found = Found::new(
        format!("the label `{label}` of `{name}` can't be taken away again"),
        "there is no ALTER TYPE … DROP VALUE: the way down must make the type anew and write every table that has it",
    );
    out.push(at, found.help("let the way down leave the label where it is, and say so in a comment there"));
}

/// One pass: labels that the open transaction has added, and statements that have one of them as a text.
fn used(script: &ScriptAt<'_>, out: &mut Out<'_>) {
    if script.options.version < 12 {
        return;
    }
    let whole = script.script.wrapped || script.script.one_query;
    let mut open = whole;
    let (mut labels, mut made): (BTreeMap<&str, &Relation>, Made<'_>) = (BTreeMap::new(), Vec::new());
    for (number, stmt) in script.stmts() {
        match stmt {
            Stmt::Transaction(Transaction::Begin) => open = true,
            Stmt::Transaction(Transaction::Commit | Transaction::Rollback | Transaction::Prepare) => {
                open = script.script.one_query && !script.script.wrapped;
                labels.clear();
                made.clear();
            }
            Stmt::CreateEnum { name, labels } if open => made.push((name, labels)),
            Stmt::AlterEnum { name, old: None, new, .. }
                if open && !may_be_used(&made, name, new, script.options.version) =>
            {
                labels.insert(new, name);
            }
            Stmt::Do { body: (body, _), .. } if adds_and_uses(body, script.options.version).is_some() => {
                if let Some((label, name)) = adds_and_uses(body, script.options.version) {
                    out.push_statement(script, number, unsafe_use(&label, &name));
                }
            }
            _ if !labels.is_empty() && looks_at_values(stmt) => {
                if let Some((label, name)) = find(script.text(number), &labels) {
                    out.push_statement(script, number, unsafe_use(label, name));
                }
            }
            _ => {}
        }
    }
}

/// Types that the open transaction made, with the labels that they were made with.
type Made<'a> = Vec<(&'a Relation, &'a [String])>;

/// Whether the transaction that adds a label to a type may use it: one that the type was made with, or,
/// from PostgreSQL 17 on, any label of a type that it made itself.
fn may_be_used(made: &Made<'_>, name: &Relation, label: &str, version: u32) -> bool {
    let own = made.iter().find(|(made, _)| made.same(name));
    own.is_some_and(|(_, labels)| version >= 17 || labels.iter().any(|own| own == label))
}

/// A label that a block of code adds to a type, and uses behind that.
fn adds_and_uses(body: &str, version: u32) -> Option<(String, Relation)> {
    let texts: Vec<String> = plpgsql::statements(body).into_iter().filter_map(|found| found.text).collect();
    let mut added: Option<(String, Relation)> = None;
    let mut made: Vec<(Relation, Vec<String>)> = Vec::new();
    for text in &texts {
        match read::read(text) {
            Ok(Stmt::CreateEnum { name, labels }) => made.push((name, labels)),
            Ok(Stmt::AlterEnum { name, old: None, new, .. }) => {
                let made = made.iter().map(|(name, labels)| (name, &**labels)).collect();
                if !may_be_used(&made, &name, &new, version) {
                    added = Some((new, name));
                }
            }
            Ok(stmt) if looks_at_values(&stmt) => {
                let uses = |(label, name): &(String, Relation)| {
                    find(text, &BTreeMap::from([(label.as_str(), name)])).is_some()
                };
                if added.as_ref().is_some_and(uses) {
                    return added;
                }
            }
            _ => {}
        }
    }
    None
}

fn unsafe_use(label: &str, name: &Relation) -> Found {
    let found = Found::new(
        format!("`{label}` is used in the transaction that adds it to `{name}`"),
        format!(
            "the server refuses that (`unsafe use of new value \"{label}\"`), and the whole migration is rolled back"
        ),
    );
    found.help("add the label in a migration of its own, and use it in the next one, when it is committed")
}

fn looks_at_values(stmt: &Stmt) -> bool {
    matches!(
        stmt,
        Stmt::Insert { .. }
            | Stmt::Update { .. }
            | Stmt::Delete { .. }
            | Stmt::Merge { .. }
            | Stmt::Select(_)
            | Stmt::AlterTable { .. }
            | Stmt::CreateTable(_)
            | Stmt::CreateIndex(_)
            | Stmt::CreateView(_)
            | Stmt::CreateDomain { .. }
            | Stmt::Policy(_)
            | Stmt::Do { .. }
    )
}

fn find<'a>(text: &str, labels: &BTreeMap<&'a str, &'a Relation>) -> Option<(&'a str, &'a Relation)> {
    for token in tokens(text) {
        let found = match token.kind {
            Kind::Text | Kind::EscapeText | Kind::UnicodeText => {
                let inner = token.of(text).trim_start_matches(['e', 'E', 'n', 'N']).trim_matches('\'');
                labels.get_key_value(inner.replace("''", "'").as_str()).map(|(label, name)| (*label, *name))
            }
            Kind::DollarText => {
                let text = token.of(text);
                let tag = text[1..].find('$').map_or(0, |end| end + 2);
                let inner = text.get(tag..text.len().saturating_sub(tag)).unwrap_or_default();
                if tag == 0 || inner.len() >= text.len() { None } else { find(inner, labels) }
            }
            _ => None,
        };
        if found.is_some() {
            return found;
        }
    }
    None
}
