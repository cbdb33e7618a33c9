//! The server's own grammar, of PostgreSQL 18, whatever the target's version.
//!
//! Only this file knows who provides it. What it gives is a tree that is deep where the statement is;
//! so whether a statement is right is asked without making the tree, and the tree is made for the
//! beginnings of statements that need it.

use pg_query::protobuf::node::Node;

use crate::lexer::tokens;

/// A statement that the grammar refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// In the server's words.
    pub(crate) message: String,
    /// The byte of the statement at which it stops making sense.
    pub(crate) at: usize,
}

/// Whether the text is one statement, as the server reads it.
pub(crate) fn check(text: &str) -> Result<(), Refused> {
    match message(text) {
        None => Ok(()),
        Some(message) => Err(Refused { at: place(text, &message), message }),
    }
}

/// What is wrong with the text, if anything is.
fn message(text: &str) -> Option<String> {
    if let Some(at) = text.find('\0') {
        return Some(format!("a character that no text of the server can hold (NUL, byte {at})"));
    }
    match pg_query::split_with_parser(text) {
        Ok(statements) if statements.len() > 1 => Some("two statements without a semicolon".to_owned()),
        Ok(_) => None,
        Err(pg_query::Error::Split(message)) => Some(message),
        Err(error) => Some(error.to_string()),
    }
}

const NEAR: &str = " at or near \"";

/// Where the text stops making sense. The grammar names the token and not its place: of all places
/// where that token stands, it is the first one up to which the text is wrong already.
fn place(text: &str, message: &str) -> usize {
    if message.ends_with("at end of input") {
        return text.trim_end().len();
    }
    if message.contains("(NUL, byte ") {
        return text.find('\0').unwrap_or_default();
    }
    let Some(near) = message.split_once(NEAR).and_then(|(_, rest)| rest.strip_suffix('"')) else { return 0 };
    if message.starts_with("unterminated")
        && let Some(open) = tokens(text).find(|token| token.unclosed)
    {
        return open.start;
    }
    let all: Vec<_> = tokens(text).filter(|token| text[token.start..].starts_with(near)).collect();
    let is_wrong = |end: usize| self::message(&text[..end]).is_some_and(|found| found == message);
    let index = all.partition_point(|token| !is_wrong(token.end));
    all.get(index).or(all.last()).map_or(0, |token| token.start)
}

/// The tree of a statement that was checked; nothing where it is deeper than trees may be.
pub(crate) fn tree(text: &str) -> Option<Node> {
    let parsed = pg_query::parse(text, 0).ok()?;
    parsed.protobuf.stmts.into_iter().next()?.stmt?.node
}

/// What a text is that may be anything.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// No statement: white space, comments.
    Nothing,
    /// One statement.
    Tree(Box<Node>),
    /// One statement, deeper than trees may be.
    TooDeep,
}

/// Parses once where the text is one statement. The decoder of trees goes down a hundred levels and
/// the parser itself some thousands; a statement that goes further may still be right.
pub(crate) fn parse(text: &str) -> Result<Parsed, Refused> {
    let Ok(parsed) = pg_query::parse(text, 0) else { return check(text).map(|()| Parsed::TooDeep) };
    let mut statements = parsed.protobuf.stmts.into_iter();
    let first = statements.next().and_then(|statement| statement.stmt?.node);
    if statements.next().is_some() {
        check(text)?;
    }
    Ok(first.map_or(Parsed::Nothing, |node| Parsed::Tree(Box::new(node))))
}
