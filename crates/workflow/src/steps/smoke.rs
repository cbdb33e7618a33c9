//! Step 14: critical functions work, before the page opens.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchback_engine::step::{Step, StepCx};
use switchback_model::Result;
use switchback_model::plan::UndoPolicy;

use super::health::{NOT_RUNNING, Seen, looked_at, verify_well};
use crate::application;
use crate::world::World;

/// Every `[[smoke]]` of the environment.
#[derive(Debug, Serialize, Deserialize)]
pub struct Smoke {
    /// What is tried.
    pub names: Vec<String>,
}

#[async_trait(?Send)]
impl Step<World> for Smoke {
    const KIND: &'static str = "smoke";
    type Output = Seen;

    fn title(&self) -> String {
        match self.names.as_slice() {
            [only] => format!("smoke test: {only}"),
            several => format!("{} smoke tests", several.len()),
        }
    }

    fn undo_policy(&self) -> UndoPolicy {
        UndoPolicy::NoEffect
    }

    async fn run(&self, cx: &StepCx<'_, World>) -> Result<Seen> {
        if !application::is_to_run(cx)? {
            return Ok(Seen { looks: vec![NOT_RUNNING.into()] });
        }
        looked_at(cx, application::smoke(cx).await).await
    }

    async fn verify(&self, cx: &StepCx<'_, World>, done: &Seen) -> Result<String> {
        verify_well(cx, done).await
    }
}
