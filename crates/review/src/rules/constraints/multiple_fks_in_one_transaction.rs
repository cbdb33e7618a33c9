//! Foreign keys to several tables in one transaction.

use crate::cx::Taker;
use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    code: "SR0122",
    name: "multiple-fks-in-one-transaction",
    severity: Severity::Warning,
    style: false,
    page: include_str!("multiple_fks_in_one_transaction.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    let Some((table, actions)) = at.alters() else { return };
    let mut others: Vec<(&Relation, usize)> = Vec::new();
    for action in actions {
        let added: &[Constraint] = match &action.kind {
            ActionKind::AddConstraint(constraint) => std::slice::from_ref(constraint),
            ActionKind::AddColumn { column, .. } => &column.constraints,
            _ => continue,
        };
        for constraint in added {
            let ConstraintKind::Foreign(key) = &constraint.kind else { continue };
            if at.is_used(&key.table) && !key.table.same(table) {
                others.push((&key.table, constraint.at));
            }
        }
    }
    let Some((first, _)) = others.first().copied() else { return };
    if let Some((second, byte)) = others.iter().find(|(other, _)| !other.same(first)) {
        return out.push(at, found(&[table, first, second]).at(*byte));
    }
    let held = at.session.transaction.iter().flat_map(|running| running.held.iter());
    let mut held = held.filter(|held| held.mode >= Mode::ShareRowExclusive);
    let before = held.find(|held| {
        let adds_one = held.taker == Taker::Alter { foreign_key: true };
        adds_one && !held.relation.same(table) && !held.relation.same(first)
    });
    if let Some(before) = before {
        let fix = Fix::new("add it in a transaction of its own", vec![FixStep::new(at.text)]);
        let fix = Some(fix).filter(|_| actions.len() == 1 && !at.embedded);
        out.push(at, found(&[&before.relation, table, first]).fix(fix));
    }
}

fn found(tables: &[&Relation]) -> Found {
    let names: Vec<String> = tables.iter().map(|table| format!("`{table}`")).collect();
    let found = Found::new(
        format!("foreign keys to several tables in one transaction lock {} together", names.join(", ")),
        "SHARE ROW EXCLUSIVE on all of them to the end: while the next one is waited for, nobody can write to those \
         before it, and another order elsewhere is a deadlock",
    );
    found.help("add each foreign key in a transaction of its own")
}
