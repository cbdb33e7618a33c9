//! `requires = ["staging"]`: a run brought another environment through exactly these migrations,
//! and it was not taken back since.

use switchback_engine::journal;
use switchback_model::config;
use switchback_model::event::RunStatus;
use switchback_model::record::{Record, RecordKind, RecordResult};

use super::recorded::by;
use super::{Asked, Gate, Verdict, requires};

pub(super) const GATE: Gate = Gate {
    name: "staging",
    asked: |environment| requires(environment, config::Gate::Staging),
    look: |cx| Ok(look(cx)),
};

fn look(cx: &Asked<'_>) -> Verdict {
    let from = promoting(cx);
    let Some(first) = from.first() else {
        return Verdict::Missing {
            why: format!("{} can't vouch for itself", cx.plan.environment),
            cure: format!(
                "name another one: promote_from = [\"…\"] in [environments.{}]",
                cx.plan.environment
            ),
        };
    };
    let fits = |record: &Record| from.contains(&record.environment);
    let counting = cx.counting(RecordKind::Staging);
    if let Some(record) = counting.into_iter().find(|record| fits(record) && still_stands(cx, record)) {
        let run = record.run.as_ref().map(|run| format!("run {run} ")).unwrap_or_default();
        return Verdict::Passed(format!("{run}succeeded on {}, {}", record.environment, by(record)));
    }
    let release = cx.plan.release_after.as_ref().map(|release| format!(" --release {}", release.name));
    Verdict::Missing {
        why: why(cx, &from),
        cure: format!("switchback deploy -e {first}{}", release.unwrap_or_default()),
    }
}

/// The environments that count, but for the one that asks.
fn promoting(cx: &Asked<'_>) -> Vec<String> {
    let named = &cx.world.config.environment.promote_from;
    let named = if named.is_empty() { vec!["staging".to_owned()] } else { named.clone() };
    named.into_iter().filter(|name| *name != cx.plan.environment).collect()
}

/// Where the run's journal is at hand it says how the run is now; a record may be older.
fn still_stands(cx: &Asked<'_>, record: &Record) -> bool {
    let runs = cx.world.config.state.join("runs");
    let view = record.run.as_ref().and_then(|run| journal::read(&runs, run).ok());
    view.is_none_or(|view| view.outcome.is_some_and(|outcome| outcome.status == RunStatus::Succeeded))
}

fn why(cx: &Asked<'_>, from: &[String]) -> String {
    let places = from.join(" or ");
    let fits = |record: &&Record| from.contains(&record.environment);
    if let Some(back) = cx.about(RecordKind::Staging).into_iter().find(fits) {
        let run = back.run.as_ref().map(ToString::to_string).unwrap_or_default();
        return format!("run {run} on {} was taken back, or is being taken back", back.environment);
    }
    let all = cx.records.iter().rev().map(|sealed| &sealed.record);
    let mut others =
        all.filter(|record| record.kind == RecordKind::Staging && record.result == RecordResult::Succeeded);
    match others.find(fits) {
        Some(other) => format!(
            "no run of these migrations on {places} succeeded; the last one there was of others (digest {}…)",
            other.digest.get(..12).unwrap_or_default()
        ),
        None => format!("no run of these migrations on {places} is on record"),
    }
}
