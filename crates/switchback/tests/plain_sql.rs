//! Plain SQL, end to end: scripts that Switchback runs itself.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use switchback_testkit::{Ran, TestDatabase, cluster};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");

/// A folder of scripts and their target, without an application.
struct Project {
    folder: TempDir,
    database: TestDatabase,
}

impl Project {
    /// With its first script, which is not applied yet.
    async fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("sb-sql-").tempdir().unwrap();
        let project = Self { folder, database: cluster().await.database("sql").await };
        std::fs::create_dir(project.folder.path().join("migrations")).unwrap();
        project.write("switchback.toml", CONFIGURATION);
        project.script(
            "0001_users",
            "create table users (id bigserial primary key, email text);\n\
             insert into users (email) select 'u' || n from generate_series(1, 10) n;",
            Some("drop table users;"),
        );
        project
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn script(&self, name: &str, up: &str, down: Option<&str>) {
        self.write(&format!("migrations/{name}.up.sql"), up);
        if let Some(down) = down {
            self.write(&format!("migrations/{name}.down.sql"), down);
        }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.current_dir(self.folder.path()).arg("--yes").args(words);
        command.env("DATABASE_URL", self.database.url().expose()).env_remove("SWITCHBACK_FAULT");
        command
    }

    fn expect(&self, words: &[&str], status: i32) -> Ran {
        let output = self.command(words).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let ran =
            Ran { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) };
        assert_eq!(ran.status, Some(status), "{words:?}\n{}\n{}", ran.stdout, ran.stderr);
        ran
    }

    fn document(&self, words: &[&str], status: i32) -> Value {
        let ran = self.expect(&[words, &["--format", "json"]].concat(), status);
        serde_json::from_str(&ran.stdout).unwrap()
    }

    fn current(&self) -> Value {
        self.document(&["status"], 0)["current"].clone()
    }

    /// Starts a deploy, and kills it while this statement runs.
    async fn killed_in(&self, statement: &str) {
        let mut deploy = self.command(&["deploy"]);
        let deploy = deploy.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let deploy = Killed(deploy);
        let admin = cluster().await.session().await;
        let at_work = "select 1 from pg_stat_activity where datname like $1 and query like $2 and state = 'active' \
                       and application_name like '%migrator'";
        let (database, query) = (format!("{}%", self.database.name()), format!("{statement}%"));
        let start = Instant::now();
        while admin.optional(at_work, &[&database, &query]).await.unwrap().is_none() {
            assert!(start.elapsed() < Duration::from_mins(1), "{statement} never began");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        drop(deploy);
    }

    async fn yes(&self, question: &str) -> bool {
        self.database.text(&format!("select ({question})::text")).await == "true"
    }

    fn runs(&self) -> usize {
        std::fs::read_dir(self.folder.path().join(".switchback/runs")).map_or(0, Iterator::count)
    }
}

/// A child that is killed where it is dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

const CONFIGURATION: &str = "[migrations]\ntool = \"sql\"\n\n[environments.production]\n\
    database_url = \"${DATABASE_URL}\"\nscratch_url = \"${DATABASE_URL}\"\n\n\
    [environments.production.backup]\ndirectory = \"backups\"\njobs = 1\n";

fn revisions(moved: &Value) -> Vec<&str> {
    moved.as_array().unwrap().iter().map(|moved| moved["revision"].as_str().unwrap()).collect()
}

/// A script with all that a naive splitter cuts in two.
const NASTY: &str = r#"-- a; comment
create function twice(n int) returns int language sql begin atomic; select case when n > 0 then n * 2 end; end;
do $do$ begin raise notice 'half; way'; end $do$;
create type mood as enum ('ok'); /* nested /* ; */ */
alter type mood add value 'good';
create table "odd;name" (a text, b text default E'it\'s;');
copy "odd;name" (a, b) from stdin;
one;	\N
two	x
\.
create rule twice as on delete to "odd;name" do also (select 1; select 2);
set role nobody_in_particular;
"#;

#[tokio::test]
async fn scripts_are_deployed_and_taken_back() {
    let project = Project::new().await;
    let role = cluster().await.role("nobody", "").await;
    project.expect(&["up"], 0);
    project.script(
        "0002_nasty",
        &NASTY.replace("nobody_in_particular", &role),
        Some("drop table \"odd;name\";"),
    );
    project.script(
        "0005_index",
        "create table tags (id int);\ncreate index concurrently users_email on users (email);\n",
        Some("drop table tags;\ndrop index concurrently users_email;"),
    );
    let plan = project.expect(&["plan"], 0).stdout;
    assert!(plan.contains("0005 is not one transaction: line 2, create index concurrently"), "{plan}");
    project.expect(&["deploy"], 0);
    assert_eq!(project.current(), json!(["0005"]));
    let rows = "select count(*) filter (where b is null) = 1 and count(*) = 2 from public.\"odd;name\"";
    assert!(project.yes(rows).await);
    assert!(
        project
            .yes("select indisvalid from pg_index where indexrelid = 'public.users_email'::regclass")
            .await
    );
    let history = "select string_agg(version || ' ' || name || ' ' || length(checksum), ', ' order by version) \
                   from public.switchback_migrations";
    assert_eq!(project.database.text(history).await, "0001 users 64, 0002 nasty 64, 0005 index 64");
    project.expect(&["rollback"], 0);
    assert_eq!(project.current(), json!(["0001"]));
    assert!(project.yes("to_regclass('public.tags') is null").await);
}

#[tokio::test]
async fn up_down_and_stamp_without_a_configuration() {
    let project = Project::new().await;
    project.script(
        "0002_points",
        "alter table users add points int;",
        Some("alter table users drop points;"),
    );
    std::fs::remove_file(project.folder.path().join("switchback.toml")).unwrap();
    let url = project.database.url().expose();
    let place = ["--database-url", &url, "--dir", "migrations", "--tool", "sql"];
    let with = |words: &[&str], status| project.document(&[words, &place].concat(), status);
    let up = with(&["up"], 0);
    assert_eq!((revisions(&up["applied"]), &up["current"]), (vec!["0001", "0002"], &json!(["0002"])));
    let down = with(&["down", "--steps", "1"], 0);
    assert_eq!((revisions(&down["reverted"]), &down["current"]), (vec!["0002"], &json!(["0001"])));
    assert!(project.yes("select count(*) = 2 from pg_attribute where attrelid = 'public.users'::regclass and attnum > 0 and not attisdropped").await);
    with(&["down", "--to", "base"], 0);
    assert!(project.yes("to_regclass('public.switchback_migrations') is null").await, "nothing is left");
    project.expect(&[&["stamp", "2"], &place[..]].concat(), 0);
    let versions = "select string_agg(version, ' ' order by version) from public.switchback_migrations";
    assert_eq!(project.database.text(versions).await, "0001 0002");
    project.expect(&[&["stamp", "0001"], &place[..]].concat(), 0);
    assert_eq!(project.database.text(versions).await, "0001");
}

#[tokio::test]
async fn a_failure_in_a_transaction_leaves_nothing_and_says_where() {
    let project = Project::new().await;
    project.expect(&["up"], 0);
    project.script("0002_bad", "create table half (a int);\nselect 1,\n  nope from users;\n", None);
    for words in [["up"], ["deploy"]] {
        let failed = project.expect(&words, 4).stderr;
        let place = "migrations/0002_bad.up.sql:3:3: column \"nope\" does not exist (42703)";
        assert!(failed.contains(place), "{failed}");
        assert!(
            failed.contains("3 |   nope from users;\n    |   ^") || failed.contains("3 |   nope from users;"),
            "{failed}"
        );
        assert!(failed.contains("statement 2 of 2") && !failed.contains("exit status"), "{failed}");
        assert!(!failed.contains("switchback-failure"), "{failed}");
        assert_eq!(project.current(), json!(["0001"]));
        assert!(project.yes("to_regclass('public.half') is null").await);
    }
    // What only the end of the transaction finds.
    project.script(
        "0002_bad",
        "create table late (id int primary key, up int references late deferrable initially deferred);\n\
         insert into late values (1, 2);",
        None,
    );
    let failed = project.expect(&["up"], 4).stderr;
    assert!(failed.contains("could not be committed") && failed.contains("(23503)"), "{failed}");
    assert!(project.yes("to_regclass('public.late') is null").await);
}

#[tokio::test]
async fn a_failure_outside_of_a_transaction_is_taken_back_or_says_what_is_done() {
    let project = Project::new().await;
    project.expect(&["up"], 0);
    let script =
        "create table one (a int);\ncreate index concurrently ok on users (email);\nselect 1 / 0;\nselect 1;";
    project.script("0002_bad", script, None);
    let failed = project.expect(&["deploy"], 4).stderr;
    assert!(failed.contains("0002_bad.up.sql:3:1: division by zero (22012)"), "{failed}");
    assert!(project.yes("to_regclass('public.one') is null and to_regclass('public.ok') is null").await);
    let failed = project.expect(&["up"], 5).stderr;
    assert!(failed.contains("statements 1 to 2 of 4 were done"), "{failed}");
    assert!(project.yes("to_regclass('public.one') is not null").await);
    assert_eq!(project.current(), json!(["0001"]));
}

#[tokio::test]
async fn what_can_not_be_sent_is_refused_before_anything_stops() {
    let project = Project::new().await;
    project.expect(&["up"], 0);
    for (script, code, place) in [
        (
            "create table x (a int);\nalter tabel x;",
            "SB0403",
            "0002_new.up.sql:2:7: syntax error at or near \"tabel\"",
        ),
        ("begin;\ncommit;", "SB0413", "0002_new.up.sql:1:1: the transaction is Switchback's"),
        ("select 1;\n\\i other.sql\n", "SB0413", "0002_new.up.sql:2:1: `\\i` is a command of psql"),
        ("select ${name};", "SB0413", "0002_new.up.sql:1:8: `${name}` is a placeholder"),
        ("-- nothing\n", "SB0403", "0002_new.up.sql has no statement"),
    ] {
        project.script("0002_new", script, None);
        for words in [["plan"], ["deploy"], ["up"]] {
            let refused = project.expect(&words, 2).stderr;
            assert!(refused.contains(code) && refused.contains(place), "{words:?}: {refused}");
        }
    }
    project.script("0002_new", "select 1;", Some("select (;"));
    let refused = project.expect(&["deploy"], 2).stderr;
    assert!(refused.contains("0002_new.down.sql:1:9: syntax error"), "{refused}");
    assert_eq!(project.runs(), 0);
}

#[tokio::test]
async fn an_index_that_can_not_be_built_is_named_and_does_not_stay() {
    let project = Project::new().await;
    project.expect(&["up"], 0);
    project.script(
        "0002_unique",
        "insert into users (email) values ('u1');\ncreate unique index concurrently if not exists by_email on users (email);",
        None,
    );
    let failed = project.expect(&["up"], 5).stderr;
    assert!(
        failed.contains("0002_unique.up.sql:2:1: could not create unique index \"by_email\" (23505)"),
        "{failed}"
    );
    assert!(failed.contains("Key (email)=(u1) is duplicated"), "{failed}");
    assert!(
        failed.contains("it left the index public.by_email not valid; that was dropped again"),
        "{failed}"
    );
    assert!(project.yes("to_regclass('public.by_email') is null").await);
    // One that somebody else left is never dropped; `if not exists` would take it for good.
    let session = project.database.session().await;
    session.batch("create unique index concurrently by_email on public.users (email)").await.unwrap_err();
    let failed = project.expect(&["up"], 5).stderr;
    assert!(failed.contains("public.by_email is there already, and is not valid"), "{failed}");
    assert!(failed.contains("drop index concurrently public.by_email"), "{failed}");
    assert!(project.yes("to_regclass('public.by_email') is not null").await);
    assert_eq!(project.current(), json!(["0001"]));
}

#[tokio::test]
async fn a_history_that_the_files_do_not_tell_is_refused() {
    let project = Project::new().await;
    project.expect(&["up"], 0);
    assert_eq!(project.document(&["status"], 0)["drift"], json!(false));
    project.script("0002_more", "select 1;", None);
    project.script("0001_users", "create table users ();", None);
    let status = project.expect(&["status", "--format", "json"], 1);
    assert_eq!(serde_json::from_str::<Value>(&status.stdout).unwrap()["drift"], json!(true));
    assert!(
        status.stderr.contains("0001_users.up.sql was changed after it was applied"),
        "{}",
        status.stderr
    );
    for words in [["deploy"], ["up"]] {
        let refused = project.expect(&words, 3).stderr;
        assert!(refused.contains("SB0412") && refused.contains("0001_users.up.sql was changed"), "{refused}");
    }
    project.expect(&["stamp", "0001"], 0);
    project.expect(&["up"], 0);
    // A file that came late, below the newest one that is applied.
    project.script("0000_late", "select 1;", None);
    let refused = project.expect(&["up"], 3).stderr;
    assert!(refused.contains("0000_late.up.sql was not applied, and 0002, which is newer, was"), "{refused}");
    std::fs::remove_file(project.folder.path().join("migrations/0000_late.up.sql")).unwrap();
    for end in ["up", "down"] {
        drop(std::fs::remove_file(project.folder.path().join(format!("migrations/0001_users.{end}.sql"))));
    }
    let refused = project.expect(&["up"], 3).stderr;
    assert!(refused.contains("0001 was applied, and there is no file of it"), "{refused}");
}

/// The command that is typed when something is wrong has to work then.
#[tokio::test]
async fn status_works_where_the_files_can_not_be_read() {
    let project = Project::new().await;
    project.expect(&["up"], 0);
    project.script("0002_slow", "create table slow (a int);\nselect pg_sleep(600);", None);
    project.killed_in("select pg_sleep(600)").await;
    for (script, code) in [("-- nothing yet\n", "SB0403"), ("create tabel x ();", "SB0403")] {
        project.script("0002_slow", script, None);
        let shown = project.expect(&["status"], 1);
        assert!(shown.stderr.contains(code) && shown.stderr.contains("0002_slow.up.sql"), "{}", shown.stderr);
        for word in ["open run", "switchback runs show", "0001", "not known"] {
            assert!(shown.stdout.contains(word), "no {word} in {}", shown.stdout);
        }
        let status = project.document(&["status"], 1);
        assert_eq!((&status["current"], &status["unread"]["code"]), (&json!(["0001"]), &json!(code)));
        assert!(status["open_run"]["run"].is_string(), "{status}");
    }
    project.expect(&["abort"], 0);
    // The newest file is missing: drift, and nothing else.
    for name in ["0001_users.up.sql", "0001_users.down.sql", "0002_slow.up.sql"] {
        std::fs::remove_file(project.folder.path().join("migrations").join(name)).unwrap();
    }
    project.script("0000_other", "select 1;", None);
    let shown = project.expect(&["status"], 1);
    assert!(shown.stderr.contains("0001 was applied, and there is no file of it"), "{}", shown.stderr);
    assert!(!shown.stderr.contains("SB0405"), "{}", shown.stderr);
    assert_eq!(project.document(&["status"], 1)["drift"], json!(true));
}

#[tokio::test]
async fn new_makes_the_next_pair() {
    let project = Project::new().await;
    let made = project.expect(&["new", "Add points"], 0).stdout;
    assert_eq!(made, "migrations/0002_add_points.up.sql\nmigrations/0002_add_points.down.sql\n");
    let made = project.document(&["new", "more"], 0);
    assert_eq!(made["files"][0], "migrations/0003_more.up.sql");
    // Nobody has written anything into them yet, and that is said.
    let refused = project.expect(&["up"], 2).stderr;
    assert!(refused.contains("0002_add_points.up.sql has no statement"), "{refused}");
}

#[tokio::test]
async fn a_lock_that_is_not_had_in_time_is_tried_for_again() {
    let project = Project::new().await;
    project.expect(&["up"], 0);
    let configuration = CONFIGURATION.replacen("\n\n[env", "\nlock_timeout = \"1s\"\n\n[env", 1);
    project.write("switchback.toml", &configuration);
    project.script("0002_points", "alter table users add points int;", None);
    let holder = project.database.session().await;
    holder.batch("begin; lock table public.users in access share mode").await.unwrap();
    let mut up = project.command(&["up"]);
    let up = up.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    // Another session that waits is another try.
    let waits =
        "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let (mut seen, start) = (std::collections::BTreeSet::<i32>::new(), Instant::now());
    let looks = project.database.session().await;
    while seen.len() < 2 {
        assert!(start.elapsed() < Duration::from_mins(1), "it was not tried again");
        seen.extend(looks.rows(waits, &[]).await.unwrap().iter().map(|row| row.get::<_, i32>(0)));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    holder.batch("commit").await.unwrap();
    let output = up.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("could not have its lock (try 1 of 5)"), "{said}");
    assert_eq!(project.current(), json!(["0002"]));
}

#[tokio::test]
async fn a_lock_that_is_never_had_says_what_helps() {
    let project = Project::new().await;
    project.expect(&["up"], 0);
    let configuration = CONFIGURATION.replacen("\n\n[env", "\nlock_timeout = \"100ms\"\n\n[env", 1);
    project.write("switchback.toml", &configuration);
    project.script("0002_points", "alter table users add points int;", None);
    let holder = project.database.session().await;
    holder.batch("begin; lock table public.users in access share mode").await.unwrap();
    let said = project.expect(&["up"], 4).stderr;
    assert!(said.contains("raise `lock_timeout` in [migrations], now 0.1 s"), "{said}");
    assert!(!said.contains("correct the migration"), "{said}");
    holder.batch("commit").await.unwrap();
}

#[tokio::test]
async fn killed_in_a_transaction_it_goes_back_to_the_start() {
    let project = Project::new().await;
    project.expect(&["up"], 0);
    project.script("0002_slow", "create table slow (a int);\nselect pg_sleep(600);", None);
    project.killed_in("select pg_sleep(600)").await;
    project.expect(&["rollback"], 0);
    assert_eq!(project.current(), json!(["0001"]));
    assert!(project.yes("to_regclass('public.slow') is null").await);
    assert!(project.yes("select count(*) = 0 from pg_stat_activity where query like 'select pg_sleep(600)%' and datname = current_database()").await);
}

#[tokio::test]
async fn killed_outside_of_a_transaction_it_is_not_tried_again() {
    let project = Project::new().await;
    project.expect(&["up"], 0);
    project.script(
        "0002_slow",
        "-- switchback: no-transaction\ncreate table slow (a int);\nselect pg_sleep(600);",
        None,
    );
    project.killed_in("select pg_sleep(600)").await;
    let ran = project.expect(&["resume"], 4).stderr;
    assert!(ran.contains("was interrupted, and is not in one transaction"), "{ran}");
    assert_eq!(project.current(), json!(["0001"]));
    assert!(project.yes("to_regclass('public.slow') is null").await);
}

/// Behind a read-only fence the copy proves nothing, so the downgrade has to be there before.
#[tokio::test]
async fn behind_a_read_only_fence_a_migration_without_a_downgrade_is_refused() {
    let project = Project::new().await;
    project.expect(&["up"], 0);
    let soft = CONFIGURATION.replacen(
        "\n\n[environments.production.backup]",
        "\nfence = \"read-only\"\n\n[environments.production.backup]",
        1,
    );
    project.write("switchback.toml", &soft);
    project.script("0002_points", "alter table users add points int;", None);
    project.script("0003_wrong", "select 1/0;", Some("select 1;"));
    let refused = project.expect(&["deploy"], 3).stderr;
    for words in ["SB0301", "0002: it has no .down.sql", "fence = \"closed\" in [environments.production]"] {
        assert!(refused.contains(words), "no `{words}` in\n{refused}");
    }
    assert_eq!(project.current(), json!(["0001"]));
    // Behind the closed one the copy takes it back.
    project.write("switchback.toml", CONFIGURATION);
    project.expect(&["deploy"], 4);
    assert_eq!(project.current(), json!(["0001"]));
}

/// What came after the run is not the run's: it is looked at before anybody is kept out.
#[tokio::test]
async fn a_rollback_under_a_later_up_is_refused_and_says_what_to_type() {
    let project = Project::new().await;
    project.expect(&["up"], 0);
    project.script(
        "0002_points",
        "alter table users add points int;",
        Some("alter table users drop points;"),
    );
    project.expect(&["deploy"], 0);
    project.script("0003_tags", "create table tags (id int);", Some("drop table tags;"));
    project.expect(&["up"], 0);
    let refused = project.expect(&["rollback"], 3).stderr;
    for words in [
        "SB0309",
        "is at 0003",
        "nothing was changed",
        "switchback down --to 0002 -e production",
        "--accept-loss",
    ] {
        assert!(refused.contains(words), "no `{words}` in\n{refused}");
    }
    assert_eq!(project.current(), json!(["0003"]));
    assert!(project.document(&["status"], 0)["open_run"].is_null());
    project.expect(&["down", "--to", "0002"], 0);
    project.expect(&["rollback"], 0);
    assert_eq!(project.current(), json!(["0001"]));
}
