//! The ordered steps of a run, with everything that they need to know.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The identity of a run: sortable by time, and short enough to stand in a database's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RunId(pub String);

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a run will do, before it does anything.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// The version of this structure.
    pub format: u32,
    /// The run that this plan is for.
    pub run: RunId,
    /// When it was made.
    pub made_at: Timestamp,
    /// The environment's name.
    pub environment: String,
    /// The target database's name.
    pub target: String,
    /// Where the server is, without a secret.
    pub server: String,
    /// The server's version, as `15.18`.
    pub server_version: String,
    /// The migrator.
    pub tool: String,
    /// The release that runs now, where code is known.
    pub release_before: Option<Release>,
    /// The release that will run.
    pub release_after: Option<Release>,
    /// The target's revisions now (one a head; empty: none yet).
    pub revision_before: Vec<String>,
    /// The revisions afterwards.
    pub revision_after: Vec<String>,
    /// What will be applied, in order.
    pub pending: Vec<Pending>,
    /// SHA-256 over the pending migrations: what rehearsals, staging runs and approvals refer to.
    pub digest: String,
    /// The gates that this environment asks for.
    pub gates: Vec<String>,
    /// How each of them stood when the plan was made.
    #[serde(default)]
    pub gate_states: Vec<GateState>,
    /// How the data goes back, and what that costs, phase by phase.
    pub ways_back: Vec<WayBack>,
    /// What a person should know before saying yes.
    pub notes: Vec<String>,
    /// What it will cost, as far as it can be told beforehand.
    #[serde(default)]
    pub outlook: Outlook,
    /// The steps, in order.
    pub steps: Vec<PlannedStep>,
    /// The configuration without its secrets: a run goes on with what it was planned with.
    pub settings: Value,
}

/// A version of the application's code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Release {
    /// As a person named it: a tag, a branch.
    pub name: String,
    /// The commit it means.
    pub commit: String,
}

/// A migration that is not applied yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pending {
    /// Its identity in its tool.
    pub revision: String,
    /// What its author called it.
    pub name: String,
    /// Its file, relative to the code's root.
    pub path: String,
}

/// A gate, and how it stood at a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GateState {
    /// Its name.
    pub name: String,
    /// Whether it lets the run through.
    pub passed: bool,
    /// What was found, or what is missing.
    pub detail: String,
    /// What makes it pass, so that it can be typed.
    pub cure: Option<String>,
}

/// How the data goes back from a part of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WayBack {
    /// Which part: "until the first migration".
    pub when: String,
    /// How, in a sentence.
    pub how: String,
}

/// One step of a plan.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PlannedStep {
    /// Unique in the plan: the kind, with the revision where there are several.
    pub id: String,
    /// What the registry knows it by.
    pub kind: String,
    /// The line that a person reads.
    pub title: String,
    /// What undoing it means.
    pub undo: UndoPolicy,
    /// Its parameters.
    pub params: Value,
    /// How long it will take, as far as it can be told beforehand.
    #[serde(default)]
    pub estimate: Option<Estimate>,
}

/// How long something will take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// Milliseconds.
    pub ms: u64,
    /// From what it was told, as part of a sentence: "measured in run …", "20 GiB at 100 MiB/s".
    pub basis: String,
}

/// What a run will cost, as far as it can be told beforehand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outlook {
    /// Milliseconds from the first step to the end.
    pub total_ms: Option<u64>,
    /// Milliseconds for which users see no application.
    pub downtime_ms: Option<u64>,
    /// Milliseconds of the way back by swap or by what the plan has in its place, after a decision.
    pub way_back_ms: Option<u64>,
    /// Bytes needed, and where.
    #[serde(default)]
    pub disk: Vec<DiskNeed>,
    /// Locks that are known beforehand, one line each.
    #[serde(default)]
    pub locks: Vec<String>,
    /// Whether the times are lower bounds: how long a migration takes was measured nowhere yet.
    #[serde(default)]
    pub at_least: bool,
    /// Bytes of the target when the plan was made: later plans scale measured times by it.
    #[serde(default)]
    pub target_bytes: Option<u64>,
    /// What must be true before anybody begins, one line each.
    #[serde(default)]
    pub prerequisites: Vec<String>,
    /// Every step as a runbook has it, in the plan's order.
    #[serde(default)]
    pub steps: Vec<StepOutlook>,
}

/// A step as a person reads it who may have to decide in the middle of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepOutlook {
    /// The step's id.
    pub step: String,
    /// Milliseconds from the run's begin to its own.
    pub at_ms: u64,
    /// Whether users see no application while it is at work.
    pub down: bool,
    /// What it does.
    pub does: String,
    /// How it is known that it was done.
    pub verified: String,
    /// What happens when it fails, or when a person turns round there.
    pub way_back: String,
    /// Milliseconds of that way back.
    pub way_back_ms: Option<u64>,
    /// What is lost with it, and whose word that needs; nothing: nothing is lost.
    pub loses: Option<String>,
}

/// Space that a run needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiskNeed {
    /// What for, and where.
    pub what: String,
    /// Bytes that will be written.
    pub bytes: u64,
    /// Bytes that are free there, where that can be told.
    pub free: Option<u64>,
}

/// What undoing a step means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UndoPolicy {
    /// It changes nothing.
    NoEffect,
    /// It leaves something of our own behind (a lease, a backup), never a change of target, code
    /// or service.
    Bookkeeping,
    /// It changes target, code or service, and its undo takes that back.
    Reversible,
}

impl Plan {
    /// SHA-256 over everything that the run will do: two plans with the same fingerprint do the same.
    pub fn fingerprint(&self) -> String {
        let mut plan = self.clone();
        plan.run = RunId(String::new());
        plan.made_at = Timestamp::UNIX_EPOCH;
        // What a size or a disk is like at the moment is no part of what will be done.
        plan.outlook = Outlook::default();
        plan.gate_states.clear();
        plan.steps.iter_mut().for_each(|step| step.estimate = None);
        let bytes = serde_json::to_vec(&plan).unwrap_or_default();
        hex::encode(Sha256::digest(bytes))
    }
}
