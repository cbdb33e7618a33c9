//! Many rows in one statement.

use crate::rule::prelude::*;
use crate::rules::safe;

pub(super) const RULE: Rule = Rule {
    code: "SR0818",
    name: "unbatched-backfill",
    severity: Severity::Warning,
    style: false,
    page: include_str!("unbatched_backfill.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    let Some((table, word)) = bulk(at).filter(|(_, word)| *word != "COPY") else { return };
    if in_batches(at) {
        return;
    }
    let (size_of, why) =
        if let (Stmt::Insert { source: Some(query), .. }, "INSERT … SELECT") = (at.stmt, word) {
            (query.tables.iter().find(|table| at.is_used(table)).unwrap_or(table), COPIES)
        } else {
            (table, CHANGES)
        };
    if at.is_new(size_of) {
        return;
    }
    let message = format!("{word} goes through `{size_of}`{} in one statement", at.size(size_of));
    let mut found = Found::new(message, why).on(size_of);
    if at.is_new(table) {
        found = found.severity(Severity::Info);
    }
    let found =
        found.help("some thousand rows at a time by the primary key, each batch committed on its own");
    out.push(at, found.fix(fix(at)));
}

const COPIES: &str = "one transaction writes them all: its snapshot keeps vacuum from cleaning up anywhere, standbys and \
                      subscribers get it in one piece, and a mistake at the end undoes everything";

const CHANGES: &str = "each row that it touched is locked until the last one is done: writers of these rows wait, vacuum \
                       can't clean up anywhere, and the table grows by all of it";

/// One column that is filled where it is null can be filled some pages at a time.
fn fix(at: &At<'_>) -> Option<Fix> {
    let Stmt::Update { table, assignments, reads, filter: Some(Expr::IsNull(null)), writes } = at.stmt else {
        return None;
    };
    let ([(column, _)], Expr::Column(path)) = (assignments.as_slice(), null.bare()) else { return None };
    let whole = reads.is_empty() && writes.is_empty() && path.last() == Some(column);
    if !whole || at.in_transaction() || safe::is_partitioned(at, table) {
        return None;
    }
    let tokens: Vec<_> = switchback_sql::tokens(at.text).filter(|token| !token.is_comment()).collect();
    // Another name for the table is not known in what is written for it.
    let set = tokens.iter().position(|token| token.of(at.text).eq_ignore_ascii_case("set"))?;
    if set != if table.schema.is_some() { 4 } else { 2 } {
        return None;
    }
    let equal = tokens.iter().find(|token| token.of(at.text) == "=")?;
    let is_where = |token: &&switchback_sql::Token| token.of(at.text).eq_ignore_ascii_case("where");
    let filter = tokens.iter().rfind(is_where)?;
    let mut behind = switchback_sql::words(at.text.get(filter.end..)?);
    let value = at.text.get(equal.end..filter.start)?.trim();
    // A comment in it would take what stands behind it along.
    let plain = !value.contains("--") && !value.contains("$$");
    let plain = plain && !behind.any(|word| word.eq_ignore_ascii_case("returning"));
    plain.then(|| Fix::new("fill it some pages at a time", vec![safe::backfill(table, column, value)]))
}

/// In a loop that commits.
fn in_batches(at: &At<'_>) -> bool {
    let body = match at.script.reads.get(at.number).and_then(Read::stmt) {
        Some(Stmt::Do { body: (body, _), .. }) if at.embedded => body,
        _ => return false,
    };
    switchback_sql::words(body).any(|word| word.eq_ignore_ascii_case("commit"))
}

/// The table whose rows are written, where there may be many, and by what.
pub(super) fn bulk<'a>(at: &At<'a>) -> Option<(&'a Relation, &'static str)> {
    // Who writes into the server's own tables has other worries than their size.
    let own = |table: &Relation| table.schema.is_none() && table.name.starts_with("pg_");
    of_stmt(at, at.stmt).filter(|(table, _)| !own(table) && !is_limited(at))
}

/// `WITH batch AS (SELECT … LIMIT …)`.
fn is_limited(at: &At<'_>) -> bool {
    let mut words = switchback_sql::words(at.text).filter(|word| !word.is_empty());
    let with = words.next().is_some_and(|word| word.eq_ignore_ascii_case("with"));
    with && words.any(|word| word.eq_ignore_ascii_case("limit") || word.eq_ignore_ascii_case("fetch"))
}

fn of_stmt<'a>(at: &At<'a>, stmt: &'a Stmt) -> Option<(&'a Relation, &'static str)> {
    let within = |writes: &'a [Stmt]| writes.iter().find_map(|write| of_stmt(at, write));
    match stmt {
        Stmt::Update { table, filter, writes, .. } => {
            if few(at, table, filter.as_ref()) {
                within(writes)
            } else {
                Some((table, "UPDATE"))
            }
        }
        Stmt::Delete { table, filter, writes, .. } => {
            if few(at, table, filter.as_ref()) {
                within(writes)
            } else {
                Some((table, "DELETE"))
            }
        }
        Stmt::Select(query) => within(&query.writes),
        Stmt::Insert { table, source: Some(query), .. } => {
            let read = query.tables.iter().find(|table| at.is_used(table));
            let short = |read| query.constant || query.limited || few(at, read, query.filter.as_ref());
            let copied = read.filter(|read| !short(read)).map(|_| (table, "INSERT … SELECT"));
            within(&query.writes).or(copied)
        }
        Stmt::Merge { table, .. } => Some((table, "MERGE")),
        Stmt::Copy { table: Some(table), from: true, .. } => Some((table, "COPY")),
        _ => None,
    }
}

/// A condition that chooses a few rows: one by its key, a range, what a LIMIT gives.
pub(super) fn few(at: &At<'_>, table: &Relation, filter: Option<&Expr>) -> bool {
    let Some(filter) = filter else { return false };
    let mut all = Vec::new();
    conjuncts(filter, &mut all);
    all.iter().any(|one| chooses(at, table, one)) || is_range(&all)
}

fn conjuncts<'e>(expr: &'e Expr, all: &mut Vec<&'e Expr>) {
    match expr {
        Expr::Op(operator, args) if operator == "and" => args.iter().for_each(|arg| conjuncts(arg, all)),
        _ => all.push(expr),
    }
}

fn chooses(at: &At<'_>, table: &Relation, expr: &Expr) -> bool {
    match expr {
        Expr::Op(operator, args) => match (operator.as_str(), args.as_slice()) {
            ("=", [column, value] | [value, column]) if value.is_constant() || one_row(value) => {
                is_key(at, table, column)
            }
            ("in" | "= any", [column, values @ ..]) if !is_place(expr) => {
                values.iter().all(|value| value.is_constant() || matches!(value.bare(), Expr::Other(_)))
                    && is_key(at, table, column)
            }
            ("between", _) => true,
            // Never true: nothing is touched.
            ("=", [one, other]) => one.is_constant() && other.is_constant() && one != other,
            _ => is_place(expr),
        },
        Expr::InQuery(_, query) => query.limited,
        Expr::Bool(false) => true,
        _ => false,
    }
}

/// A query that gives one value.
fn one_row(value: &Expr) -> bool {
    matches!(value.bare(), Expr::Query(_) | Expr::Other(_))
}

fn is_place(expr: &Expr) -> bool {
    let Expr::Op(operator, args) = expr else { return false };
    let of_row =
        |arg: &Expr| matches!(arg, Expr::Column(path) if path.last().is_some_and(|name| name == "ctid"));
    operator != "or" && args.iter().any(of_row)
}

/// `a > … AND a <= …`.
fn is_range(all: &[&Expr]) -> bool {
    let bounded = |operators: &[&str]| {
        all.iter()
            .filter_map(|one| match one {
                Expr::Op(operator, args) if operators.contains(&operator.as_str()) => match args.first() {
                    Some(Expr::Column(path)) => path.last().cloned(),
                    _ => None,
                },
                _ => None,
            })
            .collect::<Vec<String>>()
    };
    let above = bounded(&[">", ">="]);
    bounded(&["<", "<="]).iter().any(|column| above.contains(column))
}

/// The column is known to be unique, or has the name of one that is where nothing is known.
fn is_key(at: &At<'_>, table: &Relation, column: &Expr) -> bool {
    const KEYS: &[&str] = &["id", "uuid", "key", "code", "name", "slug", "version", "version_num", "email"];
    let Expr::Column(path) = column.bare() else { return false };
    let Some(column) = path.last() else { return false };
    let unique = at
        .schema
        .indexes_of(table)
        .any(|index| index.unique && matches!(index.keys.as_slice(), [Key::Column(name)] if name == column));
    let known = at.schema.table(table).is_some_and(|known| known.all_columns);
    unique || (!known && (KEYS.contains(&column.as_str()) || column.ends_with("_id")))
}
