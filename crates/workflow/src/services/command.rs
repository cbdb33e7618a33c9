//! Commands of the user, for every service manager that has no file of its own here.
//!
//! What they say is not believed alone: after `start` and `stop`, `state` is asked until it agrees.
//! The block is a file beside the journal, which Switchback itself obeys, and the user's `block`
//! where there is one: without it nothing keeps others from starting the application, and a reboot
//! may bring it up. `doctor` and every proof say so.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use switchback_engine::cancel::Cancel;
use switchback_engine::exec::{Finished, Program};
use switchback_model::config::Service;
use switchback_model::{Effect, Failure, Result, code};
use tokio::time::{Instant, sleep};

use super::{ServiceManager, ServiceState, record};
use crate::examine::Look;

const POLL: Duration = Duration::from_millis(200);
/// A service that is not running any more after this time did not start.
const SETTLED: Duration = Duration::from_millis(500);
/// "Program is not running", as the Linux Standard Base has it for `status`.
const STOPPED: i32 = 3;
/// Shorter values of variables are words, not secrets.
const SECRET: usize = 6;
/// Tells the commands which run they are called for.
const RUN: &str = "SWITCHBACK_RUN";

/// The manager `command`.
#[derive(Debug)]
pub struct CommandManager {
    environment: String,
    service: Service,
    directory: PathBuf,
    folder: PathBuf,
}

impl CommandManager {
    /// The manager of one environment's service; see [`super::manager`].
    pub fn new(service: &Service, environment: &str, state: &Path, default_directory: &Path) -> Self {
        Self {
            environment: environment.to_owned(),
            directory: service.directory.clone().unwrap_or_else(|| default_directory.to_owned()),
            folder: state.join("services").join(environment),
            service: service.clone(),
        }
    }

    async fn call(&self, argv: &[String], run: Option<&str>) -> Result<(Program, Finished)> {
        let mut program =
            Program::of(argv)?.folder(&self.directory).envs(&self.service.env).limit(self.service.limit.0);
        for value in self.service.env.values().filter(|value| value.len() >= SECRET) {
            program = program.secret(Some(value));
        }
        if let Some(run) = run {
            program = program.env(RUN, run);
        }
        let finished = program.run(&Cancel::never(), |_, _| {}).await?;
        Ok((program, finished))
    }

    async fn must(&self, argv: &[String], run: Option<&str>) -> Result<()> {
        let (program, finished) = self.call(argv, run).await?;
        if finished.succeeded() { Ok(()) } else { Err(program.failed(&finished)) }
    }

    fn failure(&self, what: &str) -> Failure {
        Failure::new(code::SERVICE, format!("the service of {} {what}", self.environment))
    }

    fn has_block(&self) -> bool {
        !self.service.block.is_empty()
    }

    fn allowed(&self, run: Option<&str>) -> Result<Option<String>> {
        match record::blocked_by(&self.folder)? {
            Some(by) if run != Some(by.as_str()) => Err(super::blocked(&self.environment, &by)),
            by => Ok(by),
        }
    }

    /// Asks `state` until it is as wanted.
    async fn wait(&self, running: bool, within: Duration) -> Result<bool> {
        let start = Instant::now();
        loop {
            if matches!(self.state().await?, ServiceState::Running { .. }) == running {
                return Ok(true);
            }
            if start.elapsed() > within {
                return Ok(false);
            }
            sleep(POLL).await;
        }
    }

    async fn come_up(&self, run: Option<&str>) -> Result<()> {
        self.must(&self.service.start, run).await?;
        if !self.wait(true, self.service.limit.0).await? {
            return Err(self.failure("did not start: `start` succeeded, and `state` says that it is stopped"));
        }
        sleep(SETTLED).await;
        match self.state().await? {
            ServiceState::Running { .. } => Ok(()),
            _ => Err(self.failure("did not start: it ended right after its start")),
        }
    }
}

#[async_trait(?Send)]
impl ServiceManager for CommandManager {
    fn name(&self) -> &'static str {
        "command"
    }

    async fn state(&self) -> Result<ServiceState> {
        let (program, finished) = self.call(&self.service.state, None).await?;
        match finished.status {
            0 => Ok(ServiceState::Running { pid: None, since: None, restarts: 0 }),
            STOPPED => Ok(ServiceState::Stopped),
            status => Err(self
                .failure("is in a state that can't be told")
                .cause(format!(
                    "`{}` ended with exit status {status}; 0 means that it runs, 3 that it is stopped",
                    program.display()
                ))
                .cause(finished.tail.join("\n"))
                .hint(format!(
                    "type it yourself: cd {} && {}; echo $?",
                    self.directory.display(),
                    program.display()
                ))),
        }
    }

    async fn stop(&self) -> Result<Vec<String>> {
        // What the run's own start had to lift is put up again before anything is stopped.
        if let Some(run) = record::blocked_by(&self.folder)?.filter(|_| self.has_block()) {
            self.must(&self.service.block, Some(&run)).await?;
        }
        if self.state().await? == ServiceState::Stopped {
            return Ok(Vec::new());
        }
        self.must(&self.service.stop, None).await?;
        if self.wait(false, self.service.grace.0).await? {
            return Ok(Vec::new());
        }
        Err(self
            .failure("goes on after it was stopped")
            .effect(Effect::Unknown)
            .cause("`stop` succeeded, and `state` says that it runs")
            .hint("let `stop` end the application for certain, or give it longer: grace = \"90s\""))
    }

    async fn start(&self, run: Option<&str>) -> Result<()> {
        let blocking = self.allowed(run)?.filter(|_| self.has_block());
        if let Some(run) = &blocking {
            self.must(&self.service.unblock, Some(run)).await?;
        }
        if matches!(self.state().await?, ServiceState::Running { .. }) {
            return Ok(());
        }
        let come = self.come_up(run).await;
        if come.is_err() {
            self.stop().await?;
        }
        come
    }

    async fn block(&self, run: &str) -> Result<()> {
        match record::blocked_by(&self.folder)? {
            Some(by) if by != run => return Err(super::blocked(&self.environment, &by)),
            Some(_) => {}
            None => record::block(&self.folder, run)?,
        }
        if self.has_block() { self.must(&self.service.block, Some(run)).await } else { Ok(()) }
    }

    async fn unblock(&self, run: &str) -> Result<()> {
        match record::blocked_by(&self.folder)? {
            Some(by) if by != run => return Err(super::blocked(&self.environment, &by)),
            Some(_) if self.has_block() => self.must(&self.service.unblock, Some(run)).await?,
            _ => {}
        }
        record::unblock(&self.folder)
    }

    async fn blocked_by(&self) -> Result<Option<String>> {
        record::blocked_by(&self.folder)
    }

    async fn look_blocked(&self, run: &str) -> Result<String> {
        match record::blocked_by(&self.folder)? {
            Some(by) if by == run && self.has_block() => Ok("starts are blocked by your command".into()),
            Some(by) if by == run => Ok("only Switchback refuses to start it: there is no `block`".into()),
            _ => Err(self.failure("is not blocked")),
        }
    }

    async fn looks(&self) -> Result<Vec<Look>> {
        if self.has_block() {
            return Ok(Vec::new());
        }
        let what = "command: without `block` nobody but Switchback is kept from starting it in a run, and a reboot may";
        Ok(vec![Look::note("service", what).cure("set `block` and `unblock` in [environments.NAME.service]")])
    }
}
