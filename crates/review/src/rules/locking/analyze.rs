//! Statistics that are not there when they are first needed.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    code: "SR0823",
    name: "analyze-missing",
    severity: Severity::Info,
    style: false,
    page: include_str!("analyze_missing.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    let (table, message, why) = match at.stmt {
        Stmt::CreateIndex(create) if create.keys.iter().any(is_expr) && at.is_used(&create.table) => (
            &create.table,
            format!("an index on an expression of `{}` without ANALYZE behind it", create.table),
            "the statistics of an expression are gathered by ANALYZE alone: until autovacuum comes by, the planner \
             guesses, and may leave the index aside",
        ),
        Stmt::CreateTable(create) if create.query.is_some() && !create.no_data && !create.temporary => (
            &create.name,
            format!("`{}` is filled without ANALYZE behind it", create.name),
            "nothing is known of its rows until autovacuum comes by: the first queries are planned by guesses",
        ),
        _ => return,
    };
    if at.script.after_near(at.number).any(|stmt| analyzes(stmt, table)) {
        return;
    }
    let step = FixStep::new(format!("ANALYZE {}", quoted(table)));
    let first =
        if at.effects.block == Block::Impossible { FixStep::outside(at.text) } else { FixStep::new(at.text) };
    let fix = Fix::new("gather statistics behind it", vec![first, step]);
    let found = Found::new(message, why).on(table).help(format!("ANALYZE {}", quoted(table)));
    out.push(at, found.fix(Some(fix).filter(|_| !at.embedded)));
}

fn is_expr(key: &Key) -> bool {
    matches!(key, Key::Expr(_))
}

fn analyzes(stmt: &Stmt, table: &Relation) -> bool {
    match stmt {
        Stmt::Analyze { tables, .. } | Stmt::Vacuum { tables, analyze: true, .. } => {
            tables.is_empty() || tables.iter().any(|other| other.same(table))
        }
        // It is not there any more.
        Stmt::Drop { kind: ObjectKind::Table, names, .. } => names.iter().any(|name| name.same(table)),
        _ => false,
    }
}
