//! Step 14: the application is well, over time, before anybody sees it.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchback_engine::step::{Step, StepCx};
use switchback_model::Result;
use switchback_model::plan::UndoPolicy;

use crate::world::World;
use crate::{application, page};

/// Health, log watch.
#[derive(Debug, Serialize, Deserialize)]
pub struct HealthCheck {}

/// Where each look at the new release notes whether the page was still closed at its end.
const PAGE_CLOSED: &str = "page_closed";
/// The kinds that look at the new release before the page opens.
const LOOKS: &[&str] = &["health", "smoke", "tests"];

pub(super) const NOT_RUNNING: &str = "the application was not running before: nothing to look at";

/// What was seen.
#[derive(Debug, Serialize, Deserialize)]
pub struct Seen {
    /// One line for each kind of look.
    pub looks: Vec<String>,
}

/// Whether the page was seen open while the new release was on trial.
///
/// # Errors
/// [`switchback_model::code::INTERNAL`] where a note can't be read.
pub fn page_seen_open(cx: &StepCx<'_, World>) -> Result<bool> {
    for kind in LOOKS {
        if cx.noted_by::<bool>(kind, PAGE_CLOSED)? == Some(false) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What looks at the new release gave, with what the log says by now. Whether somebody could have got
/// in meanwhile decides what its writes are worth, so that is noted whatever they gave.
pub(super) async fn looked_at(cx: &StepCx<'_, World>, looks: Result<Vec<String>>) -> Result<Seen> {
    let log = application::check_log(cx).await;
    cx.note(PAGE_CLOSED, &page::look_closed(cx.world).await.is_ok())?;
    let looks = looks?;
    log?;
    Ok(Seen { looks })
}

pub(super) async fn verify_well(cx: &StepCx<'_, World>, done: &Seen) -> Result<String> {
    application::look_well(cx).await?;
    Ok(done.looks.join("; "))
}

async fn look(cx: &StepCx<'_, World>) -> Result<Vec<String>> {
    let mut looks = application::wait_until_well(cx).await?;
    looks.extend(application::watch_log(cx).await?);
    Ok(looks)
}

#[async_trait(?Send)]
impl Step<World> for HealthCheck {
    const KIND: &'static str = "health";
    type Output = Seen;

    fn title(&self) -> String {
        "check health and log".into()
    }

    fn undo_policy(&self) -> UndoPolicy {
        UndoPolicy::NoEffect
    }

    async fn run(&self, cx: &StepCx<'_, World>) -> Result<Seen> {
        if !application::is_to_run(cx)? {
            return Ok(Seen { looks: vec![NOT_RUNNING.into()] });
        }
        looked_at(cx, look(cx).await).await
    }

    async fn verify(&self, cx: &StepCx<'_, World>, done: &Seen) -> Result<String> {
        verify_well(cx, done).await
    }
}
