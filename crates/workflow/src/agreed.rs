//! What was agreed to is what runs: the files of the migrations are looked at again before each of
//! them is applied.
//!
//! A plan, and whoever approved it, speak of texts. The migrator reads the files minutes later, or
//! days later where a run is taken up again, and anybody who can write there could have changed them.
//! What a revision of Alembic imports is not seen here: the digest is over the migrations' own files.

use switchback_engine::step::StepCx;
use switchback_model::{Failure, Result, code};

use crate::formats::Scripts;
use crate::planner;
use crate::steps::apply::Apply;
use crate::way_back;
use crate::world::World;

/// Looks, before a migration of the run is applied, whether the files that the migrator will read are
/// those that the plan was made of: all of them, and both of their ways.
///
/// # Errors
/// [`code::PLAN_CHANGED`] naming the files.
pub(crate) fn before(cx: &StepCx<'_, World>, apply: &Apply) -> Result<()> {
    let refuse = |found: String| {
        Failure::new(
            code::PLAN_CHANGED,
            format!("{} is not applied: the files are not what the plan was made of", apply.revision),
        )
        .cause(found)
        .changed("nothing of this migration was run")
        .hint(format!(
            "look what was changed, and by whom; then read and agree to a new plan: switchback plan -e {}",
            cx.world.config.environment_name
        ))
    };
    // Files that can't be read any more are other files, too.
    let now = in_place(cx).map_err(|failure| refuse(failure.message))?;
    if now.digest == cx.log().view().plan.digest {
        return Ok(());
    }
    Err(refuse(differing(&way_back::planned(cx)?, &now)))
}

/// Looks, before a migration is applied again to a copy, whether its text is still that of the run.
/// The way down may have been corrected meanwhile: that is what a person does who is stuck with it.
///
/// # Errors
/// [`code::PLAN_CHANGED`].
pub(crate) fn before_again(cx: &StepCx<'_, World>, apply: &Apply) -> Result<()> {
    let now = in_place(cx)?;
    let changed = differing_files(std::slice::from_ref(apply), &now);
    if changed.is_empty() {
        return Ok(());
    }
    let message = format!("{} is not what the run applied", changed.join(", "));
    Err(Failure::new(code::PLAN_CHANGED, message)
        .cause("put it back as it was applied; then what comes back by the downgrade can be proven")
        .changed("it was not run, not even on the copy"))
}

/// The digest of the run's migrations, both of their ways, as the files in place have them now.
///
/// # Errors
/// Those of reading them.
pub(crate) fn digest_in_place(cx: &StepCx<'_, World>) -> Result<String> {
    Ok(in_place(cx)?.digest)
}

/// The run's migrations as the files in place have them now. What came behind them is not its business.
fn in_place(cx: &StepCx<'_, World>) -> Result<Scripts> {
    let (from, to) = {
        let view = cx.log().view();
        let last = view.plan.pending.last().map(|last| last.revision.clone());
        (view.plan.revision_before.clone(), last)
    };
    cx.world.migrator().scripts(&planner::in_place(cx.world), &from, to.as_deref())
}

fn differing(applies: &[Apply], now: &Scripts) -> String {
    let files = differing_files(applies, now);
    match files.as_slice() {
        // Names, order and the ways down are in the digest, too.
        [] => "a way down was changed, or a migration came or went".to_owned(),
        files => format!("changed: {}", files.join(", ")),
    }
}

/// The files, as the plan names them, whose text is another one now. A run that was begun before texts
/// were noted has no sums to compare.
fn differing_files(applies: &[Apply], now: &Scripts) -> Vec<String> {
    let sum = |apply: &Apply| {
        let script = now.pending.iter().find(|script| script.revision == apply.revision)?;
        let same = apply.checksum.is_empty() || script.checksum() == apply.checksum;
        (!same).then(|| script.path.clone())
    };
    applies.iter().filter_map(sum).collect()
}
