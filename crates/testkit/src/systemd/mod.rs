//! A host with a real systemd as its first process: in PID, mount, UTS, IPC and cgroup namespaces of
//! its own, over an overlay of the machine's root file system. Networks are shared.
//!
//! It ends with the test process, however that ends: `host.sh` holds it and reads our pipe. A reboot
//! is a new first process on the same overlay. Where the rights for all this are missing, a test is
//! skipped, in words; `REQUIRE_SYSTEMD=1` makes that a failure.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// A deadline, not a measure: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(90);

/// A host. It ends when this is dropped.
#[derive(Debug)]
pub struct SystemdHost {
    holder: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    init: i32,
    _script: tempfile::TempDir,
}

/// What a command inside came to.
#[derive(Debug)]
pub struct Said {
    /// Its exit status.
    pub status: Option<i32>,
    /// What it wrote to both outputs, without the last line's end.
    pub text: String,
}

/// Whether a test without a systemd host is a failure: `REQUIRE_SYSTEMD=1`.
fn required() -> bool {
    std::env::var_os("REQUIRE_SYSTEMD").is_some_and(|value| value == "1")
}

impl SystemdHost {
    /// Boots a host in which these folders can be seen and written; `None`, said past the test
    /// runner's capture, where there can be none.
    pub fn start_or_skip(folders: &[&Path]) -> Option<Self> {
        match Self::start(folders) {
            Ok(host) => Some(host),
            Err(why) => {
                assert!(!required(), "REQUIRE_SYSTEMD is set, and there can be no systemd: {why}");
                let said = writeln!(std::io::stderr(), "SKIPPED: there can be no systemd here: {why}");
                said.unwrap();
                None
            }
        }
    }

    /// As [`SystemdHost::start_or_skip`].
    ///
    /// # Errors
    /// What is missing for it, as a sentence.
    pub fn start(folders: &[&Path]) -> Result<Self, String> {
        let script =
            tempfile::Builder::new().prefix("sb-systemd-").tempdir().map_err(|error| error.to_string())?;
        let path = script.path().join("host.sh");
        std::fs::write(&path, include_str!("host.sh")).map_err(|error| error.to_string())?;
        let mut holder = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh"])
            .arg(&path)
            .args(folders)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("unshare can't be run: {error}"))?;
        let (orders, answers) = (holder.stdin.take(), BufReader::new(holder.stdout.take().unwrap()));
        let mut host = Self { holder, orders, answers, init: 0, _script: script };
        let answer = host.answer();
        if answer != "ready" {
            return Err(if answer.is_empty() { "no mount namespace can be made".into() } else { answer });
        }
        host.boot()?;
        Ok(host)
    }

    /// The power fails, and comes back.
    pub fn reboot(&mut self) {
        self.order("halt");
        assert_eq!(self.answer(), "down");
        self.boot().unwrap();
    }

    /// The host's first process, as the machine numbers it.
    pub fn init(&self) -> i32 {
        self.init
    }

    /// A command as it is, but inside: same folder, same variables.
    pub fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        let target = self.init.to_string();
        inside
            .args(["--target", &target, "--mount", "--pid", "--uts", "--ipc", "--cgroup", "--", "sh", "-c"]);
        inside.arg("cd \"$0\" && exec \"$@\"").arg(command.get_current_dir().unwrap_or(Path::new("/")));
        inside.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        inside
    }

    /// Runs a shell script inside.
    pub fn shell(&self, script: &str) -> Said {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("exec 2>&1; {script}")]).env("LC_ALL", "C");
        let output = self.inside(&command).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        Said { status: output.status.code(), text }
    }

    /// Runs a shell script inside, which must succeed; what it wrote.
    pub fn must(&self, script: &str) -> String {
        let said = self.shell(script);
        assert_eq!(said.status, Some(0), "{script}\n{}", said.text);
        said.text
    }

    /// Writes a unit file.
    pub fn unit(&self, name: &str, text: &str) {
        self.must(&format!("cat > '/etc/systemd/system/{name}' <<'END'\n{text}\nEND"));
    }

    /// Waits until a script inside succeeds.
    pub fn wait_for(&self, script: &str) {
        let start = Instant::now();
        while self.shell(script).status != Some(0) {
            assert!(start.elapsed() < PATIENCE, "this never came true: {script}");
            pause();
        }
    }

    fn boot(&mut self) -> Result<(), String> {
        self.order("boot");
        let answer = self.answer();
        let guest = answer.strip_prefix("up ").ok_or_else(|| answer.clone())?;
        let start = Instant::now();
        loop {
            if let Some(init) = child_of(guest) {
                self.init = init;
                if self.shell("systemctl is-system-running").text == "running" {
                    return Ok(());
                }
            }
            if is_over(guest) {
                return Err(self.answer());
            }
            if start.elapsed() > PATIENCE {
                return Err(format!("systemd does not come up: {}", self.shell("systemctl --failed").text));
            }
            pause();
        }
    }

    fn order(&mut self, word: &str) {
        writeln!(self.orders.as_mut().unwrap(), "{word}").unwrap();
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        // A holder that is gone has said nothing.
        drop(self.answers.read_line(&mut line));
        line.trim_end().to_owned()
    }
}

impl Drop for SystemdHost {
    fn drop(&mut self) {
        // The end of its orders is the order to end.
        self.orders.take();
        drop(self.holder.wait());
    }
}

/// Whether a process has ended, collected or not.
fn is_over(pid: &str) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_none_or(|rest| rest.is_empty() || rest.starts_with('Z'))
}

/// The one child of a process.
fn child_of(parent: &str) -> Option<i32> {
    let pids = std::fs::read_dir("/proc").ok()?.flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok()).find(|pid| {
        let stat = std::fs::read_to_string(PathBuf::from(format!("/proc/{pid}/stat"))).unwrap_or_default();
        let after = stat.rsplit(") ").next().unwrap_or_default();
        after.split_whitespace().nth(1) == Some(parent)
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "between two looks at a condition, with a deadline; there is no runtime"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}
