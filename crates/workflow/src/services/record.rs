//! What is written down beside the operator about a service: `STATE/services/ENVIRONMENT/`.

use std::path::Path;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use switchback_model::{Failure, Result, code};

use super::files;

/// Who blocks starts.
#[derive(Debug, Serialize, Deserialize)]
struct Block {
    run: String,
    since: Timestamp,
}

/// The file that says who blocks starts.
const BLOCKED: &str = "blocked";

/// Makes the folder.
pub(crate) fn make(folder: &Path) -> Result<()> {
    files::private_folder(folder).map_err(|error| unusable("make", folder, &error))
}

/// The run that blocks starts, as it is written down.
pub(crate) fn blocked_by(folder: &Path) -> Result<Option<String>> {
    Ok(read::<Block>(&folder.join(BLOCKED))?.map(|block| block.run))
}

/// Writes down that a run blocks starts.
pub(crate) fn block(folder: &Path, run: &str) -> Result<()> {
    make(folder)?;
    write(&folder.join(BLOCKED), &Block { run: run.to_owned(), since: Timestamp::now() })
}

/// Takes that away.
pub(crate) fn unblock(folder: &Path) -> Result<()> {
    let path = folder.join(BLOCKED);
    files::remove(&path).map_err(|error| unusable("remove", &path, &error))
}

pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let bytes = files::read(path).map_err(|error| unusable("read", path, &error))?;
    let parsed = bytes.map(|bytes| serde_json::from_slice(&bytes)).transpose();
    parsed.map_err(|error| {
        Failure::new(code::SERVICE, format!("{} is not what Switchback wrote there", path.display()))
            .because(&error)
            .hint(format!("look at it and, when no application runs, remove it: rm {}", path.display()))
    })
}

pub(crate) fn write<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let bytes = serde_json::to_vec_pretty(value).map_err(|error| {
        Failure::new(code::INTERNAL, format!("{} can't be put into words", path.display())).because(&error)
    })?;
    files::write_whole(path, &bytes, 0o600).map_err(|error| unusable("write", path, &error))
}

pub(crate) fn unusable(verb: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(code::SERVICE, format!("could not {verb} {}", path.display())).because(error).hint(format!(
        "look at its owner, its mode and the free space: ls -ld {0}; df -h {0}",
        path.display()
    ))
}
