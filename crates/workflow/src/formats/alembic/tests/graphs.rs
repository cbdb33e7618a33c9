//! Histories: what comes before what. The expected orders are those of Alembic 1.20.

use std::path::PathBuf;

use switchback_model::code::{self, Code};

use super::super::{Downgrade, Graph, Revision};
use super::write;

/// `id < parent parent + dependency dependency @ label`
fn revision(line: &str) -> Revision {
    let part = |open: char| {
        let after = line.split_once(open).map(|(_, after)| after).unwrap_or_default();
        let part = after.split(['<', '+', '@']).next().unwrap_or_default();
        part.split_whitespace().map(str::to_owned).collect()
    };
    let id = line.split_whitespace().next().unwrap();
    Revision {
        id: id.to_owned(),
        down: part('<'),
        depends_on: part('+'),
        branch_labels: part('@'),
        message: String::new(),
        path: PathBuf::from(format!("{id}_change.py")),
        autocommit_block: false,
        downgrade: Downgrade::Present,
        text_sha256: format!("text of {id}"),
    }
}

fn graph(lines: &[&str]) -> Graph {
    Graph::new(lines.iter().map(|line| revision(line)).collect()).unwrap()
}

fn refusal(lines: &[&str]) -> (Code, String) {
    let failure = Graph::new(lines.iter().map(|line| revision(line)).collect()).unwrap_err();
    (failure.code, failure.message)
}

fn ids(revisions: &[&Revision]) -> String {
    revisions.iter().map(|revision| revision.id.as_str()).collect::<Vec<_>>().join(" ")
}

fn owned(names: &str) -> Vec<String> {
    names.split_whitespace().map(str::to_owned).collect()
}

const LINE: &[&str] = &["cc33 < bb22", "aa11", "bb22 < aa11"];
const DIAMOND: &[&str] = &["a0", "b1 < a0", "b2 < b1", "c1 < a0", "d0 < b2 c1", "e0 < d0"];
const BRANCHES: &[&str] = &["a1 @ app", "a2 < a1 + x1", "x1 @ lib", "x2 < x1", "a3 < a2 + lib"];

#[test]
fn pending_is_in_the_order_of_alembic() {
    let cases = [
        (LINE, "", "aa11 bb22 cc33"),
        (LINE, "bb22", "cc33"),
        (LINE, "cc33", ""),
        (DIAMOND, "", "a0 c1 b1 b2 d0 e0"),
        (DIAMOND, "b1", "c1 b2 d0 e0"),
        (DIAMOND, "b1 c1", "b2 d0 e0"),
        (BRANCHES, "", "x1 a1 a2 a3 x2"),
        (BRANCHES, "x2", "a1 a2 a3"),
        (BRANCHES, "x1", "a1 a2 a3 x2"),
    ];
    for (lines, current, expected) in cases {
        let graph = graph(lines);
        assert_eq!(ids(&graph.pending(&owned(current)).unwrap()), expected, "{lines:?} from {current:?}");
    }
    assert!(graph(&[]).pending(&[]).unwrap().is_empty());
}

#[test]
fn an_upgrade_goes_to_its_target_and_a_downgrade_comes_back() {
    let graph = graph(DIAMOND);
    assert_eq!(ids(&graph.between(&[], "b2").unwrap()), "a0 b1 b2");
    assert_eq!(ids(&graph.between(&owned("c1"), "head").unwrap()), "b1 b2 d0 e0");
    assert_eq!(ids(&graph.between(&owned("e0"), "b1").unwrap()), "");
    assert_eq!(ids(&graph.downgrade_path(&owned("e0"), &[]).unwrap()), "e0 d0 b2 b1 c1 a0");
    assert_eq!(ids(&graph.downgrade_path(&owned("e0"), &owned("b2 c1")).unwrap()), "e0 d0");
    assert_eq!(ids(&graph.downgrade_path(&owned("e0"), &owned("b2")).unwrap()), "e0 d0 c1");
    assert_eq!(ids(&graph.downgrade_path(&owned("b2 c1"), &owned("b1 c1")).unwrap()), "b2");
    assert_eq!(graph.downgrade_path(&owned("b2"), &owned("c1")).unwrap_err().code, code::REVISION_UNKNOWN);
}

#[test]
fn heads_are_what_nothing_follows() {
    assert_eq!(graph(LINE).single_head().unwrap().unwrap().id, "cc33");
    assert!(graph(&[]).single_head().unwrap().is_none());
    let two = graph(&["a0", "b1 < a0", "c1 < a0"]);
    let failure = two.single_head().unwrap_err();
    assert_eq!(failure.code, code::TWO_HEADS);
    assert!(failure.message.contains("b1_change.py") && failure.message.contains("c1_change.py"));
    assert!(failure.hints[0].contains("alembic merge") && failure.hints[1].contains("flask db merge"));
    assert_eq!(two.get("head").unwrap_err().code, code::TWO_HEADS);
    // A dependency is a head all the same, as `alembic heads` has it.
    assert_eq!(ids(&graph(BRANCHES).heads()), "x2 a3");
}

#[test]
fn names_are_taken_as_the_commands_of_alembic_take_them() {
    let graph = graph(&["aa11", "aa22 < aa11 @ app", "bb33 < aa22"]);
    for (name, id) in [("aa11", "aa11"), ("b", "bb33"), ("app", "aa22"), ("head", "bb33")] {
        assert_eq!(graph.get(name).unwrap().id, id);
    }
    let ambiguous = graph.get("aa").unwrap_err();
    assert!(ambiguous.message.contains("aa11, aa22"), "{}", ambiguous.message);
    for (name, hint) in [("aa12", "aa11"), ("bb33_change.py", "bb33"), ("zz", "bb33"), ("", "bb33")] {
        let failure = graph.get(name).unwrap_err();
        assert_eq!(failure.code, code::REVISION_UNKNOWN);
        assert!(failure.hints[0].contains(hint), "{name}: {:?}", failure.hints);
    }
}

#[test]
fn a_database_that_is_elsewhere_is_told_so() {
    let graph = graph(DIAMOND);
    let unknown = graph.pending(&owned("ff99")).unwrap_err();
    assert_eq!(unknown.code, code::REVISION_UNKNOWN);
    assert!(unknown.message.contains("ff99") && unknown.hints[0].contains("newer release"));
    // The rows of the table are whole identities.
    assert_eq!(graph.pending(&owned("e")).unwrap_err().code, code::REVISION_UNKNOWN);
    for rows in ["b2 a0", "a0 b2"] {
        let failure = graph.pending(&owned(rows)).unwrap_err();
        assert_eq!(failure.code, code::TWO_HEADS);
        assert!(failure.message.contains("b2") && failure.message.contains("a0"));
    }
    assert_eq!(ids(&graph.pending(&owned("d0 d0")).unwrap()), "e0");
}

#[test]
fn files_that_make_no_history_are_refused() {
    let cases: [(&[&str], Code, &str); 7] = [
        (&["a0", "a0"], code::REVISION_DUPLICATE, "a0_change.py"),
        (&["a0 @ x", "b0 @ x"], code::REVISION_DUPLICATE, "b0_change.py"),
        (&["a0 < zz"], code::REVISION_UNKNOWN, "down_revision names \"zz\""),
        (&["a0 + zz"], code::REVISION_UNKNOWN, "depends_on names \"zz\""),
        (
            &["a0", "b0 < c0", "c0 < b0", "d0 < c0"],
            code::REVISION_CYCLE,
            "b0 (b0_change.py), c0 (c0_change.py)",
        ),
        (&["a0 < a0"], code::REVISION_CYCLE, "a0_change.py"),
        (&["a0 + b0", "b0 < a0"], code::REVISION_CYCLE, "a0_change.py"),
    ];
    for (lines, code, part) in cases {
        let (found, message) = refusal(lines);
        assert_eq!(found, code, "{lines:?}");
        assert!(message.contains(part), "{message}");
    }
    assert!(!refusal(cases[4].0).1.contains("d0"), "what follows a circle is innocent");
}

#[test]
fn a_digest_tells_order_and_contents() {
    let graph = graph(LINE);
    let all = graph.pending(&[]).unwrap();
    let digest = Graph::digest(&all);
    assert_eq!(digest.len(), 64);
    assert_eq!(digest, Graph::digest(&graph.pending(&[]).unwrap()));
    assert_ne!(digest, Graph::digest(&all[..2]));
    assert_ne!(digest, Graph::digest(&all.iter().rev().copied().collect::<Vec<_>>()));
    let mut changed = all[0].clone();
    changed.text_sha256.push('x');
    assert_ne!(digest, Graph::digest(&[&changed, all[1], all[2]]));
}

#[test]
fn folders_are_read_as_alembic_reads_them() {
    let root = tempfile::tempdir().unwrap();
    let base = "revision = 'a1'\ndown_revision = None\n";
    write(
        root.path(),
        "versions/9_first.py",
        &format!("\u{feff}\"\"\"First\r\n\"\"\"\r\n{}", base.replace('\n', "\r\n")),
    );
    write(root.path(), "versions/1_second.py", "revision = 'b2'\ndown_revision = 'a1'\n");
    write(root.path(), "versions/helpers.py", "def rename(): ...\n");
    write(root.path(), "versions/__init__.py", "revision = 'z'\n");
    write(root.path(), "versions/.#1_second.py", "revision = 'z'\n");
    write(root.path(), "versions/__pycache__/x.py", "revision = 'z'\n");
    write(root.path(), "versions/notes.txt", "revision = 'z'\n");
    write(root.path(), "versions/old/0_gone.py", "revision = 'z'\ndown_revision = None\n");
    let graph = Graph::read(root.path()).unwrap();
    assert_eq!(ids(&graph.pending(&[]).unwrap()), "a1 b2");
    assert_eq!(graph.get("a1").unwrap().message, "First");
    assert_eq!(graph.skipped().len(), 1);
    let lf = format!("\"\"\"First\n\"\"\"\n{base}");
    write(root.path(), "versions/9_first.py", &lf);
    let again = Graph::read(root.path()).unwrap();
    assert_eq!(graph.get("a1").unwrap().text_sha256, again.get("a1").unwrap().text_sha256);
}

#[test]
fn folders_that_would_mislead_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path();
    assert_eq!(Graph::read(path).unwrap_err().code, code::MIGRATIONS_NOT_FOUND);
    write(path, "versions/postgresql/a.py", "revision = 'a1'\ndown_revision = None\n");
    let hidden = Graph::read(path).unwrap_err();
    assert_eq!(hidden.code, code::MIGRATIONS_NOT_FOUND);
    assert!(hidden.hints[0].contains("recursive_version_locations"));
    write(path, "versions/b.py", "revision = 'b1'\ndown_revision = None\n");
    std::fs::write(path.join("versions/c.py"), b"revision = '\xff'\ndown_revision = None\n").unwrap();
    assert!(Graph::read(path).unwrap_err().message.contains("UTF-8"));
    std::fs::write(
        path.join("versions/c.py"),
        b"# coding: latin-1\nx = '\xff'\nrevision = 'c1'\ndown_revision = None\n",
    )
    .unwrap();
    assert!(Graph::read(path).is_ok());
    std::fs::write(path.join("versions/c.py"), vec![b'#'; 8 * 1024 * 1024 + 1]).unwrap();
    assert!(Graph::read(path).unwrap_err().message.contains("8 MiB"));
    std::fs::remove_file(path.join("versions/c.py")).unwrap();
    write(path, "elsewhere.py", "revision = 'e1'\ndown_revision = None\n");
    std::os::unix::fs::symlink(path.join("elsewhere.py"), path.join("versions/c.py")).unwrap();
    assert!(Graph::read(path).unwrap_err().message.contains("link"));
    std::fs::remove_file(path.join("versions/c.py")).unwrap();
    std::os::unix::fs::symlink(path.join("versions/b.py"), path.join("versions/c.py")).unwrap();
    assert_eq!(Graph::read(path).unwrap().revisions().len(), 1);
}
