//! The values that a statement gives to a name, where they are written out: `None`, strings,
//! tuples and lists of them, and names that were given such a value before.

use std::collections::BTreeMap;

use super::token::{Kind, Token};

/// How deep brackets may nest in a value.
const DEEPEST: usize = 32;

/// The largest value, in characters and items, that is remembered under a name. Names may stand
/// in the values of other names, so without a bound a short file could ask for any memory.
const HEAVIEST: usize = 4096;

/// How many names are remembered of one file.
const MOST_NAMES: usize = 4096;

/// A value as far as it can be known without running the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Text(String),
    Many(Vec<Value>),
    /// Something computed, or of another type; only running the file would tell.
    Unknown,
}

impl Value {
    fn weight(&self) -> usize {
        match self {
            Self::Text(text) => 1 + text.len(),
            Self::Many(values) => 1 + values.iter().map(Self::weight).sum::<usize>(),
            Self::None | Self::Bool(_) | Self::Unknown => 1,
        }
    }
}

/// The values known so far, by name.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<String, Value>);

impl Names {
    /// Remembers what a name stands for from here on.
    pub(super) fn bind(&mut self, name: &str, value: &Value) {
        let kept = if value.weight() > HEAVIEST { Value::Unknown } else { value.clone() };
        if self.0.len() < MOST_NAMES || self.0.contains_key(name) {
            self.0.insert(name.to_owned(), kept);
        }
    }

    fn get(&self, name: &str) -> Value {
        self.0.get(name).cloned().unwrap_or(Value::Unknown)
    }
}

/// Reads an expression; anything that is not written out is [`Value::Unknown`].
pub(super) fn value(tokens: &[Token<'_>], names: &Names) -> Value {
    let mut reader = Reader { tokens, at: 0, names };
    let found = reader.items(None, 0);
    if reader.at == tokens.len() { found } else { Value::Unknown }
}

struct Reader<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
    names: &'a Names,
}

impl Reader<'_> {
    /// One value, or several with commas, up to `close` (or the end).
    fn items(&mut self, close: Option<&str>, depth: usize) -> Value {
        let mut found = Vec::new();
        let mut commas = false;
        while self.at < self.tokens.len() && !self.closes(close) {
            if found.len() >= HEAVIEST {
                return Value::Unknown;
            }
            let item = self.sum(depth);
            found.push(if self.skip_item() { Value::Unknown } else { item });
            if !self.take(",") {
                break;
            }
            commas = true;
        }
        match found.pop() {
            Some(only) if found.is_empty() && !commas && close != Some("]") => only,
            Some(last) => {
                found.push(last);
                Value::Many(found)
            }
            None if close.is_some() => Value::Many(found),
            None => Value::Unknown,
        }
    }

    fn sum(&mut self, depth: usize) -> Value {
        let mut left = self.term(depth);
        while self.take("+") {
            left = match (left, self.term(depth)) {
                (Value::Text(a), Value::Text(b)) if a.len() < HEAVIEST => Value::Text(a + &b),
                (Value::Many(mut a), Value::Many(b)) if a.len() < HEAVIEST => {
                    a.extend(b);
                    Value::Many(a)
                }
                _ => Value::Unknown,
            };
        }
        left
    }

    fn term(&mut self, depth: usize) -> Value {
        let Some(token) = self.tokens.get(self.at) else { return Value::Unknown };
        match (token.kind, token.text) {
            (Kind::Text, _) => self.texts(),
            (Kind::Name, "None") => self.word(Value::None),
            (Kind::Name, "True") => self.word(Value::Bool(true)),
            (Kind::Name, "False") => self.word(Value::Bool(false)),
            (Kind::Name, name) => self.word(self.names.get(name)),
            (Kind::Sign, "(") => self.bracket(")", depth),
            (Kind::Sign, "[") => self.bracket("]", depth),
            _ => Value::Unknown,
        }
    }

    fn word(&mut self, value: Value) -> Value {
        self.at += 1;
        value
    }

    /// Strings side by side are one string.
    fn texts(&mut self) -> Value {
        let mut whole = Some(String::new());
        while let Some(token) = self.tokens.get(self.at).filter(|token| token.kind == Kind::Text) {
            whole = whole.zip(text(token.text)).map(|(before, piece)| before + &piece);
            self.at += 1;
        }
        whole.map_or(Value::Unknown, Value::Text)
    }

    fn bracket(&mut self, close: &str, depth: usize) -> Value {
        if depth >= DEEPEST {
            return Value::Unknown;
        }
        self.at += 1;
        let found = self.items(Some(close), depth + 1);
        if self.take(close) { found } else { Value::Unknown }
    }

    /// Passes over what is left of an item, to the next comma or closing bracket; says whether
    /// there was anything, so that the item is more than what was read of it.
    fn skip_item(&mut self) -> bool {
        let start = self.at;
        let mut open = 0_usize;
        while let Some(token) = self.tokens.get(self.at) {
            if token.kind == Kind::Sign {
                match token.text {
                    "," | ")" | "]" | "}" if open == 0 => break,
                    "(" | "[" | "{" => open += 1,
                    ")" | "]" | "}" => open -= 1,
                    _ => {}
                }
            }
            self.at += 1;
        }
        self.at > start
    }

    fn closes(&self, close: Option<&str>) -> bool {
        close.is_some_and(|close| self.tokens.get(self.at).is_some_and(|token| token.is_sign(close)))
    }

    fn take(&mut self, sign: &str) -> bool {
        let there = self.tokens.get(self.at).is_some_and(|token| token.is_sign(sign));
        self.at += usize::from(there);
        there
    }
}

/// Whether `word` before a quote belongs to the string.
pub(super) fn is_prefix(word: &str) -> bool {
    ["r", "u", "b", "f", "t", "br", "rb", "fr", "rf", "tr", "rt"]
        .iter()
        .any(|prefix| word.eq_ignore_ascii_case(prefix))
}

/// The quote, single or triple, at the start of `rest`.
pub(super) fn opening_quote(rest: &str) -> Option<&'static str> {
    ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| rest.starts_with(*quote))
}

/// What a string token stands for; `None` for bytes and for formatted strings with braces.
pub(super) fn text(token: &str) -> Option<String> {
    let (prefix, quoted) = token.split_at(token.find(['\'', '"'])?);
    let quote = opening_quote(quoted)?;
    let body = quoted.strip_prefix(quote)?.strip_suffix(quote)?;
    if prefix.contains(['b', 'B', 't', 'T']) {
        return None;
    }
    if prefix.contains(['f', 'F']) && body.contains(['{', '}']) {
        return None;
    }
    if prefix.contains(['r', 'R']) || !body.contains('\\') {
        return Some(body.to_owned());
    }
    unescape(body)
}

/// Python's escapes; `None` where one is not known here (`\N{…}`, a code that is no character).
fn unescape(body: &str) -> Option<String> {
    let mut plain = String::with_capacity(body.len());
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next()? {
            '\n' => {}
            'n' => plain.push('\n'),
            't' => plain.push('\t'),
            'r' => plain.push('\r'),
            'a' => plain.push('\u{7}'),
            'b' => plain.push('\u{8}'),
            'f' => plain.push('\u{c}'),
            'v' => plain.push('\u{b}'),
            'x' => plain.push(code(&mut chars, 2)?),
            'u' => plain.push(code(&mut chars, 4)?),
            'U' => plain.push(code(&mut chars, 8)?),
            'N' | '0'..='7' => return None,
            quote @ ('\\' | '\'' | '"') => plain.push(quote),
            other => plain.extend(['\\', other]),
        }
    }
    Some(plain)
}

fn code(chars: &mut std::str::Chars<'_>, digits: usize) -> Option<char> {
    let hex: String = chars.by_ref().take(digits).collect();
    if hex.chars().count() != digits {
        return None;
    }
    char::from_u32(u32::from_str_radix(&hex, 16).ok()?)
}
