//! Statements that SQLAlchemy's objects make: `update(t).values(…)`, `t.delete()`, `insert(t)`.

use std::rc::Rc;

use switchback_sql::Relation;
use switchback_sql::ast::{Expr, Query, Stmt};

use super::expression::{condition, nothing, read_value};
use super::value::{Object, Value};

/// The table that a value stands for: `sa.table("t")`, `op.create_table("t", …)`, a model of the file.
pub(super) fn table(value: &Value) -> Option<Relation> {
    match value {
        Value::Class(class) => {
            let name = class.members.iter().find(|(name, _)| name == "__tablename__")?;
            Some(Relation::named(&name.1.as_text()?.text))
        }
        Value::Object(object) if object.attribute && &*object.name == "__table__" => {
            table(object.receiver.as_ref()?)
        }
        Value::Object(object)
            if matches!(&*object.name, "table" | "Table" | "create_table" | "TableClause") =>
        {
            let name = object.arg(0, "name").or(object.named("table_name"))?.as_text()?;
            let schema = object.named("schema").and_then(Value::as_text).map(|text| text.text.clone());
            Some(Relation { schema, name: name.text.clone() })
        }
        _ => None,
    }
}

/// What a chain begins with: `update`, `delete`, `insert`, `select`, and on what.
fn beginning(object: &Rc<Object>) -> Option<(Rc<Object>, Option<Relation>)> {
    let mut here = object.clone();
    loop {
        if !here.attribute && matches!(&*here.name, "update" | "delete" | "insert" | "select") {
            let of = match &here.receiver {
                Some(receiver) if table(receiver).is_some() => table(receiver),
                Some(_) => None,
                None => here.args.first().and_then(table),
            };
            let begins = here.receiver.is_none() || of.is_some();
            return begins.then_some((here, of));
        }
        let before = here.receiver.as_ref()?.as_object()?.clone();
        here = before;
    }
}

/// The methods of a chain, from its end.
fn chain(object: &Rc<Object>) -> impl Iterator<Item = Rc<Object>> {
    std::iter::successors(Some(object.clone()), |here| here.receiver.as_ref()?.as_object().cloned())
}

/// All conditions of a chain, as SQLAlchemy puts them together.
fn filter(object: &Rc<Object>) -> Option<Expr> {
    let mut all = Vec::new();
    for method in chain(object) {
        if matches!(&*method.name, "where" | "filter") {
            all.extend(method.args.iter().rev().map(condition));
        }
        if &*method.name == "filter_by" {
            let equal = |(name, value): &(Rc<str>, Value)| {
                Expr::Op("=".into(), vec![Expr::Column(vec![name.to_string()]), read_value(value)])
            };
            all.extend(method.named.iter().rev().map(equal));
        }
        // Before SQLAlchemy 2 the first argument behind the table was the condition.
        if matches!(&*method.name, "update" | "delete") && method.receiver.is_none() {
            all.extend(method.args.get(1).or(method.named("whereclause")).map(condition));
        }
    }
    all.reverse();
    match all.len() {
        0 | 1 => all.pop(),
        _ => Some(Expr::Op("and".into(), all)),
    }
}

/// Columns that get values.
fn assignments(object: &Rc<Object>) -> Vec<(String, Expr)> {
    let mut all = Vec::new();
    for method in chain(object).filter(|method| &*method.name == "values") {
        all.extend(method.named.iter().map(|(name, value)| (name.to_string(), read_value(value))));
        for arg in &method.args {
            let Value::Dict(dict) = arg else { continue };
            all.extend(dict.pairs.iter().filter_map(|(key, value)| Some((column(key)?, read_value(value)))));
        }
    }
    all
}

/// The name of a column, as a text or as an object.
fn column(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.text.clone()),
        value => match read_value(value) {
            Expr::Column(mut path) => path.pop(),
            _ => None,
        },
    }
}

/// A query that an object makes; what it reads is known as far as tables are named in it.
pub(super) fn query(value: &Value) -> Option<Query> {
    let object = value.as_object()?;
    let (begin, _) = beginning(object)?;
    if &*begin.name != "select" {
        return None;
    }
    let mut query = Query { filter: filter(object), ..Query::default() };
    let listed = begin.args.iter().flat_map(|arg| arg.items().unwrap_or(std::slice::from_ref(arg)));
    for arg in listed.chain(
        chain(object)
            .filter(|method| &*method.name == "select_from")
            .flat_map(|m| m.args.clone())
            .collect::<Vec<_>>()
            .iter(),
    ) {
        let of = table(arg).or_else(|| source(arg));
        query.tables.extend(of.filter(|of| !query.tables.contains(of)));
    }
    query.columns = begin.args.iter().map(|arg| (None, read_value(arg))).collect();
    query.limited = chain(object).any(|method| &*method.name == "limit");
    query.locking = chain(object).any(|method| &*method.name == "with_for_update");
    Some(query)
}

/// The table of a column: `t.c.id`.
fn source(value: &Value) -> Option<Relation> {
    let object = value.as_object()?;
    chain(object).find_map(|part| part.receiver.as_ref().and_then(table))
}

/// The statement that an object makes, and whether all of it can be seen.
pub(super) fn statement(value: &Value) -> Option<(Stmt, bool)> {
    let object = value.as_object()?;
    if let Some(query) = query(value) {
        return Some((Stmt::Select(Box::new(query)), false));
    }
    let (begin, of) = beginning(object)?;
    let known = of.is_some();
    let table = of.unwrap_or_else(|| {
        Relation::named(&super::text::stand_in(begin.args.first().map_or("", Value::called)))
    });
    let stmt = match &*begin.name {
        "update" => Stmt::Update {
            table,
            assignments: assignments(object),
            reads: Vec::new(),
            writes: Vec::new(),
            filter: filter(object),
        },
        "delete" => Stmt::Delete { table, reads: Vec::new(), writes: Vec::new(), filter: filter(object) },
        "insert" => insert(table, object),
        _ => return None,
    };
    Some((stmt, known))
}

fn insert(table: Relation, object: &Rc<Object>) -> Stmt {
    let from = chain(object).find(|method| &*method.name == "from_select");
    let on_conflict = chain(object).any(|method| method.name.starts_with("on_conflict"));
    let (columns, source) = match from {
        Some(from) => {
            let columns = from.args.first().and_then(Value::items).unwrap_or_default();
            (
                columns.iter().filter_map(column).collect(),
                from.args.get(1).and_then(query).unwrap_or_default(),
            )
        }
        None => {
            let (columns, values) = assignments(object).into_iter().unzip();
            (columns, Query { constant: true, others: values, ..Query::default() })
        }
    };
    Stmt::Insert { table, columns, source: Some(Box::new(source)), on_conflict }
}

/// `op.bulk_insert(table, rows)`: one statement with all rows.
pub(super) fn bulk(of: Relation, rows: Option<&Value>) -> Stmt {
    let first = rows.and_then(Value::items).and_then(|rows| rows.first());
    let columns = match first {
        Some(Value::Dict(dict)) => dict.pairs.iter().filter_map(|(key, _)| column(key)).collect(),
        _ => Vec::new(),
    };
    let query = Query { constant: true, others: vec![nothing()], ..Query::default() };
    Stmt::Insert { table: of, columns, source: Some(Box::new(query)), on_conflict: false }
}

/// `session.query(Model).filter(…).update({…})` and `.delete()`.
pub(super) fn of_session(object: &Rc<Object>) -> Option<Stmt> {
    let query = chain(object).find(|method| &*method.name == "query")?;
    let table = query.args.first().and_then(|of| table(of).or_else(|| source(of)))?;
    let filter = object.receiver.as_ref().and_then(Value::as_object).and_then(filter);
    Some(match &*object.name {
        "update" => {
            let pairs = match object.args.first() {
                Some(Value::Dict(dict)) => dict
                    .pairs
                    .iter()
                    .filter_map(|(key, value)| Some((column(key)?, read_value(value))))
                    .collect(),
                _ => Vec::new(),
            };
            Stmt::Update { table, assignments: pairs, reads: Vec::new(), writes: Vec::new(), filter }
        }
        "delete" => Stmt::Delete { table, reads: Vec::new(), writes: Vec::new(), filter },
        _ => return None,
    })
}
