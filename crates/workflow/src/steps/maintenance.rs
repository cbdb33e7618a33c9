//! Step 5: users see the maintenance page.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchback_engine::step::{Step, StepCx};
use switchback_model::Result;
use switchback_model::plan::UndoPolicy;

use crate::page;
use crate::world::World;

/// The maintenance page, on.
#[derive(Debug, Serialize, Deserialize)]
pub struct MaintenanceOn {}

#[async_trait(?Send)]
impl Step<World> for MaintenanceOn {
    const KIND: &'static str = "maintenance";
    type Output = ();

    fn title(&self) -> String {
        "close the page".into()
    }

    fn undo_policy(&self) -> UndoPolicy {
        UndoPolicy::Reversible
    }

    async fn run(&self, cx: &StepCx<'_, World>) -> Result<()> {
        page::close(cx.world, cx.cancel).await
    }

    async fn verify(&self, cx: &StepCx<'_, World>, _done: &()) -> Result<String> {
        page::look_closed(cx.world).await
    }

    async fn undo(&self, cx: &StepCx<'_, World>, _done: Option<&()>) -> Result<String> {
        page::open(cx.world, cx.cancel).await?;
        page::look_open(cx.world).await
    }
}
