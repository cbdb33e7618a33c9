//! A standby that was promoted while a run was open.
//!
//! A run never goes on by itself on another server: whoever acts looks first, and the run is stuck.
//! Where a person then says `resume` or `rollback`, the promoted server is looked at. A standby has
//! what the first server had up to some moment (its WAL is a beginning of the other's), so what the
//! run did there may be missing from the end: then there is only the way back.

use switchback_engine::cancel::Cancel;
use switchback_engine::log::Log;
use switchback_engine::step::{Step, StepCx};
use switchback_model::event::Direction;
use switchback_model::run::StepState;
use switchback_model::{Failure, Result, What, code};
use switchback_postgres::server::Identity;

use crate::steps::apply::Apply;
use crate::steps::fence::Fence;
use crate::steps::lease::Lease;
use crate::steps::restore_point::RestorePoint;
use crate::steps::start::Start;
use crate::steps::swap;
use crate::target;
use crate::world::{World, same_server};

/// The note on the lease: the promoted server that a person took the run to.
const SERVER: &str = "server";

/// The server that the run belongs to now.
///
/// # Errors
/// [`code::INTERNAL`] where the plan or the note can't be read.
pub fn server(cx: &StepCx<'_, World>) -> Result<Identity> {
    match cx.noted_by(Lease::KIND, SERVER)? {
        Some(identity) => Ok(identity),
        None => Ok(Lease::of(cx)?.identity),
    }
}

/// Whether the run was taken to a promoted server.
///
/// # Errors
/// [`code::INTERNAL`] where the note can't be read.
pub fn happened(cx: &StepCx<'_, World>) -> Result<bool> {
    cx.noted_by::<Identity>(Lease::KIND, SERVER).map(|note| note.is_some())
}

/// A person takes an open run in hand again: where its server was promoted meanwhile, the run
/// belongs to the new one from now on.
///
/// # Errors
/// [`code::OTHER_SERVER`] where it is no successor of the first, or lacks what the run needs to go
/// forward.
pub async fn take_up(world: &World, log: &Log, direction: Direction) -> Result<()> {
    let never = Cancel::never();
    let cx = StepCx::new(world, &never, log, Lease::KIND);
    if !matches!(cx.state_of(Lease::KIND), Some(StepState::Done | StepState::Undoing)) {
        return Ok(());
    }
    let (expected, found) = (server(&cx)?, Identity::read(&*world.admin().await?).await?);
    let Err(other) = same_server(&expected, &found) else { return Ok(()) };
    if found.system_identifier != expected.system_identifier || found.timeline < expected.timeline {
        return Err(other);
    }
    let missing = missing(&cx).await?;
    if direction == Direction::Forward && !missing.is_empty() {
        let message = "the promoted server has not all that this run did on the one before";
        let failure = Failure::new(code::OTHER_SERVER, message).changed("nothing was done on this server");
        let failure = missing.into_iter().fold(failure, Failure::cause);
        return Err(failure.hint(format!("take the run back: switchback rollback {}", world.run)));
    }
    log.say(What::Warning {
        message: format!(
            "the server was promoted: the run was begun on timeline {} and goes on on timeline {}",
            expected.timeline, found.timeline
        ),
    })?;
    cx.note(SERVER, &found)
}

/// What the steps that are done left in the server, and is not there.
async fn missing(cx: &StepCx<'_, World>) -> Result<Vec<String>> {
    let world = cx.world;
    let mut missing = Vec::new();
    let name = target::name_now(world).await?;
    let oid = world.database(&name).await?.map(|database| database.oid);
    if oid != Some(Lease::of(cx)?.oid) && oid != swap::swapped_in(cx)? {
        let message = format!("`{name}` on the promoted server is not the database of this run");
        return Err(Failure::new(code::OTHER_SERVER, message).changed("nothing was done on this server"));
    }
    let done = |kind: &str| cx.state_of(kind) == Some(StepState::Done);
    if done(Fence::KIND) && !done(Start::KIND) && target::look_closed(world).await.is_err() {
        missing.push("the fence".to_owned());
    }
    let copy = cx.try_output::<RestorePoint>()?.is_some_and(|taken| taken.copy.is_some());
    if copy && world.database(&world.names.restore_point).await?.is_none() {
        missing.push(format!("the restore point `{}`", world.names.restore_point));
    }
    let session = world.session(&name).await?;
    let (current, possible) = (world.migrator().current(&session).await?, revisions(cx)?);
    if !possible.contains(&current) {
        missing.push(format!(
            "migrations: it is at {}, and the run had come to {}",
            crate::planner::shown(&current),
            crate::planner::shown(&possible[0])
        ));
    }
    Ok(missing)
}

/// The revision that the run had brought the target to; and the one that it was bringing it to when
/// it was interrupted.
fn revisions(cx: &StepCx<'_, World>) -> Result<Vec<Vec<String>>> {
    let view = cx.log().view();
    let mut possible = vec![view.plan.revision_before.clone()];
    for (planned, step) in view.planned().filter(|(planned, _)| planned.kind == Apply::KIND) {
        let apply: Apply = serde_json::from_value(planned.params.clone()).map_err(|error| {
            Failure::new(code::INTERNAL, "a planned migration can't be read").because(&error)
        })?;
        match step.state {
            StepState::Pending => {}
            StepState::Done => possible = vec![apply.after],
            _ => possible.push(apply.after),
        }
    }
    Ok(possible)
}
