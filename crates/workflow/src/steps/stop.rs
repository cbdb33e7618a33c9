//! Step 6: the application is down, and nobody can start it until the run ends.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchback_engine::step::{Step, StepCx};
use switchback_model::plan::UndoPolicy;
use switchback_model::{Failure, Result, code};

use crate::application;
use crate::services::ServiceState;
use crate::world::World;

/// The application, stopped.
#[derive(Debug, Serialize, Deserialize)]
pub struct Stop {}

/// What was there before.
#[derive(Debug, Serialize, Deserialize)]
pub struct Stopped {
    /// Whether it ran.
    pub was_running: bool,
}

/// Where the step notes whether the application ran, before it stops it.
const WAS_RUNNING: &str = "was_running";

/// Whether the application ran when the run began.
///
/// # Errors
/// [`code::INTERNAL`] where the note can't be read.
pub fn was_running(cx: &StepCx<'_, World>) -> Result<bool> {
    Ok(cx.noted_by::<bool>(Stop::KIND, WAS_RUNNING)?.unwrap_or(false))
}

#[async_trait(?Send)]
impl Step<World> for Stop {
    const KIND: &'static str = "stop";
    type Output = Stopped;

    fn title(&self) -> String {
        "stop the application".into()
    }

    fn undo_policy(&self) -> UndoPolicy {
        UndoPolicy::Reversible
    }

    async fn run(&self, cx: &StepCx<'_, World>) -> Result<Stopped> {
        let Some(service) = cx.world.service() else { return Ok(Stopped { was_running: false }) };
        let was_running = if let Some(noted) = cx.noted(WAS_RUNNING)? {
            noted
        } else {
            let running = matches!(service.state().await?, ServiceState::Running { .. });
            cx.note(WAS_RUNNING, &running)?;
            running
        };
        service.block(&cx.world.run.0).await?;
        service.stop().await?;
        Ok(Stopped { was_running })
    }

    async fn verify(&self, cx: &StepCx<'_, World>, _done: &Stopped) -> Result<String> {
        let Some(service) = cx.world.service() else { return Ok("no service is configured".into()) };
        if let ServiceState::Running { .. } = service.state().await? {
            return Err(Failure::new(code::SERVICE, "the application runs again after it was stopped")
                .hint("look who starts it: another supervisor, a timer, a second host"));
        }
        match service.blocked_by().await? {
            Some(run) if run == cx.world.run.0 => Ok("down, starts are blocked".into()),
            _ => Err(Failure::new(code::SERVICE, "starts of the application are not blocked")),
        }
    }

    async fn undo(&self, cx: &StepCx<'_, World>, _done: Option<&Stopped>) -> Result<String> {
        let Some(service) = cx.world.service() else { return Ok("no service is configured".into()) };
        // No note: the crash came before anything was stopped.
        let proof = if was_running(cx)? {
            application::start_and_wait(cx).await?
        } else {
            "it was not running".into()
        };
        service.unblock(&cx.world.run.0).await?;
        Ok(proof)
    }
}
