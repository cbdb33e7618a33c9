//! What is seen of the server while a run goes on. None of it decides anything: it is measured, shown
//! and drawn, and lives in `monitor.jsonl` beside the journal.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One look at the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// When, by the operator's clock.
    pub at: Timestamp,
    /// The step that was at work.
    pub step: String,
    /// Sessions of the target that wait for a lock.
    #[serde(default)]
    pub waiters: Vec<Waiter>,
    /// Transactions on the server that have been open for long, prepared ones too.
    #[serde(default)]
    pub long_transactions: Vec<LongTransaction>,
    /// Standbys and what they lack.
    #[serde(default)]
    pub replicas: Vec<Replica>,
    /// What the server says of how far a command is (`pg_stat_progress_*`).
    #[serde(default)]
    pub commands: Vec<CommandProgress>,
    /// Bytes of WAL written while the run was at work, so far.
    pub wal_bytes: Option<u64>,
    /// Bytes of the target.
    pub database_bytes: Option<u64>,
    /// Bytes free where the server keeps its data, where that can be told.
    pub disk_free_bytes: Option<u64>,
    /// Sessions in the target, ours not counted.
    pub sessions: Option<u32>,
    /// What can't be seen, with the cure; said with the first look of a process.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// A session that waits, and whom it waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waiter {
    /// Its process on the server.
    pub pid: i32,
    /// Who it is: role and application.
    pub who: String,
    /// The start of its statement.
    pub statement: String,
    /// The lock that it wants, as `AccessExclusiveLock on public.users`.
    pub wants: String,
    /// Milliseconds since it began to wait.
    pub waited_ms: u64,
    /// Who is in its way (`pg_blocking_pids`).
    pub blocked_by: Vec<Blocker>,
}

/// A session in another's way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Blocker {
    /// Its process on the server; 0: a prepared transaction.
    pub pid: i32,
    /// Who it is: role and application.
    pub who: String,
    /// The start of its last statement.
    pub statement: String,
}

/// A transaction that has been open for long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LongTransaction {
    /// Its process on the server; 0: a prepared transaction.
    pub pid: i32,
    /// Its database.
    pub database: String,
    /// Who it is: role and application.
    pub who: String,
    /// The start of its last statement, or the prepared transaction's name.
    pub statement: String,
    /// How long it has been open.
    pub open_ms: u64,
}

/// A standby.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Replica {
    /// Its `application_name`.
    pub name: String,
    /// `streaming`, `catchup`, …
    pub state: String,
    /// Bytes that it has not replayed.
    pub lag_bytes: Option<u64>,
    /// Milliseconds that it is behind.
    pub lag_ms: Option<u64>,
}

/// How far a command of the server is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandProgress {
    /// Its process on the server.
    pub pid: i32,
    /// `CREATE INDEX`, `VACUUM`, …
    pub command: String,
    /// What it works on, where it can be told.
    pub relation: Option<String>,
    /// As the server calls it.
    pub phase: String,
    /// How much is done.
    pub done: u64,
    /// How much there is; 0: not known.
    pub total: u64,
    /// What is counted: `blocks`, `tuples`, `bytes`.
    pub unit: String,
}

/// The statements that cost the most, before and after (`pg_stat_statements`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Impact {
    /// Why there is none, where there is none.
    pub missing: Option<String>,
    /// The statements, the dearest first.
    pub statements: Vec<StatementImpact>,
}

/// One statement before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatementImpact {
    /// The server's identity of it.
    pub query_id: i64,
    /// Its normalised text.
    pub query: String,
    /// Before the run; `None`: it was not there.
    pub before: Option<StatementCost>,
    /// Since the application was started again; `None`: not seen since.
    pub after: Option<StatementCost>,
}

/// What a statement costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatementCost {
    /// How often it ran.
    pub calls: u64,
    /// Milliseconds on average.
    pub mean_ms: f64,
    /// Milliseconds in all.
    pub total_ms: f64,
}
