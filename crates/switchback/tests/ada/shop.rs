//! ADA with everything around it, as the demo prepares it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use switchback_model::DatabaseUrl;
use switchback_postgres::Session;
use switchback_testkit::Ran;
use tempfile::TempDir;

use crate::web::{self, Answer};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");
/// The heads of the releases.
pub(crate) const V1: &str = "b27e94d0c5a1";
pub(crate) const V2: &str = "36cb5f812e94";

static NUMBER: AtomicU32 = AtomicU32::new(1);

/// What a shop is like.
#[derive(Clone, Copy)]
pub(crate) struct Wish {
    pub(crate) release: &'static str,
    pub(crate) fence: &'static str,
    pub(crate) restore_point: &'static str,
    /// Whether it is open when the test begins.
    pub(crate) running: bool,
}

impl Default for Wish {
    fn default() -> Self {
        Self { release: "v1", fence: "closed", restore_point: "clone", running: true }
    }
}

/// A shop. Its server process ends with it.
pub(crate) struct Shop {
    folder: TempDir,
    admin: DatabaseUrl,
    name: String,
    port: u16,
}

impl Shop {
    /// A shop at a release, seeded, open if that is wished.
    pub(crate) async fn new(wish: Wish) -> Self {
        let cluster = switchback_testkit::cluster().await;
        Self::on(cluster.url("postgres"), wish).await
    }

    /// The same on a server of the test's own; `admin` is its superuser.
    pub(crate) async fn on(admin: DatabaseUrl, wish: Wish) -> Self {
        let folder = tempfile::Builder::new().prefix("sb-ada-").tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // No name begins with another one.
        let name = format!("ada{}z", NUMBER.fetch_add(1, Ordering::Relaxed));
        let shop = Self { folder, admin, name, port };
        run(Command::new(examples().join("make-repository")).arg(shop.repository()));
        shop.create_database().await;
        std::fs::write(shop.path("switchback.toml"), shop.configuration(wish)).unwrap();
        shop.flask(&["db", "upgrade"]);
        let seed = ["-m", "app.seed", "--users", "200", "--orders", "2000"];
        run(shop.python("python").args(seed));
        if wish.release != "v1" {
            shop.git(&["checkout", "--quiet", "--detach", wish.release]);
            shop.flask(&["db", "upgrade"]);
        }
        if wish.running {
            shop.expect(&["service", "start"], 0);
            shop.wait_until_healthy(wish.release).await;
        }
        shop
    }

    /// Runs the program.
    pub(crate) fn switchback(&self, words: &[&str]) -> Ran {
        ran(&self.command(words).output().unwrap())
    }

    /// Runs the program, which must end with this status.
    pub(crate) fn expect(&self, words: &[&str], status: i32) -> Ran {
        let ran = self.switchback(words);
        assert_eq!(ran.status, Some(status), "{words:?}\n{}\n{}", ran.stdout, ran.stderr);
        ran
    }

    /// Puts on record that a release's migrations were reviewed, as the gate of its environment asks.
    pub(crate) fn review(&self, release: &str) {
        let words =
            ["review", "-e", "production", "--release", release, "--record", "--accept", "it is closed"];
        self.expect(&words, 0);
    }

    /// Deploys a release, whose migrations are reviewed before, which must end with this status.
    pub(crate) fn deploy(&self, release: &str, status: i32) -> Ran {
        self.review(release);
        self.expect(&["deploy", "--release", release], status)
    }

    /// Begins something that a test does not wait for.
    pub(crate) fn begin(&self, words: &[&str]) -> Running {
        let mut command = self.command(words);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Running { child: Some(child.unwrap()) }
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.current_dir(self.folder.path()).arg("--yes").args(words);
        command
            .env("ADA_URL", self.url().expose())
            .env("ADA_ADMIN_URL", self.admin.expose())
            .env("LC_ALL", "C.UTF-8")
            .env_remove("SWITCHBACK_FAULT");
        command
    }

    /// A file of the shop.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The checkout.
    pub(crate) fn repository(&self) -> PathBuf {
        self.path("ada")
    }

    /// The target's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The target, as application and migrator use it.
    pub(crate) fn url(&self) -> DatabaseUrl {
        let text = self.admin.with_database(&self.name).expose().replacen("postgres@", &self.role(), 1);
        DatabaseUrl::parse(&text).unwrap()
    }

    /// The server's superuser.
    pub(crate) fn admin(&self) -> &DatabaseUrl {
        &self.admin
    }

    /// A session of the superuser, in any database.
    pub(crate) async fn session(&self, database: &str) -> Session {
        Session::connect(&self.admin.with_database(database), "test").await.unwrap()
    }

    /// A number from the target.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.session(&self.name).await.one(sql, &[]).await.expect(sql).get(0)
    }

    /// The target's revision, by its own table.
    pub(crate) async fn revision(&self) -> String {
        let session = self.session(&self.name).await;
        session.one("select version_num::text from public.alembic_version", &[]).await.unwrap().get(0)
    }

    /// The commit that is checked out.
    pub(crate) fn commit(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// The release that is checked out.
    pub(crate) fn release(&self) -> String {
        self.git(&["describe", "--tags", "--exact-match"])
    }

    /// Asks the shop.
    pub(crate) fn get(&self, path: &str) -> Option<Answer> {
        web::ask(self.port, "GET", path, "")
    }

    /// Places an order; it was acknowledged when this returns.
    pub(crate) fn order(&self, reference: &str) {
        let order = serde_json::json!({
            "reference": reference, "user_id": 1, "items": [{ "product_id": 1, "quantity": 2 }],
        });
        let answer = web::ask(self.port, "POST", "/api/orders", &order.to_string()).unwrap();
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    /// Whether the shop finds an order.
    pub(crate) fn has_order(&self, reference: &str) -> bool {
        self.get(&format!("/api/orders/{reference}")).unwrap().status == 200
    }

    /// Whether the shop is well and is this release.
    pub(crate) fn is_healthy(&self, release: &str) -> bool {
        let answer = self.get("/api/health").filter(|answer| answer.status == 200);
        answer.is_some_and(|answer| answer.body.contains(&format!("\"{release}\"")))
    }

    async fn wait_until_healthy(&self, release: &str) {
        until("the shop is well", async || self.is_healthy(release).then_some(())).await;
    }

    /// The events of the newest run's journal, in order; its last line may be half of one.
    pub(crate) fn events(&self) -> Vec<Value> {
        let Some(run) = self.newest_run() else { return Vec::new() };
        let text = std::fs::read_to_string(run.join("journal.jsonl")).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.map(|line| line["event"].clone()).collect()
    }

    /// Whether the newest run has said this of a step.
    pub(crate) fn has_said(&self, kind: &str, step: &str) -> bool {
        self.events().iter().any(|event| event["kind"] == kind && event["step"] == step)
    }

    /// The newest run's folder.
    pub(crate) fn newest_run(&self) -> Option<PathBuf> {
        let runs = std::fs::read_dir(self.path(".switchback/runs")).ok()?;
        runs.map(|entry| entry.unwrap().path()).max()
    }

    /// The newest run's id.
    pub(crate) fn run_id(&self) -> String {
        self.newest_run().unwrap().file_name().unwrap().to_str().unwrap().to_owned()
    }

    /// The way back that the newest run decided on: `nothing`, `swap` or `down`.
    pub(crate) fn way_back(&self) -> String {
        self.decision()["way"].as_str().unwrap_or("none").to_owned()
    }

    /// The decision itself.
    pub(crate) fn decision(&self) -> Value {
        let noted = |event: &&Value| event["kind"] == "step.noted" && event["key"] == "way_back";
        self.events().iter().rfind(noted).map(|event| event["value"].clone()).unwrap_or_default()
    }

    fn git(&self, words: &[&str]) -> String {
        run(Command::new("git").arg("-C").arg(self.repository()).args(words))
    }

    fn flask(&self, words: &[&str]) {
        run(self.python("flask").args(words));
    }

    /// A program of the Python environment, in the checkout, as users would call it.
    fn python(&self, name: &str) -> Command {
        let mut command = Command::new(venv(name));
        command.current_dir(self.repository()).env("DATABASE_URL", self.url().expose());
        command.env("FLASK_APP", "app");
        command
    }

    /// Both login and separator of a URL.
    fn role(&self) -> String {
        format!("{}r@", self.name)
    }

    async fn create_database(&self) {
        let (admin, name, role) = (self.session("postgres").await, &self.name, format!("{}r", self.name));
        let reporting = "do $$ begin create role ada_reporting; \
                         exception when duplicate_object or unique_violation then null; end $$";
        for statements in [
            reporting.to_owned(),
            format!("create role {role} login"),
            format!("create database {name} owner {role}"),
            format!(
                "comment on database {name} is 'the shop'; alter database {name} connection limit 90; \
                 alter database {name} set statement_timeout = '5min'; \
                 alter role {role} in database {name} set idle_in_transaction_session_timeout = '1min'; \
                 grant connect on database {name} to ada_reporting"
            ),
        ] {
            admin.batch(&statements).await.unwrap();
        }
    }

    /// The demo's own configuration, with shorter looks at health and log.
    fn configuration(&self, wish: Wish) -> String {
        let quoted = |path: &Path| format!("{:?}", path.display().to_string());
        let restore_point = format!("restore_point = {:?}", wish.restore_point);
        include_str!("../../src/commands/demo/switchback.toml")
            .replace("@FLASK@", &quoted(&venv("flask")))
            .replace("@PYTHON@", &quoted(&venv("python")))
            .replace("@ADDRESS@", &format!("http://127.0.0.1:{}", self.port))
            .replace("@PORT@", &self.port.to_string())
            .replace(
                "fence = \"closed\"",
                &format!("scratch_url = \"${{ADA_ADMIN_URL}}\"\nfence = {:?}", wish.fence),
            )
            .replace("restore_point = \"auto\"", &restore_point)
            .replace("stable_for = \"3s\"", "stable_for = \"300ms\"")
            .replace("watch = \"3s\"", "watch = \"300ms\"")
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        drop(self.command(&["service", "stop"]).output());
    }
}

/// The program at work; it is killed where a test forgets it.
pub(crate) struct Running {
    child: Option<Child>,
}

impl Running {
    /// SIGKILL, as the machine's end would be.
    pub(crate) fn kill(mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Waits for its end.
    pub(crate) fn ended(mut self) -> Ran {
        ran(&self.child.take().unwrap().wait_with_output().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Looks again and again until there is what is looked for.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(start.elapsed() < Duration::from_mins(2), "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A program of the example application's Python environment.
pub(crate) fn venv(name: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/ada-venv/bin").join(name);
    assert!(program.is_file(), "the example application has no Python environment: run script/bootstrap");
    // Not canonical: a program of an environment knows it by the path that it is called with.
    std::path::absolute(program).unwrap()
}

/// The example's own folder.
pub(crate) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/ada").canonicalize().unwrap()
}

/// Runs a program that must succeed; what it printed.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// What a call of the program came to.
pub(crate) fn ran(output: &Output) -> Ran {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}
