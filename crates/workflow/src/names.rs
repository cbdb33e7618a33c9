//! What databases are called in the course of a run.

use serde::{Deserialize, Serialize};
use switchback_model::RunId;

/// PostgreSQL cuts names after 63 bytes (manual, 4.1.1).
const LONGEST: usize = 63;

/// The names of one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// The target, as the application knows it.
    pub target: String,
    /// The target behind a closed fence.
    pub fenced: String,
    /// The restore point.
    pub restore_point: String,
    /// The database that was swapped out.
    pub failed: String,
    /// A copy to try a downgrade on.
    pub rehearsal: String,
    /// A backup that is being restored, until it is whole.
    pub filling: String,
    /// A restored backup, until it takes the target's place.
    pub incoming: String,
    /// The database whose place a restored backup took.
    pub replaced: String,
}

impl Names {
    /// The names of a run on a target.
    pub fn of(target: &str, run: &RunId) -> Self {
        let name = |what: &str| {
            let end = format!("_{what}_{run}");
            let mut room = LONGEST.saturating_sub(end.len()).min(target.len());
            while !target.is_char_boundary(room) {
                room -= 1;
            }
            format!("{}{end}", &target[..room])
        };
        Self {
            target: target.to_owned(),
            fenced: name("sb"),
            restore_point: name("rp"),
            failed: name("failed"),
            rehearsal: name("try"),
            filling: name("part"),
            incoming: name("new"),
            replaced: name("old"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_differ() {
        let run = RunId("20260102_0304_abcd".into());
        assert_eq!(Names::of("ada", &run).fenced, "ada_sb_20260102_0304_abcd");
        let long = Names::of(&"ä".repeat(31), &run);
        let all = [&long.fenced, &long.restore_point, &long.failed, &long.rehearsal];
        for name in all.into_iter().chain([&long.filling, &long.incoming, &long.replaced]) {
            assert!(name.len() <= LONGEST && name.ends_with("abcd"), "{name}");
        }
    }
}
