//! The log watch on real files.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use switchback_model::code;
use switchback_workflow::logs::LogWatch;
use tempfile::TempDir;

struct Bench {
    folder: TempDir,
    log: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("application.log");
        Self { folder, log }
    }

    fn write(&self, text: &str) {
        append(&self.log, text);
    }

    fn watch(&self) -> LogWatch {
        LogWatch::at(&self.log, &["Traceback".into(), "ERROR".into(), String::new()]).unwrap()
    }

    fn rotate(&self) -> PathBuf {
        let old = self.folder.path().join("application.log.1");
        std::fs::rename(&self.log, &old).unwrap();
        old
    }
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn texts(watch: &mut LogWatch) -> Vec<String> {
    watch.check().unwrap().into_iter().map(|line| line.text).collect()
}

/// The watch as a later process has it.
fn written_down(watch: &LogWatch) -> LogWatch {
    serde_json::from_str(&serde_json::to_string(watch).unwrap()).unwrap()
}

#[test]
fn only_new_lines_count_and_each_once() {
    let bench = Bench::new();
    bench.write("ERROR old\n");
    let mut watch = bench.watch();
    assert_eq!(texts(&mut watch), Vec::<String>::new());
    bench.write("all well\nERROR new\n\x1b[31mTraceback (most recent call last):\x1b[0m\r\n");
    assert_eq!(texts(&mut watch), ["ERROR new", "[31mTraceback (most recent call last):[0m"]);
    assert_eq!(texts(&mut watch), Vec::<String>::new());
    bench.write("ERROR newer\n");
    assert_eq!(texts(&mut written_down(&watch)), ["ERROR newer"]);
}

#[test]
fn a_line_that_comes_in_pieces_is_one() {
    let bench = Bench::new();
    let mut watch = bench.watch();
    bench.write("well\nERR");
    assert_eq!(texts(&mut watch), Vec::<String>::new());
    bench.write("OR split\nERROR without end");
    assert_eq!(texts(&mut watch), ["ERROR split", "ERROR without end"]);
    assert_eq!(texts(&mut watch), Vec::<String>::new());
}

#[test]
fn a_rotated_log_is_read_to_its_end_and_the_new_one_from_its_beginning() {
    let bench = Bench::new();
    bench.write("well\n");
    let mut watch = bench.watch();
    let mut later = written_down(&watch);
    bench.write("ERROR before\n");
    let old = bench.rotate();
    append(&old, "ERROR still into the old one\n");
    bench.write("ERROR after\n");
    let expected = ["ERROR before", "ERROR still into the old one", "ERROR after"];
    let lines = watch.check().unwrap();
    assert_eq!(lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), expected);
    assert_eq!((&lines[0].file, &lines[2].file), (&old, &bench.log));
    assert_eq!(texts(&mut later), expected);
}

#[test]
fn a_rotated_and_removed_log_is_read_where_it_was_open_and_missed_where_it_was_not() {
    let bench = Bench::new();
    bench.write("well\n");
    let mut watch = bench.watch();
    let mut later = written_down(&watch);
    bench.write("ERROR before\n");
    std::fs::remove_file(bench.rotate()).unwrap();
    assert_eq!(texts(&mut watch), ["ERROR before"]);
    bench.write("ERROR after\n");
    assert_eq!(texts(&mut watch), ["ERROR after"]);
    let failure = later.check().unwrap_err();
    assert_eq!(failure.code, code::LOG_MATCH);
    assert!(failure.message.contains("can't be found"), "{failure}");
}

#[test]
fn a_log_that_is_rotated_and_compressed_is_read_to_its_end_where_it_was_open() {
    let bench = Bench::new();
    bench.write("well\n");
    let mut watch = bench.watch();
    let mut later = written_down(&watch);
    bench.write("ERROR before\n");
    let status = std::process::Command::new("gzip").arg(bench.rotate()).status().unwrap();
    assert!(status.success());
    bench.write("ERROR after\n");
    assert_eq!(texts(&mut watch), ["ERROR before", "ERROR after"]);
    assert!(later.check().unwrap_err().message.contains("can't be found"));
}

#[test]
fn a_log_that_is_copied_and_cut_is_read_to_the_end_of_its_copy() {
    for before in ["", "well\n"] {
        let bench = Bench::new();
        append(&bench.folder.path().join("application.log.2"), "ERROR of last week\n");
        std::process::Command::new("touch")
            .args(["-d", "1 week ago"])
            .arg(bench.folder.path().join("application.log.2"))
            .status()
            .unwrap();
        bench.write(before);
        let mut watch = bench.watch();
        let mut later = written_down(&watch);
        bench.write("ERROR before the cut\n");
        let copy = bench.folder.path().join("application.log.1");
        std::fs::copy(&bench.log, &copy).unwrap();
        File::create(&bench.log).unwrap();
        bench.write("ERROR after\n");
        let expected = ["ERROR before the cut", "ERROR after"];
        assert_eq!(texts(&mut watch), expected, "{before:?}");
        assert_eq!(texts(&mut later), expected, "{before:?}");
    }
}

#[test]
fn a_copy_that_was_compressed_before_it_was_read_is_told() {
    let bench = Bench::new();
    bench.write("well\n");
    let mut watch = bench.watch();
    bench.write("ERROR before the cut\n");
    append(&bench.folder.path().join("application.log.1.gz"), "packed");
    File::create(&bench.log).unwrap();
    assert!(watch.check().unwrap_err().message.contains("can't be found"));
}

#[test]
fn a_truncated_log_is_read_from_its_beginning() {
    let bench = Bench::new();
    bench.write("a long line that was there before\n");
    let mut watch = bench.watch();
    File::create(&bench.log).unwrap();
    bench.write("ERROR short\n");
    assert_eq!(texts(&mut watch), ["ERROR short"]);
    // Cut, and longer than before when it is looked at again.
    File::create(&bench.log).unwrap();
    bench.write(&format!("ERROR again\n{}\n", "well ".repeat(100)));
    assert_eq!(texts(&mut watch), ["ERROR again"]);
}

#[test]
fn a_log_that_never_appears_is_told() {
    let bench = Bench::new();
    let mut watch = bench.watch();
    assert_eq!(texts(&mut watch), Vec::<String>::new());
    assert!(watch.missing().unwrap().contains("application.log never appeared"));
    let mut later = written_down(&watch);
    bench.write("ERROR first\n");
    assert_eq!(texts(&mut watch), ["ERROR first"]);
    assert_eq!((watch.missing(), texts(&mut later)), (None, vec!["ERROR first".to_owned()]));
}

#[test]
fn long_lines_and_many_lines_are_bounded() {
    let bench = Bench::new();
    let mut watch = bench.watch();
    bench.write(&format!("ERROR {}\n", "ä".repeat(200_000)));
    bench.write(&format!("{} ERROR at the end\n", "x".repeat(60_000)));
    let lines = texts(&mut watch);
    assert!(
        lines.iter().all(|line| line.len() <= 4096) && lines[0].starts_with("ERROR ä"),
        "{}",
        lines.len()
    );
    assert_eq!(lines.last().unwrap(), "ERROR at the end");
    bench.write(&"ERROR\n".repeat(10_000));
    assert_eq!(texts(&mut watch).len(), 100);
    assert_eq!(texts(&mut watch).len(), 0);
}

#[test]
fn what_is_no_file_is_refused() {
    let bench = Bench::new();
    std::fs::create_dir(&bench.log).unwrap();
    assert_eq!(LogWatch::at(&bench.log, &[]).unwrap_err().code, code::LOG_MATCH);
}

#[test]
fn the_failure_shows_lines_and_where_to_read_on() {
    let bench = Bench::new();
    let mut watch = bench.watch();
    bench.write("well\nTraceback (most recent call last):\n");
    let lines = watch.check().unwrap();
    let failure = watch.failure(&lines);
    assert_eq!(
        (failure.code, failure.causes[0].as_str()),
        (code::LOG_MATCH, "Traceback (most recent call last):")
    );
    assert!(failure.hints[0].contains("tail -c +6 "), "{:?}", failure.hints);
}
