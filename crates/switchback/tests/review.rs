//! `review` as people call it: on a file, a folder, standard input, what changed since a reference, and
//! what a deploy would run.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use switchback_testkit::{Host, Ran, Shape, cluster};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");
const SQL: Shape = Shape {
    fence: "closed",
    restore_point: "clone",
    service: false,
    code: true,
    page: false,
    tool: "sql",
    migrations: "many",
};

/// A folder with files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn run(folder: &Path, words: &[&str], input: &str) -> Ran {
    let mut command = Command::new(PROGRAM);
    command
        .current_dir(folder)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may have ended without reading.
    let _unread = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ran {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Rules and lines of the findings that are more than good to know, by file.
fn found(ran: &Ran) -> Vec<String> {
    let document: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stderr));
    let findings = document["findings"].as_array().unwrap().iter();
    findings
        .filter(|finding| finding["severity"] != "info")
        .map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap().to_owned();
            format!("{}:{} {}", text("file"), finding["line"], text("rule"))
        })
        .collect()
}

const USERS: &str = "create table users (id bigint primary key, age integer, email varchar(50));\n";

#[test]
fn a_file_is_read_against_the_earlier_ones_of_its_folder() {
    let folder = folder(&[
        ("m/001_users.up.sql", USERS),
        ("m/002_widen.up.sql", "-- why not\nalter table users alter column email type varchar(100);\n"),
        ("m/003_rewrite.up.sql", "alter table users alter column age type bigint;\n"),
        ("m/004_gone.up.sql", "drop table users;\n"),
    ]);
    let ran = run(folder.path(), &["review", "--format", "json", "m/002_widen.up.sql"], "");
    assert_eq!((ran.status, found(&ran)), (Some(0), vec![]), "{}", ran.stdout);
    let ran = run(folder.path(), &["review", "--format", "json", "m/003_rewrite.up.sql"], "");
    assert_eq!(found(&ran), ["m/003_rewrite.up.sql:1 type-change-rewrite"]);
    assert_eq!(ran.status, Some(1));
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    let lock = &document["findings"][0]["lock"];
    assert_eq!((&lock["mode"], &lock["rewrite"]), (&"ACCESS EXCLUSIVE".into(), &true.into()), "{lock}");
}

#[test]
fn a_folder_is_a_history_and_standard_input_a_file() {
    let folder = folder(&[("m/1_users.sql", USERS), ("m/10_index.sql", "create index i on users (age);\n")]);
    let ran = run(folder.path(), &["review", "--format", "json", "m"], "");
    assert_eq!(found(&ran), ["m/10_index.sql:1 create-index-blocking"]);
    let words = ["review", "--format", "json", "--stdin-filename", "m/2_now.sql"];
    let ran = run(folder.path(), &words, "\n alter table users alter age type bigint;");
    assert_eq!(found(&ran), ["m/2_now.sql:2 type-change-rewrite"]);
    let ran = run(folder.path(), &["review", "--format", "json", "-"], "create index i on t (a)");
    assert_eq!(found(&ran), ["stdin.sql:1 create-index-blocking"]);
}

#[test]
fn ways_down_belong_to_their_ways_up() {
    let folder = folder(&[
        ("m/0001_a.up.sql", USERS),
        ("m/0001_a.down.sql", "drop table users;\n"),
        ("m/0002_b.up.sql", "create table notes (id bigint primary key);\n"),
        ("m/0002_b.down.sql", "drop table other;\n"),
        ("m/0003_c.up.sql", "create table more (id bigint primary key);\n"),
    ]);
    let ran = run(folder.path(), &["review", "--format", "json", "m"], "");
    let found = found(&ran);
    let has = |wanted: &str| found.iter().any(|found| found.starts_with(wanted));
    assert!(has("m/0003_c.up.sql:1 missing-down"), "{found:?}");
    assert!(found.iter().any(|found| found.ends_with("asymmetric-down")), "{found:?}");
    assert!(!found.iter().any(|found| found.contains("0001_a")), "{found:?}");
}

/// `b` stands on `a`, whatever their names say.
#[test]
fn revisions_of_alembic_are_read_without_running_them() {
    let folder = folder(&[
        (
            "versions/b_first.py",
            "revision = 'a'\ndown_revision = None\n\ndef upgrade():\n    op.create_table('users', sa.Column('id', sa.BigInteger(), primary_key=True), sa.Column('age', sa.Integer()))\n",
        ),
        (
            "versions/a_second.py",
            "revision = 'b'\ndown_revision = 'a'\n\ndef upgrade():\n    op.alter_column('users', 'age', type_=sa.BigInteger())\n    raise_if(True)\n    op.execute('create index i on users (age)')\n",
        ),
    ]);
    let ran = run(folder.path(), &["review", "--format", "json", "versions"], "");
    let found = found(&ran);
    for wanted in
        ["versions/a_second.py:5 type-change-rewrite", "versions/a_second.py:7 create-index-blocking"]
    {
        assert!(found.iter().any(|found| found == wanted), "{wanted} is not in {found:?}");
    }
    assert!(!found.iter().any(|found| found.contains("b_first")), "{found:?}");
}

#[test]
fn only_what_changed_since_a_reference() {
    let folder = folder(&[("m/1_users.sql", USERS), ("m/2_index.sql", "create index i on users (age);\n")]);
    let git = |words: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(folder.path())
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
            .args(words);
        assert!(git.output().unwrap().status.success(), "{words:?}");
    };
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "one"]);
    std::fs::write(folder.path().join("m/3_more.sql"), "create index j on users (email);\n").unwrap();
    let ran = run(folder.path(), &["review", "--format", "json", "--base", "main", "m"], "");
    assert_eq!(found(&ran), ["m/3_more.sql:1 create-index-blocking"]);
    let ran = run(folder.path(), &["review", "--base", "nowhere", "m"], "");
    assert_eq!(ran.status, Some(2), "{}", ran.stderr);
}

#[test]
fn a_comment_allows_and_a_configuration_decides() {
    let folder = folder(&[
        (
            "m/1.sql",
            "-- switchback: allow create-index-blocking because the table is empty\ncreate index i on t (a);\n",
        ),
        (
            "switchback.toml",
            "[migrations]\ntool = \"sql\"\ndirectory = \"m\"\n[review]\nrules = { drop-table = \"warning\" }\n",
        ),
        ("m/2.sql", "drop table t;\n"),
    ]);
    let ran = run(folder.path(), &["review", "--format", "json"], "");
    assert_eq!((ran.status, found(&ran)), (Some(0), vec!["m/2.sql:1 drop-table".to_owned()]));
    let ran = run(folder.path(), &["review", "--fail-on", "warning"], "");
    assert_eq!(ran.status, Some(1), "{}", ran.stdout);
}

#[test]
fn every_format_and_every_rules_page_is_there() {
    let folder = folder(&[("a.sql", "create index i on t (a);\n")]);
    for format in ["text", "json", "sarif", "github", "gitlab", "markdown", "junit"] {
        let ran = run(folder.path(), &["review", "--format", format, "a.sql"], "");
        assert_eq!(ran.status, Some(1), "{format}: {}", ran.stderr);
        assert!(ran.stdout.contains("create-index-blocking"), "{format}: {}", ran.stdout);
    }
    let ran = run(folder.path(), &["review", "--format", "yaml", "a.sql"], "");
    assert!(ran.status == Some(2) && ran.stderr.contains("sarif"), "{}", ran.stderr);
    for name in ["SR0301", "create-index-blocking"] {
        let page = run(folder.path(), &["explain", name], "").stdout;
        assert!(page.starts_with("# create-index-blocking\n"), "{page}");
    }
}

#[test]
fn what_is_not_there_is_said() {
    let folder = folder(&[("readme/a.txt", "no migration")]);
    let record = ["review", "-e", "production", "--record", "--fail-on", "error"];
    for words in [
        &["review"][..],
        &["review", "nothing.sql"],
        &["review", "readme"],
        &["review", "--record", "m"],
        &["review", "-e", "production", "--base", "main"],
    ] {
        let ran = run(folder.path(), words, "");
        assert_eq!(ran.status, Some(2), "{words:?}\n{}", ran.stderr);
        assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
    }
    // A gate is not opened by weighing less.
    let ran = run(folder.path(), &record, "");
    assert_eq!(ran.status, Some(2), "{}", ran.stderr);
}

#[test]
fn a_rule_that_there_is_not_is_named_with_the_nearest() {
    let text =
        "[migrations]\ntool = \"sql\"\ndirectory = \"m\"\n[review]\nrules = { drop-tabel = \"off\" }\n";
    let folder = folder(&[("m/1.sql", "drop table t;\n"), ("switchback.toml", text)]);
    let ran = run(folder.path(), &["review"], "");
    assert_eq!(ran.status, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("drop-tabel") && ran.stderr.contains("`drop-table`"), "{}", ran.stderr);
}

/// The host's next release makes an index on a table that is small there.
#[tokio::test]
async fn the_gate_opens_when_exactly_these_migrations_were_reviewed() {
    let host = Host::new(cluster().await, PROGRAM, SQL).await;
    let text = std::fs::read_to_string(host.path("switchback.toml")).unwrap();
    let strict = text.replace("fence =", "requires = [\"review\"]\nfence =");
    host.write("switchback.toml", &format!("{strict}\n[review]\nsafe_below = \"1B\"\n"));
    let refused = host.run(&host.deploy());
    assert_eq!(refused.status, Some(3), "{}", refused.stderr);
    assert!(refused.stderr.contains("switchback review -e production"), "{}", refused.stderr);
    let review = ["review", "-e", "production", "--release", "v2", "--record"];
    let ran = host.expect(&review, 1);
    assert!(ran.stdout.contains("create-index-blocking"), "{}", ran.stdout);
    host.expect(&[&review[..], &["--accept", "nobody works at night"]].concat(), 0);
    let plan = host.expect(&["plan", "--release", "v2"], 0);
    let plan: Vec<&str> = plan.stdout.split_whitespace().collect();
    assert!(plan.join(" ").contains("nobody works at night"), "{}", plan.join(" "));
    host.expect(&host.deploy(), 0);
    assert_eq!(host.revision().await, "r3");
    let nothing = host.expect(&["review", "-e", "production", "--release", "v2"], 0);
    assert!(nothing.stderr.contains("nothing"), "{}", nothing.stderr);
    // A file is read by the environment's rules too, and against its target.
    host.write("later.sql", "create index later on users (name);\n");
    let file = host.expect(&["review", "-e", "production", "later.sql"], 1);
    assert!(file.stdout.contains("create-index-blocking"), "{}", file.stdout);
    // Small tables weigh less: what is left there is good to know.
    let small = Host::new(cluster().await, PROGRAM, SQL).await;
    let ran = small.expect(&["review", "-e", "production", "--release", "v2", "--record"], 0);
    assert!(ran.stdout.contains("create-index-blocking"), "{}", ran.stdout);
}
