//! Step 14: the application is well, over time, before anybody sees it.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchback_engine::step::{Step, StepCx};
use switchback_model::Result;
use switchback_model::plan::UndoPolicy;

use crate::world::World;
use crate::{application, page};

/// Health, smoke tests, log watch.
#[derive(Debug, Serialize, Deserialize)]
pub struct HealthCheck {}

/// Where it is noted whether the page was still closed at the end.
pub const PAGE_CLOSED: &str = "page_closed";

async fn look(cx: &StepCx<'_, World>) -> Result<Vec<String>> {
    let mut looks = application::wait_until_well(cx).await?;
    looks.extend(application::smoke(cx).await?);
    looks.extend(application::watch_log(cx).await?);
    looks.extend(application::tests(cx).await?);
    Ok(looks)
}

/// What was seen.
#[derive(Debug, Serialize, Deserialize)]
pub struct Seen {
    /// One line for each kind of look.
    pub looks: Vec<String>,
}

#[async_trait(?Send)]
impl Step<World> for HealthCheck {
    const KIND: &'static str = "health";
    type Output = Seen;

    fn title(&self) -> String {
        "check health, smoke tests, log".into()
    }

    fn undo_policy(&self) -> UndoPolicy {
        UndoPolicy::NoEffect
    }

    async fn run(&self, cx: &StepCx<'_, World>) -> Result<Seen> {
        if !super::stop::was_running(cx)? && cx.world.service().is_some() {
            return Ok(Seen {
                looks: vec!["the application was not running before: nothing to look at".into()],
            });
        }
        let looks = look(cx).await;
        // Whether somebody could have got in while the new release was on trial decides what its
        // writes are worth.
        cx.note(PAGE_CLOSED, &page::look_closed(cx.world).await.is_ok())?;
        Ok(Seen { looks: looks? })
    }

    async fn verify(&self, cx: &StepCx<'_, World>, done: &Seen) -> Result<String> {
        application::look_well(cx).await?;
        Ok(done.looks.join("; "))
    }
}
