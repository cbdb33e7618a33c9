//! Step 9: the new release's files are in place.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchback_engine::step::{Probe, Step, StepCx};
use switchback_model::plan::{Release, UndoPolicy};
use switchback_model::{Failure, Result, code};

use super::record::Record;
use crate::git::Repository;
use crate::world::World;

/// The checkout, switched.
#[derive(Debug, Serialize, Deserialize)]
pub struct SwitchCode {
    /// To what.
    pub release: Release,
}

impl SwitchCode {
    /// This step was begun before, so a checkout that was killed half-way is its own.
    async fn finish_interrupted(&self, cx: &StepCx<'_, World>) -> Result<()> {
        let Some(before) = cx.output::<Record>()?.head else { return Ok(()) };
        let repository = repository(cx).await?;
        if let Some(found) = repository.finish_interrupted(&before.commit, &self.release.commit).await? {
            cx.warn(found);
        }
        Ok(())
    }
}

async fn repository(cx: &StepCx<'_, World>) -> Result<Repository> {
    let repository = cx.world.repository().await?;
    repository.ok_or_else(|| Failure::new(code::CODE_SWITCH, "no repository is configured any more"))
}

#[async_trait(?Send)]
impl Step<World> for SwitchCode {
    const KIND: &'static str = "switch_code";
    type Output = ();

    fn title(&self) -> String {
        format!("switch the code to {}", self.release.name)
    }

    fn undo_policy(&self) -> UndoPolicy {
        UndoPolicy::Reversible
    }

    async fn probe(&self, cx: &StepCx<'_, World>) -> Result<Probe<()>> {
        self.finish_interrupted(cx).await?;
        Ok(Probe::NotDone)
    }

    async fn run(&self, cx: &StepCx<'_, World>) -> Result<()> {
        repository(cx).await?.switch(&self.release).await
    }

    async fn verify(&self, cx: &StepCx<'_, World>, _done: &()) -> Result<String> {
        let head = repository(cx).await?.head().await?;
        if head.commit != self.release.commit {
            return Err(Failure::new(
                code::CODE_SWITCH,
                format!("the checkout is at {}, not {}", head.name, self.release.name),
            ));
        }
        Ok(format!("at {}", short(&head.commit)))
    }

    async fn undo(&self, cx: &StepCx<'_, World>, _done: Option<&()>) -> Result<String> {
        let Some(before) = cx.output::<Record>()?.head else { return Ok("no repository".into()) };
        self.finish_interrupted(cx).await?;
        let repository = repository(cx).await?;
        drop(repository.restore(&before).await?);
        let head = repository.head().await?;
        if head.commit != before.commit {
            return Err(Failure::new(
                code::CODE_SWITCH,
                format!("the checkout is at {}, not where it was", head.name),
            ));
        }
        super::prepare::again(cx).await?;
        Ok(format!("at {} again", short(&head.commit)))
    }
}

fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}
