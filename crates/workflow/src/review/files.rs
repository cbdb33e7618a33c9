//! Which files are reviewed, and which only tell of the schema that they meet.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use switchback_model::{Failure, Result, code};
use switchback_review::Direction;
use switchback_review::layout::parts;
use switchback_sql::PieceKind;

use super::order::{self, Natural};
use crate::git::Repository;

/// A file of migrations.
#[derive(Clone, Debug)]
pub struct File {
    /// As it is shown.
    pub path: String,
    /// Its text.
    pub text: String,
    /// It is not asked about: it tells of the schema.
    pub applied: bool,
}

/// What is asked about.
#[derive(Debug, Default)]
pub struct Asked<'a> {
    /// Files and folders.
    pub paths: &'a [PathBuf],
    /// Only what changed since the branch left this git reference.
    pub base: Option<&'a str>,
    /// A text that is no file yet, and the name that it will have.
    pub stdin: Option<(&'a Path, &'a str)>,
    /// Files that are left out: `*` patterns of paths from `root`.
    pub ignore: &'a [String],
    /// The folder from which `ignore` counts.
    pub root: Option<&'a Path>,
}

/// Paths of files, each written in one way only, so that they are compared as bytes.
type Paths = BTreeSet<OsString>;

/// A path as it was given, without doubled separators.
fn plain(path: &Path) -> OsString {
    path.components().collect::<PathBuf>().into_os_string()
}

/// Reads what is asked about and, before it, the files of the same folders that run earlier. The order
/// is that in which they run. Also says whether what is asked about is one deploy (several files that
/// were named, or changed), or a history of many.
///
/// # Errors
/// `USAGE` where a path is not there or can't be read; as git.
pub async fn gather(asked: &Asked<'_>) -> Result<(Vec<File>, bool)> {
    let mut wanted = Paths::new();
    let (mut folders, mut named) = (BTreeSet::new(), false);
    for path in asked.paths {
        if path.is_dir() {
            let found = below(path)?;
            // A folder that was named by mistake must not look like one in which all is well.
            if found.is_empty() {
                return Err(Failure::new(
                    code::USAGE,
                    format!("there is no migration in {}", path.display()),
                )
                .changed("nothing was reviewed")
                .hint("scripts end in .sql; a revision of Alembic ends in .py and has a `down_revision`"));
            }
            wanted.extend(found.into_iter().map(PathBuf::into_os_string));
            folders.insert(path.clone());
        } else {
            named = true;
            folders.insert(parent(path));
            wanted.insert(plain(path));
        }
    }
    if let Some(base) = asked.base {
        keep_changed(&mut wanted, base).await?;
        named = true;
    }
    if let Some((name, _)) = asked.stdin {
        named = true;
        folders.insert(parent(name));
        wanted.insert(plain(name));
    }
    wanted.retain(|path| !is_ignored(Path::new(path), asked));
    let beside = around(&folders, &wanted)?;
    let asked_revisions = if beside.is_empty() { BTreeSet::new() } else { revisions(&wanted) };
    let (mut files, mut goes_back) = (Vec::new(), false);
    let all = wanted.into_iter().map(|path| (path, false)).chain(beside.into_iter().map(|path| (path, true)));
    for (path, applied) in all.map(|(path, applied)| (PathBuf::from(path), applied)) {
        // Of the other ways down only whether there is one tells something.
        let other = applied && way_down(&path).is_some_and(|revision| !asked_revisions.contains(&revision));
        if other && goes_back || applied && !path.is_file() {
            continue;
        }
        let text = match asked.stdin {
            Some((name, text)) if name == path => text.to_owned(),
            _ => read(&path)?,
        };
        goes_back |= other && switchback_sql::split(&text).any(|piece| piece.kind != PieceKind::Blank);
        files.push(File { path: shown(&path), text, applied });
    }
    let mut files = as_they_run(files);
    forget_later(&mut files);
    Ok((files, named))
}

/// The revisions of files, by their names.
fn revisions(paths: &Paths) -> BTreeSet<String> {
    paths.iter().flat_map(|path| parts(&shown(Path::new(path)), "")).map(|part| part.revision).collect()
}

/// The revision of a file whose name says that it only goes back.
fn way_down(path: &Path) -> Option<String> {
    let parts = parts(&shown(path), "");
    let all = parts.iter().all(|part| part.direction == Direction::Down);
    parts.into_iter().next().filter(|_| all).map(|part| part.revision)
}

/// In the order in which they run, each way down behind its way up.
pub(super) fn as_they_run(mut files: Vec<File>) -> Vec<File> {
    files.sort_by_cached_key(|file| {
        let parts = parts(&file.path, "");
        let down = parts.iter().all(|part| part.direction == Direction::Down);
        let revision = parts.first().map(|part| Natural::of(&part.revision));
        (order::is_repeatable(&file.path), revision, down, Natural::of(&file.path))
    });
    order::by_parents(files)
}

/// What runs later than everything that is asked about tells nothing of it, but for the way down behind
/// it.
fn forget_later(files: &mut Vec<File>) {
    let last = files.iter().rposition(|file| !file.applied).map_or(0, |last| last + 1);
    let goes_back = |file: &File| parts(&file.path, "").iter().all(|part| part.direction == Direction::Down);
    let keep = last + usize::from(files.get(last).is_some_and(goes_back));
    files.truncate(keep);
}

/// The names of everything that stands beside a migration, whether or not it is one.
pub(super) fn beside(path: &str) -> Result<Vec<String>> {
    let path = Path::new(path);
    let folder = folder_of_folders(path).unwrap_or_else(|| parent(path));
    if !folder.exists() {
        return Ok(Vec::new());
    }
    Ok(entries(&folder)?
        .into_iter()
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect())
}

fn parent(path: &Path) -> PathBuf {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

/// What else stands in the folders of the files that are asked about, if it is a file. A file's neighbours
/// count where its name says that it is one of several: it begins with a number, or its folder does.
fn around(folders: &BTreeSet<PathBuf>, wanted: &Paths) -> Result<Paths> {
    let mut beside = Paths::new();
    let wanted_paths = || wanted.iter().map(Path::new);
    for folder in folders {
        let numbered =
            |path: &Path| path.file_name().is_some_and(|name| is_numbered(&name.to_string_lossy()));
        if folder.is_dir() && !wanted_paths().any(|path| numbered(path) && parent(path) == *folder) {
            continue;
        }
        if folder.is_dir() {
            let own = here(folder)?.into_iter().filter(|path| numbered(path));
            beside.extend(own.map(PathBuf::into_os_string));
        }
    }
    let folders: BTreeSet<PathBuf> = wanted_paths().filter_map(folder_of_folders).collect();
    for folder in folders {
        for own in entries(&folder)?.into_iter().filter(|own| own.file_name().is_some_and(begins_with_digit))
        {
            beside.extend(["up.sql", "down.sql"].map(|name| tidy(own.join(name)).into_os_string()));
        }
    }
    beside.retain(|path| !wanted.contains(path));
    Ok(beside)
}

/// Where each migration is a folder, the one that holds them.
fn folder_of_folders(path: &Path) -> Option<PathBuf> {
    let own = parent(path);
    let script = path.file_name().is_some_and(|name| name == "up.sql" || name == "down.sql");
    (script && own.file_name().is_some_and(begins_with_digit)).then(|| parent(&own))
}

fn begins_with_digit(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with(|c: char| c.is_ascii_digit())
}

fn is_numbered(name: &str) -> bool {
    let name = name.strip_prefix(['V', 'U']).unwrap_or(name);
    let python = Path::new(name).extension().is_some_and(|end| end.eq_ignore_ascii_case("py"));
    name.starts_with(|c: char| c.is_ascii_digit()) || python
}

/// The scripts in a folder itself.
fn here(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in entries(folder)? {
        if path.is_file() && is_script(&path)? {
            found.push(tidy(path));
        }
    }
    Ok(found)
}

/// The scripts in a folder and in those below it; hidden ones are passed over, links are not followed.
fn below(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        for path in entries(&folder)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let folder = path.is_dir() && !path.is_symlink();
            if name.starts_with('.') || name == "__pycache__" {
                continue;
            }
            if folder {
                open.push(path);
            } else if is_script(&path)? {
                found.push(tidy(path));
            }
        }
    }
    Ok(found)
}

/// Without the `./` that a folder `.` puts before everything.
fn tidy(path: PathBuf) -> PathBuf {
    path.strip_prefix("./").map(Path::to_owned).unwrap_or(path)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |error: std::io::Error| {
        Failure::new(code::USAGE, format!("the folder {} can't be read", folder.display()))
            .because(&error)
            .changed("nothing was reviewed")
    };
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(unreadable)).collect()
}

/// SQL, and Python that says that it is a revision.
fn is_script(path: &Path) -> Result<bool> {
    let end = path.extension().unwrap_or_default().to_ascii_lowercase();
    if end == "py" {
        return Ok(read(path)?.lines().any(|line| line.starts_with("down_revision")));
    }
    Ok(end == "sql")
}

/// Only what changed since the branch left the reference; each folder may be of another repository.
async fn keep_changed(wanted: &mut Paths, base: &str) -> Result<()> {
    let mut disk = Disk::default();
    let mut tops: BTreeMap<PathBuf, BTreeSet<PathBuf>> = BTreeMap::new();
    for path in wanted.iter().map(Path::new) {
        let folder = disk.real(&parent(path));
        // Where there is no checkout, git says so of the folder itself.
        let top = disk.top(&folder).unwrap_or_else(|| folder.clone());
        tops.entry(top).or_default().insert(folder);
    }
    let (mut roots, mut changed) = (BTreeSet::new(), BTreeSet::new());
    for (top, folders) in tops {
        let repository = Repository::open(&top).await?;
        if roots.insert(repository.root().to_owned()) {
            let since = repository.changed_since(base, &around_all(&folders)).await?;
            changed.extend(since.into_iter().map(|path| disk.real(&repository.root().join(path))));
        }
    }
    wanted.retain(|path| changed.contains(&disk.real(Path::new(path))));
    Ok(())
}

/// The innermost folder in which all of them are.
fn around_all(folders: &BTreeSet<PathBuf>) -> PathBuf {
    let (Some(first), Some(last)) = (folders.first(), folders.last()) else { return PathBuf::new() };
    // They are in order, so what these two have in common, all have.
    first.ancestors().find(|above| last.starts_with(above)).unwrap_or(first).to_owned()
}

/// Where paths lead, each folder looked at once.
#[derive(Default)]
struct Disk {
    folders: BTreeMap<PathBuf, PathBuf>,
    checkouts: BTreeMap<PathBuf, Option<PathBuf>>,
}

impl Disk {
    /// The path without links; as it is, where there is none.
    fn real(&mut self, path: &Path) -> PathBuf {
        let (Some(name), Some(_)) = (path.file_name(), path.parent()) else { return canonical(path) };
        let folder = parent(path);
        let above = if let Some(known) = self.folders.get(&folder) {
            known.clone()
        } else {
            let real = self.real(&folder);
            self.folders.insert(folder, real.clone());
            real
        };
        if path.is_symlink() { canonical(path) } else { above.join(name) }
    }

    /// The innermost checkout that a folder is in.
    fn top(&mut self, folder: &Path) -> Option<PathBuf> {
        if let Some(known) = self.checkouts.get(folder) {
            return known.clone();
        }
        let own = folder.join(".git").exists().then(|| folder.to_owned());
        let top = own.or_else(|| self.top(folder.parent()?));
        self.checkouts.insert(folder.to_owned(), top.clone());
        top
    }
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn is_ignored(path: &Path, asked: &Asked<'_>) -> bool {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let inside = asked.root.and_then(|root| absolute.strip_prefix(root).ok()).unwrap_or(path);
    let name = inside.to_string_lossy();
    asked.ignore.iter().any(|pattern| matches(pattern, &name))
}

/// `*` stands for any part of a path.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

pub(super) fn read(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|error| {
        Failure::new(code::USAGE, format!("{} can't be read", path.display()))
            .because(&error)
            .changed("nothing was touched")
    })?;
    let text = String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    // A mark of the byte order belongs to the file, not to its first statement.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_are_any_part() {
        for (pattern, name, is) in [
            ("m/0001*", "m/0001_a.sql", true),
            ("*.py", "m/a.py", true),
            ("m/*/up.sql", "m/1_a/up.sql", true),
            ("m/a.sql", "m/a.sql", true),
            ("m/a.sql", "m/a.sql2", false),
            ("m/0001*", "n/0001", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, name), is, "{pattern} {name}");
        }
    }
}
