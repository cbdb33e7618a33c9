//! What a step is: one piece of a run that can be looked at, done, looked at again and taken back.

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use switchback_model::event::Unit;
use switchback_model::plan::{PlannedStep, UndoPolicy};
use switchback_model::run::StepState;
use switchback_model::{Failure, Result, What, code};

use crate::cancel::Cancel;
use crate::log::Log;

/// What a probe found.
#[derive(Debug)]
pub enum Probe<T> {
    /// The effect is not there.
    NotDone,
    /// It is there, and this is what `run` would have given.
    Done(T),
    /// It can't be told: the run stops as stuck.
    Unclear(Failure),
}

/// One piece of a run. Its fields are its parameters: they live in the plan.
///
/// `run` and `undo` must be safe to repeat: after a crash nobody knows how far the first try came.
#[async_trait(?Send)]
pub trait Step<W>: Serialize + DeserializeOwned + 'static {
    /// What the registry knows it by; stable in plans and journals.
    const KIND: &'static str;
    /// What later steps read of it.
    type Output: Serialize + DeserializeOwned;

    /// The line that a person reads.
    fn title(&self) -> String;

    /// What undoing it means.
    fn undo_policy(&self) -> UndoPolicy;

    /// Looks whether the effect is there already; asked after a crash, before `run`.
    async fn probe(&self, _cx: &StepCx<'_, W>) -> Result<Probe<Self::Output>> {
        Ok(Probe::NotDone)
    }

    /// Makes the effect.
    async fn run(&self, cx: &StepCx<'_, W>) -> Result<Self::Output>;

    /// Looks again, by other means than `run` used, and says what it saw.
    async fn verify(&self, cx: &StepCx<'_, W>, done: &Self::Output) -> Result<String>;

    /// Takes the effect back and looks again; `done` is `None` where it may or may not have
    /// happened. Says what it saw.
    async fn undo(&self, _cx: &StepCx<'_, W>, _done: Option<&Self::Output>) -> Result<String> {
        Ok("nothing to take back".into())
    }
}

/// What a step is given: the world it may touch, and the run's record.
pub struct StepCx<'a, W> {
    /// The adapters.
    pub world: &'a W,
    /// Says that everything should stop in good order.
    pub cancel: &'a Cancel,
    log: &'a Log,
    step: &'a str,
}

impl<'a, W> StepCx<'a, W> {
    /// The context of one step.
    pub fn new(world: &'a W, cancel: &'a Cancel, log: &'a Log, step: &'a str) -> Self {
        Self { world, cancel, log, step }
    }

    /// The run's record.
    pub fn log(&self) -> &Log {
        self.log
    }

    /// The id of this step.
    pub fn id(&self) -> &str {
        self.step
    }

    /// What the (first) step of another kind gave.
    ///
    /// # Errors
    /// [`code::INTERNAL`] where the plan has no such step before this one.
    pub fn output<S: Step<W>>(&self) -> Result<S::Output> {
        self.try_output::<S>()?
            .ok_or_else(|| Failure::new(code::INTERNAL, format!("step {} has given nothing", S::KIND)))
    }

    /// What the (first) step of another kind gave, where it did.
    ///
    /// # Errors
    /// [`code::INTERNAL`] where it can't be read.
    pub fn try_output<S: Step<W>>(&self) -> Result<Option<S::Output>> {
        let view = self.log.view();
        let found = view.planned().find(|(planned, _)| planned.kind == S::KIND);
        let output = found.and_then(|(_, step)| step.output.clone());
        output.map(from_value).transpose()
    }

    /// Writes something down that must survive a crash of this step.
    ///
    /// # Errors
    /// As [`Log::say`].
    pub fn note<T: Serialize>(&self, key: &str, value: &T) -> Result<()> {
        let value = to_value(value)?;
        self.log.say(What::StepNoted { step: self.step.to_owned(), key: key.to_owned(), value })
    }

    /// Reads what this step wrote down.
    ///
    /// # Errors
    /// [`code::INTERNAL`] where it can't be read.
    pub fn noted<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        self.noted_by(self.step, key)
    }

    /// Reads what another step wrote down.
    ///
    /// # Errors
    /// [`code::INTERNAL`] where it can't be read.
    pub fn noted_by<T: DeserializeOwned>(&self, step: &str, key: &str) -> Result<Option<T>> {
        let view = self.log.view();
        let value = view.step(step).and_then(|step| step.notes.get(key)).cloned();
        value.map(from_value).transpose()
    }

    /// Where the (first) step of a kind is.
    pub fn state_of(&self, kind: &str) -> Option<StepState> {
        let view = self.log.view();
        view.planned().find(|(planned, _)| planned.kind == kind).map(|(_, step)| step.state)
    }

    /// Says how far this step is.
    pub fn progress(&self, what: &str, done: u64, total: u64, unit: Unit) {
        let step = self.step.to_owned();
        self.log.mention(What::Progress { step, what: what.to_owned(), done, total, unit });
    }

    /// Passes on a line that a program of the user wrote.
    pub fn line(&self, line: &str) {
        self.log.mention(What::Output { step: self.step.to_owned(), line: line.to_owned() });
    }

    /// Says something that a person should know, and that stops nothing.
    pub fn warn(&self, message: impl Into<String>) {
        // A journal that can't be written stops the run at its next entry, which comes soon.
        drop(self.log.say(What::Warning { message: message.into() }));
    }
}

fn to_value<T: Serialize>(value: &T) -> Result<Value> {
    serde_json::to_value(value).map_err(|error| unreadable(&error))
}

fn from_value<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|error| unreadable(&error))
}

fn unreadable(error: &serde_json::Error) -> Failure {
    Failure::new(code::INTERNAL, "a record of the run has another form than this version writes")
        .because(error)
        .hint("go on with the version of Switchback that began the run")
}

/// A step whose type was forgotten: what the runner calls.
#[async_trait(?Send)]
pub trait AnyStep<W> {
    /// See [`Step::probe`].
    async fn probe(&self, cx: &StepCx<'_, W>) -> Result<Probe<Value>>;
    /// See [`Step::run`].
    async fn run(&self, cx: &StepCx<'_, W>) -> Result<Value>;
    /// See [`Step::verify`].
    async fn verify(&self, cx: &StepCx<'_, W>, done: &Value) -> Result<String>;
    /// See [`Step::undo`].
    async fn undo(&self, cx: &StepCx<'_, W>, done: Option<&Value>) -> Result<String>;
}

struct Erased<S>(S);

#[async_trait(?Send)]
impl<W, S: Step<W>> AnyStep<W> for Erased<S> {
    async fn probe(&self, cx: &StepCx<'_, W>) -> Result<Probe<Value>> {
        Ok(match self.0.probe(cx).await? {
            Probe::NotDone => Probe::NotDone,
            Probe::Done(output) => Probe::Done(to_value(&output)?),
            Probe::Unclear(failure) => Probe::Unclear(failure),
        })
    }

    async fn run(&self, cx: &StepCx<'_, W>) -> Result<Value> {
        to_value(&self.0.run(cx).await?)
    }

    async fn verify(&self, cx: &StepCx<'_, W>, done: &Value) -> Result<String> {
        self.0.verify(cx, &from_value(done.clone())?).await
    }

    async fn undo(&self, cx: &StepCx<'_, W>, done: Option<&Value>) -> Result<String> {
        let done = done.cloned().map(from_value).transpose()?;
        self.0.undo(cx, done.as_ref()).await
    }
}

/// A line of the registry: a kind, and how its parameters become a step.
pub struct StepEntry<W> {
    /// The kind.
    pub kind: &'static str,
    make: fn(Value) -> Result<Box<dyn AnyStep<W>>>,
}

impl<W: 'static> StepEntry<W> {
    /// The entry of a step type.
    pub const fn of<S: Step<W>>() -> Self {
        Self { kind: S::KIND, make: |params| Ok(Box::new(Erased(from_value::<S>(params)?))) }
    }

    /// The step with these parameters.
    ///
    /// # Errors
    /// [`code::INTERNAL`] where they are not its parameters.
    pub fn make(&self, params: Value) -> Result<Box<dyn AnyStep<W>>> {
        (self.make)(params)
    }
}

/// A step as it stands in a plan. `id` distinguishes several of one kind.
///
/// # Errors
/// [`code::INTERNAL`] where its parameters can't be written down.
pub fn planned<W, S: Step<W>>(step: &S, id: Option<&str>) -> Result<PlannedStep> {
    Ok(PlannedStep {
        id: id.map_or_else(|| S::KIND.to_owned(), |id| format!("{}:{id}", S::KIND)),
        kind: S::KIND.to_owned(),
        title: step.title(),
        undo: step.undo_policy(),
        params: to_value(step)?,
        estimate: None,
    })
}
