//! A primary with a streaming standby: the standby is promoted while a run is open, and the address
//! is switched. The run does not go on by itself; a person's `resume` or `rollback` does.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use switchback_model::DatabaseUrl;
use switchback_postgres::Session;
use switchback_postgres::programs::Places;
use switchback_testkit::{Host, Ran, Shape, cluster};

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");

/// A host whose server is reached through a link: `address` points at the primary's socket folder,
/// or at the standby's.
struct Pair {
    host: Host,
    bin: PathBuf,
    primary: PathBuf,
    standby: tempfile::TempDir,
    server: Child,
}

impl Pair {
    async fn new() -> Self {
        let cluster = cluster().await;
        let host = Host::new(cluster, PROGRAM, Shape::default()).await;
        let admin = host.cluster().url("postgres").expose();
        let primary = PathBuf::from(host.url().host());
        let address = host.path("address");
        symlink(&primary, &address).unwrap();
        for key in ["maintenance_url", "scratch_url"] {
            host.configure(
                &format!("{key} = \"{admin}\""),
                &format!("{key} = \"{}\"", through(&host, &host.cluster().url("postgres"))),
            );
        }
        let bin = Places::system().find_server(None).await.unwrap().program("postgres");
        let bin = bin.parent().unwrap().to_owned();
        let standby = tempfile::Builder::new().prefix("sb-standby-").tempdir_in("/tmp").unwrap();
        own(standby.path(), &primary);
        let mut backup = as_owner(&primary, &bin.join("pg_basebackup"));
        backup.args([
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--wal-method=stream",
            "--username=postgres",
            "--host",
        ]);
        let done = backup.arg(&primary).arg("--pgdata").arg(standby.path().join("data")).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let mut server = as_owner(&primary, &bin.join("postgres"));
        server.arg("-D").arg(standby.path().join("data")).arg("-k").arg(standby.path());
        let log = std::fs::File::create(standby.path().join("log")).unwrap();
        let server = server.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let pair = Self { host, bin, primary, standby, server };
        pair.until("the standby answers", "select pg_is_in_recovery()").await;
        pair
    }

    /// The standby's superuser in a database.
    async fn standby(&self, database: &str) -> Option<Session> {
        let folder = self.primary.display().to_string();
        let there = self.standby.path().display().to_string();
        let url = self.host.cluster().url(database).expose();
        let url = url.replace(&folder, &there).replace(&encoded(&folder), &encoded(&there));
        Session::connect(&DatabaseUrl::parse(&url).unwrap(), "switchback tests").await.ok()
    }

    /// Waits until a query on the standby gives true.
    async fn until(&self, what: &str, sql: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(session) = self.standby("postgres").await
                && session.one(sql, &[]).await.is_ok_and(|row| row.get::<_, bool>(0))
            {
                return;
            }
            let log = std::fs::read_to_string(self.standby.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "not in time: {what}\n{log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the standby has all that the primary has.
    async fn caught_up(&self) {
        let primary = self.host.cluster().session().await;
        let at: String = primary.one("select pg_current_wal_lsn()::text", &[]).await.unwrap().get(0);
        self.until("it caught up", &format!("select pg_last_wal_replay_lsn() >= '{at}'::pg_lsn")).await;
    }

    /// From now on the standby hears nothing of the primary.
    async fn cut_off(&self) {
        self.caught_up().await;
        let session = self.standby("postgres").await.unwrap();
        session.batch("alter system set primary_conninfo = ''").await.unwrap();
        session.batch("select pg_reload_conf()").await.unwrap();
        self.until("it hears nothing", "select not exists (select from pg_stat_wal_receiver)").await;
    }

    /// The primary dies, the standby takes its place.
    async fn fail_over(&self) {
        let script = self.host.path("fail-over");
        self.host.write("fail-over", &self.script());
        let done = Command::new("sh").arg(script).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        self.until("it is promoted", "select not pg_is_in_recovery()").await;
    }

    fn script(&self) -> String {
        let pid = std::fs::read_to_string(self.primary.join("data/postmaster.pid")).unwrap();
        let owner = std::fs::metadata(&self.primary).unwrap();
        let (uid, gid) = (owner.uid(), owner.gid());
        let drop = if rustix::process::geteuid().is_root() {
            format!("setpriv --reuid {uid} --regid {gid} --clear-groups")
        } else {
            String::new()
        };
        format!(
            "set -e\nkill -QUIT {}\nrm {address}\nln -s {standby} {address}\ncd /\n{drop} {bin}/pg_ctl promote -w -s -D {standby}/data\n",
            pid.lines().next().unwrap(),
            address = self.host.path("address").display(),
            standby = self.standby.path().display(),
            bin = self.bin.display(),
        )
    }

    fn run(&self, words: &[&str], variables: &[(&str, &str)]) -> Ran {
        let url = through(&self.host, &self.host.url());
        let variables: Vec<_> = variables.iter().copied().chain([("APP_URL", url.as_str())]).collect();
        self.host.run_with(words, &variables)
    }

    /// Everything on the promoted server is as before the run: name, revision, columns, rows, service.
    async fn as_before(&self) {
        let session = self.standby(self.host.database().name()).await.expect("the target under its own name");
        let sql = "select (select version_num from public.alembic_version), \
            (select count(*) from information_schema.columns where table_name = 'users'), \
            (select count(*) from public.users), \
            (select count(*) from pg_database where datname like '%\\_sb\\_%'), \
            coalesce(shobj_description((select oid from pg_database where datname = current_database()), 'pg_database'), '')";
        let row = session.one(sql, &[]).await.unwrap();
        let found: (String, i64, i64, i64, String) =
            (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4));
        assert_eq!(found, ("r1".to_owned(), 3, 200, 0, String::new()));
        assert_eq!(self.host.service(), "running, free");
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _gone_already = kill_process(Pid::from_child(&self.server), Signal::INT);
        drop(self.server.wait());
    }
}

fn encoded(path: &str) -> String {
    path.replace('/', "%2F")
}

/// A URL that goes by the link.
fn through(host: &Host, url: &DatabaseUrl) -> String {
    let (folder, address) = (url.host().to_owned(), host.path("address").display().to_string());
    url.expose().replace(&encoded(&folder), &encoded(&address)).replace(&folder, &address)
}

fn own(folder: &Path, like: &Path) {
    if rustix::process::geteuid().is_root() {
        let owner = std::fs::metadata(like).unwrap();
        std::os::unix::fs::chown(folder, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
}

/// A server never runs as root; and it ends with the test.
fn as_owner(like: &Path, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "INT", "--"]).arg(program).current_dir("/").stdin(Stdio::null());
    if rustix::process::geteuid().is_root() {
        let owner = std::fs::metadata(like).unwrap();
        command.uid(owner.uid()).gid(owner.gid());
    }
    command
}

/// Killed when the second migration was applied and not yet looked at.
const KILLED: [(&str, &str); 1] = [("SWITCHBACK_FAULT", "kill-in:apply:r3")];

#[tokio::test]
async fn an_interrupted_run_goes_on_with_the_promoted_server() {
    let pair = Pair::new().await;
    assert_eq!(pair.run(&pair.host.deploy(), &KILLED).status, None);
    pair.caught_up().await;
    pair.fail_over().await;
    let refused = pair.run(&pair.host.deploy(), &[]);
    assert_eq!(refused.status, Some(3), "a new run must not begin: {}", refused.stderr);
    let ran = pair.run(&["resume"], &[]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("was promoted"), "{}", ran.stderr);
    let target = pair.standby(pair.host.database().name()).await.unwrap();
    let revision: String =
        target.one("select version_num from public.alembic_version", &[]).await.unwrap().get(0);
    assert_eq!(revision, "r3");
    drop(target);
    // And the run can be taken back there, later, as every run.
    let ran = pair.run(&["rollback"], &[]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    pair.as_before().await;
}

#[tokio::test]
async fn a_standby_that_missed_the_run_is_only_gone_back_to() {
    let pair = Pair::new().await;
    pair.cut_off().await;
    assert_eq!(pair.run(&pair.host.deploy(), &KILLED).status, None);
    pair.fail_over().await;
    let stuck = pair.run(&["resume"], &[]);
    assert_eq!(stuck.status, Some(5), "{}", stuck.stderr);
    for word in ["SB0509", "the fence", "the restore point", "migrations", "switchback rollback"] {
        assert!(stuck.stderr.contains(word), "no {word} in:\n{}", stuck.stderr);
    }
    let ran = pair.run(&["rollback"], &[]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    pair.as_before().await;
}

#[tokio::test]
async fn a_run_stops_where_its_server_is_another_one() {
    let pair = Pair::new().await;
    pair.caught_up().await;
    pair.host.write("hook", &pair.script());
    let hook = pair.host.path("hook").display().to_string();
    let stuck = pair.run(&pair.host.deploy(), &[("MIGRATE_FAULT", "hook r3"), ("MIGRATE_HOOK", &hook)]);
    assert_eq!(stuck.status, Some(5), "{}", stuck.stderr);
    assert!(stuck.stderr.contains("was promoted"), "{}", stuck.stderr);
    let ran = pair.run(&["rollback"], &[]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    pair.as_before().await;
}
