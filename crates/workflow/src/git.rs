//! The application's code: a git checkout that is switched to a release, and back.
//!
//! Only git itself touches the checkout, and nothing that a person changed there is ever lost: a
//! switch that would overwrite something is refused before it begins.

mod interrupted;
mod words;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use switchback_engine::cancel::Cancel;
use switchback_engine::exec::{Finished, Program};
use switchback_model::plan::Release;
use switchback_model::{Effect, Failure, Result, code};
use tokio::time::{Instant, sleep};

use crate::services::files;

/// How long a look may take, and a switch (its hooks and filters may be slow).
const LOOK: Duration = Duration::from_mins(2);
const SWITCH: Duration = Duration::from_mins(15);
/// How long another git's lock is waited for.
const LOCKED: Duration = Duration::from_secs(5);
/// What `exec` keeps of an output, less one line: a longer one may have lost its end.
const WHOLE: usize = (4 << 20) - (32 << 10);
/// Variables that would send git somewhere else.
const MISLEADING: [&str; 6] =
    ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"];

/// Where HEAD was, so that it can be put back exactly there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The branch as a full name (`refs/heads/main`); `None` where HEAD was detached.
    pub symbolic: Option<String>,
    /// The commit.
    pub commit: String,
}

/// A git checkout.
#[derive(Clone, Debug)]
pub struct Repository {
    root: PathBuf,
}

impl Repository {
    /// Opens the checkout that a folder is in.
    ///
    /// # Errors
    /// `CODE_SWITCH` where there is none, or git refuses it (its owner is somebody else).
    pub async fn open(path: &Path) -> Result<Self> {
        if !path.is_dir() {
            return Err(Failure::new(
                code::CODE_SWITCH,
                format!("the folder {} is not there", path.display()),
            )
            .hint("set `repository` in [environments.NAME.code] to the application's checkout"));
        }
        let here = Self { root: path.to_owned() };
        let root = here.line(&["rev-parse", "--show-toplevel"]).await?;
        Ok(Self { root: PathBuf::from(root) })
    }

    /// The top folder of the checkout.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The release that is checked out: named by its branch, else a tag, else the commit's first
    /// characters.
    ///
    /// # Errors
    /// `CODE_SWITCH` where git can't tell.
    pub async fn head(&self) -> Result<Release> {
        let position = self.position().await?;
        if let Some(branch) = position.symbolic {
            let name = branch.strip_prefix("refs/heads/").unwrap_or(&branch).to_owned();
            return Ok(Release { name, commit: position.commit });
        }
        let tags = self.lines(&["tag", "--points-at", "HEAD", "--sort=-version:refname"]).await?;
        let name = match tags.into_iter().next() {
            Some(tag) => tag,
            None => self.line(&["rev-parse", "--short", "HEAD"]).await?,
        };
        Ok(Release { name, commit: position.commit })
    }

    /// Where HEAD is, for [`Repository::restore`].
    ///
    /// # Errors
    /// `CODE_SWITCH` where git can't tell (there is no commit yet, for one).
    pub async fn position(&self) -> Result<Head> {
        let commit = self.commit("HEAD").await?.ok_or_else(|| {
            Failure::new(code::CODE_SWITCH, format!("{} has no commit yet", self.root.display()))
        })?;
        let branch = self.run(self.git(&["symbolic-ref", "--quiet", "HEAD"]), LOOK).await?;
        let symbolic = branch.succeeded().then(|| branch.stdout.trim().to_owned());
        Ok(Head { symbolic, commit })
    }

    /// The release that a tag, branch or commit means. Nothing is fetched.
    ///
    /// # Errors
    /// `RELEASE_UNKNOWN` with the nearest names.
    pub async fn resolve(&self, reference: &str) -> Result<Release> {
        let reference = reference.trim();
        // A word with a dash in front would be an option to git.
        let plain = !reference.is_empty() && !reference.starts_with('-');
        let commit = if plain { self.commit(reference).await? } else { None };
        if let Some(commit) = commit {
            return Ok(Release { name: reference.to_owned(), commit });
        }
        let names = ["for-each-ref", "--format=%(refname:short)", "refs/tags", "refs/heads"];
        Err(words::unknown(&self.root, reference, &self.lines(&names).await?))
    }

    /// What stands in the way of a switch: tracked files with changes and, for a release, files
    /// that are not tracked now (ignored ones too) and would be overwritten. Paths from the
    /// checkout's top.
    ///
    /// # Errors
    /// `CODE_SWITCH` where git can't tell.
    pub async fn local_changes(&self, target: Option<&Release>) -> Result<Vec<String>> {
        let mut changes = self.paths(&["diff", "--name-only", "--no-renames", "HEAD", "--"]).await?;
        if let Some(target) = target {
            changes.extend(self.overwritten(&target.commit).await?);
        }
        Ok(changes)
    }

    /// The tracked files below a folder that are not as HEAD has them, and whatever lies there that git
    /// does not track, ignored or not. Paths from the checkout's top; nothing for a folder that is not in
    /// the checkout.
    ///
    /// # Errors
    /// `CODE_SWITCH` where git can't tell.
    pub async fn unlike_head(&self, folder: &Path) -> Result<(Vec<String>, Vec<String>)> {
        let Some(inside) = self.inside(folder) else { return Ok((Vec::new(), Vec::new())) };
        let below = format!(":(top,literal){}", inside.display());
        let changed = self.paths(&["diff", "--name-only", "--no-renames", "HEAD", "--", &below]).await?;
        let others = self.paths(&["ls-files", "--others", "--full-name", "--", &below]).await?;
        Ok((changed, others))
    }

    /// A path of the file system as one from the checkout's top; `None` where it is not in the checkout.
    pub fn inside(&self, path: &Path) -> Option<PathBuf> {
        // The top is told without links, and a path of the configuration may go over some.
        let (top, path) = (std::fs::canonicalize(&self.root).ok()?, std::fs::canonicalize(path).ok()?);
        path.strip_prefix(top).ok().map(Path::to_owned)
    }

    /// What a commit has under a path from the checkout's top: the identity of its content, or `None`.
    ///
    /// # Errors
    /// `CODE_SWITCH` where git can't be run.
    pub async fn content(&self, commit: &str, path: &Path) -> Result<Option<String>> {
        let name = format!("{commit}:{}", path.display());
        let finished = self.run(self.git(&["rev-parse", "--verify", "--quiet", &name]), LOOK).await?;
        let found = finished.stdout.trim();
        Ok((finished.succeeded() && !found.is_empty()).then(|| found.to_owned()))
    }

    /// Why migrations that lie in the checkout are not applied as those of a release.
    pub fn not_of_a_release(&self, files: &[String]) -> Failure {
        words::not_of_a_release(&self.root, files)
    }

    /// The files, from the checkout's top, that differ from where the branch of `reference` was left, or
    /// are not tracked; those that are gone are left out. Only in the folder `within` is
    /// looked for new ones: elsewhere there may be very many.
    ///
    /// # Errors
    /// `RELEASE_UNKNOWN` with the nearest names, `CODE_SWITCH` where git can't tell.
    pub async fn changed_since(&self, reference: &str, within: &Path) -> Result<Vec<String>> {
        let there = Self { root: within.to_owned() };
        let others = ["ls-files", "--others", "--exclude-standard", "--full-name"];
        // Neither needs the other's answer, and somebody waits.
        let (mut changed, new) = tokio::try_join!(self.differs_since(reference), there.paths(&others))?;
        changed.extend(new);
        Ok(changed)
    }

    async fn differs_since(&self, reference: &str) -> Result<Vec<String>> {
        let base = if let Some(base) = self.left(reference).await? {
            base
        } else {
            let release = self.resolve(reference).await?;
            self.line(&["merge-base", &release.commit, "HEAD"]).await?
        };
        self.paths(&["diff", "--name-only", "--diff-filter=ACMR", &base, "--"]).await
    }

    /// Where the branch of `reference` was left; nothing where git does not say so at once.
    async fn left(&self, reference: &str) -> Result<Option<String>> {
        let reference = reference.trim();
        if reference.is_empty() || reference.starts_with('-') {
            return Ok(None);
        }
        let finished = self.run(self.git(&["merge-base", reference, "HEAD"]), LOOK).await?;
        Ok(finished.succeeded().then(|| finished.stdout.trim().to_owned()))
    }

    /// Checks a release out, HEAD detached, and looks whether HEAD is there. A release that is
    /// checked out already is left as it is.
    ///
    /// # Errors
    /// `CODE_DIRTY` where changes would be lost, `CODE_SWITCH` where git can't do it.
    pub async fn switch(&self, to: &Release) -> Result<()> {
        let changes = self.local_changes(Some(to)).await?;
        if !changes.is_empty() {
            return Err(words::dirty(&self.root, &changes));
        }
        if self.position().await?.commit == to.commit {
            return Ok(());
        }
        self.check_out(&["checkout", "--quiet", "--detach", &to.commit, "--"], &to.commit).await
    }

    /// Puts HEAD back where it was, onto its branch too where the branch still ends at that commit.
    /// Says what was done.
    ///
    /// Files that the application changed meanwhile are kept where the two releases agree on them,
    /// as git does it.
    ///
    /// # Errors
    /// `CODE_DIRTY` where files would be overwritten, `CODE_SWITCH` where git can't do it.
    pub async fn restore(&self, head: &Head) -> Result<String> {
        let now = self.position().await?;
        if now == *head {
            return Ok(format!("HEAD is at {}", head.commit));
        }
        let overwritten = self.overwritten(&head.commit).await?;
        if !overwritten.is_empty() {
            return Err(words::dirty(&self.root, &overwritten));
        }
        let Some(branch) = &head.symbolic else {
            self.detach(&head.commit).await?;
            return Ok(format!("HEAD is at {}", head.commit));
        };
        let short = branch.strip_prefix("refs/heads/").unwrap_or(branch);
        if self.commit(branch).await?.as_deref() == Some(&head.commit) {
            self.check_out(&["checkout", "--quiet", short, "--"], &head.commit).await?;
            return Ok(format!("HEAD is at {} on branch {short}", head.commit));
        }
        self.detach(&head.commit).await?;
        Ok(format!("HEAD is at {}, detached: branch {short} has moved on since", head.commit))
    }

    /// The files that differ between two releases; paths from the checkout's top.
    ///
    /// # Errors
    /// `CODE_SWITCH` where git can't tell.
    pub async fn changed_files(&self, from: &Release, to: &Release) -> Result<Vec<String>> {
        self.paths(&["diff", "--name-only", "--no-renames", &from.commit, &to.commit, "--"]).await
    }

    /// Writes a release's files into a folder, without touching checkout, index or repository, and
    /// returns that folder. Submodules are left out. A folder that is there is taken as written
    /// before, so its name should hold the commit; a half-written one never gets that name.
    ///
    /// # Errors
    /// `CODE_SWITCH` where it can't be written.
    pub async fn worktree(&self, release: &Release, folder: &Path) -> Result<PathBuf> {
        // git works in the checkout's top: paths must not depend on where we are.
        let folder = &std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        if folder.is_dir() {
            return Ok(folder.to_owned());
        }
        let partial = beside(folder, ".partial");
        let index = beside(folder, ".index");
        let unwritten = |error: std::io::Error| {
            Failure::new(code::CODE_SWITCH, format!("could not write {}", folder.display())).because(&error)
        };
        // What a killed process left half-written.
        if partial.exists() {
            std::fs::remove_dir_all(&partial).map_err(unwritten)?;
        }
        files::remove(&index).and_then(|()| files::remove(&beside(&index, ".lock"))).map_err(unwritten)?;
        std::fs::create_dir_all(&partial).map_err(unwritten)?;
        // An index of its own: the checkout's would name other files. Not `git archive`, which
        // leaves out what is marked `export-ignore`.
        let own = |args: &[&str]| self.git(args).env("GIT_INDEX_FILE", &index);
        let prefix = format!("--prefix={}/", partial.display());
        self.succeed(own(&["read-tree", &release.commit]), SWITCH).await?;
        self.succeed(own(&["checkout-index", "--all", &prefix]), SWITCH).await?;
        files::remove(&index).map_err(unwritten)?;
        std::fs::rename(&partial, folder).map_err(unwritten)?;
        Ok(folder.to_owned())
    }

    /// Files of a commit that are not in HEAD but already lie there.
    async fn overwritten(&self, commit: &str) -> Result<Vec<String>> {
        let args = ["diff", "--name-only", "--no-renames", "--diff-filter=A", "HEAD", commit, "--"];
        let mut found = Vec::new();
        for path in self.paths(&args).await? {
            if let Some(obstacle) = self.obstacle(&path).await? {
                found.push(obstacle);
            }
        }
        found.dedup();
        Ok(found)
    }

    /// What lies where a new file would be written: a file, or untracked things in a folder of that
    /// name, or a file where one of its folders would be.
    async fn obstacle(&self, path: &str) -> Result<Option<String>> {
        let is_file = |path: &Path| {
            std::fs::symlink_metadata(self.root.join(path)).is_ok_and(|metadata| !metadata.is_dir())
        };
        for part in Path::new(path).ancestors().filter(|part| !part.as_os_str().is_empty()) {
            // What git tracks there, it will move out of the way itself.
            if is_file(part) && !self.is_tracked(part).await? {
                return Ok(Some(part.display().to_string()));
            }
        }
        if self.root.join(path).is_dir() {
            let inside = self.paths(&["ls-files", "--others", "--", &format!(":(literal){path}")]).await?;
            return Ok(inside.into_iter().next());
        }
        Ok(None)
    }

    async fn is_tracked(&self, path: &Path) -> Result<bool> {
        let path = format!(":(literal){}", path.display());
        Ok(!self.paths(&["ls-files", "--cached", "--", &path]).await?.is_empty())
    }

    async fn detach(&self, commit: &str) -> Result<()> {
        self.check_out(&["checkout", "--quiet", "--detach", commit, "--"], commit).await
    }

    async fn check_out(&self, args: &[&str], commit: &str) -> Result<()> {
        self.unlocked().await?;
        let program = self.git(args);
        // Not interruptible: half a checkout helps nobody.
        let finished = self.run(program.clone(), SWITCH).await?;
        let now = self.position().await?.commit;
        match (now == commit, finished.succeeded()) {
            (true, true) => Ok(()),
            (false, true) => Err(Failure::new(
                code::CODE_SWITCH,
                format!("HEAD of {} is at {now} and not at {commit}", self.root.display()),
            )
            .effect(Effect::Unknown)),
            (true, false) => Err(words::explained(&self.root, &program, &finished)
                .effect(Effect::Durable)
                .changed("HEAD is at the release; a hook or filter of the repository failed")),
            (false, false) => Err(words::explained(&self.root, &program, &finished)),
        }
    }

    /// Waits a moment for another git to finish; a lock that stays is a person's to judge.
    async fn unlocked(&self) -> Result<()> {
        let lock = self.lock().await?;
        let deadline = Instant::now() + LOCKED;
        while lock.exists() {
            if Instant::now() > deadline {
                return Err(words::locked(&self.root, &lock));
            }
            sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    async fn lock(&self) -> Result<PathBuf> {
        Ok(self.root.join(self.line(&["rev-parse", "--git-path", "index.lock"]).await?))
    }

    /// The commit that a name means; `None` where it means none.
    async fn commit(&self, name: &str) -> Result<Option<String>> {
        let name = format!("{name}^{{commit}}");
        let program = self.git(&["rev-parse", "--verify", "--quiet", &name]);
        let finished = self.run(program, LOOK).await?;
        let commit = finished.stdout.trim();
        Ok((finished.succeeded() && !commit.is_empty()).then(|| commit.to_owned()))
    }

    fn git(&self, args: &[&str]) -> Program {
        let program = Program::new("git")
            .folder(&self.root)
            .args(["-c", "core.quotePath=false", "-c", "core.fsmonitor=false"])
            .args(args)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("LC_ALL", "C");
        MISLEADING.iter().fold(program, Program::env_remove)
    }

    async fn run(&self, program: Program, limit: Duration) -> Result<Finished> {
        let finished = program.clone().limit(limit).run(&Cancel::never(), |_, _| {}).await?;
        if words::refuses_owner(&finished) {
            Err(words::explained(&self.root, &program, &finished))
        } else {
            Ok(finished)
        }
    }

    async fn succeed(&self, program: Program, limit: Duration) -> Result<String> {
        let finished = self.run(program.clone(), limit).await?;
        if !finished.succeeded() {
            return Err(words::explained(&self.root, &program, &finished));
        }
        if finished.stdout.len() > WHOLE {
            let message = format!("`{}` says more than can be read", program.display());
            return Err(Failure::new(code::CODE_SWITCH, message));
        }
        Ok(finished.stdout)
    }

    async fn line(&self, args: &[&str]) -> Result<String> {
        Ok(self.succeed(self.git(args), LOOK).await?.trim_end_matches('\n').to_owned())
    }

    async fn lines(&self, args: &[&str]) -> Result<Vec<String>> {
        Ok(self.succeed(self.git(args), LOOK).await?.lines().map(str::to_owned).collect())
    }

    async fn paths(&self, args: &[&str]) -> Result<Vec<String>> {
        Ok(self.lines(args).await?.iter().map(|line| words::unquoted(line)).collect())
    }
}

/// The path with something at its end.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}
