//! Which files of a versions folder are migrations, in the order in which Alembic lists them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use switchback_model::Result;

use super::errors;

/// The most files that one history may have; the largest public ones have a few thousand.
pub(super) const MOST_FILES: usize = 20_000;

/// The Python files below `folders`, as `alembic.script.base.Script._list_py_dir` lists them:
/// per folder by name, then, if `recursive`, its folders by name; without `__init__…`, `.#…`
/// (locks of Emacs) and `__pycache__`.
///
/// Errors: `MIGRATIONS_NOT_FOUND` where a folder can't be listed, or where there is nothing but in
/// folders below that don't count; `MIGRATION_UNREADABLE` where a link leads out of the folders, or
/// there are too many files.
pub(super) fn list(folders: &[PathBuf], recursive: bool) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut roots = Vec::new();
    for folder in folders {
        roots.push(real(folder)?);
    }
    let mut waiting: Vec<PathBuf> = folders.iter().rev().cloned().collect();
    let mut seen = BTreeSet::new();
    let mut passed = Vec::new();
    while let Some(folder) = waiting.pop() {
        let (files, inner) = entries(&folder)?;
        for path in files {
            let actual = real(&path)?;
            if !roots.iter().any(|root| actual.starts_with(root)) {
                let what =
                    "it is a link that leads out of the migrations folder, and such links are not followed";
                return Err(errors::unreadable(&path, None, what));
            }
            if seen.insert(actual) {
                found.push(path);
            }
        }
        if found.len() > MOST_FILES {
            let what = format!("there are more than {MOST_FILES} migration files");
            return Err(errors::unreadable(&folder, None, &what));
        }
        if recursive {
            waiting.extend(inner.into_iter().rev());
        } else {
            passed.extend(inner);
        }
    }
    if found.is_empty() {
        refuse_hidden(&passed)?;
    }
    Ok(found)
}

/// An empty history is believed only where no migrations stand in folders below: some projects
/// name those while they run, and "nothing to do" would be wrong for them.
fn refuse_hidden(passed: &[PathBuf]) -> Result<()> {
    for folder in passed {
        if !entries(folder)?.0.is_empty() {
            let message = format!("no migrations are listed, but {} has Python files", folder.display());
            return Err(errors::not_found(message).hint(
                "say in alembic.ini where the migrations are: `version_locations`, \
                 or `recursive_version_locations = true`",
            ));
        }
    }
    Ok(())
}

/// The Python files and the folders directly in `folder`, each by name. Links to folders are
/// left out, as `os.walk` does.
fn entries(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let gone = |error: std::io::Error| {
        errors::not_found(format!("the migrations folder {} can't be listed", folder.display()))
            .because(&error)
    };
    let (mut files, mut inner) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder).map_err(gone)? {
        let entry = entry.map_err(gone)?;
        let kind = entry.file_type().map_err(gone)?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if kind.is_dir() && !name.ends_with("__pycache__") {
            inner.push(entry.path());
        } else if is_migration_name(name) && !kind.is_dir() && !entry.path().is_dir() {
            files.push(entry.path());
        }
    }
    files.sort();
    inner.sort();
    Ok((files, inner))
}

/// Alembic's `_only_source_rev_file`.
fn is_migration_name(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "py")
        && !name.starts_with(".#")
        && !name.starts_with("__init__")
}

fn real(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path)
        .map_err(|error| errors::not_found(format!("{} can't be found", path.display())).because(&error))
}
