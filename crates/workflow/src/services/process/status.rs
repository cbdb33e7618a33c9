//! The files of one supervised service: `STATE/services/ENVIRONMENT/`.

use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use switchback_model::Result;
use switchback_model::units::Span;

use super::table::Process;
use crate::services::record::{self, read, unusable, write};

/// What the supervisor is told. Its file is 0600 in a folder of 0700: variables may be secrets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Spec {
    pub(super) environment: String,
    pub(super) command: Vec<String>,
    pub(super) directory: PathBuf,
    pub(super) log: PathBuf,
    pub(super) grace: Span,
    /// The run that this start is part of: its block does not hold back restarts.
    pub(super) run: Option<String>,
}

/// What the supervisor is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    /// It is about to start the command for the first time.
    Starting,
    /// The command runs.
    Running,
    /// The command ended and is started again soon.
    Waiting,
    /// The command ended and a block keeps it from being started again.
    Blocked,
    /// It was asked to stop, and did.
    Stopped,
    /// It gave up.
    Failed(String),
}

/// What the supervisor wrote down last.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Status {
    pub(super) supervisor: Process,
    pub(super) child: Option<Process>,
    pub(super) phase: Phase,
    pub(super) started_at: Timestamp,
    pub(super) restarts: u32,
    /// How the command ended the last time.
    pub(super) last_exit: Option<String>,
}

impl Status {
    /// Why the command is not running, where that is certain.
    pub(super) fn trouble(&self) -> Option<String> {
        match &self.phase {
            Phase::Failed(why) => Some(why.clone()),
            Phase::Stopped => Some("it was stopped meanwhile".to_owned()),
            Phase::Waiting | Phase::Blocked => {
                let last = self.last_exit.as_deref().unwrap_or("ended");
                Some(format!("its command {last} right after its start"))
            }
            Phase::Starting | Phase::Running => None,
        }
    }

    /// Why a living supervisor has no command running.
    pub(super) fn idle(&self) -> String {
        let last = self.last_exit.as_deref().unwrap_or("is not there");
        match &self.phase {
            Phase::Failed(why) => why.clone(),
            Phase::Blocked => format!("its command {last} and is not started again while starts are blocked"),
            Phase::Starting => "it is being started".to_owned(),
            _ => format!("its command {last} and is started again soon (restarts so far: {})", self.restarts),
        }
    }
}

/// The folder of one service.
#[derive(Clone, Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) fn spec_file(&self) -> PathBuf {
        self.0.join("spec.json")
    }

    pub(super) fn default_log(&self) -> PathBuf {
        self.0.join("output.log")
    }

    fn status_file(&self) -> PathBuf {
        self.0.join("status.json")
    }

    pub(super) fn make(&self) -> Result<()> {
        record::make(&self.0)
    }

    /// The lock that makes a second supervisor impossible; `None` where another process has it.
    pub(super) fn lock(&self) -> Result<Option<File>> {
        let path = self.0.join("lock");
        let file = File::options().create(true).append(true).mode(0o600).open(&path);
        let file = file.map_err(|error| unusable("open", &path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(unusable("lock", &path, &error)),
        }
    }

    pub(super) fn spec(&self) -> Result<Option<Spec>> {
        read(&self.spec_file())
    }

    pub(super) fn write_spec(&self, spec: &Spec) -> Result<()> {
        write(&self.spec_file(), spec)
    }

    pub(super) fn status(&self) -> Result<Option<Status>> {
        read(&self.status_file())
    }

    pub(super) fn write_status(&self, status: &Status) -> Result<()> {
        write(&self.status_file(), status)
    }

    pub(super) fn blocked_by(&self) -> Result<Option<String>> {
        record::blocked_by(&self.0)
    }

    pub(super) fn block(&self, run: &str) -> Result<()> {
        record::block(&self.0, run)
    }

    pub(super) fn unblock(&self) -> Result<()> {
        record::unblock(&self.0)
    }
}
