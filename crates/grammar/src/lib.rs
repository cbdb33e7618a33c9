//! The server's own grammar, of PostgreSQL 18, whatever the target's version.
//!
//! `pg_query` brings the server's parser. Its own way to give a tree to Rust is to write it as
//! protobuf and to read that again, which takes five times as long as to parse. So its tree is read
//! where C made it, into the same messages ([`pg_query::protobuf`]):
//!
//! - `c` calls the parser, and holds its memory for as long as it is read;
//! - `read` says how each of C's types is read;
//! - `nodes` is the table of all nodes: their members, in C's order.
//!
//! What the table does not know is left to `pg_query`. The tests hold both against each other.

#![expect(unsafe_code, reason = "the parser is C, and its trees are read where it made them")]

mod c;
mod nodes;
mod read;

#[cfg(test)]
mod tests;

use pg_query::protobuf::Node;

/// A text that the grammar refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// In the server's words.
    pub message: String,
    /// The byte of the text at which it stops making sense, where the server says it.
    pub at: Option<usize>,
}

/// How many statements the text is, as the server reads it.
///
/// # Errors
/// [`Refused`], where it is none.
pub fn count(text: &str) -> Result<usize, Refused> {
    c::parsed(text, read::count)
}

/// The trees of the text's statements; nothing where one is deeper than a hundred levels, which is as
/// deep as whoever goes down them needs no care for the stack.
///
/// # Errors
/// [`Refused`], where the text is not SQL of the server.
pub fn parse(text: &str) -> Result<Option<Vec<Node>>, Refused> {
    let read = c::parsed(text, read::statements)?;
    Ok(read.or_else(|| through_protobuf(text)))
}

/// The same trees by `pg_query`'s own way.
fn through_protobuf(text: &str) -> Option<Vec<Node>> {
    let parsed = pg_query::parse(text, 0).ok()?;
    let statement = |raw: pg_query::protobuf::RawStmt| raw.stmt.map(|node| *node);
    Some(parsed.protobuf.stmts.into_iter().filter_map(statement).collect())
}
