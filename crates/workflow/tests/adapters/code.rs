//! The git adapter on real repositories.

use std::path::{Path, PathBuf};

use switchback_engine::cancel::Cancel;
use switchback_engine::exec::Program;
use switchback_model::code;
use switchback_model::plan::Release;
use switchback_workflow::git::Repository;
use tempfile::TempDir;

/// A repository with the tags v1.0 and v1.1 on `main`, which is checked out at v1.0.
struct Bench {
    folder: TempDir,
    root: PathBuf,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("app");
        std::fs::create_dir(&root).unwrap();
        let bench = Self { folder, root };
        bench.git("init --quiet --initial-branch=main").await;
        bench.write("app.py", "one");
        bench.write("kept.txt", "kept");
        bench.write(".gitignore", "local.cfg\n");
        bench.commit("v1.0").await;
        bench.git("checkout --quiet -b next").await;
        bench.write("app.py", "two");
        bench.write("migrations/0002 add.py", "up");
        bench.write("local.cfg", "from the release");
        bench.git("add --force local.cfg").await;
        bench.commit("v1.1").await;
        bench.git("checkout --quiet main").await;
        bench
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.root.join(name)).unwrap_or_default()
    }

    async fn commit(&self, tag: &str) {
        self.git("add .").await;
        self.git("commit --quiet -m change").await;
        self.git(&format!("tag {tag}")).await;
    }

    async fn git(&self, words: &str) -> String {
        let nobody = ["-c", "user.name=Nobody", "-c", "user.email=nobody@localhost"];
        let program = Program::new("git").args(nobody).args(words.split(' ')).folder(&self.root);
        program.env("GIT_CONFIG_GLOBAL", "/dev/null").check(&Cancel::never()).await.unwrap().stdout
    }

    async fn open(&self) -> Repository {
        Repository::open(&self.root).await.unwrap()
    }

    async fn v1_1(&self) -> (Repository, Release) {
        let repository = self.open().await;
        let release = repository.resolve("v1.1").await.unwrap();
        (repository, release)
    }
}

#[tokio::test]
async fn there_and_back_onto_the_branch() {
    let bench = Bench::new().await;
    let (repository, release) = bench.v1_1().await;
    let (before, head) = (repository.head().await.unwrap(), repository.position().await.unwrap());
    assert_eq!((before.name.as_str(), head.symbolic.as_deref()), ("main", Some("refs/heads/main")));
    for _ in 0..2 {
        repository.switch(&release).await.unwrap();
        assert_eq!(
            (bench.read("app.py").as_str(), repository.head().await.unwrap()),
            ("two", release.clone())
        );
    }
    for _ in 0..2 {
        repository.restore(&head).await.unwrap();
        assert_eq!(
            (bench.read("app.py").as_str(), repository.position().await.unwrap()),
            ("one", head.clone())
        );
    }
    let changed = repository.changed_files(&before, &release).await.unwrap();
    assert_eq!(changed, ["app.py", "local.cfg", "migrations/0002 add.py"]);
}

#[tokio::test]
async fn a_branch_that_moved_is_not_moved_back() {
    let bench = Bench::new().await;
    let (repository, release) = bench.v1_1().await;
    let head = repository.position().await.unwrap();
    repository.switch(&release).await.unwrap();
    bench.git("branch --force main v1.1").await;
    let done = repository.restore(&head).await.unwrap();
    assert!(done.contains("branch main has moved on"), "{done}");
    assert_eq!(repository.position().await.unwrap().commit, head.commit);
    assert_eq!(repository.head().await.unwrap().name, "v1.0");
}

#[tokio::test]
async fn local_changes_are_refused_and_kept() {
    let bench = Bench::new().await;
    let (repository, release) = bench.v1_1().await;
    // The last one is ignored by git, and a checkout would overwrite it without a word.
    for (name, text) in
        [("kept.txt", "changed by hand"), ("migrations/0002 add.py", "draft"), ("local.cfg", "by hand")]
    {
        let before = bench.read(name);
        bench.write(name, text);
        assert_eq!(repository.local_changes(Some(&release)).await.unwrap(), [name]);
        let failure = repository.switch(&release).await.unwrap_err();
        assert_eq!(failure.code, code::CODE_DIRTY);
        assert_eq!((failure.causes[0].as_str(), bench.read(name).as_str()), (name, text));
        // The hint can be followed as it stands.
        let (_, command) = failure.hints[1].split_once(": ").unwrap();
        let command = format!(
            "GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x {command}"
        );
        Program::new("sh").args(["-c", &command]).check(&Cancel::never()).await.unwrap();
        assert_eq!(bench.read(name), before, "{command}");
    }
    repository.switch(&release).await.unwrap();
}

#[tokio::test]
async fn a_file_or_folder_in_the_way_is_refused() {
    let bench = Bench::new().await;
    let (repository, release) = bench.v1_1().await;
    bench.write("migrations", "a file where a folder is to be");
    assert_eq!(repository.local_changes(Some(&release)).await.unwrap(), ["migrations"]);
    std::fs::remove_file(bench.root.join("migrations")).unwrap();
    bench.write("local.cfg/own", "a folder where a file is to be");
    assert_eq!(repository.local_changes(Some(&release)).await.unwrap(), ["local.cfg/own"]);
    std::fs::remove_dir_all(bench.root.join("local.cfg")).unwrap();
    bench.write("uploads/picture", "not in the way");
    repository.switch(&release).await.unwrap();
    assert_eq!(bench.read("uploads/picture"), "not in the way");
}

#[tokio::test]
async fn what_git_tracks_is_not_in_its_own_way() {
    let bench = Bench::new().await;
    bench.git("checkout --quiet v1.1").await;
    std::fs::remove_dir_all(bench.root.join("migrations")).unwrap();
    bench.write("migrations", "now a file");
    bench.git("rm --quiet kept.txt").await;
    bench.write("kept.txt/inside", "now a folder");
    bench.commit("v1.2").await;
    bench.git("checkout --quiet v1.1").await;
    let repository = bench.open().await;
    let head = repository.position().await.unwrap();
    repository.switch(&repository.resolve("v1.2").await.unwrap()).await.unwrap();
    repository.restore(&head).await.unwrap();
    assert_eq!(bench.read("kept.txt"), "kept");
}

#[tokio::test]
async fn an_unknown_release_names_its_neighbours() {
    let bench = Bench::new().await;
    let repository = bench.open().await;
    for unknown in ["v1.2", "", "--help", "HEAD:app.py"] {
        let failure = repository.resolve(unknown).await.unwrap_err();
        assert_eq!(failure.code, code::RELEASE_UNKNOWN, "{unknown}");
    }
    let failure = repository.resolve("v1.2").await.unwrap_err();
    assert!(failure.hints[0].contains("v1.1"), "{:?}", failure.hints);
    let commit = repository.head().await.unwrap().commit;
    assert_eq!(repository.resolve(&commit[..8]).await.unwrap().commit, commit);
}

#[tokio::test]
async fn a_lock_that_stays_is_explained() {
    let bench = Bench::new().await;
    let (repository, release) = bench.v1_1().await;
    bench.write(".git/index.lock", "");
    let failure = repository.switch(&release).await.unwrap_err();
    assert_eq!(failure.code, code::CODE_SWITCH);
    assert!(failure.hints.iter().any(|hint| hint.contains("rm ") && hint.contains("index.lock")));
    assert_eq!(bench.read("app.py"), "one");
}

/// One file is written, one begun, one gone; HEAD is where it was.
fn killed_half_way(bench: &Bench) {
    bench.write("app.py", "two");
    bench.write("migrations/0002 add.py", "");
    bench.write(".git/index.lock", "");
}

#[tokio::test]
async fn a_checkout_that_was_killed_is_brought_to_its_end() {
    for forward in [true, false] {
        let bench = Bench::new().await;
        let (repository, release) = bench.v1_1().await;
        let before = repository.position().await.unwrap();
        killed_half_way(&bench);
        let found = repository.finish_interrupted(&before.commit, &release.commit).await.unwrap();
        assert!(found.unwrap().contains("was interrupted"));
        if forward {
            repository.switch(&release).await.unwrap();
            assert_eq!(bench.read("migrations/0002 add.py"), "up");
        } else {
            repository.restore(&before).await.unwrap();
            assert_eq!(bench.read("app.py"), "one");
            assert!(!bench.root.join("migrations").exists());
        }
        assert_eq!(bench.git("status --porcelain --ignored").await, "");
        let again = repository.finish_interrupted(&before.commit, &release.commit).await.unwrap();
        assert_eq!(again, None);
    }
}

#[tokio::test]
async fn what_a_person_wrote_is_not_taken_for_a_killed_checkout() {
    let bench = Bench::new().await;
    let (repository, release) = bench.v1_1().await;
    let before = repository.position().await.unwrap().commit;
    killed_half_way(&bench);
    bench.write("app.py", "mine");
    let failure = repository.finish_interrupted(&before, &release.commit).await.unwrap_err();
    assert_eq!(failure.code, code::CODE_DIRTY);
    assert_eq!(bench.read("app.py"), "mine");
    bench.write("app.py", "one");
    bench.write("kept.txt", "mine");
    repository.finish_interrupted(&before, &release.commit).await.unwrap_err();
    assert_eq!(bench.read("kept.txt"), "mine");
}

#[tokio::test]
async fn a_lock_of_a_git_that_works_is_left_alone() {
    let bench = Bench::new().await;
    let (repository, release) = bench.v1_1().await;
    let before = repository.position().await.unwrap().commit;
    bench.write(".git/index.lock", "");
    // It waits for its input in the checkout.
    let mut git = std::process::Command::new("git");
    git.args(["cat-file", "--batch"]).current_dir(&bench.root);
    let mut git = git.stdin(std::process::Stdio::piped()).spawn().unwrap();
    let failure = repository.finish_interrupted(&before, &release.commit).await.unwrap_err();
    assert_eq!(failure.code, code::CODE_SWITCH);
    assert!(bench.root.join(".git/index.lock").exists());
    git.kill().unwrap();
    git.wait().unwrap();
    assert!(repository.finish_interrupted(&before, &release.commit).await.unwrap().is_some());
    assert!(!bench.root.join(".git/index.lock").exists());
}

#[tokio::test]
async fn a_release_is_written_aside_without_a_trace() {
    let bench = Bench::new().await;
    bench.write(".gitattributes", "kept.txt export-ignore\n");
    bench.commit("v1.3").await;
    let repository = bench.open().await;
    let before = (bench.git("status --porcelain --ignored").await, bench.git("worktree list").await);
    let folder = bench.folder.path().join("aside");
    let killed = folder.join(repository.resolve("v1.3").await.unwrap().commit);
    std::fs::create_dir_all(format!("{}.partial", killed.display())).unwrap();
    std::fs::write(format!("{}.index.lock", killed.display()), "").unwrap();
    for release in ["v1.1", "v1.3"] {
        let release = repository.resolve(release).await.unwrap();
        let name = folder.join(&release.commit);
        for _ in 0..2 {
            assert_eq!(repository.worktree(&release, &name).await.unwrap(), name);
        }
        assert!(name.join("kept.txt").exists(), "also what `git archive` leaves out");
        assert!(!name.join(".git").exists());
    }
    let added = folder.join(repository.resolve("v1.1").await.unwrap().commit).join("migrations/0002 add.py");
    assert_eq!(std::fs::read_to_string(added).unwrap(), "up");
    assert_eq!((bench.git("status --porcelain --ignored").await, bench.git("worktree list").await), before);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2, "nothing half-written is left");
}

#[tokio::test]
async fn a_failing_hook_is_told_and_head_with_it() {
    let bench = Bench::new().await;
    let (repository, release) = bench.v1_1().await;
    // Written by another process: one that is open for writing here could be inherited by another
    // test's child, and then it can't be executed.
    let script = "mkdir -p .git/hooks; cd .git/hooks; \
                  printf '#!/bin/sh\\necho no virtualenv >&2\\nexit 1\\n' > post-checkout; chmod 755 post-checkout";
    let shell = Program::new("sh").args(["-c", script]).folder(&bench.root);
    shell.check(&Cancel::never()).await.unwrap();
    let failure = repository.switch(&release).await.unwrap_err();
    assert!(failure.causes[0].contains("no virtualenv"), "{failure:?}");
    assert!(failure.changed.unwrap().contains("HEAD is at the release"));
}

#[tokio::test]
async fn what_is_no_checkout_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path(), Path::new("/no/such/folder")] {
        assert_eq!(Repository::open(path).await.unwrap_err().code, code::CODE_SWITCH);
    }
    Program::new("git")
        .args(["init", "--quiet"])
        .folder(folder.path())
        .check(&Cancel::never())
        .await
        .unwrap();
    let empty = Repository::open(folder.path()).await.unwrap();
    assert!(empty.head().await.unwrap_err().message.contains("has no commit yet"));
}

#[tokio::test]
async fn a_checkout_of_another_user_is_explained() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let bench = Bench::new().await;
    let chown = Program::new("chown").args(["-R", "65534", "."]).folder(&bench.root);
    chown.check(&Cancel::never()).await.unwrap();
    let failure = Repository::open(&bench.root).await.unwrap_err();
    assert!(failure.message.contains("belongs to another user"), "{failure}");
    assert!(failure.hints[0].contains("safe.directory"), "{:?}", failure.hints);
}
