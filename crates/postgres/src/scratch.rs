//! A private PostgreSQL cluster that is gone when we are.
//!
//! It listens on a unix socket in its own folder (0700) and nowhere else; durability is off,
//! because nothing in it is worth keeping. A small shell, the keeper, owns server and folder. It
//! holds the reading end of a pipe whose writing end is ours: when we end, even by SIGKILL, the
//! kernel closes the pipe, and the keeper ends the server and removes the folder.

use std::fmt::Write as _;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use switchback_engine::cancel::Cancel;
use switchback_engine::exec::shell_word;
use switchback_model::{DatabaseUrl, Failure, Result, code};

use crate::Session;
use crate::programs::{Bin, Places, Version};

const KEEPER: &str = include_str!("keeper.sh");
/// How long a cluster may take until it answers.
const START: Duration = Duration::from_mins(1);
/// How long the keeper may take to end it: its own steps add up to seven seconds, or more with a slow `sleep`.
const STOP: Duration = Duration::from_secs(40);
const POLL: Duration = Duration::from_millis(15);
/// A socket's path has 107 bytes on Linux and 103 on macOS (`sun_path`); a margin is kept.
const SOCKET_PATH: usize = 100;
/// PostgreSQL refuses to run as root, so root's clusters belong to the first of these.
const UNPRIVILEGED: &[&str] = &["postgres", "nobody"];

/// How a cluster is made.
#[derive(Clone, Debug)]
pub struct ScratchOptions {
    /// The major version; the newest there is where it does not matter.
    pub major: Option<u16>,
    /// Where the server's programs are searched.
    pub places: Places,
    /// The folder that the cluster's own folder is made in. Its path must be short, for the socket's
    /// sake, and open to the unprivileged user where we are root.
    pub parent: PathBuf,
    /// The superuser that the cluster is made with.
    pub superuser: String,
    /// Encoding of the cluster's first databases.
    pub encoding: String,
    /// Locale of the cluster's first databases.
    pub locale: String,
    /// Settings for `postgresql.conf`; they win over the built-in ones.
    pub settings: Vec<(String, String)>,
    /// Survives a crash of the server, and costs what that costs.
    pub durable: bool,
    /// Leaves the folder where it is at the end.
    pub keep_folder: bool,
}

impl Default for ScratchOptions {
    fn default() -> Self {
        Self {
            major: None,
            places: Places::system(),
            // Not TMPDIR: on a Mac its path alone is half of what a socket may have.
            parent: PathBuf::from("/tmp"),
            superuser: "postgres".to_owned(),
            encoding: "UTF8".to_owned(),
            locale: "C".to_owned(),
            settings: Vec::new(),
            durable: false,
            keep_folder: false,
        }
    }
}

/// A running cluster; its superuser needs no password, for nobody else comes to its socket.
///
/// Dropping it closes the pipe, and the keeper does the rest; [`Scratch::stop`] waits for it.
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
    version: Version,
    superuser: String,
    owner: Option<ChildStdin>,
    keeper: Option<Child>,
}

impl Scratch {
    /// Makes a cluster and waits until it answers (about a second).
    ///
    /// # Errors
    /// [`code::PROGRAM_MISSING`] without server programs of that major; [`code::CLUSTER_START`] with
    /// the last lines of the server's log; [`code::INTERRUPTED`]. Nothing is left behind.
    pub async fn start(options: &ScratchOptions, cancel: &Cancel) -> Result<Self> {
        let bin = options.places.find_server(options.major).await?;
        let mut scratch = Self::spawn(options, &bin)?;
        let answered = tokio::select! {
            answered = scratch.answers() => answered,
            () = cancel.cancelled() => Err(Failure::new(code::INTERRUPTED, "starting a scratch cluster was interrupted")),
        };
        match answered {
            Ok(()) => Ok(scratch),
            Err(failure) => {
                // The failure that began it says more than one of the cleaning up.
                drop(scratch.stop().await);
                Err(failure)
            }
        }
    }

    /// The URL of one of its databases, as superuser.
    pub fn url(&self, database: &str) -> DatabaseUrl {
        socket_url(&self.folder, &self.superuser).with_database(database)
    }

    /// The folder of socket, data and log.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The superuser it was made with.
    pub fn superuser(&self) -> &str {
        &self.superuser
    }

    /// The server's version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Whether the server still runs, as far as its keeper knows.
    pub fn is_running(&mut self) -> bool {
        self.keeper.as_mut().is_some_and(|keeper| matches!(keeper.try_wait(), Ok(None)))
    }

    /// Ends the cluster and waits until server and folder are gone.
    ///
    /// # Errors
    /// [`code::INTERNAL`] where it does not end in time; the hint says what to remove.
    pub async fn stop(mut self) -> Result<()> {
        self.owner = None;
        let start = Instant::now();
        while self.is_running() {
            if start.elapsed() > STOP {
                let message = format!("the scratch cluster in {} does not end", self.folder.display());
                let data = shell_word(&self.folder.join("data").to_string_lossy());
                return Err(Failure::new(code::INTERNAL, message)
                    .hint(format!("end it: pg_ctl stop -m immediate -D {data}, then remove the folder")));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    fn spawn(options: &ScratchOptions, bin: &Bin) -> Result<Self> {
        let user = unprivileged()?;
        let folder = private_folder(options, user)?;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", KEEPER, "switchback-keeper"]);
        command.arg(&folder).arg(&bin.folder).arg(if options.keep_folder { "keep" } else { "remove" });
        command.args(["--no-sync", "--auth=trust"]);
        command.arg(format!("--username={}", options.superuser));
        command.arg(format!("--encoding={}", options.encoding)).arg(format!("--locale={}", options.locale));
        clean_environment(&mut command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // An interrupt typed at the terminal is for us; the keeper hears of it by our end.
        command.process_group(0).current_dir("/");
        if let Some((user, group)) = user {
            command.uid(user).gid(group);
        }
        let mut keeper = command.spawn().map_err(|error| {
            drop(std::fs::remove_dir_all(&folder));
            Failure::new(code::CLUSTER_START, "the shell that keeps a scratch cluster could not be started")
                .because(&error)
        })?;
        let superuser = options.superuser.clone();
        Ok(Self { folder, version: bin.version, superuser, owner: keeper.stdin.take(), keeper: Some(keeper) })
    }

    async fn answers(&mut self) -> Result<()> {
        let url = self.url("postgres");
        let start = Instant::now();
        loop {
            if !self.is_running() {
                return Err(Failure::new(
                    code::CLUSTER_START,
                    "the scratch cluster's server ended while it started",
                )
                .cause(self.last_words()));
            }
            // A server that is not ready refuses at once; only the last refusal is of interest.
            let Err(refused) = Session::connect(&url, "switchback scratch").await else { return Ok(()) };
            if start.elapsed() > START {
                let message = format!("the scratch cluster did not answer within {} s", START.as_secs());
                return Err(Failure::new(code::CLUSTER_START, message).because(&refused).cause(self.log()));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// What the keeper printed; it has ended, so this does not wait.
    fn last_words(&mut self) -> String {
        let mut text = Vec::new();
        if let Some(mut stdout) = self.keeper.as_mut().and_then(|keeper| keeper.stdout.take()) {
            // Half of it is better than none, so an error does not matter.
            drop(stdout.read_to_end(&mut text));
        }
        String::from_utf8_lossy(&text).trim_end().to_owned()
    }

    fn log(&self) -> String {
        let text = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<_> = text.lines().rev().take(25).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.owner = None;
        if let Some(mut keeper) = self.keeper.take() {
            // Somebody has to read its exit status, or it stays as a zombie until we end.
            std::thread::spawn(move || keeper.wait());
        }
    }
}

fn socket_url(folder: &Path, superuser: &str) -> DatabaseUrl {
    let (folder, user) = (encoded(folder.as_os_str().as_bytes()), encoded(superuser.as_bytes()));
    DatabaseUrl::parse(&format!("postgresql://{user}@/postgres?host={folder}"))
        .unwrap_or_else(|_| unreachable!("every byte is encoded, and both texts are UTF-8"))
}

fn encoded(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text can't fail.
        let _ = write!(text, "%{byte:02X}");
        text
    })
}

/// A new folder of mode 0700 with the settings in it, owned by who will run the server.
fn private_folder(options: &ScratchOptions, user: Option<(u32, u32)>) -> Result<PathBuf> {
    let failed = |error: std::io::Error| {
        let message = format!("no folder for a scratch cluster can be made in {}", options.parent.display());
        Failure::new(code::CLUSTER_START, message).because(&error)
    };
    let parent = options.parent.canonicalize().map_err(failed)?;
    let private = std::fs::Permissions::from_mode(0o700);
    let folder =
        tempfile::Builder::new().prefix("sb-").permissions(private).tempdir_in(&parent).map_err(failed)?;
    let socket = folder.path().join(".s.PGSQL.5432");
    if socket.as_os_str().len() > SOCKET_PATH || socket.to_str().is_none() {
        let message = format!("the path of {} is too long for a socket in it", parent.display());
        return Err(Failure::new(code::CLUSTER_START, message)
            .hint("name a folder with a shorter path, such as /tmp"));
    }
    let settings = folder.path().join("settings.conf");
    std::fs::write(&settings, settings_text(options)).map_err(failed)?;
    if let Some((user, group)) = user {
        for path in [&settings, folder.path()] {
            std::os::unix::fs::chown(path, Some(user), Some(group)).map_err(failed)?;
        }
    }
    // From here on it is the keeper's.
    Ok(folder.keep())
}

fn settings_text(options: &ScratchOptions) -> String {
    const ALWAYS: &[(&str, &str)] = &[
        ("listen_addresses", ""),
        ("unix_socket_permissions", "0700"),
        ("max_connections", "100"),
        // A reading of all tables in one transaction locks each of them.
        ("max_locks_per_transaction", "512"),
        ("shared_buffers", "128MB"),
        ("maintenance_work_mem", "128MB"),
        ("wal_level", "minimal"),
        ("max_wal_senders", "0"),
        ("max_wal_size", "4GB"),
        ("autovacuum", "off"),
        ("jit", "off"),
        ("logging_collector", "off"),
    ];
    const FRAGILE: &[(&str, &str)] =
        &[("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off")];
    let fragile = if options.durable { &[] } else { FRAGILE };
    let built_in = ALWAYS.iter().chain(fragile).map(|&(name, value)| (name, value));
    let own = options.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let mut text = String::from("\n# scratch cluster\n");
    for (name, value) in built_in.chain(own) {
        // In this file a quote is doubled and a backslash too (manual, 20.1.2).
        let value = value.replace('\\', r"\\").replace('\'', "''");
        let _ = writeln!(text, "{name} = '{value}'");
    }
    text
}

/// libpq's and the server's variables would change what the cluster is; the locale of messages too.
fn clean_environment(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.as_bytes().starts_with(b"PG") || name == "LC_ALL" || name == "LANGUAGE" {
            command.env_remove(name);
        }
    }
    command.env("LC_MESSAGES", "C");
}

/// User and group for a server that must not run as root; `None` where we are not root.
fn unprivileged() -> Result<Option<(u32, u32)>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    UNPRIVILEGED.iter().find_map(|name| entry(&users, name)).map(Some).ok_or_else(|| {
        Failure::new(
            code::CLUSTER_START,
            "PostgreSQL refuses to run as root, and there is no user to run it as",
        )
        .hint("run this as another user, or make one: useradd --system postgres")
    })
}

fn entry(users: &str, name: &str) -> Option<(u32, u32)> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_user_of_the_password_file() {
        let users = "root:x:0:0::/root:/bin/sh\npostgres:x:101:104:a,b:/var:/bin/sh\n";
        assert_eq!(entry(users, "postgres"), Some((101, 104)));
        assert_eq!(entry(users, "nobody"), None);
    }

    #[test]
    fn settings_are_quoted_and_the_callers_come_last() {
        let options = ScratchOptions {
            settings: vec![("jit".to_owned(), "on".to_owned()), ("x.y".to_owned(), r"it's a \".to_owned())],
            durable: true,
            ..Default::default()
        };
        let text = settings_text(&options);
        assert!(text.ends_with("jit = 'on'\nx.y = 'it''s a \\\\'\n"), "{text}");
        assert!(!text.contains("fsync"));
    }

    #[test]
    fn a_folder_with_a_long_path_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let parent = root.path().join("x".repeat(90));
        std::fs::create_dir(&parent).unwrap();
        let options = ScratchOptions { parent: parent.clone(), ..Default::default() };
        let failure = private_folder(&options, None).unwrap_err();
        assert_eq!(failure.code, code::CLUSTER_START);
        assert_eq!(std::fs::read_dir(&parent).unwrap().count(), 0, "something was left behind");
    }
}
