//! The last look at the window before anything is taken away from users: a backup that took too
//! long must not push the downtime out of it.
//!
//! A run that was begun before its window opens waits here, with a proven backup in its hands.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use switchback_engine::clock;
use switchback_engine::step::{Step, StepCx};
use switchback_model::event::Unit;
use switchback_model::plan::UndoPolicy;
use switchback_model::units::human;
use switchback_model::{Failure, Result, code};

use crate::gates::window::Needs;
use crate::window;
use crate::world::World;

/// How often a run that waits looks at the clock: a clock may be set.
const LOOK: Duration = Duration::from_secs(1);

/// The window, looked at.
#[derive(Debug, Serialize, Deserialize)]
pub struct LookAtWindow {
    /// The opening for which the run was begun early.
    pub opens: Option<Timestamp>,
}

#[async_trait(?Send)]
impl Step<World> for LookAtWindow {
    const KIND: &'static str = "window";
    type Output = ();

    fn title(&self) -> String {
        if self.opens.is_some() { "wait for the window".into() } else { "look at the window again".into() }
    }

    fn undo_policy(&self) -> UndoPolicy {
        UndoPolicy::NoEffect
    }

    async fn run(&self, cx: &StepCx<'_, World>) -> Result<()> {
        let from = clock::now();
        let Some(opens) = self.opens else { return Ok(()) };
        loop {
            let now = clock::now();
            if now >= opens {
                return Ok(());
            }
            let (done, total) = (millis(from, now), millis(from, opens));
            cx.progress("waiting for the window", done, total, Unit::Millis);
            let left = opens.duration_since(now).unsigned_abs();
            tokio::select! {
                () = tokio::time::sleep(left.min(LOOK)) => {}
                () = cx.cancel.cancelled() => return Err(Failure::new(code::INTERRUPTED, "interrupted")),
            }
        }
    }

    async fn verify(&self, cx: &StepCx<'_, World>, _done: &()) -> Result<String> {
        let Some(wanted) = &cx.world.config.environment.window else { return Ok("always open".into()) };
        let needed = Needs::of(&cx.log().view().plan).inside;
        if needed.is_none() {
            cx.warn("how long the run takes is not known, so it may end after its window");
        }
        window::check(wanted, clock::now(), needed.unwrap_or_default())?;
        let open = window::remaining(wanted, clock::now())?.map(|span| span.0).unwrap_or_default();
        Ok(format!("open for another {}", human(open)))
    }
}

fn millis(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_millis()).unwrap_or_default()
}
