//! Text cut into tokens, by the lexical structure of PostgreSQL (manual, 4.1; `scan.l` where the
//! manual is short).
//!
//! The lexer takes any text: it never fails, and what is not closed ends with the text and says so.
//! It needs one pass. `standard_conforming_strings` is taken to be on, its default since 9.1.

use std::borrow::Cow;

#[cfg(test)]
mod tests;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A keyword or a name without quotes.
    Word,
    /// `"a name"`, `U&"a name"`.
    Name,
    /// `'text'`, `N'text'`, with all the parts that stand on lines of their own.
    Text,
    /// `E'text'`, in which a backslash escapes.
    EscapeText,
    /// `U&'text'`.
    UnicodeText,
    /// `B'01'`, `X'1F'`.
    Bits,
    /// `$$text$$`, `$tag$text$tag$`.
    DollarText,
    /// `42`, `3.5`, `.001`, `1e10`, `0x1F`, `1_000`.
    Number,
    /// `$1`.
    Parameter,
    /// `+`, `<=`, `@>`, `->>`.
    Operator,
    /// `(`, `)`, `[`, `]`, `,`, `;`, `.`, `..`, `:`, `::`, `:=`.
    Mark,
    /// `-- to the end of the line`, without that end.
    LineComment,
    /// `/* with others /* inside */ */`.
    BlockComment,
    /// A character that no statement has outside of quotes: a backslash of `psql`, a control character.
    Other,
}

/// One token: `text[token.start..token.end]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// The byte it begins with.
    pub start: usize,
    /// The byte after its last one.
    pub end: usize,
    /// It was opened and never closed, so that it goes to the end of the text.
    pub unclosed: bool,
}

impl Token {
    /// Its text as it was written.
    pub fn of<'t>(&self, text: &'t str) -> &'t str {
        &text[self.start..self.end]
    }

    /// What stands between its quotes, as it was written; the whole token, where it has none.
    pub fn inside<'t>(&self, text: &'t str) -> &'t str {
        let whole = self.of(text);
        let (before, after) = match self.kind {
            Kind::Name => (find(whole, '"'), 1),
            Kind::Text | Kind::EscapeText | Kind::UnicodeText | Kind::Bits => (find(whole, '\''), 1),
            Kind::DollarText => {
                let tag = 2 + whole[1..].find('$').unwrap_or_default();
                (tag, tag)
            }
            _ => (0, 0),
        };
        let after = if self.unclosed { 0 } else { after };
        whole.get(before..whole.len().saturating_sub(after)).unwrap_or_default()
    }

    /// Whether it is a comment.
    pub fn is_comment(&self) -> bool {
        matches!(self.kind, Kind::LineComment | Kind::BlockComment)
    }

    /// Whether it is a literal with text of any kind in it.
    pub fn is_text(&self) -> bool {
        matches!(self.kind, Kind::Text | Kind::EscapeText | Kind::UnicodeText | Kind::DollarText)
    }
}

/// The place behind the first `quote`.
fn find(whole: &str, quote: char) -> usize {
    whole.find(quote).map_or(0, |index| index + 1)
}

/// The tokens of `text` in their order. White space is left out, comments are not.
pub fn tokens(text: &str) -> impl Iterator<Item = Token> {
    let mut lexer = Lexer { bytes: text.as_bytes(), text, at: 0 };
    std::iter::from_fn(move || lexer.next())
}

/// Names and keywords outside of comments and literals, as the server sees them: without quotes, and
/// in lower case where there were none (of ASCII letters only, as in a UTF-8 database).
pub fn words(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    tokens(text).filter_map(move |token| match token.kind {
        Kind::Word => Some(folded(token.of(text))),
        Kind::Name => Some(unquoted(token.inside(text))),
        _ => None,
    })
}

/// Words that are looked for anywhere in a text, in any spelling of case: a quick look, before the text is
/// read in earnest.
///
/// A few short words are found faster one by one (the standard library compares sixteen bytes at a time)
/// than by one automaton that goes byte by byte.
#[derive(Debug)]
pub struct Mentions(&'static [&'static str]);

impl Mentions {
    /// Of these words, in lower case.
    pub const fn of(words: &'static [&'static str]) -> Self {
        Self(words)
    }

    /// Whether one of them stands in the text.
    pub fn any_in(&self, text: &str) -> bool {
        let lower = text.to_ascii_lowercase();
        self.0.iter().any(|word| lower.contains(word))
    }
}

fn folded(word: &str) -> Cow<'_, str> {
    if word.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(word.to_ascii_lowercase())
    } else {
        Cow::Borrowed(word)
    }
}

fn unquoted(name: &str) -> Cow<'_, str> {
    if name.contains("\"\"") { Cow::Owned(name.replace("\"\"", "\"")) } else { Cow::Borrowed(name) }
}

/// Where the lexer stands. Every byte from 0x80 on is part of a word for the server, so a token
/// never ends inside of a character.
struct Lexer<'t> {
    bytes: &'t [u8],
    text: &'t str,
    at: usize,
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<Token> {
        self.skip(is_space);
        let start = self.at;
        let first = self.peek(0)?;
        let (kind, closed) = match first {
            b'-' if self.peek(1) == Some(b'-') => self.line_comment(),
            b'/' if self.peek(1) == Some(b'*') => self.block_comment(),
            b'\'' => self.text(Kind::Text, 1),
            b'"' => self.name(1),
            b'$' => self.dollar(),
            b'0'..=b'9' => self.number(),
            b'.' if self.peek(1).is_some_and(|byte| byte.is_ascii_digit()) => self.number(),
            byte if starts_word(byte) => self.word(),
            b'(' | b')' | b'[' | b']' | b',' | b';' => self.take(Kind::Mark, 1),
            b'.' => self.mark(b"."),
            b':' => self.mark(b":="),
            byte if is_operator(byte) => self.operator(),
            _ => self.take(Kind::Other, 1),
        };
        Some(Token { kind, start, end: self.at, unclosed: !closed })
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn skip(&mut self, wanted: impl Fn(u8) -> bool) {
        let rest = &self.bytes[self.at..];
        self.at += rest.iter().position(|byte| !wanted(*byte)).unwrap_or(rest.len());
    }

    fn take(&mut self, kind: Kind, length: usize) -> (Kind, bool) {
        self.at += length;
        (kind, true)
    }

    fn mark(&mut self, second: &[u8]) -> (Kind, bool) {
        let two = self.peek(1).is_some_and(|byte| second.contains(&byte));
        self.take(Kind::Mark, if two { 2 } else { 1 })
    }

    fn line_comment(&mut self) -> (Kind, bool) {
        self.skip(|byte| byte != b'\n' && byte != b'\r');
        (Kind::LineComment, true)
    }

    /// Comments nest (manual, 4.1.5).
    fn block_comment(&mut self) -> (Kind, bool) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek(0) {
            match (byte, self.peek(1)) {
                (b'/', Some(b'*')) => {
                    depth += 1;
                    self.at += 2;
                }
                (b'*', Some(b'/')) => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return (Kind::BlockComment, true);
                    }
                }
                _ => self.at += 1,
            }
        }
        (Kind::BlockComment, false)
    }

    /// A literal whose quote stands `before` bytes further on. Parts with a line end between them are
    /// one literal (manual, 4.1.2.1), and an `E` counts for all of them.
    fn text(&mut self, kind: Kind, before: usize) -> (Kind, bool) {
        self.at += before;
        loop {
            if !self.quoted(b'\'', kind == Kind::EscapeText) {
                return (kind, false);
            }
            match self.continued() {
                Some(next) => self.at = next,
                None => return (kind, true),
            }
        }
    }

    fn name(&mut self, before: usize) -> (Kind, bool) {
        self.at += before;
        (Kind::Name, self.quoted(b'"', false))
    }

    /// Goes behind the quote that closes; a doubled one does not. False where there is none.
    fn quoted(&mut self, quote: u8, backslash: bool) -> bool {
        while let Some(byte) = self.peek(0) {
            let doubled = byte == quote && self.peek(1) == Some(quote);
            let escaped = backslash && byte == b'\\' && self.peek(1).is_some_and(|byte| byte.is_ascii());
            self.at += if doubled || escaped { 2 } else { 1 };
            if byte == quote && !doubled {
                return true;
            }
        }
        false
    }

    /// Behind the quote that goes on with the literal that was just closed, where one does.
    fn continued(&self) -> Option<usize> {
        let (mut at, mut line_end) = (self.at, false);
        loop {
            match self.bytes.get(at..)? {
                [b'\n' | b'\r', ..] => {
                    line_end = true;
                    at += 1;
                }
                [byte, ..] if is_space(*byte) => at += 1,
                [b'-', b'-', ..] => {
                    let rest = &self.bytes[at..];
                    at += rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'))?;
                }
                [b'\'', ..] if line_end => return Some(at + 1),
                _ => return None,
            }
        }
    }

    /// `$1`, `$tag$ … $tag$`, or a dollar that means nothing.
    fn dollar(&mut self) -> (Kind, bool) {
        if self.peek(1).is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
            self.skip(|byte| byte.is_ascii_digit());
            return (Kind::Parameter, true);
        }
        let rest = &self.bytes[self.at + 1..];
        let length = rest.iter().position(|byte| !is_tag(*byte)).unwrap_or(rest.len());
        if rest.get(length) != Some(&b'$') {
            return self.take(Kind::Other, 1);
        }
        let tag = &self.text[self.at..self.at + length + 2];
        self.at += tag.len();
        let found = self.text[self.at..].find(tag);
        self.at = found.map_or(self.bytes.len(), |index| self.at + index + tag.len());
        (Kind::DollarText, found.is_some())
    }

    /// Manual, 4.1.2.6.
    fn number(&mut self) -> (Kind, bool) {
        let based = |byte: u8| byte.is_ascii_hexdigit() || byte == b'_';
        if self.peek(0) == Some(b'0')
            && matches!(self.peek(1), Some(b'x' | b'X' | b'o' | b'O' | b'b' | b'B'))
            && self.peek(2).is_some_and(based)
        {
            self.at += 2;
            self.skip(based);
            return (Kind::Number, true);
        }
        self.digits();
        // `1..10` is a range of PL/pgSQL, not the number `1.`.
        if self.peek(0) == Some(b'.') && self.peek(1) != Some(b'.') {
            self.at += 1;
            self.digits();
        }
        let sign = usize::from(matches!(self.peek(1), Some(b'+' | b'-')));
        let exponent = matches!(self.peek(0), Some(b'e' | b'E'));
        if exponent && self.peek(1 + sign).is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1 + sign;
            self.digits();
        }
        (Kind::Number, true)
    }

    fn digits(&mut self) {
        self.skip(|byte| byte.is_ascii_digit() || byte == b'_');
    }

    /// A word, or the letters before a quote.
    fn word(&mut self) -> (Kind, bool) {
        match (self.peek(0), self.peek(1), self.peek(2)) {
            (Some(b'e' | b'E'), Some(b'\''), _) => self.text(Kind::EscapeText, 2),
            (Some(b'n' | b'N'), Some(b'\''), _) => self.text(Kind::Text, 2),
            (Some(b'b' | b'B' | b'x' | b'X'), Some(b'\''), _) => self.text(Kind::Bits, 2),
            (Some(b'u' | b'U'), Some(b'&'), Some(b'\'')) => self.text(Kind::UnicodeText, 3),
            (Some(b'u' | b'U'), Some(b'&'), Some(b'"')) => self.name(3),
            _ => {
                self.skip(|byte| starts_word(byte) || byte.is_ascii_digit() || byte == b'$');
                (Kind::Word, true)
            }
        }
    }

    /// Manual, 4.1.3: a comment ends an operator, and `+` or `-` ends one of several characters only
    /// where it also has a character that no operator of the SQL standard has.
    fn operator(&mut self) -> (Kind, bool) {
        let rest = &self.bytes[self.at..];
        let run = rest.iter().position(|byte| !is_operator(*byte)).unwrap_or(rest.len());
        let comment = rest[..run].windows(2).position(|two| two == b"--" || two == b"/*");
        let mut length = comment.unwrap_or(run);
        let special = rest[..length].iter().any(|byte| b"~!@#%^&|`?".contains(byte));
        while length > 1 && !special && matches!(rest[length - 1], b'+' | b'-') {
            length -= 1;
        }
        self.take(Kind::Operator, length)
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn starts_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn is_tag(byte: u8) -> bool {
    starts_word(byte) || byte.is_ascii_digit()
}

fn is_operator(byte: u8) -> bool {
    b"+-*/<>=~!@#%^&|`?".contains(&byte)
}
