//! A folder of scripts: `NNNN_name.up.sql`, and beside it `NNNN_name.down.sql`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use switchback_model::{Failure, Result, code};

const UP: &str = ".up.sql";
const DOWN: &str = ".down.sql";
/// A longer script is not kept in memory.
const LONGEST: u64 = 1 << 30;

/// One migration's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Migration {
    /// `0002`, `20261123120000`: as it is written.
    pub(super) version: String,
    /// What its author called it.
    pub(super) name: String,
    pub(super) up: PathBuf,
    pub(super) down: Option<PathBuf>,
}

/// All migrations of a folder, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) migrations: Vec<Migration>,
    /// Files that look like migrations and are none.
    pub(super) ignored: Vec<String>,
}

/// What orders versions: as numbers, however long and whatever zeros they begin with.
pub(super) fn order(version: &str) -> (usize, &str) {
    let digits = version.trim_start_matches('0');
    (digits.len(), digits)
}

/// What a file of a script is.
enum Part {
    Up,
    Down,
}

impl Folder {
    /// Lists a folder. Folders below it are not looked into.
    ///
    /// # Errors
    /// [`code::MIGRATIONS_NOT_FOUND`], [`code::MIGRATION_UNREADABLE`], [`code::REVISION_DUPLICATE`].
    pub(super) fn read(path: &Path) -> Result<Self> {
        let mut folder = Self { path: path.to_owned(), ..Self::default() };
        let mut downs = BTreeMap::new();
        for name in names(path)? {
            match parts(&name) {
                Some((stem, Part::Up)) => {
                    let (version, title) = version(stem).ok_or_else(|| misnamed(path, &name))?;
                    folder.migrations.push(Migration {
                        version: version.to_owned(),
                        name: title.to_owned(),
                        up: path.join(&name),
                        down: None,
                    });
                }
                Some((stem, Part::Down)) => {
                    version(stem).ok_or_else(|| misnamed(path, &name))?;
                    downs.insert(stem.to_owned(), path.join(&name));
                }
                None if looks_like_one(&name) => folder.ignored.push(name),
                None => {}
            }
        }
        folder.migrations.sort_by(|a, b| order(&a.version).cmp(&order(&b.version)));
        folder.no_duplicates()?;
        for migration in &mut folder.migrations {
            migration.down = downs.remove(&stem(&migration.up));
        }
        match downs.into_values().next() {
            Some(orphan) => Err(without_up(&orphan)),
            None => Ok(folder),
        }
    }

    fn no_duplicates(&self) -> Result<()> {
        let pairs = self.migrations.windows(2);
        let mut same = pairs.filter(|two| order(&two[0].version) == order(&two[1].version));
        let Some(two) = same.next() else { return Ok(()) };
        let message = format!("two migrations have the version {}", two[0].version);
        Err(Failure::new(code::REVISION_DUPLICATE, message)
            .cause(format!("{}\n{}", two[0].up.display(), two[1].up.display()))
            .changed("nothing was touched")
            .hint("give the younger one the next number; renaming both of its files is enough"))
    }

    /// The migration of a version that a person wrote: `0002`, `2`, `0002_add_points`.
    pub(super) fn find(&self, word: &str) -> Result<&Migration> {
        let digits = word.split(['_', '-']).next().unwrap_or_default();
        let whole = |migration: &&Migration| stem(&migration.up) == word;
        let number = |migration: &&Migration| {
            word == digits && is_number(digits) && order(&migration.version) == order(digits)
        };
        let found = self.migrations.iter().find(whole).or_else(|| self.migrations.iter().find(number));
        found.ok_or_else(|| self.unknown(word))
    }

    /// Where the migration of a version stands in the list; the version as the history has it.
    pub(super) fn position(&self, version: &str) -> Result<usize> {
        let at = self.migrations.iter().position(|migration| migration.version == version);
        at.ok_or_else(|| self.unknown(version))
    }

    fn unknown(&self, version: &str) -> Failure {
        let message = format!("there is no migration {version} in {}", self.path.display());
        let failure = Failure::new(code::REVISION_UNKNOWN, message).changed("nothing was touched");
        match self.migrations.last() {
            None => failure.cause("there is none at all").hint("make the first one: switchback new NAME"),
            Some(last) => failure
                .cause(format!("there are {}, the newest is {}", self.migrations.len(), last.version))
                .hint("switchback status")
                .hint("where the target is ahead of the files, use those of the release that is newer"),
        }
    }
}

/// The names in a folder, sorted.
fn names(path: &Path) -> Result<Vec<String>> {
    let unreadable = |error: std::io::Error| {
        Failure::new(code::MIGRATIONS_NOT_FOUND, format!("the folder {} can't be listed", path.display()))
            .because(&error)
            .changed("nothing was touched")
            .hint("name the folder with the scripts in [migrations]: directory = \"…\"")
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if entry.path().is_dir() {
            continue;
        }
        match entry.file_name().into_string() {
            Ok(name) => names.push(name),
            Err(name) => names.push(name.to_string_lossy().into_owned()),
        }
    }
    names.sort();
    Ok(names)
}

fn parts(name: &str) -> Option<(&str, Part)> {
    let up = name.strip_suffix(UP).map(|stem| (stem, Part::Up));
    up.or_else(|| name.strip_suffix(DOWN).map(|stem| (stem, Part::Down)))
}

/// Whether a name is that of a script, up or down.
pub(super) fn is_script(name: &str) -> bool {
    parts(name).is_some()
}

/// `0001_x.sql`, `0001_x.UP.sql`: a person may have meant it, so it is said that it is none.
fn looks_like_one(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_digit()) && name.to_ascii_lowercase().ends_with(".sql")
}

/// Version and name of `0002_add_points`.
fn version(stem: &str) -> Option<(&str, &str)> {
    let end = stem.find(|c: char| !c.is_ascii_digit()).unwrap_or(stem.len());
    let (version, rest) = stem.split_at(end);
    let name = rest.strip_prefix(['_', '-'])?;
    (is_number(version) && !name.is_empty()).then_some((version, name))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `0002_add_points` of `migrations/0002_add_points.up.sql`.
fn stem(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.strip_suffix(UP).unwrap_or(&name).to_owned()
}

fn misnamed(folder: &Path, name: &str) -> Failure {
    let message = format!("{} has no version and name", folder.join(name).display());
    Failure::new(code::MIGRATION_UNREADABLE, message).changed("nothing was touched").hint(
        "scripts are called NUMBER_name.up.sql and NUMBER_name.down.sql; make a pair: switchback new NAME",
    )
}

fn without_up(down: &Path) -> Failure {
    let up = down.to_string_lossy().replace(DOWN, UP);
    Failure::new(code::MIGRATION_UNREADABLE, format!("{} has no way up", down.display()))
        .cause(format!("there is no {up}"))
        .changed("nothing was touched")
        .hint("both files of a migration have the same name; rename one, or remove this one")
}

/// The text of a script: UTF-8, without the mark that some editors put in front.
///
/// # Errors
/// [`code::MIGRATION_UNREADABLE`].
pub(super) fn text(path: &Path) -> Result<String> {
    let bytes = bytes(path)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = String::from_utf8_lossy(&error.as_bytes()[..valid]).matches('\n').count() + 1;
        Failure::new(code::MIGRATION_UNREADABLE, format!("{}:{line}: this is not UTF-8", path.display()))
            .changed("nothing was touched")
            .hint(format!("convert it: iconv -f LATIN1 -t UTF-8 {0} > new && mv new {0}", path.display()))
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The bytes of a script.
///
/// # Errors
/// [`code::MIGRATION_UNREADABLE`].
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>> {
    let unreadable = |error: &std::io::Error| {
        Failure::new(code::MIGRATION_UNREADABLE, format!("{} can't be read", path.display()))
            .because(error)
            .changed("nothing was touched")
    };
    let length = std::fs::metadata(path).map_err(|error| unreadable(&error))?.len();
    if length > LONGEST {
        let message = format!("{} is longer than 1 GiB", path.display());
        return Err(Failure::new(code::MIGRATION_UNREADABLE, message)
            .changed("nothing was touched")
            .hint("load data from a file of its own, beside the migrations"));
    }
    std::fs::read(path).map_err(|error| unreadable(&error))
}

/// What the history writes down of a script.
pub(super) fn checksum(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The digest of migrations: versions and the bytes of both files.
pub(super) fn digest(migrations: &[Migration]) -> Result<String> {
    let mut hasher = Sha256::new();
    for migration in migrations {
        let (up, down) = (bytes(&migration.up)?, migration.down.as_deref().map(bytes).transpose()?);
        for part in [migration.version.as_bytes(), &up, down.as_deref().unwrap_or_default()] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        hasher.update([u8::from(down.is_some())]);
    }
    Ok(hex::encode(hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> (tempfile::TempDir, Result<Folder>) {
        let place = tempfile::tempdir().unwrap();
        for file in files {
            std::fs::write(place.path().join(file), "select 1;").unwrap();
        }
        let read = Folder::read(place.path());
        (place, read)
    }

    fn refused(files: &[&str]) -> Failure {
        folder(files).1.unwrap_err()
    }

    #[test]
    fn versions_are_numbers_with_gaps() {
        let files = [
            "10_ten.up.sql",
            "9_nine.up.sql",
            "9_nine.down.sql",
            "20261123120000-x.up.sql",
            "README.md",
            "seed.sql",
        ];
        let read = folder(&files).1.unwrap();
        let found: Vec<_> = read
            .migrations
            .iter()
            .map(|one| (one.version.as_str(), one.name.as_str(), one.down.is_some()))
            .collect();
        assert_eq!(found, [("9", "nine", true), ("10", "ten", false), ("20261123120000", "x", false)]);
        assert_eq!(read.ignored, [""; 0]);
        assert_eq!(read.find("0009").unwrap().version, "9");
        assert_eq!(read.find("10_ten").unwrap().version, "10");
        assert_eq!(read.find("11").unwrap_err().code, code::REVISION_UNKNOWN);
    }

    #[test]
    fn what_does_not_fit_is_said() {
        assert_eq!(refused(&["1_a.up.sql", "0001_b.up.sql"]).code, code::REVISION_DUPLICATE);
        assert!(refused(&["0001_a.down.sql"]).message.contains("no way up"));
        assert!(
            refused(&["0001_a.up.sql", "0001_b.down.sql"]).message.contains("0001_b.down.sql has no way up")
        );
        assert!(refused(&["users.up.sql"]).message.contains("no version and name"));
        assert!(refused(&["0001.up.sql"]).message.contains("no version and name"));
        let read = folder(&["0001_a.up.sql", "0002_b.sql", "0003_c.UP.sql"]).1.unwrap();
        assert_eq!(read.ignored, ["0002_b.sql", "0003_c.UP.sql"]);
        let gone = Folder::read(Path::new("/nowhere")).unwrap_err();
        assert_eq!(gone.code, code::MIGRATIONS_NOT_FOUND);
    }

    #[test]
    fn bytes_that_are_no_text_have_their_line() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("0001_a.up.sql");
        std::fs::write(&path, b"select 1;\nselect '\xe9';").unwrap();
        assert!(text(&path).unwrap_err().message.ends_with(":2: this is not UTF-8"));
        std::fs::write(&path, "\u{feff}select 1").unwrap();
        assert_eq!(text(&path).unwrap(), "select 1");
    }

    #[test]
    fn every_byte_of_both_files_counts() {
        let (place, read) = folder(&["0001_a.up.sql", "0001_a.down.sql"]);
        let before = digest(&read.unwrap().migrations).unwrap();
        std::fs::write(place.path().join("0001_a.down.sql"), "select 2;").unwrap();
        assert_ne!(before, digest(&Folder::read(place.path()).unwrap().migrations).unwrap());
    }
}
