//! The revisions of a history and how they follow each other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use switchback_model::Result;

use super::order::{Edges, Set};
use super::{Layout, Revision, errors, files, source};

/// The revisions of a history: every identity once, every parent known, no circle.
///
/// What comes before what, and in which order, is decided as Alembic decides it
/// (`alembic.script.revision.RevisionMap`).
#[derive(Debug)]
pub struct Graph {
    revisions: Vec<Revision>,
    /// Revisions and branch labels, to the place in `revisions`.
    names: BTreeMap<String, usize>,
    edges: Edges,
    skipped: Vec<PathBuf>,
}

impl Graph {
    /// Reads the migrations of a script folder, that is, of `folder/versions`.
    ///
    /// Errors: `MIGRATIONS_NOT_FOUND` without such a folder; `MIGRATION_UNREADABLE` with file and
    /// line; `REVISION_DUPLICATE`, `REVISION_UNKNOWN` and `REVISION_CYCLE` where the files don't
    /// make a history.
    pub fn read(folder: &Path) -> Result<Self> {
        Self::read_folders(&[folder.join("versions")], false)
    }

    /// Reads the migrations of a project as [`find`](super::find) found it, with every version
    /// location. Errors: as [`Graph::read`].
    pub fn of(layout: &Layout) -> Result<Self> {
        Self::read_folders(&layout.versions, layout.recursive)
    }

    fn read_folders(folders: &[PathBuf], recursive: bool) -> Result<Self> {
        let (mut revisions, mut skipped) = (Vec::new(), Vec::new());
        for path in files::list(folders, recursive)? {
            match source::read(&path)? {
                Some(revision) => revisions.push(revision),
                None => skipped.push(path),
            }
        }
        let mut graph = Self::new(revisions)?;
        graph.skipped = skipped;
        Ok(graph)
    }

    /// Links revisions that were read, in the order of their files.
    ///
    /// Errors: `REVISION_DUPLICATE`, `REVISION_UNKNOWN`, `REVISION_CYCLE`.
    pub(super) fn new(revisions: Vec<Revision>) -> Result<Self> {
        let ids = identities(&revisions)?;
        let names = with_labels(&revisions, &ids)?;
        let mut edges = Edges::default();
        for revision in &revisions {
            // A parent is a revision; a dependency may also be a branch label.
            let down = linked(revision, "down_revision", &revision.down, &ids)?;
            let needs = linked(revision, "depends_on", &revision.depends_on, &names)?;
            edges.push(down, needs);
        }
        let circle = edges.circle();
        if !circle.is_empty() {
            let members: Vec<&Revision> = circle.iter().map(|at| &revisions[*at]).collect();
            return Err(errors::cycle(&members));
        }
        edges.normalize();
        Ok(Self { revisions, names, edges, skipped: Vec::new() })
    }

    /// Every revision, in the order of the files.
    pub fn revisions(&self) -> &[Revision] {
        &self.revisions
    }

    /// Python files beside the migrations that are none. Alembic itself refuses a history that
    /// has such files.
    pub fn skipped(&self) -> &[PathBuf] {
        &self.skipped
    }

    /// The revisions that are nobody's `down_revision`, in the order of the files; what
    /// `alembic heads` lists.
    pub fn heads(&self) -> Vec<&Revision> {
        self.named(self.edges.heads())
    }

    /// The only head; nothing for a history without revisions.
    ///
    /// Errors: `TWO_HEADS`, which names the files and the command that merges them.
    pub fn single_head(&self) -> Result<Option<&Revision>> {
        let heads = self.heads();
        match heads.as_slice() {
            [] => Ok(None),
            [only] => Ok(Some(only)),
            several => Err(errors::two_heads(several)),
        }
    }

    /// The revision with this identity, this branch label, or an identity that starts with these
    /// characters, as the commands of Alembic take it; `head` is the only head.
    ///
    /// Errors: `REVISION_UNKNOWN` with what is near, or with all that fit; `TWO_HEADS` for `head`.
    pub fn get(&self, name: &str) -> Result<&Revision> {
        if let Some(at) = self.names.get(name) {
            return Ok(&self.revisions[*at]);
        }
        if name == "head"
            && let Some(head) = self.single_head()?
        {
            return Ok(head);
        }
        let fitting: Vec<&Revision> = self
            .revisions
            .iter()
            .filter(|revision| !name.is_empty() && revision.id.starts_with(name))
            .collect();
        match fitting.as_slice() {
            [only] => Ok(only),
            [] => Err(errors::unknown(name, &self.near(name), &self.heads())),
            several => {
                let ids: Vec<String> = several.iter().map(|revision| revision.id.clone()).collect();
                Err(errors::ambiguous(name, &ids))
            }
        }
    }

    /// What `alembic upgrade heads` would apply, in its order, to a database whose version table
    /// holds `current` (nothing: no migration applied). Where one revision has several
    /// `depends_on`, Alembic's own order changes from call to call (it walks a set); here those
    /// come in the order in which they are written.
    ///
    /// Errors: `REVISION_UNKNOWN` where the database is at a revision without a file;
    /// `TWO_HEADS` where the table holds a revision and an ancestor of it, which Alembic refuses.
    pub fn pending(&self, current: &[String]) -> Result<Vec<&Revision>> {
        let targets = self.edges.real_heads();
        self.upgrade(current, &targets)
    }

    /// What `alembic upgrade TO` would apply, in its order; nothing if `to` is applied already.
    ///
    /// Errors: as [`Graph::pending`] for `from`, as [`Graph::get`] for `to`.
    pub fn between(&self, from: &[String], to: &str) -> Result<Vec<&Revision>> {
        let target = self.place(self.get(to)?);
        self.upgrade(from, &[target])
    }

    /// What must be downgraded, in Alembic's order (newest first), to come from a version table
    /// that holds `current` to one that holds `to` (nothing: base).
    ///
    /// Unlike `alembic downgrade REV`, which leaves other branches where they are, this is about
    /// the whole state: whatever `to` doesn't contain is taken back. On a history with a single
    /// line both are the same.
    ///
    /// Errors: `REVISION_UNKNOWN` where `current` is not in the files or doesn't contain `to`;
    /// `TWO_HEADS` as in [`Graph::pending`].
    pub fn downgrade_path(&self, current: &[String], to: &[String]) -> Result<Vec<&Revision>> {
        let heads = self.current(current)?;
        let active = self.edges.ancestors(&heads);
        let mut targets = Vec::new();
        for name in to {
            let target = self.place(self.get(name)?);
            if !active.contains(target) {
                return Err(errors::not_reached(name, current));
            }
            targets.push(target);
        }
        let undone = active.without(&self.edges.ancestors(&targets));
        Ok(self.named(self.edges.newest_first(undone, &heads)))
    }

    /// SHA-256 over the identities and contents of `revisions` in their order, in hexadecimal.
    ///
    /// The contents count with `\n` line ends and without a byte order mark, so two checkouts of
    /// one release agree. Paths don't count.
    pub fn digest(revisions: &[&Revision]) -> String {
        let mut hash = Sha256::new();
        for revision in revisions {
            hash.update(revision.id.len().to_le_bytes());
            hash.update(revision.id.as_bytes());
            hash.update(revision.text_sha256.as_bytes());
        }
        hex::encode(hash.finalize())
    }

    fn upgrade(&self, current: &[String], targets: &[usize]) -> Result<Vec<&Revision>> {
        let done = self.edges.ancestors(&self.current(current)?);
        let needed = self.edges.ancestors(targets).without(&done);
        let mut order = self.edges.newest_first(needed, targets);
        order.reverse();
        Ok(self.named(order))
    }

    /// The rows of a version table as places; each must be known and none contain another.
    fn current(&self, ids: &[String]) -> Result<Vec<usize>> {
        let mut found = Vec::new();
        for id in ids {
            // Exactly: the table holds whole identities, never a label or a part of one.
            match self.names.get(id).filter(|at| self.revisions[**at].id == *id) {
                Some(at) if found.contains(at) => {}
                Some(at) => found.push(*at),
                None => return Err(errors::unknown_current(id, &self.heads())),
            }
        }
        for newer in &found {
            let before: Set = self.edges.ancestors(&[*newer]);
            if let Some(older) = found.iter().find(|older| *older != newer && before.contains(**older)) {
                return Err(errors::overlapping(&self.revisions[*newer], &self.revisions[*older]));
            }
        }
        Ok(found)
    }

    /// Names that a mistyped or differently written one may mean: part of an identity or of a
    /// file's name, or one or two characters off.
    fn near(&self, name: &str) -> Vec<String> {
        let stem = name.strip_suffix(".py").unwrap_or(name);
        let near = |revision: &&Revision| {
            let file = revision.path.file_stem().and_then(|file| file.to_str()).unwrap_or_default();
            let part = stem.len() >= 3 && (file.contains(stem) || revision.id.contains(stem));
            part || stem.starts_with(&revision.id) || distance(stem, &revision.id) <= 2.min(stem.len() / 3)
        };
        self.revisions.iter().filter(near).map(|revision| revision.id.clone()).collect()
    }

    fn named(&self, places: Vec<usize>) -> Vec<&Revision> {
        places.into_iter().map(|at| &self.revisions[at]).collect()
    }

    fn place(&self, revision: &Revision) -> usize {
        self.names.get(&revision.id).copied().unwrap_or_default()
    }
}

fn identities(revisions: &[Revision]) -> Result<BTreeMap<String, usize>> {
    let mut ids = BTreeMap::new();
    for (at, revision) in revisions.iter().enumerate() {
        if let Some(before) = ids.insert(revision.id.clone(), at) {
            return Err(errors::duplicate(&revision.id, &revisions[before].path, &revision.path));
        }
    }
    Ok(ids)
}

fn with_labels(revisions: &[Revision], ids: &BTreeMap<String, usize>) -> Result<BTreeMap<String, usize>> {
    let mut names = ids.clone();
    for (at, revision) in revisions.iter().enumerate() {
        for label in &revision.branch_labels {
            if let Some(before) = names.insert(label.clone(), at) {
                return Err(errors::label_taken(label, &revisions[before].path, &revision.path));
            }
        }
    }
    Ok(names)
}

fn linked(
    child: &Revision,
    kind: &str,
    wanted: &[String],
    known: &BTreeMap<String, usize>,
) -> Result<Vec<usize>> {
    let place =
        |name: &String| known.get(name).copied().ok_or_else(|| errors::missing_link(child, kind, name));
    wanted.iter().map(place).collect()
}

/// Levenshtein's distance, for short names.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, a) in one.chars().take(64).enumerate() {
        let mut corner = row[0];
        row[0] = at + 1;
        for (to, b) in other.iter().enumerate() {
            let change = corner + usize::from(a != *b);
            corner = row[to + 1];
            row[to + 1] = change.min(row[to] + 1).min(corner + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}
