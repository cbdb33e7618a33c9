//! The one error type of the house.
//!
//! A [`Failure`] is made near its cause and carries all that a person needs: a stable code, one
//! sentence, what was and was not changed, and hints that can be followed. It is plain data, so
//! the journal, the report and the terminal show the same thing.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::exit::Exit;

/// The result of anything that can go wrong.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// What a failed act left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Certainly nothing.
    #[default]
    None,
    /// Certainly something.
    Durable,
    /// It may or may not have happened; only a probe can tell.
    Unknown,
}

/// An error, as people and programs see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Stable code such as `SB0101`; its page is printed by `switchback explain`.
    pub code: Code,
    /// One sentence without a trailing period. Never holds a secret.
    pub message: String,
    /// What the failed act left behind.
    #[serde(default)]
    pub effect: Effect,
    /// What was and was not changed, as a sentence, where that is not obvious.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<String>,
    /// The causes underneath, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What to do next; each can be followed as it stands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

impl Failure {
    /// A failure with its code and one sentence.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            effect: Effect::None,
            changed: None,
            causes: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// Adds a hint that can be followed as it stands.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds the error underneath, with its own sources.
    #[must_use]
    pub fn because(mut self, cause: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(cause);
        while let Some(error) = next {
            let text = error.to_string();
            if self.causes.last() != Some(&text) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// Adds a cause that is known as text only (a program's last lines, say).
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        let cause = cause.into();
        if !cause.trim().is_empty() {
            self.causes.push(cause);
        }
        self
    }

    /// Says what was and was not changed.
    #[must_use]
    pub fn changed(mut self, sentence: impl Into<String>) -> Self {
        self.changed = Some(sentence.into());
        self
    }

    /// Says what the failed act left behind.
    #[must_use]
    pub fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    /// The exit status that belongs to the code.
    pub fn exit(&self) -> Exit {
        self.code.exit()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Failure {}
