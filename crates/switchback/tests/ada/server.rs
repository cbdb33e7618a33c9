//! A server of one test's own, that can be struck down and started again.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use switchback_model::DatabaseUrl;
use switchback_postgres::Session;
use switchback_postgres::programs::{Bin, Places};
use tempfile::TempDir;

use crate::shop::{run, until};

/// The server; it is struck down for good with the test.
pub(crate) struct OwnServer {
    folder: TempDir,
    bin: Bin,
    postgres: Child,
}

impl OwnServer {
    pub(crate) async fn start() -> Self {
        let bin = Places::system().find_server(None).await.unwrap();
        let private = PermissionsExt::from_mode(0o700);
        let folder =
            tempfile::Builder::new().prefix("sb-own-").permissions(private).tempdir_in("/tmp").unwrap();
        if let Some((user, group)) = unprivileged() {
            chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        let data = folder.path().join("data");
        let mut initdb = command(&bin.program("initdb"));
        run(initdb.args(["--auth=trust", "--username=postgres", "--no-sync", "--pgdata"]).arg(data));
        let postgres = spawn(&bin, &folder);
        let server = Self { folder, bin, postgres };
        server.answers().await;
        server
    }

    /// The superuser in the maintenance database.
    pub(crate) fn admin(&self) -> DatabaseUrl {
        let host = self.folder.path().display().to_string().replace('/', "%2F");
        DatabaseUrl::parse(&format!("postgresql://postgres@/postgres?host={host}")).unwrap()
    }

    /// What a power cut is: no session is told, nothing is written any more; then it starts again.
    pub(crate) async fn restart(&mut self) {
        self.strike();
        self.postgres = spawn(&self.bin, &self.folder);
        self.answers().await;
    }

    async fn answers(&self) {
        let admin = self.admin();
        until("the server answers", async || Session::connect(&admin, "test").await.ok()).await;
    }

    /// SIGQUIT is the immediate shutdown (PostgreSQL manual, 19.5).
    fn strike(&mut self) {
        let pid = Pid::from_child(&self.postgres);
        kill_process(pid, Signal::QUIT).unwrap();
        self.postgres.wait().unwrap();
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        self.strike();
    }
}

fn spawn(bin: &Bin, folder: &TempDir) -> Child {
    // It must not outlive a test that is killed.
    let mut postgres = command("setpriv".as_ref());
    postgres.args(["--pdeathsig", "QUIT", "--"]).arg(bin.program("postgres"));
    postgres.arg("-D").arg(folder.path().join("data")).arg("-k").arg(folder.path());
    postgres.args(["-c", "listen_addresses=", "-c", "max_locks_per_transaction=512"]);
    postgres.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// A program of the server, which refuses to run as root.
fn command(program: &std::path::Path) -> Command {
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
