//! The files of one supervised service: `STATE/services/ENVIRONMENT/`.

use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use switchback_model::units::Span;
use switchback_model::{Failure, Result, code};

use super::table::Process;
use crate::services::files;

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

/// Who blocks starts.
#[derive(Debug, Serialize, Deserialize)]
struct Block {
    run: String,
    since: Timestamp,
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

    fn block_file(&self) -> PathBuf {
        self.0.join("blocked")
    }

    pub(super) fn make(&self) -> Result<()> {
        files::private_folder(&self.0).map_err(|error| unusable("make", &self.0, &error))
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
        Ok(read::<Block>(&self.block_file())?.map(|block| block.run))
    }

    pub(super) fn block(&self, run: &str) -> Result<()> {
        self.make()?;
        write(&self.block_file(), &Block { run: run.to_owned(), since: Timestamp::now() })
    }

    pub(super) fn unblock(&self) -> Result<()> {
        let path = self.block_file();
        files::remove(&path).map_err(|error| unusable("remove", &path, &error))
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let bytes = files::read(path).map_err(|error| unusable("read", path, &error))?;
    let parsed = bytes.map(|bytes| serde_json::from_slice(&bytes)).transpose();
    parsed.map_err(|error| {
        Failure::new(code::SERVICE, format!("{} is not what Switchback wrote there", path.display()))
            .because(&error)
            .hint(format!("look at it and, when no application runs, remove it: rm {}", path.display()))
    })
}

fn write<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let bytes = serde_json::to_vec_pretty(value).map_err(|error| {
        Failure::new(code::INTERNAL, format!("{} can't be put into words", path.display())).because(&error)
    })?;
    files::write_whole(path, &bytes, 0o600).map_err(|error| unusable("write", path, &error))
}

fn unusable(verb: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(code::SERVICE, format!("could not {verb} {}", path.display())).because(error).hint(format!(
        "look at its owner, its mode and the free space: ls -ld {0}; df -h {0}",
        path.display()
    ))
}
