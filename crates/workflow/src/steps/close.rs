//! Step 15: the page opens and the run is over.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchback_engine::step::{Step, StepCx};
use switchback_model::Result;
use switchback_model::plan::UndoPolicy;

use super::lease;
use crate::world::World;
use crate::{failover, impact, page};

/// Maintenance off, block off, marker off.
#[derive(Debug, Serialize, Deserialize)]
pub struct Close {}

#[async_trait(?Send)]
impl Step<World> for Close {
    const KIND: &'static str = "close";
    type Output = ();

    fn title(&self) -> String {
        "open the page, close the run".into()
    }

    fn undo_policy(&self) -> UndoPolicy {
        UndoPolicy::Reversible
    }

    async fn run(&self, cx: &StepCx<'_, World>) -> Result<()> {
        page::open(cx.world, cx.cancel).await?;
        impact::after(cx.world).await;
        if let Some(service) = cx.world.service() {
            service.unblock(&cx.world.run.0).await?;
        }
        lease::lift(cx.world).await.map(drop)
    }

    async fn verify(&self, cx: &StepCx<'_, World>, _done: &()) -> Result<String> {
        page::look_open(cx.world).await
    }

    /// The way back of a finished run begins here: nobody else may begin, users see the page.
    async fn undo(&self, cx: &StepCx<'_, World>, _done: Option<&()>) -> Result<String> {
        lease::take(cx, &failover::server(cx)?).await?;
        if let Some(service) = cx.world.service() {
            service.block(&cx.world.run.0).await?;
        }
        // An application that hangs can't show its page, and must be stopped all the same: the step
        // that started it does that next.
        match page::close(cx.world, cx.cancel).await {
            Ok(()) => page::look_closed(cx.world).await,
            Err(failure) => {
                cx.warn(format!("the page is not known to be closed: {}", failure.message));
                Ok("marked and blocked; the page is not known to be closed".into())
            }
        }
    }
}
