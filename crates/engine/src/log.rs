//! The one stream of events: into the journal first, then into the view, then to whoever looks.

use std::cell::{Cell, Ref, RefCell};
use std::path::PathBuf;

use switchback_model::{Event, Failure, Plan, Result, RunId, RunView, What, code};

use crate::clock;
use crate::fault::Faults;
use crate::journal::Journal;

/// Somebody who looks at the events of a run; it can change nothing.
pub type Observer = Box<dyn FnMut(&Event, &RunView)>;

/// Journal, view and observers of one run.
pub struct Log {
    journal: RefCell<Journal>,
    view: RefCell<RunView>,
    observer: RefCell<Observer>,
    seq: Cell<u64>,
    written: Cell<u64>,
    faults: Faults,
}

impl Log {
    /// Begins a new run: its plan is the first entry.
    ///
    /// # Errors
    /// As [`Journal::create`] and [`Journal::append`].
    pub fn begin(mut journal: Journal, plan: Plan, mut observer: Observer, faults: Faults) -> Result<Self> {
        let run = plan.run.clone();
        let event = Event { seq: 1, at: clock::now(), run, what: What::Planned { plan: Box::new(plan) } };
        journal.append(&event)?;
        let view = RunView::begin(&event).map_err(|illegal| broken(&illegal.why))?;
        observer(&event, &view);
        faults.after_entry(1);
        Ok(Self {
            journal: RefCell::new(journal),
            view: RefCell::new(view),
            observer: RefCell::new(observer),
            seq: Cell::new(1),
            written: Cell::new(1),
            faults,
        })
    }

    /// Goes on with a run that was read from its journal.
    pub fn go_on(journal: Journal, view: RunView, observer: Observer, faults: Faults) -> Self {
        Self {
            journal: RefCell::new(journal),
            seq: Cell::new(view.seq),
            view: RefCell::new(view),
            observer: RefCell::new(observer),
            written: Cell::new(0),
            faults,
        }
    }

    /// What the run is now.
    pub fn view(&self) -> Ref<'_, RunView> {
        self.view.borrow()
    }

    /// The run.
    pub fn run(&self) -> RunId {
        self.view.borrow().plan.run.clone()
    }

    /// The run's folder.
    pub fn folder(&self) -> PathBuf {
        self.journal.borrow().folder().to_owned()
    }

    /// The faults that were asked for.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Says what happened. What is durable is on disk when this returns.
    ///
    /// # Errors
    /// [`code::JOURNAL_WRITE`]: the run must stop; [`code::INTERNAL`] where the event can't follow.
    pub fn say(&self, what: What) -> Result<()> {
        let event = Event { seq: self.seq.get() + 1, at: clock::now(), run: self.run(), what };
        // An event that can't follow must not be written down: the next reader would refuse it.
        let mut next = self.view.borrow().clone();
        next.apply(&event).map_err(|illegal| broken(&illegal.why))?;
        if event.what.is_durable() {
            self.journal.borrow_mut().append(&event)?;
            self.written.set(self.written.get() + 1);
        }
        self.seq.set(event.seq);
        *self.view.borrow_mut() = next;
        (self.observer.borrow_mut())(&event, &self.view.borrow());
        if event.what.is_durable() {
            self.faults.after_entry(self.written.get());
        }
        Ok(())
    }

    /// Says something that need not survive: how far a step is, a line.
    pub fn mention(&self, what: What) {
        debug_assert!(!what.is_durable());
        let event = Event { seq: self.seq.get() + 1, at: clock::now(), run: self.run(), what };
        self.seq.set(event.seq);
        (self.observer.borrow_mut())(&event, &self.view.borrow());
    }
}

fn broken(why: &str) -> Failure {
    Failure::new(code::INTERNAL, format!("an event can't follow: {why}"))
}
