//! A log file.
//!
//! A file is known by device and inode, so that a rotated one is read to its end under its new
//! name before the new one is begun; as long as it is open that goes for one that is compressed or
//! removed too. A file that was cut (`copytruncate`) is noticed by its length or by other bytes
//! before the position, and its copy is known by just these bytes.

use std::fs::{File, Metadata};
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Result as Io, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use switchback_model::{Failure, Result, code};

/// Bytes of one line that are searched at once; a longer line is taken as several.
const LINE: u64 = 64 << 10;
/// Bytes of a line that are given back.
const SHOWN: usize = 4 << 10;
/// Lines that one check gives back; later ones add nothing but length.
const MOST: usize = 100;
/// Bytes before the position by which a file is recognised.
const MARK: u64 = 256;
/// The ends of names of files that can't be searched.
const COMPRESSED: &[&str] = &["gz", "xz", "zst", "bz2"];

/// A line that holds one of the words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The line without its end, at most 4 KiB, control characters left out.
    pub text: String,
    /// The file that holds it (a rotated file's new name).
    pub file: PathBuf,
    /// Where it begins there, in bytes.
    pub offset: u64,
}

/// A log that is being watched. It can be written down and gone on with by a later process.
#[derive(Debug, Serialize, Deserialize)]
pub struct LogWatch {
    path: PathBuf,
    fail_on: Vec<String>,
    /// `None` until the file appears.
    position: Option<Position>,
    /// The file itself, so that it can be read to its end even when it is removed.
    #[serde(skip)]
    open: Option<File>,
}

/// How far a file was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    device: u64,
    inode: u64,
    offset: u64,
    /// SHA-256 of the last bytes before `offset`.
    mark: String,
    /// When the watch began, where it began with this file: what was not written to since then is no
    /// copy of it.
    #[serde(default)]
    since: Option<Timestamp>,
}

impl Position {
    fn is_of(&self, metadata: &Metadata) -> bool {
        (self.device, self.inode) == (metadata.dev(), metadata.ino())
    }
}

impl LogWatch {
    /// Remembers where the log ends now. A file that is not there yet is read from its beginning
    /// when it appears.
    ///
    /// # Errors
    /// `LOG_MATCH` where it can't be read.
    pub fn at(file: &Path, fail_on: &[String]) -> Result<Self> {
        let fail_on = super::words(fail_on);
        let mut watch = Self { path: file.to_owned(), fail_on, position: None, open: None };
        watch.take_up(true)?;
        Ok(watch)
    }

    /// The file that is watched.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What to say about a file that was not there so far; `None` where it was.
    pub fn missing(&self) -> Option<String> {
        let never = self.position.is_none();
        never.then(|| format!("{} never appeared, so no log was watched", self.path.display()))
    }

    /// The lines with one of the words since the last look, at most 100. A last line without its
    /// end is given when it matches already, else looked at again the next time.
    ///
    /// # Errors
    /// `LOG_MATCH` where the log, or the rest of a rotated one, can't be read.
    pub fn check(&mut self) -> Result<Vec<Line>> {
        let mut found = Vec::new();
        self.reopen()?;
        // Asked before the old file is read: what its writer added until the rotation is then read.
        let now = metadata(&self.path)?;
        let Some(position) = &self.position else {
            if now.is_some() {
                self.take_up(false)?;
                self.read(&mut found, false)?;
            }
            return Ok(found);
        };
        let rotated = now.is_none_or(|now| !position.is_of(&now));
        self.read(&mut found, rotated)?;
        if rotated && metadata(&self.path)?.is_some() {
            self.take_up(false)?;
            self.read(&mut found, false)?;
        }
        Ok(found)
    }

    /// The failure for lines that were found.
    pub fn failure(&self, lines: &[Line]) -> Failure {
        let message = match lines.len() {
            1 => format!("the application's log {} holds a line that must not be there", self.path.display()),
            n => format!(
                "the application's log {} holds {n} lines that must not be there",
                self.path.display()
            ),
        };
        let failure = Failure::new(code::LOG_MATCH, message);
        let failure = lines.iter().take(5).fold(failure, |failure, line| failure.cause(line.text.clone()));
        match lines.first() {
            Some(line) => {
                let file = switchback_engine::exec::shell_word(&line.file.to_string_lossy());
                failure.hint(format!("read on from there: tail -c +{} {file} | head -n 40", line.offset + 1))
            }
            None => failure,
        }
    }

    /// Opens the file that has the name now and stands at its end or its beginning.
    fn take_up(&mut self, at_end: bool) -> Result<()> {
        let (path, since) = (self.path.clone(), at_end.then(switchback_engine::clock::now));
        let Some(_) = metadata(&path)? else { return Ok(()) };
        let take = || -> Io<(File, Position)> {
            let mut file = File::open(&path)?;
            let metadata = file.metadata()?;
            let offset = if at_end { metadata.len() } else { 0 };
            let mark = mark(&mut file, offset)?;
            let (device, inode) = (metadata.dev(), metadata.ino());
            Ok((file, Position { device, inode, offset, mark, since }))
        };
        match take() {
            Ok((file, position)) => (self.open, self.position) = (Some(file), Some(position)),
            // Rotated away just now: the next look finds the new one.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(&path, &error)),
        }
        Ok(())
    }

    /// Finds the file of the position again, where a process before us had it open.
    fn reopen(&mut self) -> Result<()> {
        if let (Some(position), None) = (&self.position, &self.open) {
            let found = find(&self.path, position).map_err(|error| unreadable(&self.path, &error))?;
            let (_, file) = found.ok_or_else(|| lost(&self.path))?;
            self.open = Some(file);
        }
        Ok(())
    }

    /// Reads the open file from the position to its present end.
    fn read(&mut self, found: &mut Vec<Line>, to_the_end: bool) -> Result<()> {
        let (Some(file), Some(position)) = (&mut self.open, &mut self.position) else { return Ok(()) };
        // A rotated file has another name now, where it has one.
        let renamed = to_the_end.then(|| find(&self.path, position).ok().flatten()).flatten();
        let name = renamed.map_or_else(|| self.path.clone(), |(name, _)| name);
        let (path, words) = (&self.path, self.fail_on.as_slice());
        let mut read = |file: &mut File, position: &mut Position, name: &Path, to_the_end: bool| {
            let mut reading = Reading { file, position, name, words, found };
            reading.run(to_the_end).map_err(|error| unreadable(path, &error))
        };
        let cut = is_cut(file, position).map_err(|error| unreadable(path, &error))?;
        // Nothing can be seen missing from a file of which nothing was read.
        let perhaps = position.offset == 0 && position.since.is_some() && !to_the_end;
        if cut || perhaps {
            match copy_of(path, position).map_err(|error| unreadable(path, &error))? {
                Copy::Plain(name, mut copy) => read(&mut copy, &mut position.clone(), &name, true)?,
                Copy::Compressed => return Err(lost(path)),
                Copy::None => {}
            }
            position.offset = 0;
        }
        read(file, position, &name, to_the_end)
    }
}

struct Reading<'a> {
    file: &'a mut File,
    position: &'a mut Position,
    name: &'a Path,
    words: &'a [String],
    found: &'a mut Vec<Line>,
}

impl Reading<'_> {
    fn run(&mut self, to_the_end: bool) -> Io<()> {
        // The end is fixed here: who writes faster than we read must not keep us.
        let length = self.file.metadata()?.len();
        self.file.seek(SeekFrom::Start(self.position.offset))?;
        let mut reader = BufReader::new(self.file.try_clone()?);
        let mut piece = Vec::new();
        while self.position.offset < length {
            piece.clear();
            reader.by_ref().take(LINE).read_until(b'\n', &mut piece)?;
            let whole = piece.ends_with(b"\n") || piece.len() as u64 == LINE;
            let hit = self.look(&piece);
            if piece.is_empty() || !(whole || hit || to_the_end) {
                break;
            }
            self.position.offset += piece.len() as u64;
        }
        self.position.mark = mark(self.file, self.position.offset)?;
        Ok(())
    }

    fn look(&mut self, piece: &[u8]) -> bool {
        let text = String::from_utf8_lossy(piece);
        let Some(at) = self.words.iter().filter_map(|word| text.find(word.as_str())).min() else {
            return false;
        };
        if self.found.len() < MOST {
            let (file, offset) = (self.name.to_owned(), self.position.offset);
            self.found.push(Line { text: cut(&text, at), file, offset });
        }
        true
    }
}

/// The part of a line that is shown: its beginning, or the word where that is far behind.
fn cut(text: &str, at: usize) -> String {
    let start = if at < SHOWN / 2 { 0 } else { at };
    let end = text.floor_char_boundary((start + SHOWN).min(text.len()));
    text[start..end].chars().filter(|c| !c.is_control() || *c == '\t').collect()
}

/// SHA-256 of the bytes before a place.
fn mark(file: &mut File, offset: u64) -> Io<String> {
    let length = offset.min(MARK);
    file.seek(SeekFrom::Start(offset - length))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(hex::encode(Sha256::digest(&bytes)))
}

/// The file with the position's identity, in the log's folder under a name that begins like it.
fn find(path: &Path, position: &Position) -> Io<Option<(PathBuf, File)>> {
    for name in namesakes(path)? {
        let same = std::fs::metadata(&name).is_ok_and(|metadata| position.is_of(&metadata));
        if same && let Ok(file) = File::open(&name) {
            return Ok(Some((name, file)));
        }
    }
    Ok(None)
}

/// The file and all whose names begin like its own.
fn namesakes(path: &Path) -> Io<Vec<PathBuf>> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut names = vec![path.to_owned()];
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&stem) {
            names.push(entry.path());
        }
    }
    Ok(names)
}

/// Whether the file lost what had been read of it.
fn is_cut(file: &mut File, position: &Position) -> Io<bool> {
    Ok(file.metadata()?.len() < position.offset || mark(file, position.offset)? != position.mark)
}

/// What was made of a file before it was cut.
enum Copy {
    /// Its whole text, under this name.
    Plain(PathBuf, File),
    /// Something that can't be looked into.
    Compressed,
    /// Nothing: it was emptied, and not rotated.
    None,
}

/// Looks for the copy that was made of a file before it was cut. One of which nothing had been read
/// has no bytes to know it by: there the name must say it.
fn copy_of(path: &Path, position: &Position) -> Io<Copy> {
    let mut found = Copy::None;
    let whole = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let says_it = |name: &Path| name.file_name().is_some_and(|it| it.to_string_lossy().starts_with(&whole));
    let known = |name: &PathBuf| name != path && (position.offset > 0 || says_it(name));
    for name in namesakes(path)?.into_iter().filter(known) {
        let Ok(mut file) = File::open(&name) else { continue };
        let metadata = file.metadata()?;
        let old = position.since.is_some_and(|since| seconds(metadata.modified().ok()) < since.as_second());
        if !metadata.is_file() || old || position.is_of(&metadata) {
            continue;
        }
        if name.extension().is_some_and(|end| COMPRESSED.iter().any(|other| end == *other)) {
            found = Copy::Compressed;
        } else if !is_cut(&mut file, position)? {
            return Ok(Copy::Plain(name, file));
        }
    }
    Ok(found)
}

/// A time that can't be had is not old.
fn seconds(time: Option<std::time::SystemTime>) -> i64 {
    let since = time.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    since.and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(i64::MAX)
}

fn lost(path: &Path) -> Failure {
    Failure::new(code::LOG_MATCH, format!("the rest of {} can't be found", path.display()))
        .cause("it was rotated, and its old file was compressed or removed")
        .hint("look through the rotated logs yourself, then: switchback resume")
}

/// What has the name; `None` where nothing has. A pipe or a folder is refused before it is opened.
fn metadata(path: &Path) -> Result<Option<Metadata>> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(metadata)),
        Ok(_) => Err(Failure::new(code::LOG_MATCH, format!("{} is not a regular file", path.display()))
            .hint("set `file` in [environments.NAME.logs] to the file that the application writes")),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(code::LOG_MATCH, format!("the log {} can't be read", path.display()))
        .because(error)
        .hint(format!("look whether this user may read it: ls -l {}", path.display()))
}
