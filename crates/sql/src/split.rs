//! A script cut into its statements, as `psql` would send them.
//!
//! Pieces have no gap between them: together they are the text. What `psql` alone understands is a
//! piece too, so that it can be refused with its place: a backslash command, the data of a `COPY`.
//! One pass, no recursion, and no text that it can't cut.

use std::ops::Range;

use crate::lexer::{Kind, Token, tokens};

#[cfg(test)]
mod tests;

/// One piece of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What it is.
    pub kind: PieceKind,
    /// All of it: white space and comments before the statement, its semicolon, its data.
    pub whole: Range<usize>,
    /// The statement alone: from its first token to its last one, without the semicolon. Empty, at the
    /// end of the piece, where there is none.
    pub statement: Range<usize>,
}

/// What a piece is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PieceKind {
    /// A statement.
    Statement,
    /// `COPY … FROM stdin`, and its data.
    Copy {
        /// The lines of data, without the one that ends them.
        data: Range<usize>,
        /// Whether a line `\.` ends them. If not, they go to the end of the text.
        ended: bool,
        /// What stands behind the semicolon in its line and is no comment: `psql` would run it after
        /// the data.
        behind: Option<usize>,
    },
    /// It holds a backslash command of `psql`.
    Command {
        /// The backslash.
        at: usize,
    },
    /// White space, comments, a lone semicolon.
    Blank,
}

impl Piece {
    /// Its statement.
    pub fn text<'t>(&self, script: &'t str) -> &'t str {
        &script[self.statement.clone()]
    }

    /// What stands before its statement: white space and comments.
    pub fn before<'t>(&self, script: &'t str) -> &'t str {
        &script[self.whole.start..self.statement.start]
    }
}

/// The pieces of a script, in their order.
pub fn split(script: &str) -> impl Iterator<Item = Piece> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let piece = (start < script.len()).then(|| next(script, start))?;
        start = piece.whole.end;
        Some(piece)
    })
}

/// The piece that begins at byte `start`.
fn next(script: &str, start: usize) -> Piece {
    let mut reading = Reading::default();
    for token in tokens(&script[start..]) {
        let token = Token { start: token.start + start, end: token.end + start, ..token };
        if token.is_comment() {
            continue;
        }
        if token.kind == Kind::Other && is_command(script, token.start) {
            return command(script, start, &reading, token.start);
        }
        if token.kind == Kind::Mark && token.of(script) == ";" && reading.is_outside() {
            return ended(script, start, &reading, token);
        }
        reading.take(script, token);
    }
    let end = script.len();
    let statement = reading.span.unwrap_or(end..end);
    let kind = if statement.is_empty() { PieceKind::Blank } else { PieceKind::Statement };
    Piece { kind, whole: start..end, statement }
}

/// A backslash means nothing to the server; before a letter, or one of these, it is `psql`'s.
fn is_command(script: &str, at: usize) -> bool {
    let mut rest = script[at..].chars();
    rest.next() == Some('\\') && rest.next().is_some_and(|c| c.is_ascii_alphabetic() || "!?.;".contains(c))
}

/// A command goes to the end of its line, and ends what stood before it.
fn command(script: &str, start: usize, reading: &Reading<'_>, at: usize) -> Piece {
    let end = line_end(script, at);
    let first = reading.span.as_ref().map_or(at, |span| span.start);
    Piece { kind: PieceKind::Command { at }, whole: start..end, statement: first..end }
}

fn ended(script: &str, start: usize, reading: &Reading<'_>, semicolon: Token) -> Piece {
    let Some(statement) = reading.span.clone() else {
        let end = semicolon.end;
        return Piece { kind: PieceKind::Blank, whole: start..end, statement: end..end };
    };
    if !reading.copies() {
        return Piece { kind: PieceKind::Statement, whole: start..semicolon.end, statement };
    }
    let from = line_end(script, semicolon.end);
    let (data, end) = data(script, from);
    let mut behind = tokens(&script[semicolon.end..from]).filter(|token| !token.is_comment());
    let behind = behind.next().map(|token| semicolon.end + token.start);
    let kind = PieceKind::Copy { ended: end.is_some(), data: data.clone(), behind };
    Piece { kind, whole: start..end.unwrap_or(data.end), statement }
}

/// The lines from `from` on up to one that is `\.`, and where that one ends.
fn data(script: &str, from: usize) -> (Range<usize>, Option<usize>) {
    let mut at = from;
    while at < script.len() {
        let next = line_end(script, at);
        if script[at..next].trim_end_matches(['\n', '\r']) == "\\." {
            return (from..at, Some(next));
        }
        at = next;
    }
    (from..script.len(), None)
}

/// The place behind the end of the line.
fn line_end(script: &str, at: usize) -> usize {
    script[at..].find('\n').map_or(script.len(), |end| at + end + 1)
}

/// What is known of a statement while it is read.
#[derive(Default)]
struct Reading<'t> {
    span: Option<Range<usize>>,
    /// How many tokens there were.
    count: usize,
    /// Its first words; a longer beginning tells nothing more.
    words: Vec<&'t str>,
    /// The word before.
    last: &'t str,
    parentheses: usize,
    /// `BEGIN ATOMIC` and `CASE` that were not ended yet.
    blocks: usize,
    from_stdin: bool,
}

/// `create or replace function` are the most words that decide something.
const BEGINNING: usize = 4;

impl<'t> Reading<'t> {
    /// Whether a semicolon ends the statement here.
    fn is_outside(&self) -> bool {
        self.blocks == 0 && (self.parentheses == 0 || !self.is_rule())
    }

    /// The actions of a rule stand in parentheses, with semicolons between them.
    fn is_rule(&self) -> bool {
        self.creates(&["rule"])
    }

    fn is_routine(&self) -> bool {
        self.creates(&["function", "procedure"])
    }

    fn creates(&self, what: &[&str]) -> bool {
        let begins = |words: &[&str]| {
            words.len() <= self.words.len() && words.iter().zip(&self.words).all(|(word, own)| is(own, word))
        };
        what.iter().any(|word| begins(&["create", word]) || begins(&["create", "or", "replace", word]))
    }

    fn copies(&self) -> bool {
        self.from_stdin && self.words.first().is_some_and(|word| is(word, "copy"))
    }

    fn take(&mut self, script: &'t str, token: Token) {
        let start = self.span.as_ref().map_or(token.start, |span| span.start);
        self.span = Some(start..token.end);
        self.count += 1;
        match token.kind {
            Kind::Mark => self.mark(token.of(script)),
            Kind::Word => return self.word(token.of(script)),
            _ => {}
        }
        self.last = "";
    }

    fn mark(&mut self, mark: &str) {
        match mark {
            "(" => self.parentheses += 1,
            ")" => self.parentheses = self.parentheses.saturating_sub(1),
            _ => {}
        }
    }

    fn word(&mut self, word: &'t str) {
        let body = is(word, "atomic") && is(self.last, "begin") && self.is_routine();
        if body || (is(word, "case") && self.blocks > 0) {
            self.blocks += 1;
        } else if is(word, "end") && self.blocks > 0 {
            self.blocks -= 1;
        } else if is(word, "stdin") && is(self.last, "from") && self.parentheses == 0 {
            self.from_stdin = true;
        }
        if self.count <= BEGINNING {
            self.words.push(word);
        }
        self.last = word;
    }
}

fn is(word: &str, keyword: &str) -> bool {
    word.eq_ignore_ascii_case(keyword)
}
