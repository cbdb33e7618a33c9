//! What the new release needs before it can run (`code.prepare`), while the old one still runs.
//!
//! The command runs in a copy of the release's files. Where it changes something that both releases
//! share (a virtual environment), going back runs it again with the old release's files: see
//! [`again`].

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchback_engine::exec::Program;
use switchback_engine::step::{Step, StepCx};
use switchback_model::plan::{Release, UndoPolicy};
use switchback_model::{Failure, Result, code};

use crate::planner;
use crate::world::World;

/// The release, prepared.
#[derive(Debug, Serialize, Deserialize)]
pub struct Prepare {
    /// Which.
    pub release: Release,
}

#[async_trait(?Send)]
impl Step<World> for Prepare {
    const KIND: &'static str = "prepare";
    type Output = ();

    fn title(&self) -> String {
        format!("prepare {}", self.release.name)
    }

    fn undo_policy(&self) -> UndoPolicy {
        UndoPolicy::Reversible
    }

    async fn run(&self, cx: &StepCx<'_, World>) -> Result<()> {
        let folder = planner::release_files(cx.world, &self.release).await?;
        prepare(cx, &folder).await
    }

    async fn verify(&self, _cx: &StepCx<'_, World>, _done: &()) -> Result<String> {
        Ok("its command said that all is well".into())
    }

    async fn undo(&self, cx: &StepCx<'_, World>, _done: Option<&()>) -> Result<String> {
        again(cx).await
    }
}

/// Prepares what the checkout holds now: the old release, on the way back.
///
/// # Errors
/// [`code::CODE_SWITCH`] with the command's last lines.
pub async fn again(cx: &StepCx<'_, World>) -> Result<String> {
    let configured = cx.world.config.environment.code.as_ref().is_some_and(|code| !code.prepare.is_empty());
    if !configured {
        return Ok("nothing to prepare".into());
    }
    prepare(cx, &cx.world.config.working_directory()).await?;
    Ok("the old release was prepared again".into())
}

async fn prepare(cx: &StepCx<'_, World>, folder: &std::path::Path) -> Result<()> {
    let Some(settings) = &cx.world.config.environment.code else { return Ok(()) };
    let program = Program::of(&settings.prepare)?.folder(folder).limit(cx.world.config.migrations.timeout.0);
    let finished = program.run(cx.cancel, |_, line| cx.line(line)).await?;
    if finished.succeeded() {
        return Ok(());
    }
    Err(Failure::new(code::CODE_SWITCH, format!("`{}` failed in {}", program.display(), folder.display()))
        .cause(finished.tail.join("\n")))
}
