//! Whether a condition is true whatever the row.

use switchback_sql::ast::Expr;

/// Whether an expression of constants is true; nothing where a row or the server decides.
pub(super) fn truth(expr: &Expr) -> Option<bool> {
    match expr {
        Expr::Bool(value) => Some(*value),
        Expr::Cast(inner, to) if to.name == "bool" => match &**inner {
            Expr::Text(text) => word(text),
            other => truth(other),
        },
        Expr::IsNotNull(inner) if inner.is_constant() => Some(*inner.bare() != Expr::Null),
        Expr::IsNull(inner) if inner.is_constant() => Some(*inner.bare() == Expr::Null),
        Expr::Op(operator, args) => operation(operator, args),
        Expr::Query(query) if query.constant && query.filter.is_none() && !query.limited => {
            // `EXISTS (SELECT 1)`; a query as a value is not told apart, so only a value that is true counts.
            query.columns.first().and_then(|(_, value)| truth(value)).filter(|value| *value)
        }
        _ => None,
    }
}

fn word(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "t" | "true" | "yes" | "on" | "1" | "y" => Some(true),
        "f" | "false" | "no" | "off" | "0" | "n" => Some(false),
        _ => None,
    }
}

fn operation(operator: &str, args: &[Expr]) -> Option<bool> {
    match (operator, args) {
        ("and", _) if args.iter().all(|arg| truth(arg) == Some(true)) => Some(true),
        ("and", _) if args.iter().any(|arg| truth(arg) == Some(false)) => Some(false),
        ("or", _) if args.iter().any(|arg| truth(arg) == Some(true)) => Some(true),
        ("or", _) if args.iter().all(|arg| truth(arg) == Some(false)) => Some(false),
        ("not", [inner]) => truth(inner).map(|value| !value),
        ("is true", [inner]) => truth(inner),
        ("is false", [inner]) => truth(inner).map(|value| !value),
        ("in", [value, list @ ..]) => {
            list.iter().any(|other| equal(value, other) == Some(true)).then_some(true)
        }
        ("=", [left, right]) => equal(left, right),
        ("<>" | "!=", [left, right]) => equal(left, right).map(|equal| !equal),
        ("<", [left, right]) => Some(number(left)? < number(right)?),
        (">", [left, right]) => Some(number(left)? > number(right)?),
        ("<=", [left, right]) => Some(number(left)? <= number(right)?),
        (">=", [left, right]) => Some(number(left)? >= number(right)?),
        _ => None,
    }
}

fn equal(left: &Expr, right: &Expr) -> Option<bool> {
    match (left.bare(), right.bare()) {
        (Expr::Text(left), Expr::Text(right)) => Some(left == right),
        (Expr::Bool(left), Expr::Bool(right)) => Some(left == right),
        (left, right) => {
            let (left, right) = (number(left)?, number(right)?);
            Some((left - right).abs() < f64::EPSILON)
        }
    }
}

fn number(expr: &Expr) -> Option<f64> {
    match expr.bare() {
        Expr::Number(text) => text.replace('_', "").parse().ok(),
        Expr::Op(operator, args) if operator == "-" && args.len() == 1 => {
            number(&args[0]).map(|value| -value)
        }
        _ => None,
    }
}
