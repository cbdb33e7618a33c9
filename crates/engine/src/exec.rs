//! The only place that starts other programs.
//!
//! A child runs in its own process group, so that it can be ended with all it started, and (where
//! `setpriv` of util-linux is there) dies with us: a migrator that goes on after its operator was
//! killed is the one thing that no journal can describe. Its environment is where secrets go;
//! its output is read line by line, bounded, with every secret blanked.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use switchback_model::{Effect, Failure, Result, code};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use crate::cancel::Cancel;

/// How long a child has between "please stop" and being killed.
const GRACE: Duration = Duration::from_secs(5);
/// How long what was written is still read when all of the group is gone.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// Lines of output that are kept for the error message.
const TAIL: usize = 30;
/// Bytes of standard output that are kept whole.
const KEEP: usize = 4 << 20;
/// Bytes of one line; the rest of a longer one is left out.
const LINE: usize = 16 << 10;

/// Which of a child's outputs a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// A program to be run to its end.
#[derive(Clone, Debug)]
pub struct Program {
    argv: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    removed: Vec<OsString>,
    secrets: Vec<String>,
    folder: Option<PathBuf>,
    limit: Option<Duration>,
    user: Option<(u32, u32)>,
}

/// How a program ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its exit status; 128 + N where signal N ended it.
    pub status: i32,
    /// What it wrote to standard output (the first 4 MiB), secrets blanked.
    pub stdout: String,
    /// The last lines of both outputs, as they came, secrets blanked.
    pub tail: Vec<String>,
    /// How long it ran.
    pub took: Duration,
}

impl Finished {
    /// Whether it said that all is well.
    pub fn succeeded(&self) -> bool {
        self.status == 0
    }
}

impl Program {
    /// A program by name or path.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            argv: vec![program.as_ref().to_owned()],
            environment: Vec::new(),
            removed: Vec::new(),
            secrets: Vec::new(),
            folder: None,
            limit: None,
            user: None,
        }
    }

    /// A whole command line, as a configuration gives it.
    ///
    /// # Errors
    /// [`code::CONFIG_INVALID`] where it is empty.
    pub fn of(argv: &[String]) -> Result<Self> {
        let (program, words) = argv
            .split_first()
            .ok_or_else(|| Failure::new(code::CONFIG_INVALID, "a command in the configuration is empty"))?;
        Ok(Self::new(program).args(words))
    }

    /// Adds an argument. Never a secret: every user of the machine can read it.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.argv.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<W: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.argv.extend(words.into_iter().map(|word| word.as_ref().to_owned()));
        self
    }

    /// Sets a variable in the child's environment. A value whose name says that it is secret
    /// (`API_TOKEN`) is blanked in what the child writes.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        let (name, value) = (name.as_ref(), value.as_ref());
        self.environment.push((name.to_owned(), value.to_owned()));
        match value.to_str() {
            Some(text) if names_a_secret(name) && text.len() >= SHORTEST_SECRET => self.secret(Some(text)),
            _ => self,
        }
    }

    /// Sets variables in the child's environment.
    #[must_use]
    pub fn envs<N: AsRef<OsStr>, V: AsRef<OsStr>>(mut self, pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        for (name, value) in pairs {
            self = self.env(name, value);
        }
        self
    }

    /// Takes a variable of ours out of the child's environment.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.removed.push(name.as_ref().to_owned());
        self
    }

    /// A text that must never be seen in the child's output.
    #[must_use]
    pub fn secret(mut self, secret: Option<&str>) -> Self {
        if let Some(secret) = secret.filter(|text| !text.is_empty()) {
            // In a URL it stands percent-encoded.
            let encoded = switchback_model::url::encode(secret);
            if encoded != secret {
                self.secrets.push(encoded);
            }
            self.secrets.push(secret.to_owned());
        }
        self
    }

    /// The folder it runs in.
    #[must_use]
    pub fn folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.folder = Some(folder.as_ref().to_owned());
        self
    }

    /// How long it may run.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The user and group it runs as (only root can change them).
    #[must_use]
    pub fn user(mut self, user: Option<(u32, u32)>) -> Self {
        self.user = user;
        self
    }

    /// The name of the program, for messages.
    pub fn name(&self) -> String {
        self.argv[0].to_string_lossy().into_owned()
    }

    /// The command line as a person would type it.
    pub fn display(&self) -> String {
        let words: Vec<_> = self.argv.iter().map(|word| shell_word(&word.to_string_lossy())).collect();
        words.join(" ")
    }

    /// Runs it to its end, each line of output handed to `on_line`.
    ///
    /// # Errors
    /// [`code::PROGRAM_MISSING`] where it can't be started, [`code::COMMAND_TIMEOUT`] where it ran
    /// too long, [`code::INTERRUPTED`] where `cancel` was heard; in the last two cases the child and
    /// all of its process group are gone when this returns. An exit status other than 0 is no error
    /// here: see [`Program::check`].
    pub async fn run(&self, cancel: &Cancel, mut on_line: impl FnMut(Stream, &str)) -> Result<Finished> {
        let start = Instant::now();
        let mut child = self.spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let mut output = Output::new(&self.secrets);
        let pipes = (child.stdout.take(), child.stderr.take());
        let stopped = {
            let mut reading = pin!(read(pipes, &mut output, &mut on_line));
            let limit = async {
                match self.limit {
                    Some(limit) => tokio::time::sleep(limit).await,
                    None => std::future::pending().await,
                }
            };
            let stopped = tokio::select! {
                read = &mut reading => { read.map_err(|e| self.unreadable(&e))?; None }
                () = limit => Some(code::COMMAND_TIMEOUT),
                () = cancel.cancelled() => Some(code::INTERRUPTED),
            };
            if stopped.is_some() {
                heard_out(end_group(&mut child, group), reading).await;
            }
            stopped
        };
        if let Some(code) = stopped {
            return Err(self.stopped(code, &output));
        }
        let status = child.wait().await.map_err(|e| self.unreadable(&e))?;
        Ok(Finished {
            status: status_of(status),
            stdout: output.stdout,
            tail: output.tail.into(),
            took: start.elapsed(),
        })
    }

    /// Runs it quietly and makes an exit status other than 0 a failure with its last lines.
    ///
    /// # Errors
    /// As [`Program::run`]; [`code::COMMAND_FAILED`] for the exit status.
    pub async fn check(&self, cancel: &Cancel) -> Result<Finished> {
        let finished = self.run(cancel, |_, _| {}).await?;
        if finished.succeeded() { Ok(finished) } else { Err(self.failed(&finished)) }
    }

    /// Runs it on this process's own terminal, in its own group, and says its exit status.
    ///
    /// # Errors
    /// [`code::PROGRAM_MISSING`] where it can't be started.
    pub async fn attached(&self) -> Result<i32> {
        let mut child = self.command().spawn().map_err(|error| self.not_started(&error))?;
        child.wait().await.map(status_of).map_err(|error| self.unreadable(&error))
    }

    /// The failure for an exit status other than 0.
    pub fn failed(&self, finished: &Finished) -> Failure {
        let message = format!("`{}` ended with exit status {}", self.display(), finished.status);
        Failure::new(code::COMMAND_FAILED, message).effect(Effect::Unknown).cause(finished.tail.join("\n"))
    }

    fn spawn(&self) -> Result<Child> {
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        command.spawn().map_err(|error| self.not_started(&error))
    }

    /// The command, wrapped so that it dies with us where the system can do that.
    fn command(&self) -> Command {
        let mut command = match dies_with_us() {
            Some(setpriv) if self.found() => {
                let mut command = Command::new(setpriv);
                command.args(["--pdeathsig", "KILL", "--"]).args(&self.argv);
                command
            }
            _ => {
                let mut command = Command::new(&self.argv[0]);
                command.args(&self.argv[1..]);
                command
            }
        };
        for name in &self.removed {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    /// Whether the program is there to be started; without this look, the wrapper's own error
    /// would hide that it is not.
    fn found(&self) -> bool {
        let program = Path::new(&self.argv[0]);
        if program.components().count() > 1 {
            return self.folder.as_ref().map_or_else(|| program.to_owned(), |f| f.join(program)).is_file();
        }
        let set =
            self.environment.iter().rev().find(|(name, _)| name == "PATH").map(|(_, value)| value.clone());
        let path = set.or_else(|| std::env::var_os("PATH")).unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    }

    fn not_started(&self, error: &std::io::Error) -> Failure {
        let message = match error.kind() {
            std::io::ErrorKind::NotFound => format!("the program `{}` was not found", self.name()),
            _ => format!("the program `{}` could not be started", self.name()),
        };
        Failure::new(code::PROGRAM_MISSING, message)
            .because(error)
            .hint(format!("look whether `{}` is installed and in PATH for this user", self.name()))
    }

    fn unreadable(&self, error: &std::io::Error) -> Failure {
        Failure::new(code::INTERNAL, format!("the output of `{}` can't be read", self.name()))
            .because(error)
            .effect(Effect::Unknown)
    }

    fn stopped(&self, code: code::Code, output: &Output<'_>) -> Failure {
        let why = match self.limit {
            Some(limit) if code == code::COMMAND_TIMEOUT => format!("it ran longer than {limit:?}"),
            _ => "it was interrupted".to_owned(),
        };
        let tail: Vec<_> = output.tail.iter().cloned().collect();
        Failure::new(code, format!("`{}` was ended: {why}", self.display()))
            .effect(Effect::Unknown)
            .cause(tail.join("\n"))
    }
}

/// Everything that a child says, bounded.
struct Output<'a> {
    secrets: &'a [String],
    stdout: String,
    tail: VecDeque<String>,
}

impl<'a> Output<'a> {
    fn new(secrets: &'a [String]) -> Self {
        Self { secrets, stdout: String::new(), tail: VecDeque::new() }
    }

    fn line(&mut self, stream: Stream, line: &str) -> String {
        let line = self.secrets.iter().fold(line.to_owned(), |line, secret| line.replace(secret, "***"));
        if stream == Stream::Out && self.stdout.len() + line.len() < KEEP {
            self.stdout.push_str(&line);
            self.stdout.push('\n');
        }
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(line.clone());
        line
    }
}

async fn read(
    (out, err): (Option<ChildStdout>, Option<ChildStderr>),
    output: &mut Output<'_>,
    on_line: &mut impl FnMut(Stream, &str),
) -> std::io::Result<()> {
    let (mut out, mut err) = (Lines::of(out), Lines::of(err));
    while out.is_some() || err.is_some() {
        let (stream, line) = tokio::select! {
            line = Lines::next(out.as_mut()), if out.is_some() => (Stream::Out, line?),
            line = Lines::next(err.as_mut()), if err.is_some() => (Stream::Err, line?),
        };
        match (stream, line) {
            (stream, Some(line)) => on_line(stream, &output.line(stream, &line)),
            (Stream::Out, None) => out = None,
            (Stream::Err, None) => err = None,
        }
    }
    Ok(())
}

/// One output of a child. The unfinished line lives here, so that nothing is lost when the other
/// output is quicker and this read is dropped half-way.
struct Lines<R> {
    reader: BufReader<R>,
    unfinished: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    fn of(pipe: Option<R>) -> Option<Self> {
        pipe.map(|pipe| Self { reader: BufReader::new(pipe), unfinished: Vec::new() })
    }

    /// The next line without its end; a line longer than [`LINE`] comes in pieces.
    async fn next(this: Option<&mut Self>) -> std::io::Result<Option<String>> {
        let Some(Self { reader, unfinished }) = this else { return Ok(None) };
        let room = LINE - unfinished.len().min(LINE);
        reader.take(room as u64).read_until(b'\n', unfinished).await?;
        if unfinished.is_empty() {
            return Ok(None);
        }
        let mut line = std::mem::take(unfinished);
        while matches!(line.last(), Some(b'\n' | b'\r')) {
            line.pop();
        }
        Ok(Some(String::from_utf8_lossy(&line).into_owned()))
    }
}

/// Hears what a child says while it is ended: that is where it tells what it leaves behind.
async fn heard_out(ending: impl Future<Output = ()>, reading: impl Future<Output = std::io::Result<()>>) {
    let (mut ending, mut reading) = (pin!(ending), pin!(reading));
    tokio::select! {
        () = &mut ending => {
            // Somebody outside of the group may hold the pipes open for as long as it likes.
            drop(tokio::time::timeout(LAST_WORDS, reading).await);
        }
        _all = &mut reading => ending.await,
    }
}

/// Asks the whole group to end, then makes it.
async fn end_group(child: &mut Child, group: Option<Pid>) {
    let signal = |signal| group.map(|group| kill_process_group(group, signal));
    signal(Signal::TERM);
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        signal(Signal::KILL);
        // Its end is certain now; what `wait` says of it is of no use.
        drop(child.wait().await);
    }
    signal(Signal::KILL);
    gone(group).await;
}

/// Waits until nothing of the group is left; a zombie that nobody collects is not waited for long.
async fn gone(group: Option<Pid>) {
    for _ in 0..100 {
        if group.is_none_or(|group| rustix::process::test_kill_process_group(group).is_err()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn status_of(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

/// `setpriv` with `--pdeathsig`, where it is installed.
fn dies_with_us() -> Option<&'static Path> {
    static FOUND: std::sync::OnceLock<Option<PathBuf>> = std::sync::OnceLock::new();
    FOUND
        .get_or_init(|| {
            let places = ["/usr/bin/setpriv", "/bin/setpriv", "/usr/local/bin/setpriv"];
            places.iter().map(PathBuf::from).find(|path| path.is_file())
        })
        .as_deref()
}

/// What is shorter stands in lines by chance, too.
const SHORTEST_SECRET: usize = 6;

/// Whether a variable of this name holds what nobody should read, as it is the custom to name them.
fn names_a_secret(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_uppercase();
    ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "API_KEY", "PRIVATE_KEY", "CREDENTIAL"]
        .iter()
        .any(|word| name.contains(word))
}

/// A word quoted for a POSIX shell where it needs to be.
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shell(script: &str) -> Finished {
        Program::new("sh")
            .args(["-c", script])
            .secret(Some("hush"))
            .run(&Cancel::never(), |_, _| {})
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn keeps_output_and_status_and_hides_secrets() {
        let finished = shell("echo one hush; echo two >&2; exit 3").await;
        assert_eq!((finished.status, finished.stdout.as_str()), (3, "one ***\n"));
        assert!(finished.tail.contains(&"two".to_owned()));
    }

    #[tokio::test]
    async fn a_variable_that_names_a_secret_is_one() {
        let program = Program::new("sh").args(["-c", "echo $API_TOKEN $APP $PGPASSWORD"]);
        let program = program.env("API_TOKEN", "hush-hush").env("APP", "hush").env("PGPASSWORD", "pg");
        let finished = program.run(&Cancel::never(), |_, _| {}).await.unwrap();
        assert_eq!(finished.stdout, "*** hush pg\n");
    }

    #[tokio::test]
    async fn a_long_line_comes_in_pieces_and_nothing_is_lost() {
        let finished = shell("head -c 100000 /dev/zero | tr '\\0' x; echo; echo end").await;
        assert_eq!(finished.stdout.matches('x').count(), 100_000);
        assert!(finished.stdout.ends_with("end\n"));
    }

    #[tokio::test]
    async fn two_busy_outputs_lose_no_line() {
        let finished = shell("for i in $(seq 2000); do echo out; echo err >&2; done").await;
        assert_eq!(finished.stdout.lines().count(), 2000);
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let failure = Program::new("no-such-program").check(&Cancel::never()).await.unwrap_err();
        assert_eq!(failure.code, code::PROGRAM_MISSING);
        assert!(failure.message.contains("no-such-program"));
    }

    #[tokio::test]
    async fn too_long_ends_the_whole_group() {
        let folder = tempfile::tempdir().unwrap();
        let script = format!("sleep 60 & echo $! > {0}/pid; wait", folder.path().display());
        let program = Program::new("sh").args(["-c", &script]).limit(Duration::from_secs(2));
        assert_eq!(program.check(&Cancel::never()).await.unwrap_err().code, code::COMMAND_TIMEOUT);
        let pid = std::fs::read_to_string(folder.path().join("pid")).unwrap();
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        assert!(stat.is_err() || stat.unwrap().contains(") Z "), "the grandchild lives on");
    }

    #[tokio::test]
    async fn cancelling_ends_it() {
        let (canceller, cancel) = crate::cancel::cancel_pair();
        canceller.cancel();
        let failure = Program::new("sleep").arg("60").check(&cancel).await.unwrap_err();
        assert_eq!(failure.code, code::INTERRUPTED);
    }
}
