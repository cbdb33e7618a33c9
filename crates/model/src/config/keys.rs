//! Every key of `switchback.toml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Span;

const fn seconds(seconds: u64) -> Span {
    Span(Duration::from_secs(seconds))
}

/// `[migrations]`: the migrator that the application already has.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Migrations {
    /// The layout of the scripts.
    pub tool: Tool,
    /// Where the scripts are.
    #[serde(default = "Migrations::directory")]
    pub directory: PathBuf,
    /// How the migrator is called: `["flask", "db"]`, `["alembic"]`.
    #[serde(default = "Migrations::command")]
    pub command: Vec<String>,
    /// Where it is called; default: the repository, else the folder of the configuration.
    #[serde(default)]
    pub working_directory: Option<PathBuf>,
    /// Variables that it needs.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The variable that tells it where to work.
    #[serde(default = "Migrations::database_url_variable")]
    pub database_url_variable: String,
    /// How long one migration may run.
    #[serde(default = "Migrations::timeout")]
    pub timeout: Span,
    /// How long a statement may wait for a lock.
    #[serde(default = "Migrations::lock_timeout")]
    pub lock_timeout: Span,
}

impl Migrations {
    fn directory() -> PathBuf {
        "migrations".into()
    }
    fn command() -> Vec<String> {
        vec!["flask".into(), "db".into()]
    }
    fn database_url_variable() -> String {
        "DATABASE_URL".into()
    }
    fn timeout() -> Span {
        seconds(3600)
    }
    fn lock_timeout() -> Span {
        seconds(5)
    }
    pub(super) fn resolve(&mut self, root: &Path) {
        self.directory = root.join(&self.directory);
        absolute(root, &mut self.working_directory);
    }
}

/// The layouts that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tool {
    /// Alembic, bare or through Flask-Migrate.
    Alembic,
    /// Scripts in plain SQL, which Switchback runs itself.
    Sql,
}

impl Tool {
    /// The name as it is written in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Alembic => "alembic",
            Self::Sql => "sql",
        }
    }
}

/// `[environments.NAME]`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Environment {
    /// As the application and its migrator use it.
    #[serde(skip_serializing)]
    pub database_url: String,
    /// For copies and renames; default: same server and role, database `postgres`.
    #[serde(skip_serializing)]
    pub maintenance_url: Option<String>,
    /// As the migrator reaches the server, where `database_url` goes through a pooler.
    #[serde(skip_serializing)]
    pub migration_url: Option<String>,
    /// A server for scratch databases; default: a private cluster of the same major version.
    #[serde(skip_serializing)]
    pub scratch_url: Option<String>,
    /// How other writers are kept out.
    pub fence: FenceKind,
    /// What the way back of the data is.
    pub restore_point: RestorePointKind,
    /// What must be on record before a run.
    pub requires: Vec<Gate>,
    /// The environments whose runs the gate `staging` counts.
    pub promote_from: Vec<String>,
    /// Tables (`schema.table`) whose rows, written by the new release before the page opens, may be
    /// dropped on the way back.
    pub disposable: Vec<String>,
    /// Foreign keys that the database does not declare.
    pub references: Vec<Reference>,
    /// When a run may change the target.
    pub window: Option<Window>,
    /// The application's process.
    pub service: Option<Service>,
    /// The maintenance page.
    pub maintenance: Option<Maintenance>,
    /// The application's code.
    pub code: Option<CodeSource>,
    /// Backups.
    pub backup: BackupSettings,
    /// How it is known that the application is well.
    pub health: Option<Health>,
    /// The application's log.
    pub logs: Option<Logs>,
    /// The application's own tests, after a deploy.
    pub tests: Vec<Vec<String>>,
    /// Rules of a review, and what becomes of their findings here.
    pub review: BTreeMap<String, super::RuleLevel>,
}

impl Environment {
    pub(super) fn resolve(&mut self, root: &Path) {
        if let Some(service) = &mut self.service {
            absolute(root, &mut service.directory);
            absolute(root, &mut service.log);
        }
        if let Some(maintenance) = &mut self.maintenance {
            absolute(root, &mut maintenance.flag);
        }
        if let Some(code) = &mut self.code {
            code.repository = root.join(&code.repository);
        }
        if let Some(logs) = &mut self.logs {
            absolute(root, &mut logs.file);
        }
        self.backup.directory = root.join(&self.backup.directory);
    }
}

fn absolute(root: &Path, path: &mut Option<PathBuf>) {
    if let Some(path) = path {
        *path = root.join(&*path);
    }
}

/// How other writers are kept out of the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FenceKind {
    /// Sessions ended, the target renamed.
    #[default]
    Closed,
    /// A default that a session can override: reads go on.
    ReadOnly,
}

/// What the data goes back to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RestorePointKind {
    /// `clone` where it is possible, else `dump`.
    #[default]
    Auto,
    /// `CREATE DATABASE … TEMPLATE` on the same server.
    Clone,
    /// A dump taken inside the fence.
    Dump,
    /// None: the downgrade is the way back.
    Down,
}

/// What must be on record before a run may change the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// The scripts were reviewed and the findings accepted.
    Review,
    /// They were rehearsed, up and down.
    Rehearsal,
    /// A run on staging succeeded with the same digest.
    Staging,
    /// A person approved the plan.
    Approval,
}

impl Gate {
    /// The name as it is written in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Review => "review",
            Self::Rehearsal => "rehearsal",
            Self::Staging => "staging",
            Self::Approval => "approval",
        }
    }
}

/// A reference between tables that is not declared as a foreign key.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// `table.column` that refers.
    pub from: String,
    /// `table.column` that is referred to.
    pub to: String,
}

/// When a run may change the target.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// `Sun`, `Mon-Fri`, `Sat,Sun`; default: every day.
    #[serde(default)]
    pub days: Option<String>,
    /// `02:00`.
    pub from: String,
    /// `04:00`; earlier than `from` means the next day.
    pub to: String,
    /// An IANA time zone.
    pub time_zone: String,
}

/// `[environments.NAME.service]`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Who starts and stops it.
    pub manager: Manager,
    /// `process`: the command.
    #[serde(default)]
    pub command: Vec<String>,
    /// `process`: where it runs; default: the repository.
    #[serde(default)]
    pub directory: Option<PathBuf>,
    /// `process`: variables that it needs, beside our own environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// `process`: where its output goes; default: beside the journal.
    #[serde(default)]
    pub log: Option<PathBuf>,
    /// How long it has to stop before it is killed.
    #[serde(default = "Service::grace")]
    pub grace: Span,
    /// `systemd`: everything that belongs to the application: services, sockets, timers.
    #[serde(default)]
    pub units: Vec<String>,
    /// `command`: starts it, and returns.
    #[serde(default)]
    pub start: Vec<String>,
    /// `command`: stops it, and returns.
    #[serde(default)]
    pub stop: Vec<String>,
    /// `command`: exit status 0 while it runs, 3 while it is stopped.
    #[serde(default)]
    pub state: Vec<String>,
    /// `command`: refuses every start, over a reboot too.
    #[serde(default)]
    pub block: Vec<String>,
    /// `command`: takes that back.
    #[serde(default)]
    pub unblock: Vec<String>,
    /// `command`: how long each of these may take.
    #[serde(default = "Service::limit")]
    pub limit: Span,
}

impl Service {
    fn grace() -> Span {
        seconds(30)
    }
    fn limit() -> Span {
        seconds(120)
    }
}

/// The service managers that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Manager {
    /// Switchback's own supervisor.
    Process,
    /// systemd, as the system's first process.
    Systemd,
    /// Commands of the user, for every other one.
    Command,
}

impl Manager {
    /// The name as it is written in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Systemd => "systemd",
            Self::Command => "command",
        }
    }
}

/// `[environments.NAME.maintenance]`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// A file; the page is closed while it is there.
    #[serde(default)]
    pub flag: Option<PathBuf>,
    /// The command that closes the page.
    #[serde(default)]
    pub on: Vec<String>,
    /// The command that opens it.
    #[serde(default)]
    pub off: Vec<String>,
    /// How it is looked at whether the page is closed.
    #[serde(default)]
    pub closed_when: Option<ClosedWhen>,
}

/// What a closed page answers.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClosedWhen {
    /// Where to ask.
    pub url: String,
    /// The HTTP status of a closed page.
    #[serde(default = "ClosedWhen::status")]
    pub status: u16,
}

impl ClosedWhen {
    fn status() -> u16 {
        503
    }
}

/// `[environments.NAME.code]`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeSource {
    /// A git checkout that is switched to the release, and back.
    pub repository: PathBuf,
    /// What a release needs before it can run; run before anything stops.
    #[serde(default)]
    pub prepare: Vec<String>,
    /// What shows that a release is prepared; exit status 0: it is.
    #[serde(default)]
    pub prepared: Vec<String>,
}

/// `[environments.NAME.backup]`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BackupSettings {
    /// Where backups are kept.
    pub directory: PathBuf,
    /// Parallel connections for dump and restore.
    pub jobs: usize,
    /// How many are kept by `backup prune`.
    pub keep: usize,
    /// A command that prints the free space of the server's disk, where that can't be seen from here.
    pub disk_free_command: Vec<String>,
    /// How long `backup prune` keeps what runs leave on the server: restore points, databases that
    /// were swapped out.
    pub keep_restore_points: Span,
}

impl Default for BackupSettings {
    fn default() -> Self {
        Self {
            directory: ".switchback/backups".into(),
            jobs: 2,
            keep: 7,
            keep_restore_points: seconds(7 * 86_400),
            disk_free_command: Vec::new(),
        }
    }
}

/// `[environments.NAME.health]`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Answers 2xx while the application is well.
    pub url: String,
    /// How long it may take to become well.
    #[serde(default = "Health::within")]
    pub within: Span,
    /// How long it must stay well.
    #[serde(default = "Health::stable_for")]
    pub stable_for: Span,
}

impl Health {
    fn within() -> Span {
        seconds(60)
    }
    fn stable_for() -> Span {
        seconds(20)
    }
}

/// `[environments.NAME.logs]`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Logs {
    /// The file that the application writes.
    #[serde(default)]
    pub file: Option<PathBuf>,
    /// The unit whose messages are read from the journal of systemd.
    #[serde(default)]
    pub journal: Option<String>,
    /// A line that holds one of these is a failure.
    #[serde(default = "Logs::fail_on")]
    pub fail_on: Vec<String>,
    /// How long the log is watched after the start.
    #[serde(default = "Logs::watch")]
    pub watch: Span,
}

impl Logs {
    fn fail_on() -> Vec<String> {
        vec!["Traceback".into(), "ERROR".into()]
    }
    fn watch() -> Span {
        seconds(30)
    }
}

/// `[[smoke]]`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Smoke {
    /// What it tries.
    pub name: String,
    /// Exit status 0: it works.
    pub command: Vec<String>,
    /// Where it is tried; empty: everywhere.
    #[serde(default)]
    pub environments: Vec<String>,
    /// How long it may take.
    #[serde(default = "Smoke::timeout")]
    pub timeout: Span,
}

impl Smoke {
    pub(super) fn is_for(&self, environment: &str) -> bool {
        self.environments.is_empty() || self.environments.iter().any(|name| name == environment)
    }

    fn timeout() -> Span {
        seconds(120)
    }
}

/// `[[validations]]`: exactly one of `sql`, `table`, `command`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// What must be true.
    pub name: String,
    /// A query with one value as its result.
    #[serde(default)]
    pub sql: Option<String>,
    /// What the query must give.
    #[serde(default)]
    pub expect: Option<Expected>,
    /// A table, `schema.table` or `table` in `public`.
    #[serde(default)]
    pub table: Option<String>,
    /// A rule for its number of rows.
    #[serde(default)]
    pub rows: Option<RowRule>,
    /// A command; exit status 0: it is true.
    #[serde(default)]
    pub command: Option<Vec<String>>,
}

/// What a query must give.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Expected {
    /// A number.
    Number(i64),
    /// True or false.
    Bool(bool),
    /// A text.
    Text(String),
}

/// A rule for the number of rows of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RowRule {
    /// `"unchanged"`.
    Word(RowWord),
    /// `{ min = 1 }`, `{ change = "+0..100" }`.
    Bounds(RowBounds),
}

/// The rules that are one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RowWord {
    /// As many rows as at the restore point.
    Unchanged,
}

/// Bounds of a number of rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RowBounds {
    /// At least.
    #[serde(default)]
    pub min: Option<i64>,
    /// At most.
    #[serde(default)]
    pub max: Option<i64>,
    /// Against the restore point: `+0..100`, `-5..5`.
    #[serde(default)]
    pub change: Option<String>,
}
