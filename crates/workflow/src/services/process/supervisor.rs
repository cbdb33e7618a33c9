//! The other side: a process of its own that keeps the application's command running.
//!
//! It lives in a session of its own, so neither Switchback's end nor a terminal's hang-up reaches
//! it, and all that the command starts can be found by that session, even when the supervisor
//! itself was killed. (A command that puts itself into the background with a session of its own
//! gets away: the command must stay in the foreground.)

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use jiff::Timestamp;
use rustix::process::{Signal, getpid, getsid, setsid};
use switchback_model::{Failure, Result, code};
use tokio::process::{Child, Command};
use tokio::signal::unix::{self, SignalKind};
use tokio::time::{Instant, sleep, timeout};

use super::status::{Folder, Phase, Spec, Status};
use super::table::{Process, has_proc};

const FIRST_DELAY: Duration = Duration::from_secs(1);
const LONGEST_DELAY: Duration = Duration::from_secs(30);
/// Who was up for so long is no crash loop.
const WELL: Duration = Duration::from_mins(1);
/// How often a block is looked at again.
const LOOK: Duration = Duration::from_millis(250);
/// How long the kernel may take to clear away what was killed.
const KILLED: Duration = Duration::from_secs(5);

/// Supervises the service described in a file until it is told to stop (SIGTERM). For the hidden
/// subcommand `internal supervise`; it makes its own runtime, so it must not be called inside one.
///
/// # Errors
/// `SERVICE` where it can't begin; what happens later is in the status file.
pub fn supervise(spec: &Path) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::new(code::SERVICE, "no runtime can be made").because(&error))?;
    runtime.block_on(serve(spec))
}

/// As [`supervise`], inside a runtime with time and signals.
///
/// # Errors
/// As [`supervise`].
pub async fn serve(spec: &Path) -> Result<()> {
    let folder = Folder::new(spec.parent().unwrap_or(Path::new("/")).to_owned());
    let mut stop = Stop::listen()?;
    let me = own_session()?;
    let Some(_lock) = lock(&folder).await? else {
        return Err(Failure::new(code::SERVICE, "another supervisor of this service runs already"));
    };
    let spec =
        folder.spec()?.ok_or_else(|| Failure::new(code::SERVICE, "there is no spec.json to work from"))?;
    let status = Status {
        supervisor: me,
        child: None,
        phase: Phase::Starting,
        started_at: Timestamp::now(),
        restarts: 0,
        last_exit: None,
    };
    Supervisor { folder, spec, status }.run(&mut stop).await
}

/// A manager that tidies up holds the lock for a moment, so one "no" is not enough.
async fn lock(folder: &Folder) -> Result<Option<File>> {
    for _ in 0..20 {
        if let Some(lock) = folder.lock()? {
            return Ok(Some(lock));
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(None)
}

/// Leaves the session of whoever started us. In a session that is not ours we must not go on: its
/// members, a person's shell among them, would be taken for the application's.
fn own_session() -> Result<Process> {
    // Who leads a session already is refused by `setsid` and told apart below.
    let _ = setsid();
    let pid = getpid();
    let me = Process::now(pid.as_raw_nonzero().get());
    match me {
        Some(me) if getsid(None) == Ok(pid) => Ok(me),
        _ => Err(Failure::new(code::SERVICE, "the supervisor can't have a session of its own")
            .hint("it is started by Switchback itself, never by hand")),
    }
}

/// The word to stop. A hang-up is heard and means nothing.
struct Stop {
    term: unix::Signal,
    int: unix::Signal,
    _hang_up: unix::Signal,
}

impl Stop {
    fn listen() -> Result<Self> {
        let listen = |kind| {
            unix::signal(kind)
                .map_err(|error| Failure::new(code::SERVICE, "signals can't be heard").because(&error))
        };
        Ok(Self {
            term: listen(SignalKind::terminate())?,
            int: listen(SignalKind::interrupt())?,
            _hang_up: listen(SignalKind::hangup())?,
        })
    }

    async fn said(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }

    /// Waits; true where the word came meanwhile.
    async fn within(&mut self, time: Duration) -> bool {
        timeout(time, self.said()).await.is_ok()
    }
}

struct Supervisor {
    folder: Folder,
    spec: Spec,
    status: Status,
}

impl Supervisor {
    async fn run(mut self, stop: &mut Stop) -> Result<()> {
        // Written before the block is asked for: who blocks and then stops finds us, or we find
        // the block.
        self.folder.write_status(&self.status)?;
        if let Some(run) = self.held_by() {
            return self.give_up(format!("starts are blocked by run {run}"));
        }
        let mut child = match self.spawn() {
            Ok(child) => child,
            Err(why) => return self.give_up(why),
        };
        let mut delay = FIRST_DELAY;
        loop {
            let up = Instant::now();
            if self.attend(&mut child, stop).await {
                break;
            }
            delay = if up.elapsed() >= WELL { FIRST_DELAY } else { delay };
            let Some(next) = self.again(delay, stop).await else { break };
            child = next;
            delay = (delay * 2).min(LONGEST_DELAY);
        }
        self.say(Phase::Stopped);
        Ok(())
    }

    /// Waits for the command's end or the word to stop; true for the word. Nothing that the command
    /// started is left then: a worker that holds its port would make the next start fail.
    async fn attend(&mut self, child: &mut Child, stop: &mut Stop) -> bool {
        let ended = tokio::select! {
            ended = child.wait() => Some(ended),
            () = stop.said() => None,
        };
        let stopping = ended.is_none();
        let last = match ended {
            Some(Ok(status)) => format!("ended with {status}"),
            Some(Err(error)) => format!("ended, and it can't be told how: {error}"),
            None => "was stopped".to_owned(),
        };
        self.end(child).await;
        self.status.child = None;
        self.status.last_exit = Some(last);
        stopping
    }

    /// Starts the command again after a while; `None` where the word to stop came.
    async fn again(&mut self, mut delay: Duration, stop: &mut Stop) -> Option<Child> {
        loop {
            self.say(Phase::Waiting);
            if stop.within(delay).await {
                return None;
            }
            while self.held_by().is_some() {
                if self.status.phase != Phase::Blocked {
                    self.say(Phase::Blocked);
                }
                if stop.within(LOOK).await {
                    return None;
                }
            }
            self.status.restarts += 1;
            match self.spawn() {
                Ok(child) => return Some(child),
                Err(why) => self.status.last_exit = Some(why),
            }
            delay = (delay * 2).min(LONGEST_DELAY);
        }
    }

    /// The run that keeps us from starting the command. A block that can't be read holds as well.
    fn held_by(&self) -> Option<String> {
        match self.folder.blocked_by() {
            Ok(by) => by.filter(|by| self.spec.run.as_ref() != Some(by)),
            Err(_) => Some("that can't be read".to_owned()),
        }
    }

    fn spawn(&mut self) -> Result<Child, String> {
        let (out, err) = self.log().map_err(|e| format!("its log {}: {e}", self.spec.log.display()))?;
        let (program, words) = self.spec.command.split_first().ok_or("its command is empty")?;
        let child = Command::new(program)
            .args(words)
            .current_dir(&self.spec.directory)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .spawn()
            .map_err(|error| {
                format!("`{program}` can't be started in {}: {error}", self.spec.directory.display())
            })?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        self.status.child = pid.and_then(Process::now);
        self.status.started_at = Timestamp::now();
        self.say(Phase::Running);
        Ok(child)
    }

    /// What an application prints may hold anything, so a log that is made here is its owner's alone;
    /// one that is there keeps its mode.
    fn log(&self) -> std::io::Result<(File, File)> {
        let file = File::options().create(true).append(true).mode(0o600).open(&self.spec.log)?;
        Ok((file.try_clone()?, file))
    }

    /// Ends the command with all that it started: asks, waits for the grace, kills.
    async fn end(&mut self, child: &mut Child) {
        let group = self.status.child.clone();
        self.ask(group.as_ref(), Signal::TERM);
        if self.gone_within(child, group.as_ref(), self.spec.grace.0).await {
            return;
        }
        // Again and again: who forks while the list is read is not on it.
        let deadline = Instant::now() + KILLED;
        while Instant::now() < deadline {
            self.ask(group.as_ref(), Signal::KILL);
            if self.gone_within(child, group.as_ref(), LOOK).await {
                return;
            }
        }
    }

    /// Signals everybody in our session, once: some programs take a second TERM for impatience.
    /// What can't be signalled is not lost: whoever stops us looks again.
    fn ask(&self, child: Option<&Process>, signal: Signal) {
        if has_proc() {
            for member in self.status.supervisor.session() {
                let _ = member.signal(signal);
            }
        } else if let Some(child) = child {
            let _ = child.signal_group(signal);
        }
    }

    async fn gone_within(&self, child: &mut Child, group: Option<&Process>, time: Duration) -> bool {
        let gone = async {
            drop(child.wait().await);
            let left = || {
                if has_proc() {
                    !self.status.supervisor.session().is_empty()
                } else {
                    group.is_some_and(Process::has_group)
                }
            };
            while left() {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(time, gone).await.is_ok()
    }

    /// Writes the phase down. The application must live on where the disk is full: what the file
    /// does not tell, the process table does.
    fn say(&mut self, phase: Phase) {
        self.status.phase = phase;
        drop(self.folder.write_status(&self.status));
    }

    fn give_up(mut self, why: String) -> Result<()> {
        self.status.phase = Phase::Failed(why.clone());
        self.folder.write_status(&self.status)?;
        Err(Failure::new(code::SERVICE, why))
    }
}
