//! Switchback's own supervisor, for applications that no other service manager looks after.
//!
//! [`ProcessManager`] is the side of whoever gives orders; [`supervise`] is the long-lived process
//! that follows them. They meet in the files of `STATE/services/ENVIRONMENT/` (`spec.json`,
//! `status.json`, `lock`, `blocked`, `output.log`), and no order is believed done by what a file
//! says: the manager looks at the system's process table. After a reboot the service is stopped
//! until somebody starts it.

mod status;
mod supervisor;
mod table;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use rustix::process::Signal;
use switchback_model::config::Service;
use switchback_model::{Effect, Failure, Result, code};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use self::status::{Folder, Phase, Spec, Status};
use self::table::{Process, has_proc};
use super::{ServiceManager, ServiceState};
use crate::files::own_program;

pub use self::supervisor::{serve, supervise};

const POLL: Duration = Duration::from_millis(50);
/// How long the supervisor may take to get the command going.
const ARRIVAL: Duration = Duration::from_secs(15);
/// A command that ends within this time did not start.
const SETTLED: Duration = Duration::from_millis(300);
/// What the supervisor needs beyond the grace to clear up and end.
const MARGIN: Duration = Duration::from_secs(8);
/// How long the kernel may take to clear away what was killed.
const KILLED: Duration = Duration::from_secs(5);
/// Bytes and lines of the log that are shown when a start fails.
const TAIL: (u64, usize) = (8 << 10, 12);
/// Shorter values of variables are words, not secrets.
const SECRET: usize = 6;

/// The manager `process`.
#[derive(Debug)]
pub struct ProcessManager {
    /// The program that is started as `PROGRAM internal supervise SPEC_FILE`; our own by default.
    pub supervisor: PathBuf,
    environment: String,
    service: Service,
    directory: PathBuf,
    folder: Folder,
}

/// What there is of the service.
struct Seen {
    status: Option<Status>,
    /// Whether the supervisor lives.
    supervised: bool,
    /// All processes of the application.
    members: Vec<Process>,
}

impl Seen {
    fn is_nothing(&self) -> bool {
        !self.supervised && self.members.is_empty()
    }

    /// The command itself, where it lives.
    fn child(&self) -> Option<&Process> {
        let child = self.status.as_ref()?.child.as_ref()?;
        self.members.iter().find(|member| *member == child)
    }

    fn runs_supervised(&self) -> bool {
        self.supervised && self.child().is_some()
    }
}

impl ProcessManager {
    /// The manager of one environment's service; see [`super::manager`].
    pub fn new(service: &Service, environment: &str, state: &Path, default_directory: &Path) -> Self {
        // The supervisor works in `/`, so its paths must not depend on where we are.
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self {
            supervisor: own_program(),
            environment: environment.to_owned(),
            directory: absolute(service.directory.as_deref().unwrap_or(default_directory)),
            folder: Folder::new(absolute(&state.join("services").join(environment))),
            service: service.clone(),
        }
    }

    /// Where the application's output goes.
    pub fn log(&self) -> PathBuf {
        self.service.log.clone().unwrap_or_else(|| self.folder.default_log())
    }

    fn see(&self) -> Result<Seen> {
        let status = self.folder.status()?;
        let supervised = status.as_ref().is_some_and(|status| status.supervisor.is_alive());
        let members = status.as_ref().map_or_else(Vec::new, members);
        Ok(Seen { status, supervised, members })
    }

    fn allowed(&self, run: Option<&str>) -> Result<()> {
        match self.folder.blocked_by()? {
            Some(by) if run != Some(by.as_str()) => Err(self.blocked(&by)),
            _ => Ok(()),
        }
    }

    fn blocked(&self, by: &str) -> Failure {
        super::blocked(&self.environment, by)
    }

    fn failure(&self, what: &str) -> Failure {
        Failure::new(code::SERVICE, format!("the service of {} {what}", self.environment))
    }

    fn spec(&self, run: Option<&str>) -> Spec {
        Spec {
            environment: self.environment.clone(),
            command: self.service.command.clone(),
            directory: self.directory.clone(),
            log: self.log(),
            grace: self.service.grace,
            run: run.map(str::to_owned),
        }
    }

    /// The one program that must outlive us, and so the one that is not run by `engine::exec`,
    /// whose children die with us. It leaves our session itself; nothing of ours is held open.
    fn launch(&self) -> Result<Child> {
        let launched = Command::new(&self.supervisor)
            .args(["internal", "supervise"])
            .arg(self.folder.spec_file())
            // The application's variables come this way and not by the file: passwords are among them.
            .envs(&self.service.env)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .spawn();
        launched.map_err(|error| {
            self.failure("has no supervisor: it can't be started")
                .because(&error)
                .hint(format!("look whether it can be run: ls -l {}", self.supervisor.display()))
        })
    }

    /// Waits until the launched supervisor has the command running, or says why not.
    async fn arrived(&self, launched: &mut Child) -> Result<()> {
        // A command that ended at once may have left something that needs its grace.
        let deadline = Instant::now() + ARRIVAL + self.service.grace.0;
        let pid = launched.id().and_then(|pid| i32::try_from(pid).ok());
        let mut running: Option<Instant> = None;
        loop {
            // Asked before the look, so that a supervisor that says why and ends is not missed.
            let ended = launched.try_wait().is_ok_and(|status| status.is_some());
            let seen = self.see()?;
            // Another supervisor's success is as good; another one's trouble is an old story.
            if seen.runs_supervised() {
                if running.get_or_insert_with(Instant::now).elapsed() >= SETTLED {
                    return Ok(());
                }
            } else {
                let status = seen.status.filter(|status| Some(status.supervisor.pid) == pid);
                if let Some(why) = status.as_ref().and_then(Status::trouble) {
                    return Err(self.not_started(&why));
                }
                if ended {
                    return Err(self.not_started("its supervisor ended without a word"));
                }
                running = None;
            }
            if Instant::now() > deadline {
                return Err(self.not_started("its supervisor says nothing"));
            }
            sleep(POLL).await;
        }
    }

    fn not_started(&self, why: &str) -> Failure {
        let log = self.log();
        self.failure(&format!("did not start: {why}"))
            .changed("nothing of it is left running")
            .cause(tail(&log, self.service.env.values()))
            .hint(format!("read what it wrote: tail -n 50 {}", log.display()))
    }

    /// Asks the supervisor to stop the service; a supervisor that does not is killed.
    async fn ask_supervisor(&self, supervisor: &Process) -> Result<()> {
        supervisor.signal(Signal::TERM).map_err(|error| self.unsignalled(supervisor, error))?;
        let deadline = Instant::now() + self.service.grace.0 + MARGIN;
        while supervisor.is_alive() {
            if Instant::now() > deadline {
                return supervisor.signal(Signal::KILL).map_err(|error| self.unsignalled(supervisor, error));
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    /// Ends what has no supervisor (any more).
    async fn end_members(&self, status: &Status) -> Result<()> {
        let start = Instant::now();
        let grace = self.service.grace.0;
        self.signal(&members(status), Signal::TERM)?;
        loop {
            let left = members(status);
            if left.is_empty() {
                return Ok(());
            }
            if start.elapsed() > grace + KILLED {
                return Err(self.unending(&left));
            }
            if start.elapsed() > grace {
                self.signal(&left, Signal::KILL)?;
            }
            sleep(POLL).await;
        }
    }

    fn signal(&self, members: &[Process], signal: Signal) -> Result<()> {
        for member in members {
            let sent = if has_proc() { member.signal(signal) } else { member.signal_group(signal) };
            sent.map_err(|error| self.unsignalled(member, error))?;
        }
        Ok(())
    }

    fn unsignalled(&self, process: &Process, error: rustix::io::Errno) -> Failure {
        self.failure("can't be stopped by this user")
            .because(&error)
            .hint(format!("see whose process it is: ps -o pid,user,args -p {}", process.pid))
    }

    fn unending(&self, left: &[Process]) -> Failure {
        let pids: Vec<_> = left.iter().map(|process| process.pid.to_string()).collect();
        let pids = pids.join(",");
        self.failure("does not end, not even when killed")
            .effect(Effect::Unknown)
            .cause(format!("left: process {pids}"))
            .hint(format!("see what they wait for: ps -o pid,stat,wchan:20,args -p {pids}"))
    }

    /// Writes down that all is over, where no supervisor is about to say something else.
    fn settle(&self) -> Result<bool> {
        let Some(status) = self.folder.status()?.filter(|status| status.phase != Phase::Stopped) else {
            return Ok(true);
        };
        let Some(_lock) = self.folder.lock()? else { return Ok(false) };
        // The supervisor may have spoken between the first look and the lock.
        if !self.see()?.is_nothing() {
            return Ok(false);
        }
        self.folder.write_status(&Status { child: None, phase: Phase::Stopped, ..status })?;
        Ok(true)
    }
}

/// The processes of the application, with or without a supervisor.
fn members(status: &Status) -> Vec<Process> {
    if has_proc() {
        return status.supervisor.session();
    }
    status.child.iter().filter(|child| child.is_alive() || child.has_group()).cloned().collect()
}

/// The last lines of a log, without the values of the service's own variables.
fn tail<'a>(log: &Path, secrets: impl Iterator<Item = &'a String>) -> String {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL.0)))?;
        let mut bytes = Vec::new();
        file.take(TAIL.0).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = String::from_utf8_lossy(&read().unwrap_or_default()).into_owned();
    let blanked =
        secrets.filter(|value| value.len() >= SECRET).fold(text, |text, value| text.replace(value, "***"));
    let lines: Vec<_> = blanked.lines().collect();
    lines[lines.len().saturating_sub(TAIL.1)..].join("\n")
}

#[async_trait(?Send)]
impl ServiceManager for ProcessManager {
    fn name(&self) -> &'static str {
        "process"
    }

    async fn state(&self) -> Result<ServiceState> {
        let seen = self.see()?;
        let Some(status) = &seen.status else { return Ok(ServiceState::Stopped) };
        if let Some(child) = seen.child() {
            let (pid, since) = (Some(child.pid), Some(status.started_at));
            return Ok(ServiceState::Running { pid, since, restarts: status.restarts });
        }
        if let Some(left) = seen.members.first() {
            let why = format!("its command ended, but process {} that it started goes on", left.pid);
            return Ok(ServiceState::Failed { why });
        }
        if seen.supervised {
            return Ok(ServiceState::Failed { why: status.idle() });
        }
        // Nobody is there to say "failed" after a reboot: what did not survive it is stopped.
        if status.phase == Phase::Stopped || !status.supervisor.is_of_this_boot() {
            return Ok(ServiceState::Stopped);
        }
        Ok(ServiceState::Failed { why: "its supervisor and its command were ended by somebody else".into() })
    }

    async fn stop(&self) -> Result<Vec<String>> {
        let deadline = Instant::now() + (self.service.grace.0 + MARGIN) * 2;
        loop {
            let seen = self.see()?;
            let Some(status) = &seen.status else { return Ok(Vec::new()) };
            if seen.supervised {
                self.ask_supervisor(&status.supervisor).await?;
            } else if !seen.members.is_empty() {
                self.end_members(status).await?;
            } else if self.settle()? {
                return Ok(Vec::new());
            }
            if Instant::now() > deadline {
                return Err(self.failure("is started again by somebody else as fast as it is stopped"));
            }
            sleep(POLL).await;
        }
    }

    async fn start(&self, run: Option<&str>) -> Result<()> {
        self.allowed(run)?;
        if self.service.command.is_empty() {
            let message = "the service's `command` is empty";
            return Err(Failure::new(code::CONFIG_INVALID, message)
                .hint("set it in [environments.NAME.service]: command = [\"program\", \"argument\"]"));
        }
        if self.see()?.runs_supervised() {
            return Ok(());
        }
        // A command without its supervisor would not be started again when it ends: it is replaced.
        self.stop().await?;
        self.folder.make()?;
        self.folder.write_spec(&self.spec(run))?;
        let mut launched = self.launch()?;
        if let Err(failure) = self.arrived(&mut launched).await {
            self.stop().await?;
            return Err(failure);
        }
        Ok(())
    }

    async fn block(&self, run: &str) -> Result<()> {
        match self.folder.blocked_by()? {
            Some(by) if by != run => Err(self.blocked(&by)),
            Some(_) => Ok(()),
            None => self.folder.block(run),
        }
    }

    async fn unblock(&self, run: &str) -> Result<()> {
        match self.folder.blocked_by()? {
            Some(by) if by != run => Err(self.blocked(&by)),
            Some(_) => self.folder.unblock(),
            None => Ok(()),
        }
    }

    async fn blocked_by(&self) -> Result<Option<String>> {
        self.folder.blocked_by()
    }
}
