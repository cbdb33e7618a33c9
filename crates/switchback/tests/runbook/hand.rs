//! A person at a shell, with PostgreSQL's own programs.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use switchback_model::DatabaseUrl;
use switchback_postgres::programs::find_client;
use switchback_testkit::{Host, Ran, Shape, State, cluster};
use tempfile::TempDir;

use crate::shop::{PROGRAM, Shop, run};

pub(crate) const BARE: Shape = Shape::BARE;

pub(crate) async fn host(shape: Shape) -> Host {
    Host::new(cluster().await, PROGRAM, shape).await
}

/// Somebody who types commands; `$DB` is the target.
pub(crate) struct Hand {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Hand {
    pub(crate) async fn at(url: &DatabaseUrl) -> Self {
        let bin = find_client(cluster().await.major()).await.unwrap();
        let mut places = vec![bin.program("psql").parent().unwrap().to_owned()];
        places.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        let path = std::env::join_paths(places).unwrap().into_string().unwrap();
        let variables = [
            ("PATH", path.as_str()),
            ("DB", url.database()),
            ("URL", &url.expose()),
            ("PGHOST", url.host()),
            ("PGPORT", url.port().unwrap_or("5432")),
            ("PGUSER", url.user().unwrap_or("postgres")),
            ("PGDATABASE", url.database()),
            ("LC_ALL", "C.UTF-8"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { folder: tempfile::tempdir().unwrap(), variables }
    }

    /// Types a line, whatever comes of it.
    pub(crate) fn types(&self, line: &str) -> Ran {
        let output = self.shell(line).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Types a line that succeeds; what it printed.
    #[track_caller]
    pub(crate) fn does(&self, line: &str) -> String {
        let ran = self.types(line);
        assert_eq!(ran.status, Some(0), "{line}\n{}{}", ran.stdout, ran.stderr);
        ran.stdout.trim().to_owned()
    }

    /// Types a line that fails; what it said.
    #[track_caller]
    pub(crate) fn fails(&self, line: &str) -> String {
        let ran = self.types(line);
        assert_ne!(ran.status, Some(0), "{line}\n{}{}", ran.stdout, ran.stderr);
        ran.stderr
    }

    /// Begins something that goes on until the test ends it.
    pub(crate) fn begins(&self, line: &str) -> Background {
        Background(self.shell(line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn shell(&self, line: &str) -> Command {
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", line]).current_dir(self.folder.path()).stdin(Stdio::null());
        shell.envs(self.variables.iter().map(|(name, value)| (name, value)));
        shell
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A process that is ended with the test.
pub(crate) struct Background(Child);

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Looks again and again until something is so.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_mins(1), "waited in vain until {what}");
        pause();
    }
}

#[expect(clippy::disallowed_methods, reason = "a pause between two looks")]
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}

#[track_caller]
pub(crate) fn assert_same(before: &State, after: &State) {
    let differences = before.differences(after);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// The events of the newest run.
pub(crate) fn events(host: &Host) -> Vec<Value> {
    let lines = host.journal();
    lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].clone()).collect()
}

/// When a step of the newest run said this.
#[track_caller]
pub(crate) fn at(host: &Host, kind: &str, step: &str) -> jiff::Timestamp {
    let found = events(host).into_iter().find(|event| event["kind"] == kind && event["step"] == step);
    let event = found.unwrap_or_else(|| panic!("no {kind} of {step}"));
    event["at"].as_str().unwrap().parse().unwrap()
}

/// Makes the host's migrator do something else where it is asked to commit a part and fail.
pub(crate) fn spoil(host: &Host, before_failing: &str) {
    let script = std::fs::read_to_string(host.path("migrate")).unwrap();
    let from = "name || '!'\"; exit 1";
    assert!(script.contains(from));
    host.write("migrate", &script.replace(from, &format!("name || '!'\"; {before_failing}; exit 1")));
}

/// Half a migration is committed, then it fails: the data has to go back.
pub(crate) const HALF: [(&str, &str); 1] = [("MIGRATE_FAULT", "commit r2")];

/// Keeps a shop's database aside, for the second half of a test.
pub(crate) async fn keep(shop: &Shop) {
    let name = shop.name();
    let make = format!("create database {name}_kept template {name} owner {name}r");
    shop.session("postgres").await.batch(&make).await.unwrap();
}

/// Puts it back, and the release that belongs to it.
pub(crate) async fn put_back(shop: &Shop, release: &str) {
    let (name, admin) = (shop.name(), shop.session("postgres").await);
    admin.batch(&format!("drop database {name} with (force)")).await.unwrap();
    admin.batch(&format!("alter database {name}_kept rename to {name}")).await.unwrap();
    checkout(shop, release);
}

/// `git checkout RELEASE`
pub(crate) fn checkout(shop: &Shop, release: &str) {
    run(Command::new("git").arg("-C").arg(shop.repository()).args(["checkout", "-q", release]));
}

/// Cuts a file off.
pub(crate) fn cut_off(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}
