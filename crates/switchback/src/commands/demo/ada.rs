//! The example application: its repository, its database, its configuration.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use switchback_engine::cancel::Cancel;
use switchback_engine::exec::{Finished, Program};
use switchback_engine::journal;
use switchback_model::finding::Findings;
use switchback_model::{Config, DatabaseUrl, Failure, Result, RunView, code};
use switchback_postgres::scratch::Scratch;
use switchback_postgres::session::Session;
use switchback_workflow::health::{self, Outcome};

use super::Args;
use crate::app::{self, App};

/// ADA, with everything that the demo gave it.
pub(super) struct Ada {
    folder: PathBuf,
    sources: PathBuf,
    venv: PathBuf,
    url: DatabaseUrl,
    admin: DatabaseUrl,
    port: u16,
}

impl Ada {
    /// Repository, database, configuration; v1 migrated, seeded, started and well.
    pub(super) async fn prepare(args: &Args, scratch: &Scratch, app: &App) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("switchback-demo-").tempdir();
        let folder =
            folder.map_err(|error| failed("no temporary folder can be made").because(&error))?.keep();
        let ada = Self {
            sources: absolute(&args.ada)?,
            venv: absolute(&args.venv)?,
            url: as_role(&scratch.url("ada"), "ada")?,
            admin: scratch.url("postgres"),
            port: free_port()?,
            folder,
        };
        app.say("making ADA's repository and its database …\n");
        ada.program(&ada.sources.join("make-repository"))
            .arg(ada.repository())
            .check(&Cancel::never())
            .await?;
        ada.create_database().await?;
        switchback_workflow::files::write(&ada.config(), ada.configuration().as_bytes())?;
        app.say(&format!("migrating v1 and seeding it: {} orders …\n", args.orders));
        ada.switchback(&["up"]).check(&Cancel::never()).await?;
        let users = (args.orders / 10).max(100).to_string();
        let orders = args.orders.to_string();
        let seed = ada.python().args(["-m", "app.seed", "--users", &users, "--orders", &orders]);
        seed.check(&Cancel::never()).await?;
        app.say("starting it …\n");
        ada.switchback(&["service", "start"]).check(&Cancel::never()).await?;
        ada.healthy("v1").await?;
        Ok(ada)
    }

    /// Where everything of the demo is.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The load client, and other scripts of the example.
    pub(super) fn script(&self, name: &str) -> Program {
        self.program(&self.venv.join("bin/python")).arg(self.sources.join(name))
    }

    /// Where users come in.
    pub(super) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A session of the server's superuser in a database.
    pub(super) async fn session(&self, database: &str) -> Result<Session> {
        Session::connect(&self.admin.with_database(database), "switchback demo").await
    }

    /// The target, for the superuser.
    pub(super) fn target(&self) -> DatabaseUrl {
        self.admin.with_database("ada")
    }

    /// What a review says of a release's migrations.
    pub(super) async fn review(&self, release: &str) -> Result<Findings> {
        let words = ["review", "-e", "production", "--release", release, "--format", "json"];
        let program = self.switchback(&words);
        let finished = program.run(&Cancel::never(), |_, _| {}).await?;
        serde_json::from_str(&finished.stdout).map_err(|_| program.failed(&finished))
    }

    /// Puts on record that a release's migrations were reviewed, and why what was found is accepted.
    pub(super) async fn accept(&self, release: &str, why: Option<&str>) -> Result<()> {
        let words = ["review", "-e", "production", "--release", release, "--record"];
        let accept = why.iter().flat_map(|why| ["--accept", why]);
        self.switchback(&words).args(accept).check(&Cancel::never()).await.map(drop)
    }

    /// The real program, seen on this terminal; its exit status.
    pub(super) async fn deploy(&self, release: &str) -> Result<i32> {
        self.switchback(&["deploy", "--release", release, "--yes"]).attached().await
    }

    /// Stops the application.
    pub(super) async fn stop(&self) -> Result<Finished> {
        self.switchback(&["service", "stop"]).check(&Cancel::never()).await
    }

    /// Waits until the application says that it is well, and is this release.
    pub(super) async fn healthy(&self, release: &str) -> Result<()> {
        let url = format!("{}/api/health", self.address());
        let mut last = String::new();
        for _ in 0..100 {
            match health::ask(&url, Duration::from_secs(3)).await? {
                Outcome::Answered(answer)
                    if answer.status == 200 && answer.body.contains(&format!("\"{release}\"")) =>
                {
                    return Ok(());
                }
                other => last = format!("{} {}", other.told(), other.excerpt()),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(Failure::new(code::HEALTH, format!("ADA is not well as {release}")).cause(last))
    }

    /// How many acknowledged writes are not there exactly once, by the database's own word.
    pub(super) async fn check_load(&self) -> Result<u64> {
        let program = self.script("load.py").args(["--check", "--database-url", &self.url.expose()]);
        let finished = program.arg("--record").arg(self.record()).run(&Cancel::never(), |_, _| {}).await?;
        let last = finished.stdout.lines().last().unwrap_or_default();
        let counted: serde_json::Value = serde_json::from_str(last).map_err(|error| {
            failed("the load client's check can't be read").because(&error).cause(finished.tail.join("\n"))
        })?;
        let count = |name: &str| counted[name].as_u64();
        match (count("checked"), count("missing"), count("repeated")) {
            (Some(checked), Some(missing), Some(repeated)) if checked > 0 => Ok(missing + repeated),
            _ => Err(failed("the load client checked nothing").cause(last)),
        }
    }

    /// Where the load client writes what was acknowledged.
    pub(super) fn record(&self) -> PathBuf {
        self.folder.join("acknowledged.txt")
    }

    /// The last run, from its journal.
    pub(super) fn last_run(&self) -> Result<RunView> {
        let text = self.configuration();
        let variables = |name: &str| match name {
            "ADA_URL" => Some(self.url.expose()),
            "ADA_ADMIN_URL" => Some(self.admin.expose()),
            _ => None,
        };
        let config = Config::parse(&text, &self.config(), None, &variables)?;
        let runs = app::runs_folder(&config);
        let last = journal::list(&runs).pop().ok_or_else(|| failed("there is no run"))?;
        journal::read(&runs, &last)
    }

    /// The commit that is checked out.
    pub(super) async fn commit(&self) -> Result<String> {
        let git = Program::new("git").args(["rev-parse", "HEAD"]).folder(self.repository());
        Ok(git.check(&Cancel::never()).await?.stdout.trim().to_owned())
    }

    fn repository(&self) -> PathBuf {
        self.folder.join("ada")
    }

    fn config(&self) -> PathBuf {
        self.folder.join("switchback.toml")
    }

    fn python(&self) -> Program {
        self.program(&self.venv.join("bin/python")).folder(self.repository())
    }

    fn program(&self, program: &Path) -> Program {
        Program::new(program).env("DATABASE_URL", self.url.expose()).env("FLASK_APP", "app")
    }

    fn switchback(&self, words: &[&str]) -> Program {
        let program = std::env::current_exe().unwrap_or_else(|_| "switchback".into());
        Program::new(program)
            .arg("--config")
            .arg(self.config())
            .args(words)
            .env("ADA_URL", self.url.expose())
            .env("ADA_ADMIN_URL", self.admin.expose())
    }

    async fn create_database(&self) -> Result<()> {
        let admin = self.session("postgres").await?;
        admin.batch("create role ada login; create role ada_reporting").await?;
        admin.batch("create database ada owner ada").await?;
        admin
            .batch(
                "comment on database ada is 'the shop'; alter database ada connection limit 90; \
                 alter database ada set statement_timeout = '5min'; \
                 alter role ada in database ada set idle_in_transaction_session_timeout = '1min'; \
                 grant connect on database ada to ada_reporting",
            )
            .await
    }

    fn configuration(&self) -> String {
        let path = |path: PathBuf| toml_text(&path.display().to_string());
        include_str!("switchback.toml")
            .replace("@FLASK@", &path(self.venv.join("bin/flask")))
            .replace("@PYTHON@", &path(self.venv.join("bin/python")))
            .replace("@SMOKE@", &path(self.sources.join("smoke/shop.py")))
            .replace("@ADDRESS@", &self.address())
            .replace("@PORT@", &self.port.to_string())
    }
}

fn toml_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn as_role(url: &DatabaseUrl, role: &str) -> Result<DatabaseUrl> {
    let (_, rest) =
        url.expose().split_once('?').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap_or_default();
    DatabaseUrl::parse(&format!("postgresql://{role}@/{}?{rest}", url.database()))
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    Ok(listener.map_err(|error| failed("no port is free").because(&error))?.port())
}

fn absolute(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(|error| {
        failed(&format!("{} is not there", path.display()))
            .because(&error)
            .hint("in a checkout of Switchback: script/demo")
    })
}

fn failed(message: &str) -> Failure {
    Failure::new(code::COMMAND_FAILED, message)
}
