//! The run's own files, beside its journal; and where this very program is.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use switchback_model::{Failure, Result, code};

/// Writes a file that only its owner can read; it is whole and on disk when this returns, or not
/// there.
///
/// # Errors
/// [`code::STATE_FOLDER`].
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let bytes = serde_json::to_vec(value).map_err(|error| failed(path, &error))?;
    write(path, &bytes)
}

/// As [`write_json`], for text.
///
/// # Errors
/// [`code::STATE_FOLDER`].
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let part = path.with_extension("part");
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&part, path)?;
        // A bare name has an empty parent: the current folder.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    })();
    written.map_err(|error: std::io::Error| failed(path, &error))
}

/// Reads what [`write_json`] wrote.
///
/// # Errors
/// [`code::STATE_FOLDER`].
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = std::fs::read(path).map_err(|error| failed(path, &error))?;
    serde_json::from_slice(&bytes).map_err(|error| failed(path, &error))
}

/// Removes a folder with all that is in it; one that is not there is no error.
///
/// # Errors
/// [`code::STATE_FOLDER`].
pub fn remove_folder(path: &Path) -> Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(path, &error)),
        _ => Ok(()),
    }
}

/// Removes a file; one that is not there is no error.
///
/// # Errors
/// [`code::STATE_FOLDER`].
pub fn remove_file(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(path, &error)),
        _ => Ok(()),
    }
}

/// This very program, as it can be started again. One that was upgraded meanwhile is gone from its place:
/// what took that place is started instead.
pub fn own_program() -> PathBuf {
    in_its_place(std::env::current_exe().unwrap_or_else(|_| "switchback".into()))
}

/// Linux names the file of a process that is no more with this at its end (proc(5)).
fn in_its_place(path: PathBuf) -> PathBuf {
    let named = path.to_str().and_then(|text| text.strip_suffix(" (deleted)")).map(PathBuf::from);
    named.filter(|_| !path.exists()).unwrap_or(path)
}

fn failed(path: &Path, error: &(dyn std::error::Error + 'static)) -> Failure {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failure =
        Failure::new(code::STATE_FOLDER, format!("{} can't be used", path.display())).because(error);
    let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    failure.hint(match kind {
        Some(std::io::ErrorKind::StorageFull) => format!("make room: df -h {}", folder.display()),
        _ => format!("look at the folder's owner and mode: ls -ld {}", folder.display()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_was_upgraded_meanwhile_is_found_in_its_place() {
        let found = |path: &str| in_its_place(path.into());
        assert_eq!(found("/opt/no-such/switchback (deleted)"), Path::new("/opt/no-such/switchback"));
        assert_eq!(found("/opt/no-such/switchback"), Path::new("/opt/no-such/switchback"));
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("switchback (deleted)");
        std::fs::write(&odd, "").unwrap();
        assert_eq!(in_its_place(odd.clone()), odd);
    }
}
