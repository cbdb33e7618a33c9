//! A target that many write to, and a deploy that stands still behind its fence for as long as a
//! test wants.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use switchback_model::DatabaseUrl;
use switchback_postgres::Session;
use switchback_testkit::{Host, Ran, Shape, cluster};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");
const SHAPE: Shape = Shape {
    fence: "closed",
    restore_point: "clone",
    service: false,
    code: false,
    page: false,
    tool: "alembic",
    migrations: "many",
};
/// Every row that was there, in an order.
const DIGEST: &str = "select count(*) || ' ' || md5(string_agg(client || ':' || n, ',' order by client, n)) \
                      from public.attempts";

/// A host whose target belongs to an ordinary role, with a table that no migration names.
pub(crate) struct Site {
    pub(crate) host: Host,
    pub(crate) role: String,
}

impl Site {
    pub(crate) async fn new() -> Self {
        let cluster = cluster().await;
        let host = Host::new(cluster, PROGRAM, SHAPE).await;
        let role = cluster.role("clerk", "login createdb").await;
        host.database()
            .run(
                "create table attempts (client integer, n integer, at timestamptz default clock_timestamp(), \
                 primary key (client, n))",
            )
            .await;
        let name = host.database().name();
        cluster.run(&format!("alter database {name} owner to {role}")).await;
        for table in ["attempts", "users", "notes", "starts", "alembic_version"] {
            host.database().run(&format!("alter table {table} owner to {role}")).await;
        }
        let script = std::fs::read_to_string(host.path("migrate")).unwrap();
        let held =
            "\"hold $2\") touch ../held; while [ ! -e ../go ]; do sleep 0.05; done ;;\n    \"hang $2\")";
        assert!(script.contains("\"hang $2\")"));
        host.write("migrate", &script.replace("\"hang $2\")", held));
        host.configure("env = { }", "env = { }\ntimeout = \"3h\"");
        Self { host, role }
    }

    /// The target's own name.
    pub(crate) fn name(&self) -> &str {
        self.host.database().name()
    }

    /// The target's name behind the fence.
    pub(crate) fn fenced(&self) -> String {
        format!("{}_sb_{}", self.name(), self.host.last_run())
    }

    /// The program, as the target's owner.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.host.command(words);
        let url = self.host.cluster().url_as(&self.role, self.name());
        command.env("APP_URL", url.expose()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        ended(self.command(words).spawn().unwrap())
    }

    /// A deploy that goes on until its first migration, which waits for [`Site::let_go`].
    pub(crate) fn held_deploy(&self, fault: &str) -> Deploy {
        let mut command = self.command(&["deploy"]);
        command.env("MIGRATE_FAULT", fault);
        let deploy = Deploy(Some(command.spawn().unwrap()));
        self.until("the migration is at work", || self.host.path("held").exists());
        deploy
    }

    pub(crate) fn let_go(&self) {
        self.host.write("go", "");
    }

    #[track_caller]
    pub(crate) fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let start = Instant::now();
        while !is_so() {
            assert!(start.elapsed() < Duration::from_mins(2), "waited in vain until {what}\n{}", self.last());
            pause();
        }
    }

    /// The last line of the newest journal, for whoever waits in vain.
    fn last(&self) -> String {
        if self.host.path(".switchback/runs").exists() {
            return self.host.journal().pop().unwrap_or_default();
        }
        String::new()
    }

    /// When a step of the newest run said this.
    pub(crate) fn at(&self, kind: &str, step: &str) -> String {
        let lines = self.host.journal();
        let mut events =
            lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].clone());
        let event = events.find(|event| event["kind"] == kind && event["step"] == step);
        event.unwrap_or_else(|| panic!("no {kind} of {step}"))["at"].as_str().unwrap().to_owned()
    }

    /// Count and digest of the attempts that are in a database.
    pub(crate) async fn attempts(&self, database: &str) -> String {
        let session = Session::connect(&self.host.cluster().url(database), "switchback tests").await.unwrap();
        session.one(DIGEST, &[]).await.unwrap().get(0)
    }

    /// Where the server listens.
    pub(crate) fn socket(&self) -> PathBuf {
        let url: DatabaseUrl = self.host.url();
        PathBuf::from(url.host()).join(format!(".s.PGSQL.{}", url.port().unwrap_or("5432")))
    }
}

#[expect(clippy::disallowed_methods, reason = "a pause between two looks")]
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}

fn ended(child: Child) -> Ran {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// A deploy at work; it is killed where a test forgets it.
pub(crate) struct Deploy(Option<Child>);

impl Deploy {
    pub(crate) fn ended(mut self) -> Ran {
        ended(self.0.take().unwrap())
    }
}

impl Drop for Deploy {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            drop(child.kill());
            drop(child.wait());
        }
    }
}
