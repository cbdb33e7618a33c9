//! A real PgBouncer between us and the server, in each of its modes.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use switchback_model::DatabaseUrl;
use switchback_postgres::programs::Places;
use switchback_testkit::{Host, Shape, cluster};

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");

/// A pooler on a socket of its own; it ends with the test.
struct Pooler {
    child: Child,
    folder: tempfile::TempDir,
    psql: PathBuf,
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _gone_already = self.child.wait();
    }
}

impl Pooler {
    async fn start(host: &Host, mode: &str, size: u32) -> Self {
        let folder = tempfile::Builder::new().prefix("sb-pool-").tempdir_in("/tmp").unwrap();
        let place = folder.path().display();
        let socket = host.cluster().url("postgres").host().to_owned();
        let text = format!(
            "[databases]\n* = host={socket} port=5432 user=postgres\n[pgbouncer]\nlisten_port = 5432\n\
             unix_socket_dir = {place}\nauth_type = any\npool_mode = {mode}\ndefault_pool_size = {size}\n\
             server_login_retry = 1\nlogfile = {place}/log\n"
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        // It must not outlive a test that is killed, and it refuses to be root: whoever runs the server.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "INT", "--", "pgbouncer"]);
        let owner = std::fs::metadata(&socket).unwrap();
        if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
            command.uid(owner.uid()).gid(owner.gid());
        }
        command.arg(file).current_dir("/").stdout(Stdio::null()).stderr(Stdio::null());
        let psql = Places::system().find_client(15).await.unwrap().program("psql");
        let pooler = Self { child: command.spawn().unwrap(), folder, psql };
        let start = Instant::now();
        while !pooler.folder.path().join(".s.PGSQL.5432").exists() {
            assert!(start.elapsed() < Duration::from_secs(20), "pgbouncer does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        pooler
    }

    fn url(&self, database: &str) -> DatabaseUrl {
        let place = self.folder.path().display();
        DatabaseUrl::parse(&format!("postgresql://postgres@/{database}?host={place}")).unwrap()
    }

    /// The identity of the database that an application finds; the server may have closed what the
    /// pooler held, so it asks again.
    async fn finds(&self, host: &Host) -> String {
        let url = self.url(host.database().name()).expose();
        let start = Instant::now();
        loop {
            let sql = "select oid from pg_database where datname = current_database()";
            let output = Command::new(&self.psql).args(["-XAtc", sql, &url]).output().unwrap();
            if output.status.success() {
                return String::from_utf8_lossy(&output.stdout).trim().to_owned();
            }
            assert!(start.elapsed() < Duration::from_secs(30), "{}", String::from_utf8_lossy(&output.stderr));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn host() -> Host {
    Host::new(cluster().await, PROGRAM, Shape { service: false, page: false, ..Shape::default() }).await
}

#[tokio::test]
async fn every_mode_is_found_before_maintenance_url() {
    let host = host().await;
    let mut before = host.cluster().url("postgres").expose();
    for (mode, size) in
        [("session", 3), ("transaction", 3), ("statement", 3), ("transaction", 1), ("session", 1)]
    {
        let pooler = Pooler::start(&host, mode, size).await;
        let after = pooler.url("postgres").expose();
        host.configure(&format!("maintenance_url = \"{before}\""), &format!("maintenance_url = \"{after}\""));
        before = after;
        let doctor = host.run(&["doctor"]);
        assert_eq!(doctor.status, Some(1), "{mode} {size}\n{}", doctor.stdout);
        let line = doctor.stdout.lines().find(|line| line.contains("pooler before maintenance_url"));
        assert!(line.is_some_and(|line| line.contains("are pooled")), "{mode} {size}\n{}", doctor.stdout);
    }
}

#[tokio::test]
async fn an_application_behind_a_pooler_finds_the_right_database_after_a_swap() {
    let mut host = host().await;
    let pooler = Pooler::start(&host, "transaction", 2).await;
    let direct = host.url().expose();
    host.reach_by(pooler.url(host.database().name()));
    let old = pooler.finds(&host).await;
    let refused = host.expect(&host.deploy(), 3);
    assert!(refused.stderr.contains("set migration_url"), "{}", refused.stderr);
    host.configure("fence = ", &format!("migration_url = \"{direct}\"\nfence = "));
    pooler.finds(&host).await;
    let failed = host.run_with(&host.deploy(), &[("MIGRATE_FAULT", "fail r3")]);
    assert_eq!(failed.status, Some(4), "{}", failed.stderr);
    let sql = "select oid::text from pg_database where datname = $1";
    let admin = host.cluster().session().await;
    let swapped_in: String = admin.one(sql, &[&host.database().name()]).await.unwrap().get(0);
    assert_ne!(swapped_in, old, "nothing was swapped");
    assert_eq!(pooler.finds(&host).await, swapped_in);
}
