use std::cell::Cell;

use serde::Deserialize;
use serde_json::json;
use switchback_model::Plan;
use switchback_model::plan::UndoPolicy;

use super::*;
use crate::cancel::cancel_pair;
use crate::fault::Faults;
use crate::journal::Journal;
use crate::step::{Step, planned};

/// A world whose line breaks so many times while a step is taken back.
struct Lines {
    breaks: Cell<u32>,
}

#[async_trait(?Send)]
impl Ground for Lines {
    async fn may_act(&self, _cx: &StepCx<'_, Self>) -> Result<()> {
        Ok(())
    }

    fn downtime_ms(&self, _log: &Log) -> Option<u64> {
        None
    }
}

/// Fails, so that it is taken back.
#[derive(serde::Serialize, Deserialize)]
struct Fails;

#[async_trait(?Send)]
impl Step<Lines> for Fails {
    const KIND: &'static str = "fails";
    type Output = ();

    fn title(&self) -> String {
        "fail".into()
    }

    fn undo_policy(&self) -> UndoPolicy {
        UndoPolicy::Reversible
    }

    async fn run(&self, _cx: &StepCx<'_, Lines>) -> Result<()> {
        Err(Failure::new(code::CONNECTION_LOST, "the line broke"))
    }

    async fn verify(&self, _cx: &StepCx<'_, Lines>, _done: &()) -> Result<String> {
        Ok(String::new())
    }

    async fn undo(&self, cx: &StepCx<'_, Lines>, _done: Option<&()>) -> Result<String> {
        match cx.world.breaks.get() {
            0 => Ok("taken back".into()),
            breaks => {
                cx.world.breaks.set(breaks - 1);
                Err(Failure::new(code::CONNECTION_LOST, "the line broke"))
            }
        }
    }
}

/// A run whose line breaks so often on the way back.
async fn run(breaks: u32) -> Outcome {
    let step = planned::<Lines, _>(&Fails, None).unwrap();
    let plan: Plan = serde_json::from_value(json!({
        "format": 1, "run": "20260102_0304_abcd", "made_at": "2026-01-02T03:04:05Z", "environment": "production",
        "target": "ada", "server": "db", "server_version": "15.1", "tool": "alembic", "release_before": null,
        "release_after": null, "revision_before": [], "revision_after": [], "pending": [], "digest": "",
        "gates": [], "ways_back": [], "notes": [], "steps": [step], "settings": {}
    }))
    .unwrap();
    let runs = tempfile::tempdir().unwrap();
    let journal = Journal::create(runs.path(), &plan.run).unwrap();
    let log = Log::begin(journal, plan, Box::new(|_, _| {}), Faults::default()).unwrap();
    let (canceller, cancel) = cancel_pair();
    let operator = Operator { user: "ops".into(), host: "bastion".into(), pid: 7 };
    let world = Lines { breaks: Cell::new(breaks) };
    let registry = &[StepEntry::of::<Fails>()];
    let runner =
        Runner { registry, world: &world, log: &log, cancel: &cancel, canceller: &canceller, operator };
    runner.run(None, false).await.unwrap()
}

#[tokio::test]
async fn a_line_that_breaks_on_the_way_back_is_tried_again() {
    assert_eq!(run(UNDO_TRIES - 1).await.exit, Exit::TakenBack);
}

#[tokio::test]
async fn a_line_that_keeps_breaking_is_stuck_with_words_to_type() {
    let outcome = run(UNDO_TRIES).await;
    assert_eq!(outcome.exit, Exit::Stuck);
    let hints = outcome.failure.unwrap().hints.join("\n");
    assert!(hints.contains("switchback resume 20260102_0304_abcd"), "{hints}");
}
