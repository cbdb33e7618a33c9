//! What other people's pipelines call: the GitHub Action's script, and the files that name it.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A repository with one commit, and a program that writes down its arguments, one a line, and ends
/// with status 1.
struct Checkout {
    folder: TempDir,
}

impl Checkout {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("review");
        std::fs::write(&program, "#!/bin/sh\nprintf '%s\\n' \"$@\"\nexit 1\n").unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        let checkout = Self { folder };
        checkout.git(&["init", "--quiet"]);
        let who = ["-c", "user.name=ada", "-c", "user.email=ada@example.com"];
        checkout.git(&[&who[..], &["commit", "--quiet", "--allow-empty", "--message", "first"]].concat());
        checkout
    }

    fn git(&self, words: &[&str]) -> String {
        let ran = Command::new("git").args(words).current_dir(self.folder.path()).output().unwrap();
        assert!(ran.status.success(), "{words:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap().trim().to_owned()
    }

    fn review(&self, inputs: &[(&str, &str)]) -> Output {
        let mut command = Command::new("bash");
        command.arg(root().join("script/review-in-ci")).current_dir(self.folder.path());
        command.env("REVIEW_PROGRAM", self.folder.path().join("review"));
        command.envs(inputs.iter().copied()).output().unwrap()
    }
}

fn lines(output: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(output).lines().map(str::to_owned).collect()
}

#[test]
fn inputs_become_arguments_and_nothing_else() {
    let checkout = Checkout::new();
    let plain = checkout.review(&[]);
    assert_eq!(lines(&plain.stdout), ["review", "--format", "github", "--fail-on", "error", "--"]);
    assert_eq!(plain.status.code(), Some(1), "the review's own status");

    let base = checkout.git(&["rev-parse", "HEAD"]);
    let paths = "a folder\n\n$(touch made)/`touch made`;x.sql\n--fix\n";
    let all = checkout.review(&[
        ("REVIEW_PATHS", paths),
        ("REVIEW_BASE", &base),
        ("REVIEW_FAIL_ON", "warning"),
        ("REVIEW_FORMAT", "sarif"),
        ("REVIEW_OUTPUT", "out.sarif"),
    ]);
    assert_eq!((all.status.code(), all.stdout.is_empty()), (Some(1), true));
    let written = std::fs::read(checkout.folder.path().join("out.sarif")).unwrap();
    let expected = [
        &["review", "--format", "sarif", "--fail-on", "warning", "--base", &base, "--"][..],
        &["a folder", "$(touch made)/`touch made`;x.sql", "--fix"],
    ];
    assert_eq!(lines(&written), expected.concat());
    assert!(!checkout.folder.path().join("made").exists());
}

#[test]
fn what_is_missing_is_refused_before_anything_is_reviewed() {
    let checkout = Checkout::new();
    let shallow = checkout.review(&[("REVIEW_BASE", "0123456789abcdef0123456789abcdef01234567")]);
    assert_eq!(shallow.status.code(), Some(2));
    let said = lines(&shallow.stdout);
    assert!(
        said.len() == 1 && said[0].starts_with("::error ") && said[0].contains("fetch-depth: 0"),
        "{said:?}"
    );

    let missing = checkout.review(&[("REVIEW_PROGRAM", "no/such%\n::program"), ("REVIEW_BUILD", "false")]);
    assert_eq!(missing.status.code(), Some(2));
    let said = lines(&missing.stdout);
    assert!(said.len() == 1 && said[0].contains("no/such%25%0A::program"), "{said:?}");
}

/// The words of a text that begin so.
fn words(text: &str, begin: &str) -> BTreeSet<String> {
    let parts = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.' || c == '-'));
    parts.filter(|word| word.starts_with(begin)).map(str::to_owned).collect()
}

#[test]
fn action_and_script_speak_of_the_same_inputs() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let action = read("action.yml");
    assert_eq!(words(&action, "REVIEW_"), words(&read("script/review-in-ci"), "REVIEW_"));
    for input in words(&action, "inputs.") {
        let declared = format!("\n  {}:\n", input.trim_start_matches("inputs."));
        assert!(action.contains(&declared), "{input}");
    }
    let page = read("docs/guide/review-in-ci.md");
    let inputs = action.split("\nruns:").next().unwrap().lines();
    let inputs = inputs.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    for input in inputs.map(|line| line.trim().trim_end_matches(':')) {
        assert!(page.contains(&format!("`{input}`")), "{input} is not in the page");
    }
}

/// Only YAML's own rules: a file with a tab or a value that is cut by `: ` or ` #` would be refused
/// by the services that read it, and by nobody here.
#[test]
fn their_values_are_whole() {
    for file in ["action.yml", ".pre-commit-hooks.yaml"] {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        assert!(!text.contains('\t'), "{file}");
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            let Some((_, value)) = line.split_once(": ") else { continue };
            let quoted = value.starts_with(['"', '\'']);
            assert!(quoted || !(value.contains(": ") || value.contains(" #")), "{file}: {line}");
        }
    }
}
