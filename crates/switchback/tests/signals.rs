//! A word to stop, as the system brings it: Ctrl-C on a real terminal, SIGTERM, a terminal that is
//! gone, in one word and in many. Whatever was at work, nothing goes on on the server, no child is
//! left, the record says by what it was interrupted, and the host is where it started.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};
use switchback_testkit::{Host, Ran, Shape, State, cluster};

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");
const SQL: Shape = Shape { tool: "sql", ..Shape::BARE };
const INTERRUPTED: i32 = 130;
const STUCK: i32 = 5;

async fn host(shape: Shape) -> Host {
    Host::new(cluster().await, PROGRAM, shape).await
}

// The program at work.

/// Ends with the test, whatever the test comes to.
struct Started<'h> {
    child: Child,
    host: &'h Host,
}

impl<'h> Started<'h> {
    fn of(host: &'h Host, command: &mut Command) -> Self {
        let file = |name: &str| File::create(host.path(name)).unwrap();
        command.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
        Self { child: command.spawn().unwrap(), host }
    }

    fn hears(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.host.path("stderr")).unwrap()
    }

    async fn says(&self, words: &str) {
        eventually(words, async || self.said().contains(words)).await;
    }

    async fn ends(&mut self) -> Ran {
        let mut status = None;
        eventually("the program ends", async || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        })
        .await;
        let stdout = std::fs::read_to_string(self.host.path("stdout")).unwrap();
        Ran { status: status.unwrap().code(), stdout, stderr: self.said() }
    }
}

impl Drop for Started<'_> {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Waits for a condition.
async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !is_so().await {
        assert!(Instant::now() < deadline, "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How many statements the server has at work in databases of this host, but for the test's own.
async fn at_work(host: &Host, condition: &str) -> i64 {
    let admin = host.cluster().session().await;
    let sql = format!(
        "select count(*) from pg_stat_activity where datname like $1 and state = 'active' \
         and application_name <> 'switchback tests' and {condition}"
    );
    admin.one(&sql, &[&format!("{}%", host.database().name())]).await.unwrap().get(0)
}

/// The command lines of processes that work in or on the host's folder.
fn processes(host: &Host) -> Vec<String> {
    let folder = host.path("").display().to_string();
    let folder = folder.trim_end_matches('/');
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let found = entries.filter_map(|entry| {
        let words = std::fs::read(entry.path().join("cmdline")).ok().filter(|words| !words.is_empty())?;
        let words = String::from_utf8_lossy(&words).replace('\0', " ");
        let inside = std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
        (inside || words.contains(folder)).then_some(words)
    });
    found.collect()
}

/// Nothing of it goes on: not on the server, and no process.
async fn assert_over(host: &Host, what: &str) {
    let deadline = Instant::now() + Duration::from_secs(5);
    // A backend ends a moment after its client; what sleeps for ten minutes does not.
    while at_work(host, "true").await > 0 {
        assert!(Instant::now() < deadline, "{what}: a statement goes on on the server");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(processes(host), Vec::<String>::new(), "{what}: processes are left");
}

#[track_caller]
fn assert_unchanged(before: &State, after: &State, what: &str) {
    let differences = before.differences(after);
    assert!(differences.is_empty(), "{what}:\n{}", differences.join("\n"));
}

/// The events of the newest run.
fn events(host: &Host) -> Vec<serde_json::Value> {
    let read = |line: &String| serde_json::from_str::<serde_json::Value>(line).unwrap()["event"].clone();
    host.journal().iter().map(read).collect()
}

/// Why the newest run turned round, as its journal has it.
fn why(host: &Host) -> String {
    let turned = events(host).into_iter().find(|event| event["kind"] == "run.unwinding");
    turned.unwrap_or_else(|| panic!("the run did not turn round:\n{}", host.journal().join("\n")))["why"]["message"]
        .as_str()
        .unwrap()
        .to_owned()
}

const WORDS: [(Signal, &str); 3] =
    [(Signal::INT, "Ctrl-C"), (Signal::TERM, "SIGTERM"), (Signal::HUP, "the loss of its terminal (SIGHUP)")];

// Long statements.

/// The second migration takes ten minutes.
fn sleepy(host: &Host, tool: &str, statement: &str) {
    let file = if tool == "sql" { "code/migrations/0002_r2.up.sql" } else { "code/migrations/sql/r2.up.sql" };
    host.write(file, statement);
}

#[tokio::test]
async fn a_long_migration_is_cancelled_on_the_server_by_every_word() {
    for (n, (signal, name)) in WORDS.into_iter().enumerate() {
        for (tool, command) in [("alembic", "deploy"), ("sql", "deploy"), ("alembic", "up"), ("sql", "up")] {
            // Each word once with each tool; both commands hear by the same ear.
            if (n % 2 == 0) != (command == "deploy") {
                continue;
            }
            let what = format!("{command} with {tool}, {name}");
            let host = host(Shape { tool, ..Shape::BARE }).await;
            sleepy(&host, tool, "select pg_sleep(600);\n");
            let start = host.state().await;
            let mut started = Started::of(&host, &mut host.command(&[command]));
            eventually("the migration sleeps", async || at_work(&host, "query like '%pg_sleep%'").await > 0)
                .await;
            started.hears(signal);
            let ran = started.ends().await;
            assert_eq!(ran.status, Some(INTERRUPTED), "{what}\n{}", ran.stderr);
            assert!(ran.stderr.contains(name) && ran.stderr.contains("SB0003"), "{what}\n{}", ran.stderr);
            assert_over(&host, &what).await;
            assert_unchanged(&start, &host.state().await, &what);
            if command == "deploy" {
                assert_eq!(why(&host), format!("the run was interrupted by {name}"));
            }
        }
    }
}

/// Its index calls a function for each row, which sleeps.
const SLOW_INDEX: &str = "-- switchback: no-transaction\n\
    create function slowly(bigint) returns bigint immutable language sql as 'select $1 from pg_sleep(600)';\n\
    create index concurrently slow on users (slowly(id));\n";

#[tokio::test]
async fn an_index_that_is_built_concurrently_is_cancelled_and_what_it_left_is_said() {
    let building = "query ilike 'create index%'";
    let host_of_run = host(SQL).await;
    sleepy(&host_of_run, "sql", SLOW_INDEX);
    let start = host_of_run.state().await;
    let mut deploy = Started::of(&host_of_run, &mut host_of_run.command(&["deploy"]));
    eventually("the index is built", async || at_work(&host_of_run, building).await > 0).await;
    deploy.hears(Signal::TERM);
    let ran = deploy.ends().await;
    assert_eq!(ran.status, Some(INTERRUPTED), "{}", ran.stderr);
    assert_over(&host_of_run, "deploy").await;
    // The function was there for good, half of the index too: both went back with the restore point.
    assert_unchanged(&start, &host_of_run.state().await, "deploy");

    // The migrator alone has no way back, and says what is there.
    let host = host(SQL).await;
    sleepy(&host, "sql", SLOW_INDEX);
    let mut up = Started::of(&host, &mut host.command(&["up"]));
    eventually("the index is built", async || at_work(&host, building).await > 0).await;
    up.hears(Signal::HUP);
    let ran = up.ends().await;
    assert_eq!(ran.status, Some(STUCK), "{}", ran.stderr);
    for word in [
        "half-way",
        "statement 1 of 2 was done",
        "it left the index public.slow not valid; that was dropped again",
    ] {
        assert!(ran.stderr.contains(word), "no `{word}` in\n{}", ran.stderr);
    }
    assert_over(&host, "up").await;
    assert_eq!(host.database().text("select (to_regclass('public.slow') is null)::text").await, "true");
}

const LOCK: &str = "begin; lock table public.users in access exclusive mode";
const WAITS: &str = "wait_event_type = 'Lock'";

/// The client programs in a folder of the host; one of them says that it has begun and waits for a word
/// (files `NAME.begun` and `NAME.go`) before it is itself.
async fn gated(host: &Host, gated: &str) -> PathBuf {
    let bin = switchback_postgres::programs::find_client(host.cluster().major()).await.unwrap();
    for name in ["pg_dump", "pg_restore", "pg_dumpall", "psql"] {
        let (real, here) = (bin.program(name).display().to_string(), host.path(name).display().to_string());
        let waits = format!(
            "case $* in *--version*) ;; *) touch {here}.begun; until [ -e {here}.go ]; do sleep 0.02; done ;; esac\n"
        );
        let waits = if name == gated { waits } else { String::new() };
        host.write(&format!("bin/{name}"), &format!("#!/bin/sh\n{waits}exec {real} \"$@\"\n"));
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(host.path(&format!("bin/{name}")), mode).unwrap();
    }
    host.path("bin")
}

/// Databases that a restore beside the target fills.
async fn being_filled(host: &Host) -> Vec<String> {
    let sql = "select datname::text from pg_database where datname like 'sb\\_restore\\_%'";
    let rows = host.cluster().session().await.rows(sql, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_restore_that_is_interrupted_leaves_nothing_and_one_that_is_killed_is_named_by_doctor() {
    let host = host(Shape::BARE).await;
    host.expect(&["backup", "create"], 0);
    let start = host.state().await;
    let bin = gated(&host, "pg_restore").await;
    for signal in [Signal::INT, Signal::KILL] {
        let mut command = host.command(&["restore", "2", "--into", "beside"]);
        let mut restore = Started::of(&host, command.env("SWITCHBACK_PG_BIN", &bin));
        eventually("pg_restore has begun", async || host.path("pg_restore.begun").exists()).await;
        std::fs::remove_file(host.path("pg_restore.begun")).unwrap();
        assert_eq!(being_filled(&host).await.len(), 1);
        restore.hears(signal);
        let ran = restore.ends().await;
        assert_eq!(ran.status, (signal == Signal::INT).then_some(INTERRUPTED), "{}", ran.stderr);
        assert_over(&host, "restore").await;
        assert!(!host.cluster().has_database("beside").await);
        assert_eq!(being_filled(&host).await.len(), usize::from(signal == Signal::KILL));
    }
    assert_unchanged(&start, &host.state().await, "restore");
    let left = being_filled(&host).await.remove(0);
    let doctor = host.run(&["doctor"]);
    assert!(
        doctor.stdout.contains(&format!("drop database \"{left}\"")),
        "{}\n{}",
        doctor.stdout,
        doctor.stderr
    );
}

#[tokio::test]
async fn a_dump_is_cancelled_with_all_its_programs_and_leaves_no_piece() {
    for (words, signal) in [(&["deploy"][..], Signal::TERM), (&["backup", "create"], Signal::INT)] {
        let what = words.join(" ");
        let host = host(Shape::BARE).await;
        // The real pg_dump, once somebody holds a table for which it has to wait.
        let bin = gated(&host, "pg_dump").await;
        let start = host.state().await;
        let mut command = host.command(words);
        let mut started = Started::of(&host, command.env("SWITCHBACK_PG_BIN", bin));
        eventually("pg_dump has begun", async || host.path("pg_dump.begun").exists()).await;
        let other = host.database().session().await;
        other.batch(LOCK).await.unwrap();
        host.write("pg_dump.go", "");
        eventually("pg_dump waits", async || {
            at_work(&host, &format!("{WAITS} and query ilike 'lock table%'")).await > 0
        })
        .await;
        started.hears(signal);
        let ran = started.ends().await;
        assert_eq!(ran.status, Some(INTERRUPTED), "{what}\n{}", ran.stderr);
        assert_over(&host, &what).await;
        other.batch("rollback").await.unwrap();
        drop(other);
        host.left_alone().await;
        let left: Vec<_> = std::fs::read_dir(host.path("backups")).into_iter().flatten().collect();
        assert!(left.is_empty(), "{what}: a piece of a backup is left: {left:?}");
        assert_unchanged(&start, &host.state().await, &what);
    }
}

/// The first look at the catalog waits for the lock already: nothing of ours is at work, and no
/// program of ours hears a word.
#[tokio::test]
async fn what_only_waits_for_somebody_elses_lock_ends_too() {
    for words in [&["deploy"][..], &["backup", "create"], &["validate"]] {
        let what = words.join(" ");
        let host = host(Shape::BARE).await;
        let start = host.state().await;
        let other = host.database().session().await;
        other.batch(LOCK).await.unwrap();
        let mut started = Started::of(&host, &mut host.command(words));
        eventually("it waits", async || at_work(&host, WAITS).await > 0).await;
        started.hears(Signal::INT);
        let ran = started.ends().await;
        assert_eq!(ran.status, Some(INTERRUPTED), "{what}\n{}", ran.stderr);
        assert_over(&host, &what).await;
        other.batch("rollback").await.unwrap();
        drop(other);
        host.left_alone().await;
        assert_unchanged(&start, &host.state().await, &what);
    }
}

#[tokio::test]
async fn a_validation_is_cancelled_on_the_server() {
    for (words, signal) in
        [(&["deploy"][..], Signal::HUP), (&["validate"], Signal::INT), (&["validate", "long"], Signal::TERM)]
    {
        let host = host(Shape::BARE).await;
        let text = std::fs::read_to_string(host.path("switchback.toml")).unwrap();
        let long = "\n[[validations]]\nname = \"long\"\nsql = \"select pg_sleep(600) is not null\"\n";
        host.write("switchback.toml", &(text + long));
        let start = host.state().await;
        let mut started = Started::of(&host, &mut host.command(words));
        eventually("the check sleeps", async || at_work(&host, "query like '%pg_sleep%'").await > 0).await;
        started.hears(signal);
        let ran = started.ends().await;
        assert_eq!(ran.status, Some(INTERRUPTED), "{words:?}\n{}", ran.stderr);
        assert_over(&host, &words.join(" ")).await;
        assert_unchanged(&start, &host.state().await, &words.join(" "));
    }
}

// More than one word.

/// A host whose way back waits at its first effect for a file `go`.
async fn held_on_its_way_back() -> Host {
    let host = host(Shape::BARE).await;
    sleepy(&host, "alembic", "select pg_sleep(600);\n");
    let text = std::fs::read_to_string(host.path("switchback.toml")).unwrap();
    let page = "\n[environments.production.maintenance]\non = [\"touch\", \"closed\"]\n\
        off = [\"sh\", \"-c\", \"until [ -e go ]; do sleep 0.02; done; rm -f closed\"]\n";
    host.write("switchback.toml", &(text + page));
    host
}

fn deploying(host: &Host) -> Started<'_> {
    Started::of(host, &mut host.command(&["deploy"]))
}

async fn interrupted_while_it_migrates<'h>(host: &Host, started: Started<'h>, signal: Signal) -> Started<'h> {
    eventually("the migration sleeps", async || at_work(host, "query like '%pg_sleep%'").await > 0).await;
    started.hears(signal);
    eventually("the page is being opened", async || {
        events(host)
            .iter()
            .any(|event| event["kind"] == "step.undo_started" && event["step"] == "maintenance")
    })
    .await;
    started
}

#[tokio::test]
async fn a_second_word_says_what_is_going_on_and_stops_nothing() {
    let host = held_on_its_way_back().await;
    let start = host.state().await;
    let mut deploy = interrupted_while_it_migrates(&host, deploying(&host), Signal::INT).await;
    deploy.says("Ctrl-C: the step at work is ended, and what was begun is taken back").await;
    for (signal, name) in WORDS {
        deploy.hears(signal);
        deploy.says(&format!("{name}: the run is being taken back already, at work: close the page")).await;
    }
    assert!(deploy.said().contains("switchback resume"), "{}", deploy.said());
    host.write("code/go", "");
    let ran = deploy.ends().await;
    assert_eq!(ran.status, Some(INTERRUPTED), "{}", ran.stderr);
    assert_eq!(why(&host), "the run was interrupted by Ctrl-C");
    assert_unchanged(&start, &host.state().await, "many words");
}

/// A unit with `NotifyAccess=main` is given the time that a way back needs (sd_notify(3)).
#[tokio::test]
async fn a_service_manager_that_listens_is_asked_for_more_time() {
    let host = held_on_its_way_back().await;
    let manager = std::os::unix::net::UnixDatagram::bind(host.path("notify")).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut command = host.command(&["deploy"]);
    let started = Started::of(&host, command.env("NOTIFY_SOCKET", host.path("notify")));
    let mut deploy = interrupted_while_it_migrates(&host, started, Signal::TERM).await;
    let mut heard = [0; 256];
    for _ in 0..2 {
        let length = manager.recv(&mut heard).unwrap();
        let heard = String::from_utf8_lossy(&heard[..length]);
        assert!(heard.contains("STOPPING=1") && heard.contains("EXTEND_TIMEOUT_USEC=30000000"), "{heard}");
    }
    host.write("code/go", "");
    assert_eq!(deploy.ends().await.status, Some(INTERRUPTED));
}

/// As systemd stops a unit: SIGTERM, and SIGKILL for everything in its control group when
/// `TimeoutStopSec` has gone by.
#[tokio::test]
async fn a_way_back_that_is_killed_when_its_time_is_up_goes_on_with_resume() {
    let host = held_on_its_way_back().await;
    let start = host.state().await;
    let mut deploy = interrupted_while_it_migrates(&host, deploying(&host), Signal::TERM).await;
    deploy.child.kill().unwrap();
    let ran = deploy.ends().await;
    assert_eq!(ran.status, None, "{}", ran.stderr);
    assert_eq!(why(&host), "the run was interrupted by SIGTERM");
    assert_over(&host, "killed").await;
    let status = host.expect(&["status"], 0);
    assert!(status.stdout.contains(&host.last_run()), "{}", status.stdout);
    host.write("code/go", "");
    let ran = host.run(&["resume"]);
    assert_eq!(ran.status, Some(INTERRUPTED), "{}", ran.stderr);
    assert_unchanged(&start, &host.state().await, "resume after SIGKILL");
}

// Terminals.

/// A terminal with the program as the leader of its session, as a login has it. What is shown on it
/// is read all the time: a terminal takes only so much that nobody reads.
struct Terminal {
    screen: File,
    child: Child,
    keys: File,
    reader: JoinHandle<Vec<u8>>,
    closing: Arc<AtomicBool>,
}

impl Terminal {
    fn of(host: &Host, words: &[&str]) -> Self {
        let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&keys).unwrap();
        unlockpt(&keys).unwrap();
        fcntl_setfl(&keys, OFlags::RDWR | OFlags::NONBLOCK).unwrap();
        let name = ptsname(&keys, Vec::new()).unwrap().into_string().unwrap();
        let screen = File::options().read(true).write(true).open(name).unwrap();
        tcsetwinsize(&screen, Winsize { ws_row: 40, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let program = host.command(words);
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(program.get_program()).args(program.get_args());
        command.current_dir(program.get_current_dir().unwrap()).env("TERM", "xterm-256color");
        for (name, value) in program.get_envs().filter_map(|(name, value)| Some((name, value?))) {
            command.env(name, value);
        }
        let side = || Stdio::from(screen.try_clone().unwrap());
        let child = command.stdin(side()).stdout(side()).stderr(side()).spawn().unwrap();
        let (keys, closing) = (File::from(keys), Arc::new(AtomicBool::new(false)));
        let reader = read_until(keys.try_clone().unwrap(), closing.clone());
        Self { screen, child, keys, reader, closing }
    }

    fn modes(&self) -> String {
        format!("{:?}", tcgetattr(&self.screen).unwrap())
    }

    async fn ends(&mut self) -> Option<i32> {
        let mut status = None;
        eventually("the program ends", async || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        })
        .await;
        status.unwrap().code()
    }

    /// Its window is closed; what it had shown, and the program, which has no terminal now.
    fn close(self) -> (String, Child) {
        drop(self.screen);
        self.closing.store(true, Ordering::Relaxed);
        let shown = self.reader.join().unwrap();
        drop(self.keys);
        (String::from_utf8_lossy(&shown).into_owned(), self.child)
    }
}

fn read_until(mut keys: File, closing: Arc<AtomicBool>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let (mut shown, mut part) = (Vec::new(), [0; 4096]);
        loop {
            match keys.read(&mut part) {
                Ok(read) if read > 0 => shown.extend(&part[..read]),
                // Nothing is there; or nobody has it open for showing any more.
                _ if closing.load(Ordering::Relaxed) => return shown,
                _ => pause(),
            }
        }
    })
}

#[expect(clippy::disallowed_methods, reason = "a pause between two looks")]
fn pause() {
    std::thread::sleep(Duration::from_millis(5));
}

/// How a terminal is left that has shown this: whether its cursor is seen, and whether it writes plainly.
fn left_behind(shown: &str) -> (bool, bool) {
    let (mut cursor, mut plain) = (true, true);
    for piece in shown.split("\x1b[").skip(1) {
        let end = piece.find(|c: char| c.is_ascii_alphabetic()).unwrap();
        match &piece[..=end] {
            "?25l" => cursor = false,
            "?25h" => cursor = true,
            code if code.ends_with('m') => {
                plain = matches!(code, "m" | "0m" | "39m" | "49m" | "22m" | "23m" | "24m");
            }
            _ => {}
        }
    }
    (cursor, plain)
}

#[test]
fn what_a_terminal_is_left_like_is_told() {
    assert_eq!(left_behind("\x1b[1mbold\x1b[0m"), (true, true));
    assert_eq!(left_behind("\x1b[1mbold"), (true, false));
    assert_eq!(left_behind("\x1b[?25l\x1b[2K"), (false, true));
}

#[tokio::test]
async fn ctrl_c_on_a_terminal_takes_back_and_leaves_the_terminal_clean() {
    for words in [&["deploy"][..], &["up"]] {
        let host = host(Shape::BARE).await;
        sleepy(&host, "alembic", "select pg_sleep(600);\n");
        let start = host.state().await;
        let mut terminal = Terminal::of(&host, words);
        let before = terminal.modes();
        eventually("the migration sleeps", async || at_work(&host, "query like '%pg_sleep%'").await > 0)
            .await;
        // The terminal makes the signal of it, for everybody in its foreground.
        terminal.keys.write_all(b"\x03").unwrap();
        assert_eq!(terminal.ends().await, Some(INTERRUPTED), "{words:?}");
        assert_eq!(terminal.modes(), before, "{words:?}");
        let (shown, _) = terminal.close();
        assert!(
            shown.contains("\x1b["),
            "{words:?}: nothing was coloured, so nothing is shown by this:\n{shown}"
        );
        assert_eq!(left_behind(&shown), (true, true), "{words:?}\n{shown:?}");
        assert!(shown.contains("Ctrl-C: "), "{words:?}\n{shown}");
        assert!(shown.ends_with('\n'), "{words:?}: the shell's prompt would not begin a line\n{shown:?}");
        assert_over(&host, "a terminal").await;
        assert_unchanged(&start, &host.state().await, "Ctrl-C on a terminal");
    }
}

#[tokio::test]
async fn a_terminal_that_is_closed_takes_the_run_back_and_the_journal_says_so() {
    let host = host(Shape::BARE).await;
    sleepy(&host, "alembic", "select pg_sleep(600);\n");
    let start = host.state().await;
    let terminal = Terminal::of(&host, &["deploy"]);
    eventually("the migration sleeps", async || at_work(&host, "query like '%pg_sleep%'").await > 0).await;
    let (_, mut child) = terminal.close();
    let mut status = None;
    eventually("the program ends", async || {
        status = child.try_wait().unwrap();
        status.is_some()
    })
    .await;
    // Nobody saw what it said; its status and its record did.
    assert_eq!(status.unwrap().code(), Some(INTERRUPTED));
    assert_eq!(why(&host), "the run was interrupted by the loss of its terminal (SIGHUP)");
    assert_eq!(events(&host).last().unwrap()["status"], "undone");
    assert_over(&host, "a closed terminal").await;
    assert_unchanged(&start, &host.state().await, "a closed terminal");
}

#[tokio::test]
async fn with_nohup_a_run_outlives_its_terminal() {
    let host = host(Shape::BARE).await;
    let program = host.command(&["deploy"]);
    let mut command = Command::new("nohup");
    command
        .arg(program.get_program())
        .args(program.get_args())
        .current_dir(program.get_current_dir().unwrap());
    for (name, value) in program.get_envs().filter_map(|(name, value)| Some((name, value?))) {
        command.env(name, value);
    }
    // Its second migration says that it has begun, and goes on when it is told to.
    let script = std::fs::read_to_string(host.path("migrate")).unwrap();
    let until = "touch \"$2.begun\"; until [ -e \"$2.go\" ]; do sleep 0.02; done; rm \"$2.go\" \"$2.begun\"";
    assert!(script.contains(&format!("{until}; exit 1")));
    host.write("migrate", &script.replace(&format!("{until}; exit 1"), until));
    let mut deploy = Started::of(&host, command.env("MIGRATE_FAULT", "wait r2"));
    eventually("the migration has begun", async || host.path("code/r2.begun").exists()).await;
    deploy.hears(Signal::HUP);
    host.write("code/r2.go", "");
    let ran = deploy.ends().await;
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
}
