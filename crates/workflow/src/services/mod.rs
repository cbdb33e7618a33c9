//! Who starts and stops the application.
//!
//! One file a manager, one line in [`manager`]. Every manager keeps the same promises: `stop`
//! returns when nothing of the application is left, `start` when it runs, and a block refuses
//! every start but that of the run that set it.

use std::path::Path;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use switchback_model::config::{Manager, Service};
use switchback_model::{Failure, Result, code};

use crate::examine::Look;

pub mod command;
pub(crate) mod files;
pub mod process;
pub(crate) mod record;
pub mod systemd;

/// What the application's service is, looked at now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceState {
    /// It runs.
    Running {
        /// Its main process, where the manager knows one.
        pid: Option<i32>,
        /// When this process was started, where the manager knows it.
        since: Option<Timestamp>,
        /// How often it had to be started again since the service was started: a crash loop counts up.
        restarts: u32,
    },
    /// Nothing of it is there.
    Stopped,
    /// It should run and does not, or something of it is left without being under control.
    Failed {
        /// What is known, as part of a sentence.
        why: String,
    },
}

/// Starts, stops and blocks the application's service.
///
/// Block first, then stop: a start that was under way when the block was set is then either
/// refused by the block or found by the stop.
#[async_trait(?Send)]
pub trait ServiceManager {
    /// The name as it is written in the configuration.
    fn name(&self) -> &'static str;

    /// Looks, without changing anything.
    ///
    /// # Errors
    /// `SERVICE` where it can't be told.
    async fn state(&self) -> Result<ServiceState>;

    /// Stops the service; what does not end within its grace is killed. Returns when nothing of it
    /// is left, with what a person should know of how it ended. Stopping a stopped service changes
    /// nothing.
    ///
    /// # Errors
    /// `SERVICE` where something of it goes on.
    async fn stop(&self) -> Result<Vec<String>>;

    /// Starts the service; returns when its process runs (whether it is well is not asked here).
    /// Starting a running service changes nothing. `run` is the run on whose behalf this is: it may
    /// start although it blocks all others.
    ///
    /// # Errors
    /// `SERVICE_BLOCKED` by another run, `SERVICE` where it does not come up; nothing of it is left
    /// running then.
    async fn start(&self, run: Option<&str>) -> Result<()>;

    /// Refuses every start by others until [`ServiceManager::unblock`], over a reboot too. Blocking
    /// twice changes nothing.
    ///
    /// # Errors
    /// `SERVICE_BLOCKED` by another run, `SERVICE` where it can't be written down.
    async fn block(&self, run: &str) -> Result<()>;

    /// Lifts the block of this run; without one nothing changes.
    ///
    /// # Errors
    /// `SERVICE_BLOCKED` where another run blocks, `SERVICE` where it can't be lifted.
    async fn unblock(&self, run: &str) -> Result<()>;

    /// The run that blocks starts, where one does.
    ///
    /// # Errors
    /// `SERVICE` where it can't be told.
    async fn blocked_by(&self) -> Result<Option<String>>;

    /// The parts of it that run or are to run, by name; a manager that knows of none has one.
    ///
    /// # Errors
    /// As [`ServiceManager::state`].
    async fn parts(&self) -> Result<Vec<String>> {
        let runs = matches!(self.state().await?, ServiceState::Running { .. });
        Ok(if runs { vec![self.name().to_owned()] } else { Vec::new() })
    }

    /// As [`ServiceManager::start`], for these parts alone: what did not run before a run is not
    /// started by it.
    ///
    /// # Errors
    /// As [`ServiceManager::start`].
    async fn start_parts(&self, run: &str, _parts: &[String]) -> Result<()> {
        self.start(Some(run)).await
    }

    /// As [`ServiceManager::state`], of these parts: one that does not run is a failure.
    ///
    /// # Errors
    /// As [`ServiceManager::state`].
    async fn state_of(&self, _parts: &[String]) -> Result<ServiceState> {
        self.state().await
    }

    /// Looks whether the block of this run holds, by other means than it was set; says what it saw.
    ///
    /// # Errors
    /// `SERVICE` where it does not.
    async fn look_blocked(&self, run: &str) -> Result<String> {
        match self.blocked_by().await? {
            Some(by) if by == run => Ok("starts are blocked".into()),
            _ => Err(Failure::new(code::SERVICE, "starts of the application are not blocked")),
        }
    }

    /// What `doctor` and a preflight should say beside the state.
    ///
    /// # Errors
    /// `SERVICE` where it can't be looked at.
    async fn looks(&self) -> Result<Vec<Look>> {
        Ok(Vec::new())
    }
}

/// The manager of an environment's service.
///
/// `name` is the environment, `state` the folder of Switchback's own state, `default_directory`
/// where the command runs if the configuration does not say; `secrets` are blanked in the words of
/// the application.
pub fn manager(
    service: &Service,
    name: &str,
    state: &Path,
    default_directory: &Path,
    secrets: &[String],
) -> Box<dyn ServiceManager> {
    match service.manager {
        Manager::Process => Box::new(process::ProcessManager::new(service, name, state, default_directory)),
        Manager::Systemd => Box::new(systemd::SystemdManager::new(service, name, state, secrets)),
        Manager::Command => Box::new(command::CommandManager::new(service, name, state, default_directory)),
    }
}

/// The refusal of a start while a run blocks it.
fn blocked(environment: &str, by: &str) -> Failure {
    let message = format!("run {by} blocks every start of the service of {environment}");
    Failure::new(code::SERVICE_BLOCKED, message)
        .changed("nothing was started")
        .hint(format!("let the run end: switchback resume {by}"))
        .hint(format!("or take it back: switchback rollback {by}"))
}
