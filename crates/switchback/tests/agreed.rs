//! What was agreed to is what runs: the migrations' files when they run, the release, and the
//! configuration that all of it goes by.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use switchback_testkit::{Host, Ran, Shape, State, cluster};

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");
const ALEMBIC: Shape = Shape {
    fence: "closed",
    restore_point: "clone",
    service: false,
    code: false,
    page: false,
    tool: "alembic",
    migrations: "many",
};
const SQL: Shape = Shape { tool: "sql", ..ALEMBIC };

async fn host(shape: Shape) -> Host {
    Host::new(cluster().await, PROGRAM, shape).await
}

/// Checks what every failure must say.
#[track_caller]
fn told(ran: &Ran, status: i32, words: &[&str]) {
    let said = &ran.stderr;
    assert_eq!(ran.status, Some(status), "{said}\n{}", ran.stdout);
    for word in words.iter().chain(&["what changed:", "hint:"]) {
        assert!(said.contains(word), "`{word}` is not in:\n{said}");
    }
}

#[track_caller]
fn assert_unchanged(before: &State, after: &State) {
    let differences = before.differences(after);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Adds a line to a file.
fn append(host: &Host, file: &str, line: &str) {
    let text = std::fs::read_to_string(host.path(file)).unwrap();
    host.write(file, &format!("{text}\n{line}\n"));
}

// The migrations' files.

/// Starts a deploy, waits until the server runs `statement`, does something and ends the statement.
async fn meanwhile(host: &Host, statement: &str, act: impl FnOnce()) -> Ran {
    let mut deploy = host.command(&["deploy"]);
    let deploy = deploy.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let admin = host.cluster().session().await;
    let at_work = "select pid from pg_stat_activity where datname like $1 and query like $2 and state = 'active' \
                   and application_name like '%migrator'";
    let (database, query) = (format!("{}%", host.database().name()), format!("%{statement}%"));
    let start = Instant::now();
    let pid: i32 = loop {
        if let Some(row) = admin.optional(at_work, &[&database, &query]).await.unwrap() {
            break row.get(0);
        }
        assert!(start.elapsed() < Duration::from_mins(2), "{statement} never began");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    act();
    admin.rows("select pg_cancel_backend($1)", &[&pid]).await.unwrap();
    let output = deploy.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

#[tokio::test]
async fn a_script_that_is_changed_while_the_one_before_it_runs_is_not_applied() {
    let host = host(SQL).await;
    // It waits until it is cancelled, and goes on then.
    append(
        &host,
        "code/migrations/0002_r2.up.sql",
        "do $$ begin perform pg_sleep(600); exception when query_canceled then null; end $$;",
    );
    let start = host.state().await;
    let next = "code/migrations/0003_r3.up.sql";
    let ran =
        meanwhile(&host, "pg_sleep(600)", || append(&host, next, "create table never_agreed (id int);"))
            .await;
    told(
        &ran,
        4,
        &["SB0309", "0003 is not applied", "migrations/0003_r3.up.sql", "switchback plan -e production"],
    );
    assert_unchanged(&start, &host.state().await);
}

#[tokio::test]
async fn a_revision_that_is_changed_while_the_one_before_it_runs_is_not_applied() {
    let host = host(ALEMBIC).await;
    let start = host.state().await;
    host.write(
        "hook",
        &format!("echo '# later' >> {}\n", host.path("code/migrations/versions/r3.py").display()),
    );
    let hook = host.path("hook").display().to_string();
    let ran = host.run_with(&["deploy"], &[("MIGRATE_FAULT", "hook r2"), ("MIGRATE_HOOK", &hook)]);
    told(&ran, 4, &["SB0309", "r3 is not applied", "migrations/versions/r3.py"]);
    assert_unchanged(&start, &host.state().await);
}

#[tokio::test]
async fn a_run_that_is_taken_up_again_applies_no_other_files_than_it_was_begun_with() {
    for (shape, dead_in, next) in [
        (SQL, "kill-in:apply:0002", "code/migrations/0003_r3.up.sql"),
        (SQL, "kill-in:apply:0002", "code/migrations/0003_r3.down.sql"),
        (ALEMBIC, "kill-in:apply:r2", "code/migrations/versions/r3.py"),
    ] {
        let host = host(shape).await;
        let start = host.state().await;
        let killed = host.run_with(&["deploy"], &[("SWITCHBACK_FAULT", dead_in)]);
        assert_eq!(killed.status, None, "{}", killed.stderr);
        append(&host, next, if shape.tool == "sql" { "select 1;" } else { "# later" });
        told(&host.run(&["resume"]), 4, &["SB0309", "is not applied"]);
        assert_unchanged(&start, &host.state().await);
    }
}

/// Another folder of files that the migrator can't even read is another folder of files.
#[tokio::test]
async fn a_script_that_went_missing_is_taken_for_a_changed_one() {
    let host = host(SQL).await;
    let start = host.state().await;
    let killed = host.run_with(&["deploy"], &[("SWITCHBACK_FAULT", "kill-in:apply:0002")]);
    assert_eq!(killed.status, None, "{}", killed.stderr);
    for end in ["up", "down"] {
        std::fs::remove_file(host.path(&format!("code/migrations/0003_r3.{end}.sql"))).unwrap();
    }
    told(&host.run(&["resume"]), 4, &["SB0309", "there is no migration 0003"]);
    assert_unchanged(&start, &host.state().await);
}

/// What proves a downgrade is an upgrade by the files that the run applied.
#[tokio::test]
async fn a_downgrade_is_not_proven_by_another_upgrade() {
    let host = host(SQL).await;
    host.expect(&["deploy"], 0);
    host.database().run("insert into public.notes (user_id, body) values (1, 'acknowledged')").await;
    let up = "code/migrations/0003_r3.up.sql";
    let before = std::fs::read_to_string(host.path(up)).unwrap();
    append(&host, up, "select 'another';");
    told(&host.run(&["rollback"]), 5, &["SB0507", "0003_r3.up.sql is not what the run applied"]);
    // A way down may be corrected: whoever is stuck with it has no other way.
    host.write(up, &before);
    append(&host, "code/migrations/0003_r3.down.sql", "select 'corrected';");
    let run = host.last_run();
    host.expect(&["rollback", &run], 0);
    let kept = "select count(*)::text from public.notes where body = 'acknowledged'";
    assert_eq!(host.database().text(kept).await, "1");
}
