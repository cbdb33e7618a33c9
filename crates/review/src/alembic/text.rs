//! A text of the revision, with the places of its bytes in the file.

/// What stands in for a part that is known only when the revision runs begins and ends so.
const MARK: &str = "__";

/// A text as it is when the revision runs, as far as that can be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// The text. A part that is known only when the revision runs is a name between two underscores on
    /// either side, which the server's grammar takes almost everywhere: `__table__`.
    pub text: String,
    /// No part of it is such a name.
    pub exact: bool,
    /// Where runs of it begin: byte of the text, byte of the file. Inside a run both count alike.
    runs: Vec<(usize, usize)>,
}

impl Text {
    /// The byte of the file at which a byte of the text stands.
    pub fn place(&self, byte: usize) -> usize {
        let index = self.runs.partition_point(|(from, _)| *from <= byte);
        let (from, at) = self.runs[..index].last().or_else(|| self.runs.first()).copied().unwrap_or_default();
        at + byte.saturating_sub(from)
    }

    /// Whether it is one literal without escapes: its bytes and those of the file count alike.
    pub fn verbatim(&self) -> bool {
        self.exact && self.runs.len() <= 1
    }

    pub(super) fn new(at: usize) -> Self {
        Self { text: String::new(), exact: true, runs: vec![(0, at)] }
    }

    /// What it costs to copy it, in steps of a reader.
    pub(super) fn cost(&self) -> usize {
        1 + self.text.len() / 64 + self.runs.len()
    }

    /// Nothing yet, where this begins.
    pub(super) fn beginning(&self) -> Self {
        Self { exact: self.exact, ..Self::new(self.place(0)) }
    }

    /// The same, as far as that is known.
    pub(super) fn inexact(&self) -> Self {
        Self { exact: false, ..self.clone() }
    }

    /// A text that stands in the file as it is.
    pub(super) fn of(text: &str, at: usize) -> Self {
        Self { text: text.to_owned(), ..Self::new(at) }
    }

    /// Something that is known only when the revision runs.
    pub(super) fn unknown(name: &str, at: usize) -> Self {
        Self { exact: false, ..Self::of(&stand_in(name), at) }
    }

    pub(super) fn push_str(&mut self, text: &str, at: usize) {
        if text.is_empty() {
            return;
        }
        let here = self.text.len();
        if here == 0 {
            self.runs.clear();
        }
        if self.runs.is_empty() || self.place(here) != at {
            self.runs.push((here, at));
        }
        self.text.push_str(text);
    }

    pub(super) fn push(&mut self, other: &Self) {
        self.exact &= other.exact;
        if other.runs.is_empty() {
            return self.push_str(&other.text, self.place(self.text.len()));
        }
        for (index, (from, at)) in other.runs.iter().enumerate() {
            let end = other.runs.get(index + 1).map_or(other.text.len(), |(next, _)| *next);
            self.push_str(&other.text[*from..end], *at);
        }
    }

    /// A part of it.
    pub(super) fn slice(&self, from: usize, to: usize) -> Self {
        let mut part = Self { exact: self.exact, ..Self::new(self.place(from)) };
        let mut here = from;
        let first = self.runs.partition_point(|(start, _)| *start <= from);
        for (start, _) in self.runs[first..].iter().take_while(|(start, _)| *start < to) {
            part.push_str(&self.text[here..*start], self.place(here));
            here = *start;
        }
        part.push_str(&self.text[here..to], self.place(here));
        part
    }

    /// Each byte of it by another of the same length.
    pub(super) fn map(&self, change: impl Fn(&str) -> String) -> Self {
        let text = change(&self.text);
        if text.len() == self.text.len() { Self { text, ..self.clone() } } else { self.clone() }
    }
}

/// A name for what is not known, as near as can be to what the file calls it.
pub(super) fn stand_in(name: &str) -> String {
    let last = name.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').find(|word| !word.is_empty());
    let word = last.map_or("unknown", |word| word.trim_matches('_'));
    let word: String = word.chars().take(40).collect();
    format!("{MARK}{}{MARK}", if word.is_empty() { "unknown".to_owned() } else { word.to_lowercase() })
}

/// How a literal is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prefix {
    raw: bool,
    pub(super) format: bool,
}

impl Prefix {
    /// What stands before the first quote.
    pub(super) fn of(start: &str) -> Self {
        let has = |letter| start.to_ascii_lowercase().contains(letter);
        Self { raw: has('r'), format: has('f') || has('t') }
    }
}

/// Adds what a piece of a literal says (Python reference, 2.4.1).
pub(super) fn decode(text: &mut Text, piece: &str, at: usize, prefix: Prefix) {
    let mut here = 0;
    while here < piece.len() {
        let rest = &piece[here..];
        let plain = rest.find(['\\', '{', '}', '\r']).unwrap_or(rest.len());
        text.push_str(&rest[..plain], at + here);
        here += plain;
        let rest = &rest[plain..];
        let (said, length) = match rest.as_bytes() {
            [] => break,
            [b'\\', ..] if !prefix.raw => escape(rest),
            [b'{', b'{', ..] | [b'}', b'}', ..] if prefix.format => (rest[..1].to_owned(), 2),
            [b'\r', b'\n', ..] => ("\n".to_owned(), 2),
            _ => (rest[..1].to_owned(), 1),
        };
        text.push_str(&said, at + here);
        here += length;
    }
}

/// What an escape says, and its length.
fn escape(rest: &str) -> (String, usize) {
    let Some(letter) = rest[1..].chars().next() else { return ("\\".into(), 1) };
    let simple = |c: char| (c.to_string(), 1 + letter.len_utf8());
    match letter {
        '\n' => (String::new(), 2),
        '\r' => (String::new(), if rest[2..].starts_with('\n') { 3 } else { 2 }),
        '\\' | '\'' | '"' => simple(letter),
        'a' => simple('\u{7}'),
        'b' => simple('\u{8}'),
        'f' => simple('\u{c}'),
        'n' => simple('\n'),
        'r' => simple('\r'),
        't' => simple('\t'),
        'v' => simple('\u{b}'),
        '0'..='7' => code(rest, 1, 3, 8),
        'x' => code(rest, 2, 2, 16),
        'u' => code(rest, 2, 4, 16),
        'U' => code(rest, 2, 8, 16),
        _ => ("\\".into(), 1),
    }
}

/// A character by its number.
fn code(rest: &str, from: usize, most: usize, radix: u32) -> (String, usize) {
    let digits: String = rest[from..].chars().take(most).take_while(|c| c.is_digit(radix)).collect();
    let said = u32::from_str_radix(&digits, radix).ok().and_then(char::from_u32);
    said.map_or(("\\".into(), 1), |c| (c.to_string(), from + digits.len()))
}

/// `:name` as SQLAlchemy's `text()` reads it becomes `$1`, which the server's grammar knows, and `\:`
/// becomes `:` (`sqlalchemy.sql.elements.TextClause`).
pub(super) fn bind(text: &Text) -> Text {
    let mut bound = text.beginning();
    let (bytes, mut from) = (text.text.as_bytes(), 0);
    let mut at = 0;
    while let Some(next) = text.text[at..].find(':').map(|next| at + next) {
        let before = text.text[..next].chars().next_back();
        let name = text.text[next + 1..].chars().take_while(|c| c.is_alphanumeric() || *c == '_');
        let length: usize = name.map(char::len_utf8).sum();
        let end = next + 1 + length;
        at = end;
        if before == Some('\\') {
            bound.push(&text.slice(from, next - 1));
            from = next;
        } else if is_bind(before, length, bytes.get(end)) {
            bound.push(&text.slice(from, next));
            bound.push_str("$1", text.place(next));
            from = end;
        }
    }
    bound.push(&text.slice(from, text.text.len()));
    bound
}

fn is_bind(before: Option<char>, length: usize, after: Option<&u8>) -> bool {
    length > 0
        && after != Some(&b':')
        && before.is_none_or(|c| !(c == ':' || c == '_' || c.is_alphanumeric()))
}
