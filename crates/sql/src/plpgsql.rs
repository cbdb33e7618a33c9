//! The SQL statements that stand in a body of PL/pgSQL.
//!
//! Control words are stepped over, not understood: which branch runs is known when it runs, and a
//! statement in any of them may (manual, 43.5 and 43.6). Any text is taken; what makes no sense gives
//! no statements.

use crate::lexer::{Kind, Token, tokens};

#[cfg(test)]
mod tests;

/// A statement in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embedded {
    /// Its text as SQL, without the semicolon. Byte for byte as long as it stands in the body: `PERFORM`
    /// is `SELECT`, and `INTO` with its variables is white space. Nothing where it is put together while
    /// it runs.
    pub text: Option<String>,
    /// The byte of the body at which the text begins; without a text, that of `EXECUTE`.
    pub at: usize,
    /// It is given to `EXECUTE` as a text. Where quotes are doubled in that, places behind the first of
    /// them are too small.
    pub dynamic: bool,
}

/// The statements in the body of a function, a procedure or a `DO`, in the order in which they stand.
pub fn statements(body: &str) -> Vec<Embedded> {
    let tokens = tokens(body).filter(|token| !token.is_comment()).collect();
    let mut reader = Reader { body, tokens, next: 0, found: Vec::new() };
    while reader.next < reader.tokens.len() {
        reader.step();
    }
    reader.found
}

/// Words that begin a statement of SQL, and none of PL/pgSQL.
const VERBS: &[&str] = &[
    "alter",
    "analyze",
    "call",
    "cluster",
    "comment",
    "commit",
    "copy",
    "create",
    "delete",
    "discard",
    "do",
    "drop",
    "explain",
    "grant",
    "import",
    "insert",
    "listen",
    "lock",
    "merge",
    "notify",
    "reassign",
    "refresh",
    "reindex",
    "reset",
    "revoke",
    "rollback",
    "savepoint",
    "security",
    "select",
    "set",
    "truncate",
    "update",
    "vacuum",
    "values",
    "with",
];

struct Reader<'t> {
    body: &'t str,
    tokens: Vec<Token>,
    next: usize,
    found: Vec<Embedded>,
}

impl Reader<'_> {
    /// Takes what begins at the next token.
    fn step(&mut self) {
        let word = self.word(self.next);
        if self.is_assignment() {
            return self.skip_to(";");
        }
        match word.as_str() {
            "begin" | "else" | "loop" | "exception" => self.next += 1,
            "declare" => self.declarations(),
            "if" | "elsif" | "elseif" | "when" => self.skip_to("then"),
            "case" => self.selector(),
            "while" => self.skip_to("loop"),
            "for" | "foreach" => self.iteration(),
            "return" if self.word(self.next + 1) == "query" => self.rest(2),
            "open" => self.opened(),
            "perform" | "execute" => self.rest(0),
            verb if VERBS.contains(&verb) => self.rest(0),
            _ if self.is(self.next, "<<") => self.skip_to(">>"),
            _ => self.skip_to(";"),
        }
    }

    /// A word in lower case; empty for anything else.
    fn word(&self, index: usize) -> String {
        match self.tokens.get(index) {
            Some(token) if token.kind == Kind::Word => token.of(self.body).to_ascii_lowercase(),
            _ => String::new(),
        }
    }

    fn is(&self, index: usize, text: &str) -> bool {
        self.tokens.get(index).is_some_and(|token| token.of(self.body).eq_ignore_ascii_case(text))
    }

    /// A variable may have the name of a verb.
    fn is_assignment(&self) -> bool {
        [":=", "=", ".", "["].iter().any(|mark| self.is(self.next + 1, mark))
    }

    /// Behind the next `wanted` that stands in no brackets and in no `CASE` of an expression, or behind
    /// a semicolon before that.
    fn skip_to(&mut self, wanted: &str) {
        self.next = self.find(self.next + 1, wanted) + 1;
    }

    /// The index of the next `wanted`, as [`Self::skip_to`] looks for it.
    fn find(&self, from: usize, wanted: &str) -> usize {
        let (mut brackets, mut cases) = (0_usize, 0_usize);
        for index in from..self.tokens.len() {
            let free = brackets == 0 && cases == 0;
            if free && (self.is(index, wanted) || self.is(index, ";")) {
                return index;
            }
            match self.word(index).as_str() {
                "case" => cases += 1,
                "end" => cases = cases.saturating_sub(1),
                _ if self.is(index, "(") => brackets += 1,
                _ if self.is(index, ")") => brackets = brackets.saturating_sub(1),
                _ => {}
            }
        }
        self.tokens.len()
    }

    /// `DECLARE`, up to the `BEGIN` behind it.
    fn declarations(&mut self) {
        self.next += 1;
        while self.next < self.tokens.len() && !self.is(self.next, "begin") {
            self.next = self.find(self.next, ";") + 1;
        }
    }

    /// `CASE x`, up to its first `WHEN`.
    fn selector(&mut self) {
        self.next = self.find(self.next + 1, "when");
    }

    /// `FOR x IN query LOOP`; of numbers and arrays there is nothing to take.
    fn iteration(&mut self) {
        let query = self.find(self.next + 1, "in") + 1;
        let end = self.find(query.min(self.tokens.len()), "loop");
        self.take_query(query, end);
        self.next = end + 1;
    }

    /// `OPEN cursor FOR query`.
    fn opened(&mut self) {
        let end = self.find(self.next + 1, ";");
        let query = self.find(self.next + 1, "for") + 1;
        self.take_query(query, end);
        self.next = end + 1;
    }

    fn take_query(&mut self, from: usize, end: usize) {
        let word = self.word(from);
        if from < end && (word == "execute" || VERBS.contains(&word.as_str())) {
            self.take(from, end);
        }
    }

    /// A statement up to its semicolon, behind so many words of PL/pgSQL.
    fn rest(&mut self, skipped: usize) {
        let end = self.end_of_statement(self.next);
        self.take(self.next + skipped, end);
        self.next = end + 1;
    }

    /// A `CASE` that is no expression can't stand in SQL, so only brackets count here.
    fn end_of_statement(&self, from: usize) -> usize {
        let mut brackets = 0_usize;
        for index in from..self.tokens.len() {
            match self.tokens[index].of(self.body) {
                "(" => brackets += 1,
                ")" => brackets = brackets.saturating_sub(1),
                ";" if brackets == 0 => return index,
                _ => {}
            }
        }
        self.tokens.len()
    }

    fn take(&mut self, from: usize, end: usize) {
        if from >= end {
            return;
        }
        let found = if self.is(from, "execute") { self.dynamic(from, end) } else { self.plain(from, end) };
        self.found.push(found);
    }

    fn plain(&self, from: usize, end: usize) -> Embedded {
        let at = self.tokens[from].start;
        let mut text = self.body[at..self.tokens[end - 1].end].to_owned();
        if self.is(from, "perform") {
            text.replace_range(.."perform".len(), "SELECT ");
        }
        if let Some((start, end)) = self.variables(from, end) {
            text.replace_range(start - at..end - at, &" ".repeat(end - start));
        }
        Embedded { text: Some(text), at, dynamic: false }
    }

    /// The bytes of `INTO` with its variables. What is inserted or merged into is no variable.
    fn variables(&self, from: usize, end: usize) -> Option<(usize, usize)> {
        let queries = ["select", "with", "values", "insert", "update", "delete", "merge", "perform"];
        if !queries.contains(&self.word(from).as_str()) {
            return None;
        }
        let into = (from + 1..end).find(|index| {
            let before = self.word(index - 1);
            self.word(*index) == "into" && !matches!(before.as_str(), "insert" | "merge")
        })?;
        let mut last = into + 1 + usize::from(self.word(into + 1) == "strict");
        while last + 1 < end && [".", ","].iter().any(|mark| self.is(last + 1, mark)) {
            last += 2;
        }
        Some((self.tokens[into].start, self.tokens.get(last.min(end - 1))?.end))
    }

    /// `EXECUTE expression [INTO …] [USING …]`.
    fn dynamic(&self, from: usize, end: usize) -> Embedded {
        let words = ["into", "using"].map(|word| self.find(from + 1, word));
        let end = words.into_iter().fold(end, usize::min);
        let literal = match self.tokens.get(from + 1..end) {
            Some([literal]) => value(literal, self.body),
            _ => None,
        };
        let execute = self.tokens[from].start;
        let (text, at) = literal.map_or((None, execute), |(text, at)| (Some(text), at));
        Embedded { text, at, dynamic: true }
    }
}

/// The text of a literal and the byte at which it begins; nothing where it is written with escapes or
/// in several parts.
fn value(literal: &Token, body: &str) -> Option<(String, usize)> {
    let inside = literal.inside(body);
    let at = inside.as_ptr().addr() - body.as_ptr().addr();
    let text = inside.replace("''", "'");
    let quotes = inside.matches('\'').count();
    let whole = quotes == 2 * (inside.len() - text.len());
    match literal.kind {
        Kind::DollarText => Some((inside.to_owned(), at)),
        Kind::Text if whole => Some((text, at)),
        Kind::EscapeText if whole && !inside.contains('\\') => Some((text, at)),
        _ => None,
    }
}
