//! Words of a statement that our tree doesn't keep. The grammar has read it already, so that a few of
//! them that stand side by side can mean one thing only.

use switchback_sql::{Kind, tokens};

/// A statement's tokens, keywords in lower case; without comments and the contents of literals.
pub(super) struct Phrases(Vec<String>);

impl Phrases {
    pub(super) fn of(text: &str) -> Self {
        let kept = tokens(text).filter(|token| !token.is_comment()).map(|token| match token.kind {
            Kind::Word | Kind::Number => token.of(text).to_ascii_lowercase(),
            Kind::Mark | Kind::Operator => token.of(text).to_owned(),
            // No keyword.
            _ => "?".to_owned(),
        });
        Self(kept.collect())
    }

    /// Whether these stand side by side; `*` is any one token.
    pub(super) fn has(&self, phrase: &[&str]) -> bool {
        let is = |(own, wanted): (&String, &&str)| *wanted == "*" || own == wanted;
        self.0.windows(phrase.len()).any(|window| window.iter().zip(phrase).all(is))
    }

    /// The tokens between the first of one word and the next of another, or the end.
    pub(super) fn between(&self, from: &str, to: &str) -> &[String] {
        let Some(start) = self.0.iter().position(|token| token == from) else { return &[] };
        let rest = &self.0[start + 1..];
        &rest[..rest.iter().position(|token| token == to).unwrap_or(rest.len())]
    }

    /// A number as only newer servers read it: `0x1F`, `1_000`.
    pub(super) fn has_new_number(&self) -> bool {
        let is_new = |token: &String| {
            token.starts_with(|c: char| c.is_ascii_digit())
                && (token.contains('_')
                    || token.starts_with("0x")
                    || token.starts_with("0o")
                    || token.starts_with("0b"))
        };
        self.0.iter().any(is_new)
    }
}
