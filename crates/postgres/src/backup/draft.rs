//! A backup in the making: `.partial-ID`, held by a lock for as long as its maker lives.
//!
//! The lock is `flock` on the folder itself, so it ends with the process, whatever ends it; what
//! has no lock is nobody's and is removed by the next backup.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use switchback_model::{Failure, Result, code};

use super::{files, io as failed};

/// A backup in the making.
pub(super) const PARTIAL: &str = ".partial-";
/// A backup that is being removed.
pub(super) const REMOVED: &str = ".removed-";

/// A folder that is removed when this is dropped, unless it was finished.
pub(super) struct Draft {
    folder: PathBuf,
    finished: bool,
    // Held, never read.
    _lock: File,
}

impl Draft {
    /// Makes `.partial-ID` in `directory`, which is made too (0700), and removes what earlier ones
    /// left there when they were killed.
    pub(super) fn create(directory: &Path, id: &str) -> Result<Self> {
        let refused = |error: io::Error| {
            failed(
                code::BACKUP_FAILED,
                format!("no backup can be written to {}", directory.display()),
                &error,
            )
        };
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(refused)?;
        // Between making a folder and locking it, another one's sweep must not see it.
        let gate = File::open(directory).map_err(refused)?;
        gate.lock().map_err(refused)?;
        sweep(directory).map_err(refused)?;
        let folder = directory.join(format!("{PARTIAL}{id}"));
        DirBuilder::new().mode(0o700).create(&folder).map_err(refused)?;
        let lock = File::open(&folder).map_err(refused)?;
        lock.lock().map_err(refused)?;
        Ok(Self { folder, finished: false, _lock: lock })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Gives it its final name; from here on it is a backup.
    pub(super) fn finish(mut self, id: &str) -> Result<PathBuf> {
        let directory = self.folder.parent().unwrap_or(Path::new(".")).to_owned();
        let folder = directory.join(id);
        let refused = |error: io::Error| {
            failed(
                code::BACKUP_FAILED,
                format!("the backup can't be given its name {}", folder.display()),
                &error,
            )
        };
        if folder.exists() {
            let message = format!("there is already something at {}", folder.display());
            return Err(Failure::new(code::BACKUP_FAILED, message));
        }
        fs::rename(&self.folder, &folder).map_err(refused)?;
        self.finished = true;
        files::sync_folder(&directory).map_err(refused)?;
        Ok(folder)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.finished {
            // What can't be removed now is swept by the next backup.
            drop(fs::remove_dir_all(&self.folder));
        }
    }
}

/// Removes what backups that were killed left in a directory; one that is not there is fine.
///
/// # Errors
/// [`code::BACKUP_FAILED`] where something can't be removed.
pub fn sweep_directory(directory: &Path) -> Result<()> {
    let refused = |error: io::Error| failed(code::BACKUP_FAILED, "half of a backup can't be removed", &error);
    match File::open(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        gate => {
            let gate = gate.map_err(refused)?;
            gate.lock().map_err(refused)?;
            sweep(directory).map(drop).map_err(refused)
        }
    }
}

/// Removes what is half made or half removed and belongs to no living process; says what it was.
pub(super) fn sweep(directory: &Path) -> io::Result<Vec<String>> {
    let mut swept = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let unfinished = name.starts_with(PARTIAL) || name.starts_with(REMOVED);
        if unfinished && entry.file_type()?.is_dir() && own(&entry.path())?.is_some() {
            fs::remove_dir_all(entry.path())?;
            swept.push(name);
        }
    }
    Ok(swept)
}

/// Locks a folder for ourselves alone; nothing where another process holds it.
pub(super) fn own(folder: &Path) -> io::Result<Option<File>> {
    let file = File::open(folder)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Holds a backup while it is read, so that it is not pruned meanwhile.
pub(super) fn reading(folder: &Path) -> io::Result<File> {
    let file = File::open(folder)?;
    match file.try_lock_shared() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(io::Error::new(io::ErrorKind::ResourceBusy, "it is being removed"))
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}
