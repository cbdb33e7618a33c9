//! From the parser's tree to ours: one file for each family of statements.
//!
//! The parser's tree is decoded to a depth of a hundred levels and no further, so that to go down it
//! needs no care for the stack.

mod actions;
mod columns;
mod expr;
mod indexes;
mod names;
mod objects;
mod place;
mod query;
mod roles;
mod routines;
mod tables;
mod transaction;
mod types;

#[cfg(test)]
mod tests;

use pg_query::protobuf::node::Node;

use crate::ast::Stmt;
use crate::grammar::{self, Parsed};
use crate::statement::Mistake;

/// Reads the text of one statement, without its semicolon. White space alone is [`Stmt::Other`].
///
/// # Errors
/// A [`Mistake`], where the server's grammar does not know it.
pub fn read(text: &str) -> Result<Stmt, Mistake> {
    match grammar::parse(text) {
        Ok(Parsed::Tree(node)) => Ok(statement(&node, text)),
        Ok(Parsed::TooDeep) => Ok(Stmt::Unread),
        Ok(Parsed::Nothing) => Ok(Stmt::Other),
        Err(mistake) => Err(mistake),
    }
}

/// The families, one after the other: each says whether a statement is one of its own.
fn statement(node: &Node, text: &str) -> Stmt {
    tables::statement(node, text)
        .or_else(|| query::statement(node))
        .or_else(|| indexes::statement(node))
        .or_else(|| objects::statement(node))
        .or_else(|| routines::statement(node, text))
        .or_else(|| roles::statement(node))
        .or_else(|| transaction::statement(node))
        .unwrap_or(Stmt::Other)
}
