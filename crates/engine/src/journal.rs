//! The run's append-only record: one folder a run, one JSON line an event, on disk before the
//! effect.
//!
//! A line is `{"journal":1,"sum":"…","event":{…}}`. The sum is the beginning of the SHA-256 over
//! the sum before and the event's own bytes, so a changed, lost or moved line is seen.
//!
//! A last line without its end was torn while it was written: the write had not returned, so
//! nothing was done on the strength of it, and it is cut off. Any other damage stops the reader.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use switchback_model::{Event, Failure, Result, RunId, RunView, code};

/// The version of the lines that are written.
const VERSION: u32 = 1;
/// The file's name in the run's folder.
const FILE: &str = "journal.jsonl";

#[derive(Deserialize)]
struct Version {
    journal: u32,
}

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    journal: u32,
    sum: String,
    #[serde(borrow)]
    event: &'a RawValue,
}

/// A journal that is open for writing. Only one process has it: the file is locked.
#[derive(Debug)]
pub struct Journal {
    file: File,
    folder: PathBuf,
    sum: String,
    /// How long the file is with its whole lines.
    length: u64,
}

impl Journal {
    /// Makes the folder and the file of a new run.
    ///
    /// # Errors
    /// [`code::JOURNAL_WRITE`] where the folder can't be written or is there already.
    pub fn create(runs: &Path, run: &RunId) -> Result<Self> {
        private_folder(runs)?;
        let folder = runs.join(&run.0);
        let made = DirBuilder::new().mode(0o700).create(&folder);
        made.map_err(|error| unwritable(&folder, &error))?;
        let path = folder.join(FILE);
        let file = OpenOptions::new().append(true).read(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(|error| unwritable(&path, &error))?;
        lock(&file, &path)?;
        // The names themselves must survive a crash too.
        for parent in [&folder, runs] {
            File::open(parent).and_then(|f| f.sync_all()).map_err(|error| unwritable(parent, &error))?;
        }
        Ok(Self { file, folder, sum: String::new(), length: 0 })
    }

    /// Opens the journal of a run to go on with it, and reads what is there.
    ///
    /// # Errors
    /// [`code::RUN_OPEN`] while another process has it, [`code::RUN_UNKNOWN`],
    /// [`code::JOURNAL_DAMAGED`].
    pub fn open(runs: &Path, run: &RunId) -> Result<(Self, RunView)> {
        let folder = runs.join(&run.0);
        let path = folder.join(FILE);
        let file = OpenOptions::new().append(true).read(true).open(&path);
        let mut file = file.map_err(|error| unknown(run, &error))?;
        lock(&file, &path)?;
        let mut bytes = read_all(&mut file, &path)?;
        let torn = cut_torn(&mut bytes);
        let whole = bytes.len();
        let (sum, view) = fold(&bytes, &path).trusted()?;
        if torn {
            let cut = file.set_len(whole as u64).and_then(|()| file.sync_data());
            cut.map_err(|error| unwritable(&path, &error))?;
        }
        Ok((Self { file, folder, sum, length: whole as u64 }, view))
    }

    /// The run's folder: its journal, its report, what its programs wrote.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes an event and returns when it is on disk.
    ///
    /// # Errors
    /// [`code::JOURNAL_WRITE`]; the run must stop then, with nothing done.
    pub fn append(&mut self, event: &Event) -> Result<()> {
        let failed = |error: &dyn std::error::Error| {
            Failure::new(
                code::JOURNAL_WRITE,
                format!("the journal in {} can't be written", self.folder.display()),
            )
            .cause(error.to_string())
            .changed("the step that was about to begin was not begun")
            .hint("make room or give the folder back, then: switchback resume")
        };
        let event = serde_json::value::to_raw_value(event).map_err(|error| failed(&error))?;
        let sum = next_sum(&self.sum, event.get());
        let line = Line { journal: VERSION, sum: sum.clone(), event: &event };
        let mut bytes = serde_json::to_vec(&line).map_err(|error| failed(&error))?;
        bytes.push(b'\n');
        // What an earlier, failed write left of its line must not stand before this one.
        let cut = if self.file.metadata().is_ok_and(|now| now.len() != self.length) {
            self.file.set_len(self.length)
        } else {
            Ok(())
        };
        let written = cut.and_then(|()| self.file.write_all(&bytes)).and_then(|()| self.file.sync_data());
        written.map_err(|error| failed(&error))?;
        self.length += bytes.len() as u64;
        self.sum = sum;
        Ok(())
    }
}

/// Reads a run without taking it in hand.
///
/// # Errors
/// As [`Journal::open`], but for the lock.
pub fn read(runs: &Path, run: &RunId) -> Result<RunView> {
    let (bytes, path) = bytes_of(runs, run)?;
    fold(&bytes, &path).trusted().map(|(_, view)| view)
}

/// The events of a run, as they were written.
///
/// # Errors
/// As [`read`].
pub fn events(runs: &Path, run: &RunId) -> Result<Vec<Event>> {
    let salvaged = salvage(runs, run)?;
    salvaged.damage.map_or(Ok(salvaged.events), Err)
}

/// The events of a run, each with the journal's sum after it.
///
/// # Errors
/// As [`read`].
pub fn entries(runs: &Path, run: &RunId) -> Result<Vec<(Event, String)>> {
    let salvaged = salvage(runs, run)?;
    match salvaged.damage {
        Some(damage) => Err(damage),
        None => Ok(salvaged.events.into_iter().zip(salvaged.sums).collect()),
    }
}

/// What can be read of a journal, damaged or not.
#[derive(Debug)]
pub struct Salvaged {
    /// The events up to the damage.
    pub events: Vec<Event>,
    /// The run up to there; `None`: not even its plan can be read.
    pub view: Option<RunView>,
    /// What is wrong, where something is. Nobody may go on with the run then.
    pub damage: Option<Failure>,
    sum: String,
    /// The sum after each of the events.
    sums: Vec<String>,
}

impl Salvaged {
    /// The last sum and the run, where nothing is wrong.
    fn trusted(self) -> Result<(String, RunView)> {
        match (self.damage, self.view) {
            (None, Some(view)) => Ok((self.sum, view)),
            (Some(damage), _) => Err(damage),
            (None, None) => Err(Failure::new(code::INTERNAL, "a journal without damage has its first event")),
        }
    }
}

/// Reads a run as far as it can be read, to be looked at, never to be gone on with.
///
/// # Errors
/// [`code::RUN_UNKNOWN`] and what keeps the file from being opened; damage is none.
pub fn salvage(runs: &Path, run: &RunId) -> Result<Salvaged> {
    let (bytes, path) = bytes_of(runs, run)?;
    Ok(fold(&bytes, &path))
}

/// The whole lines of a journal.
fn bytes_of(runs: &Path, run: &RunId) -> Result<(Vec<u8>, PathBuf)> {
    let path = runs.join(&run.0).join(FILE);
    let mut file = File::open(&path).map_err(|error| unknown(run, &error))?;
    let mut bytes = read_all(&mut file, &path)?;
    cut_torn(&mut bytes);
    Ok((bytes, path))
}

/// Takes away a last line without its end; whether there was one. (In bytes: it may have been torn
/// inside a character.)
fn cut_torn(bytes: &mut Vec<u8>) -> bool {
    let length = bytes.len();
    bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
    bytes.len() < length
}

/// The runs that have a journal, oldest first.
pub fn list(runs: &Path) -> Vec<RunId> {
    let entries = std::fs::read_dir(runs).into_iter().flatten().flatten();
    let with_journal = entries.filter(|entry| entry.path().join(FILE).is_file());
    let mut ids: Vec<_> =
        with_journal.filter_map(|entry| entry.file_name().into_string().ok().map(RunId)).collect();
    ids.sort();
    ids
}

/// Whether a living process has this run in hand.
pub fn is_held(runs: &Path, run: &RunId) -> bool {
    let file = File::open(runs.join(&run.0).join(FILE));
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock)))
}

/// Makes a folder that only its owner can read.
///
/// # Errors
/// [`code::STATE_FOLDER`].
pub fn private_folder(path: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| {
        Failure::new(code::STATE_FOLDER, format!("the folder {} can't be made", path.display()))
            .because(&error)
            .changed("nothing was changed")
            .hint("give this user the right to write there, or set state_directory in the configuration")
    })
}

fn read_all(file: &mut File, path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut bytes));
    read.map_err(|error| damaged(path, 0, &error.to_string()))?;
    Ok(bytes)
}

/// Folds whole lines until one is damaged.
fn fold(bytes: &[u8], path: &Path) -> Salvaged {
    let mut salvaged =
        Salvaged { events: Vec::new(), view: None, damage: None, sum: String::new(), sums: Vec::new() };
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if let Err(damage) = take_in(&mut salvaged, line, index, path) {
            salvaged.damage = Some(damage);
            return salvaged;
        }
    }
    if salvaged.view.is_none() {
        salvaged.damage = Some(damaged(path, 0, "it is empty: the run never began"));
    }
    salvaged
}

fn take_in(salvaged: &mut Salvaged, line: &[u8], index: usize, path: &Path) -> Result<()> {
    let line = std::str::from_utf8(line).map_err(|_| damaged(path, index + 1, "it is not UTF-8"))?;
    let event = event(line, index, &mut salvaged.sum, path)?;
    let applied = match &mut salvaged.view {
        None => RunView::begin(&event).map(|begun| salvaged.view = Some(begun)),
        Some(view) => view.apply(&event),
    };
    applied.map_err(|illegal| damaged(path, index + 1, &illegal.why))?;
    salvaged.events.push(event);
    salvaged.sums.push(salvaged.sum.clone());
    Ok(())
}

fn event(line: &str, index: usize, sum: &mut String, path: &Path) -> Result<Event> {
    // The version before all else: a newer line may have another form.
    let version: Version =
        serde_json::from_str(line).map_err(|error| damaged(path, index + 1, &error.to_string()))?;
    if version.journal > VERSION {
        return Err(damaged(path, index + 1, "it was written by a newer version; go on with that one"));
    }
    if version.journal == 0 {
        return Err(damaged(path, index + 1, "there is no version 0 of this format"));
    }
    let line: Line<'_> =
        serde_json::from_str(line).map_err(|error| damaged(path, index + 1, &error.to_string()))?;
    *sum = next_sum(sum, line.event.get());
    if *sum != line.sum {
        return Err(damaged(path, index + 1, "its checksum is wrong: it was changed after it was written"));
    }
    serde_json::from_str(line.event.get()).map_err(|error| damaged(path, index + 1, &error.to_string()))
}

fn next_sum(before: &str, event: &str) -> String {
    let digest = Sha256::new().chain_update(before).chain_update(event).finalize();
    hex::encode(&digest[..8])
}

fn lock(file: &File, path: &Path) -> Result<()> {
    file.try_lock().map_err(|_| {
        Failure::new(code::RUN_OPEN, "another process on this host has this run in hand")
            .changed("nothing was changed")
            .hint(format!("see who: fuser -v {}", path.display()))
    })
}

fn unknown(run: &RunId, error: &std::io::Error) -> Failure {
    Failure::new(code::RUN_UNKNOWN, format!("there is no run {run} here"))
        .because(error)
        .hint("list the runs: switchback runs list")
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(code::JOURNAL_WRITE, format!("{} can't be written", path.display()))
        .because(error)
        .changed("nothing was changed")
}

fn damaged(path: &Path, line: usize, why: &str) -> Failure {
    let place = if line == 0 { path.display().to_string() } else { format!("{}:{line}", path.display()) };
    Failure::new(code::JOURNAL_DAMAGED, format!("the journal can't be read: {place}: {why}"))
        .changed("nothing was done on the strength of it")
        .hint("keep the folder as it is; `switchback status` and the target's comment say what is open")
}

#[cfg(test)]
mod tests;
