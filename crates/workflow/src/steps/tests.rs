//! The application's own tests, where an environment has them (staging, mostly): behind the page,
//! against the new release and its migrated data.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchback_engine::step::{Step, StepCx};
use switchback_model::Result;
use switchback_model::plan::UndoPolicy;

use super::health::{NOT_RUNNING, Seen, looked_at, verify_well};
use crate::application;
use crate::world::World;

/// Every command of `tests`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tests {}

#[async_trait(?Send)]
impl Step<World> for Tests {
    const KIND: &'static str = "tests";
    type Output = Seen;

    fn title(&self) -> String {
        "the application's own tests".into()
    }

    fn undo_policy(&self) -> UndoPolicy {
        UndoPolicy::NoEffect
    }

    async fn run(&self, cx: &StepCx<'_, World>) -> Result<Seen> {
        if !application::is_to_run(cx)? {
            return Ok(Seen { looks: vec![NOT_RUNNING.into()] });
        }
        looked_at(cx, application::tests(cx).await).await
    }

    async fn verify(&self, cx: &StepCx<'_, World>, done: &Seen) -> Result<String> {
        verify_well(cx, done).await
    }
}
