//! Exit statuses: what a script may rely on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The exit status of the program. The numbers are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// Done; also a `rollback` or `abort` that did what was asked.
    Done,
    /// Done, and what was asked about is not fine.
    NotFine,
    /// Usage or configuration; nothing was touched.
    Usage,
    /// Refused by a gate; nothing was changed.
    Refused,
    /// Failed and taken back; target, code and service are as before.
    TakenBack,
    /// A person is needed.
    Stuck,
    /// Interrupted by a person before the first change, or after a completed unwind.
    Interrupted,
}

impl Exit {
    /// The number that the shell sees.
    pub const fn status(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::NotFine => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::TakenBack => 4,
            Self::Stuck => 5,
            Self::Interrupted => 130,
        }
    }
}
