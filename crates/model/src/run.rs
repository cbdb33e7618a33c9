//! What a run is: a fold of its events.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::{Direction, Durations, Event, Operator, RunStatus, What};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::{Plan, PlannedStep, UndoPolicy};

/// A run as its events tell it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RunView {
    /// The plan.
    pub plan: Plan,
    /// Every step, in the plan's order.
    pub steps: Vec<StepView>,
    /// The number of the last event.
    pub seq: u64,
    /// When the first process took it in hand.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Who has it or had it last.
    pub operator: Option<Operator>,
    /// Which way it goes.
    pub direction: Direction,
    /// Whether a person agreed to lose newer writes.
    pub accept_loss: bool,
    /// Whether a person asked to take it back, so that having done so is what success looks like.
    #[serde(default)]
    pub asked_back: bool,
    /// Why it turned round.
    pub why: Option<Failure>,
    /// What a person should know, and that stopped nothing.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// How it ended; `None`: it is open.
    pub outcome: Option<Outcome>,
}

/// How a run ended.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// How.
    pub status: RunStatus,
    /// The exit status of the command.
    pub exit: Exit,
    /// How long things took.
    pub durations: Durations,
    /// Where the report is.
    pub report: Option<String>,
    /// Why, where it did not succeed.
    pub failure: Option<Failure>,
}

/// A step as its events tell it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct StepView {
    /// The step's id.
    pub id: String,
    /// Where it is.
    pub state: StepState,
    /// What it wrote down for itself.
    pub notes: BTreeMap<String, Value>,
    /// What it gave, where it finished.
    pub output: Option<Value>,
    /// What the second look saw.
    pub proof: Option<String>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// What the look after the undo saw.
    pub undo_proof: Option<String>,
    /// Why its undo failed, last.
    pub undo_failure: Option<Failure>,
    /// When it began, last.
    pub started_at: Option<Timestamp>,
    /// When it was done.
    pub finished_at: Option<Timestamp>,
    /// When its undo began, last.
    pub undo_started_at: Option<Timestamp>,
    /// When it was taken back.
    pub undone_at: Option<Timestamp>,
}

/// Where a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not begun.
    Pending,
    /// Begun; after a crash: it may or may not have had an effect.
    Started,
    /// Done and looked at again.
    Done,
    /// Failed.
    Failed,
    /// Being taken back.
    Undoing,
    /// Taken back.
    Undone,
}

/// An event that can't follow what went before: the journal is not what this version wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Illegal {
    /// The event's number.
    pub seq: u64,
    /// What is wrong.
    pub why: String,
}

impl RunView {
    /// The view after the first event.
    ///
    /// # Errors
    /// Where it is not `run.planned`.
    pub fn begin(event: &Event) -> Result<Self, Illegal> {
        let What::Planned { plan } = &event.what else {
            return Err(Illegal { seq: event.seq, why: "the first event is not run.planned".into() });
        };
        Ok(Self {
            steps: plan.steps.iter().map(StepView::of).collect(),
            plan: (**plan).clone(),
            seq: event.seq,
            started_at: None,
            ended_at: None,
            operator: None,
            direction: Direction::Forward,
            accept_loss: false,
            asked_back: false,
            why: None,
            warnings: Vec::new(),
            outcome: None,
        })
    }

    /// Takes in the next event.
    ///
    /// # Errors
    /// Where it can't follow: its number is not higher, its step is not in the plan, or the step
    /// is not where the event says it was.
    pub fn apply(&mut self, event: &Event) -> Result<(), Illegal> {
        if event.seq <= self.seq {
            return Err(Illegal { seq: event.seq, why: format!("it follows event {}", self.seq) });
        }
        self.fold(event).map_err(|why| Illegal { seq: event.seq, why })?;
        self.seq = event.seq;
        Ok(())
    }

    fn fold(&mut self, event: &Event) -> Result<(), String> {
        match &event.what {
            What::Planned { .. } => return Err("a run is planned once".into()),
            What::Started { operator, direction, accept_loss } => {
                self.started_at.get_or_insert(event.at);
                self.operator = Some(operator.clone());
                self.asked_back |= *direction == Direction::Back && self.direction == Direction::Forward;
                self.direction = *direction;
                self.accept_loss |= accept_loss;
                self.outcome = None;
            }
            What::Unwinding { why } => {
                self.direction = Direction::Back;
                self.why = Some((**why).clone());
            }
            What::Finished { status, exit, durations, report, failure } => {
                self.ended_at = Some(event.at);
                self.outcome = Some(Outcome {
                    status: *status,
                    exit: *exit,
                    durations: *durations,
                    report: report.clone(),
                    failure: failure.as_deref().cloned(),
                });
            }
            What::Warning { message } => self.warnings.push(message.clone()),
            What::Progress { .. } | What::Output { .. } | What::Sampled { .. } | What::Unknown => {}
            step => self.fold_step(step, event.at)?,
        }
        Ok(())
    }

    fn fold_step(&mut self, what: &What, at: Timestamp) -> Result<(), String> {
        use StepState::{Done, Failed, Pending, Started, Undoing, Undone};
        match what {
            What::StepStarted { step } => {
                let step = self.to(step, &[Pending, Started, Failed, Undone], Started)?;
                step.started_at = Some(at);
                step.failure = None;
            }
            What::StepNoted { step, key, value } => {
                let step = self.step_mut(step)?;
                step.notes.insert(key.clone(), value.clone());
            }
            What::StepFinished { step, output, proof, .. } => {
                let step = self.to(step, &[Started], Done)?;
                step.output = Some(output.clone());
                step.proof = Some(proof.clone());
                step.finished_at = Some(at);
            }
            What::StepFailed { step, failure, .. } => {
                let step = self.to(step, &[Started], Failed)?;
                step.failure = Some((**failure).clone());
                step.finished_at = Some(at);
            }
            What::UndoStarted { step } => {
                let step = self.to(step, &[Started, Done, Failed, Undoing], Undoing)?;
                step.undo_started_at = Some(at);
            }
            What::UndoFinished { step, proof, .. } => {
                let step = self.to(step, &[Undoing], Undone)?;
                step.undo_proof = Some(proof.clone());
                step.undo_failure = None;
                step.undone_at = Some(at);
            }
            What::UndoFailed { step, failure, .. } => {
                let step = self.to(step, &[Undoing], Undoing)?;
                step.undo_failure = Some((**failure).clone());
            }
            _ => {}
        }
        Ok(())
    }

    fn to(&mut self, id: &str, from: &[StepState], to: StepState) -> Result<&mut StepView, String> {
        let step = self.step_mut(id)?;
        if !from.contains(&step.state) {
            return Err(format!("step {id} is {:?} and can't become {to:?}", step.state));
        }
        step.state = to;
        Ok(step)
    }

    fn step_mut(&mut self, id: &str) -> Result<&mut StepView, String> {
        self.steps.iter_mut().find(|step| step.id == id).ok_or_else(|| format!("there is no step {id}"))
    }

    /// A step by its id.
    pub fn step(&self, id: &str) -> Option<&StepView> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// The steps with what was planned for them.
    pub fn planned(&self) -> impl DoubleEndedIterator<Item = (&PlannedStep, &StepView)> {
        self.plan.steps.iter().zip(&self.steps)
    }

    /// Whether target, code or service may be other than before.
    pub fn changed_anything(&self) -> bool {
        self.planned()
            .any(|(planned, step)| planned.undo == UndoPolicy::Reversible && step.started_at.is_some())
    }

    /// Whether it has not ended: nobody may begin another one.
    pub fn is_open(&self) -> bool {
        self.outcome.as_ref().is_none_or(|outcome| outcome.status == RunStatus::Stuck)
    }

    /// For how long users saw no application, as [`RunView::downtimes`] has it; nothing where they
    /// saw it all the time.
    pub fn downtime_ms(&self, taken: &str, given_back: &str, now: Timestamp) -> Option<u64> {
        let times = self.downtimes(taken, given_back, now);
        let ms = |(from, until): &(Timestamp, Timestamp)| {
            u64::try_from(until.duration_since(*from).as_millis()).unwrap_or_default()
        };
        (!times.is_empty()).then(|| times.iter().map(ms).sum())
    }

    /// When users saw no application: from the step of kind `taken` to the end of the step of kind
    /// `given_back`; and where a run that had given it back is taken back, from there to the end of
    /// `taken`'s undo. What lasts, lasts until `now`.
    pub fn downtimes(&self, taken: &str, given_back: &str, now: Timestamp) -> Vec<(Timestamp, Timestamp)> {
        let Some(taken) = self.steps_of(taken).find(|step| step.started_at.is_some()) else {
            return Vec::new();
        };
        let from = taken.started_at.unwrap_or(now);
        let end = taken.undone_at.unwrap_or(now);
        let Some(again) = self.steps_of(given_back).find_map(StepView::came_to_its_end) else {
            return vec![(from, end)];
        };
        let taken_again = self.steps_of(given_back).find_map(|step| step.undo_started_at);
        [(from, again)].into_iter().chain(taken_again.map(|from| (from, end))).collect()
    }

    fn steps_of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a StepView> {
        self.planned().filter(move |(planned, _)| planned.kind == kind).map(|(_, step)| step)
    }
}

impl StepView {
    /// When it was done, whether or not it was taken back since.
    fn came_to_its_end(&self) -> Option<Timestamp> {
        self.finished_at
            .filter(|at| self.failure.is_none() && self.started_at.is_some_and(|from| from <= *at))
    }

    fn of(planned: &PlannedStep) -> Self {
        Self {
            id: planned.id.clone(),
            state: StepState::Pending,
            notes: BTreeMap::new(),
            output: None,
            proof: None,
            failure: None,
            undo_proof: None,
            undo_failure: None,
            started_at: None,
            finished_at: None,
            undo_started_at: None,
            undone_at: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page that closes at second 1 and opens at second 4.
    fn deployed() -> RunView {
        let step = |id: &str, from, to| StepView {
            state: StepState::Done,
            started_at: Some(at(from)),
            finished_at: Some(at(to)),
            id: id.to_owned(),
            notes: BTreeMap::new(),
            output: None,
            proof: None,
            failure: None,
            undo_proof: None,
            undo_failure: None,
            undo_started_at: None,
            undone_at: None,
        };
        let planned = |id: &str| serde_json::json!({ "id": id, "kind": id, "title": id, "undo": "reversible", "params": null });
        let plan = serde_json::json!({
            "format": 1, "run": "r", "made_at": "2026-11-22T02:14:07Z", "environment": "production", "target": "ada",
            "server": "db", "server_version": "15.1", "tool": "alembic", "release_before": null, "release_after": null,
            "revision_before": [], "revision_after": [], "pending": [], "digest": "", "gates": [], "ways_back": [],
            "notes": [], "steps": [planned("maintenance"), planned("close")], "settings": {}
        });
        let what = What::Planned { plan: serde_json::from_value(plan).unwrap() };
        let event = Event { seq: 1, at: at(0), run: crate::RunId("r".into()), what };
        let mut run = RunView::begin(&event).unwrap();
        run.steps = vec![step("maintenance", 1, 2), step("close", 3, 4)];
        run
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn down(run: &RunView, now: i64) -> Option<u64> {
        run.downtime_ms("maintenance", "close", at(now))
    }

    #[test]
    fn the_time_between_a_run_and_its_way_back_is_not_downtime() {
        let mut run = deployed();
        assert_eq!(down(&run, 1000), Some(3_000));
        run.steps[1].state = StepState::Undoing;
        run.steps[1].undo_started_at = Some(at(100));
        assert_eq!(down(&run, 105), Some(8_000), "it goes on");
        run.steps[1].state = StepState::Undone;
        run.steps[0].state = StepState::Undone;
        run.steps[0].undone_at = Some(at(110));
        assert_eq!(down(&run, 1000), Some(13_000));
    }

    #[test]
    fn what_was_never_given_back_is_counted_to_its_undo() {
        let mut run = deployed();
        run.steps[1].started_at = None;
        run.steps[1].finished_at = None;
        assert_eq!(down(&run, 9), Some(8_000), "it goes on");
        run.steps[0].undone_at = Some(at(7));
        assert_eq!(down(&run, 9), Some(6_000));
        run.steps[0].started_at = None;
        assert_eq!(down(&run, 9), None, "nothing was taken away");
    }
}
