//! Step 11: the target is at the release's revision.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchback_engine::step::{Step, StepCx};
use switchback_model::plan::UndoPolicy;
use switchback_model::{Failure, Result, code};

use crate::target;
use crate::world::World;

/// The revision, looked at.
#[derive(Debug, Serialize, Deserialize)]
pub struct VerifyVersion {
    /// What it must be.
    pub revision: Vec<String>,
}

impl VerifyVersion {
    async fn look(&self, cx: &StepCx<'_, World>) -> Result<()> {
        let world = cx.world;
        let session = world.session(&target::name_now(world).await?).await?;
        let found = world.migrator().current(&session).await?;
        if found == self.revision {
            return Ok(());
        }
        let message = format!("the target is at {}, not at {}", found.join("+"), self.revision.join("+"));
        Err(Failure::new(code::REVISION_DIFFERS, message))
    }
}

#[async_trait(?Send)]
impl Step<World> for VerifyVersion {
    const KIND: &'static str = "verify_version";
    type Output = ();

    fn title(&self) -> String {
        "verify the revision".into()
    }

    fn undo_policy(&self) -> UndoPolicy {
        UndoPolicy::NoEffect
    }

    async fn run(&self, cx: &StepCx<'_, World>) -> Result<()> {
        self.look(cx).await
    }

    async fn verify(&self, cx: &StepCx<'_, World>, _done: &()) -> Result<String> {
        self.look(cx).await?;
        Ok(format!("at {}", self.revision.join("+")))
    }
}
