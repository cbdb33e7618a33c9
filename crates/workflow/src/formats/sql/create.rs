//! A new pair of scripts, numbered as the folder is.

use std::io::Write;
use std::path::{Path, PathBuf};

use switchback_engine::clock;
use switchback_model::{Failure, Result, code};

use super::folder::{Folder, order};

/// The first number of an empty folder.
const FIRST: &str = "0001";
/// A version of so many digits is a time: `20261123120000`.
const TIME: usize = 14;

/// Writes the files of a new migration; their paths.
///
/// # Errors
/// [`code::USAGE`] for a name that gives no file's name, [`code::STATE_FOLDER`] where the folder can't be
/// written, and what reading it finds.
pub(super) fn create(directory: &Path, name: &str) -> Result<Vec<PathBuf>> {
    let slug = slug(name);
    if slug.is_empty() {
        return Err(Failure::new(code::USAGE, format!("`{name}` gives no name for a file"))
            .changed("nothing was written")
            .hint("say what it does: switchback new 'add points to users'"));
    }
    std::fs::create_dir_all(directory).map_err(|error| unwritable(directory, &error))?;
    let folder = Folder::read(directory)?;
    let version = next(folder.migrations.last().map(|newest| newest.version.as_str()))?;
    let files = [("up", format!("-- {name}\n\n")), ("down", format!("-- takes back: {name}\n\n"))];
    let mut written = Vec::new();
    for (way, text) in files {
        let path = directory.join(format!("{version}_{slug}.{way}.sql"));
        write(&path, &text.replace('\r', "")).map_err(|error| unwritable(&path, &error))?;
        written.push(path);
    }
    Ok(written)
}

/// The version behind the newest one, as wide as that.
fn next(newest: Option<&str>) -> Result<String> {
    let Some(newest) = newest else { return Ok(FIRST.to_owned()) };
    let following =
        newest.parse::<u128>().ok().and_then(|number| number.checked_add(1)).ok_or_else(|| {
            Failure::new(code::MIGRATION_UNREADABLE, format!("there is no number behind {newest}"))
                .changed("nothing was written")
        })?;
    let following = format!("{following:0width$}", width = newest.len());
    if newest.len() != TIME {
        return Ok(following);
    }
    let now = clock::now().strftime("%Y%m%d%H%M%S").to_string();
    // A clock that is behind the newest file would put the new one before it.
    Ok(if order(&now) > order(newest) { now } else { following })
}

/// `Add points, to users` as `add_points_to_users`.
fn slug(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let slug = words.map(str::to_lowercase).collect::<Vec<_>>().join("_");
    slug.chars().take(100).collect()
}

/// A file that is there is left as it is.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(code::STATE_FOLDER, format!("{} can't be written", path.display())).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_as_they_are() {
        assert_eq!(next(None).unwrap(), "0001");
        assert_eq!(next(Some("0009")).unwrap(), "0010");
        assert_eq!(next(Some("9")).unwrap(), "10");
        assert_eq!(next(Some("99990101000000")).unwrap(), "99990101000001");
        assert!(next(Some("20200101000000")).unwrap().starts_with("20"));
        assert!(next(Some(&"9".repeat(60))).is_err());
    }

    #[test]
    fn names_become_names_of_files() {
        assert_eq!(slug("Add points, to users!"), "add_points_to_users");
        assert_eq!(slug("../../etc"), "etc");
        assert_eq!(slug("Größe"), "größe");
        assert_eq!(slug("--"), "");
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let paths = create(folder.path(), "one").unwrap();
        assert!(paths[0].ends_with("0001_one.up.sql") && paths[1].ends_with("0001_one.down.sql"));
        assert!(create(folder.path(), "one").unwrap()[0].ends_with("0002_one.up.sql"));
        assert!(write(&paths[0], "").is_err());
        assert_eq!(create(folder.path(), "?").unwrap_err().code, code::USAGE);
    }
}
