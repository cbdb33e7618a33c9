//! A stuck run that is not taken back: a person put the target right, and it stays as it is.

use switchback_engine::step::{Step, StepCx};
use switchback_model::Result;
use switchback_model::run::StepState;
use switchback_postgres::lease;

use crate::failover;
use crate::steps::fence::Fence;
use crate::steps::{lease as hold, record};
use crate::target;
use crate::world::World;

/// Lets everybody in again: the fence is lifted, block and marker are taken away; says what it saw.
/// What a person did by hand already is only looked at, so it is safe to repeat. Nothing is taken back.
///
/// # Errors
/// [`TARGET_LEASED`](switchback_model::code::TARGET_LEASED) where the target is another run's,
/// [`OTHER_SERVER`](switchback_model::code::OTHER_SERVER), those of lifting a fence.
pub async fn leave(cx: &StepCx<'_, World>) -> Result<String> {
    let world = cx.world;
    world.hold_lease(&failover::server(cx)?).await?;
    match lease::open_marker(&*world.admin().await?, &world.names.target).await? {
        Some((marker, _)) if marker.run != world.run.0 => return Err(marker.refusal()),
        _ => {}
    }
    let fenced = cx.state_of(Fence::KIND).is_some_and(|state| state != StepState::Pending);
    // A target that a person opened has the grants that they gave it.
    if fenced && target::look_open(world).await.is_err() {
        target::lift(world).await?;
        record::settings_again(cx).await?;
    }
    let seen = target::look_open(world).await?;
    if let Some(service) = world.service() {
        service.unblock(&world.run.0).await?;
    }
    hold::lift(world).await?;
    Ok(seen)
}
