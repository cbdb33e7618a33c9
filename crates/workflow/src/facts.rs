//! Catalog and data of the target at one moment, in one snapshot.

use switchback_engine::cancel::Cancel;
use switchback_model::Result;
use switchback_postgres::catalog::Catalog;
use switchback_postgres::digest::{self, Scope};
use switchback_postgres::snapshot::SnapshotHolder;

use crate::checks::{self, Facts};
use crate::world::World;

/// Where the run keeps them, in its folder.
pub const BEFORE: &str = "facts-before.json";
/// After the migrations, as they were validated.
pub const AFTER: &str = "facts-after.json";

/// Reads all of a database, by the name that it has now.
///
/// # Errors
/// As [`digest::read`].
pub async fn read(
    world: &World,
    database: &str,
    cancel: &Cancel,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Facts> {
    let url = world.url(database);
    let holder = SnapshotHolder::open(&url, &world.application()).await?;
    let catalog = Catalog::read(holder.session()).await?;
    let jobs = world.config.environment.backup.jobs;
    let scope = Scope { snapshot: Some(holder.id()), jobs, only: None };
    let data = digest::read(&url, &world.application(), scope, cancel, progress).await?;
    holder.release().await?;
    Ok(Facts { data, catalog, flaws: None })
}

/// As [`read`], with what is wrong with the data already: an old flaw must not be taken for damage
/// of a migration.
///
/// # Errors
/// As [`read`].
pub async fn read_with_flaws(
    world: &World,
    database: &str,
    cancel: &Cancel,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Facts> {
    let facts = read(world, database, cancel, progress).await?;
    let url = world.url(database);
    let holder = SnapshotHolder::open(&url, &world.application()).await?;
    let jobs = world.config.environment.backup.jobs;
    let flaws = checks::flaws(&url, &world.application(), holder.id(), jobs, &world.config, cancel).await?;
    holder.release().await?;
    Ok(Facts { flaws: Some(flaws), ..facts })
}
