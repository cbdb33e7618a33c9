//! The application's log, read from where it ended before the start: a file, or what systemd's
//! journal has of a unit.

mod file;
pub mod journal;

use serde::{Deserialize, Serialize};
use switchback_engine::cancel::Cancel;
use switchback_model::config::Logs;
use switchback_model::{Failure, Result, code};

pub use file::{Line, LogWatch};
pub use journal::JournalWatch;

/// A log that is being watched. It can be written down and gone on with by a later process. Untagged:
/// journals of versions that knew files alone have a file's watch as it is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Watch {
    /// A file.
    File(LogWatch),
    /// A unit's messages.
    Journal(JournalWatch),
}

impl Watch {
    /// Remembers where the log ends now.
    ///
    /// # Errors
    /// `LOG_MATCH` where no log is configured or it can't be read.
    pub async fn begin(logs: &Logs) -> Result<Self> {
        match (&logs.file, &logs.journal) {
            (Some(file), None) => LogWatch::at(file, &logs.fail_on).map(Self::File),
            (None, Some(unit)) => JournalWatch::begin(unit, &logs.fail_on).await.map(Self::Journal),
            _ => Err(Failure::new(code::LOG_MATCH, "exactly one of `file` and `journal` must name the log")
                .hint("set it in [environments.NAME.logs]")),
        }
    }

    /// The failure for what has come since the last look and must not be there.
    ///
    /// # Errors
    /// `LOG_MATCH` where the log can't be read, `INTERRUPTED`.
    pub async fn look(&mut self, cancel: &Cancel) -> Result<Option<Failure>> {
        match self {
            Self::File(watch) => {
                let lines = watch.check()?;
                Ok((!lines.is_empty()).then(|| watch.failure(&lines)))
            }
            Self::Journal(watch) => {
                let found = watch.check(cancel).await?;
                Ok((!found.is_empty()).then(|| watch.failure(&found)))
            }
        }
    }

    /// What to say about a log that was not there so far; `None` where it was.
    pub fn missing(&self) -> Option<String> {
        match self {
            Self::File(watch) => watch.missing(),
            Self::Journal(_) => None,
        }
    }
}

/// An empty word would be found in every line.
fn words(fail_on: &[String]) -> Vec<String> {
    fail_on.iter().filter(|word| !word.is_empty()).cloned().collect()
}
