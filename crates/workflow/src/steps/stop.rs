//! Step 6: the application is down, and nobody can start it until the run ends.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchback_engine::step::{Step, StepCx};
use switchback_model::plan::UndoPolicy;
use switchback_model::{Failure, Result, code};

use crate::application;
use crate::services::{ServiceManager, ServiceState};
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

/// Where the step notes which parts of the application ran, before it stops them.
const RAN: &str = "ran";
/// Where versions that knew of one part alone noted whether it ran.
const WAS_RUNNING: &str = "was_running";

/// Whether the application ran when the run began.
///
/// # Errors
/// [`code::INTERNAL`] where the note can't be read.
pub fn was_running(cx: &StepCx<'_, World>) -> Result<bool> {
    Ok(!ran(cx)?.is_empty())
}

/// The parts of the application that ran when the run began: these are started again, no others.
///
/// # Errors
/// [`code::INTERNAL`] where the note can't be read.
pub fn ran(cx: &StepCx<'_, World>) -> Result<Vec<String>> {
    if let Some(parts) = cx.noted_by::<Vec<String>>(Stop::KIND, RAN)? {
        return Ok(parts);
    }
    // No note at all: the crash came before anything was stopped.
    let ran = cx.noted_by::<bool>(Stop::KIND, WAS_RUNNING)?.unwrap_or_default();
    Ok(if ran { vec!["process".into()] } else { Vec::new() })
}

/// Stops the application, and says what was out of the ordinary.
///
/// # Errors
/// [`code::SERVICE`].
pub async fn stop(cx: &StepCx<'_, World>, service: &dyn ServiceManager) -> Result<()> {
    for sentence in service.stop().await? {
        cx.warn(sentence);
    }
    Ok(())
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
        let ran: Vec<String> = if let Some(noted) = cx.noted(RAN)? {
            noted
        } else {
            let parts = service.parts().await?;
            cx.note(RAN, &parts)?;
            parts
        };
        service.block(&cx.world.run.0).await?;
        stop(cx, service.as_ref()).await?;
        Ok(Stopped { was_running: !ran.is_empty() })
    }

    async fn verify(&self, cx: &StepCx<'_, World>, _done: &Stopped) -> Result<String> {
        let Some(service) = cx.world.service() else { return Ok("no service is configured".into()) };
        if let ServiceState::Running { .. } = service.state().await? {
            return Err(Failure::new(code::SERVICE, "the application runs again after it was stopped")
                .hint("look who starts it: another supervisor, a timer, a second host"));
        }
        Ok(format!("down; {}", service.look_blocked(&cx.world.run.0).await?))
    }

    async fn undo(&self, cx: &StepCx<'_, World>, _done: Option<&Stopped>) -> Result<String> {
        let Some(service) = cx.world.service() else { return Ok("no service is configured".into()) };
        let proof = if was_running(cx)? {
            application::start_and_wait(cx).await?
        } else {
            "it was not running".into()
        };
        service.unblock(&cx.world.run.0).await?;
        Ok(proof)
    }
}
