//! What files are called in a project: the same wherever somebody stands when they review them.

use std::path::{Component, Path, PathBuf};

/// Makes names of paths as findings show them.
#[derive(Clone, Debug, Default)]
pub struct Names {
    root: PathBuf,
    base: PathBuf,
}

impl Names {
    /// Names from a project's folder, of paths that are shown from `base`.
    pub fn new(root: &Path, base: &Path) -> Self {
        Self { root: plain(root), base: plain(base) }
    }

    /// The file's path from the project's folder, with `/` between its parts; as it is shown, where it is
    /// none of the project.
    pub fn of(&self, shown: &str) -> String {
        let path = plain(&self.base.join(shown));
        let inside = path.strip_prefix(&self.root).unwrap_or(Path::new(shown));
        let parts: Vec<_> = inside.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        parts.join("/")
    }

    /// Where a named file is.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The folder from which paths are shown.
    pub(super) fn base(&self) -> &Path {
        &self.base
    }
}

/// Without `.` and `..`, as far as that is possible without a disk.
fn plain(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_name_wherever_it_is_looked_at_from() {
        let from = |base: &str, shown: &str| Names::new(Path::new("/a/b"), Path::new(base)).of(shown);
        for (base, shown) in
            [("/a/b", "m/1.sql"), ("/a/b", "./m/1.sql"), ("/a/b/m", "1.sql"), ("/a", "b/m/1.sql")]
        {
            assert_eq!(from(base, shown), "m/1.sql", "{base} {shown}");
        }
        assert_eq!(from("/a/b/c", "../m/1.sql"), "m/1.sql");
        assert_eq!(from("/x", "/a/b/m/1.sql"), "m/1.sql");
        assert_eq!(from("/x", "m/1.sql"), "m/1.sql", "of no project");
    }
}
