//! A checkout that was killed half-way: its lock stays, some files are one release's and some the
//! other's, and HEAD, which git moves last, says nothing of it.
//!
//! It is brought to its end before anything else looks at the checkout. What a person changed
//! meanwhile is never touched: every file that differs must be one of the two releases' own.

use std::collections::BTreeSet;
use std::path::Path;

use switchback_model::plan::Release;
use switchback_model::{Result, code};

use super::{LOOK, Repository, SWITCH, files, words};

impl Repository {
    /// Ends what a killed checkout between two commits left half-done: afterwards HEAD and every file
    /// are at one of the two. Only for a caller whose own checkout it can have been. Says what was
    /// found, where there was something.
    ///
    /// # Errors
    /// `CODE_DIRTY` where a file is neither release's, `CODE_SWITCH` where git can't do it, or is at
    /// work there.
    pub async fn finish_interrupted(&self, one: &str, other: &str) -> Result<Option<String>> {
        let unlocked = self.remove_dead_lock().await?;
        let head = self.position().await?.commit;
        let towards = match () {
            () if head == one => other,
            () if head == other => one,
            () => return Ok(unlocked),
        };
        let (half, mut theirs) = self.half_done(&head, towards).await?;
        if half.is_empty() {
            return Ok(unlocked);
        }
        for path in &half {
            if !self.is_of(path, &[&head, towards]).await? {
                theirs.push(path.clone());
            }
        }
        // What ends it takes the releases' files for every tracked one.
        if !theirs.is_empty() {
            return Err(words::dirty(self.root(), &theirs));
        }
        self.succeed(self.git(&["checkout", "--quiet", "--force", "--detach", towards, "--"]), SWITCH)
            .await?;
        Ok(Some(format!(
            "a checkout of {towards} was interrupted; it was brought to its end: {} files",
            half.len()
        )))
    }

    /// A lock of a git that is no more. Where none is to be seen, a person's word is still needed.
    async fn remove_dead_lock(&self) -> Result<Option<String>> {
        let Err(locked) = self.unlocked().await else { return Ok(None) };
        let lock = self.lock().await?;
        if locked.code != code::CODE_SWITCH || works_in(self.root()) != Some(false) {
            return Err(locked);
        }
        match files::remove(&lock) {
            Ok(()) => {
                Ok(Some(format!("{} was left by a git that was killed; it was removed", lock.display())))
            }
            Err(error) => Err(locked.because(&error)),
        }
    }

    /// What is not as HEAD has it: files in which the two commits differ, and tracked ones beside.
    async fn half_done(&self, head: &str, towards: &str) -> Result<(BTreeSet<String>, Vec<String>)> {
        let release = |commit: &str| Release { name: String::new(), commit: commit.to_owned() };
        let between = self.changed_files(&release(head), &release(towards)).await?;
        let changed = self.local_changes(Some(&release(towards))).await?;
        let (half, beside): (Vec<_>, Vec<_>) = changed.into_iter().partition(|path| between.contains(path));
        Ok((half.into_iter().collect(), beside))
    }

    /// Whether a file is one of these commits' own: equal to it, or gone or empty, as git leaves what
    /// it was about to write.
    async fn is_of(&self, path: &str, commits: &[&str]) -> Result<bool> {
        let place = self.root().join(path);
        if std::fs::symlink_metadata(&place).map_or(true, |file| file.is_file() && file.len() == 0) {
            return Ok(true);
        }
        // As it would be stored: line ends and filters are git's business.
        let stored = self.run(self.git(&["hash-object", "--", path]), LOOK).await?;
        for commit in commits {
            let blob = format!("{commit}:{path}");
            let known = self.run(self.git(&["rev-parse", "--verify", "--quiet", &blob]), LOOK).await?;
            if stored.succeeded() && known.succeeded() && stored.stdout == known.stdout {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether a git is at work in a folder; `None` where that can't be seen.
fn works_in(root: &Path) -> Option<bool> {
    let root = root.canonicalize().ok()?;
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let mut any = None;
    for process in processes {
        let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
        if name.is_empty() {
            continue;
        }
        let git = name.trim_end() == "git" || name.starts_with("git-");
        // Whose folder can't be seen may be there; who is only waiting to be buried has none.
        let inside = || match std::fs::read_link(process.path().join("cwd")) {
            Ok(folder) => folder.starts_with(&root),
            Err(error) => error.kind() != std::io::ErrorKind::NotFound,
        };
        any = Some(any.unwrap_or(false) || git && inside());
    }
    any
}
