//! The downgrade as a way back, tried on a copy of the target as it is now.
//!
//! Down and up again: the schema must come back; a table that nobody wrote to must hold again what
//! it held at the restore point; and a table that somebody wrote to must, after the upgrade that
//! follows, be what it is now. Then the downgrade loses no write: what the old shape can't express
//! would be missing.

use serde::{Deserialize, Serialize};
use switchback_engine::step::StepCx;
use switchback_model::event::Unit;
use switchback_model::{Failure, Result, code};
use switchback_postgres::catalog::Catalog;
use switchback_postgres::server::Rights;
use switchback_postgres::{copy, fence};

use super::{applies, elsewhere, is_large_object};
use crate::checks::Facts;
use crate::steps::apply::Apply;
use crate::steps::{record, restore_point};
use crate::world::World;
use crate::{agreed, facts, files, migration, target};

/// What a downgrade was tried with. As long as nothing of it changes, neither does what came of it.
#[derive(Serialize, Deserialize)]
pub(super) struct Tried {
    /// The copy before anything was tried on it.
    facts: Facts,
    /// The digest of the migrations' files, both of their ways.
    files: String,
}

/// Where the looks before a way back leave what they tried, for whoever decides behind the fence.
const TRIED: &str = "tried.json";

impl Tried {
    /// Keeps it for whoever decides.
    pub(super) fn keep(&self, world: &World) -> Result<()> {
        files::write_json(&world.folder.join(TRIED), self)
    }

    /// Forgets what was tried before.
    pub(super) fn forget(world: &World) -> Result<()> {
        files::remove_file(&world.folder.join(TRIED))
    }

    /// What the looks of this way back kept, once: whoever asks later tries anew.
    pub(super) fn take(world: &World) -> Result<Option<Self>> {
        let file = world.folder.join(TRIED);
        if !file.is_file() {
            return Ok(None);
        }
        // One that can't be read is no reason against the way back: it is tried anew.
        let tried = files::read_json(&file).ok();
        Self::forget(world)?;
        Ok(tried)
    }

    /// Whether the target is what the copy was, and the files are those that were run on it.
    pub(super) fn holds(&self, cx: &StepCx<'_, World>, now: &Facts) -> bool {
        let same_files = agreed::digest_in_place(cx).is_ok_and(|digest| digest == self.files);
        let same_data = self.facts.data.left_out.is_empty() && self.facts.data.diff(&now.data).is_empty();
        same_files && same_data && self.facts.catalog.digest() == now.catalog.digest()
    }
}

/// Tries it; the copy is dropped whatever happens. Where the role can't copy databases, the copy is a
/// dump that is restored on the scratch server.
///
/// # Errors
/// [`code::CATALOG_DIFFERS`], [`code::WRITES_WOULD_BE_LOST`] naming the tables, and the migrator's.
pub(super) async fn downgrade_on_a_copy(cx: &StepCx<'_, World>) -> Result<Tried> {
    let (world, names) = (cx.world, &cx.world.names);
    let admin = world.admin().await?;
    let name = target::name_now(world).await?;
    if !Rights::read(&admin, &name).await?.create_database {
        // Boxed: it is rare, and whoever asks for the way back should not carry its state.
        return Box::pin(elsewhere::on_a_scratch_server(cx, &name)).await;
    }
    copy::drop_database(&admin, &names.rehearsal).await?;
    copy::clone(&admin, &name, &names.rehearsal, cx.cancel).await?;
    fence::allow_connections(&admin, &names.rehearsal, true).await?;
    // The migrator must meet the owner and the grants that it has on the target.
    let tried = match restore_point::settings_under(world, &names.rehearsal).await {
        Ok(()) => on_copy(cx, world).await,
        Err(failure) => Err(failure),
    };
    copy::drop_database(&*world.admin().await?, &names.rehearsal).await?;
    tried
}

/// The trial itself, on the copy that `world` has.
pub(super) async fn on_copy(cx: &StepCx<'_, World>, world: &World) -> Result<Tried> {
    let files = agreed::digest_in_place(cx)?;
    let now = read(cx, world).await?;
    let taken_back = down(cx, world).await?;
    let below = read(cx, world).await?;
    let before: Catalog = files::read_json(&world.folder.join(record::CATALOG))?;
    same_schema(&before, &below.catalog)?;
    for apply in &taken_back {
        agreed::before_again(cx, apply)?;
        let migrator = world.migrator();
        let up = migrator.up(&migration::url(world, &world.names.rehearsal), &apply.revision)?;
        let program = migrator.only(up, &apply.checksum);
        let what = format!("upgrade to {} again", apply.revision);
        migration::call_in(cx, world, program, &what, async || Ok(false)).await?;
    }
    nothing_lost(cx, &now, &below, &read(cx, world).await?)?;
    Ok(Tried { facts: now, files })
}

async fn read(cx: &StepCx<'_, World>, world: &World) -> Result<Facts> {
    let mut hear = |done, total| cx.progress("counting on a copy", done, total, Unit::Bytes);
    facts::read(world, &world.names.rehearsal, cx.cancel, &mut hear).await
}

/// Takes back what is applied; what that was, first to last.
async fn down(cx: &StepCx<'_, World>, world: &World) -> Result<Vec<Apply>> {
    let copy = &world.names.rehearsal;
    let mut taken_back = Vec::new();
    for (apply, _) in applies(cx)?.into_iter().rev() {
        let session = world.session(copy).await?;
        if world.migrator().current(&session).await? == apply.after {
            drop(session);
            downgrade(cx, world, copy, &apply.down_to, &apply.revision).await?;
            taken_back.insert(0, apply);
        }
    }
    Ok(taken_back)
}

/// The order of columns can't come back with a downgrade and matters to nobody who names them. Large
/// objects are data: who writes one gives it an identity, and no schema has them.
fn same_schema(before: &Catalog, after: &Catalog) -> Result<()> {
    let objects: Vec<String> = before
        .diff(after)
        .into_iter()
        .map(|difference| difference.object)
        .filter(|object| !object.starts_with("column order ") && !is_large_object(object))
        .collect();
    if objects.is_empty() {
        return Ok(());
    }
    Err(Failure::new(code::CATALOG_DIFFERS, "it does not bring the schema back").cause(objects.join(", ")))
}

/// `now` is the target, `below` the copy after the downgrade, `again` after the upgrade that followed.
fn nothing_lost(cx: &StepCx<'_, World>, now: &Facts, below: &Facts, again: &Facts) -> Result<()> {
    let folder = &cx.world.folder;
    let before: Facts = files::read_json(&folder.join(facts::BEFORE))?;
    // Without a validation nothing is known of what the migrations made: nothing may differ then.
    let validated = folder.join(facts::AFTER);
    let after: Option<Facts> = if validated.is_file() { Some(files::read_json(&validated)?) } else { None };
    let mut lost = Vec::new();
    let tables = now.data.tables.keys().chain(before.data.tables.keys());
    for table in tables.collect::<std::collections::BTreeSet<_>>() {
        let of = |facts: &Facts| facts.data.tables.get(table).cloned();
        let written = after.as_ref().is_some_and(|after| of(after) != of(now));
        if written && of(again) != of(now) {
            lost.push(format!("{table}: what was written since can't be told in the old shape"));
        }
        if !written && of(below) != of(&before) {
            lost.push(format!("{table}: its rows are not what they were"));
        }
    }
    lost.extend(large_objects_lost(&before, after.as_ref(), now, below, again));
    if lost.is_empty() {
        return Ok(());
    }
    Err(Failure::new(code::WRITES_WOULD_BE_LOST, "it loses rows or values").cause(lost.join("; ")))
}

/// As for a table, with whose they are and who may read them.
fn large_objects_lost(
    before: &Facts,
    after: Option<&Facts>,
    now: &Facts,
    below: &Facts,
    again: &Facts,
) -> Option<String> {
    let of = |facts: &Facts| {
        let mut entries = facts.catalog.objects.clone();
        entries.retain(|object, _| is_large_object(object));
        (facts.data.large_objects.clone(), entries)
    };
    if of(again) != of(now) {
        return Some("large objects: not all of them are there after it, as they are now".into());
    }
    let written = after.is_some_and(|after| of(after) != of(now));
    (!written && of(below) != of(before)).then(|| "large objects: they are not what they were".into())
}

/// One downgrade by the migrator.
///
/// # Errors
/// As [`migration::call`].
pub async fn downgrade(
    cx: &StepCx<'_, World>,
    world: &World,
    database: &str,
    to: &str,
    revision: &str,
) -> Result<()> {
    let program = world.migrator().down(&migration::url(world, database), to)?;
    migration::call_in(cx, world, program, &format!("downgrade of {revision}"), async || Ok(false)).await
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
