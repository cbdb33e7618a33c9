//! `requires = ["approval"]`: a person agreed to exactly these migrations, for this target.

use switchback_engine::clock;
use switchback_model::record::{Record, RecordKind};
use switchback_model::{Plan, Result, config};

use super::recorded::by;
use super::{Asked, Gate, Verdict, requires};
use crate::records::{Store, server_of};
use crate::world::World;

pub(super) const GATE: Gate = Gate {
    name: "approval",
    asked: |environment| requires(environment, config::Gate::Approval),
    look: |cx| Ok(look(cx)),
};

fn look(cx: &Asked<'_>) -> Verdict {
    if let Some(record) = found(cx) {
        let own = if is_own(cx, record) { "; the same login that deploys" } else { "" };
        return Verdict::Passed(format!("approved {}{own}", by(record)));
    }
    let release = cx.plan.release_after.as_ref().map(|release| format!(" --release {}", release.name));
    Verdict::Missing {
        why: why(cx),
        cure: format!(
            "switchback approve {} -e {}{}",
            cx.plan.digest.get(..12).unwrap_or(&cx.plan.digest),
            cx.plan.environment,
            release.unwrap_or_default()
        ),
    }
}

/// The approval that counts: somebody else's before one's own.
fn found<'a>(cx: &'a Asked<'_>) -> Option<&'a Record> {
    let server = server_of(cx.plan);
    let here = |record: &&Record| record.environment == cx.plan.environment && record.server == server;
    let counting: Vec<_> = cx.counting(RecordKind::Approval).into_iter().filter(here).collect();
    let other = counting.iter().find(|record| !is_own(cx, record));
    other.or(counting.first()).copied()
}

fn is_own(cx: &Asked<'_>, record: &Record) -> bool {
    record.operator == cx.world.operator.user
}

fn why(cx: &Asked<'_>) -> String {
    let environment = &cx.plan.environment;
    let about = cx.about(RecordKind::Approval);
    let here = about.iter().filter(|record| record.environment == *environment);
    match here.clone().next() {
        Some(record) if cx.expired(record) => format!("the approval {} has expired", by(record)),
        Some(record) => format!("the approval {} was for another server or database", by(record)),
        None if about.is_empty() => "nobody approved these migrations".into(),
        None => format!("these migrations were approved, but not for {environment}"),
    }
}

/// A note for a plan whose only approval is that of whoever deploys.
pub(super) fn own(world: &World, plan: &Plan) -> Result<Vec<String>> {
    if !requires(&world.config.environment, config::Gate::Approval) {
        return Ok(Vec::new());
    }
    let records = Store::of(&world.config).all()?;
    let cx = Asked { world, plan, records: &records, now: clock::now() };
    let own = found(&cx).filter(|record| is_own(&cx, record));
    let note = |record: &Record| {
        format!(
            "approved by {}, who also deploys: nobody else is known to have looked at it",
            record.operator
        )
    };
    Ok(own.map(note).into_iter().collect())
}
