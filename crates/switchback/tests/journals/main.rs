//! Journals of every version that ever wrote one can be shown, listed and reported on; damaged ones
//! as far as they can be read. The folders `version-N` are kept for good.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");

const CONFIGURATION: &str = "[migrations]\ntool = \"alembic\"\n\n[environments.production]\n\
    database_url = \"postgresql://ada@127.0.0.1:1/ada\"\n";

/// Every kept journal: its version's folder, its status.
fn kept() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journals");
    let versions = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = versions.filter(|path| path.is_dir()).flat_map(|folder| std::fs::read_dir(folder).unwrap());
    files
        .map(|file| file.unwrap().path())
        .map(|path| (path.clone(), path.file_stem().unwrap().to_str().unwrap().to_owned()))
        .collect()
}

/// A folder with a configuration and one run; the run's name.
fn project(journal: &[u8]) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("switchback.toml"), CONFIGURATION).unwrap();
    // A journal's folder has its run's name.
    let first: Option<Value> =
        journal.split(|b| *b == b'\n').next().and_then(|l| serde_json::from_slice(l).ok());
    let named = first.and_then(|line| line["event"]["run"].as_str().map(str::to_owned));
    let run = named.unwrap_or_else(|| "20260102_030405_abcd".to_owned());
    let path = folder.path().join(".switchback/runs").join(&run);
    std::fs::create_dir_all(&path).unwrap();
    std::fs::write(path.join("journal.jsonl"), journal).unwrap();
    (folder, run)
}

fn run(folder: &TempDir, words: &[&str]) -> (Output, String, String) {
    let output = Command::new(PROGRAM).current_dir(folder.path()).args(words).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    (output, out, err)
}

#[test]
fn every_version_can_still_be_read() {
    let kept = kept();
    assert!(kept.len() >= 2, "the kept journals are gone");
    for (path, status) in kept {
        let (folder, run_id) = project(&std::fs::read(&path).unwrap());
        let (output, out, err) = run(&folder, &["runs", "list", "--format", "json"]);
        assert!(output.status.success(), "{}: {err}", path.display());
        let listed: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(listed[0]["status"], status.as_str(), "{}: {listed}", path.display());
        let (output, out, err) = run(&folder, &["runs", "show", &run_id]);
        assert!(output.status.success(), "{}: {err}", path.display());
        assert!(out.contains("backup"), "{out}");
        for format in ["md", "json"] {
            let (output, out, err) = run(&folder, &["report", &run_id, "--format", format]);
            assert!(output.status.success(), "{} {format}: {err}", path.display());
            assert!(out.contains("production"), "{out}");
        }
    }
}

#[test]
fn of_a_damaged_journal_is_shown_what_stands_before_the_damage() {
    let (path, _) = kept().into_iter().find(|(_, status)| status == "undone").unwrap();
    let whole = std::fs::read_to_string(path).unwrap();
    let wrong = whole.replacen("\"kind\":\"run.unwinding\"", "\"kind\":\"run.unwound\"", 1);
    assert_ne!(whole, wrong);
    let (folder, run_id) = project(wrong.as_bytes());
    let (output, out, err) = run(&folder, &["runs", "show", &run_id]);
    assert_eq!(output.status.code(), Some(5), "{err}");
    assert!(out.contains("take the restore point"), "what came before is shown:\n{out}");
    for word in ["SB0703", "checksum", "entries before it can be read"] {
        assert!(err.contains(word), "no {word} in:\n{err}");
    }
}

#[test]
fn a_journal_of_a_newer_version_is_refused_by_name() {
    let (folder, run_id) = project(b"{\"journal\":9,\"form\":\"other\"}\n");
    let (output, _, err) = run(&folder, &["runs", "show", &run_id]);
    assert_eq!(output.status.code(), Some(5), "{err}");
    assert!(err.contains("newer version"), "{err}");
}
