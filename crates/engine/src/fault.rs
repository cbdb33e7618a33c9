//! Faults on request, so that every crash point can be tried: in debug builds only.
//!
//! `SWITCHBACK_FAULT` is a list of these, separated by commas; `*` as STEP is every step:
//!
//! | fault | does |
//! |---|---|
//! | `kill-after:N` | SIGKILL when entry N of this process is in the journal |
//! | `kill-in:STEP` | SIGKILL when the step has had its effect and nobody has looked at it yet |
//! | `kill-during:STEP@MS` | SIGKILL that many milliseconds after the step began, wherever it is then |
//! | `kill-in-undo:STEP`, `kill-during-undo:STEP@MS` | the same on the way back |
//! | `fail-before:STEP`, `fail-after:STEP` | an error before or after the step's effect |
//! | `twice:STEP`, `undo-twice:STEP` | do it, then do it again |
//!
//! Where this process leads its own group, as one started from a shell does, the whole group is killed.

use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process, kill_process_group};
use switchback_model::{Failure, Result, code};

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub struct Faults(Vec<Fault>);

#[derive(Clone, Debug)]
struct Fault {
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
        Self::read(&text.to_string_lossy())
    }

    fn read(text: &str) -> Self {
        let faults = text.split(',').filter_map(|fault| fault.split_once(':'));
        Self(faults.map(|(kind, place)| Fault { kind: kind.to_owned(), place: place.to_owned() }).collect())
    }

    fn has(&self, kind: &str, place: &str) -> bool {
        self.0.iter().any(|fault| fault.kind == kind && (fault.place == place || fault.place == "*"))
    }

    /// Dies after the Nth entry that this process wrote.
    pub fn after_entry(&self, written: u64) {
        if self.has("kill-after", &written.to_string()) {
            die();
        }
    }

    /// A step begins: from here on its time is measured.
    pub fn begun(&self, step: &str) {
        self.die_later("kill-during", step);
    }

    /// A step's undo begins.
    pub fn undo_begun(&self, step: &str) {
        self.die_later("kill-during-undo", step);
    }

    fn die_later(&self, kind: &str, step: &str) {
        for fault in self.0.iter().filter(|fault| fault.kind == kind) {
            let Some((place, ms)) = fault.place.rsplit_once('@') else { continue };
            if let (true, Ok(ms)) = (place == step, ms.parse()) {
                // A thread of its own, so that a step which holds up everything else dies too.
                let _nobody_joins = std::thread::spawn(move || {
                    #[expect(clippy::disallowed_methods, reason = "the fault must not wait for the engine")]
                    std::thread::sleep(Duration::from_millis(ms));
                    die();
                });
            }
        }
    }

    /// Fails before a step has done anything.
    ///
    /// # Errors
    /// [`code::INTERNAL`], where that was asked for.
    pub fn before(&self, step: &str) -> Result<()> {
        if self.has("fail-before", step) { Err(injected("before", step)) } else { Ok(()) }
    }

    /// Dies or fails when a step has had its effect.
    ///
    /// # Errors
    /// [`code::INTERNAL`], where that was asked for.
    pub fn after(&self, step: &str) -> Result<()> {
        if self.has("kill-in", step) {
            die();
        }
        if self.has("fail-after", step) { Err(injected("after", step)) } else { Ok(()) }
    }

    /// Dies when a step was taken back and that is not in the journal yet.
    pub fn after_undo(&self, step: &str) {
        if self.has("kill-in-undo", step) {
            die();
        }
    }

    /// Whether a step is to be run twice.
    pub fn twice(&self, step: &str) -> bool {
        self.has("twice", step)
    }

    /// Whether a step's undo is to be run twice.
    pub fn undo_twice(&self, step: &str) -> bool {
        self.has("undo-twice", step)
    }
}

fn die() {
    // There is a group of our number only where we lead one.
    let led = kill_process_group(getpid(), Signal::KILL);
    // Nothing can refuse this signal to ourselves.
    let _unreachable = led.or_else(|_no_such_group| kill_process(getpid(), Signal::KILL));
}

fn injected(when: &str, step: &str) -> Failure {
    Failure::new(code::INTERNAL, format!("a fault was asked for {when} step {step}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_faults_is_read_and_a_star_is_every_step() {
        let faults = Faults::read("fail-after:apply:r2,undo-twice:*");
        assert!(faults.after("apply:r2").is_err() && faults.after("apply:r3").is_ok());
        assert!(faults.undo_twice("fence") && !faults.twice("fence"));
        assert!(Faults::read("").before("fence").is_ok());
    }
}
