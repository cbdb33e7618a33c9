//! A PgBouncer between application and server, that dies and comes back.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// It ends with the case.
pub(crate) struct Pooler {
    folder: TempDir,
    program: PathBuf,
    server: PathBuf,
    child: Option<Child>,
}

impl Pooler {
    /// Where its program is, if anywhere.
    pub(crate) fn program() -> Option<PathBuf> {
        ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"]
            .map(PathBuf::from)
            .into_iter()
            .find(|path| path.exists())
    }

    /// Starts one before the server whose socket is in this folder.
    pub(crate) fn start(server: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("sb-pool-").tempdir_in("/tmp").unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        // Connections that nobody uses any more end soon: who is in the target at the end is looked at.
        let text = format!(
            "[databases]\n* = host={} port=5432 user=postgres\n[pgbouncer]\nlisten_addr =\nlisten_port = 5432\n\
             unix_socket_dir = {place}\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 5\n\
             server_login_retry = 0.2\nquery_wait_timeout = 5\nserver_idle_timeout = 1\nlogfile = {place}/log\n",
            server.display(),
            place = folder.path().display(),
        );
        std::fs::write(folder.path().join("pgbouncer.ini"), text).unwrap();
        let mut pooler =
            Self { folder, program: Self::program().unwrap(), server: server.to_owned(), child: None };
        pooler.begin();
        pooler
    }

    /// Where it listens.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it, again.
    pub(crate) fn begin(&mut self) {
        // What was killed leaves its socket.
        drop(std::fs::remove_file(self.socket()));
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "INT", "--"]).arg(&self.program).arg("-q");
        command.arg(self.folder.path().join("pgbouncer.ini")).current_dir("/");
        // It refuses to be root, as the server does.
        let owner = std::fs::metadata(&self.server).unwrap();
        if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
            chown(self.folder.path(), Some(owner.uid()), Some(owner.gid())).unwrap();
            command.uid(owner.uid()).gid(owner.gid());
        }
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(quiet.spawn().unwrap());
    }

    /// Waits until it listens.
    pub(crate) async fn answers(&self) {
        let start = Instant::now();
        while !self.socket().exists() {
            assert!(start.elapsed() < Duration::from_secs(20), "PgBouncer does not start");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Kills it.
    pub(crate) fn strike(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _gone_already = child.kill();
            drop(child.wait());
        }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join(".s.PGSQL.5432")
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.strike();
    }
}
