use super::*;
use switchback_model::event::{Direction, Operator};
use switchback_model::{Plan, What};

fn plan() -> Plan {
    serde_json::from_value(serde_json::json!({
        "format": 1, "run": "20260102_0304_abcd", "made_at": "2026-01-02T03:04:05Z", "environment": "production",
        "target": "ada", "server": "db", "server_version": "15.1", "tool": "alembic", "release_before": null,
        "release_after": null, "revision_before": [], "revision_after": [], "pending": [], "digest": "",
        "gates": [], "ways_back": [], "notes": [], "steps": [], "settings": {}
    }))
    .unwrap()
}

fn event(seq: u64, what: What) -> Event {
    Event { seq, at: "2026-01-02T03:04:05Z".parse().unwrap(), run: plan().run, what }
}

fn started() -> What {
    let operator = Operator { user: "ops".into(), host: "bastion".into(), pid: 7 };
    What::Started { operator, direction: Direction::Forward, accept_loss: false }
}

/// A journal of two entries; its folder is where runs are kept.
fn written() -> (tempfile::TempDir, RunId, PathBuf) {
    let runs = tempfile::tempdir().unwrap();
    let run = plan().run;
    let mut journal = Journal::create(runs.path(), &run).unwrap();
    journal.append(&event(1, What::Planned { plan: Box::new(plan()) })).unwrap();
    journal.append(&event(2, started())).unwrap();
    let path = journal.folder().join(FILE);
    (runs, run, path)
}

#[test]
fn what_was_written_is_read() {
    let (runs, run, _) = written();
    let (_, view) = Journal::open(runs.path(), &run).unwrap();
    assert_eq!((view.seq, view.operator.unwrap().host.as_str()), (2, "bastion"));
    assert_eq!(list(runs.path()), [run]);
}

#[test]
fn a_torn_last_line_is_cut_off_at_every_length() {
    let (runs, run, path) = written();
    let whole = std::fs::read(&path).unwrap();
    let first = whole.iter().position(|b| *b == b'\n').unwrap() + 1;
    for length in first..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let (mut journal, view) = Journal::open(runs.path(), &run).unwrap();
        assert_eq!(view.seq, 1, "at {length}");
        journal.append(&event(2, started())).unwrap();
        drop(journal);
        assert_eq!(read(runs.path(), &run).unwrap().seq, 2);
    }
}

#[test]
fn every_changed_byte_is_seen() {
    let (runs, run, path) = written();
    let whole = std::fs::read(&path).unwrap();
    for place in 0..whole.len() - 1 {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let read = read(runs.path(), &run);
        assert!(read.is_err(), "byte {place} was changed unseen");
    }
}

#[test]
fn lost_and_swapped_lines_are_seen() {
    let (runs, run, path) = written();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for wrong in [vec![lines[1]], vec![lines[1], lines[0]], vec![lines[0], lines[1], lines[1]]] {
        std::fs::write(&path, format!("{}\n", wrong.join("\n"))).unwrap();
        assert_eq!(read(runs.path(), &run).unwrap_err().code, code::JOURNAL_DAMAGED);
    }
}

#[test]
fn a_newer_version_is_refused_with_a_sentence() {
    let (runs, run, path) = written();
    let text = std::fs::read_to_string(&path).unwrap().replace("{\"journal\":1", "{\"journal\":2");
    std::fs::write(&path, text).unwrap();
    assert!(read(runs.path(), &run).unwrap_err().message.contains("newer version"));
}

#[test]
fn a_newer_form_is_refused_by_its_version_and_not_by_its_form() {
    let (runs, run, path) = written();
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str("{\"journal\":7,\"crc\":[1,2],\"entry\":null}\n");
    std::fs::write(&path, text).unwrap();
    let refused = Journal::open(runs.path(), &run).unwrap_err();
    assert!(refused.message.contains(":3: it was written by a newer version"), "{}", refused.message);
}

#[test]
fn a_line_torn_inside_a_character_is_cut_off() {
    let (runs, run, path) = written();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend("{\"journal\":1,\"sum\":\"…".bytes());
    bytes.pop();
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(Journal::open(runs.path(), &run).unwrap().1.seq, 2);
}

#[test]
fn what_stands_before_the_damage_can_be_looked_at() {
    let (runs, run, path) = written();
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 10;
    bytes[last] = 0xff;
    std::fs::write(&path, &bytes).unwrap();
    let salvaged = salvage(runs.path(), &run).unwrap();
    assert_eq!((salvaged.events.len(), salvaged.view.unwrap().seq), (1, 1));
    assert!(salvaged.damage.unwrap().message.contains(":2: it is not UTF-8"));
    assert_eq!(Journal::open(runs.path(), &run).unwrap_err().code, code::JOURNAL_DAMAGED);
}

#[test]
fn only_one_process_has_it() {
    let (runs, run, _) = written();
    let (first, _) = Journal::open(runs.path(), &run).unwrap();
    assert!(is_held(runs.path(), &run));
    assert_eq!(Journal::open(runs.path(), &run).unwrap_err().code, code::RUN_OPEN);
    drop(first);
    assert!(!is_held(runs.path(), &run));
}

#[test]
fn modes_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let (_runs, _, path) = written();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
}
