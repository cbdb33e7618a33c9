//! The looks before a run that had succeeded is taken back, while the application still runs.
//!
//! Whoever asks for the way back has a healthy production, or a sick one that is better than none: what
//! can be known beforehand is no reason to take it down. A dump and a copy on the scratch server are made, and
//! gone afterwards; what stays is the word that the downgrade was tried, and with what. What was so here can
//! be otherwise a minute later, so all of it is looked at again behind the fence; only a trial whose every
//! part is still the same is not repeated.

use switchback_engine::cancel::Cancel;
use switchback_engine::fault::Faults;
use switchback_engine::journal::Journal;
use switchback_engine::log::Log;
use switchback_engine::step::{Step, StepCx};
use switchback_model::config::FenceKind;
use switchback_model::{Code, Exit, Failure, Result, RunView, code};
use switchback_postgres::lease;
use switchback_postgres::server::Identity;

use super::trial::Tried;
use super::{elsewhere, has_copy, written};
use crate::examine::{self, Needs};
use crate::planner::shown;
use crate::steps::fence::Fence;
use crate::steps::restore_point::RestorePoint;
use crate::steps::swap::Swap;
use crate::world::{World, same_server};
use crate::{failover, files, target};

/// What a trial that was made comes to; anything else kept it from being made.
const VERDICTS: &[Code] = &[
    code::CATALOG_DIFFERS,
    code::WRITES_WOULD_BE_LOST,
    code::MIGRATION_FAILED,
    code::MIGRATION_TIMEOUT,
    code::REVISION_DIFFERS,
    code::REVISION_UNCHANGED,
];

/// Looks whether the run can go back; `accept_loss`: a person agreed to lose what was written since.
///
/// # Errors
/// [`code::WRITES_WOULD_BE_LOST`] naming them, [`code::PLAN_CHANGED`] where the target is at another
/// revision than the run led to, [`code::PREFLIGHT`] for all else; nothing was changed.
pub async fn look_before(world: &World, run: &RunView, accept_loss: bool, cancel: &Cancel) -> Result<()> {
    // What the looks say is not the run's: its journal says how it ended.
    let folder = world.folder.join("looks");
    files::remove_folder(&folder)?;
    Tried::forget(world)?;
    elsewhere::forget(world).await;
    let journal = Journal::create(&folder, &world.run)?;
    let log = Log::go_on(journal, run.clone(), Box::new(|_, _| ()), Faults::default());
    let looked = look(&StepCx::new(world, cancel, &log, RestorePoint::KIND), accept_loss).await;
    files::remove_folder(&folder)?;
    looked.map_err(|failure| refused(failure, world))
}

async fn look(cx: &StepCx<'_, World>, accept_loss: bool) -> Result<()> {
    if cx.state_of(Fence::KIND).is_none() {
        // The code alone goes back.
        return Ok(());
    }
    is_ours(cx).await?;
    let restored = cx.state_of(Swap::KIND).is_some();
    let copy = restored || has_copy(cx).await?;
    let word = accept_loss && copy;
    if !restored && !word {
        at_its_end(cx, copy).await?;
    }
    let written = if word { Vec::new() } else { written::since(cx, true).await?.0 };
    let closed = cx.world.config.environment.fence == FenceKind::Closed;
    let swap = copy && closed && (written.is_empty() || restored);
    possible(cx, swap).await?;
    match (restored && !written.is_empty(), swap || word) {
        (true, _) => Err(left_behind(cx, &written)),
        (false, true) => Ok(()),
        (false, false) => downgrade(cx, &written, copy).await,
    }
}

/// Looks whether the target is on the server of the run, and nobody else's now.
async fn is_ours(cx: &StepCx<'_, World>) -> Result<()> {
    let world = cx.world;
    let admin = world.admin().await?;
    let (expected, found) = (failover::server(cx)?, Identity::read(&admin).await?);
    if expected.system_identifier != found.system_identifier {
        same_server(&expected, &found)?;
    }
    match lease::open_marker(&admin, &world.names.target).await? {
        Some((marker, _)) if marker.run != world.run.0 => Err(marker.refusal()),
        _ => Ok(()),
    }
}

/// Looks whether the target is still at the revision that the run brought it to.
async fn at_its_end(cx: &StepCx<'_, World>, copy: bool) -> Result<()> {
    let world = cx.world;
    let session = world.session(&target::name_now(world).await?).await?;
    let current = world.migrator().current(&session).await?;
    let led = cx.log().view().plan.revision_after.clone();
    if current == led {
        return Ok(());
    }
    let (run, environment) = (&world.run, &world.config.environment_name);
    let message = format!(
        "`{}` is at {}, and run {run} had brought it to {}: what came after it is not the run's to take back",
        world.names.target,
        shown(&current),
        shown(&led)
    );
    let failure = Failure::new(code::PLAN_CHANGED, message)
        .changed("nothing was changed")
        .hint(format!("take that back first: switchback down --to {} -e {environment}", led.join("+")));
    if !copy {
        return Err(failure);
    }
    Err(failure.hint(format!(
        "or lose it, and all that was written since the run, for the restore point: switchback rollback {run} \
         --accept-loss -e {environment}"
    )))
}

/// Looks whether the role may do what is needed, and whether anybody stands in the way.
async fn possible(cx: &StepCx<'_, World>, swap: bool) -> Result<()> {
    let closed_fence = cx.world.config.environment.fence == FenceKind::Closed;
    let needs = Needs { closed_fence, swap, migrations: !swap, ..Needs::default() };
    examine::refusal(&examine::before_way_back(cx.world, &needs).await).map_or(Ok(()), Err)
}

/// Tries the downgrade on a copy on the scratch server, for a copy on the target's own needs it without
/// a session.
async fn downgrade(cx: &StepCx<'_, World>, written: &[String], copy: bool) -> Result<()> {
    let name = target::name_now(cx.world).await?;
    match Box::pin(elsewhere::on_a_scratch_server(cx, &name)).await {
        Ok(tried) => tried.keep(cx.world),
        Err(failure) if failure.code == code::INTERRUPTED => Err(failure),
        Err(failure) => Err(no_downgrade(cx, written, copy, &failure)),
    }
}

fn no_downgrade(cx: &StepCx<'_, World>, written: &[String], copy: bool, why: &Failure) -> Failure {
    let (run, environment) = (&cx.world.run, &cx.world.config.environment_name);
    let tried = VERDICTS.contains(&why.code);
    let message = match (tried, written.is_empty()) {
        (false, _) => "going back needs the downgrade, and it can't be tried on a copy",
        (true, true) => "the downgrade is the only way back, and it is none",
        (true, false) => "going back would lose writes: the downgrade is no way back",
    };
    let failure = Failure::new(code::WRITES_WOULD_BE_LOST, message)
        .changed("nothing was changed: the application runs, the target is open")
        .cause(if tried { format!("tried on a copy: {}", why.message) } else { why.message.clone() });
    let failure = why.causes.iter().cloned().fold(failure, Failure::cause);
    let failure = said(failure, written, "written since");
    if copy {
        return failure.hint(format!(
            "go back to the restore point and lose what was written since: switchback rollback {run} --accept-loss -e \
             {environment}"
        ));
    }
    failure
        .cause("there is no restore point")
        .hint(format!("correct the downgrade or the rows, then: switchback rollback {run} -e {environment}"))
        .hint("or a backup, beside the target: switchback backup list, switchback restore BACKUP --compare")
}

fn left_behind(cx: &StepCx<'_, World>, written: &[String]) -> Failure {
    let (run, environment) = (&cx.world.run, &cx.world.config.environment_name);
    let failure = Failure::new(code::WRITES_WOULD_BE_LOST, "going back would leave writes behind")
        .changed("nothing was changed: the application runs, the target is open");
    said(failure, written, "written since the swap").hint(format!(
        "go back, and leave them in `{}`: switchback rollback {run} --accept-loss -e {environment}",
        cx.world.names.failed
    ))
}

fn said(failure: Failure, written: &[String], when: &str) -> Failure {
    written.iter().fold(failure, |failure, line| failure.cause(format!("{when}: {line}")))
}

/// Whatever stopped a look, the run is as it was.
fn refused(failure: Failure, world: &World) -> Failure {
    if [Exit::Refused, Exit::Usage, Exit::Interrupted].contains(&failure.exit()) {
        let changed = failure.changed.clone().unwrap_or_else(|| "nothing was changed".to_owned());
        return failure.changed(changed);
    }
    let message = format!("whether run {} can go back can't be looked at", world.run);
    let mut outer =
        Failure::new(code::PREFLIGHT, message).changed("nothing was changed").cause(failure.to_string());
    outer.causes.extend(failure.causes);
    outer.hints = failure.hints;
    outer
}
