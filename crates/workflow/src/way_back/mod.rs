//! Which way the data goes back, decided once, on what can be proven then.
//!
//! Nothing was applied: nothing goes back. Nothing was written since the restore point but by the
//! run: the restore point takes the target's place. Something was written: it is kept by the
//! downgrade where that was tried on a copy and lost nothing; or it was declared disposable and
//! nobody could have seen it; or a person says that it may be lost. Else the run is stuck.

mod before;
mod elsewhere;
mod leave;
mod restored;
mod trial;
mod written;

use serde::{Deserialize, Serialize};
use switchback_engine::step::{Step, StepCx};
use switchback_model::config::FenceKind;
use switchback_model::run::StepState;
use switchback_model::{Failure, Result, What, code};
use switchback_postgres::catalog::Catalog;
use switchback_postgres::fence;

use crate::checks::Facts;
use crate::steps::apply::Apply;
use crate::steps::record;
use crate::steps::restore_point::RestorePoint;
use crate::steps::start::Start;
use crate::world::World;
use crate::{facts, files, migration, target};

pub use before::look_before;
pub use leave::leave;
pub use restored::may_leave_restored;
use trial::Tried;
pub use trial::{downgrade, look_downgraded};

/// How the data goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// It need not.
    Nothing,
    /// The restore point takes the target's place.
    Swap,
    /// The migrator takes its migrations back.
    Down,
}

/// The decision, with what it costs; noted on the restore point, where every later process reads it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Decision {
    /// The way.
    pub way: Way,
    /// Why this one, in a sentence.
    pub why: String,
    /// What is dropped with it: table and how its rows differ.
    pub dropped: Vec<String>,
}

const NOTE: &str = "way_back";

/// The decision; the first who asks makes it, while the fence is up. It holds as long as the fence
/// does: where somebody took that down, it is put up again and everything is looked at anew.
///
/// # Errors
/// [`code::WAY_BACK_NEEDS_WORD`] where a person must say what may be lost.
pub async fn decided(cx: &StepCx<'_, World>) -> Result<Way> {
    let noted = cx.noted_by::<Decision>(RestorePoint::KIND, NOTE)?;
    let fenced = !apply_begun(cx) || target::look_closed(cx.world).await.is_ok();
    if let Some(decision) =
        noted.filter(|decision| fenced && !(decision.way == Way::Down && last_failure(cx).is_some()))
    {
        return Ok(decision.way);
    }
    if apply_begun(cx) {
        // What a killed process left half-open, and every session that could still write.
        record::fence(cx).await?;
        target::end_others(cx.world).await?;
    }
    let decision = decide(cx).await?;
    let value = serde_json::to_value(&decision)
        .map_err(|error| Failure::new(code::INTERNAL, "the decision can't be noted").because(&error))?;
    let step = RestorePoint::KIND.to_owned();
    cx.log().say(What::StepNoted { step, key: NOTE.to_owned(), value })?;
    for line in &decision.dropped {
        cx.warn(format!("dropped with the way back: {line}"));
    }
    Ok(decision.way)
}

async fn decide(cx: &StepCx<'_, World>) -> Result<Decision> {
    if !apply_begun(cx) {
        return Ok(Decision::of(Way::Nothing, "no migration was begun"));
    }
    let started = cx.state_of(Start::KIND).is_some_and(|state| state != StepState::Pending);
    let read_only = cx.world.config.environment.fence == FenceKind::ReadOnly;
    if unchanged(cx).await? {
        return Ok(Decision::of(Way::Nothing, "no migration left anything behind"));
    }
    if !started && !read_only {
        let others = foreign_traces(cx).await?;
        return match (others.is_empty(), has_copy(cx).await?) {
            (true, true) => {
                Ok(Decision::of(Way::Swap, "the fence was closed, and nobody else was seen inside"))
            }
            (true, false) => down_or_word(cx, Vec::new(), None).await,
            (false, true) if cx.log().view().accept_loss => Ok(Decision::agreed(others)),
            (false, _) => Err(needs_word(cx, &others, "somebody was inside the closed fence")),
        };
    }
    let (written, now) = written::since(cx, started).await?;
    if !read_only && has_copy(cx).await? {
        if written.is_empty() {
            let why = "all tables are as they were validated: nothing was written since";
            return Ok(Decision::of(Way::Swap, why));
        }
        if written::is_disposable(cx, &written)? {
            let why = "only start-up writes that are declared disposable, behind a closed page";
            return Ok(Decision { dropped: written, ..Decision::of(Way::Swap, why) });
        }
    }
    down_or_word(cx, written, Some(&now)).await
}

/// Whether an entry of the catalog is about large objects: the catalog has whose they are.
fn is_large_object(object: &str) -> bool {
    object.starts_with("large objects of ") || object.starts_with("comment on large object ")
}

fn apply_begun(cx: &StepCx<'_, World>) -> bool {
    cx.state_of(Apply::KIND).is_some_and(|state| state != StepState::Pending)
}

/// The failure with which the last try to take a migration back ended.
fn last_failure(cx: &StepCx<'_, World>) -> Option<Failure> {
    let view = cx.log().view();
    let mut applies = view.planned().filter(|(planned, _)| planned.kind == Apply::KIND);
    applies.find_map(|(_, step)| step.undo_failure.clone())
}

/// Whether a downgrade that was clean on the copy failed on the target. After a person was asked
/// and said nothing they may have repaired what stood in its way, so it is tried again.
fn down_failed(cx: &StepCx<'_, World>) -> Result<bool> {
    let noted = cx.noted_by::<Decision>(RestorePoint::KIND, NOTE)?;
    let down = noted.is_some_and(|decision| decision.way == Way::Down);
    let asked = |failure: Failure| failure.code == code::WAY_BACK_NEEDS_WORD;
    let accept_loss = cx.log().view().accept_loss;
    Ok(down && last_failure(cx).is_some_and(|failure| accept_loss || !asked(failure)))
}

impl Decision {
    fn of(way: Way, why: &str) -> Self {
        Self { way, why: why.to_owned(), dropped: Vec::new() }
    }

    fn agreed(dropped: Vec<String>) -> Self {
        Self { dropped, ..Self::of(Way::Swap, "a person agreed to lose what was written since") }
    }
}

/// Whether the one migration that was begun left nothing: it was one transaction, and that was
/// rolled back. The data is compared too: a migration can commit by itself without leaving a trace
/// in schema or history.
async fn unchanged(cx: &StepCx<'_, World>) -> Result<bool> {
    let begun: Vec<_> = applies(cx)?.into_iter().filter(|(_, state)| *state != StepState::Pending).collect();
    let apply = match begun.as_slice() {
        [(apply, StepState::Failed)] if !apply.leaves_transaction => apply,
        // A standby that was promoted may never have heard of any of them.
        [(first, _), ..] if crate::failover::happened(cx)? => first,
        _ => return Ok(false),
    };
    let world = cx.world;
    let session = world.session(&target::name_now(world).await?).await?;
    if world.migrator().current(&session).await? != apply.before {
        return Ok(false);
    }
    let before: Facts = files::read_json(&world.folder.join(facts::BEFORE))?;
    let now = written::now(cx).await?;
    let catalog: Catalog = files::read_json(&world.folder.join(record::CATALOG))?;
    Ok(now.catalog.digest() == catalog.digest() && before.data.diff(&now.data).is_empty())
}

/// The migrations of the plan, in order, and where each is.
fn applies(cx: &StepCx<'_, World>) -> Result<Vec<(Apply, StepState)>> {
    let view = cx.log().view();
    let planned = view.planned().filter(|(planned, _)| planned.kind == Apply::KIND);
    planned
        .map(|(planned, step)| {
            let apply = serde_json::from_value(planned.params.clone());
            let state =
                if step.failure.is_some() && step.output.is_none() { StepState::Failed } else { step.state };
            apply.map(|apply| (apply, state)).map_err(|error| {
                Failure::new(code::INTERNAL, "a planned migration can't be read").because(&error)
            })
        })
        .collect()
}

/// Whether there is something to swap in, by a look at the server and the disk.
async fn has_copy(cx: &StepCx<'_, World>) -> Result<bool> {
    let Some(taken) = cx.try_output::<RestorePoint>()? else { return Ok(false) };
    if taken.dump.as_ref().is_some_and(|folder| folder.is_dir()) {
        return Ok(true);
    }
    Ok(taken.copy.is_some() && cx.world.database(&cx.world.names.restore_point).await?.is_some())
}

/// The migrations of the plan, in order.
pub(crate) fn planned(cx: &StepCx<'_, World>) -> Result<Vec<Apply>> {
    Ok(applies(cx)?.into_iter().map(|(apply, _)| apply).collect())
}

/// Who could have written behind the closed fence.
async fn foreign_traces(cx: &StepCx<'_, World>) -> Result<Vec<String>> {
    let world = cx.world;
    let name = target::name_now(world).await?;
    let prepared = fence::prepared(&*world.admin().await?, &name).await?;
    let mut traces: Vec<_> = prepared.iter().map(|gid| format!("prepared transaction '{gid}'")).collect();
    let view = cx.log().view();
    let notes = view.planned().filter(|(planned, _)| planned.kind == Apply::KIND);
    traces.extend(notes.filter_map(|(_, step)| step.notes.get(migration::INTRUDER)).map(|seen| {
        match seen.as_str() {
            Some(text) => text.to_owned(),
            None => seen.to_string(),
        }
    }));
    Ok(traces)
}

/// The downgrade where it is clean, else a person's word, else stuck; `now`: the target behind the fence,
/// where it was read.
async fn down_or_word(cx: &StepCx<'_, World>, written: Vec<String>, now: Option<&Facts>) -> Result<Decision> {
    match try_down(cx, now).await {
        Ok(how) => Ok(Decision::of(
            Way::Down,
            &format!(
                "the downgrade was tried on a copy{how}: the schema and the old rows come back, and an upgrade after \
                 it brings every later write back too"
            ),
        )),
        Err(failure) if [code::JOURNAL_WRITE, code::INTERRUPTED].contains(&failure.code) => Err(failure),
        Err(failure) if cx.log().view().accept_loss && has_copy(cx).await? => {
            cx.warn(format!(
                "the downgrade is no way back ({}); the restore point is taken",
                failure.message
            ));
            Ok(Decision::agreed(written))
        }
        Err(failure) => {
            let why = format!("the downgrade is no way back: {}", failure.message);
            Err(needs_word(cx, &written, &why).cause(failure.causes.join("\n")))
        }
    }
}

/// Tries the downgrade, if the looks before this way back did not try just that; which of both.
async fn try_down(cx: &StepCx<'_, World>, now: Option<&Facts>) -> Result<&'static str> {
    let before = Tried::take(cx.world)?;
    if down_failed(cx)? {
        let message = "it was clean on a copy, and failed on the target";
        return Err(Failure::new(code::MIGRATION_FAILED, message));
    }
    if before.zip(now).is_some_and(|(tried, now)| tried.holds(cx, now)) {
        return Ok(" before the fence, and nothing has changed since");
    }
    Box::pin(trial::downgrade_on_a_copy(cx)).await.map(|_| "")
}

fn needs_word(cx: &StepCx<'_, World>, written: &[String], why: &str) -> Failure {
    let run = &cx.world.run;
    let failure =
        Failure::new(code::WAY_BACK_NEEDS_WORD, "going back would lose writes, so a person must decide")
            .cause(why.to_owned())
            .changed(held(cx.world, "the target"));
    let failure =
        written.iter().fold(failure, |failure, line| failure.cause(format!("written since: {line}")));
    failure
        .hint(format!("go back to the restore point and lose them: switchback rollback {run} --accept-loss"))
        .hint(format!("or repair by hand behind the fence, then: switchback rollback {run}"))
        .hint(format!("or stay at the new release, repaired by hand: switchback abort {run} --leave"))
}

/// What is so while a person is asked: nothing is said to be stopped or closed that is not configured.
fn held(world: &World, database: &str) -> String {
    let environment = &world.config.environment;
    let application = match (&environment.service, environment.fence) {
        (Some(_), _) => "the application is stopped",
        (None, FenceKind::Closed) => {
            "no service is configured: an application that still runs finds no database"
        }
        (None, FenceKind::ReadOnly) => {
            "no service is configured: an application that still runs can only read"
        }
    };
    let page = match &environment.maintenance {
        Some(page) if page.closed_when.is_some() => "users see the page",
        Some(_) => "the page is closed, which is not looked at",
        None => "users see no page, for none is configured",
    };
    format!("{application}; {page}; {database} is behind the fence with all its data")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use switchback_model::{Config, RunId};

    use super::*;

    fn said(more: &str) -> String {
        let text = format!(
            "[migrations]\ntool = \"alembic\"\n[environments.production]\ndatabase_url = \"postgresql://db/ada\"\n{more}"
        );
        let config = Config::parse(&text, Path::new("/srv/switchback.toml"), None, &|_| None).unwrap();
        let operator = switchback_model::event::Operator { user: "u".into(), host: "h".into(), pid: 1 };
        let world = World::new(config, RunId("r".into()), operator, "/nowhere".into(), "switchback".into());
        held(&world, "the target")
    }

    #[test]
    fn nothing_is_said_to_be_stopped_or_closed_that_is_not_configured() {
        let bare = said("");
        assert!(bare.contains("no service is configured") && bare.contains("users see no page"), "{bare}");
        assert!(!bare.contains("stopped"), "{bare}");
        let whole = said(
            "[environments.production.service]\nmanager = \"systemd\"\nunits = [\"ada.service\"]\n\
             [environments.production.maintenance]\nflag = \"flag\"\n\
             closed_when = { url = \"http://127.0.0.1/\", status = 503 }\n",
        );
        assert!(whole.starts_with("the application is stopped; users see the page; "), "{whole}");
    }
}
