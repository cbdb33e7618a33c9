//! What is written for other programs and for readers: schemas, completions, manual pages, a run shown
//! again.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

mod validator;

use std::collections::BTreeMap;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use switchback_model::finding::{Findings, Fix, FixStep, LockTaken};
use switchback_model::{Finding, Severity};
use switchback_report::{Theme, findings};
use switchback_testkit::{Host, Shape, cluster};

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");

fn run(words: &[&str]) -> Output {
    let ran = Command::new(PROGRAM).args(words).output().unwrap();
    assert!(ran.status.success(), "{words:?}: {}", String::from_utf8_lossy(&ran.stderr));
    ran
}

fn text(words: &[&str]) -> String {
    String::from_utf8(run(words).stdout).unwrap()
}

fn schema(name: &str) -> Value {
    let schema: Value = serde_json::from_str(&text(&["schema", name])).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{name}");
    schema
}

fn is_valid(schema: &Value, document: &Value) -> bool {
    validator::errors(schema, document).is_empty()
}

fn assert_valid(schema: &Value, document: &Value) {
    let wrong = validator::errors(schema, document);
    assert!(wrong.is_empty(), "{}: {wrong:#?}", schema["title"]);
}

#[test]
fn every_schema_is_one_and_a_wrong_document_does_not_pass_it() {
    let names: Vec<String> = serde_json::from_str(&text(&["schema", "--format", "json"])).unwrap();
    assert!(names.len() >= 7, "{names:?}");
    for name in &names {
        assert!(!is_valid(&schema(name), &json!({ "nothing": true })), "{name}");
        assert!(!is_valid(&schema(name), &json!([])), "{name}");
    }
    let refused = Command::new(PROGRAM).args(["schema", "pln"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn a_configuration_is_read_as_strictly_as_the_program_does() {
    let good = json!({
        "migrations": { "tool": "alembic", "lock_timeout": "5s" },
        "environments": { "production": {
            "database_url": "${DATABASE_URL}", "fence": "read-only", "requires": ["review"],
            "backup": { "directory": "/var/backups", "keep_restore_points": "7d" },
            "window": { "from": "02:00", "to": "04:00", "time_zone": "Europe/Berlin" }
        } },
        "validations": [{ "name": "users", "table": "users", "rows": "unchanged" }]
    });
    let schema = schema("config");
    assert_valid(&schema, &good);
    for (path, value) in [
        ("/environments/production", json!({ "databaseurl": "x" })),
        ("/migrations", json!({ "tool": "alembic", "lock_timeout": "5 parsecs" })),
        ("/environments/production/fence", json!("open")),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(path).unwrap() = value;
        assert!(!is_valid(&schema, &bad), "{path}");
    }
    let mut unknown = good;
    unknown["enviroments"] = json!({});
    assert!(!is_valid(&schema, &unknown));
}

/// What a review prints as JSON is written by the reporter; here it is held against the promise.
#[test]
fn findings_are_what_their_schema_says() {
    let fix = Fix::new(
        "Build it while writers go on",
        vec![FixStep::outside("create index concurrently i on t (a)")],
    );
    let finding = Finding {
        code: "SR0301".into(),
        rule: "create-index-blocking".into(),
        severity: Severity::Info,
        file: "migrations/0001.sql".into(),
        line: 1,
        column: 1,
        end_line: 1,
        end_column: 25,
        statement: "create index i on t (a)".into(),
        message: "writers of `t` wait".into(),
        why: "".into(),
        help: "".into(),
        fix: Some(fix),
        lock: Some(LockTaken { mode: "SHARE".into(), relation: "t".into(), rewrite: false, scan: true }),
    };
    let bare = Finding { fix: None, lock: None, severity: Severity::Error, ..finding.clone() };
    let reviewed = |findings: &Findings| -> Value {
        let sources = BTreeMap::new();
        let shown = findings::write(
            findings::format("json").unwrap(),
            &findings::Reviewed {
                findings,
                files: &[],
                sources: &sources,
                rules: &[],
                columns: findings::Columns::Characters,
                theme: Theme::plain(),
                width: 80,
            },
        );
        serde_json::from_str(&shown).unwrap()
    };
    let schema = schema("review");
    assert_valid(&schema, &reviewed(&Findings::new(Vec::new(), 0)));
    let mut document = reviewed(&Findings::new(vec![finding, bare], 1));
    assert_valid(&schema, &document);
    document["findings"][0]["line"] = json!(0);
    assert!(!is_valid(&schema, &document));
}

#[tokio::test]
async fn real_documents_are_what_their_schemas_say() {
    let host = Host::new(cluster().await, PROGRAM, Shape::default()).await;
    let document = |words: &[&str], status: i32| -> Value {
        serde_json::from_str(&host.expect(words, status).stdout).unwrap()
    };
    assert_valid(&schema("plan"), &document(&["plan", "--release", "v2", "--format", "json"], 0));
    assert_valid(&schema("status"), &document(&["status", "--format", "json"], 0));
    let events =
        |ran: &str| ran.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    let deployed = events(&host.expect(&["deploy", "--release", "v2", "--format", "jsonl"], 0).stdout);
    assert!(deployed.len() > 30);
    let of_events = schema("events");
    for event in &deployed {
        assert_valid(&of_events, event);
    }
    assert_valid(&schema("status"), &document(&["status", "--format", "json"], 0));
    let mut wrong = deployed[1].clone();
    wrong["seq"] = json!("one");
    assert!(!is_valid(&of_events, &wrong));

    // The journal has all but what is only shown while it happens.
    let run = host.last_run();
    let replayed = events(&host.expect(&["replay", &run, "--format", "jsonl"], 0).stdout);
    let passing = ["step.progress", "step.output", "monitor.sampled"];
    let kept: Vec<_> =
        deployed.iter().filter(|event| !passing.contains(&event["kind"].as_str().unwrap())).collect();
    assert_eq!(replayed.iter().collect::<Vec<_>>(), kept);

    let back = events(&host.expect(&["rollback", "--format", "jsonl"], 0).stdout);
    for event in &back {
        assert_valid(&of_events, event);
    }
    host.git(&["checkout", "--quiet", "v2"]);
    assert_valid(&schema("up"), &document(&["up", "--to", "r2", "--format", "json"], 0));
    assert_valid(&schema("up"), &document(&["down", "--steps", "1", "--format", "json"], 0));
}

#[tokio::test]
async fn a_run_is_shown_again_as_fast_as_it_is_asked_and_ends_at_a_word() {
    let host = Host::new(cluster().await, PROGRAM, Shape { service: false, ..Shape::default() }).await;
    let ran = host.expect(&host.deploy(), 0);
    let again = host.expect(&["replay"], 0);
    for line in ["back up, restore it, compare", "done: app_"] {
        assert!(ran.stderr.contains(line) && again.stdout.contains(line), "{}", again.stdout);
    }
    let start = std::time::Instant::now();
    host.expect(&["replay", "--speed", "100000"], 0);
    assert!(start.elapsed().as_secs() < 20);
    assert_eq!(host.run(&["replay", "--speed", "0"]).status, Some(2));

    let mut slow = host.command(&["replay", "--speed", "0.1"]);
    let mut slow = slow.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // Its first line says that it hears signals by now.
    let mut first = [0; 1];
    std::io::Read::read_exact(slow.stdout.as_mut().unwrap(), &mut first).unwrap();
    let pid = i32::try_from(slow.id()).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), rustix::process::Signal::INT)
        .unwrap();
    assert_eq!(slow.wait().unwrap().code(), Some(130));
}

#[test]
fn every_shell_is_helped() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = text(&["completions", shell]);
        for word in ["rollback", "accept-loss", "prune"] {
            assert!(script.contains(word), "{shell}: no {word}");
        }
    }
    let script = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(script.path(), text(&["completions", "bash"])).unwrap();
    let read = Command::new("bash").arg("-n").arg(script.path()).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
}

#[test]
fn there_is_a_page_for_every_command() {
    assert!(text(&["man"]).contains(".TH switchback 1"));
    let folder = tempfile::tempdir().unwrap();
    let man = folder.path().join("man1");
    run(&["man", "--dir", man.to_str().unwrap()]);
    let read = |name: &str| std::fs::read_to_string(man.join(name)).unwrap();
    assert!(read("switchback-backup-prune.1").contains("dry"));
    assert!(read("switchback-deploy.1").contains("Example"));
    assert!(!man.join("switchback-internal.1").exists());
}
