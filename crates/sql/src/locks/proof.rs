//! What constraints prove, so that the server need not read a table through.

use crate::ast::{ConstraintKind, Expr};
use crate::schema::Table;

/// Whether no row can have `NULL` there (`NotNullImpliedByRelConstraints`).
pub(super) fn is_not_null(table: &Table, column: &str) -> bool {
    table.columns.iter().any(|known| known.name == column && known.not_null)
        || valid_checks(table).any(|check| says_not_null(check, column))
}

/// Whether rows are proven to keep to the bounds of a partition, or out of them, as far as can be told:
/// a valid check speaks of every column of the key and names every bound.
pub(super) fn speaks_of_bounds(table: &Table, key: &[String], bounds: &[String]) -> bool {
    let bounds = bounds.iter().filter(|bound| !matches!(bound.as_str(), "minvalue" | "maxvalue"));
    let bounds: Vec<&str> = bounds.map(|bound| bound.trim_matches('\'')).collect();
    !key.is_empty()
        && valid_checks(table).any(|check| {
            let columns = check.columns();
            let has_bound = |bound: &&str| {
                check.any(|part| matches!(part, Expr::Text(text) | Expr::Number(text) if text == bound))
            };
            key.iter().all(|column| columns.contains(&column.as_str())) && bounds.iter().all(has_bound)
        })
}

fn valid_checks(table: &Table) -> impl Iterator<Item = &Expr> {
    table.constraints.iter().filter(|constraint| constraint.valid).filter_map(|constraint| match &constraint
        .kind
    {
        ConstraintKind::Check(expr) => Some(expr),
        _ => None,
    })
}

/// `column IS NOT NULL`, alone or as a part of `AND`. Others don't prove it: a check holds for `NULL`.
fn says_not_null(check: &Expr, column: &str) -> bool {
    let is =
        |expr: &Expr| matches!(expr, Expr::Column(path) if path.last().is_some_and(|last| last == column));
    match check {
        Expr::IsNotNull(inner) => is(inner),
        Expr::Op(and, args) if and == "and" => args.iter().any(|part| says_not_null(part, column)),
        Expr::Op(or, args) if or == "or" => {
            !args.is_empty() && args.iter().all(|part| says_not_null(part, column))
        }
        Expr::Op(not, args) if not == "not" => {
            matches!(args.as_slice(), [Expr::IsNull(inner)] if is(inner))
        }
        _ => false,
    }
}
