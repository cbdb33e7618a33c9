//! Step 3: what the target is, before anything is done to it.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchback_engine::step::{Step, StepCx};
use switchback_model::plan::UndoPolicy;
use switchback_model::{Failure, Result, code};
use switchback_postgres::catalog::Catalog;
use switchback_postgres::lease::Marker;
use switchback_postgres::server::Rights;
use switchback_postgres::settings::DatabaseSettings;

use super::lease::Lease;
use crate::world::World;
use crate::{files, git, impact, monitor, target};

/// Where the catalog is kept, in the run's folder.
pub const CATALOG: &str = "catalog-before.json";
/// Where owner, grants and settings of the database are kept: what a copy loses. Their values may be
/// secrets, so they stand in this file alone.
const SETTINGS: &str = "settings-before.json";
/// The same as it was found when a fence went up: what somebody set or granted meanwhile, between two
/// fences or after the run, is theirs, and belongs to the target whichever way it goes.
const OPEN: &str = "settings-open.json";

/// What belonged to the target when it was last open.
#[derive(Debug, Serialize, Deserialize)]
struct Open {
    settings: DatabaseSettings,
    /// Whether a fence went up since, and may have taken a part of it.
    fenced: bool,
}

/// What belongs to the database, and is not in it, as it was when the target was last open.
///
/// # Errors
/// [`code::STATE_FOLDER`].
pub fn settings(world: &World) -> Result<DatabaseSettings> {
    match last_open(world)? {
        Some(open) => Ok(open.settings),
        None => files::read_json(&world.folder.join(SETTINGS)),
    }
}

fn last_open(world: &World) -> Result<Option<Open>> {
    let file = world.folder.join(OPEN);
    if file.is_file() { files::read_json(&file).map(Some) } else { Ok(None) }
}

/// Puts the fence up, after keeping what belongs to the target: that is what it gets back.
///
/// # Errors
/// As [`target::close`], [`code::STATE_FOLDER`].
pub async fn fence(cx: &StepCx<'_, World>) -> Result<()> {
    keep_settings(cx).await?;
    target::close(cx.world).await
}

async fn keep_settings(cx: &StepCx<'_, World>) -> Result<()> {
    let world = cx.world;
    // Behind the fence already: what is there is what the fence left.
    if cx.try_output::<Record>()?.is_none() || target::name_now(world).await? != world.names.target {
        return Ok(());
    }
    let admin = world.admin().await?;
    let (before, last) = (settings(world)?, last_open(world)?);
    let found = DatabaseSettings::read(&admin, &world.names.target).await?;
    let found = match last {
        Some(Open { fenced: true, .. }) => found.unfenced(&before, &world.roles().await?),
        _ => found,
    };
    let comment = match Marker::read(found.comment.as_deref()) {
        Some(marker) => marker.comment,
        None => before.comment.clone(),
    };
    let kept = DatabaseSettings { comment, allow_connections: before.allow_connections, ..found };
    let kept = kept.on_files_of(&before);
    for difference in before.differences(&kept) {
        cx.warn(format!("set while `{}` was open, and kept: {difference}", world.names.target));
    }
    files::write_json(&world.folder.join(OPEN), &Open { settings: kept, fenced: true })
}

/// The fence is down, and the target has what it had before: what is set from now on is somebody's.
fn opened(world: &World) -> Result<()> {
    match last_open(world)? {
        Some(open) => files::write_json(&world.folder.join(OPEN), &Open { fenced: false, ..open }),
        None => Ok(()),
    }
}

/// Revision, release, catalog, settings.
#[derive(Debug, Serialize, Deserialize)]
pub struct Record {
    /// The revision that the plan was made for.
    pub revision: Vec<String>,
    /// Whether the models are to be compared with the target.
    pub models: bool,
}

/// What was there before.
#[derive(Debug, Serialize, Deserialize)]
pub struct Recorded {
    /// SHA-256 of the catalog.
    pub catalog: String,
    /// The checkout.
    pub head: Option<git::Head>,
    /// Whether the migrator's own comparison of models and target found nothing; `None`: it could
    /// not be run.
    pub models_clean: Option<bool>,
}

/// Gives the target what a copy or a fence may have taken from it.
///
/// # Errors
/// [`code::METADATA`].
pub async fn settings_again(cx: &StepCx<'_, World>) -> Result<()> {
    if cx.try_output::<Record>()?.is_none() {
        return Ok(());
    }
    let world = cx.world;
    let admin = world.admin().await?;
    let name = &world.names.target;
    let found = DatabaseSettings::read(&admin, name).await?;
    // The comment is the marker's as long as the run is open.
    let wanted = DatabaseSettings { comment: found.comment.clone(), ..settings(world)? };
    if !wanted.differences(&found).is_empty() {
        wanted.apply(&admin, name).await?;
        let left = wanted.differences(&DatabaseSettings::read(&admin, name).await?);
        if !left.is_empty() {
            return Err(unlike(&left));
        }
    }
    opened(world)
}

fn unlike(differences: &[String]) -> Failure {
    Failure::new(code::METADATA, "the target's settings are not what they were").cause(differences.join("; "))
}

#[async_trait(?Send)]
impl Step<World> for Record {
    const KIND: &'static str = "record";
    type Output = Recorded;

    fn title(&self) -> String {
        "record what is there".into()
    }

    fn undo_policy(&self) -> UndoPolicy {
        UndoPolicy::NoEffect
    }

    async fn run(&self, cx: &StepCx<'_, World>) -> Result<Recorded> {
        let world = cx.world;
        let session = world.session(&world.names.target).await?;
        crate::planner::as_planned(cx).await?;
        crate::gates::again(cx)?;
        let catalog = Catalog::read(&session).await?;
        files::write_json(&world.folder.join(CATALOG), &catalog)?;
        let mut settings = DatabaseSettings::read(&*world.admin().await?, &world.names.target).await?;
        settings.comment = cx.output::<Lease>()?.comment;
        files::write_json(&world.folder.join(SETTINGS), &settings)?;
        let head = match world.repository().await? {
            Some(repository) => Some(repository.position().await?),
            None => None,
        };
        monitor::keep_names(world, &session).await;
        impact::before(world).await;
        let models_clean = if self.models { models_clean(cx).await } else { None };
        Ok(Recorded { catalog: catalog.digest(), head, models_clean })
    }

    async fn verify(&self, cx: &StepCx<'_, World>, done: &Recorded) -> Result<String> {
        let world = cx.world;
        let written: Catalog = files::read_json(&world.folder.join(CATALOG))?;
        let session = world.session(&world.names.target).await?;
        if written.digest() != done.catalog || Catalog::read(&session).await?.digest() != done.catalog {
            return Err(Failure::new(code::PLAN_CHANGED, "the schema changes while it is being looked at")
                .hint("another migration or deploy is running: wait for its end"));
        }
        let rights = Rights::read(&session, &world.names.target).await?;
        Ok(format!(
            "{} objects, revision {}, as {}",
            written.objects.len(),
            self.revision.join("+"),
            rights.role
        ))
    }
}

/// The old release's models against the target as it is: without this, a difference afterwards
/// would be blamed on the migration.
async fn models_clean(cx: &StepCx<'_, World>) -> Option<bool> {
    let program = cx.world.migrator().model_check(&cx.world.config.migrator_url())?;
    let finished = program.run(cx.cancel, |_, _| {}).await.ok()?;
    if finished.succeeded() {
        return Some(true);
    }
    finished.tail.iter().any(|line| line.contains("New upgrade operations detected")).then_some(false)
}
