//! What must be so before a run may begin: one file a gate, one line in [`GATES`].
//!
//! A gate that could not be looked at does not let a run through. They are looked at when the plan
//! is made, and again under the lease: between the two, somebody may have taken staging back.

mod approval;
mod recorded;
mod rehearsal;
mod review;
mod staging;
pub mod window;

use jiff::Timestamp;
use switchback_engine::clock;
use switchback_engine::step::StepCx;
use switchback_model::config::{self, Environment};
use switchback_model::plan::GateState;
use switchback_model::record::Sealed;
use switchback_model::{Code, Failure, Plan, Result, code};

use crate::records::Store;
use crate::world::World;

/// What a gate found.
enum Verdict {
    /// What lets the run through.
    Passed(String),
    /// Why it does not, and what would make it.
    Missing { why: String, cure: String },
}

/// What a gate may look at.
struct Asked<'a> {
    world: &'a World,
    plan: &'a Plan,
    records: &'a [Sealed],
    now: Timestamp,
}

/// A gate.
struct Gate {
    name: &'static str,
    /// Whether an environment asks for it.
    asked: fn(&Environment) -> bool,
    look: fn(&Asked<'_>) -> Result<Verdict>,
}

/// Every gate, in the order in which a person passes them.
const GATES: &[Gate] = &[review::GATE, rehearsal::GATE, staging::GATE, approval::GATE, window::GATE];

fn requires(environment: &Environment, gate: config::Gate) -> bool {
    environment.requires.contains(&gate)
}

/// The gates that an environment asks for.
pub fn names(environment: &Environment) -> Vec<String> {
    let asked = GATES.iter().filter(|gate| (gate.asked)(environment));
    asked.map(|gate| gate.name.to_owned()).collect()
}

/// How each gate of a plan's environment stands at this moment.
///
/// # Errors
/// [`code::RECORD_DAMAGED`], `CONFIG_INVALID` for a window that can't be understood.
pub fn states(world: &World, plan: &Plan) -> Result<Vec<GateState>> {
    let environment = &world.config.environment;
    let asked: Vec<_> = GATES.iter().filter(|gate| (gate.asked)(environment)).collect();
    let records =
        if environment.requires.is_empty() { Vec::new() } else { Store::of(&world.config).all()? };
    let cx = Asked { world, plan, records: &records, now: clock::now() };
    asked.into_iter().map(|gate| Ok(state(gate.name, (gate.look)(&cx)?))).collect()
}

fn state(name: &str, verdict: Verdict) -> GateState {
    let name = name.to_owned();
    match verdict {
        Verdict::Passed(detail) => GateState { name, passed: true, detail, cure: None },
        Verdict::Missing { why, cure } => GateState { name, passed: false, detail: why, cure: Some(cure) },
    }
}

/// Refuses a plan that a gate does not let through.
///
/// # Errors
/// [`code::GATE_MISSING`] naming each with what would satisfy it; [`code::WINDOW_CLOSED`] where
/// only the time is wrong.
pub fn pass(plan: &Plan, states: &[GateState]) -> Result<()> {
    let missing: Vec<_> = states.iter().filter(|state| !state.passed).collect();
    let Some(first) = missing.first() else { return Ok(()) };
    let (code, message): (Code, String) = match missing.as_slice() {
        [only] if only.name == window::GATE.name => (code::WINDOW_CLOSED, only.detail.clone()),
        [only] => {
            (code::GATE_MISSING, format!("{} asks for {}: {}", plan.environment, only.name, only.detail))
        }
        several => {
            let names: Vec<_> = several.iter().map(|state| state.name.as_str()).collect();
            (code::GATE_MISSING, format!("{} asks for {}", plan.environment, names.join(", ")))
        }
    };
    let mut failure = Failure::new(code, message).changed("nothing was changed");
    if missing.len() > 1 {
        failure =
            missing.iter().fold(failure, |f, state| f.cause(format!("{}: {}", state.name, state.detail)));
    }
    if code == code::WINDOW_CLOSED {
        return Err(first.cure.iter().fold(failure, Failure::hint));
    }
    failure = failure.cause(format!("for the migrations with digest {}", plan.digest));
    for state in &missing {
        failure = state.cure.iter().fold(failure, |f, cure| f.hint(format!("{}: {cure}", state.name)));
    }
    let without = format!("to deploy without: change `requires` in [environments.{}]", plan.environment);
    Err(failure.hint(without))
}

/// Looks at the gates once more, under the lease. The window has a step of its own.
///
/// # Errors
/// As [`pass`].
pub fn again(cx: &StepCx<'_, World>) -> Result<()> {
    let plan = cx.log().view().plan.clone();
    let mut states = states(cx.world, &plan)?;
    states.retain(|state| state.name != window::GATE.name);
    pass(&plan, &states)
}

/// What a person should know of gates that are passed, as notes of the plan.
pub fn notes(world: &World, plan: &Plan) -> Result<Vec<String>> {
    Ok([review::accepted(world, plan)?, approval::own(world, plan)?].concat())
}

#[cfg(test)]
mod tests {
    use super::{GATES, config};

    #[test]
    fn every_file_is_registered() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/gates");
        let files =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut files: Vec<_> =
            files.filter_map(|name| name.strip_suffix(".rs").map(str::to_owned)).collect();
        // What the gates that ask for records share.
        files.retain(|name| name != "mod" && name != "recorded");
        files.sort();
        let mut names: Vec<_> = GATES.iter().map(|gate| gate.name.to_owned()).collect();
        names.sort();
        assert_eq!(files, names);
    }

    #[test]
    fn every_word_of_requires_has_its_gate() {
        use config::Gate::{Approval, Rehearsal, Review, Staging};
        for word in [Review, Rehearsal, Staging, Approval] {
            assert!(GATES.iter().any(|gate| gate.name == word.name()), "{word:?}");
        }
    }
}
