//! Changes to a statement's text: what a fix leaves of it stays as it was written.

use std::ops::Range;

use switchback_sql::{Kind, Token, tokens};

/// A statement's tokens, without its comments.
#[derive(Debug)]
pub(super) struct Text<'t> {
    text: &'t str,
    tokens: Vec<Token>,
}

impl<'t> Text<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self { text, tokens: tokens(text).filter(|token| !token.is_comment()).collect() }
    }

    /// The text with something put behind the first of the words.
    pub(super) fn with_behind(&self, word: &str, more: &str) -> Option<String> {
        let token = self.tokens.iter().find(|token| self.is(token, word))?;
        Some(format!("{} {more}{}", &self.text[..token.end], &self.text[token.end..]))
    }

    /// The text from two words on, these too, that stand side by side.
    pub(super) fn since_words(&self, pair: (&str, &str)) -> Option<&'t str> {
        let two = self.tokens.windows(2).find(|two| self.is(&two[0], pair.0) && self.is(&two[1], pair.1))?;
        self.text.get(two[0].start..)
    }

    /// The last token, where it is that word.
    pub(super) fn last_word(&self, word: &str) -> Option<&'t str> {
        let last = self.tokens.last().filter(|token| self.is(token, word))?;
        self.text.get(last.start..last.end)
    }

    /// The text without the first of the words.
    pub(super) fn without_word(&self, word: &str) -> Option<String> {
        let token = self.tokens.iter().find(|token| self.is(token, word))?;
        Some(self.without(&(token.start..token.end)))
    }

    /// Whether one of the words stands in it, outside of quotes.
    pub(super) fn has(&self, words: &[&str]) -> bool {
        self.tokens.iter().any(|token| words.iter().any(|word| self.is(token, word)))
    }

    /// The table behind the first `ON`, with `ONLY`: where it is written.
    pub(super) fn table_behind_on(&self) -> Option<Range<usize>> {
        let on = self.tokens.iter().position(|token| self.is(token, "on"))?;
        let start = self.tokens.get(on + 1)?.start;
        let rest = self.tokens[on + 1..].iter().skip_while(|token| self.is(token, "only"));
        let mut end = None;
        let mut dot = true;
        for token in rest {
            let is_dot = token.of(self.text) == ".";
            if !is_dot && !dot {
                break;
            }
            dot = is_dot;
            end = Some(token.end);
        }
        Some(start..end?)
    }

    /// The constraint at a column that begins at a byte: all of it, and where it begins behind its name.
    pub(super) fn column_constraint(&self, at: usize) -> Option<(Range<usize>, usize)> {
        let first = self.tokens.iter().position(|token| token.start >= at)?;
        let named = self.is(&self.tokens[first], "constraint");
        let body = if named { first + 2 } else { first };
        let start = self.tokens.get(body)?.start;
        let mut depth = 0_usize;
        let mut end = self.tokens[body].end;
        for (index, token) in self.tokens.iter().enumerate().skip(body + 1) {
            match token.of(self.text) {
                "(" | "[" => depth += 1,
                ")" | "]" => depth = depth.saturating_sub(1),
                "," if depth == 0 => break,
                _ if depth == 0 && self.begins_another(index) => break,
                _ => {}
            }
            end = token.end;
        }
        Some((self.tokens[first].start..end, start))
    }

    /// `DEFAULT` with its value, of the column that begins at a byte: all of it, and the value.
    pub(super) fn default(&self, at: usize) -> Option<(Range<usize>, &'t str)> {
        let from = self.tokens.iter().position(|token| token.start >= at)?;
        let first = from + self.tokens[from..].iter().position(|token| self.is(token, "default"))?;
        let value = self.tokens.get(first + 1)?.start;
        let mut end = self.tokens[first + 1].end;
        let mut depth = 0_usize;
        for (index, token) in self.tokens.iter().enumerate().skip(first + 1) {
            match token.of(self.text) {
                "(" | "[" => depth += 1,
                ")" | "]" => depth = depth.saturating_sub(1),
                "," if depth == 0 => break,
                _ if depth == 0 && index > first + 1 && self.begins_another(index) => break,
                _ => {}
            }
            end = token.end;
        }
        Some((self.tokens[first].start..end, self.text.get(value..end)?))
    }

    /// The words `NOT NULL` outside of brackets, where they stand once.
    pub(super) fn not_null(&self) -> Option<Range<usize>> {
        let mut depth = 0_usize;
        let mut found = Vec::new();
        for (index, token) in self.tokens.iter().enumerate() {
            match token.of(self.text) {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
            let next = self.tokens.get(index + 1).filter(|next| self.is(next, "null"));
            if let Some(next) = next.filter(|_| depth == 0 && self.is(token, "not")) {
                found.push(token.start..next.end);
            }
        }
        match found.as_slice() {
            [one] => Some(one.clone()),
            _ => None,
        }
    }

    /// Whether another constraint or property of a column begins here.
    fn begins_another(&self, index: usize) -> bool {
        const OTHERS: &[&str] =
            &["constraint", "check", "unique", "primary", "references", "generated", "collate", "default"];
        let is = |index: usize, word: &str| self.tokens.get(index).is_some_and(|token| self.is(token, word));
        let behind_set = is(index - 1, "set");
        if is(index, "not") {
            return is(index + 1, "null");
        }
        if is(index, "null") {
            return !behind_set;
        }
        !behind_set && OTHERS.iter().any(|word| is(index, word))
    }

    /// The text without some bytes and the white space before them.
    pub(super) fn without(&self, cut: &Range<usize>) -> String {
        let before = self.text[..cut.start].trim_end();
        format!("{before}{}", &self.text[cut.end..])
    }

    /// What stands in the brackets that open next behind a byte.
    pub(super) fn brackets(&self, at: usize) -> Option<Range<usize>> {
        let open = self.tokens.iter().position(|token| token.start >= at && token.of(self.text) == "(")?;
        let mut depth = 0_usize;
        for token in &self.tokens[open..] {
            match token.of(self.text) {
                "(" => depth += 1,
                ")" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Some(self.tokens[open].end..token.start);
            }
        }
        None
    }

    fn is(&self, token: &Token, word: &str) -> bool {
        token.kind == Kind::Word && token.of(self.text).eq_ignore_ascii_case(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_constraint_ends_where_the_next_begins() {
        let cut = |text: &str, word: &str| {
            let at = text.find(word).unwrap();
            let read = Text::of(text);
            let (range, body) = read.column_constraint(at).unwrap();
            (text[range.clone()].to_owned(), text[body..range.end].to_owned(), read.without(&range))
        };
        let is = |text: &str, word: &str, all: &str, body: &str, rest: &str| {
            assert_eq!(cut(text, word), (all.to_owned(), body.to_owned(), rest.to_owned()), "{text}");
        };
        is(
            "ADD a int CHECK (a > 0) NOT NULL",
            "CHECK",
            "CHECK (a > 0)",
            "CHECK (a > 0)",
            "ADD a int NOT NULL",
        );
        is(
            "ADD a int CONSTRAINT c REFERENCES t (id) ON DELETE SET NULL NOT NULL, ADD b int",
            "CONSTRAINT",
            "CONSTRAINT c REFERENCES t (id) ON DELETE SET NULL",
            "REFERENCES t (id) ON DELETE SET NULL",
            "ADD a int NOT NULL, ADD b int",
        );
        is(
            "ADD a int UNIQUE NULLS NOT DISTINCT DEFAULT 1",
            "UNIQUE",
            "UNIQUE NULLS NOT DISTINCT",
            "UNIQUE NULLS NOT DISTINCT",
            "ADD a int DEFAULT 1",
        );
        is(
            "ADD a int REFERENCES t ON DELETE SET DEFAULT NOT DEFERRABLE DEFAULT 1",
            "REFERENCES",
            "REFERENCES t ON DELETE SET DEFAULT NOT DEFERRABLE",
            "REFERENCES t ON DELETE SET DEFAULT NOT DEFERRABLE",
            "ADD a int DEFAULT 1",
        );
    }

    #[test]
    fn a_table_stands_behind_on() {
        let table = |text: &str| Text::of(text).table_behind_on().map(|range| text[range].to_owned());
        assert_eq!(table("create index i on a.\"B c\" (x)").as_deref(), Some("a.\"B c\""));
        assert_eq!(table("create index i on only t using gin (x)").as_deref(), Some("only t"));
        assert_eq!(table("create index"), None);
    }
}
