//! Python text as logical lines of tokens: just enough of the language to find assignments,
//! calls and function headers, and to never mistake a string or a comment for code.
//!
//! The rules are those of the Python reference, chapter "Lexical analysis": brackets and
//! backslashes join lines, indentation counts tabs to the next multiple of eight, and f-strings
//! may hold any quote inside their braces since Python 3.12.

use std::ops::Range;

use super::literal;

/// The most tokens kept of one logical line; a data literal may hold millions, and no line that
/// matters here comes near.
const MOST_TOKENS: usize = 65_536;

/// How deep f-strings may nest before the text is called unreadable.
const DEEPEST: usize = 32;

/// Why a text can't be read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The line, counted from one.
    pub(super) line: usize,
    /// A clause that follows the place: "the string is never closed".
    pub(super) what: String,
}

impl Fault {
    pub(super) fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier or a keyword.
    Name,
    /// A string with its prefix and quotes.
    Text,
    /// A number.
    Number,
    /// An operator, a bracket or a separator.
    Sign,
}

/// A piece of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    pub(super) line: usize,
}

impl Token<'_> {
    /// Whether this is the identifier or keyword `name`.
    pub(super) fn is_name(&self, name: &str) -> bool {
        self.kind == Kind::Name && self.text == name
    }

    /// Whether this is the operator, bracket or separator `sign`.
    pub(super) fn is_sign(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }
}

/// A logical line: one statement, or several with semicolons, or the header of a block.
#[derive(Clone, Debug, Default)]
pub(super) struct Line<'a> {
    /// Columns of white space before the first token.
    pub(super) indent: usize,
    pub(super) tokens: Vec<Token<'a>>,
    /// The line had more tokens than are kept; what stands at its end is not known.
    pub(super) cut: bool,
}

/// The logical lines of a text, one at a time.
pub(super) struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

/// All logical lines that are left, up to the first fault.
impl<'a> Iterator for Lines<'a> {
    type Item = Result<Line<'a>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.logical_line() {
            Ok(line) => line.map(Ok),
            Err(fault) => {
                self.at = self.text.len();
                Some(Err(fault))
            }
        }
    }
}

impl<'a> Lines<'a> {
    /// Reads `text`, whose line ends must be `\n`.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, line: 1 }
    }

    fn logical_line(&mut self) -> Result<Option<Line<'a>>, Fault> {
        let mut found = Line::default();
        let mut open: Vec<usize> = Vec::new();
        let mut fresh = true;
        while let Some(next) = self.peek() {
            if fresh {
                found.indent = self.indentation();
                fresh = false;
                continue;
            }
            match next {
                '\n' => {
                    self.newline();
                    if open.is_empty() {
                        if !found.tokens.is_empty() {
                            return Ok(Some(found));
                        }
                        fresh = true;
                    }
                }
                '#' => self.skip_while(|c| c != '\n'),
                '\\' => self.joined()?,
                c if c.is_whitespace() => self.at += c.len_utf8(),
                _ => self.push(&mut found, &mut open)?,
            }
        }
        match open.first() {
            Some(line) => Err(Fault::new(*line, "the bracket opened here is never closed")),
            None => Ok((!found.tokens.is_empty()).then_some(found)),
        }
    }

    fn push(&mut self, found: &mut Line<'a>, open: &mut Vec<usize>) -> Result<(), Fault> {
        let token = self.token()?;
        if token.kind == Kind::Sign {
            match token.text {
                "(" | "[" | "{" => open.push(token.line),
                ")" | "]" | "}" if open.pop().is_none() => {
                    return Err(Fault::new(token.line, format!("{:?} closes nothing", token.text)));
                }
                _ => {}
            }
        }
        if found.tokens.len() < MOST_TOKENS {
            found.tokens.push(token);
        } else {
            found.cut = true;
        }
        Ok(())
    }

    fn token(&mut self) -> Result<Token<'a>, Fault> {
        let (start, line) = (self.at, self.line);
        let kind = match self.peek() {
            Some('\'' | '"') => {
                self.string("", 0)?;
                Kind::Text
            }
            Some(c) if c.is_ascii_digit() => {
                self.skip_while(|c| c.is_alphanumeric() || c == '_' || c == '.');
                Kind::Number
            }
            Some(c) if is_word(c) => {
                self.skip_while(is_word);
                self.prefixed(start, 0)?
            }
            _ => {
                self.at += sign_length(self.rest());
                Kind::Sign
            }
        };
        Ok(Token { kind, text: self.slice(start..self.at), line })
    }

    /// A word was read from `start`: if it is the prefix of a string, reads on to its end.
    fn prefixed(&mut self, start: usize, depth: usize) -> Result<Kind, Fault> {
        let word = self.slice(start..self.at);
        if !(literal::is_prefix(word) && matches!(self.peek(), Some('\'' | '"'))) {
            return Ok(Kind::Name);
        }
        self.string(word, depth)?;
        Ok(Kind::Text)
    }

    /// Reads from the opening quote to after the closing one.
    fn string(&mut self, prefix: &str, depth: usize) -> Result<(), Fault> {
        let start = self.line;
        let Some(quote) = literal::opening_quote(self.rest()) else {
            return Err(Fault::new(start, "a string was expected"));
        };
        self.at += quote.len();
        let formatted = prefix.contains(['f', 'F', 't', 'T']);
        loop {
            match self.peek() {
                None => return Err(Fault::new(start, "the string opened here is never closed")),
                Some('\\') => {
                    self.at += 1;
                    self.advance();
                }
                Some(_) if self.rest().starts_with(quote) => {
                    self.at += quote.len();
                    return Ok(());
                }
                Some('\n') if quote.len() == 1 => {
                    return Err(Fault::new(start, "the string opened here is not closed on its line"));
                }
                Some('{') if formatted && self.rest().starts_with("{{") => self.at += 2,
                Some('{') if formatted => self.replacement(depth + 1)?,
                Some(_) => self.advance(),
            }
        }
    }

    /// Reads an f-string's `{…}`, where quotes open strings of their own.
    fn replacement(&mut self, depth: usize) -> Result<(), Fault> {
        let start = self.line;
        if depth > DEEPEST {
            return Err(Fault::new(start, "formatted strings are nested too deeply"));
        }
        self.at += 1;
        let mut open = 0_usize;
        while let Some(next) = self.peek() {
            match next {
                '}' if open == 0 => {
                    self.at += 1;
                    return Ok(());
                }
                ':' if open == 0 => return self.format_spec(depth),
                '(' | '[' | '{' => open += 1,
                ')' | ']' | '}' => open = open.saturating_sub(1),
                '\'' | '"' => {
                    self.string("", depth)?;
                    continue;
                }
                c if is_word(c) => {
                    let from = self.at;
                    self.skip_while(is_word);
                    self.prefixed(from, depth)?;
                    continue;
                }
                _ => {}
            }
            self.advance();
        }
        Err(Fault::new(start, "the brace opened in this formatted string is never closed"))
    }

    /// Reads from the colon of a replacement field to after its brace; quotes mean nothing here.
    fn format_spec(&mut self, depth: usize) -> Result<(), Fault> {
        let start = self.line;
        loop {
            match self.peek() {
                None => return Err(Fault::new(start, "a formatted string is never closed")),
                Some('{') => self.replacement(depth + 1)?,
                Some('}') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(_) => self.advance(),
            }
        }
    }

    /// A backslash outside of strings: the line goes on.
    fn joined(&mut self) -> Result<(), Fault> {
        self.at += 1;
        match self.peek() {
            Some('\n') => {
                self.newline();
                Ok(())
            }
            None => Ok(()),
            Some(_) => Err(Fault::new(self.line, "a backslash stands where none can")),
        }
    }

    fn indentation(&mut self) -> usize {
        let mut columns = 0_usize;
        while let Some(next) = self.peek() {
            match next {
                ' ' => columns += 1,
                '\t' => columns = (columns / 8 + 1) * 8,
                '\u{c}' => columns = 0,
                _ => break,
            }
            self.at += 1;
        }
        columns
    }

    fn rest(&self) -> &'a str {
        self.slice(self.at..self.text.len())
    }

    fn slice(&self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn advance(&mut self) {
        match self.peek() {
            Some('\n') => self.newline(),
            Some(c) => self.at += c.len_utf8(),
            None => {}
        }
    }

    fn newline(&mut self) {
        self.at += 1;
        self.line += 1;
    }

    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        while let Some(next) = self.peek().filter(|c| wanted(*c)) {
            self.at += next.len_utf8();
        }
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// The length in bytes of the operator at the start of `rest`, longest first.
fn sign_length(rest: &str) -> usize {
    const LONG: &[&str] = &[
        "**=", "//=", "<<=", ">>=", "...", "**", "//", "<<", ">>", "->", ":=", "==", "!=", "<=", ">=", "+=",
        "-=", "*=", "/=", "%=", "&=", "|=", "^=", "@=",
    ];
    LONG.iter()
        .find(|sign| rest.starts_with(**sign))
        .map_or_else(|| rest.chars().next().map_or(0, char::len_utf8), |sign| sign.len())
}
