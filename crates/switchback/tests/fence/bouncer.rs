//! A real PgBouncer before the target: pools by session and by transaction.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::shop::Site;

/// It ends with the test.
pub(crate) struct Bouncer {
    folder: TempDir,
    child: Child,
}

impl Bouncer {
    /// `None` where there is no PgBouncer on this machine.
    pub(crate) fn start(site: &Site) -> Option<Self> {
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].map(PathBuf::from);
        let program = program.into_iter().find(|program| program.exists())?;
        let folder = tempfile::Builder::new().prefix("sb-pool-").tempdir_in("/tmp").unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let settings = folder.path().join("pgbouncer.ini");
        std::fs::write(&settings, configuration(site, folder.path())).unwrap();
        // Whoever runs the server; PgBouncer refuses to be root, as the server does.
        let owner = std::fs::metadata(site.socket()).unwrap();
        // It must not outlive a test that is killed.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "INT", "--"]).arg(program).arg("-q").arg(&settings).current_dir("/");
        if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
            chown(folder.path(), Some(owner.uid()), Some(owner.gid())).unwrap();
            command.uid(owner.uid()).gid(owner.gid());
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let bouncer = Self { folder, child };
        site.until("PgBouncer listens", || bouncer.socket().exists());
        Some(bouncer)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join(".s.PGSQL.6432")
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        // SIGTERM is its quick way down.
        let _gone_already = kill_process(Pid::from_child(&self.child), Signal::TERM);
        drop(self.child.wait());
    }
}

/// A refused login is tried again after a tenth of a second, not after fifteen, and a client that
/// waits for a server is refused after one, not after 120: more knocks.
fn configuration(site: &Site, folder: &std::path::Path) -> String {
    let url = site.host.url();
    let server = format!(
        "host={} port={} dbname={} user={}",
        url.host(),
        url.port().unwrap_or("5432"),
        site.name(),
        site.role
    );
    format!(
        "[databases]\nby_session = {server} pool_mode=session\nby_transaction = {server} pool_mode=transaction\n\
         [pgbouncer]\nlisten_addr =\nlisten_port = 6432\nunix_socket_dir = {folder}\nauth_type = any\n\
         max_client_conn = 200\ndefault_pool_size = 10\nserver_login_retry = 0.1\nquery_wait_timeout = 1\n\
         logfile = {folder}/log\nlog_connections = 0\nlog_disconnections = 0\nlog_pooler_errors = 0\n",
        folder = folder.display()
    )
}
