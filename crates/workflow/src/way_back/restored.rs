//! Whether a restored backup may leave the target's place again.

use serde::Serialize;
use switchback_engine::step::{Step, StepCx};
use switchback_model::run::StepState;
use switchback_model::{Failure, Result, code};
use switchback_postgres::fence;

use super::written;
use crate::steps::start::Start;
use crate::world::World;

/// What stays in a database that leaves the target's place and is kept.
#[derive(Debug, Serialize)]
struct LeftBehind {
    database: String,
    lines: Vec<String>,
}

/// Where that is noted, on the step that exchanged the two.
const LEFT_BEHIND: &str = "left_behind";

/// Looks, behind the fence, what was written since the restored backup took the target's place. What
/// nobody declared disposable needs a person's word. (Nothing is dropped with it: the database is kept.)
///
/// # Errors
/// [`code::WAY_BACK_NEEDS_WORD`].
pub async fn may_leave_restored(cx: &StepCx<'_, World>) -> Result<()> {
    let name = crate::target::name_now(cx.world).await?;
    let prepared = fence::prepared(&*cx.world.admin().await?, &name).await?;
    let mut written: Vec<_> = prepared.iter().map(|gid| format!("prepared transaction '{gid}'")).collect();
    if cx.state_of(Start::KIND).is_some_and(|state| state != StepState::Pending) {
        written.extend(written::since(cx, true).await?.0);
    }
    let disposable = prepared.is_empty() && written::is_disposable(cx, &written)?;
    if !written.is_empty() && !disposable && !cx.log().view().accept_loss {
        return Err(needs_word(cx, &written));
    }
    if !written.is_empty() {
        // The report says it at its head.
        let kept = LeftBehind { database: cx.world.names.failed.clone(), lines: written.clone() };
        cx.note(LEFT_BEHIND, &kept)?;
    }
    for line in &written {
        cx.warn(format!("left behind in `{}`: {line}", cx.world.names.failed));
    }
    Ok(())
}

fn needs_word(cx: &StepCx<'_, World>, written: &[String]) -> Failure {
    let (run, kept) = (&cx.world.run, &cx.world.names.failed);
    let failure = Failure::new(
        code::WAY_BACK_NEEDS_WORD,
        "going back would leave writes behind, so a person must decide",
    )
    .changed(super::held(cx.world, "the restored database"));
    let failure = written
        .iter()
        .fold(failure, |failure, line| failure.cause(format!("written since the swap: {line}")));
    failure
        .hint(format!("go back, and leave them in `{kept}`: switchback rollback {run} --accept-loss"))
        .hint(format!("or carry them over by hand, then: switchback rollback {run} --accept-loss"))
        .hint(format!("or stay with the restored database: switchback abort {run} --leave"))
}
