//! What was agreed to is what runs: the migrations' files when they run, the release, and the
//! configuration that all of it goes by.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use switchback_testkit::{Host, Ran, Shape, cluster};

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");
const SQL: Shape = Shape { tool: "sql", ..Shape::BARE };

async fn host(shape: Shape) -> Host {
    Host::new(cluster().await, PROGRAM, shape).await
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
    ran.told(
        4,
        &["SB0309", "0003 is not applied", "migrations/0003_r3.up.sql", "switchback plan -e production"],
    );
    start.assert_same(&host.state().await);
}

#[tokio::test]
async fn a_revision_that_is_changed_while_the_one_before_it_runs_is_not_applied() {
    let host = host(Shape::BARE).await;
    let start = host.state().await;
    host.write(
        "hook",
        &format!("echo '# later' >> {}\n", host.path("code/migrations/versions/r3.py").display()),
    );
    let hook = host.path("hook").display().to_string();
    let ran = host.run_with(&["deploy"], &[("MIGRATE_FAULT", "hook r2"), ("MIGRATE_HOOK", &hook)]);
    ran.told(4, &["SB0309", "r3 is not applied", "migrations/versions/r3.py"]);
    start.assert_same(&host.state().await);
}

#[tokio::test]
async fn a_run_that_is_taken_up_again_applies_no_other_files_than_it_was_begun_with() {
    for (shape, dead_in, next) in [
        (SQL, "kill-in:apply:0002", "code/migrations/0003_r3.up.sql"),
        (SQL, "kill-in:apply:0002", "code/migrations/0003_r3.down.sql"),
        (Shape::BARE, "kill-in:apply:r2", "code/migrations/versions/r3.py"),
    ] {
        let host = host(shape).await;
        let start = host.state().await;
        let killed = host.run_with(&["deploy"], &[("SWITCHBACK_FAULT", dead_in)]);
        assert_eq!(killed.status, None, "{}", killed.stderr);
        append(&host, next, if shape.tool == "sql" { "select 1;" } else { "# later" });
        host.run(&["resume"]).told(4, &["SB0309", "is not applied"]);
        start.assert_same(&host.state().await);
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
    host.run(&["resume"]).told(4, &["SB0309", "there is no migration 0003"]);
    start.assert_same(&host.state().await);
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
    host.run(&["rollback"]).told(3, &["SB0310", "0003_r3.up.sql is not what the run applied"]);
    // A way down may be corrected: whoever needs it has no other way.
    host.write(up, &before);
    append(&host, "code/migrations/0003_r3.down.sql", "select 'corrected';");
    let run = host.last_run();
    host.expect(&["rollback", &run], 0);
    let kept = "select count(*)::text from public.notes where body = 'acknowledged'";
    assert_eq!(host.database().text(kept).await, "1");
}

// The release.

const CODE: Shape = Shape { code: true, ..SQL };

/// A plan that names a commit applies what that commit has.
#[tokio::test]
async fn migrations_that_no_commit_has_are_not_deployed_in_its_name() {
    let host = host(CODE).await;
    host.git(&["checkout", "--quiet", "main"]);
    host.write("code/migrations/0007_un.up.sql", "create table never_committed (id int);");
    let start = host.state().await;
    for words in
        [&["plan"][..], &["deploy"], &["deploy", "--release", "main"], &["deploy", "--release", "v1"]]
    {
        host.run(words)
            .told(3, &["SB0805", "migrations/0007_un.up.sql", "nothing was changed", "stash push"]);
    }
    start.assert_same(&host.state().await);
    // Ignored by git is not unread by the migrator.
    host.write("code/.git/info/exclude", "0007*\n");
    host.run(&["deploy", "--release", "main"]).told(3, &["SB0805", "0007_un.up.sql"]);
    std::fs::remove_file(host.path("code/migrations/0007_un.up.sql")).unwrap();
    // Nor is one that was changed what the commit has.
    append(&host, "code/migrations/0003_r3.up.sql", "select 1;");
    host.run(&["plan"]).told(3, &["SB0805", "migrations/0003_r3.up.sql"]);
    host.git(&["checkout", "--", "migrations"]);
    // What is no migration does not matter.
    host.write("code/migrations/notes.txt", "to do");
    host.expect(&["deploy", "--release", "main"], 0);
}

#[tokio::test]
async fn a_migration_that_is_committed_as_the_hint_says_is_deployed() {
    let host = host(CODE).await;
    host.git(&["checkout", "--quiet", "main"]);
    host.write("code/migrations/0007_un.up.sql", "create table committed (id int);");
    let refused = host.run(&["deploy"]);
    let command =
        refused.stderr.lines().find_map(|line| line.split_once("make a release of them: ")).unwrap().1;
    shell(&host, command);
    host.expect(&["deploy"], 0);
    assert_eq!(
        host.database().text("select to_regclass('public.committed')::text").await,
        "public.committed"
    );
}

// The configuration.

/// Types a command as a person would, in the host's folder.
#[track_caller]
fn shell(host: &Host, command: &str) {
    let folder = Path::new(PROGRAM).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    let mut shell = Command::new("sh");
    shell.args(["-euc", command]).current_dir(host.path("code")).env("APP_URL", host.url().expose());
    shell.env("PATH", std::env::join_paths(places).unwrap());
    for role in ["AUTHOR", "COMMITTER"] {
        shell
            .env(format!("GIT_{role}_NAME"), "test")
            .env(format!("GIT_{role}_EMAIL"), "test@example.invalid");
    }
    let output = shell.output().unwrap();
    let said =
        [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    assert!(output.status.success(), "{command}:\n{said}");
}

/// Moves the configuration into the checkout.
fn into_the_checkout(host: &Host) -> String {
    let root = host.path(".").display().to_string();
    let text = std::fs::read_to_string(host.path("switchback.toml")).unwrap();
    let text = text
        .replace("\"code/migrations\"", "\"migrations\"")
        .replace("\"code\"", "\".\"")
        .replace("code/app.log", "app.log")
        .replace("\"backups\"", &format!("\"{root}/backups\""));
    std::fs::remove_file(host.path("switchback.toml")).unwrap();
    host.write("code/switchback.toml", &text);
    text
}

/// The program, called inside the checkout.
fn inside(host: &Host, words: &[&str]) -> Ran {
    let output = host.command(words).current_dir(host.path("code")).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// The command of the hint that keeps the configuration.
#[track_caller]
fn kept(ran: &Ran) -> &str {
    let after = ran.stderr.lines().find_map(|line| line.split_once("name it from now on: "));
    after.unwrap_or_else(|| panic!("no such hint in:\n{}", ran.stderr)).1
}

#[tokio::test]
async fn a_release_that_would_take_the_configuration_along_is_refused() {
    for (in_v2, says) in [(None, "does not have it"), (Some("# another\n"), "has another one")] {
        let host = host(CODE).await;
        let text = into_the_checkout(&host);
        // The release, and the checkout that has the file.
        host.git(&["checkout", "--quiet", "v2"]);
        std::fs::remove_file(host.path("code/switchback.toml")).unwrap();
        if let Some(first) = in_v2 {
            host.write("code/switchback.toml", &format!("{first}{text}"));
            host.git(&["add", "-A"]);
            host.git(&["commit", "--quiet", "-m", "configured"]);
        }
        host.git(&["tag", "next"]);
        host.git(&["checkout", "--quiet", "v1"]);
        host.write("code/switchback.toml", &text);
        host.git(&["add", "-A"]);
        host.git(&["commit", "--quiet", "-m", "configured"]);
        let refused = inside(&host, &["deploy", "--release", "next"]);
        refused.told(3, &["SB0301", "switchback.toml", says, "nothing was changed"]);
        assert!(!refused.stderr.contains("stash push"), "{}", refused.stderr);
        assert_eq!(host.revision().await, "r1");
        shell(&host, kept(&refused));
        assert_eq!(host.revision().await, "r3");
    }
}

#[tokio::test]
async fn a_configuration_that_is_changed_is_not_put_aside() {
    // Tracked and changed; or not tracked, where the release has one.
    for tracked in [true, false] {
        let host = host(CODE).await;
        let text = into_the_checkout(&host);
        let commit = |tag: &str| {
            host.git(&["add", "-A"]);
            host.git(&["commit", "--quiet", "-m", tag]);
            host.git(&["tag", tag]);
        };
        host.git(&["checkout", "--quiet", "v2"]);
        commit("next");
        host.git(&["checkout", "--quiet", "v1"]);
        host.write("code/switchback.toml", &text);
        if tracked {
            commit("now");
        }
        append(&host, "code/switchback.toml", "# changed");
        let refused = inside(&host, &["deploy", "--release", "next"]);
        refused.told(3, &["SB0301", "switchback.toml", "nothing was changed"]);
        assert!(!refused.stderr.contains("stash push"), "{}", refused.stderr);
        shell(&host, kept(&refused));
        assert_eq!(host.revision().await, "r3");
        let kept = std::fs::read_to_string(host.path("code/switchback.local.toml")).unwrap();
        assert!(kept.ends_with("# changed\n"), "{kept}");
    }
}
