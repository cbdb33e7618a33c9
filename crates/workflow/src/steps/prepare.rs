//! What the new release needs before it can run (`code.prepare`), while the old one still runs.
//!
//! The command runs in a copy of the release's files. Where it changes something that both releases
//! share (a virtual environment), going back runs it again with the old release's files: see
//! [`again`].

use std::path::Path;

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

    /// Only the user knows what shows that a release is prepared (`prepared`); without that, the
    /// command's own word is all there is, and is called so.
    async fn verify(&self, cx: &StepCx<'_, World>, _done: &()) -> Result<String> {
        let folder = planner::release_files(cx.world, &self.release).await?;
        look_prepared(cx, &folder).await
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
    let folder = cx.world.config.working_directory();
    prepare(cx, &folder).await?;
    look_prepared(cx, &folder).await?;
    Ok("the old release was prepared again".into())
}

async fn look_prepared(cx: &StepCx<'_, World>, folder: &Path) -> Result<String> {
    let prepared = cx.world.config.environment.code.as_ref().map(|code| code.prepared.as_slice());
    let Some(argv) = prepared.filter(|argv| !argv.is_empty()) else {
        return Ok("its command ended with 0; no `prepared` looks again".into());
    };
    call(cx, argv, folder).await?;
    Ok(format!("`{}` ended with 0", argv.join(" ")))
}

async fn prepare(cx: &StepCx<'_, World>, folder: &Path) -> Result<()> {
    match &cx.world.config.environment.code {
        Some(settings) => call(cx, &settings.prepare, folder).await,
        None => Ok(()),
    }
}

async fn call(cx: &StepCx<'_, World>, argv: &[String], folder: &Path) -> Result<()> {
    let program = Program::of(argv)?.folder(folder).limit(cx.world.config.migrations.timeout.0);
    let finished = program.run(cx.cancel, |_, line| cx.line(line)).await?;
    if finished.succeeded() {
        return Ok(());
    }
    Err(Failure::new(code::CODE_SWITCH, format!("`{}` failed in {}", program.display(), folder.display()))
        .cause(finished.tail.join("\n")))
}
