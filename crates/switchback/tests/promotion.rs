//! From staging to production: what must be on record, who agreed, when, and what of it is kept.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::path::Path;

use serde_json::Value;
use switchback_testkit::{Host, Ran, Shape, TestDatabase, cluster};

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");
/// The files in place and no application: what is asked for here is over before anything is stopped.
const BARE: Shape = Shape {
    tool: "alembic",
    fence: "closed",
    restore_point: "clone",
    service: false,
    code: false,
    page: false,
    migrations: "many",
};

/// A host with two environments, each with a database of its own.
struct Promoting {
    host: Host,
    staging: TestDatabase,
}

impl Promoting {
    async fn new(requires: &str) -> Self {
        let host = Host::new(cluster().await, PROGRAM, BARE).await;
        let staging = host.cluster().database("staging").await;
        staging.run(include_str!("../../testkit/src/host/r1.up.sql")).await;
        let admin = host.cluster().url("postgres").expose();
        let text = std::fs::read_to_string(host.path("switchback.toml")).unwrap();
        host.write(
            "switchback.toml",
            &format!(
                "{text}\n[environments.staging]\ndatabase_url = \"${{STAGING_URL}}\"\nmaintenance_url = \"{admin}\"\n\
                 scratch_url = \"{admin}\"\n[environments.staging.backup]\njobs = 1\n"
            ),
        );
        host.configure("fence =", &format!("requires = {requires}\nfence ="));
        Self { host, staging }
    }

    fn run(&self, words: &[&str]) -> Ran {
        self.run_as("eve", words)
    }

    fn run_as(&self, user: &str, words: &[&str]) -> Ran {
        let url = self.staging.url();
        self.host.run_with(words, &[("STAGING_URL", &url.expose()), ("SUDO_USER", user)])
    }

    #[track_caller]
    fn expect(&self, words: &[&str], status: i32) -> Ran {
        expect(self.run(words), words, status)
    }

    #[track_caller]
    fn plan(&self) -> Value {
        json(&self.expect(&["plan", "-e", "production", "--format", "json"], 0))
    }

    #[track_caller]
    fn ledger(&self) -> Vec<Value> {
        ledger(&self.host)
    }
}

/// A file's permission bits.
fn mode(path: &Path) -> u32 {
    std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(path).unwrap()) & 0o777
}

#[track_caller]
fn expect(ran: Ran, words: &[&str], status: i32) -> Ran {
    assert_eq!(ran.status, Some(status), "{words:?}\n{}\n{}", ran.stdout, ran.stderr);
    ran
}

#[track_caller]
fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap()
}

#[track_caller]
fn ledger(host: &Host) -> Vec<Value> {
    let text = std::fs::read_to_string(host.path(".switchback/ledger.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["entry"].clone()).collect()
}

fn ends(entries: &[Value]) -> Vec<(&str, &str)> {
    entries
        .iter()
        .map(|entry| (entry["environment"].as_str().unwrap(), entry["end"].as_str().unwrap()))
        .collect()
}

#[track_caller]
fn gate<'a>(plan: &'a Value, name: &str) -> &'a Value {
    let states = plan["gate_states"].as_array().unwrap();
    states.iter().find(|state| state["name"] == name).unwrap_or_else(|| panic!("{name} in {states:?}"))
}

/// The words after `switchback` of the hint that begins so.
#[track_caller]
fn hint(said: &str, words: &str) -> Vec<String> {
    let line = said.lines().find_map(|line| line.split_once(&format!("switchback {words}")));
    let rest = line.unwrap_or_else(|| panic!("no hint with `switchback {words}` in\n{said}")).1;
    let rest = rest.split(';').next().unwrap();
    words.split(' ').chain(rest.split_whitespace()).map(str::to_owned).collect()
}

#[tokio::test]
async fn production_waits_for_staging_and_one_that_was_taken_back_does_not_count() {
    let here = Promoting::new("[\"staging\"]").await;
    let refused = here.expect(&["deploy", "-e", "production"], 3);
    assert!(refused.stderr.contains("SB0302"), "{}", refused.stderr);
    let typed = hint(&refused.stderr, "deploy -e staging");
    assert_eq!(gate(&here.plan(), "staging")["passed"], false);

    here.expect(&typed.iter().map(String::as_str).collect::<Vec<_>>(), 0);
    let passed = gate(&here.plan(), "staging").clone();
    assert_eq!(passed["passed"], true, "{passed}");

    here.expect(&["rollback", "-e", "staging"], 0);
    let refused = here.expect(&["deploy", "-e", "production"], 3);
    assert!(refused.stderr.contains("taken back"), "{}", refused.stderr);

    here.expect(&["deploy", "-e", "staging"], 0);
    let done = here.expect(&["deploy", "-e", "production"], 0);
    drop(done);
    let entries = here.ledger();
    let told = ends(&entries);
    assert_eq!(
        told,
        [
            ("staging", "succeeded"),
            ("staging", "rolled_back"),
            ("staging", "succeeded"),
            ("production", "succeeded")
        ]
    );
    assert_eq!(entries[1]["way_back"], "swap");
    assert_eq!(entries[3]["operator"], "eve");
    assert_eq!(entries[3]["revision_after"][0], "r3");
    here.expect(&["runs", "verify", "-e", "production"], 0);
}

/// The record alone says that it succeeded: the run's journal is on another machine.
#[tokio::test]
async fn records_are_carried_to_another_machine_and_back() {
    let (there, here) = (Promoting::new("[]").await, Promoting::new("[\"staging\"]").await);
    there.expect(&["deploy", "-e", "staging"], 0);
    there.expect(&["record", "export", "out.json", "-e", "staging", "--kind", "staging"], 0);
    there.expect(&["record", "export", "out.json", "-e", "staging"], 2);
    let file = there.host.path("out.json").display().to_string();
    here.expect(&["deploy", "-e", "production"], 3);

    // What was damaged on the way, or is none of ours, is refused as a whole.
    let whole = std::fs::read_to_string(&file).unwrap();
    for (broken, why) in [
        (whole.replace("\"eve\"", "\"bob\""), "checksum"),
        (whole[..whole.len() / 2].to_owned(), "no JSON"),
        (whole.replace("\"records\": 1", "\"records\": 9"), "format 9"),
        ("{}".to_owned(), "did not write it"),
    ] {
        here.host.write("broken.json", &broken);
        let refused = here.expect(&["record", "import", "broken.json", "-e", "production"], 3);
        assert!(refused.stderr.contains("SB0706") && refused.stderr.contains(why), "{}", refused.stderr);
    }
    here.expect(&["deploy", "-e", "production"], 3);

    let first = here.expect(&["record", "import", &file, "-e", "production"], 0);
    assert!(first.stdout.contains("1 new"), "{}", first.stdout);
    let again = here.expect(&["record", "import", &file, "-e", "production"], 0);
    assert!(again.stdout.contains("0 new, 1 known"), "{}", again.stdout);
    assert_eq!(gate(&here.plan(), "staging")["passed"], true);

    // There it is taken back, and that is carried too.
    there.expect(&["rollback", "-e", "staging"], 0);
    there.expect(&["record", "export", "later.json", "-e", "staging"], 0);
    let later = there.host.path("later.json").display().to_string();
    let second = here.expect(&["record", "import", &later, "-e", "production"], 0);
    assert!(second.stdout.contains("1 new, 1 known"), "{}", second.stdout);
    here.expect(&["deploy", "-e", "production"], 3);

    // A damaged file in the folder may be the one that withdraws: nothing counts.
    let records = std::fs::read_dir(here.host.path(".switchback/records")).unwrap();
    for record in records.map(|entry| entry.unwrap().path()) {
        assert_eq!(mode(&record), 0o600);
        std::fs::write(record, "{").unwrap();
    }
    let refused = here.expect(&["deploy", "-e", "production"], 3);
    assert!(refused.stderr.contains("SB0706"), "{}", refused.stderr);
}

#[tokio::test]
async fn an_approval_is_of_these_migrations_for_this_target() {
    let here = Promoting::new("[\"approval\"]").await;
    let refused = here.expect(&["deploy", "-e", "production"], 3);
    let typed = hint(&refused.stderr, "approve");
    let typed: Vec<&str> = typed.iter().map(String::as_str).collect();
    for digest in ["0123456789ab", &typed[1][..4]] {
        let wrong = here.expect(&["approve", digest, "-e", "production"], 3);
        assert!(wrong.stderr.contains("SB0312"), "{}", wrong.stderr);
    }
    // Another environment's approval is not this one's.
    here.expect(&["approve", typed[1], "-e", "staging"], 0);
    let other = here.expect(&["deploy", "-e", "production"], 3);
    assert!(other.stderr.contains("not for production"), "{}", other.stderr);

    expect(here.run_as("ann", &[typed.clone(), vec!["--note", "read it"]].concat()), &typed, 0);
    let plan = here.plan();
    let found = gate(&plan, "approval")["detail"].as_str().unwrap();
    assert!(found.contains("by ann") && found.contains("read it"), "{found}");
    assert!(!plan["notes"].to_string().contains("nobody else"), "{}", plan["notes"]);

    // One changed letter, and it is another plan.
    let path = "code/migrations/versions/r3.py";
    let text = std::fs::read_to_string(here.host.path(path)).unwrap();
    here.host.write(path, &text.replace("of the test", "of a test"));
    let refused = here.expect(&["deploy", "-e", "production"], 3);
    assert!(refused.stderr.contains("nobody approved"), "{}", refused.stderr);
    here.host.write(path, &text);
    let done = expect(here.run_as("bob", &["deploy", "-e", "production"]), &["deploy"], 0);
    drop(done);
    let report = here.expect(&["report", "-e", "production"], 0).stdout;
    assert!(report.contains("approval: passed, approved by ann"), "{report}");
}

#[tokio::test]
async fn whoever_approves_what_they_deploy_is_named_in_plan_and_report() {
    let here = Promoting::new("[\"approval\"]").await;
    let digest = here.plan()["digest"].as_str().unwrap().to_owned();
    here.expect(&["approve", &digest, "-e", "production", "--valid-for", "1d"], 0);
    let plan = here.expect(&["plan", "-e", "production"], 0).stdout;
    assert!(plan.contains("eve, who also deploys"), "{plan}");
    here.expect(&["deploy", "-e", "production"], 0);
    let report = here.expect(&["report", "-e", "production"], 0).stdout;
    assert!(report.contains("eve, who also deploys"), "{report}");
}

/// Between planning and the lease somebody took staging back.
#[tokio::test]
async fn the_gates_are_looked_at_again_under_the_lease() {
    let here = Promoting::new("[\"staging\"]").await;
    here.expect(&["deploy", "-e", "staging"], 0);
    let url = here.staging.url();
    let variables = [("STAGING_URL", url.expose()), ("SWITCHBACK_FAULT", "kill-in:lease".into())];
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_ref())).collect();
    let killed = here.host.run_with(&["deploy", "-e", "production"], &variables);
    assert_eq!(killed.status, None, "{}", killed.stderr);
    here.expect(&["rollback", "-e", "staging"], 0);
    let start = here.host.database().text("select version_num from public.alembic_version").await;
    let refused = here.expect(&["resume", "-e", "production"], 3);
    assert!(refused.stderr.contains("SB0302"), "{}", refused.stderr);
    assert_eq!(here.host.database().text("select version_num from public.alembic_version").await, start);
    let entries = here.ledger();
    assert_eq!(ends(&entries).last(), Some(&("production", "refused")));
}

// The ledger.

#[tokio::test]
async fn a_line_that_a_crash_left_out_is_written_by_the_next_command() {
    let host = Host::new(cluster().await, PROGRAM, BARE).await;
    host.expect(&["deploy"], 0);
    host.expect(&["rollback"], 0);
    let entries = host.run(&["runs", "show", &host.last_run(), "--format", "json"]);
    let last = json(&entries)["seq"].as_u64().unwrap();
    // The whole journal of such a deploy, of which the last entry is `run.finished`.
    let text = std::fs::read_to_string(host.path(".switchback/ledger.jsonl")).unwrap();
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert!(first["entry"]["seq"].as_u64().unwrap() < last);
    let lines = host.journal().len();
    let finished = (1..=lines).find(|n| host.journal()[n - 1].contains("\"run.finished\"")).unwrap();
    let fault = format!("kill-after:{finished}");
    let killed = host.run_with(&["deploy"], &[("SWITCHBACK_FAULT", &fault)]);
    assert_eq!(killed.status, None, "{}", killed.stderr);
    assert_eq!(ledger(&host).len(), 2);
    let missing = host.expect(&["runs", "verify"], 1);
    assert!(missing.stdout.contains("no line"), "{}", missing.stdout);
    // A record of its success is missing as well until then.
    assert_eq!(json(&host.expect(&["record", "list", "--format", "json"], 0)).as_array().unwrap().len(), 2);
    host.expect(&["rollback"], 0);
    let entries = ledger(&host);
    let told: Vec<_> = ends(&entries).into_iter().map(|(_, end)| end).collect();
    assert_eq!(told, ["succeeded", "rolled_back", "succeeded", "rolled_back"]);
    host.expect(&["runs", "verify"], 0);
}

#[tokio::test]
async fn a_changed_line_is_named_and_a_lost_ledger_comes_back_when_asked_for() {
    let host = Host::new(cluster().await, PROGRAM, BARE).await;
    host.expect(&["deploy"], 0);
    let killed = host.run_with(&["rollback"], &[("SWITCHBACK_FAULT", "kill-in-undo:close")]);
    assert_eq!(killed.status, None, "{}", killed.stderr);
    host.database().run("update public.users set points = 777 where id = 3").await;
    host.expect(&["resume"], 5);
    host.expect(&["rollback", &host.last_run(), "--accept-loss"], 0);
    let failed = host.run_with(&["deploy"], &[("MIGRATE_FAULT", "fail r3")]);
    assert_eq!(failed.status, Some(4), "{}", failed.stderr);
    let entries = ledger(&host);
    let told: Vec<_> = ends(&entries).into_iter().map(|(_, end)| end).collect();
    assert_eq!(told, ["succeeded", "stuck", "rolled_back", "undone"]);
    assert!(entries[3]["failure"].as_str().unwrap().starts_with("SB0408"), "{}", entries[3]);
    assert!(entries[3]["backup"].is_string());
    let path = host.path(".switchback/ledger.jsonl");
    assert_eq!(mode(&path), 0o600);
    let text = std::fs::read_to_string(&path).unwrap();

    std::fs::write(&path, text.replacen("\"stuck\"", "\"tidy\"", 1)).unwrap();
    let broken = host.expect(&["runs", "verify"], 1);
    assert!(
        broken.stderr.contains("SB0707") && broken.stderr.contains("ledger.jsonl:2"),
        "{}",
        broken.stderr
    );

    std::fs::remove_file(&path).unwrap();
    let missing = host.expect(&["runs", "verify"], 1);
    assert_eq!(missing.stdout.matches("no line").count(), 4, "{}", missing.stdout);
    assert!(!path.exists(), "it came back unasked");
    host.expect(&["runs", "verify", "--rebuild"], 0);
    let rebuilt = ledger(&host);
    let told: Vec<_> = ends(&rebuilt).into_iter().map(|(_, end)| end).collect();
    assert_eq!(told, ["succeeded", "stuck", "rolled_back", "undone"]);
    assert!(rebuilt.iter().all(|entry| entry["later"] == true));

    // The journal goes, and the ledger still knows.
    let run = host.last_run();
    std::fs::remove_dir_all(host.path(".switchback/runs").join(&run)).unwrap();
    let list = host.expect(&["runs", "list"], 0).stdout;
    assert!(list.contains(&run) && list.contains("undone"), "{list}");
    let shown = host.expect(&["runs", "show", &run], 0).stdout;
    assert!(shown.contains("not here any more") && shown.contains("SB0408"), "{shown}");
}

// Release and revision.

#[tokio::test]
async fn an_old_release_is_not_started_on_a_schema_that_it_does_not_know() {
    let host = Host::new(cluster().await, PROGRAM, Shape::default()).await;
    let begin = host.state().await;
    host.expect(&host.deploy(), 0);
    let run = host.last_run();
    let before = host.state().await;
    let refused = host.expect(&["deploy", "--release", "v1"], 3);
    for word in ["SB0311", "v1", "r3"] {
        assert!(refused.stderr.contains(word), "{word} in {}", refused.stderr);
    }
    assert!(before.differences(&host.state().await).is_empty());

    // The same where nobody deploys: the checkout was moved by hand.
    host.expect(&["service", "stop"], 0);
    host.git(&["checkout", "--quiet", "v1"]);
    let refused = host.expect(&["service", "start"], 3);
    assert!(refused.stderr.contains("SB0311"), "{}", refused.stderr);
    host.git(&["checkout", "--quiet", "v2"]);
    host.expect(&["service", "start"], 0);

    let typed = hint(&refused.stderr, "rollback");
    assert_eq!(typed[1], run);
    host.expect(&typed.iter().map(String::as_str).collect::<Vec<_>>(), 0);
    let mut differences = begin.differences(&host.state().await);
    differences.retain(|line| !line.starts_with("databases: "));
    assert!(differences.is_empty(), "{}", differences.join("\n"));

    // Newer than the schema is as wrong as older.
    host.expect(&["service", "stop"], 0);
    host.git(&["checkout", "--quiet", "v2"]);
    let refused = host.expect(&["service", "start"], 3);
    assert!(refused.stderr.contains("wants revision r3"), "{}", refused.stderr);
    host.expect(&["service", "start", "--unchecked"], 0);
}

// The window.

/// The program under another clock; `None` where there is no faketime.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn at_another_time(host: &Host, offset: &str, words: &[&str]) -> Option<Ran> {
    let library =
        ["x86_64", "aarch64"].map(|cpu| format!("/usr/lib/{cpu}-linux-gnu/faketime/libfaketime.so.1"));
    let library = library.into_iter().find(|path| Path::new(path).is_file());
    let Some(library) = library else {
        eprintln!("skipped: the package faketime is not installed");
        return None;
    };
    let variables = [
        ("LD_PRELOAD", library.as_str()),
        ("FAKETIME", offset),
        ("DONT_FAKE_MONOTONIC", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    Some(host.run_with(words, &variables))
}

/// A window of every day, by its distance from now.
fn window(from: i64, to: i64) -> String {
    let at = |minutes: i64| {
        let time = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
        time.strftime("%H:%M").to_string()
    };
    format!("window = {{ from = \"{}\", to = \"{}\", time_zone = \"UTC\" }}\nfence =", at(from), at(to))
}

/// The application may take an hour and a half to stop: that is what the run must be given.
#[tokio::test]
async fn a_window_that_is_too_short_refuses_before_anything_is_touched() {
    let host = Host::new(cluster().await, PROGRAM, Shape::default()).await;
    host.configure("grace = \"5s\"", "grace = \"90m\"");
    let start = host.state().await;
    let open = window(-60, 60);
    host.configure("fence =", &open);
    let short = host.expect(&host.deploy(), 3);
    for said in ["SB0306", "open for another", "needs about 91 min", "it opens next on"] {
        assert!(short.stderr.contains(said), "{said}\n{}", short.stderr);
    }
    host.configure(&open, &window(120, 180));
    let small = host.expect(&[host.deploy(), vec!["--wait"]].concat(), 3);
    for said in ["SB0306", "the window that opens on", "[environments.production]"] {
        assert!(small.stderr.contains(said), "{said}\n{}", small.stderr);
    }
    start.assert_same(&host.state().await);
    assert!(!host.path(".switchback/runs").exists(), "a run was begun");
}

#[tokio::test]
async fn a_backup_that_took_too_long_does_not_push_the_downtime_out_of_the_window() {
    let host = Host::new(cluster().await, PROGRAM, Shape::default()).await;
    host.configure("fence =", &window(-60, 60));
    // Nothing that is prepared has to be taken back: then nothing was changed.
    host.configure("prepare = [\"true\"]", "");
    let start = host.state().await;
    let killed = host.run_with(&host.deploy(), &[("SWITCHBACK_FAULT", "kill-in:backup")]);
    assert_eq!(killed.status, None, "{}", killed.stderr);
    let Some(late) = at_another_time(&host, "+3h", &["resume"]) else { return };
    assert_eq!(late.status, Some(3), "{}", late.stderr);
    assert!(late.stderr.contains("SB0306"), "{}", late.stderr);
    start.assert_same(&host.state().await);

    // The look is over, and the process dies before it takes anything away: the run is kept, and a
    // person says which way it goes.
    let killed = host.run_with(&host.deploy(), &[("SWITCHBACK_FAULT", "kill-in:window")]);
    assert_eq!(killed.status, None, "{}", killed.stderr);
    // Resumed in the window, its second entry after `run.started` and `step.started` may be a
    // warning: the entry that is looked for is the end of the step.
    let begun = host.journal().len();
    let mut entry = 3;
    while !ended_window(&host.journal()) {
        assert!(entry < 6 && host.journal().len() < begun + 20, "the look at the window never ended");
        let killed = host.run_with(&["resume"], &[("SWITCHBACK_FAULT", &format!("kill-after:{entry}"))]);
        assert_eq!(killed.status, None, "{}", killed.stderr);
        entry += 1;
    }
    let late = at_another_time(&host, "+3h", &["resume"]).unwrap();
    assert_eq!(late.status, Some(3), "{}", late.stderr);
    assert!(late.stderr.contains("SB0306") && late.stderr.contains("switchback abort"), "{}", late.stderr);
    expect(at_another_time(&host, "+3h", &["abort"]).unwrap(), &["abort"], 0);
    start.assert_same(&host.state().await);
}

fn ended_window(journal: &[String]) -> bool {
    journal.iter().any(|line| line.contains("\"step.finished\"") && line.contains("\"step\":\"window\""))
}

/// Once users see no application, the way ahead is as good as the way back.
#[tokio::test]
async fn a_run_that_is_past_the_window_goes_on_when_the_application_is_down() {
    let host = Host::new(cluster().await, PROGRAM, Shape::default()).await;
    host.configure("fence =", &window(-60, 60));
    let killed = host.run_with(&host.deploy(), &[("SWITCHBACK_FAULT", "kill-in:stop")]);
    assert_eq!(killed.status, None, "{}", killed.stderr);
    let Some(late) = at_another_time(&host, "+3h", &["resume"]) else { return };
    assert_eq!(late.status, Some(0), "{}", late.stderr);
}

#[tokio::test]
async fn a_run_that_is_begun_early_waits_for_its_window() {
    let host = Host::new(cluster().await, PROGRAM, Shape::default()).await;
    host.configure("fence =", &window(120, 180));
    let refused = host.expect(&host.deploy(), 3);
    assert!(refused.stderr.contains("SB0306") && refused.stderr.contains("--wait"), "{}", refused.stderr);
    // Backed up long before it opens, the run is in the hands of the next process, seconds before.
    let opens = (jiff::Timestamp::now().as_second() / 60) * 60 + 120 * 60;
    let words = [host.deploy(), vec!["--wait"]].concat();
    let killed = host.run_with(&words, &[("SWITCHBACK_FAULT", "kill-in:prepare")]);
    assert_eq!(killed.status, None, "{}", killed.stderr);
    let offset = format!("+{}", opens - jiff::Timestamp::now().as_second() - 6);
    let Some(done) = at_another_time(&host, &offset, &["resume"]) else { return };
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    let events: Vec<Value> = host
        .journal()
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].clone())
        .collect();
    let at = |step: &str, kind: &str| {
        let found = events.iter().find(|event| event["step"] == step && event["kind"] == kind).unwrap();
        found["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second()
    };
    assert!(at("backup", "step.finished") < opens, "the backup was not made before the window");
    assert!(at("maintenance", "step.started") >= opens, "users were sent away before the window");
}

// Tests of the user.

const SMOKE: &str = "\n[[smoke]]\nname = \"the page is closed and the answer is new\"\ncommand = [\"sh\", \"-euc\", \
    \"test -e ../maintenance.flag; test $SWITCHBACK_ENVIRONMENT = production; test -n $SWITCHBACK_RUN; \
    python3 -c 'import os, urllib.request; print(urllib.request.urlopen(os.environ[\\\"SWITCHBACK_BASE_URL\\\"] + \\\"/health\\\").read().decode())' | grep two; \
    psql -X -At $DATABASE_URL -c 'select version_num from alembic_version' | grep r3\"]\n";

fn with_smoke(host: &Host, more: &str) {
    let text = std::fs::read_to_string(host.path("switchback.toml")).unwrap();
    host.write("switchback.toml", &format!("{text}{more}"));
}

#[tokio::test]
async fn critical_functions_and_tests_are_tried_behind_the_page() {
    let host = Host::new(cluster().await, PROGRAM, Shape::default()).await;
    with_smoke(&host, SMOKE);
    // Neither is for this environment.
    with_smoke(
        &host,
        "\n[[smoke]]\nname = \"elsewhere\"\ncommand = [\"false\"]\nenvironments = [\"staging\"]\n\
        \n[environments.staging]\ntests = [[\"false\"]]\n",
    );
    host.configure(
        "fence =",
        "tests = [[\"sh\", \"-c\", \"test -e ../maintenance.flag && touch ../tested\"]]\nfence =",
    );
    let words = [host.deploy(), vec!["-e", "production"]].concat();
    host.expect(&words, 0);
    assert!(host.path("tested").exists());
    let steps = host.expect(&["runs", "show", &host.last_run(), "-e", "production"], 0).stdout;
    assert!(steps.contains("smoke test: the page is closed"), "{steps}");
    assert!(steps.contains("own tests"), "{steps}");
    host.run(&["service", "stop", "-e", "production"]);
}

#[tokio::test]
async fn a_test_that_fails_or_hangs_takes_the_run_back_with_its_last_words() {
    let failing =
        "\n[[smoke]]\nname = \"log in\"\ncommand = [\"sh\", \"-c\", \"echo no such user >&2; exit 7\"]\n";
    let hanging = "\n[[smoke]]\nname = \"log in\"\ncommand = [\"sh\", \"-c\", \"echo no such user; exec sleep 600\"]\ntimeout = \"1s\"\n";
    for (smoke, tests, named) in [
        (failing, "", "`log in`"),
        (hanging, "", "`log in`"),
        ("", "tests = [[\"sh\", \"-c\", \"echo no such user; false\"]]\n", "the application's tests"),
    ] {
        let host = Host::new(cluster().await, PROGRAM, Shape::default()).await;
        with_smoke(&host, smoke);
        host.configure("fence =", &format!("{tests}fence ="));
        let start = host.state().await;
        let failed = host.expect(&host.deploy(), 4);
        for word in ["SB0809", named, "no such user"] {
            assert!(failed.stderr.contains(word), "{word} in {}", failed.stderr);
        }
        let differences = start.differences(&host.state().await);
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }
}

#[tokio::test]
async fn a_release_that_is_not_prepared_stops_nothing() {
    let host = Host::new(cluster().await, PROGRAM, Shape::default()).await;
    host.configure("prepare = [\"true\"]", "prepare = [\"true\"]\nprepared = [\"sh\", \"-c\", \"grep v1 VERSION || (echo half of it is missing; false)\"]");
    let start = host.state().await;
    let failed = host.expect(&host.deploy(), 4);
    assert!(failed.stderr.contains("half of it is missing"), "{}", failed.stderr);
    assert!(!failed.stderr.contains("stop the application"), "{}", failed.stderr);
    start.assert_same(&host.state().await);
}
