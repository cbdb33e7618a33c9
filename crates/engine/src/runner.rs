//! The only loop that runs steps.
//!
//! Forward: `started` is on disk, then the step is probed (only where an earlier process had
//! begun it), run, looked at again, and `finished` is on disk. A failure turns the run round: every
//! step that was begun is taken back, last first. A failed undo, or an effect that can't be told,
//! stops the run as stuck. Where the run is at any moment is in the journal alone, so going on
//! after a crash is the same loop again.

use std::pin::pin;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::Value;
use switchback_model::event::{Direction, Durations, Operator, RunStatus};
use switchback_model::plan::PlannedStep;
use switchback_model::run::{Outcome, StepState};
use switchback_model::{Exit, Failure, Result, What, code};

use crate::cancel::{Cancel, Canceller};
use crate::clock;
use crate::log::Log;
use crate::step::{AnyStep, Probe, StepCx, StepEntry};

/// How long a step that was told to stop has to end by itself.
const BY_ITSELF: Duration = Duration::from_secs(1);
/// How often an undo is begun whose connection breaks: it is safe to repeat, and nobody may be there to
/// say `resume`.
const UNDO_TRIES: u32 = 5;
/// The first pause between two tries; a line that broke is back in seconds, or it takes a person.
const UNDO_PAUSE: Duration = Duration::from_millis(200);

/// What the runner must know of the world in which steps act.
#[async_trait(?Send)]
pub trait Ground {
    /// Looks, before every effect, whether this run may still act: the lease is held, the marker
    /// is ours, the server is the same one.
    async fn may_act(&self, cx: &StepCx<'_, Self>) -> Result<()>
    where
        Self: Sized;

    /// Looks, when a process takes an interrupted run in hand, whether the world is still the one
    /// that the run was begun in.
    async fn taken_up(&self, _log: &Log, _direction: Direction) -> Result<()> {
        Ok(())
    }

    /// Ends what a step waits for outside of this process, where the word to stop was heard and the step
    /// does not end by itself; called again and again until it does.
    async fn hurry(&self) {}

    /// For how long users saw no application.
    fn downtime_ms(&self, log: &Log) -> Option<u64>;
}

/// Runs one run, once.
pub struct Runner<'a, W: Ground + 'static> {
    /// Every kind of step that there is.
    pub registry: &'a [StepEntry<W>],
    /// What steps may touch.
    pub world: &'a W,
    /// The run's record.
    pub log: &'a Log,
    /// Hears a person's word to stop.
    pub cancel: &'a Cancel,
    /// Takes that word back while the run is unwound.
    pub canceller: &'a Canceller,
    /// Who runs it.
    pub operator: Operator,
}

impl<W: Ground + 'static> Runner<'_, W> {
    /// Takes the run in hand and brings it to an end.
    ///
    /// `back` is why the run is to be taken back, where a person asked for that; `accept_loss` is
    /// their word that newer writes may be lost.
    ///
    /// # Errors
    /// Only where the journal can't be written: everything else is an [`Outcome`].
    pub async fn run(&self, back: Option<Failure>, accept_loss: bool) -> Result<Outcome> {
        let going_back = self.log.view().direction == Direction::Back;
        let direction = if back.is_some() || going_back { Direction::Back } else { Direction::Forward };
        self.log.say(What::Started { operator: self.operator.clone(), direction, accept_loss })?;
        // A way back that was asked for and is gone on with after a crash was asked for, too.
        let asked = back.is_some() || self.log.view().asked_back;
        if let Err(failure) = self.taken_up(direction).await {
            return self.stuck(failure);
        }
        let ended = match (back, direction) {
            (Some(why), _) => self.unwind(Some(why)).await,
            (None, Direction::Back) => self.unwind(None).await,
            (None, Direction::Forward) => match self.forward().await {
                Ok(()) => return self.finish(RunStatus::Succeeded, Exit::Done, None),
                Err(failure) => self.turn_round(failure).await,
            },
        };
        match ended {
            Ok(()) => self.taken_back(asked),
            Err(failure) if failure.code == code::JOURNAL_WRITE => Err(failure),
            Err(failure) => self.stuck(failure),
        }
    }

    async fn taken_up(&self, direction: Direction) -> Result<()> {
        let begun = self.log.view().steps.iter().any(|step| step.state != StepState::Pending);
        if begun { self.world.taken_up(self.log, direction).await } else { Ok(()) }
    }

    async fn forward(&self) -> Result<()> {
        let planned = self.log.view().plan.steps.clone();
        for step in &planned {
            if self.state(step) == StepState::Done {
                continue;
            }
            if self.cancel.is_cancelled() {
                return Err(self.interrupted());
            }
            self.step(step).await?;
        }
        Ok(())
    }

    async fn step(&self, planned: &PlannedStep) -> Result<()> {
        let begun_before = self.state(planned) != StepState::Pending;
        let id = &planned.id;
        let start = Instant::now();
        self.log.say(What::StepStarted { step: id.clone() })?;
        match self.act_until_told(planned, begun_before).await {
            Ok((output, proof)) => {
                self.log.say(What::StepFinished { step: id.clone(), output, proof, ms: since(start) })
            }
            Err(failure) => {
                let failure = if self.cancel.is_cancelled() && failure.code != code::JOURNAL_WRITE {
                    self.interrupted().cause(failure.to_string()).effect(failure.effect)
                } else {
                    failure
                };
                let noted = Box::new(failure.clone());
                self.log.say(What::StepFailed { step: id.clone(), failure: noted, ms: since(start) })?;
                Err(failure)
            }
        }
    }

    /// A step is asked to end first, and hurried then: one that only waits for a server hears nothing.
    async fn act_until_told(&self, planned: &PlannedStep, begun_before: bool) -> Result<(Value, String)> {
        let mut acting = pin!(self.act(planned, begun_before));
        tokio::select! {
            biased;
            done = &mut acting => return done,
            () = self.cancel.cancelled() => {}
        }
        let hurrying = async {
            loop {
                tokio::time::sleep(BY_ITSELF).await;
                self.world.hurry().await;
            }
        };
        tokio::select! {
            biased;
            done = &mut acting => done,
            never = hurrying => match never {},
        }
    }

    async fn act(&self, planned: &PlannedStep, begun_before: bool) -> Result<(Value, String)> {
        let (step, cx) = (self.make(planned)?, self.cx(planned));
        let faults = self.log.faults();
        faults.begun(&planned.id);
        self.world.may_act(&cx).await?;
        let found = if begun_before { step.probe(&cx).await? } else { Probe::NotDone };
        let output = match found {
            Probe::Done(output) => output,
            Probe::Unclear(failure) => return Err(failure),
            Probe::NotDone => {
                faults.before(&planned.id)?;
                let output = step.run(&cx).await?;
                if faults.twice(&planned.id) { step.run(&cx).await? } else { output }
            }
        };
        faults.after(&planned.id)?;
        let proof = step.verify(&cx, &output).await?;
        Ok((output, proof))
    }

    /// What a failure on the way forward leads to.
    async fn turn_round(&self, failure: Failure) -> Result<()> {
        // Whether the effect happened must be known before anything is taken back.
        if failure.exit() == Exit::Stuck && failure.code != code::INTERNAL {
            return Err(failure);
        }
        self.unwind(Some(failure)).await
    }

    async fn unwind(&self, why: Option<Failure>) -> Result<()> {
        // The word that turned the run round must not stop it on its way back.
        self.canceller.reset();
        if let Some(why) = why {
            self.log.say(What::Unwinding { why: Box::new(why) })?;
        }
        let planned = self.log.view().plan.steps.clone();
        for step in planned.iter().rev() {
            if !matches!(self.state(step), StepState::Pending | StepState::Undone) {
                self.undo(step).await?;
            }
        }
        Ok(())
    }

    async fn undo(&self, planned: &PlannedStep) -> Result<()> {
        let id = &planned.id;
        let start = Instant::now();
        let done = self.log.view().step(id).and_then(|step| step.output.clone());
        self.log.say(What::UndoStarted { step: id.clone() })?;
        match self.take_back(planned, done.as_ref()).await {
            Ok(proof) => self.log.say(What::UndoFinished { step: id.clone(), proof, ms: since(start) }),
            Err(failure) => {
                let noted = Box::new(failure.clone());
                self.log.say(What::UndoFailed { step: id.clone(), failure: noted, ms: since(start) })?;
                Err(failure)
            }
        }
    }

    async fn take_back(&self, planned: &PlannedStep, done: Option<&Value>) -> Result<String> {
        for tried in 1..UNDO_TRIES {
            match self.take_back_once(planned, done).await {
                Err(failure) if failure.code == code::CONNECTION_LOST => {
                    let message = format!("taking back {} is tried again: {failure}", planned.id);
                    self.log.say(What::Warning { message })?;
                    tokio::time::sleep(UNDO_PAUSE * tried * tried).await;
                }
                other => return other,
            }
        }
        self.take_back_once(planned, done).await
    }

    async fn take_back_once(&self, planned: &PlannedStep, done: Option<&Value>) -> Result<String> {
        // Nobody's word stops the way back half-way: it is the safe place that the word asks for.
        let never = Cancel::never();
        let (step, cx) = (self.make(planned)?, StepCx::new(self.world, &never, self.log, &planned.id));
        let faults = self.log.faults();
        faults.undo_begun(&planned.id);
        self.world.may_act(&cx).await?;
        let proof = step.undo(&cx, done).await?;
        let proof = if faults.undo_twice(&planned.id) { step.undo(&cx, done).await? } else { proof };
        faults.after_undo(&planned.id);
        Ok(proof)
    }

    /// `asked`: a person asked for it, so it is what success looks like.
    fn taken_back(&self, asked: bool) -> Result<Outcome> {
        let why = self.log.view().why.clone();
        let interrupted = why.as_ref().is_some_and(|why| why.code == code::INTERRUPTED);
        let (status, exit) = match (self.log.view().changed_anything(), interrupted) {
            (true, true) => (RunStatus::Undone, Exit::Interrupted),
            (true, false) => (RunStatus::Undone, Exit::TakenBack),
            (false, true) => (RunStatus::Refused, Exit::Interrupted),
            (false, false) => (RunStatus::Refused, Exit::Refused),
        };
        self.finish(status, if asked { Exit::Done } else { exit }, why)
    }

    /// A person is needed, who must never have to guess what to type.
    fn stuck(&self, mut failure: Failure) -> Result<Outcome> {
        if failure.hints.is_empty() {
            let run = self.log.run();
            failure.hints.push(format!(
                "put right what stopped it; then: switchback resume {run}, or switchback rollback {run}"
            ));
        }
        self.finish(RunStatus::Stuck, Exit::Stuck, Some(failure))
    }

    fn finish(&self, status: RunStatus, exit: Exit, failure: Option<Failure>) -> Result<Outcome> {
        let started = self.log.view().started_at.unwrap_or_else(clock::now);
        let total_ms = u64::try_from(clock::now().duration_since(started).as_millis()).unwrap_or_default();
        let durations = Durations { total_ms, downtime_ms: self.world.downtime_ms(self.log) };
        let report = Some(self.log.folder().join("report.md").display().to_string());
        let boxed = failure.clone().map(Box::new);
        self.log.say(What::Finished { status, exit, durations, report: report.clone(), failure: boxed })?;
        Ok(Outcome { status, exit, durations, report, failure })
    }

    fn interrupted(&self) -> Failure {
        let message = "the run was interrupted";
        match self.cancel.by() {
            Some(by) => Failure::new(code::INTERRUPTED, format!("{message} by {by}")),
            None => Failure::new(code::INTERRUPTED, message),
        }
    }

    fn state(&self, planned: &PlannedStep) -> StepState {
        self.log.view().step(&planned.id).map_or(StepState::Pending, |step| step.state)
    }

    fn cx<'c>(&'c self, planned: &'c PlannedStep) -> StepCx<'c, W> {
        StepCx::new(self.world, self.cancel, self.log, &planned.id)
    }

    fn make(&self, planned: &PlannedStep) -> Result<Box<dyn AnyStep<W>>> {
        let entry = self.registry.iter().find(|entry| entry.kind == planned.kind);
        let entry = entry.ok_or_else(|| {
            Failure::new(
                code::JOURNAL_DAMAGED,
                format!("this version knows no step of kind {}", planned.kind),
            )
            .hint("go on with the version of Switchback that began the run")
        })?;
        entry.make(planned.params.clone())
    }
}

fn since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
