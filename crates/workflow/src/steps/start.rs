//! Step 13: the fence is lifted and the new release starts, behind the page.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchback_engine::step::{Step, StepCx};
use switchback_model::Result;
use switchback_model::plan::UndoPolicy;

use crate::services::ServiceState;
use crate::world::World;
use crate::{application, impact, target};

/// The new release, started.
#[derive(Debug, Serialize, Deserialize)]
pub struct Start {
    /// Whether there is a fence to lift.
    pub fenced: bool,
}

#[async_trait(?Send)]
impl Step<World> for Start {
    const KIND: &'static str = "start";
    type Output = ();

    fn title(&self) -> String {
        let what = if self.fenced { "lift the fence, start" } else { "start" };
        format!("{what} the application")
    }

    fn undo_policy(&self) -> UndoPolicy {
        UndoPolicy::Reversible
    }

    async fn run(&self, cx: &StepCx<'_, World>) -> Result<()> {
        application::begin_log_watch(cx).await?;
        if self.fenced {
            target::lift(cx.world).await?;
            super::record::settings_again(cx).await?;
        }
        let parts = super::stop::ran(cx)?;
        impact::start(cx.world).await;
        match cx.world.service() {
            Some(service) if !parts.is_empty() => service.start_parts(&cx.world.run.0, &parts).await,
            _ => Ok(()),
        }
    }

    async fn verify(&self, cx: &StepCx<'_, World>, _done: &()) -> Result<String> {
        let open = if self.fenced { target::look_open(cx.world).await? } else { "no fence".into() };
        let Some(service) = cx.world.service() else { return Ok(open) };
        let parts = super::stop::ran(cx)?;
        if parts.is_empty() {
            return Ok(format!("{open}; the application was not running before, and is not started"));
        }
        match service.state_of(&parts).await? {
            ServiceState::Running { .. } => Ok(format!("{open}; the application runs")),
            other => Err(application::not_running(&other)),
        }
    }

    async fn undo(&self, cx: &StepCx<'_, World>, _done: Option<&()>) -> Result<String> {
        if let Some(service) = cx.world.service() {
            super::stop::stop(cx, service.as_ref()).await?;
        }
        if !self.fenced {
            return Ok("stopped".into());
        }
        super::record::fence(cx).await?;
        target::look_closed(cx.world).await
    }
}
