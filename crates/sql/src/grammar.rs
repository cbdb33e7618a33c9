//! What the server's grammar says of one statement.
//!
//! Only this file asks it. A tree is deep where the statement is, so whether a statement is right is
//! asked without making one.

use pg_query::protobuf::node::Node;
use switchback_grammar::Refused;

use crate::statement::Mistake;

/// Whether the text is one statement, as the server reads it.
pub(crate) fn check(text: &str) -> Result<(), Mistake> {
    match switchback_grammar::count(text) {
        Ok(0 | 1) => Ok(()),
        Ok(_) => Err(two()),
        Err(refused) => Err(mistake(text, refused)),
    }
}

fn two() -> Mistake {
    Mistake { message: "two statements without a semicolon".to_owned(), at: 0 }
}

/// Where the server does not say it, a text stops making sense at its end.
fn mistake(text: &str, refused: Refused) -> Mistake {
    let end = text.trim_end().len();
    Mistake { message: refused.message, at: refused.at.unwrap_or(end).min(end) }
}

/// The tree of a statement that was checked; nothing where it is deeper than trees may be.
pub(crate) fn tree(text: &str) -> Option<Node> {
    switchback_grammar::parse(text).ok()??.into_iter().next()?.node
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

/// Parses once where the text is one statement.
pub(crate) fn parse(text: &str) -> Result<Parsed, Mistake> {
    let parsed = switchback_grammar::parse(text).map_err(|refused| mistake(text, refused))?;
    let Some(mut trees) = parsed else { return check(text).map(|()| Parsed::TooDeep) };
    match trees.len() {
        0 | 1 => Ok(trees
            .pop()
            .and_then(|tree| tree.node)
            .map_or(Parsed::Nothing, |node| Parsed::Tree(Box::new(node)))),
        _ => Err(two()),
    }
}
