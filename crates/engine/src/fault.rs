//! Faults on request, so that every crash point can be tried: in debug builds only.
//!
//! `SWITCHBACK_FAULT` is one of `kill-after:N` (SIGKILL ourselves when event N of this process is
//! in the journal), `fail-before:STEP`, `fail-after:STEP`, `kill-in:STEP` (after its effect and
//! before its second look), `twice:STEP` (run it, then run it again).

use rustix::process::{Signal, getpid, kill_process};
use switchback_model::{Failure, Result, code};

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    kind: String,
    place: String,
}

impl Faults {
    /// Reads the environment; never finds anything in a release build.
    pub fn from_environment() -> Self {
        if !cfg!(debug_assertions) {
            return Self::default();
        }
        let text = std::env::var_os("SWITCHBACK_FAULT").unwrap_or_default();
        let text = text.to_string_lossy();
        let (kind, place) = text.split_once(':').unwrap_or_default();
        Self { kind: kind.to_owned(), place: place.to_owned() }
    }

    fn is(&self, kind: &str, place: &str) -> bool {
        self.kind == kind && self.place == place
    }

    /// Dies after the Nth entry that this process wrote.
    pub fn after_entry(&self, written: u64) {
        if self.is("kill-after", &written.to_string()) {
            die();
        }
    }

    /// Fails before a step has done anything.
    pub fn before(&self, step: &str) -> Result<()> {
        if self.is("fail-before", step) { Err(injected("before", step)) } else { Ok(()) }
    }

    /// Dies or fails when a step has had its effect.
    pub fn after(&self, step: &str) -> Result<()> {
        if self.is("kill-in", step) {
            die();
        }
        if self.is("fail-after", step) { Err(injected("after", step)) } else { Ok(()) }
    }

    /// Whether a step is to be run twice.
    pub fn twice(&self, step: &str) -> bool {
        self.is("twice", step)
    }

    /// Whether every undo is to be run twice.
    pub fn undo_twice(&self) -> bool {
        self.kind == "undo-twice" || self.kind == "fail-after" || self.kind == "fail-before"
    }
}

fn die() {
    // Nothing can refuse this signal to ourselves.
    let _unreachable = kill_process(getpid(), Signal::KILL);
}

fn injected(when: &str, step: &str) -> Failure {
    Failure::new(code::INTERNAL, format!("a fault was asked for {when} step {step}"))
}
