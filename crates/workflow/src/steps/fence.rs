//! Step 7: nobody else writes.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchback_engine::step::{Step, StepCx};
use switchback_model::config::FenceKind;
use switchback_model::plan::UndoPolicy;
use switchback_model::{Failure, Result, code};
use switchback_postgres::fence as sql;

use crate::target;
use crate::world::World;

/// The fence.
#[derive(Debug, Serialize, Deserialize)]
pub struct Fence {
    /// Which one.
    pub kind: FenceKind,
}

#[async_trait(?Send)]
impl Step<World> for Fence {
    const KIND: &'static str = "fence";
    type Output = ();

    fn title(&self) -> String {
        match self.kind {
            FenceKind::Closed => "fence the target: closed".into(),
            FenceKind::ReadOnly => "fence the target: read-only".into(),
        }
    }

    fn undo_policy(&self) -> UndoPolicy {
        UndoPolicy::Reversible
    }

    async fn run(&self, cx: &StepCx<'_, World>) -> Result<()> {
        let admin = cx.world.admin().await?;
        let prepared = sql::prepared(&admin, &target::name_now(cx.world).await?).await?;
        if let Some(first) = prepared.first() {
            let message = format!("{} prepared transactions are open on the target", prepared.len());
            return Err(Failure::new(code::FENCE, message)
                .changed("the application was stopped; it is started again now")
                .hint(format!("in the target, after finding out whose it is: rollback prepared '{first}'")));
        }
        super::record::fence(cx).await
    }

    async fn verify(&self, cx: &StepCx<'_, World>, _done: &()) -> Result<String> {
        let seen = target::look_closed(cx.world).await?;
        // Between the first look and the closed door anybody could have migrated.
        crate::planner::as_planned(cx).await?;
        Ok(seen)
    }

    async fn undo(&self, cx: &StepCx<'_, World>, _done: Option<&()>) -> Result<String> {
        target::lift(cx.world).await?;
        super::record::settings_again(cx).await?;
        target::look_open(cx.world).await
    }
}
