//! Mistakes in queries that the server accepts, or finds too late.

use switchback_sql::{Mentions, Token, tokens};

use crate::rule::prelude::*;

pub(super) const ASSIGNED_TWICE: Rule = Rule {
    code: "SR0925",
    name: "duplicate-column-assignment",
    severity: Severity::Error,
    style: false,
    page: include_str!("duplicate_column_assignment.md"),
    look: Look::Statement(assigned_twice),
};

pub(super) const NULL: Rule = Rule {
    code: "SR0926",
    name: "null-comparison",
    severity: Severity::Error,
    style: false,
    page: include_str!("null_comparison.md"),
    look: Look::Statement(null),
};

pub(super) const NOT_IN: Rule = Rule {
    code: "SR0927",
    name: "not-in-subquery",
    severity: Severity::Warning,
    style: false,
    page: include_str!("not_in_subquery.md"),
    look: Look::Statement(not_in),
};

fn assigned_twice(at: &At<'_>, out: &mut Out<'_>) {
    let (table, names): (_, Vec<&String>) = match at.stmt {
        // Parts of an array or of a composite column may be assigned one by one: they are told by brackets and dots.
        Stmt::Update { table, assignments, .. } if !at.text.contains('[') => {
            (table, assignments.iter().map(|(name, _)| name).collect())
        }
        Stmt::Insert { table, columns, .. } => (table, columns.iter().collect()),
        _ => return,
    };
    let mut seen = std::collections::BTreeSet::new();
    let Some(twice) = names.into_iter().find(|name| !seen.insert(name.as_str())) else { return };
    if is_in_parts(at, twice) {
        return;
    }
    let found = Found::new(
        format!("`{table}.{twice}` is assigned twice"),
        "the server refuses the statement, and the migration stops here",
    );
    out.push(at, found.help("leave one of them out"));
}

/// `SET place.x = 1, place.y = 2` of a composite column.
fn is_in_parts(at: &At<'_>, column: &str) -> bool {
    let tokens: Vec<Token> = tokens(at.text).filter(|token| !token.is_comment()).collect();
    tokens.windows(2).any(|two| {
        let name = two[0].of(at.text).trim_matches('"').eq_ignore_ascii_case(column);
        name && two[1].of(at.text) == "."
            && matches!(at.stmt, Stmt::Update { table, .. } if table.name != column)
    })
}

/// Every expression of a statement, those of queries in it too.
fn each<'e>(stmt: &'e Stmt, visit: &mut dyn FnMut(&'e Expr)) {
    match stmt {
        Stmt::Select(query) | Stmt::Insert { source: Some(query), .. } => of_query(query, visit),
        Stmt::CreateView(create) => of_query(&create.query, visit),
        Stmt::CreateTable(create) => {
            create.query.iter().for_each(|query| of_query(query, visit));
            let columns = create.columns.iter().flat_map(|column| &column.constraints);
            columns.chain(&create.constraints).for_each(|constraint| of_constraint(constraint, visit));
        }
        Stmt::AlterTable { actions, .. } => {
            for action in actions {
                match &action.kind {
                    ActionKind::AddConstraint(constraint) => of_constraint(constraint, visit),
                    ActionKind::AddColumn { column, .. } => {
                        column.constraints.iter().for_each(|constraint| of_constraint(constraint, visit));
                    }
                    _ => {}
                }
            }
        }
        Stmt::CreateIndex(create) => {
            if let Some(filter) = &create.filter {
                filter.walk(visit);
            }
        }
        Stmt::Policy(policy) => policy.using.iter().chain(&policy.check).for_each(|expr| expr.walk(visit)),
        Stmt::Update { assignments, filter, writes, .. } => {
            assignments.iter().map(|(_, value)| value).chain(filter).for_each(|expr| expr.walk(visit));
            for write in writes {
                each(write, visit);
            }
        }
        Stmt::Delete { filter, writes, .. } => {
            if let Some(filter) = filter {
                filter.walk(visit);
            }
            for write in writes {
                each(write, visit);
            }
        }
        _ => {}
    }
}

fn of_query<'e>(query: &'e Query, visit: &mut dyn FnMut(&'e Expr)) {
    query.walk(visit);
    for write in &query.writes {
        each(write, visit);
    }
}

fn of_constraint<'e>(constraint: &'e Constraint, visit: &mut dyn FnMut(&'e Expr)) {
    if let ConstraintKind::Check(expr) = &constraint.kind {
        expr.walk(visit);
    }
}

const EQUALITY: &[&str] = &["=", "<>", "!="];

fn null(at: &At<'_>, out: &mut Out<'_>) {
    // Nothing can be compared with what is not there.
    const NULL: Mentions = Mentions::of(&["null"]);
    if !NULL.any_in(at.text) {
        return;
    }
    let mut compared = 0_usize;
    each(at.stmt, &mut |expr| {
        if let Expr::Op(operator, args) = expr {
            let nulls = args.iter().any(|arg| matches!(arg.bare(), Expr::Null));
            compared += usize::from(nulls && args.len() == 2 && EQUALITY.contains(&operator.as_str()));
        }
    });
    if compared == 0 {
        return;
    }
    let found = Found::new(
        "a comparison with NULL by an operator",
        "it is neither true nor false, whatever the value: a WHERE chooses no row by it, a CHECK refuses none",
    );
    let found =
        found.help("IS NULL, IS NOT NULL; IS NOT DISTINCT FROM where the other side may be null or not");
    out.push(at, found.fix(fix(at, compared)));
}

/// The comparisons that are written `= NULL`, where those are all of them.
fn fix(at: &At<'_>, compared: usize) -> Option<Fix> {
    let tokens: Vec<Token> = tokens(at.text).filter(|token| !token.is_comment()).collect();
    let word = |index: usize| tokens.get(index).map_or("", |token| token.of(at.text));
    let from = match at.stmt {
        Stmt::Update { .. } => (0..tokens.len()).find(|index| word(*index).eq_ignore_ascii_case("where"))?,
        Stmt::Delete { .. } | Stmt::Select(_) => 0,
        _ => return None,
    };
    let mut text = at.text.to_owned();
    let mut changed = 0;
    for index in (from..tokens.len().saturating_sub(1)).rev() {
        let to = match word(index) {
            "=" => "IS NULL",
            "<>" | "!=" => "IS NOT NULL",
            _ => continue,
        };
        if word(index + 1).eq_ignore_ascii_case("null") && word(index + 2) != "::" {
            text.replace_range(tokens[index].start..tokens[index + 1].end, to);
            changed += 1;
        }
    }
    let all = changed == compared && !at.embedded;
    all.then(|| Fix::new("ask whether it is null", vec![FixStep::new(text)]).changing())
}

fn not_in(at: &At<'_>, out: &mut Out<'_>) {
    let mut found = 0_usize;
    each(at.stmt, &mut |expr| {
        let Expr::Op(operator, args) = expr else { return };
        if let ("not", [Expr::InQuery(_, query)]) = (operator.as_str(), args.as_slice()) {
            found += usize::from(can_be_null(at, query));
        }
    });
    if found == 0 {
        return;
    }
    let found = Found::new(
        "NOT IN with a subquery that may give a NULL",
        "one NULL in its result, and the condition is true for no row at all: nothing is chosen, without an error",
    );
    out.push(
        at,
        found
            .help("NOT EXISTS (SELECT 1 FROM … WHERE …), which is faster too, or WHERE … IS NOT NULL inside"),
    );
}

fn can_be_null(at: &At<'_>, query: &Query) -> bool {
    let [(_, given)] = query.columns.as_slice() else { return true };
    let Expr::Column(path) = given.bare() else {
        return !matches!(given.bare(), Expr::Number(_) | Expr::Text(_));
    };
    let Some(column) = path.last() else { return true };
    let mut excluded = false;
    if let Some(filter) = &query.filter {
        filter.walk(&mut |expr| {
            if let Expr::IsNotNull(inner) = expr {
                excluded |= matches!(inner.bare(), Expr::Column(path) if path.last() == Some(column));
            }
        });
    }
    if excluded {
        return false;
    }
    let mut tables = query.tables.iter();
    !tables.any(|table| at.schema.column(table, column).is_some_and(|known| known.not_null))
}
