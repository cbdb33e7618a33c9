//! The first mistakes of a newcomer: each ends with its exit status and its code, names the thing,
//! says what was changed and what to type next; and nothing is changed, or it was taken back.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use switchback_engine::cancel::Cancel;
use switchback_postgres::Session;
use switchback_postgres::scratch::{Scratch, ScratchOptions};
use switchback_testkit::{Host, Ran, Shape, cluster};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");
/// The files in place, no repository: what is written into the folder is what is deployed.
const IN_PLACE: Shape = Shape {
    fence: "closed",
    restore_point: "clone",
    service: true,
    code: false,
    page: true,
    tool: "alembic",
    migrations: "many",
};

async fn host(shape: Shape) -> Host {
    Host::new(cluster().await, PROGRAM, shape).await
}

/// Checks all that every failure must say, and gives its hints.
#[track_caller]
fn told(ran: &Ran, status: i32, code: &str, names: &[&str]) -> Vec<String> {
    let said = &ran.stderr;
    assert_eq!(ran.status, Some(status), "{said}\n{}", ran.stdout);
    assert!(said.contains(&format!("error[{code}]")), "no {code} in:\n{said}");
    for name in names {
        assert!(said.contains(name), "`{name}` is not named in:\n{said}");
    }
    let after = |label: &str| {
        let lines = said.lines().filter_map(|line| line.trim_start().strip_prefix(label));
        lines.map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect::<Vec<_>>()
    };
    assert!(!after("what changed:").is_empty(), "what was changed is not said:\n{said}");
    let hints = after("hint:");
    assert!(!hints.is_empty(), "there is no hint:\n{said}");
    explained(said);
    hints
}

/// Every code in the text has its page.
#[track_caller]
fn explained(said: &str) {
    let is_code = |word: &&str| word.len() == 6 && word.starts_with("SB0");
    let words = said.split(|c: char| !c.is_ascii_alphanumeric()).filter(is_code);
    for code in words.collect::<BTreeSet<_>>() {
        assert_ne!(code, "SB0002", "an error of the program itself:\n{said}");
        let page = Command::new(PROGRAM).args(["explain", code]).output().unwrap();
        assert!(page.status.success(), "{code} has no page");
        assert!(String::from_utf8_lossy(&page.stdout).starts_with(&format!("# {code}: ")), "{code}");
    }
}

/// The target, the service, the code and the page are what they were.
/// The command of the hint that begins with these words.
#[track_caller]
fn command_of<'a>(hints: &'a [String], words: &str) -> &'a str {
    let found = hints.iter().find_map(|hint| hint.split_once(words));
    found.unwrap_or_else(|| panic!("no hint with `{words}` in {hints:?}")).1.trim()
}

/// Types a hint's command as a person would, in the host's folder.
#[track_caller]
fn type_in(host: &Host, command: &str) -> String {
    let folder = Path::new(PROGRAM).parent().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-euc", command]).current_dir(host.path(".")).env("APP_URL", host.url().expose());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    let ran = ran(&shell.env("PATH", std::env::join_paths(places).unwrap()).output().unwrap());
    assert_eq!(ran.status, Some(0), "{command}:\n{}\n{}", ran.stdout, ran.stderr);
    ran.stdout
}

fn ran(output: &Output) -> Ran {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// Polls until something is so.
#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: not within 20 s");
        #[expect(clippy::disallowed_methods, reason = "a pause between two looks")]
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A folder with a configuration and one migration, and no more.
struct Folder {
    folder: TempDir,
}

const CONFIGURATION: &str = "\
[migrations]
tool = \"alembic\"
command = [\"true\"]

[environments.production]
database_url = \"${APP_URL}\"
";

impl Folder {
    fn empty() -> Self {
        Self { folder: tempfile::Builder::new().prefix("sb-new-").tempdir().unwrap() }
    }

    fn with(configuration: &str) -> Self {
        let folder = Self::empty();
        folder.write("switchback.toml", configuration);
        folder.write("migrations/env.py", "context.configure(transaction_per_migration=True)\n");
        folder.write("migrations/script.py.mako", "");
        folder
            .write("migrations/versions/r1.py", "\"\"\"one\"\"\"\nrevision = \"r1\"\ndown_revision = None\n");
        folder
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Runs the program here, which must leave every file as it is and make none.
    #[track_caller]
    fn run(&self, words: &[&str], variables: &[(&str, &str)]) -> Ran {
        let before = files(self.path());
        let mut program = Command::new(PROGRAM);
        program.current_dir(self.path()).arg("--yes").args(words).env_remove("APP_URL");
        let ran = ran(&program.envs(variables.iter().copied()).output().unwrap());
        assert_eq!(before, files(self.path()), "{words:?} left something behind");
        ran
    }
}

fn files(folder: &Path) -> BTreeSet<(PathBuf, Vec<u8>)> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert((path.clone(), std::fs::read(&path).unwrap()));
        }
    }
    found
}

// The configuration.

#[test]
fn without_a_configuration_the_first_command_is_said() {
    let folder = Folder::empty();
    for words in [["status"], ["deploy"], ["doctor"], ["rollback"], ["up"]] {
        let ran = folder.run(&words, &[]);
        let here = folder.path().display().to_string();
        let hints = told(&ran, 2, "SB0101", &["switchback.toml", &here]);
        command_of(&hints, "switchback init");
    }
    // And that command says what it needs, where there is nothing to find.
    told(&folder.run(&["init"], &[]), 2, "SB0402", &[]);
    let named = folder.run(&["--config", "elsewhere.toml", "status"], &[]);
    told(&named, 2, "SB0101", &["elsewhere.toml"]);
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest() {
    let folder = Folder::with(&CONFIGURATION.replace("command =", "comand ="));
    let hints = told(&folder.run(&["deploy"], &[]), 2, "SB0103", &["switchback.toml:3", "`comand`"]);
    assert_eq!(hints, ["did you mean `command`?"]);
    let folder = Folder::with(&format!("{CONFIGURATION}[environments.production.helth]\nurl = \"\"\n"));
    let hints = told(&folder.run(&["deploy"], &[]), 2, "SB0103", &["switchback.toml:7", "`helth`"]);
    assert_eq!(hints, ["did you mean `health`?"]);
    let folder = Folder::with(&format!("{CONFIGURATION}zzz = 1\n"));
    told(&folder.run(&["deploy"], &[]), 2, "SB0103", &["switchback.toml:7", "`zzz`"]);
}

#[test]
fn a_value_of_the_wrong_kind_is_named_with_its_line() {
    for (from, to, names) in [
        ("\"alembic\"", "\"alembik\"", ["switchback.toml:2", "alembik"]),
        ("[\"true\"]", "\"true\"", ["switchback.toml:3", "command"]),
        ("[\"true\"]", "[\"true]", ["switchback.toml:", "the line is:"]),
        ("[\"true\"]", "[\"true\"]\ntimeout = \"soon\"", ["switchback.toml:4", "soon"]),
    ] {
        let folder = Folder::with(&CONFIGURATION.replace(from, to));
        told(&folder.run(&["deploy"], &[]), 2, "SB0102", &names);
    }
}

#[test]
fn an_unset_variable_is_named_with_its_key() {
    let folder = Folder::with(CONFIGURATION);
    let names = ["APP_URL", "switchback.toml", "environments.production.database_url"];
    let hints = told(&folder.run(&["deploy"], &[]), 2, "SB0104", &names);
    assert!(hints[0].contains("export APP_URL="), "{hints:?}");
    told(&folder.run(&["deploy"], &[("APP_URL", "")]), 2, "SB0206", &["database_url", "production"]);
    told(&folder.run(&["deploy"], &[("APP_URL", "mysql://ada:hush@db/ada")]), 2, "SB0206", &["database_url"]);
}

#[test]
fn an_environment_that_is_not_there_or_not_named_is_asked_for() {
    let folder = Folder::with(CONFIGURATION);
    let url = [("APP_URL", "postgresql:///app")];
    let hints = told(&folder.run(&["deploy", "-e", "prod"], &url), 2, "SB0105", &["`prod`"]);
    assert!(hints[0].contains("production"), "{hints:?}");
    let folder = Folder::with(&format!("{CONFIGURATION}[environments.staging]\ndatabase_url = \"x\"\n"));
    let hints = told(&folder.run(&["deploy"], &url), 2, "SB0105", &[]);
    assert!(hints[0].contains("production, staging"), "{hints:?}");
}

/// With two environments, a run's name says which one is meant.
#[tokio::test]
async fn the_ways_out_of_an_open_run_can_be_typed_as_they_stand() {
    let host = host(Shape::BARE).await;
    let text = std::fs::read_to_string(host.path("switchback.toml")).unwrap();
    host.write(
        "switchback.toml",
        &format!("{text}\n[environments.staging]\ndatabase_url = \"${{STAGING_URL}}\"\n"),
    );
    let start = host.state().await;
    let killed = host.run_with(&["deploy", "-e", "production"], &[("SWITCHBACK_FAULT", "kill-after:9")]);
    assert_eq!(killed.status, None);
    let hints = told(&host.run(&["deploy", "-e", "production"]), 3, "SB0304", &["is open"]);
    let abort = command_of(&hints, "or take it back:");
    type_in(&host, abort);
    start.assert_same(&host.state().await);
}

#[test]
fn a_word_that_is_no_command_is_a_usage_error() {
    let folder = Folder::with(CONFIGURATION);
    for words in [&["deplyo"][..], &["deploy", "--relase", "v2"], &["down"]] {
        let ran = folder.run(words, &[]);
        assert_eq!(ran.status, Some(2), "{words:?}");
        assert!(ran.stderr.contains("Usage") && ran.stdout.is_empty(), "{}", ran.stderr);
    }
    told(&folder.run(&["explain", "SB9999"], &[]), 2, "SB0004", &["SB9999"]);
}

// The server and its programs.

/// A server that asks one role for its password.
async fn guarded() -> Scratch {
    let scratch = Scratch::start(&ScratchOptions::default(), &Cancel::never()).await.unwrap();
    let admin = Session::connect(&scratch.url("postgres"), "switchback tests").await.unwrap();
    admin.batch("create role keyed superuser login password 'right/one'").await.unwrap();
    let rules = scratch.folder().join("data/pg_hba.conf");
    let text = std::fs::read_to_string(&rules).unwrap();
    std::fs::write(&rules, format!("local all keyed scram-sha-256\n{text}")).unwrap();
    admin.batch("select pg_reload_conf()").await.unwrap();
    let loaded = "select count(*) from pg_hba_file_rules where auth_method = 'scram-sha-256'";
    assert_eq!(admin.one(loaded, &[]).await.unwrap().get::<_, i64>(0), 1);
    scratch
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_never_shown() {
    let server = guarded().await;
    let url = |login: &str| server.url("postgres").expose().replacen("postgres@", login, 1);
    let folder = Folder::with(CONFIGURATION);
    let wrong = url("keyed:wr0ng%2Fone@");
    // The server reads its rules again in its own time.
    wait_until("the server asks for passwords", || {
        folder.run(&["status"], &[("APP_URL", &wrong)]).stderr.contains("SB0202")
    });
    for words in [["deploy"], ["plan"], ["status"], ["up"], ["validate"]] {
        let ran = folder.run(&words, &[("APP_URL", &wrong)]);
        told(&ran, 2, "SB0202", &["`keyed`"]);
        hidden(&ran, "wr0ng");
        let none = folder.run(&words, &[("APP_URL", &url("keyed@"))]);
        told(&none, 2, "SB0202", &["password"]);
    }
    let doctor = folder.run(&["doctor"], &[("APP_URL", &wrong)]);
    assert_eq!(doctor.status, Some(1), "{}", doctor.stdout);
    assert!(doctor.stdout.contains("`keyed`"), "{}", doctor.stdout);
    hidden(&doctor, "wr0ng");
    let right = folder.run(&["status"], &[("APP_URL", &url("keyed:right%2Fone@"))]);
    assert_eq!(right.status, Some(0), "{}", right.stderr);
}

#[track_caller]
fn hidden(ran: &Ran, secret: &str) {
    assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{}{}", ran.stdout, ran.stderr);
}

/// The server here asks for no password, so any will do.
#[tokio::test]
async fn a_migrator_that_prints_its_url_gives_no_password_away() {
    let host = host(Shape::BARE).await;
    let script = std::fs::read_to_string(host.path("migrate")).unwrap();
    let loud =
        script.replace("\nexport PGPASSWORD", "\nexport PGPASSWORD; echo \"connecting to $DATABASE_URL\"");
    assert_ne!(script, loud);
    host.write("migrate", &loud);
    let url = host.url().expose().replacen("postgres@", "postgres:h%2Fsh@", 1);
    for words in [&["deploy", "--verbose", "--format", "jsonl"][..], &["up", "--verbose"]] {
        let ran = host.run_with(words, &[("APP_URL", &url), ("MIGRATE_FAULT", "fail r2")]);
        assert_eq!(ran.status, Some(4), "{}", ran.stderr);
        assert!(ran.stderr.contains("connecting to"), "{}", ran.stderr);
        for secret in ["h/sh", "h%2Fsh"] {
            hidden(&ran, secret);
            let kept = files(&host.path(".switchback"));
            let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            let leaks: Vec<_> = kept.iter().filter(|(_, bytes)| holds(bytes)).map(|(path, _)| path).collect();
            assert!(leaks.is_empty(), "{secret} is in {leaks:?}");
        }
    }
}

#[test]
fn a_server_that_is_down_is_named() {
    let folder = Folder::with(CONFIGURATION);
    let sockets = folder.path().display().to_string();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let socket = format!("postgresql://ada:hush@/app?host={sockets}");
    let network = format!("postgresql://ada:hush@127.0.0.1:{port}/app");
    for (url, place) in [(socket, format!("{sockets}:5432")), (network, format!("127.0.0.1:{port}"))] {
        for words in [["deploy"], ["status"], ["up"]] {
            let ran = folder.run(&words, &[("APP_URL", &url)]);
            told(&ran, 2, "SB0201", &[&place]);
            hidden(&ran, "hush");
        }
        let doctor = folder.run(&["doctor"], &[("APP_URL", &url)]);
        assert_eq!(doctor.status, Some(1));
        assert!(doctor.stdout.contains(&place), "{}", doctor.stdout);
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named() {
    let folder = Folder::with(CONFIGURATION);
    let url = cluster().await.url("no_such_database").expose();
    for words in [["deploy"], ["status"], ["up"], ["validate"]] {
        let ran = folder.run(&words, &[("APP_URL", &url)]);
        let hints = told(&ran, 2, "SB0203", &["`no_such_database`"]);
        assert!(hints[0].contains("psql"), "{hints:?}");
    }
}

#[tokio::test]
async fn without_pg_dump_the_package_is_named() {
    let host = host(Shape::BARE).await;
    let start = host.state().await;
    let empty = tempfile::tempdir().unwrap();
    let places = [("SWITCHBACK_PG_BIN", empty.path().to_str().unwrap())];
    let package = format!("postgresql-client-{}", host.cluster().major());
    let ran = host.run_with(&["deploy"], &places);
    told(&ran, 3, "SB0301", &["pg_dump", &package]);
    told(&host.run_with(&["backup", "create"], &places), 2, "SB0204", &["`pg_dump`", &package]);
    start.assert_same(&host.state().await);
}

#[tokio::test]
async fn a_pg_dump_older_than_the_server_is_refused() {
    let host = host(Shape::BARE).await;
    let start = host.state().await;
    for name in ["pg_dump", "pg_restore", "pg_dumpall", "psql"] {
        let file = format!("old/{name}");
        host.write(&file, &format!("#!/bin/sh\necho '{name} (PostgreSQL) 12.9'\n"));
        type_in(&host, &format!("chmod +x {file}"));
    }
    let old = host.path("old").display().to_string();
    let major = host.cluster().major().to_string();
    let package = format!("postgresql-client-{major}");
    let ran = host.run_with(&["deploy"], &[("SWITCHBACK_PG_BIN", &old)]);
    told(&ran, 3, "SB0301", &["12.9", &major, &package]);
    let ran = host.run_with(&["backup", "create"], &[("SWITCHBACK_PG_BIN", &old)]);
    told(&ran, 2, "SB0205", &["12.9", &major, &package]);
    start.assert_same(&host.state().await);
}

// The migrator.

#[tokio::test]
async fn a_migrator_that_is_not_found_is_named() {
    let host = host(Shape::BARE).await;
    let start = host.state().await;
    let migrate = host.path("migrate").display().to_string();
    host.configure(&migrate, "no-such-migrator");
    told(&host.run(&["deploy"]), 3, "SB0301", &["no-such-migrator"]);
    told(&host.run(&["up"]), 2, "SB0401", &["no-such-migrator"]);
    start.assert_same(&host.state().await);
}

#[tokio::test]
async fn a_migrator_that_does_nothing_is_noticed() {
    let host = host(Shape::default()).await;
    let start = host.state().await;
    let ran = host.run_with(&host.deploy(), &[("MIGRATE_FAULT", "nothing r2")]);
    told(&ran, 4, "SB0409", &["r2", "r1", "database_url_variable"]);
    start.assert_same(&host.state().await);
}

#[tokio::test]
async fn a_migration_that_fails_is_taken_back() {
    for revision in ["r2", "r3"] {
        let host = host(Shape::default()).await;
        let start = host.state().await;
        let ran = host.run_with(&host.deploy(), &[("MIGRATE_FAULT", &format!("fail {revision}"))]);
        let name = format!("migration {revision}");
        told(&ran, 4, "SB0408", &[&name, "app.errors.Broken", "taken back"]);
        start.assert_same(&host.state().await);
    }
}

#[tokio::test]
async fn a_migration_that_hangs_is_ended() {
    let host = host(Shape::default()).await;
    host.configure("env = { }", "env = { }\ntimeout = \"2s\"");
    let start = host.state().await;
    let ran = host.run_with(&host.deploy(), &[("MIGRATE_FAULT", "hang r2")]);
    told(&ran, 4, "SB0411", &["migration r2", "2s", "timeout"]);
    start.assert_same(&host.state().await);
    assert_eq!(hanging(&host), 0);
}

/// The migrator's processes that hang.
fn hanging(host: &Host) -> usize {
    let folder = host.path("code");
    let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let hangs = |process: &PathBuf| {
        let command = std::fs::read(process.join("cmdline")).unwrap_or_default();
        command.starts_with(b"sleep")
            && std::fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == folder)
    };
    processes.filter(hangs).count()
}

#[tokio::test]
async fn two_heads_are_named_with_their_files() {
    let host = host(Shape::BARE).await;
    let start = host.state().await;
    let text =
        "\"\"\"other\"\"\"\nrevision = \"other\"\ndown_revision = \"r2\"\n\n\ndef upgrade():\n    run()\n";
    host.write("code/migrations/versions/other.py", text);
    for (words, status) in [("deploy", 2), ("plan", 2), ("up", 2), ("status", 1)] {
        let hints = told(&host.run(&[words]), status, "SB0404", &["versions/r3.py", "versions/other.py"]);
        assert!(hints[0].contains("alembic merge"), "{hints:?}");
    }
    start.assert_same(&host.state().await);
}

#[tokio::test]
async fn a_revision_that_the_files_do_not_know_is_named() {
    let host = host(Shape::BARE).await;
    host.database().run("update alembic_version set version_num = 'f00'").await;
    let start = host.state().await;
    for (words, status) in [("deploy", 2), ("plan", 2), ("up", 2), ("status", 1)] {
        told(&host.run(&[words]), status, "SB0405", &["f00", "r3"]);
    }
    start.assert_same(&host.state().await);
}

#[tokio::test]
async fn a_revision_that_was_mistyped_is_named_with_the_nearest() {
    let host = host(Shape::BARE).await;
    let start = host.state().await;
    told(&host.run(&["up", "--to", "nowhere"]), 2, "SB0405", &["nowhere"]);
    told(&host.run(&["stamp", "nowhere"]), 2, "SB0405", &["nowhere"]);
    told(&host.run(&["down", "--to", "r3"]), 2, "SB0405", &["r3", "r1"]);
    start.assert_same(&host.state().await);
}

#[tokio::test]
async fn migrations_in_another_folder_are_looked_for_there() {
    let host = host(Shape::BARE).await;
    host.configure("directory = \"code/migrations\"", "directory = \"migrations\"");
    for words in [["deploy"], ["up"], ["status"]] {
        told(&host.run(&words), 2, "SB0402", &["migrations"]);
    }
}

// The application.

/// A release whose application answers health as this Python says.
fn ill_release(host: &Host, answer: &str) {
    host.git(&["checkout", "--quiet", "v2"]);
    let text = std::fs::read_to_string(host.path("code/app.py")).unwrap();
    let ill = text.replace("        closed =", &format!("        {answer}\n        closed ="));
    assert_ne!(text, ill);
    host.write("code/app.py", &ill);
    host.git(&["commit", "--quiet", "--all", "-m", "ill"]);
    host.git(&["tag", "ill"]);
    host.git(&["checkout", "--quiet", "v1"]);
    host.configure("within = \"10s\"", "within = \"2s\"");
}

#[tokio::test]
async fn an_application_that_answers_500_is_taken_back() {
    let host = host(Shape::default()).await;
    ill_release(&host, "os.environ[\"HEALTH\"] = \"500\"");
    let start = host.state().await;
    let ran = host.run(&["deploy", "--release", "ill"]);
    told(&ran, 4, "SB0803", &["answered 500", &host.address(), "curl"]);
    start.assert_same(&host.state().await);
}

#[tokio::test]
async fn an_application_that_hangs_is_taken_back() {
    let host = host(Shape::default()).await;
    ill_release(&host, "__import__(\"time\").sleep(60)");
    let start = host.state().await;
    let ran = host.run(&["deploy", "--release", "ill"]);
    told(&ran, 4, "SB0803", &["no answer within 2 s", &host.address()]);
    start.assert_same(&host.state().await);
}

/// The URL is wrong from the beginning: no release can ever be found well by it, the old one neither.
#[tokio::test]
async fn a_health_url_that_was_never_well_does_not_leave_the_run_stuck() {
    let host = host(Shape::default()).await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    host.configure(&format!("{}/health", host.address()), &format!("http://127.0.0.1:{port}/health"));
    host.configure("within = \"10s\"", "within = \"1s\"");
    let start = host.state().await;
    let ran = host.run(&host.deploy());
    told(&ran, 4, "SB0803", &[&format!("127.0.0.1:{port}/health"), "nobody listens"]);
    start.assert_same(&host.state().await);
}

// The code.

#[tokio::test]
async fn local_changes_are_refused_and_can_be_put_aside() {
    let host = host(Shape::default()).await;
    host.write("code/VERSION", "v1, patched by hand");
    let start = host.state().await;
    let hints = told(&host.run(&host.deploy()), 3, "SB0301", &["VERSION"]);
    start.assert_same(&host.state().await);
    type_in(&host, command_of(&hints, "put them aside:"));
    host.expect(&host.deploy(), 0);
    assert_eq!(host.git(&["stash", "list"]).lines().count(), 1);
}

#[tokio::test]
async fn an_unknown_release_is_told_with_the_nearest() {
    let host = host(Shape::default()).await;
    let start = host.state().await;
    for words in [["deploy", "--release", "v22"], ["plan", "--release", "v22"]] {
        let hints = told(&host.run(&words), 2, "SB0806", &["`v22`"]);
        assert!(hints[0].contains("v2"), "{hints:?}");
    }
    start.assert_same(&host.state().await);
    let none = self::host(Shape::BARE).await;
    told(&none.run(&["deploy", "--release", "v2"]), 2, "SB0806", &["v2", "repository"]);
}

// Gates.

#[tokio::test]
async fn another_run_that_is_open_refuses_and_leads_out() {
    for way_out in ["go on with it:", "or take it back:"] {
        let host = host(Shape::default()).await;
        let start = host.state().await;
        let killed = host.run_with(&host.deploy(), &[("SWITCHBACK_FAULT", "kill-after:9")]);
        assert_eq!(killed.status, None);
        let before = host.state().await;
        let hints = told(&host.run(&host.deploy()), 3, "SB0304", &["is open", "process"]);
        before.assert_same(&host.state().await);
        type_in(&host, command_of(&hints, way_out));
        if way_out == "or take it back:" {
            start.assert_same(&host.state().await);
        } else {
            assert!(!start.differences(&host.state().await).is_empty());
        }
    }
}

#[tokio::test]
async fn a_run_that_was_killed_behind_its_fence_is_seen_by_every_look() {
    let host = host(Shape::default()).await;
    let start = host.state().await;
    let killed = host.run_with(&host.deploy(), &[("SWITCHBACK_FAULT", "kill-in:apply:r2")]);
    assert_eq!(killed.status, None);
    let status = json(&host.expect(&["status", "--format", "json"], 0));
    let run = status["open_run"]["run"].as_str().unwrap();
    assert_eq!(status["current"], serde_json::json!(["r2"]));
    for words in [&["up"][..], &["down", "--steps", "1"], &["stamp", "r1"], &["plan"]] {
        told(&host.run(words), 3, "SB0303", &[run]);
    }
    assert!(host.expect(&["doctor"], 1).stdout.contains(run));
    // Under its own name there is no target now, and that is not all that is to say.
    for words in [&["validate"][..], &["backup", "create"]] {
        let hints = told(&host.run(words), 3, "SB0303", &[run, "there is no database"]);
        command_of(&hints, "or take it back:");
    }
    told(&host.run(&["service", "start"]), 3, "SB0802", &[run]);
    host.expect(&["abort", run], 0);
    start.assert_same(&host.state().await);
}

#[tokio::test]
async fn a_run_of_another_host_is_named_with_host_and_journal() {
    let host = host(Shape::default()).await;
    let start = host.state().await;
    let killed = host.run_with(&host.deploy(), &[("SWITCHBACK_FAULT", "kill-after:9")]);
    assert_eq!(killed.status, None);
    // Without the journal only the marker on the server speaks, as on another host.
    std::fs::rename(host.path(".switchback"), host.path("elsewhere")).unwrap();
    let here = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let journal = host.path(".switchback/runs").display().to_string();
    for words in [&["deploy", "--release", "v2"][..], &["up"], &["down", "--steps", "1"], &["stamp", "r1"]] {
        let hints = told(&host.run(words), 3, "SB0303", &[&here, &journal, "its journal is gone"]);
        assert!(
            hints[0].contains("from a copy")
                && hints[0].contains("switchback resume")
                && hints[0].contains("switchback abort"),
            "{hints:?}"
        );
    }
    let status = host.expect(&["status"], 0).stdout;
    assert!(status.contains(&here) && status.contains(&journal), "{status}");
    if host.path(".switchback").exists() {
        std::fs::remove_dir_all(host.path(".switchback")).unwrap();
    }
    std::fs::rename(host.path("elsewhere"), host.path(".switchback")).unwrap();
    host.expect(&["abort"], 0);
    start.assert_same(&host.state().await);
}

/// Nobody can go on with it, here or anywhere: what helps is said, and not the same command again.
#[tokio::test]
async fn a_damaged_journal_of_this_host_is_a_persons_business() {
    let host = host(Shape::BARE).await;
    let start = host.state().await;
    let killed = host.run_with(&["deploy"], &[("SWITCHBACK_FAULT", "kill-in:apply:r2")]);
    assert_eq!(killed.status, None);
    let run = host.last_run();
    let journal = format!(".switchback/runs/{run}/journal.jsonl");
    let whole = std::fs::read_to_string(host.path(&journal)).unwrap();
    host.write(&journal, &whole.replacen("step.finished", "step.finishee", 1));
    for words in [&["resume"][..], &["abort"], &["rollback"], &["resume", &run]] {
        let hints = told(&host.run(words), 5, "SB0703", &["journal.jsonl"]);
        command_of(&hints, "see what can be read of it:");
        assert!(hints.iter().any(|hint| hint.contains("from a copy")), "{hints:?}");
    }
    let hints = told(&host.run(&["deploy"]), 3, "SB0303", &[&run, "its journal is damaged"]);
    command_of(&hints, "by hand:");
    assert!(host.run(&["status"]).stdout.contains(&run));
    host.write(&journal, &whole);
    host.expect(&["abort"], 0);
    start.assert_same(&host.state().await);
}

#[tokio::test]
async fn every_gate_that_is_missing_is_said() {
    let host = host(Shape::BARE).await;
    host.configure("fence =", "requires = [\"review\", \"rehearsal\", \"staging\"]\nfence =");
    let start = host.state().await;
    let hints = told(&host.run(&["deploy"]), 3, "SB0302", &["production", "digest"]);
    for gate in ["review", "rehearsal", "staging"] {
        assert!(hints.iter().any(|hint| hint.starts_with(gate)), "{gate}: {hints:?}");
    }
    assert!(hints.iter().any(|hint| hint.contains("`requires`")), "{hints:?}");
    start.assert_same(&host.state().await);
}

#[tokio::test]
async fn a_closed_window_says_when_it_opens() {
    let host = host(Shape::BARE).await;
    let day = jiff::Zoned::now().weekday().wrapping_add(3);
    let day = format!("{day:?}");
    let window = format!(
        "window = {{ days = \"{}\", from = \"02:00\", to = \"04:00\", time_zone = \"UTC\" }}",
        &day[..3]
    );
    host.configure("fence =", &format!("{window}\nfence ="));
    let start = host.state().await;
    let hints = told(&host.run(&["deploy"]), 3, "SB0306", &["02:00", "04:00", "UTC"]);
    assert!(hints[0].contains(&day), "{hints:?}");
    start.assert_same(&host.state().await);
}

#[tokio::test]
async fn with_no_run_there_is_nothing_to_go_on_with_or_take_back() {
    let host = host(Shape::BARE).await;
    let start = host.state().await;
    for words in [["resume"], ["abort"], ["rollback"]] {
        told(&host.run(&words), 3, "SB0305", &["no "]);
    }
    for words in [["resume", "20260101"], ["abort", "20260101"], ["report", "20260101"]] {
        told(&host.run(&words), 2, "SB0307", &["`20260101`"]);
    }
    told(&host.run(&["report"]), 2, "SB0307", &["no run"]);
    start.assert_same(&host.state().await);
}

#[tokio::test]
async fn a_run_that_was_taken_back_can_not_be_taken_back_again() {
    let host = host(Shape::BARE).await;
    host.expect(&["deploy"], 0);
    let again = host.expect(&["deploy"], 0);
    assert!(again.stderr.contains("nothing is pending"), "{}", again.stderr);
    host.expect(&["rollback"], 0);
    let start = host.state().await;
    let run = run_ids(&host).remove(0);
    for words in [["resume", &run], ["abort", &run], ["rollback", &run]] {
        let hints = told(&host.run(&words), 3, "SB0305", &[&run]);
        assert!(!hints.iter().any(|hint| hint.contains("switchback rollback")), "{hints:?}");
    }
    told(&host.run(&["rollback"]), 3, "SB0305", &[]);
    start.assert_same(&host.state().await);
}

fn run_ids(host: &Host) -> Vec<String> {
    let runs = json(&host.expect(&["runs", "list", "--format", "json"], 0));
    runs.as_array().unwrap().iter().map(|run| run["run"].as_str().unwrap().to_owned()).collect()
}

// A person's word.

/// The program at work. It ends with the test, whatever the test comes to.
struct Started(Child);

impl Started {
    fn of(program: &mut Command) -> Self {
        Self(program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Ctrl-C, and what it comes to.
    fn interrupt(mut self) -> Ran {
        kill_process(Pid::from_child(&self.0), Signal::INT).unwrap();
        // What it prints until its end fits into the pipes.
        let status = self.0.wait().unwrap();
        let mut ran = Ran { status: status.code(), stdout: String::new(), stderr: String::new() };
        self.0.stdout.take().unwrap().read_to_string(&mut ran.stdout).unwrap();
        self.0.stderr.take().unwrap().read_to_string(&mut ran.stderr).unwrap();
        ran
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn an_interrupt_in_a_long_migration_takes_everything_back() {
    let host = host(Shape::default()).await;
    let start = host.state().await;
    let mut deploy = host.command(&host.deploy());
    deploy.env("MIGRATE_FAULT", "hang r2");
    let deploy = Started::of(&mut deploy);
    wait_until("the migration hangs", || hanging(&host) == 1);
    // Meanwhile nobody else gets in.
    for words in [&["deploy", "--release", "v2"][..], &["resume"], &["abort"], &["rollback"]] {
        let hints = told(&host.run(words), 3, "SB0304", &["process", &deploy.0.id().to_string()]);
        // It lives: nobody has to go on with it.
        assert!(hints.iter().all(|hint| !hint.contains("resume")), "{hints:?}");
        command_of(&hints, "it takes the run back itself: kill");
    }
    let hints = told(&host.run(&["up"]), 3, "SB0303", &["is at work on it now"]);
    command_of(&hints, &format!("kill {}", deploy.0.id()));
    told_interrupted(&deploy.interrupt());
    start.assert_same(&host.state().await);
    assert_eq!(hanging(&host), 0);
}

#[tokio::test]
async fn an_interrupt_of_up_ends_the_migration() {
    let host = host(Shape::BARE).await;
    let start = host.state().await;
    let mut up = host.command(&["up"]);
    up.env("MIGRATE_FAULT", "hang r2");
    let up = Started::of(&mut up);
    wait_until("the migration hangs", || hanging(&host) == 1);
    told_interrupted(&up.interrupt());
    start.assert_same(&host.state().await);
    assert_eq!(hanging(&host), 0);
}

#[track_caller]
fn told_interrupted(ran: &Ran) {
    assert_eq!(ran.status, Some(130), "{}", ran.stderr);
    assert!(ran.stderr.contains("SB0003"), "{}", ran.stderr);
    explained(&ran.stderr);
}

// What scripts read.

#[track_caller]
fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout)
        .unwrap_or_else(|error| panic!("{error}:\n{}\n{}", ran.stdout, ran.stderr))
}

/// Good, failed and refused: fault, exit status, the run's status.
const ENDS: [(&str, i32, &str); 3] =
    [("", 0, "succeeded"), ("fail r2", 4, "undone"), ("refused", 3, "refused")];

async fn ended(fault: &str, format: &str) -> Ran {
    let host = host(IN_PLACE).await;
    let places = if fault == "refused" { host.path("code") } else { PathBuf::new() };
    let mut deploy = host.command(&["deploy", "--format", format]);
    if fault == "refused" {
        deploy.env("SWITCHBACK_PG_BIN", places);
    }
    ran(&deploy.env("MIGRATE_FAULT", fault).output().unwrap())
}

#[tokio::test]
async fn json_lines_of_a_deploy_are_one_event_each_from_planned_to_finished() {
    for (fault, exit, status) in ENDS {
        let ran = ended(fault, "jsonl").await;
        assert_eq!(ran.status, Some(exit), "{fault}: {}", ran.stderr);
        let read = |line: &str| {
            serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        };
        let events: Vec<Value> = ran.stdout.lines().map(read).collect();
        for event in &events {
            assert!(event["seq"].is_u64() && event["at"].is_string() && event["run"].is_string(), "{event}");
        }
        let (first, last) = (&events[0], events.last().unwrap());
        assert_eq!(first["kind"], "run.planned");
        assert_eq!(first["plan"]["pending"][0]["revision"], "r2");
        assert_eq!((&last["kind"], &last["status"]), (&"run.finished".into(), &status.into()));
        assert!(!last["exit"].is_null() && last["durations"]["total_ms"].is_u64(), "{last}");
        let report = last["report"].as_str().unwrap();
        assert!(report.ends_with("report.md"), "{report}");
        let ends = events.iter().filter(|event| event["kind"] == "run.finished").count();
        assert_eq!(ends, 1);
    }
}

#[tokio::test]
async fn json_of_a_deploy_is_one_document() {
    for (fault, exit, status) in ENDS {
        let ran = ended(fault, "json").await;
        assert_eq!(ran.status, Some(exit), "{fault}: {}", ran.stderr);
        let document = json(&ran);
        assert_eq!((&document["kind"], &document["status"]), (&"run.finished".into(), &status.into()));
        assert_eq!(document["view"]["plan"]["pending"][1]["revision"], "r3");
    }
}

#[test]
fn json_of_a_command_that_fails_is_one_document_too() {
    let folder = Folder::with(CONFIGURATION);
    for words in [["deploy"], ["status"], ["plan"], ["resume"], ["up"]] {
        let ran = folder.run(&[words[0], "--format", "json"], &[]);
        told(&ran, 2, "SB0104", &["APP_URL"]);
        let document = json(&ran);
        assert_eq!((&document["failure"]["code"], &document["exit_status"]), (&"SB0104".into(), &2.into()));
    }
}

#[tokio::test]
async fn a_format_that_is_unknown_is_refused_before_anything() {
    let host = host(Shape::BARE).await;
    let start = host.state().await;
    told(&host.run(&["deploy", "--format", "yaml"]), 2, "SB0004", &["`yaml`"]);
    told(&host.run(&["plan", "--format", "yaml"]), 2, "SB0004", &["`yaml`"]);
    start.assert_same(&host.state().await);
    assert!(run_ids(&host).is_empty());
}

#[tokio::test]
async fn status_holds_what_scripts_read() {
    let host = host(Shape::BARE).await;
    let status = json(&host.expect(&["status", "--format", "json"], 0));
    assert_eq!(status["environment"], "production");
    assert_eq!(status["tool"], "alembic");
    assert_eq!(status["current"], serde_json::json!(["r1"]));
    assert_eq!(status["heads"], serde_json::json!(["r3"]));
    let pending = serde_json::json!({ "revision": "r2", "name": "r2 of the test", "path": "migrations/versions/r2.py" });
    assert_eq!(status["pending"][0], pending);
    for empty in ["drift", "open_run", "last_run"] {
        assert_eq!(status.as_object().unwrap().get(empty), Some(&Value::Null), "{empty}");
    }
    host.expect(&["deploy"], 0);
    let status = json(&host.expect(&["status", "--format", "json"], 0));
    assert_eq!(status["pending"], serde_json::json!([]));
    assert_eq!(status["last_run"]["run"], run_ids(&host)[0].as_str());
}

// Every other command, once.

#[tokio::test]
async fn the_migrator_alone_goes_up_and_down() {
    let host = host(Shape::BARE).await;
    let start = host.state().await;
    let up = json(&host.expect(&["up", "--to", "r2", "--format", "json"], 0));
    assert_eq!((&up["applied"][0]["revision"], &up["current"]), (&"r2".into(), &serde_json::json!(["r2"])));
    assert!(up["applied"][0]["ms"].is_u64() && up["ms"].is_u64() && up["reverted"] == serde_json::json!([]));
    host.expect(&["up"], 0);
    host.expect(&["up"], 0);
    told(
        &host.run(&["down", "--steps", "99"]),
        2,
        "SB0004",
        &["--steps 99", "nothing was changed", "--to base"],
    );
    let down = json(&host.expect(&["down", "--steps", "1", "--format", "json"], 0));
    assert_eq!(
        (&down["reverted"][0]["revision"], &down["current"]),
        (&"r3".into(), &serde_json::json!(["r2"]))
    );
    host.expect(&["down", "--to", "r1"], 0);
    start.assert_same(&host.state().await);
    host.expect(&["stamp", "r2"], 0);
    assert_eq!(host.database().text("select version_num from public.alembic_version").await, "r2");
    host.expect(&["stamp", "r1"], 0);
    start.assert_same(&host.state().await);
}

#[tokio::test]
async fn an_up_that_fails_leaves_what_was_there() {
    let host = host(Shape::BARE).await;
    let start = host.state().await;
    told(
        &host.run_with(&["up"], &[("MIGRATE_FAULT", "fail r2")]),
        4,
        "SB0408",
        &["r2", "app.errors.Broken", "r1"],
    );
    told(&host.run_with(&["up"], &[("MIGRATE_FAULT", "nothing r2")]), 4, "SB0409", &["r2"]);
    start.assert_same(&host.state().await);
    // The one before it stays, and that is said.
    let ran = host.run_with(&["up", "--format", "json"], &[("MIGRATE_FAULT", "fail r3")]);
    told(&ran, 4, "SB0408", &["the target is at r2"]);
    assert_eq!(json(&ran)["applied"][0]["revision"], "r2");
}

#[tokio::test]
async fn backups_are_made_listed_verified_restored_and_pruned() {
    let host = host(Shape::BARE).await;
    told(&host.run(&["backup", "verify"]), 2, "SB0603", &["backups"]);
    told(&host.run(&["restore", "2026"]), 2, "SB0603", &["`2026`"]);
    let made = json(&host.expect(&["backup", "create", "--format", "json"], 0));
    let id = made["id"].as_str().unwrap();
    assert!(!made["proof"].is_null() && Path::new(made["folder"].as_str().unwrap()).is_dir(), "{made}");
    assert!(host.expect(&["backup", "list"], 0).stdout.contains(id));
    host.expect(&["backup", "verify", id], 0);
    host.expect(&["backup", "verify", "--files-only"], 0);
    let into = format!("{}_again", host.database().name());
    let restored = json(&host.expect(&["restore", id, "--into", &into, "--format", "json"], 0));
    assert_eq!(restored["database"], into.as_str());
    assert!(host.cluster().has_database(&into).await);
    told(&host.run(&["restore", id, "--into", &into]), 3, "SB0608", &[&into]);
    told(
        &host.run(&["restore", id, "--into", host.database().name()]),
        3,
        "SB0608",
        &[host.database().name()],
    );
    host.expect(&["backup", "create"], 0);
    let pruned = json(&host.expect(&["backup", "prune", "--keep", "1", "--format", "json"], 0));
    assert_eq!(pruned["removed"], serde_json::json!([id]));
    assert_eq!(json(&host.expect(&["backup", "list", "--format", "json"], 0)).as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_backup_that_was_damaged_is_told() {
    let host = host(Shape::BARE).await;
    let made = json(&host.expect(&["backup", "create", "--format", "json"], 0));
    let dump = Path::new(made["folder"].as_str().unwrap()).join("dump");
    let file = std::fs::read_dir(&dump).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    told(&host.run(&["backup", "verify", "--files-only"]), 1, "SB0604", &[name]);
    // As large as before, and still known to a list.
    let list = host.expect(&["backup", "list"], 1);
    assert!(list.stdout.contains("! damaged") && list.stderr.contains("SHA-256"), "{}", list.stderr);
    std::fs::remove_file(&file).unwrap();
    let list = host.expect(&["backup", "list"], 1);
    assert!(list.stderr.contains("is damaged"), "{}", list.stderr);
}

#[tokio::test]
async fn good_backups_are_not_pruned_for_a_damaged_one() {
    let host = host(Shape::BARE).await;
    let create = || json(&host.expect(&["backup", "create", "--format", "json"], 0));
    let (oldest, older, newest) = (create(), create(), create());
    let contents = Path::new(newest["folder"].as_str().unwrap()).join("dump/toc.dat");
    let mut bytes = std::fs::read(&contents).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&contents, bytes).unwrap();
    let pruned = json(&host.expect(&["backup", "prune", "--keep", "1", "--format", "json"], 0));
    assert_eq!(pruned["removed"], serde_json::json!([oldest["id"]]));
    let why = pruned["spared"][newest["id"].as_str().unwrap()].as_str().unwrap();
    assert!(why.contains("dump/toc.dat"), "{pruned}");
    let list = json(&host.expect(&["backup", "list", "--format", "json"], 1));
    let shown = |n: usize| (list[n]["name"].clone(), list[n]["damaged"].is_string());
    assert_eq!([shown(0), shown(1)], [(newest["id"].clone(), true), (older["id"].clone(), false)]);
}

#[tokio::test]
async fn the_data_is_checked_and_what_differs_is_exit_status_1() {
    let host = host(Shape::BARE).await;
    host.expect(&["validate"], 0);
    let checks = json(&host.expect(&["validate", "--format", "json"], 0));
    assert_eq!(checks["ok"], true);
    let more = "\n[[validations]]\nname = \"nobody is called Nobody\"\nsql = \"select count(*) from users\"\nexpect = 0\n";
    let text = std::fs::read_to_string(host.path("switchback.toml")).unwrap();
    host.write("switchback.toml", &(text + more));
    let ran = host.expect(&["validate"], 1);
    assert!(ran.stdout.contains("nobody is called Nobody") && ran.stdout.contains("200"), "{}", ran.stdout);
    host.expect(&["validate", "users are still there", "orphans"], 0);
    let one = json(&host.expect(&["validate", "nobody is called Nobody", "--format", "json"], 1));
    let one = one["checks"].as_array().unwrap();
    assert_eq!(one.len(), 1, "{one:?}");
    assert_eq!((&one[0]["ok"], one[0]["ms"].is_u64()), (&false.into(), true), "{one:?}");
    let ran = host.run(&["validate", "nobody is called nobody"]);
    told(&ran, 2, "SB0004", &["did you mean `nobody is called Nobody`?", "sequences", "nothing was changed"]);
}

#[tokio::test]
async fn runs_are_listed_shown_and_reported() {
    let host = host(Shape::BARE).await;
    host.expect(&["runs", "list"], 0);
    host.expect(&["deploy", "--dry-run"], 0);
    host.expect(&["plan"], 0);
    assert!(json(&host.expect(&["plan", "--format", "json"], 0)).is_object());
    assert!(run_ids(&host).is_empty());
    let failed = host.run_with(&["deploy"], &[("MIGRATE_FAULT", "fail r2")]);
    assert_eq!(failed.status, Some(4));
    host.expect(&["deploy"], 0);
    let ids = run_ids(&host);
    assert_eq!(ids.len(), 2);
    for (id, word) in ids.iter().zip(["SB0408", "rollback"]) {
        assert!(host.expect(&["runs", "list"], 0).stdout.contains(id.as_str()));
        assert!(host.expect(&["runs", "show", id], 0).stdout.contains(word));
        assert!(json(&host.expect(&["runs", "show", id, "--format", "json"], 0)).is_object());
        assert!(host.expect(&["report", id], 0).stdout.contains(id.as_str()));
        assert_eq!(json(&host.expect(&["report", id, "--format", "json"], 0))["id"], id.as_str());
    }
    told(&host.run(&["runs", "show", "20"]), 2, "SB0307", &["2 runs fit `20`", "runs list"]);
    host.expect(&["report", "--output", "report.md"], 0);
    assert!(host.path("report.md").is_file());
    told(&host.run(&["report", "--format", "pdf"]), 2, "SB0004", &["`pdf`"]);
    for words in [["status", "--format", "html"], ["validate", "--format", "jsonl"]] {
        told(&host.run(&words), 2, "SB0004", &[words[2], "--format json"]);
    }
    host.expect(&["doctor"], 0);
    assert_eq!(json(&host.expect(&["doctor", "--format", "json"], 0))["ok"], true);
}
