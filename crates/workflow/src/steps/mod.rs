//! The steps of a run: one file each, one line in [`STEPS`].
//!
//! Their order is the planner's; what each needs of the others it reads from their outputs.

pub mod apply;
pub mod backup;
pub mod close;
pub mod fence;
pub mod health;
pub mod lease;
pub mod losses;
pub mod maintenance;
pub mod preflight;
pub mod prepare;
pub mod record;
pub mod restore;
pub mod restore_point;
pub mod smoke;
pub mod start;
pub mod stop;
pub mod swap;
pub mod switch_code;
pub mod tests;
pub mod validate;
pub mod verify_version;
pub mod window;

use jiff::Timestamp;
use switchback_engine::step::StepEntry;
use switchback_model::RunView;

use crate::world::World;

/// Every kind of step.
pub const STEPS: &[StepEntry<World>] = &[
    StepEntry::of::<preflight::Preflight>(),
    StepEntry::of::<lease::Lease>(),
    StepEntry::of::<record::Record>(),
    StepEntry::of::<backup::Backup>(),
    StepEntry::of::<restore::Restore>(),
    StepEntry::of::<losses::Losses>(),
    StepEntry::of::<prepare::Prepare>(),
    StepEntry::of::<window::LookAtWindow>(),
    StepEntry::of::<maintenance::MaintenanceOn>(),
    StepEntry::of::<stop::Stop>(),
    StepEntry::of::<fence::Fence>(),
    StepEntry::of::<restore_point::RestorePoint>(),
    StepEntry::of::<swap::Swap>(),
    StepEntry::of::<switch_code::SwitchCode>(),
    StepEntry::of::<apply::Apply>(),
    StepEntry::of::<verify_version::VerifyVersion>(),
    StepEntry::of::<validate::Validate>(),
    StepEntry::of::<start::Start>(),
    StepEntry::of::<health::HealthCheck>(),
    StepEntry::of::<smoke::Smoke>(),
    StepEntry::of::<tests::Tests>(),
    StepEntry::of::<close::Close>(),
];

/// The kinds whose begin takes the application away from its users, the first that a plan has.
pub(crate) const DOWN_FROM: &[&str] = &["maintenance", "stop", "fence"];
/// The kind whose end gives it back.
const UP_AGAIN: &str = "close";

/// For how long users have seen no application, up to `now` where that goes on.
pub fn downtime_ms(run: &RunView, now: Timestamp) -> Option<u64> {
    DOWN_FROM.iter().find_map(|kind| run.downtime_ms(kind, UP_AGAIN, now))
}

/// From when to when that was; once more where a run that had succeeded was taken back.
pub fn downtimes(run: &RunView, now: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    let mut times = DOWN_FROM.iter().map(|kind| run.downtimes(kind, UP_AGAIN, now));
    times.find(|times| !times.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod registered {
    use super::STEPS;

    #[test]
    fn every_file_is_registered() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/steps");
        let files =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut files: Vec<_> =
            files.filter_map(|name| name.strip_suffix(".rs").map(str::to_owned)).collect();
        files.retain(|name| name != "mod");
        files.sort();
        let mut kinds: Vec<_> = STEPS.iter().map(|entry| entry.kind.to_owned()).collect();
        kinds.sort();
        assert_eq!(files, kinds);
    }
}
