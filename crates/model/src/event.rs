//! What happens in a run. The journal, the terminal and every document read the same events.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::monitor::Sample;
use crate::plan::{Plan, RunId};

/// One event of a run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Rises by one with every event of the run.
    pub seq: u64,
    /// When it happened, by the operator's clock.
    pub at: Timestamp,
    /// The run.
    pub run: RunId,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind")]
pub enum What {
    /// The first event: the whole plan.
    #[serde(rename = "run.planned")]
    Planned {
        /// The plan.
        plan: Box<Plan>,
    },
    /// A process takes the run in hand.
    #[serde(rename = "run.started")]
    Started {
        /// Who and where.
        operator: Operator,
        /// Which way it goes.
        direction: Direction,
        /// The loss that a person agreed to, where the way back needs one.
        #[serde(default)]
        accept_loss: bool,
    },
    /// The run turns round.
    #[serde(rename = "run.unwinding")]
    Unwinding {
        /// Why.
        why: Box<Failure>,
    },
    /// The run ended, or a person is needed.
    #[serde(rename = "run.finished")]
    Finished {
        /// How.
        status: RunStatus,
        /// The exit status of the command.
        exit: Exit,
        /// Milliseconds of the whole run and of the downtime.
        durations: Durations,
        /// Where the report is.
        report: Option<String>,
        /// Why, where it did not succeed.
        failure: Option<Box<Failure>>,
    },
    /// A step begins.
    #[serde(rename = "step.started")]
    StepStarted {
        /// The step's id.
        step: String,
    },
    /// A step wrote down something that it must not forget.
    #[serde(rename = "step.noted")]
    StepNoted {
        /// The step's id.
        step: String,
        /// What is noted.
        key: String,
        /// Its value.
        value: Value,
    },
    /// A step is done and was looked at again.
    #[serde(rename = "step.finished")]
    StepFinished {
        /// The step's id.
        step: String,
        /// What later steps read.
        output: Value,
        /// What the second look saw.
        proof: String,
        /// How long it took.
        ms: u64,
    },
    /// A step failed.
    #[serde(rename = "step.failed")]
    StepFailed {
        /// The step's id.
        step: String,
        /// Why.
        failure: Box<Failure>,
        /// How long it took.
        ms: u64,
    },
    /// A step is being taken back.
    #[serde(rename = "step.undo_started")]
    UndoStarted {
        /// The step's id.
        step: String,
    },
    /// A step is taken back.
    #[serde(rename = "step.undo_finished")]
    UndoFinished {
        /// The step's id.
        step: String,
        /// What the second look saw.
        proof: String,
        /// How long it took.
        ms: u64,
    },
    /// A step can't be taken back.
    #[serde(rename = "step.undo_failed")]
    UndoFailed {
        /// The step's id.
        step: String,
        /// Why.
        failure: Box<Failure>,
        /// How long it took.
        ms: u64,
    },
    /// How far a step is. Not in the journal.
    #[serde(rename = "step.progress")]
    Progress {
        /// The step's id.
        step: String,
        /// What is being done.
        what: String,
        /// How much of it is done.
        done: u64,
        /// How much there is; 0: not known.
        total: u64,
        /// What is counted.
        unit: Unit,
    },
    /// A line that a program of the user wrote. Not in the journal.
    #[serde(rename = "step.output")]
    Output {
        /// The step's id.
        step: String,
        /// The line, secrets blanked.
        line: String,
    },
    /// What the monitor saw of the server. Not in the journal, but in `monitor.jsonl` beside it.
    #[serde(rename = "monitor.sampled")]
    Sampled {
        /// What was seen.
        sample: Box<Sample>,
    },
    /// Something that a person should know, and that stops nothing.
    #[serde(rename = "run.warning")]
    Warning {
        /// One sentence.
        message: String,
    },
    /// An event of a newer version.
    #[serde(other, rename = "unknown")]
    Unknown,
}

impl What {
    /// Whether it belongs into the journal.
    pub fn is_durable(&self) -> bool {
        !matches!(self, Self::Progress { .. } | Self::Output { .. } | Self::Sampled { .. } | Self::Unknown)
    }
}

/// What a progress counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Things of some kind.
    Items,
    /// Milliseconds.
    Millis,
}

/// Who takes a run in hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Operator {
    /// The login name.
    pub user: String,
    /// The host's name.
    pub host: String,
    /// The process.
    pub pid: u32,
}

/// Which way a run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the plan's end.
    Forward,
    /// To where it started.
    Back,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Everything was done.
    Succeeded,
    /// Everything was taken back.
    Undone,
    /// A person is needed.
    Stuck,
    /// Refused before anything was changed.
    Refused,
    /// It was stuck, and a person said that the target stays as it is.
    Left,
}

impl RunStatus {
    /// As it is written in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Undone => "undone",
            Self::Stuck => "stuck",
            Self::Refused => "refused",
            Self::Left => "left",
        }
    }
}

/// How long things took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Durations {
    /// Milliseconds from the first step to the end.
    pub total_ms: u64,
    /// Milliseconds for which users saw no application; `None`: it was never taken away.
    pub downtime_ms: Option<u64>,
}
