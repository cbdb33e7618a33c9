//! The files of a project, as far as they tell something.

use std::path::{Path, PathBuf};

use switchback_model::{Failure, Result, code};

/// How deep folders are looked into, and how many files are taken.
const DEEP: usize = 5;
const FILES: usize = 5000;
/// A longer file is no source that a person wrote.
const LONG: u64 = 512 << 10;
/// Folders that hold other people's files.
const OTHERS: &[&str] =
    &["node_modules", "__pycache__", "site-packages", "venv", "env", "target", "vendor", "dist", "build"];

/// A folder's files.
#[derive(Debug)]
pub(super) struct Tree {
    /// The folder.
    pub(super) root: PathBuf,
    /// Every file, relative to it, sorted.
    pub(super) files: Vec<PathBuf>,
}

impl Tree {
    /// Lists a folder. Links are not followed, so nothing outside of it is read.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
        let mut tree = Self { files: Vec::new(), root: root.clone() };
        let listed = std::fs::read_dir(&root);
        listed.map_err(|error| {
            Failure::new(code::MIGRATIONS_NOT_FOUND, format!("{} can't be listed", root.display()))
                .because(&error)
        })?;
        tree.add(&root, 0);
        tree.files.sort();
        Ok(tree)
    }

    /// A folder inside that can't be listed tells nothing, which is no failure.
    fn add(&mut self, folder: &Path, depth: usize) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        let mut entries: Vec<_> = entries.flatten().collect();
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && depth < DEEP && !name.starts_with('.') && !OTHERS.contains(&name.as_str()) {
                self.add(&entry.path(), depth + 1);
            } else if kind.is_file() && self.files.len() < FILES {
                let path = entry.path();
                self.files.push(path.strip_prefix(&self.root).unwrap_or(&path).to_owned());
            }
        }
    }

    /// The text of a file; nothing where it is none.
    pub(super) fn text(&self, file: &Path) -> Option<String> {
        text(&self.root.join(file))
    }

    /// Whether there is such a file.
    pub(super) fn has(&self, file: &str) -> bool {
        self.files.iter().any(|path| path == Path::new(file))
    }

    /// The application's Python files, tests and migrations left out, with their texts.
    pub(super) fn python(&self) -> impl Iterator<Item = (&Path, String)> {
        let source = |path: &&PathBuf| path.extension().is_some_and(|end| end == "py") && !is_test(path);
        let sources = self.files.iter().filter(source);
        sources.filter_map(|path| Some((path.as_path(), self.text(path)?)))
    }

    /// A program of the project's virtual environment, relative to the folder.
    pub(super) fn in_venv(&self, program: &str) -> Option<String> {
        let places = ["venv/bin", ".venv/bin", "env/bin"];
        places.iter().map(|place| format!("{place}/{program}")).find(|path| self.root.join(path).is_file())
    }
}

/// The text of a file that is neither long nor binary.
pub(super) fn text(path: &Path) -> Option<String> {
    let length = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?.len();
    (length <= LONG).then(|| std::fs::read_to_string(path).ok()).flatten()
}

fn is_test(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = |part: std::path::Component<'_>| {
        ["tests", "test", "versions"].iter().any(|name| part.as_os_str() == *name)
    };
    name.starts_with("test_") || name == "conftest.py" || path.components().any(folder)
}
