//! A restored backup takes the target's place by rename, behind the fence; what was there is kept.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchback_engine::step::{Step, StepCx};
use switchback_model::plan::UndoPolicy;
use switchback_model::{Failure, Result, code};
use switchback_postgres::catalog::Catalog;
use switchback_postgres::server::{self, Database};
use switchback_postgres::{fence, lease};

use super::lease::Lease;
use super::restore::Restore;
use super::restore_point::{self, RestorePoint, settings_under};
use crate::world::World;
use crate::{planner, target, way_back};

/// The exchange.
#[derive(Debug, Serialize, Deserialize)]
pub struct Swap {}

/// What is where now.
#[derive(Debug, Serialize, Deserialize)]
pub struct Swapped {
    /// The name of the database that was the target.
    pub kept: String,
}

/// Where the identity of the database is noted that takes the target's place.
pub const SWAPPED_IN: &str = "swapped_in";

/// The database that a run put in the target's place, whatever it was: a restore point on the way
/// back, a backup on the way forward.
///
/// # Errors
/// [`code::INTERNAL`] where the note can't be read.
pub fn swapped_in(cx: &StepCx<'_, World>) -> Result<Option<u32>> {
    Ok(match cx.noted_by::<u32>(RestorePoint::KIND, restore_point::SWAPPED_IN)? {
        Some(copy) => Some(copy),
        None => cx.noted_by::<u32>(Swap::KIND, SWAPPED_IN)?,
    })
}

#[async_trait(?Send)]
impl Step<World> for Swap {
    const KIND: &'static str = "swap";
    type Output = Swapped;

    fn title(&self) -> String {
        "swap: the restored database takes the target's place".into()
    }

    fn undo_policy(&self) -> UndoPolicy {
        UndoPolicy::Reversible
    }

    async fn run(&self, cx: &StepCx<'_, World>) -> Result<Swapped> {
        let names = &cx.world.names;
        let restored = cx.output::<Restore>()?.oid;
        // On disk before the renames: whoever reads the journal knows both databases by identity.
        cx.note(SWAPPED_IN, &restored)?;
        exchange(cx, restored, &names.incoming, &names.replaced).await?;
        Ok(Swapped { kept: names.replaced.clone() })
    }

    async fn verify(&self, cx: &StepCx<'_, World>, done: &Swapped) -> Result<String> {
        let (world, restored) = (cx.world, cx.output::<Restore>()?);
        let name = in_place(cx, restored.oid).await?;
        let kept = world.database(&done.kept).await?.map(|kept| (kept.oid, kept.allow_connections));
        if kept != Some((Lease::of(cx)?.oid, false)) {
            let message = format!("the former target is not `{}`, closed", done.kept);
            return Err(Failure::new(code::SWAP, message));
        }
        let session = world.session(&name).await?;
        let revision = world.migrator().current(&session).await?;
        if revision != restored.revision || Catalog::read(&session).await?.digest() != restored.catalog {
            return Err(Failure::new(
                code::SWAP,
                "the database in the target's place is not what was restored",
            ));
        }
        let at = planner::shown(&revision);
        Ok(format!("the backup is in place, at {at}; the former target is kept as `{}`", done.kept))
    }

    async fn undo(&self, cx: &StepCx<'_, World>, _done: Option<&Swapped>) -> Result<String> {
        let (world, names, former) = (cx.world, &cx.world.names, Lease::of(cx)?.oid);
        if cx.noted::<u32>(SWAPPED_IN)?.is_none() {
            return Ok("nothing was renamed".into());
        }
        // What a killed process left half-open, and every session that could still write.
        super::record::fence(cx).await?;
        target::end_others(world).await?;
        if live(cx).await?.oid != former {
            way_back::may_leave_restored(cx).await?;
        }
        exchange(cx, former, &names.replaced, &names.failed).await?;
        if world.database(&names.failed).await?.is_some() {
            let kept = super::lease::kept(world);
            lease::set_comment(&*world.admin().await?, &names.failed, Some(&kept)).await?;
        }
        in_place(cx, former).await?;
        Ok("the former target is in its place again".into())
    }
}

/// The database that is in the target's place now.
async fn live(cx: &StepCx<'_, World>) -> Result<Database> {
    let name = target::name_now(cx.world).await?;
    let live = cx.world.database(&name).await?;
    live.ok_or_else(|| Failure::new(code::SWAP, format!("the target `{name}` is gone")))
}

/// Puts the database `incoming`, known by its identity, in the target's place, and what is there
/// aside. Where it is in place already only the rest is done.
async fn exchange(cx: &StepCx<'_, World>, oid: u32, incoming: &str, aside: &str) -> Result<()> {
    let admin = cx.world.admin().await?;
    let live = live(cx).await?;
    if live.oid != oid {
        let found = server::database(&admin, incoming).await?.map(|found| found.oid);
        if found != Some(oid) {
            return Err(Failure::new(code::SWAP, format!("`{incoming}` is gone, or is another database"))
                .changed("nothing was renamed; the target is behind the fence")
                .hint("list them: psql -c '\\l'"));
        }
        // It carries the marker before it has the name: the run must never be without one.
        let before = super::lease::kept_in_marker(cx).await?;
        let marker = super::lease::marker(cx.world, &before).text();
        lease::set_comment(&admin, incoming, Some(&marker)).await?;
        let renames = [(live.oid, live.name.as_str(), aside), (oid, incoming, live.name.as_str())];
        fence::rename(&admin, &renames, false).await.map_err(|failure| not_swapped(&failure))?;
    }
    fence::allow_connections(&admin, &live.name, true).await?;
    settings_under(cx.world, &live.name).await
}

fn not_swapped(failure: &Failure) -> Failure {
    let outer = Failure::new(code::SWAP, "the two databases can't change places")
        .changed("both are there, the target under its name behind the fence");
    failure.causes.iter().fold(outer.cause(failure.message.clone()), Failure::cause)
}

/// Looks, from a new session, whether the target is the database with this identity; says its name.
async fn in_place(cx: &StepCx<'_, World>, oid: u32) -> Result<String> {
    let name = target::name_now(cx.world).await?;
    let session = cx.world.session(&name).await?;
    let sql = "select oid from pg_database where datname = current_database()";
    let found: u32 = session.one(sql, &[]).await?.get(0);
    if found == oid {
        Ok(name)
    } else {
        Err(Failure::new(code::SWAP, "another database is in the target's place"))
    }
}
