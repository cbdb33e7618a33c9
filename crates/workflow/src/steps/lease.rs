//! Step 2: nobody else may begin.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchback_engine::step::{Step, StepCx};
use switchback_model::plan::UndoPolicy;
use switchback_model::{Failure, Result, code};
use switchback_postgres::lease::{self, Marker};
use switchback_postgres::server::{self, Identity};

use crate::world::World;

/// Lock and marker.
#[derive(Debug, Serialize, Deserialize)]
pub struct Lease {
    /// The server that the run was planned for.
    pub identity: Identity,
    /// The target's own identity on it.
    pub oid: u32,
}

/// What was there before.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Taken {
    /// The target's comment before the marker.
    pub comment: Option<String>,
    /// Its grants, as the server writes them.
    #[serde(default)]
    pub grants: Option<String>,
}

impl Lease {
    /// The lease step of the run's plan.
    ///
    /// # Errors
    /// [`code::INTERNAL`] where the plan has none.
    pub fn of(cx: &StepCx<'_, World>) -> Result<Self> {
        let view = cx.log().view();
        let planned = view.plan.steps.iter().find(|step| step.kind == Self::KIND);
        let params = planned.map(|step| step.params.clone()).unwrap_or_default();
        serde_json::from_value(params)
            .map_err(|error| Failure::new(code::INTERNAL, "the plan's lease can't be read").because(&error))
    }
}

/// Takes lock and marker; both may be ours already.
///
/// # Errors
/// [`code::TARGET_LEASED`] where another run is open.
pub async fn take(cx: &StepCx<'_, World>, identity: &Identity) -> Result<Taken> {
    let world = cx.world;
    world.hold_lease(identity).await?;
    let admin = world.admin().await?;
    match lease::open_marker(&admin, &world.names.target).await? {
        Some((marker, _)) if marker.run == world.run.0 => {
            Ok(Taken { comment: marker.comment, grants: marker.grants })
        }
        Some((marker, _)) => Err(marker.refusal()),
        None => {
            let target = server::database(&admin, &world.names.target).await?;
            let target = target.ok_or_else(|| {
                Failure::new(code::DATABASE_MISSING, format!("there is no database `{}`", world.names.target))
            })?;
            let taken = Taken { comment: target.comment, grants: target.grants };
            lease::set_comment(&admin, &target.name, Some(&marker(world, &taken).text())).await?;
            Ok(taken)
        }
    }
}

/// The marker of this run.
pub fn marker(world: &World, before: &Taken) -> Marker {
    Marker {
        run: world.run.0.clone(),
        target: world.names.target.clone(),
        host: world.operator.host.clone(),
        journal: world.folder.display().to_string(),
        comment: before.comment.clone(),
        grants: before.grants.clone(),
    }
}

/// What the marker of this run keeps, as it stands on the server: somebody may have given the target
/// another comment, or other grants, between the run's end and its way back.
///
/// # Errors
/// As [`lease::open_marker`]; [`code::INTERNAL`] where there is none and the step has given nothing.
pub async fn kept_in_marker(cx: &StepCx<'_, World>) -> Result<Taken> {
    let world = cx.world;
    match lease::open_marker(&*world.admin().await?, &world.names.target).await? {
        Some((marker, _)) if marker.run == world.run.0 => {
            Ok(Taken { comment: marker.comment, grants: marker.grants })
        }
        _ => cx.output::<Lease>(),
    }
}

/// Takes marker and lock away: the target has its own comment again, what is kept says why.
///
/// # Errors
/// As [`lease::set_comment`].
pub async fn lift(world: &World) -> Result<String> {
    let admin = world.admin().await?;
    if let Some((marker, databases)) = lease::open_marker(&admin, &world.names.target).await? {
        if marker.run != world.run.0 {
            return Err(marker.refusal());
        }
        // The target last: until then the run is open.
        for database in databases.iter().filter(|database| database.name != world.names.target) {
            lease::set_comment(&admin, &database.name, Some(&kept(world))).await?;
        }
        lease::set_comment(&admin, &world.names.target, marker.comment.as_deref()).await?;
    }
    world.release_lease();
    match lease::open_marker(&admin, &world.names.target).await? {
        Some((marker, _)) => Err(marker.refusal()),
        None => Ok("no marker, no lock".into()),
    }
}

/// The comment of a database that a run leaves behind.
pub fn kept(world: &World) -> String {
    format!(
        "kept by switchback, run {} on `{}`; nothing needs it but a way back",
        world.run, world.names.target
    )
}

#[async_trait(?Send)]
impl Step<World> for Lease {
    const KIND: &'static str = "lease";
    type Output = Taken;

    fn title(&self) -> String {
        "take the lease, mark the target".into()
    }

    fn undo_policy(&self) -> UndoPolicy {
        UndoPolicy::Bookkeeping
    }

    async fn run(&self, cx: &StepCx<'_, World>) -> Result<Taken> {
        take(cx, &self.identity).await
    }

    async fn verify(&self, cx: &StepCx<'_, World>, _done: &Taken) -> Result<String> {
        let world = cx.world;
        let admin = world.session(world.config.maintenance_url.database()).await?;
        let target = server::database(&admin, &world.names.target).await?;
        if target.is_none_or(|target| target.oid != self.oid) {
            return Err(Failure::new(
                code::PLAN_CHANGED,
                "the target is not the database that the plan was made for",
            )
            .hint("make a new plan: switchback deploy"));
        }
        match lease::open_marker(&admin, &world.names.target).await? {
            Some((marker, _)) if marker.run == world.run.0 => Ok("lock held, marker seen".into()),
            _ => Err(Failure::new(code::LEASE_LOST, "the marker is not on the target")),
        }
    }

    async fn undo(&self, cx: &StepCx<'_, World>, _done: Option<&Taken>) -> Result<String> {
        // Where another run's marker stands, ours was never set.
        match lease::open_marker(&*cx.world.admin().await?, &cx.world.names.target).await? {
            Some((marker, _)) if marker.run != cx.world.run.0 => {
                cx.world.release_lease();
                Ok("it was never ours".into())
            }
            _ => lift(cx.world).await,
        }
    }
}
