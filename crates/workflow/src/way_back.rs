//! Which way the data goes back, decided once, on what can be proven then.
//!
//! Nothing was applied: nothing goes back. Nothing was written since the restore point but by the
//! run: the restore point takes the target's place. Something was written: it is kept by the
//! downgrade where that was tried on a copy and lost nothing; or it was declared disposable and
//! nobody could have seen it; or a person says that it may be lost. Else the run is stuck.

use serde::{Deserialize, Serialize};
use switchback_engine::step::{Step, StepCx};
use switchback_model::config::FenceKind;
use switchback_model::event::Unit;
use switchback_model::run::StepState;
use switchback_model::{Failure, Result, What, code};
use switchback_postgres::catalog::Catalog;
use switchback_postgres::{copy, fence};

use crate::checks::Facts;
use crate::steps::apply::Apply;
use crate::steps::close::Close;
use crate::steps::maintenance::MaintenanceOn;
use crate::steps::record;
use crate::steps::restore_point::RestorePoint;
use crate::steps::start::Start;
use crate::world::World;
use crate::{facts, files, migration, target};

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

/// The decision; the first who asks makes it, while the fence is up.
///
/// # Errors
/// [`code::WAY_BACK_NEEDS_WORD`] where a person must say what may be lost.
pub async fn decided(cx: &StepCx<'_, World>) -> Result<Way> {
    if let Some(decision) = cx.noted_by::<Decision>(RestorePoint::KIND, NOTE)? {
        return Ok(decision.way);
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
    if unchanged(cx).await? {
        return Ok(Decision::of(Way::Nothing, "no migration left anything behind"));
    }
    let begun = |kind| cx.state_of(kind).is_some_and(|state| state != StepState::Pending);
    let read_only = cx.world.config.environment.fence == FenceKind::ReadOnly;
    if !begun(Start::KIND) && !read_only {
        let others = foreign_traces(cx).await?;
        return match (others.is_empty(), has_copy(cx)?) {
            (true, true) => {
                Ok(Decision::of(Way::Swap, "the fence was closed all the time: nobody else wrote"))
            }
            (true, false) => down_or_word(cx, Vec::new()).await,
            (false, true) if cx.log().view().accept_loss => Ok(Decision::agreed(others)),
            (false, _) => Err(needs_word(cx, &others, "somebody was inside the closed fence")),
        };
    }
    let written = if begun(Start::KIND) { written_since(cx).await? } else { Vec::new() };
    if written.is_empty() && begun(Start::KIND) && !read_only && has_copy(cx)? {
        return Ok(Decision::of(
            Way::Swap,
            "all tables are as they were validated: nothing was written since",
        ));
    }
    if !read_only && has_copy(cx)? && disposable(cx, &written) {
        let why = "only start-up writes that are declared disposable, behind a closed page";
        return Ok(Decision { dropped: written, ..Decision::of(Way::Swap, why) });
    }
    down_or_word(cx, written).await
}

impl Decision {
    fn of(way: Way, why: &str) -> Self {
        Self { way, why: why.to_owned(), dropped: Vec::new() }
    }

    fn agreed(dropped: Vec<String>) -> Self {
        Self { dropped, ..Self::of(Way::Swap, "a person agreed to lose what was written since") }
    }
}

/// Whether the target is what it was: no migration was begun, or the one that was begun left
/// nothing (it was one transaction, and that was rolled back).
async fn unchanged(cx: &StepCx<'_, World>) -> Result<bool> {
    if cx.state_of(Apply::KIND).is_none_or(|state| state == StepState::Pending) {
        return Ok(true);
    }
    let begun: Vec<_> = applies(cx)?.into_iter().filter(|(_, state)| *state != StepState::Pending).collect();
    let one = matches!(begun.as_slice(), [(apply, StepState::Failed)] if !apply.leaves_transaction);
    if !one {
        return Ok(false);
    }
    let world = cx.world;
    let session = world.session(&target::name_now(world).await?).await?;
    let before: Catalog = files::read_json(&world.folder.join(record::CATALOG))?;
    let first = begun.first().map(|(apply, _)| apply.before.clone()).unwrap_or_default();
    Ok(world.migrator().current(&session).await? == first
        && Catalog::read(&session).await?.digest() == before.digest()
        && data_unchanged(cx).await?)
}

/// Whether the data is what it was at the restore point. Needed even for one failed transaction: a
/// migration can commit by itself without leaving a trace in the schema.
async fn data_unchanged(cx: &StepCx<'_, World>) -> Result<bool> {
    // Behind a read-only fence others may have written: that is no trace of the migration.
    if cx.world.config.environment.fence == FenceKind::ReadOnly {
        return Ok(true);
    }
    let before: Facts = files::read_json(&cx.world.folder.join(facts::BEFORE))?;
    let now = read_now(cx).await?;
    Ok(before.data.tables == now.data.tables
        && before.data.large_objects == now.data.large_objects
        && before.data.sequences == now.data.sequences)
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

/// Whether there is something to swap in.
fn has_copy(cx: &StepCx<'_, World>) -> Result<bool> {
    Ok(cx.try_output::<RestorePoint>()?.is_some_and(|taken| taken.copy.is_some() || taken.dump.is_some()))
}

/// Who could have written behind the closed fence.
async fn foreign_traces(cx: &StepCx<'_, World>) -> Result<Vec<String>> {
    let world = cx.world;
    let name = target::name_now(world).await?;
    let prepared = fence::prepared(&*world.admin().await?, &name).await?;
    Ok(prepared.iter().map(|gid| format!("prepared transaction '{gid}'")).collect())
}

async fn read_now(cx: &StepCx<'_, World>) -> Result<Facts> {
    let name = target::name_now(cx.world).await?;
    let mut hear = |done, total| cx.progress("looking what was written", done, total, Unit::Bytes);
    facts::read(cx.world, &name, cx.cancel, &mut hear).await
}

/// What differs from the data as it was validated.
async fn written_since(cx: &StepCx<'_, World>) -> Result<Vec<String>> {
    let after: Facts = files::read_json(&cx.world.folder.join(facts::AFTER))?;
    let now = read_now(cx).await?;
    if !after.data.left_out.is_empty() {
        cx.warn(format!(
            "not compared: {}",
            after.data.left_out.keys().cloned().collect::<Vec<_>>().join(", ")
        ));
    }
    let mut written: Vec<String> = Vec::new();
    for difference in after.data.diff(&now.data) {
        let name = bare(&difference.object);
        let rows = |side: &Facts| side.data.tables.get(name).map_or(0, |table| table.rows);
        let (was, is) = (rows(&after), rows(&now));
        let how = if was == is { "changed".to_owned() } else { format!("{was} → {is} rows") };
        written.push(format!("{}: {how}", difference.object));
    }
    Ok(written)
}

/// Whether all that was written was declared disposable, and nobody could have seen it.
fn disposable(cx: &StepCx<'_, World>, written: &[String]) -> bool {
    let behind_page = cx.state_of(MaintenanceOn::KIND).is_some()
        && cx.world.config.environment.maintenance.as_ref().is_some_and(|page| page.closed_when.is_some())
        && cx.log().view().step(Close::KIND).is_none_or(|step| step.started_at.is_none());
    let declared = &cx.world.config.environment.disposable;
    behind_page
        && written.iter().all(|line| {
            let object = line.rsplit_once(": ").map_or(line.as_str(), |(object, _)| object);
            declared.iter().any(|name| covers(name, object))
        })
}

/// The name of an object without its kind: `table public.users` is `public.users`.
fn bare(object: &str) -> &str {
    object.split_once(' ').map_or(object, |(_, name)| name)
}

/// Whether a declared table covers an object: itself, or a sequence of its own (`table_column_seq`).
fn covers(declared: &str, object: &str) -> bool {
    let object = bare(object);
    let declared = if declared.contains('.') { declared.to_owned() } else { format!("public.{declared}") };
    object == declared || (object.starts_with(&format!("{declared}_")) && object.ends_with("_seq"))
}

/// The downgrade where it is clean, else a person's word, else stuck.
async fn down_or_word(cx: &StepCx<'_, World>, written: Vec<String>) -> Result<Decision> {
    let tried = try_downgrade(cx).await;
    match tried {
        Ok(()) => {
            let why = "the downgrade was tried on a copy: the schema comes back and no row is lost";
            Ok(Decision::of(Way::Down, why))
        }
        Err(failure) if failure.code == code::JOURNAL_WRITE || failure.code == code::INTERRUPTED => {
            Err(failure)
        }
        Err(failure) if cx.log().view().accept_loss && has_copy(cx)? => {
            cx.warn(format!(
                "the downgrade is no way back ({}); the restore point is taken",
                failure.message
            ));
            Ok(Decision::agreed(written))
        }
        Err(failure) => {
            Err(needs_word(cx, &written, &format!("the downgrade is no way back: {}", failure.message))
                .cause(failure.causes.join("\n")))
        }
    }
}

fn needs_word(cx: &StepCx<'_, World>, written: &[String], why: &str) -> Failure {
    let run = &cx.world.run;
    let failure = Failure::new(
        code::WAY_BACK_NEEDS_WORD,
        "going back would lose writes, so a person must decide",
    )
    .cause(why.to_owned())
    .changed(
        "the application is stopped, users see the page, the target is behind the fence with all its data",
    );
    let failure =
        written.iter().fold(failure, |failure, line| failure.cause(format!("written since: {line}")));
    failure
        .hint(format!("go back to the restore point and lose them: switchback rollback {run} --accept-loss"))
        .hint(format!("or repair by hand behind the fence, then: switchback rollback {run}"))
}

/// Tries the downgrades on a copy of the target as it is now: the schema must come back, and no
/// table may lose rows.
async fn try_downgrade(cx: &StepCx<'_, World>) -> Result<()> {
    let (world, names) = (cx.world, &cx.world.names);
    let admin = world.admin().await?;
    let name = target::name_now(world).await?;
    copy::drop_database(&admin, &names.rehearsal).await?;
    copy::clone(&admin, &name, &names.rehearsal, cx.cancel).await?;
    fence::allow_connections(&admin, &names.rehearsal, true).await?;
    let tried = on_copy(cx).await;
    copy::drop_database(&admin, &names.rehearsal).await?;
    tried
}

async fn on_copy(cx: &StepCx<'_, World>) -> Result<()> {
    let (world, names) = (cx.world, &cx.world.names);
    let mut hear = |done, total| cx.progress("counting on a copy", done, total, Unit::Bytes);
    let now = facts::read(world, &names.rehearsal, cx.cancel, &mut hear).await?;
    for (apply, _) in applies(cx)?.iter().rev() {
        let session = world.session(&names.rehearsal).await?;
        if world.migrator().current(&session).await? == apply.after {
            drop(session);
            downgrade(cx, &names.rehearsal, &apply.down_to, &apply.revision).await?;
        }
    }
    let down = facts::read(world, &names.rehearsal, cx.cancel, &mut hear).await?;
    let before: Catalog = files::read_json(&world.folder.join(record::CATALOG))?;
    same_schema(&before, &down.catalog)?;
    no_rows_lost(cx, &now, &down)
}

/// The order of columns can't come back with a downgrade and matters to nobody who names them.
fn same_schema(before: &Catalog, after: &Catalog) -> Result<()> {
    let objects: Vec<String> = before
        .diff(after)
        .into_iter()
        .map(|difference| difference.object)
        .filter(|object| !object.starts_with("column order "))
        .collect();
    if objects.is_empty() {
        return Ok(());
    }
    Err(Failure::new(code::CATALOG_DIFFERS, "it does not bring the schema back").cause(objects.join(", ")))
}

/// A table that is gone loses what it holds beyond what the migration itself had put there.
fn no_rows_lost(cx: &StepCx<'_, World>, now: &Facts, down: &Facts) -> Result<()> {
    let after: Option<Facts> = files::read_json(&cx.world.folder.join(facts::AFTER)).ok();
    let made =
        |table: &String| after.as_ref().and_then(|after| after.data.tables.get(table)).map_or(0, |t| t.rows);
    let lost = now.data.tables.iter().filter_map(|(table, facts)| {
        let left = down.data.tables.get(table).map(|facts| facts.rows);
        let lost = facts.rows - left.unwrap_or_else(|| made(table));
        (lost > 0).then(|| format!("{table}: {lost} rows"))
    });
    let lost: Vec<_> = lost.collect();
    if lost.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(code::WRITES_WOULD_BE_LOST, "it loses rows").cause(lost.join(", ")))
    }
}

/// One downgrade by the migrator.
///
/// # Errors
/// As [`migration::call`].
pub async fn downgrade(cx: &StepCx<'_, World>, database: &str, to: &str, revision: &str) -> Result<()> {
    let program = cx.world.migrator().down(&migration::url(cx.world, database), to)?;
    migration::call_in(cx, program, &format!("downgrade of {revision}"), async || Ok(false)).await
}

/// Looks whether the downgrades brought the schema back.
///
/// # Errors
/// [`code::CATALOG_DIFFERS`].
pub async fn look_downgraded(cx: &StepCx<'_, World>) -> Result<()> {
    let world = cx.world;
    let session = world.session(&target::name_now(world).await?).await?;
    let before: Catalog = files::read_json(&world.folder.join(record::CATALOG))?;
    same_schema(&before, &Catalog::read(&session).await?)
}
