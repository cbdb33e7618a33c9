//! Values of Python as expressions of SQL.

use switchback_sql::Relation;
use switchback_sql::ast::{Expr, Key, Query, Stmt};
use switchback_sql::read::read;

use super::text::{Text, bind};
use super::value::{Object, Value};
use super::{dml, types};

/// Nothing is known of it.
pub(super) fn nothing() -> Expr {
    Expr::Other(Vec::new())
}

/// An expression that is written as SQL.
pub(super) fn sql(text: &Text) -> Expr {
    let Ok(Stmt::Select(query)) = read(&format!("select {}", bind(text).text)) else { return nothing() };
    let Query { mut columns, .. } = *query;
    if columns.len() == 1 { columns.remove(0).1 } else { nothing() }
}

/// Part of an index' key that is written as SQL.
fn key_of_sql(text: &Text) -> (Key, bool) {
    let statement = format!("create index on t ({})", bind(text).text);
    match read(&statement) {
        Ok(Stmt::CreateIndex(mut index)) if index.keys.len() == 1 => (index.keys.remove(0), index.special),
        _ => (Key::Expr(nothing()), false),
    }
}

/// A part of an index' key, and whether it has an order, a collation or an operator class of its own.
pub(super) fn key(value: &Value) -> (Key, bool) {
    let unknown = || (Key::Expr(nothing()), false);
    match value {
        Value::Text(text) => (Key::Column(text.text.clone()), false),
        Value::Object(object) if matches!(&*object.name, "text" | "literal_column") => {
            object.args.first().and_then(Value::as_text).map_or_else(unknown, key_of_sql)
        }
        Value::Object(object) if is_order(&object.name) => {
            let inner = object.receiver.as_ref().filter(|inner| inner.as_object().is_some());
            let (part, special) = inner.or(object.args.first()).map_or_else(unknown, key);
            (part, special || &*object.name != "asc")
        }
        _ => match read_value(value) {
            Expr::Column(mut path) => path.pop().map_or_else(unknown, |name| (Key::Column(name), false)),
            expr => (Key::Expr(expr), false),
        },
    }
}

fn is_order(name: &str) -> bool {
    matches!(name, "desc" | "asc" | "nulls_first" | "nulls_last" | "nullsfirst" | "nullslast")
}

/// A condition, or a default that is not a plain text: texts are SQL.
pub(super) fn condition(value: &Value) -> Expr {
    match value {
        Value::Text(text) => sql(text),
        _ => read_value(value),
    }
}

/// A value of Python, or an expression of SQLAlchemy's.
pub(super) fn read_value(value: &Value) -> Expr {
    match value {
        Value::None => Expr::Null,
        Value::Bool(bool) => Expr::Bool(*bool),
        Value::Number(number) => signed(number),
        Value::Text(text) => Expr::Text(text.text.clone()),
        Value::Object(object) => of_object(object),
        Value::Name(name) => constant(name.rsplit('.').next().unwrap_or_default()),
        _ => nothing(),
    }
}

fn signed(number: &str) -> Expr {
    match number.strip_prefix('-') {
        Some(digits) => Expr::Op("-".into(), vec![Expr::Number(digits.into())]),
        None => Expr::Number(number.into()),
    }
}

fn constant(name: &str) -> Expr {
    match name {
        "true" => Expr::Bool(true),
        "false" => Expr::Bool(false),
        "null" => Expr::Null,
        _ => nothing(),
    }
}

fn of_object(object: &Object) -> Expr {
    let args = || object.args.iter().map(read_value).collect::<Vec<_>>();
    let first = object.args.first();
    let named = |name: &str| Expr::Call { name: Relation::named(name), args: args() };
    if object.attribute {
        return column(object);
    }
    match &*object.name {
        "text" | "literal_column" | "DefaultClause" | "quoted_name"
            if first.is_some_and(|one| one.as_text().is_some()) =>
        {
            first.and_then(Value::as_text).map_or_else(nothing, sql)
        }
        "column" | "Column" => {
            let name = first.and_then(Value::as_text).map(|text| text.text.clone());
            name.map_or_else(nothing, |name| Expr::Column(vec![name]))
        }
        "literal" | "bindparam" | "label" | "self_group" => first.map_or_else(nothing, read_value),
        "true" | "false" | "null" if object.args.is_empty() => constant(&object.name),
        "cast" | "type_coerce" => cast(object),
        "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in" | "is" | "is not" => comparison(object),
        "and_" | "&" => Expr::Op("and".into(), args()),
        "or_" | "|" => Expr::Op("or".into(), args()),
        "not_" | "~" => Expr::Op("not".into(), args()),
        "+" | "-" | "*" | "/" | "%" => Expr::Op((*object.name).to_owned(), args()),
        "is_" | "isnot" | "is_not" | "in_" | "notin_" | "not_in" | "like" | "ilike" | "between" => {
            method(object)
        }
        name if object.callee.contains("func.") || object.receiver.as_ref().is_some_and(is_func) => {
            function(name, &named)
        }
        _ => nothing(),
    }
}

fn is_func(value: &Value) -> bool {
    matches!(value, Value::Name(name) if name.ends_with("func"))
}

fn function(name: &str, named: &dyn Fn(&str) -> Expr) -> Expr {
    named(&name.to_lowercase())
}

/// `table.c.name`, `Model.name`.
fn column(object: &Object) -> Expr {
    let table = object.receiver.as_ref().and_then(|receiver| match receiver {
        Value::Object(inner) if matches!(&*inner.name, "c" | "columns") => {
            inner.receiver.as_ref().and_then(dml::table)
        }
        other => dml::table(other),
    });
    match table {
        Some(table) => {
            Expr::Column(table.schema.into_iter().chain([table.name, (*object.name).to_owned()]).collect())
        }
        None => nothing(),
    }
}

fn cast(object: &Object) -> Expr {
    let (value, of) = match &object.receiver {
        Some(receiver @ Value::Object(_)) => (Some(receiver), object.args.first()),
        _ => (object.args.first(), object.args.get(1)),
    };
    match (value, of) {
        (Some(value), Some(of)) => Expr::Cast(Box::new(read_value(value)), types::read(of).of),
        _ => nothing(),
    }
}

fn comparison(object: &Object) -> Expr {
    let [left, right] = object.args.as_slice() else { return nothing() };
    let (left, sign) = (read_value(left), &*object.name);
    match (sign, right) {
        ("==" | "is", Value::None) => Expr::IsNull(Box::new(left)),
        ("!=" | "is not", Value::None) => Expr::IsNotNull(Box::new(left)),
        ("==", _) => Expr::Op("=".into(), vec![left, read_value(right)]),
        ("!=", _) => Expr::Op("<>".into(), vec![left, read_value(right)]),
        ("<" | "<=" | ">" | ">=", _) => Expr::Op(sign.into(), vec![left, read_value(right)]),
        _ => nothing(),
    }
}

/// Operators that are written as methods of a column.
fn method(object: &Object) -> Expr {
    let Some(left) = object.receiver.as_ref().map(read_value) else { return nothing() };
    let right = object.args.first();
    match (&*object.name, right) {
        ("is_", Some(Value::None)) => Expr::IsNull(Box::new(left)),
        ("isnot" | "is_not", Some(Value::None)) => Expr::IsNotNull(Box::new(left)),
        ("is_", Some(value)) => Expr::Op(format!("is {}", value.class()), vec![left]),
        ("in_", Some(list)) => in_list(left, list),
        ("notin_" | "not_in", Some(list)) => Expr::Op("not".into(), vec![in_list(left, list)]),
        (name @ ("like" | "ilike"), Some(value)) => Expr::Op(name.into(), vec![left, read_value(value)]),
        ("between", Some(from)) => {
            let to = object.args.get(1).map_or_else(nothing, read_value);
            Expr::Op("between".into(), vec![left, read_value(from), to])
        }
        _ => nothing(),
    }
}

fn in_list(left: Expr, list: &Value) -> Expr {
    match list {
        Value::List(list) => {
            Expr::Op("in".into(), std::iter::once(left).chain(list.items.iter().map(read_value)).collect())
        }
        _ => match dml::query(list) {
            Some(query) => Expr::InQuery(Box::new(left), Box::new(query)),
            None => Expr::Op("in".into(), vec![left, nothing()]),
        },
    }
}
