//! What a look at a backup found wrong with it, written down beside its manifest.
//!
//! A list can't read every byte of every backup, so it shows what the last thorough look saw. The
//! manifest never changes; the mark is a file of its own, and a later look that finds the backup good
//! takes it away.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};
use switchback_engine::clock;
use switchback_model::{Failure, Result, code};

use super::manifest::{self, MARK};
use super::{files, io};

/// What was found wrong with a backup, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// By the operator's clock (RFC 3339, UTC).
    pub at: String,
    /// What was wrong: [`code::BACKUP_DAMAGED`] or [`code::BACKUP_DIFFERS`].
    pub failure: Failure,
}

/// How thoroughly a backup was found good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Every file is as it was.
    Files,
    /// It was restored, too, and is equal.
    Equal,
}

/// The mark of a backup, where it has one; one that can't be read is one.
pub(super) fn read(folder: &Path) -> Option<Mark> {
    let unreadable = |why: String| Mark {
        at: String::new(),
        failure: Failure::new(code::BACKUP_DAMAGED, format!("{MARK} can't be read: {why}")),
    };
    match fs::read(folder.join(MARK)) {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => Some(unreadable(error.to_string())),
        Ok(text) => Some(serde_json::from_slice(&text).unwrap_or_else(|error| unreadable(error.to_string()))),
    }
}

/// Writes down why a backup is no good. What says nothing of the backup itself (a scratch server that
/// does not answer, a word to stop) is not written; where a mark can't be written, the failure that is
/// given back says so.
pub(super) fn set(folder: &Path, failure: Failure) -> Failure {
    if ![code::BACKUP_DAMAGED, code::BACKUP_DIFFERS].contains(&failure.code) {
        return failure;
    }
    let mark = Mark { at: clock::now().to_string(), failure: failure.clone() };
    let written = manifest::json(&mark)
        .map_err(|unwritten| unwritten.message)
        .and_then(|text| files::write(&folder.join(MARK), &text).map_err(|error| error.to_string()));
    match written {
        Ok(()) => failure,
        Err(why) => failure.cause(format!("{MARK}, which would say so to a list, can't be written: {why}")),
    }
}

/// Takes the mark away where what was found good is what it doubts: whole files say nothing of a
/// restore that differed.
///
/// # Errors
/// [`code::BACKUP_FAILED`] where it can't be removed.
pub(super) fn clear(folder: &Path, found: Found) -> Result<()> {
    let Some(mark) = read(folder) else { return Ok(()) };
    if found == Found::Files && mark.failure.code == code::BACKUP_DIFFERS {
        return Ok(());
    }
    let removed = fs::remove_file(folder.join(MARK)).and_then(|()| files::sync_folder(folder));
    removed.map_err(|error| {
        let what = format!("the backup is good, and {MARK}, which doubts it, can't be removed");
        io(code::BACKUP_FAILED, what, &error)
    })
}
