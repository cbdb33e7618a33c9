//! Columns that a statement makes or gives another type, and their types' text.

use std::ops::Range;

use switchback_sql::{Kind, Token, tokens};

use crate::rule::prelude::*;

/// A column with the type that it gets.
pub(super) struct Typed<'a> {
    pub(super) table: &'a Relation,
    pub(super) name: &'a str,
    pub(super) of: &'a Type,
    /// Nothing: the column was there before.
    pub(super) column: Option<&'a Column>,
    /// The byte of the statement at which it stands.
    pub(super) at: usize,
}

/// The columns that a statement makes or gives another type; not those of temporary tables.
pub(super) fn typed<'a>(at: &At<'a>) -> Vec<Typed<'a>> {
    match at.stmt {
        Stmt::CreateTable(create) if !create.temporary && !create.foreign => {
            create.columns.iter().map(|column| of_column(&create.name, column)).collect()
        }
        Stmt::AlterTable { kind: ObjectKind::Table, table, actions, .. } => {
            if at.schema.table(table).is_some_and(|known| known.temporary) {
                return Vec::new();
            }
            actions.iter().filter_map(|action| of_action(table, action)).collect()
        }
        _ => Vec::new(),
    }
}

fn of_column<'a>(table: &'a Relation, column: &'a Column) -> Typed<'a> {
    Typed { table, name: &column.name, of: &column.of, column: Some(column), at: column.at }
}

fn of_action<'a>(table: &'a Relation, action: &'a Action) -> Option<Typed<'a>> {
    match &action.kind {
        ActionKind::AddColumn { column, .. } => Some(of_column(table, column)),
        ActionKind::AlterType { column, to, .. } => {
            Some(Typed { table, name: column, of: to, column: None, at: action.at })
        }
        _ => None,
    }
}

/// One of the server's own types.
pub(super) fn is(of: &Type, names: &[&str]) -> bool {
    of.schema.is_none() && names.contains(&of.name.as_str())
}

/// The statement with other types for columns that it makes.
pub(super) fn retyped(at: &At<'_>, wanted: &[(&Typed<'_>, &str)]) -> Option<Fix> {
    if at.embedded || wanted.is_empty() {
        return None;
    }
    let tokens: Vec<Token> = tokens(at.text).filter(|token| !token.is_comment()).collect();
    let mut text = at.text.to_owned();
    for (typed, to) in wanted.iter().rev() {
        typed.column?;
        text.replace_range(type_of(at.text, &tokens, typed.at)?, to);
    }
    // What was put together is read again before anybody is told to run it.
    switchback_sql::read::read(&text).ok()?;
    Some(Fix::new("write another type", vec![FixStep::new(text)]).changing())
}

/// Where the type stands of the column that begins at a byte.
fn type_of(text: &str, tokens: &[Token], at: usize) -> Option<Range<usize>> {
    let name = tokens.iter().position(|token| token.start >= at)?;
    let first = tokens.get(name + 1).filter(|token| token.kind == Kind::Word)?;
    let mut rest = tokens[name + 2..].iter().peekable();
    let mut end = first.end;
    while let Some(token) = rest.next() {
        let word = token.of(text).to_ascii_lowercase();
        match word.as_str() {
            "." => return None,
            "(" => end = rest.by_ref().find(|token| token.of(text) == ")")?.end,
            "varying" | "precision" => end = token.end,
            "with" | "without" => {
                rest.next().filter(|token| token.of(text).eq_ignore_ascii_case("time"))?;
                end = rest.next()?.end;
            }
            _ => break,
        }
    }
    Some(first.start..end)
}
