//! What a rule reads and what it finds.

/// A migration's file.
#[derive(Clone, Copy, Debug)]
pub struct Script<'a> {
    /// Its path, as findings name it.
    pub path: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// What is known of the target.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// The name of its database.
    pub database: &'a str,
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Likely to hurt.
    Warning,
    /// It will fail, or do harm.
    Error,
}

impl Severity {
    /// As machines read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One place in a script that a rule has something to say about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// The script's path.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What stands there, as a sentence without a period.
    pub message: String,
    /// What comes of it.
    pub why: String,
    /// What to do instead.
    pub fix: String,
}

impl Script<'_> {
    /// Line and column of a byte of the text, both from 1. One inside of a character, or behind the
    /// end, counts as the last place before it.
    pub fn place(&self, byte: usize) -> (usize, usize) {
        let mut byte = byte.min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        let before = &self.text[..byte];
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        (line, before[start..].chars().count() + 1)
    }
}
