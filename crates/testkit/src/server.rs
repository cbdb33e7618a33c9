//! A server of one test's own, that can be struck down and started again.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use switchback_model::DatabaseUrl;
use switchback_postgres::Session;
use switchback_postgres::programs::{Bin, Places};
use tempfile::TempDir;

use crate::Disk;

/// A deadline, not a measure: the machine may be busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// The server; it is struck down for good with the test.
#[derive(Debug)]
pub struct OwnServer {
    folder: TempDir,
    bin: Bin,
    postgres: Option<Child>,
    wal: Option<Disk>,
}

impl OwnServer {
    /// A server of the newest version there is.
    pub async fn start() -> Self {
        Self::new(false).await
    }

    /// One whose write-ahead log has a small disk of its own; `None` where there can be no such disk.
    pub async fn start_with_small_wal() -> Option<Self> {
        let server = Self::new(true).await;
        server.wal.is_some().then_some(server)
    }

    async fn new(small_wal: bool) -> Self {
        let bin = Places::system().find_server(None).await.unwrap();
        let folder = private_folder();
        let data = folder.path().join("data");
        let mut initdb = command(&bin.program("initdb"));
        initdb.args(["--auth=trust", "--username=postgres", "--no-sync", "--pgdata"]).arg(data);
        let mut wal = None;
        if small_wal {
            let place = folder.path().join("wal");
            wal = Disk::mount(&place, "size=64m,mode=0700");
            own(&place);
            // initdb wants it empty, and it may be no mount point itself.
            initdb.args(["--wal-segsize=1", "--waldir"]).arg(place.join("pg_wal"));
        }
        let made = initdb.output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut server = Self { folder, bin, postgres: None, wal };
        server.begin();
        server.answers().await;
        server
    }

    /// The superuser in the maintenance database.
    pub fn admin(&self) -> DatabaseUrl {
        let host = self.folder.path().display().to_string().replace('/', "%2F");
        DatabaseUrl::parse(&format!("postgresql://postgres@/postgres?host={host}")).unwrap()
    }

    /// The folder of its socket.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its programs.
    pub fn bin(&self) -> &Bin {
        &self.bin
    }

    /// Its first process, where it runs.
    pub fn pid(&mut self) -> Option<i32> {
        let postgres = self.postgres.as_mut()?;
        matches!(postgres.try_wait(), Ok(None)).then(|| i32::try_from(postgres.id()).unwrap())
    }

    /// The disk of its write-ahead log, where that has one of its own.
    pub fn wal(&self) -> Option<&Disk> {
        self.wal.as_ref()
    }

    /// What a power cut is: no session is told, nothing is written any more; then it starts again.
    pub async fn restart(&mut self) {
        self.strike();
        self.begin();
        self.answers().await;
    }

    /// SIGQUIT is the immediate shutdown (PostgreSQL manual, 18.5).
    pub fn strike(&mut self) {
        if let Some(mut postgres) = self.postgres.take() {
            // It may have ended by itself.
            let _gone_already = kill_process(Pid::from_child(&postgres), Signal::QUIT);
            postgres.wait().unwrap();
        }
    }

    /// Starts it; [`OwnServer::answers`] waits for it. It ends with the thread that calls this.
    pub fn begin(&mut self) {
        self.postgres = Some(self.spawn());
    }

    /// Waits until it lets somebody in.
    ///
    /// # Panics
    /// Where it does not, with its log.
    pub async fn answers(&self) {
        let start = Instant::now();
        while let Err(refused) = Session::connect(&self.admin(), "test").await {
            let log = std::fs::read_to_string(self.log()).unwrap_or_default();
            assert!(start.elapsed() < PATIENCE, "the server does not answer: {refused}\n{log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The file of its log.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn spawn(&self) -> Child {
        // It must not outlive a test that is killed.
        let mut postgres = command("setpriv".as_ref());
        postgres.args(["--pdeathsig", "QUIT", "--"]).arg(self.bin.program("postgres"));
        postgres.arg("-D").arg(self.folder.path().join("data")).arg("-k").arg(self.folder.path());
        postgres.args(["-c", "listen_addresses=", "-c", "max_locks_per_transaction=512"]);
        if self.wal.is_some() {
            // Little is kept for later, so that there is soon need of more.
            postgres.args(["-c", "min_wal_size=2MB", "-c", "max_wal_size=8MB"]);
        }
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        postgres.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        self.strike();
    }
}

fn private_folder() -> TempDir {
    let private = PermissionsExt::from_mode(0o700);
    let folder = tempfile::Builder::new().prefix("sb-own-").permissions(private).tempdir_in("/tmp").unwrap();
    own(folder.path());
    folder
}

/// Gives a folder to whoever runs the server.
fn own(folder: &Path) {
    if let Some((user, group)) = unprivileged() {
        chown(folder, Some(user), Some(group)).unwrap();
    }
}

/// A program of the server, which refuses to run as root.
fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/");
    if let Some((user, group)) = unprivileged() {
        command.uid(user).gid(group);
    }
    command
}

fn unprivileged() -> Option<(u32, u32)> {
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let entry = users.lines().find(|line| line.starts_with("postgres:")).expect("a user postgres");
    let mut numbers = entry.split(':').skip(2).map(|field| field.parse().unwrap());
    Some((numbers.next().unwrap(), numbers.next().unwrap()))
}
