//! A whole host for the real program: an application with its code, its service, its page and its
//! database, small enough that a run takes a second or two.
//!
//! With plain SQL, Switchback is its own migrator. Else it is a shell script that runs each revision's SQL with psql in one transaction: it is
//! called as Alembic is called and reads the same revision files, without Python's start-up time.
//! (Alembic itself is what ADA's tests use.)

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use switchback_model::DatabaseUrl;
use switchback_postgres::session::ident;
use tempfile::TempDir;

use crate::cluster::{TestCluster, TestDatabase};

mod shape;
mod state;

pub use shape::Shape;
pub use state::State;

/// A host. Its application ends with it.
pub struct Host {
    folder: TempDir,
    binary: PathBuf,
    database: TestDatabase,
    cluster: &'static TestCluster,
    port: u16,
    shape: Shape,
    /// As the application and its migrator connect.
    application: DatabaseUrl,
}

/// What a call of the program came to.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// The exit status; `None`: killed by a signal.
    pub status: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// Checks what every failure must say: its status, these words, what was changed and what to type.
    #[track_caller]
    pub fn told(&self, status: i32, words: &[&str]) {
        let said = &self.stderr;
        assert_eq!(self.status, Some(status), "{said}\n{}", self.stdout);
        for word in words.iter().chain(&["what changed:", "hint:"]) {
            assert!(said.contains(word), "`{word}` is not in:\n{said}");
        }
    }
}

impl Host {
    /// A host at its first release, its application running where it has one.
    ///
    /// `binary` is the program under test.
    pub async fn new(cluster: &'static TestCluster, binary: &str, shape: Shape) -> Self {
        let folder = tempfile::Builder::new().prefix("sb-host-").tempdir().unwrap();
        let database = cluster.database("app").await;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let application = database.url();
        let host = Self { folder, binary: binary.into(), database, cluster, port, shape, application };
        host.write("migrate", include_str!("migrate.sh"));
        std::fs::set_permissions(host.path("migrate"), std::fs::Permissions::from_mode(0o755)).unwrap();
        host.write("switchback.toml", &host.configuration());
        host.release("v1", "one", &[("r1", "None")]);
        if shape.tool == "sql" {
            host.expect(&["up"], 0);
        } else {
            host.database.run(include_str!("r1.up.sql")).await;
        }
        if shape.code {
            host.git(&["init", "--quiet", "--initial-branch=main"]);
            host.commit("v1");
            host.release("v2", "two", shape.pending());
            host.commit("v2");
            host.git(&["checkout", "--quiet", "v1"]);
        } else {
            host.release("v2", "two", shape.pending());
        }
        if shape.service {
            host.expect(&["service", "start"], 0);
            host.listening().await;
        }
        host
    }

    /// Waits until the application listens: it runs a moment before that.
    pub async fn listening(&self) {
        for _ in 0..1000 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("the application does not listen");
    }

    /// Runs the program with `--yes`.
    pub fn run(&self, words: &[&str]) -> Ran {
        self.run_with(words, &[])
    }

    /// Runs the program with `--yes` and some variables.
    pub fn run_with(&self, words: &[&str], variables: &[(&str, &str)]) -> Ran {
        ran(&self.command(words).envs(variables.iter().copied()).output().unwrap())
    }

    /// Runs the program, which must end with this status.
    pub fn expect(&self, words: &[&str], status: i32) -> Ran {
        let ran = self.run(words);
        assert_eq!(ran.status, Some(status), "{words:?}\n{}\n{}", ran.stdout, ran.stderr);
        ran
    }

    /// The program, not started yet.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        // In a group of its own, as a shell starts it: a fault kills the whole of it.
        command.current_dir(self.folder.path()).arg("--yes").args(words).process_group(0);
        command
            .env("APP_URL", self.application.expose())
            .env("LC_ALL", "C.UTF-8")
            .env_remove("SWITCHBACK_FAULT");
        command
    }

    /// From now on the application and its migrator are `application`, which owns every table, and
    /// Switchback works as `maintenance`. Neither is a superuser: that is the state of a managed server.
    pub async fn work_as(&mut self, application: &str, maintenance: &str) {
        let to = ident(application);
        let tables = format!(
            "do $$ declare t name; begin for t in select relname from pg_catalog.pg_class \
             where relnamespace = 'public'::regnamespace and relkind = 'r' \
             loop execute pg_catalog.format('alter table public.%I owner to {to}', t); end loop; end $$; \
             grant usage, create on schema public to {to}"
        );
        self.database.run(&tables).await;
        self.application = self.cluster.url_as(application, self.database.name());
        let admin = self.cluster.url("postgres").expose();
        let theirs = self.cluster.url_as(maintenance, "postgres").expose();
        self.configure(&format!("maintenance_url = \"{admin}\""), &format!("maintenance_url = \"{theirs}\""));
    }

    /// Waits until the test's own sessions in the target are gone: those of a superuser stand in the
    /// way of a plain role, and they end only when the runtime is given a turn.
    pub async fn left_alone(&self) {
        let admin = self.cluster.session().await;
        let name = self.database.name();
        let sql =
            "select count(*) from pg_stat_activity where datname = $1::text::name and usesysid is not null";
        for _ in 0..500 {
            if admin.one(sql, &[&name]).await.unwrap().get::<_, i64>(0) == 0 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("somebody stays in {name}");
    }

    /// From now on the application and its migrator come by this URL.
    pub fn reach_by(&mut self, application: DatabaseUrl) {
        self.application = application;
    }

    /// Makes a third release, with one more migration.
    pub fn third_release(&self) {
        self.git(&["checkout", "--quiet", "v2"]);
        self.release("v3", "three", &[("r4", "r3")]);
        self.commit("v3");
        self.git(&["checkout", "--quiet", "v1"]);
    }

    /// The revision of the target: `r1`, `r2`, …
    pub async fn revision(&self) -> String {
        let asked = match self.shape.tool {
            "sql" => "select name from public.switchback_migrations order by version desc limit 1",
            _ => "select version_num::text from public.alembic_version",
        };
        self.database.text(asked).await
    }

    /// The id of the newest run.
    pub fn last_run(&self) -> String {
        let runs = std::fs::read_dir(self.path(".switchback/runs")).unwrap();
        let mut names: Vec<_> = runs.map(|run| run.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names.pop().unwrap()
    }

    /// Deploys to the second release.
    pub fn deploy(&self) -> Vec<&'static str> {
        if self.shape.code { vec!["deploy", "--release", "v2"] } else { vec!["deploy"] }
    }

    /// A file of the host.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the host.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Changes the configuration.
    pub fn configure(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path("switchback.toml")).unwrap();
        assert!(text.contains(from), "the configuration has no {from}");
        self.write("switchback.toml", &text.replacen(from, to, 1));
    }

    /// The target.
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// The target's URL.
    pub fn url(&self) -> DatabaseUrl {
        self.database.url()
    }

    /// The server.
    pub fn cluster(&self) -> &'static TestCluster {
        self.cluster
    }

    /// Where the application listens.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The lines of the newest run's journal.
    pub fn journal(&self) -> Vec<String> {
        let mut runs: Vec<_> =
            std::fs::read_dir(self.path(".switchback/runs")).unwrap().map(|e| e.unwrap().path()).collect();
        runs.sort();
        let text = std::fs::read_to_string(runs.last().unwrap().join("journal.jsonl")).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// Removes the host's databases: whoever makes hundreds of hosts has no room for all of them.
    pub async fn clear(&self) {
        let admin = self.cluster.session().await;
        let name = self.database.name();
        let ours = "select datname::text from pg_database where datname = $1::text::name or starts_with(datname::text, $1 || '_')";
        for row in admin.rows(ours, &[&name]).await.unwrap() {
            let name = ident(row.get(0));
            admin.batch(&format!("drop database {name} with (force)")).await.unwrap();
        }
    }

    /// Everything that a run must bring to the end, or leave as it was.
    pub async fn state(&self) -> State {
        State::of(self).await
    }

    /// The commit that is checked out; empty without a repository.
    pub fn commit_now(&self) -> String {
        if self.shape.code { self.git(&["rev-parse", "HEAD"]) } else { String::new() }
    }

    /// Files of the code that are not as the commit has them.
    pub(crate) fn changed_files(&self) -> String {
        if self.shape.code { self.git(&["status", "--porcelain"]) } else { String::new() }
    }

    /// What the service is and who blocks it, as the program says.
    pub fn service(&self) -> String {
        if !self.shape.service {
            return "none".into();
        }
        let ran = self.run(&["service", "status", "--format", "json"]);
        let state: &str = if ran.stdout.contains("\"running\"") { "running" } else { "not running" };
        let blocked = if ran.stdout.contains("\"blocked_by\": null") { "free" } else { "blocked" };
        format!("{state}, {blocked}")
    }

    /// Writes the files of a release into the code's folder.
    fn release(&self, version: &str, answer: &str, revisions: &[(&str, &str)]) {
        self.write("code/VERSION", version);
        self.write("code/.gitignore", "app.log\n*.begun\n*.go\n");
        self.write("code/app.py", &include_str!("app.py").replace("@ANSWER@", answer));
        if self.shape.tool == "sql" {
            return self.scripts(revisions);
        }
        self.write("code/migrations/env.py", "context.configure(transaction_per_migration=True)\n");
        self.write("code/migrations/script.py.mako", "");
        for (revision, down) in revisions {
            let down = if *down == "None" { "None".to_owned() } else { format!("{down:?}") };
            let text = format!(
                "\"\"\"{revision} of the test\"\"\"\nrevision = {revision:?}\ndown_revision = {down}\n\n\ndef upgrade():\n    run()\n\n\ndef downgrade():\n    run()\n"
            );
            self.write(&format!("code/migrations/versions/{revision}.py"), &text);
            let (up, down) = sql(revision);
            self.write(&format!("code/migrations/sql/{revision}.up.sql"), up);
            self.write(&format!("code/migrations/sql/{revision}.down.sql"), down);
        }
    }

    /// The same migrations as scripts in plain SQL.
    fn scripts(&self, revisions: &[(&str, &str)]) {
        for (revision, _) in revisions {
            let (up, down) = sql(revision);
            let number = revision.trim_start_matches('r');
            let up: Vec<_> = up.lines().filter(|line| !line.contains("alembic_version")).collect();
            self.write(&format!("code/migrations/000{number}_{revision}.up.sql"), &up.join("\n"));
            self.write(&format!("code/migrations/000{number}_{revision}.down.sql"), down);
        }
    }

    fn commit(&self, tag: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "--quiet", "-m", tag]);
        self.git(&["tag", tag]);
    }

    /// Runs git in the code's folder; what it printed.
    pub fn git(&self, words: &[&str]) -> String {
        let mut git = Command::new("git");
        git.current_dir(self.path("code")).args(words);
        for role in ["AUTHOR", "COMMITTER"] {
            // The same files are the same commit on every host, so that two hosts can be compared.
            git.env(format!("GIT_{role}_NAME"), "test")
                .env(format!("GIT_{role}_EMAIL"), "test@example.invalid")
                .env(format!("GIT_{role}_DATE"), "2026-01-02T03:04:05Z");
        }
        let output = git.output().unwrap();
        assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn configuration(&self) -> String {
        let Shape { fence, restore_point, service, code, page, tool, .. } = self.shape;
        let (address, folder) = (self.address(), self.folder.path().display());
        let mut text = format!(
            "[migrations]\ntool = \"{tool}\"\ndirectory = \"code/migrations\"\ncommand = [\"{folder}/migrate\"]\n\
             working_directory = \"code\"\nenv = {{ }}\n\n[environments.production]\ndatabase_url = \"${{APP_URL}}\"\n\
             maintenance_url = \"{}\"\nscratch_url = \"{}\"\nfence = \"{fence}\"\nrestore_point = \"{restore_point}\"\n",
            self.cluster.url("postgres").expose(),
            self.cluster.url("postgres").expose(),
        );
        let mut add = |wanted: bool, section: &str| {
            if wanted {
                text.push('\n');
                text.push_str(section);
            }
        };
        add(true, "[environments.production.backup]\ndirectory = \"backups\"\njobs = 1\n");
        add(code, "[environments.production.code]\nrepository = \"code\"\nprepare = [\"true\"]\n");
        let port = self.port;
        add(
            service,
            &format!(
                "[environments.production.service]\nmanager = \"process\"\ncommand = [\"python3\", \"-S\", \"app.py\", \"{port}\"]\ndirectory = \"code\"\ngrace = \"5s\"\n"
            ),
        );
        add(
            service,
            &format!(
                "[environments.production.health]\nurl = \"{address}/health\"\nwithin = \"10s\"\nstable_for = \"200ms\"\n"
            ),
        );
        add(
            service,
            "[environments.production.logs]\nfile = \"code/app.log\"\nfail_on = [\"Traceback\"]\nwatch = \"100ms\"\n",
        );
        add(
            page,
            &format!(
                "[environments.production.maintenance]\nflag = \"maintenance.flag\"\nclosed_when = {{ url = \"{address}/\", status = 503 }}\n"
            ),
        );
        if page && !service {
            text = text.replace(&format!("closed_when = {{ url = \"{address}/\", status = 503 }}\n"), "");
        }
        text.push_str(
            "\n[[validations]]\nname = \"users are still there\"\ntable = \"users\"\nrows = \"unchanged\"\n",
        );
        text
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if self.shape.service {
            // A run that a test left open blocks nothing that stops.
            drop(self.command(&["service", "stop"]).output());
        }
    }
}

fn sql(revision: &str) -> (&'static str, &'static str) {
    match revision {
        "r1" => (include_str!("r1.up.sql"), "drop table notes, users, starts;"),
        "r2" => (include_str!("r2.up.sql"), include_str!("r2.down.sql")),
        "r3" => (include_str!("r3.up.sql"), include_str!("r3.down.sql")),
        // Two statements that no transaction takes: between them, half of it is there.
        "r5" => (
            "create index concurrently notes_body on notes (body);\ncreate index concurrently notes_both on notes (user_id, body);",
            "drop index notes_both;\ndrop index notes_body;",
        ),
        "r4" => ("alter table users add column nick text;", "alter table users drop column nick;"),
        _ => panic!("there is no revision {revision}"),
    }
}

fn ran(output: &Output) -> Ran {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// A file's permission bits.
pub fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
