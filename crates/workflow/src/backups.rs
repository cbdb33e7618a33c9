//! Backups with the settings of an environment.

use std::path::{Path, PathBuf};

use switchback_engine::cancel::Cancel;
use switchback_model::Result;
use switchback_postgres::backup::{self, BackupRequest, Client, Progress, ProofOn, RestoreRequest, Restored};

use crate::world::World;

/// The client programs and how many of them at once.
///
/// # Errors
/// As [`World::client`].
pub async fn client(world: &World) -> Result<Client> {
    let jobs = world.config.environment.backup.jobs;
    Ok(Client { bin: world.client().await?, jobs, application: world.application() })
}

/// The proven backup with this note; the newest of several.
///
/// # Errors
/// As [`backup::list`].
pub fn noted(directory: &Path, note: &str) -> Result<Option<PathBuf>> {
    let is_it = |listed: &backup::Listed| {
        listed.is_proven()
            && listed.manifest.as_ref().is_ok_and(|manifest| manifest.note.as_deref() == Some(note))
    };
    Ok(backup::list(directory)?.into_iter().find(is_it).map(|listed| listed.folder))
}

/// Removes what backups that were killed left: half of one, and the database that it was proven in.
///
/// # Errors
/// As [`backup::sweep_directory`] and [`backup::sweep_server`].
pub async fn sweep(world: &World) -> Result<()> {
    backup::sweep_directory(&world.config.environment.backup.directory)?;
    match &world.config.scratch_url {
        Some(server) => backup::sweep_server(server, &client(world).await?).await,
        None => Ok(()),
    }
}

/// Takes a backup of a database (by the name that it has now) into `directory`; says its folder.
/// With `prove` it is restored and compared before it gets its name.
///
/// # Errors
/// As [`backup::take`].
pub async fn take(
    world: &World,
    database: &str,
    directory: &Path,
    note: Option<String>,
    prove: bool,
    cancel: &Cancel,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf> {
    let client = client(world).await?;
    let proof = match (prove, &world.config.scratch_url) {
        (false, _) => ProofOn::Nowhere,
        (true, Some(server)) => ProofOn::Server(server.clone()),
        (true, None) => ProofOn::Private(Box::default()),
    };
    // So that whoever restores it knows beforehand which release it fits. One that can't be read now is
    // read after the restore.
    let revision = world.migrator().current(&world.session(database).await?).await.ok();
    let directory = directory.to_owned();
    let request = BackupRequest { url: world.url(database), directory, client, note, revision, proof };
    Ok(backup::take(&request, cancel, progress).await?.folder)
}

/// Restores a backup into a new database on the target's server and compares it. It is filled under
/// the name `filling`, where the caller must find it again after a crash.
///
/// # Errors
/// As [`backup::restore`].
pub async fn restore(
    world: &World,
    folder: &Path,
    into: &str,
    filling: Option<&str>,
    cancel: &Cancel,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Restored> {
    let client = client(world).await?;
    let server = &world.config.maintenance_url;
    let request = RestoreRequest { folder, server, into, filling, client: &client };
    backup::restore(&request, cancel, progress).await
}
