//! Places in a statement that the parser's tree doesn't have: found with the lexer.

use crate::lexer::{Token, tokens};

/// Places of the parser are bytes; it has -1 for none.
pub(super) fn of(location: i32) -> usize {
    usize::try_from(location).unwrap_or_default()
}

/// Where the actions of an `ALTER TABLE` begin: behind the name that stands at `name`, and behind every
/// comma that is in no brackets. Nothing where the place of the name isn't known.
pub(super) fn actions(text: &str, name: i32) -> Vec<usize> {
    let Ok(name) = usize::try_from(name) else { return Vec::new() };
    let mut rest = code(text).skip_while(|token| token.start < name).peekable();
    rest.next();
    while rest.next_if(|token| token.of(text) == ".").is_some() {
        rest.next();
    }
    while rest.next_if(|token| matches!(token.of(text), "*" | ")")).is_some() {}
    let (mut depth, mut begins, mut found) = (0_i32, true, Vec::new());
    for token in rest {
        if begins {
            found.push(token.start);
        }
        let mark = token.of(text);
        depth += i32::from(matches!(mark, "(" | "[")) - i32::from(matches!(mark, ")" | "]"));
        begins = depth == 0 && mark == ",";
    }
    found
}

/// Where the content of the literal that has the parser's place begins: an option's place is that of
/// its word (`AS`), or that of the literal itself.
pub(super) fn body(text: &str, location: i32) -> usize {
    let from = of(location);
    let literal = code(text).find(|token| token.start >= from && token.is_text());
    literal.map_or(0, |token| content(&token, text))
}

/// The byte at which the text of a literal begins.
pub(super) fn content(token: &Token, text: &str) -> usize {
    let inside = token.inside(text);
    inside.as_ptr().addr() - text.as_ptr().addr()
}

fn code(text: &str) -> impl Iterator<Item = Token> {
    tokens(text).filter(|token| !token.is_comment())
}
