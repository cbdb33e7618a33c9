//! The backups of a directory: listed, found, verified, pruned.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use switchback_engine::cancel::Cancel;
use switchback_model::{Failure, Result, code};

use super::manifest::{self, DUMP, MANIFEST, Manifest, PROOF, Proof};
use super::mark::{self, Found, Mark};
use super::prove::{After, Ground, restore_and_compare};
use super::restore::checked;
use super::{Client, Listener, Progress, draft, files, io};

/// A backup as a list shows it. Checksums of its files are not looked at: see [`verify`], whose last
/// word is in `mark`.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its name.
    pub id: String,
    /// Its folder.
    pub folder: PathBuf,
    /// The bytes that it takes on disk.
    pub bytes: u64,
    /// What it says of itself, or why that can't be read.
    pub manifest: Result<Manifest>,
    /// Its last proof; nothing where it was never proven.
    pub proof: Option<Proof>,
    /// What a thorough look found wrong with it, where no later one found it good.
    pub mark: Option<Mark>,
}

impl Listed {
    /// Whether it was restored and found equal, and nothing was found wrong since.
    pub fn is_proven(&self) -> bool {
        self.proof.is_some() && self.mark.is_none()
    }

    /// Why it is no good, as far as a look shows.
    pub fn damaged(&self) -> Option<&str> {
        let marked = self.mark.as_ref().map(|mark| &mark.failure);
        self.manifest.as_ref().err().or(marked).map(|failure| failure.message.as_str())
    }
}

/// What is to be pruned.
#[derive(Clone, Debug, Default)]
pub struct PruneRequest {
    /// How many good backups of each database are kept.
    pub keep: usize,
    /// Backups that somebody needs, by name, each with the reason.
    pub needed: BTreeMap<String, String>,
    /// Say what would be removed, and remove nothing.
    pub dry_run: bool,
}

/// What pruning did, or would do.
#[derive(Clone, Debug, Default)]
pub struct Pruned {
    /// The backups that are gone.
    pub removed: Vec<String>,
    /// Those that would have gone, each with the reason why not.
    pub spared: BTreeMap<String, String>,
    /// What earlier crashes left and is gone now.
    pub swept: Vec<String>,
}

/// The backups of a directory, the newest first; none where the directory is not there.
///
/// # Errors
/// [`code::BACKUP_UNKNOWN`] where the directory can't be read. A damaged backup is in the list.
pub fn list(directory: &Path) -> Result<Vec<Listed>> {
    let unreadable = |error: std::io::Error| {
        io(code::BACKUP_UNKNOWN, format!("the backups in {} can't be read", directory.display()), &error)
    };
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(unreadable)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        let id = entry.file_name().to_string_lossy().into_owned();
        if is_backup(&entry.path(), &id) {
            found.push(look(id, entry.path()));
        }
    }
    found.sort_by(|a, b| age(b).cmp(&age(a)));
    Ok(found)
}

/// The order of time, by what each says of itself and not by its name; what can't be read is oldest.
fn age(backup: &Listed) -> (&str, &str) {
    (backup.manifest.as_ref().map_or("", |manifest| &manifest.made_at), &backup.id)
}

fn is_backup(folder: &Path, id: &str) -> bool {
    // One that lost its manifest is a damaged backup, not none.
    !id.starts_with('.') && (folder.join(MANIFEST).is_file() || folder.join(DUMP).is_dir())
}

fn look(id: String, folder: PathBuf) -> Listed {
    let manifest = Manifest::read(&folder).and_then(|manifest| {
        let missing = |(name, file): (&String, &manifest::FileFacts)| {
            let size = fs::metadata(folder.join(name)).map(|metadata| metadata.len());
            (size.ok() != Some(file.bytes)).then(|| format!("{name} is missing or of another size"))
        };
        let wrong: Vec<_> = manifest.files.iter().filter_map(missing).collect();
        if wrong.is_empty() { Ok(manifest) } else { Err(manifest::damaged(&folder, wrong)) }
    });
    let proof =
        manifest.as_ref().ok().and_then(|manifest| later_proof(&folder).or_else(|| manifest.proof.clone()));
    Listed { bytes: files::bytes_in(&folder), mark: mark::read(&folder), id, folder, manifest, proof }
}

/// The proof beside the manifest, where it is one of this manifest.
fn later_proof(folder: &Path) -> Option<Proof> {
    let proof: Proof = serde_json::from_slice(&fs::read(folder.join(PROOF)).ok()?).ok()?;
    (proof.manifest_sha256 == manifest::checksum(folder).ok()).then_some(proof)
}

/// A backup by its name, the beginning of its name, or its folder.
///
/// # Errors
/// [`code::BACKUP_UNKNOWN`] where there is none, or more than one begins like that.
pub fn find(directory: &Path, name: &str) -> Result<Listed> {
    let as_path = Path::new(name);
    if as_path.components().count() > 1 && as_path.join(MANIFEST).is_file() {
        let id = as_path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Ok(look(id, as_path.to_owned()));
    }
    let mut all = list(directory)?;
    let known = all.iter().map(|backup| backup.id.clone()).collect::<Vec<_>>();
    if let Some(exact) = all.iter().position(|backup| backup.id == name) {
        return Ok(all.swap_remove(exact));
    }
    all.retain(|backup| !name.is_empty() && backup.id.starts_with(name));
    match all.len() {
        1 => Ok(all.swap_remove(0)),
        0 => Err(Failure::new(
            code::BACKUP_UNKNOWN,
            format!("there is no backup `{name}` in {}", directory.display()),
        )
        .hint(match known.first() {
            Some(newest) => format!("the newest one is {newest}; all: switchback backup list"),
            None => "there is none at all: switchback backup create".to_owned(),
        })),
        count => {
            let ids: Vec<_> = all.iter().map(|backup| backup.id.as_str()).collect();
            Err(Failure::new(code::BACKUP_UNKNOWN, format!("{count} backups begin with `{name}`"))
                .cause(ids.join(", "))
                .hint("write more of the name"))
        }
    }
}

/// Checks every file of a backup and, on `ground`, proves it again; a new proof is kept beside the
/// manifest, which never changes. A backup that is found wanting is marked, so that neither a list nor
/// [`prune`] takes it for a good one; one that is found good loses its mark.
///
/// # Errors
/// As [`prove`](super::prove()).
pub async fn verify(
    folder: &Path,
    ground: Option<Ground<'_>>,
    client: &Client,
    cancel: &Cancel,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Option<Proof>> {
    let proof = look_again(folder, ground, client, cancel, progress).await;
    let proof = proof.map_err(|failure| mark::set(folder, failure))?;
    mark::clear(folder, if proof.is_some() { Found::Equal } else { Found::Files })?;
    Ok(proof)
}

async fn look_again(
    folder: &Path,
    ground: Option<Ground<'_>>,
    client: &Client,
    cancel: &Cancel,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Option<Proof>> {
    let heard = Listener::new(progress);
    let (_reading, manifest) = checked(folder, &heard).await?;
    let Some(ground) = ground else { return Ok(None) };
    let mut proof =
        restore_and_compare(folder, &manifest, ground, After::Clean, client, cancel, &heard).await?;
    proof.manifest_sha256 = Some(manifest::checksum(folder)?);
    let written = files::write(&folder.join(PROOF), &manifest::json(&proof)?);
    written
        .map_err(|error| io(code::BACKUP_FAILED, "the proof can't be written beside the backup", &error))?;
    Ok(Some(proof))
}

/// Removes all but the newest `keep` good backups of each database.
///
/// What is kept instead of another is read whole and checked against its SHA-256 before anything is
/// removed. The newest proven one of each database stays whatever `keep` says; so does what somebody
/// needs, what is damaged (for a person to look at, and not counted), and what another process is
/// reading or making.
///
/// # Errors
/// [`code::BACKUP_FAILED`] where something can't be removed.
pub async fn prune(
    directory: &Path,
    request: &PruneRequest,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Pruned> {
    let failed = |error: std::io::Error| {
        io(code::BACKUP_FAILED, format!("old backups in {} can't be removed", directory.display()), &error)
    };
    let heard = Listener::new(progress);
    let mut pruned = Pruned::default();
    let mut old = Vec::new();
    for backups in by_database(directory, &mut pruned)?.into_values() {
        old.append(&mut beyond(backups, request, &mut pruned, &heard).await);
    }
    for backup in old {
        if request.dry_run || remove(directory, &backup).map_err(failed)? {
            pruned.removed.push(backup.id);
        } else {
            pruned.spared.insert(backup.id, "another process is reading it".to_owned());
        }
    }
    if !request.dry_run {
        pruned.swept = match draft::sweep(directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            swept => swept.map_err(failed)?,
        };
    }
    Ok(pruned)
}

/// The backups of each database of each server, the newest first; those that are known to be damaged
/// are spared.
fn by_database(directory: &Path, pruned: &mut Pruned) -> Result<BTreeMap<(String, String), Vec<Listed>>> {
    let mut databases: BTreeMap<_, Vec<Listed>> = BTreeMap::new();
    for backup in list(directory)? {
        let target = backup.manifest.as_ref().ok().map(|manifest| &manifest.target);
        match (backup.damaged(), target) {
            (None, Some(target)) => {
                let key = (target.server.system_identifier.clone(), target.database.clone());
                databases.entry(key).or_default().push(backup);
            }
            (why, _) => {
                let why = why.unwrap_or_default().to_owned();
                pruned.spared.insert(backup.id, why);
            }
        }
    }
    Ok(databases)
}

/// Those of one database's backups that nothing speaks for, after what stays in their stead was found
/// whole. Where nothing is over, nothing is read.
async fn beyond(
    backups: Vec<Listed>,
    request: &PruneRequest,
    pruned: &mut Pruned,
    heard: &Listener<'_>,
) -> Vec<Listed> {
    if backups.len() <= request.keep {
        return Vec::new();
    }
    let (mut kept, mut proven, mut old) = (0, false, Vec::new());
    for backup in backups {
        let among_newest = kept < request.keep;
        if among_newest || !proven && backup.is_proven() {
            if let Some(why) = found_damaged(&backup, request, heard).await {
                pruned.spared.insert(backup.id, why);
                continue;
            }
            proven |= backup.is_proven();
            if among_newest {
                kept += 1;
            } else {
                pruned.spared.insert(backup.id, "it is the newest one that is proven".to_owned());
            }
        } else if let Some(why) = request.needed.get(&backup.id) {
            pruned.spared.insert(backup.id, why.clone());
        } else {
            old.push(backup);
        }
    }
    old
}

/// Why a backup is no good, by the SHA-256 of each of its files; it is marked.
async fn found_damaged(backup: &Listed, request: &PruneRequest, heard: &Listener<'_>) -> Option<String> {
    let checked = checked(&backup.folder, heard).await;
    checked.err().map(|failure| {
        let failure = if request.dry_run { failure } else { mark::set(&backup.folder, failure) };
        failure.message
    })
}

/// Renamed first: a backup that is half removed must not look like one.
fn remove(directory: &Path, backup: &Listed) -> std::io::Result<bool> {
    let Some(_lock) = draft::own(&backup.folder)? else { return Ok(false) };
    let doomed = directory.join(format!("{}{}", draft::REMOVED, backup.id));
    fs::rename(&backup.folder, &doomed)?;
    fs::remove_dir_all(&doomed)?;
    Ok(true)
}
