//! What the world does to a run: full disks, services that won't, machines that are lost. Each ends
//! with its exit status, says what was changed and what to type, and leaves a way on.
//!
//! What people do to it is in `mistakes.rs`; a migrator that hangs and a closed window are there too.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use switchback_testkit::{Disk, Host, Shape, cluster};

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");

async fn host(shape: Shape) -> Host {
    Host::new(cluster().await, PROGRAM, shape).await
}

// Disks.

#[tokio::test]
async fn a_disk_without_room_for_the_backup_refuses_before_anything() {
    let host = host(Shape::default()).await;
    let Some(disk) = Disk::mount(&host.path("backups"), "size=64k,mode=0700") else {
        println!("left out: only root can mount the small disk that this test needs");
        return;
    };
    let start = host.state().await;
    let ran = host.run(&host.deploy());
    ran.told(3, &["SB0301", "the backup", "backups", "nothing was changed"]);
    start.assert_same(&host.state().await);
    drop(disk);
    host.expect(&host.deploy(), 0);
}

/// The preflight saw room; somebody else took it while the dump was written.
#[tokio::test]
async fn a_disk_that_fills_up_in_the_backup_is_taken_back() {
    let host = host(Shape::default()).await;
    let Some(_disk) = Disk::mount(&host.path("backups"), "size=32m,mode=0700") else {
        println!("left out: only root can mount the small disk that this test fills");
        return;
    };
    let bin = switchback_postgres::programs::find_client(host.cluster().major()).await.unwrap();
    let fill = host.path("backups").join("somebody-elses");
    for name in ["pg_dump", "pg_restore", "pg_dumpall", "psql"] {
        let real = bin.program(name).display().to_string();
        let filling = if name == "pg_dump" {
            format!(
                "case $* in *--version*) ;; *) cat /dev/zero > '{}' 2>/dev/null || true ;; esac\n",
                fill.display()
            )
        } else {
            String::new()
        };
        host.write(&format!("bin/{name}"), &format!("#!/bin/sh\n{filling}exec {real} \"$@\"\n"));
        let mode = PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(host.path(&format!("bin/{name}")), mode).unwrap();
    }
    let places = host.path("bin").display().to_string();
    let start = host.state().await;
    let ran = host.run_with(&host.deploy(), &[("SWITCHBACK_PG_BIN", &places)]);
    ran.told(3, &["SB0601", "No space left on device", "make room", "nothing of this backup remains"]);
    let left: Vec<_> = std::fs::read_dir(host.path("backups")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(left, std::slice::from_ref(&fill), "a piece of a backup is left");
    std::fs::remove_file(fill).unwrap();
    start.assert_same(&host.state().await);
    host.expect(&host.deploy(), 0);
}

/// The journal is what a run is: without it nothing goes on, and with room again everything does.
#[tokio::test]
async fn a_disk_that_fills_up_under_the_journal_stops_the_run_where_it_is() {
    for way_on in ["resume", "abort"] {
        let host = host(Shape::BARE).await;
        let Some(_disk) = Disk::mount(&host.path(".switchback"), "size=4m,mode=0700") else {
            println!("left out: only root can mount the small disk that this test fills");
            return;
        };
        let start = host.state().await;
        let script = std::fs::read_to_string(host.path("migrate")).unwrap();
        let fill = "\"fill $2\") cat /dev/zero > ../.switchback/somebody-elses 2>/dev/null || true ;;\n    \"hang $2\")";
        host.write("migrate", &script.replace("\"hang $2\")", fill));
        let ran = host.run_with(&["deploy"], &[("MIGRATE_FAULT", "fill r2")]);
        assert_eq!(ran.status, Some(5), "{}", ran.stderr);
        for word in ["SB0704", "No space left on device", "switchback resume"] {
            assert!(ran.stderr.contains(word), "no {word} in {}", ran.stderr);
        }
        // Nothing was lost of what it is, and nobody else gets in.
        let refused = host.run(&["up"]);
        refused.told(3, &["SB0303"]);
        std::fs::remove_file(host.path(".switchback/somebody-elses")).unwrap();
        // Where a file beside the journal was the first that had no room, the run had turned round
        // before the journal had none either.
        let ran = host.run(&[way_on]);
        if way_on == "resume" && ran.status == Some(0) {
            let revision = "select version_num::text from public.alembic_version";
            assert_eq!(host.database().text(revision).await, "r3");
        } else {
            assert_eq!(ran.status, Some(if way_on == "abort" { 0 } else { 4 }), "{}", ran.stderr);
            start.assert_same(&host.state().await);
        }
    }
}

#[tokio::test]
async fn a_backup_folder_that_can_not_be_written_is_named() {
    let host = host(Shape::default()).await;
    let Some(disk) = Disk::mount(&host.path("backups"), "ro,size=64m") else {
        println!("left out: root may write everywhere but on a disk that it mounts read-only");
        return;
    };
    let start = host.state().await;
    let ran = host.run(&host.deploy());
    assert!(matches!(ran.status, Some(3 | 4)), "{}", ran.stderr);
    let folder = host.path("backups").display().to_string();
    for word in ["SB0", &folder, "Read-only file system", "what changed:", "hint:"] {
        assert!(ran.stderr.contains(word), "no {word} in {}", ran.stderr);
    }
    start.assert_same(&host.state().await);
    let made = host.run(&["backup", "create"]);
    assert_eq!(made.status, Some(4), "{}", made.stderr);
    assert!(
        made.stderr.contains("Read-only file system") && made.stderr.contains(&folder),
        "{}",
        made.stderr
    );
    drop(disk);
    host.expect(&host.deploy(), 0);
}

// The application.

/// A release with this Python before it begins to listen.
fn release(host: &Host, python: &str) {
    host.git(&["checkout", "--quiet", "v2"]);
    let text = std::fs::read_to_string(host.path("code/app.py")).unwrap();
    let odd = text.replace("open(\"app.log\"", &format!("{python}\nopen(\"app.log\""));
    assert_ne!(text, odd);
    host.write("code/app.py", &odd);
    host.git(&["commit", "--quiet", "--all", "-m", "odd"]);
    host.git(&["tag", "odd"]);
    host.git(&["checkout", "--quiet", "v1"]);
    host.configure("within = \"10s\"", "within = \"3s\"");
}

/// Deploys the odd release, which is taken back.
async fn taken_back(host: &Host, words: &[&str]) {
    let start = host.state().await;
    let ran = host.run(&["deploy", "--release", "odd"]);
    ran.told(4, words);
    start.assert_same(&host.state().await);
    // And the good release goes through.
    host.expect(&host.deploy(), 0);
}

/// The old release does not hear that it should stop.
#[tokio::test]
async fn an_application_that_ignores_the_word_to_stop_is_ended() {
    let host = host(Shape::default()).await;
    release(&host, "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)");
    host.configure("grace = \"5s\"", "grace = \"1s\"");
    host.expect(&["deploy", "--release", "odd"], 0);
    // Now it runs, and has to go.
    host.expect(&["rollback"], 0);
    assert_eq!(host.service(), "running, free");
    assert_eq!(host.git(&["describe", "--tags"]), "v1");
}

#[tokio::test]
async fn an_application_that_dies_at_its_start_is_taken_back() {
    let host = host(Shape::default()).await;
    release(&host, "print(\"no module named ada\", file=sys.stderr); sys.exit(3)");
    taken_back(&host, &["SB080", "taken back"]).await;
}

#[tokio::test]
async fn an_application_whose_health_flaps_is_taken_back() {
    let host = host(Shape::default()).await;
    release(
        &host,
        "import itertools\nturns = itertools.cycle([200, 200, 500])\n\
         Handler.send_response = lambda self, status, f=Handler.send_response: \
         f(self, next(turns) if self.path == '/health' else status)",
    );
    host.configure("stable_for = \"200ms\"", "stable_for = \"2s\"");
    let start = host.state().await;
    let ran = host.run(&["deploy", "--release", "odd"]);
    ran.told(4, &["SB0803", "was well and did not stay so", "lost ", "curl"]);
    start.assert_same(&host.state().await);
}

#[tokio::test]
async fn a_traceback_in_the_log_after_the_start_is_taken_back() {
    let host = host(Shape::default()).await;
    let later = "import threading\ndef broken():\n    \
                 open(\"app.log\", \"a\").write(\"Traceback (most recent call last):\\nKeyError: 'points'\\n\")\n\
                 threading.Timer(0.8, broken).start()";
    release(&host, later);
    host.configure("watch = \"100ms\"", "watch = \"3s\"");
    let start = host.state().await;
    let ran = host.run(&["deploy", "--release", "odd"]);
    assert_eq!(ran.status, Some(4), "{}", ran.stderr);
    for word in ["SB0804", "Traceback (most recent call last)", "taken back"] {
        assert!(ran.stderr.contains(word), "no {word} in {}", ran.stderr);
    }
    start.assert_same(&host.state().await);
}

// Other machines.

/// The program on another host: with another name, that is, and a state folder of its own.
fn far_away(host: &Host, words: &[&str], fault: &str) -> Command {
    let here = host.command(words);
    let mut there = Command::new("unshare");
    there.args(["--uts", "sh", "-c", "hostname far-away && exec \"$0\" \"$@\"", PROGRAM]);
    there.args(here.get_args()).current_dir(host.path("."));
    there.env("APP_URL", host.url().expose()).env("SWITCHBACK_FAULT", fault);
    there.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    there
}

#[expect(clippy::print_stdout, reason = "a test that is left out must be seen to be")]
fn can_unshare() -> bool {
    let can = Command::new("unshare").args(["--uts", "true"]).status().is_ok_and(|status| status.success());
    if !can {
        println!("left out: only root can give a process another host name");
    }
    can
}

#[tokio::test]
async fn a_lease_that_another_host_holds_refuses_and_names_it() {
    if !can_unshare() {
        return;
    }
    let host = host(Shape::BARE).await;
    let start = host.state().await;
    let mut deploy = far_away(&host, &["deploy"], "").env("MIGRATE_FAULT", "hang r2").spawn().unwrap();
    let admin = host.cluster().session().await;
    let fenced =
        format!("select count(*) from pg_database where datname like '{}\\_sb\\_%'", host.database().name());
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while admin.one(&fenced, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        assert!(std::time::Instant::now() < deadline, "the other host's deploy never came to its fence");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    elsewhere(&host, || {
        for words in [&["deploy"][..], &["up"], &["stamp", "r1"]] {
            host.run(words).told(3, &["SB0303", "on host far-away", "nothing was changed"]);
        }
    });
    let pid = rustix::process::Pid::from_child(&deploy);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(deploy.wait().unwrap().code(), Some(130));
    start.assert_same(&host.state().await);
}

/// Looks from a machine that has none of the other one's files.
fn elsewhere(host: &Host, look: impl FnOnce()) {
    std::fs::rename(host.path(".switchback"), host.path("elsewhere")).unwrap();
    look();
    if host.path(".switchback").exists() {
        std::fs::remove_dir_all(host.path(".switchback")).unwrap();
    }
    std::fs::rename(host.path("elsewhere"), host.path(".switchback")).unwrap();
}

/// The disk of the other machine lives: its journal is all that is needed.
#[tokio::test]
async fn a_run_whose_folder_is_brought_to_another_host_is_taken_back_there() {
    if !can_unshare() {
        return;
    }
    let host = host(Shape::BARE).await;
    let start = host.state().await;
    assert_eq!(far_away(&host, &["deploy"], "kill-in:apply:r2").status().unwrap().code(), None);
    let run = host.last_run();
    std::fs::rename(host.path(".switchback"), host.path("elsewhere")).unwrap();
    host.run(&["abort"]).told(3, &["SB0303", "far-away"]);
    let private = || PermissionsExt::from_mode(0o700);
    std::fs::create_dir_all(host.path(".switchback/runs")).unwrap();
    for folder in [".switchback", ".switchback/runs"] {
        std::fs::set_permissions(host.path(folder), private()).unwrap();
    }
    let folder = |state: &str| host.path(&format!("{state}/runs/{run}"));
    std::fs::rename(folder("elsewhere"), folder(".switchback")).unwrap();
    host.expect(&["abort"], 0);
    start.assert_same(&host.state().await);
}

/// As `docs/guide/troubleshooting.md` has it, under "The journal is gone".
#[tokio::test]
async fn after_the_operators_machine_is_lost_the_target_says_so_and_is_freed_by_hand() {
    if !can_unshare() {
        return;
    }
    let host = host(Shape::BARE).await;
    let start = host.state().await;
    let killed = far_away(&host, &["deploy"], "kill-in:apply:r2").status().unwrap();
    assert_eq!(killed.code(), None);
    let run = host.last_run();
    let journal = host.path(".switchback/runs").join(&run).display().to_string();
    std::fs::remove_dir_all(host.path(".switchback")).unwrap();
    // Whatever a second operator types, the answer is where the run was.
    for words in
        [&["deploy"][..], &["resume"], &["abort"], &["rollback"], &["rollback", &run], &["up"], &["plan"]]
    {
        let ran = host.run(words);
        ran.told(3, &["SB0303", &run, "far-away", &journal, "switchback explain SB0303"]);
    }
    let explained = host.expect(&["explain", "SB0303"], 0).stdout;
    assert!(explained.contains("The journal is gone"), "{explained}");
    let name = host.database().name().to_owned();
    let cluster = host.cluster();
    for statement in [
        format!("alter database \"{name}_sb_{run}\" rename to \"{name}_aside\""),
        format!("alter database \"{name}_rp_{run}\" rename to \"{name}\""),
        format!("alter database \"{name}\" allow_connections true"),
        format!("grant connect, temporary on database \"{name}\" to public"),
        format!("comment on database \"{name}\" is null"),
        format!("comment on database \"{name}_aside\" is null"),
    ] {
        cluster.run(&statement).await;
    }
    let mut differences = start.differences(&host.state().await);
    differences.retain(|line| !line.starts_with("databases: "));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    host.expect(&["deploy"], 0);
    assert_eq!(host.database().text("select version_num::text from public.alembic_version").await, "r3");
}

// Replication.

#[tokio::test]
async fn a_logical_slot_on_the_target_refuses_what_would_swap() {
    let host = host(Shape::default()).await;
    let slot = format!("cdc_{}", host.database().name());
    let make = format!("select pg_create_logical_replication_slot('{slot}', 'pgoutput')");
    host.database().session().await.batch(&make).await.unwrap();
    let start = host.state().await;
    host.run(&host.deploy()).told(3, &["SB0301", &slot, "restore_point = \"down\"", "nothing was changed"]);
    start.assert_same(&host.state().await);
    // Without a swap it stays with the target, there and back.
    host.configure("restore_point = \"clone\"", "restore_point = \"down\"");
    host.expect(&host.deploy(), 0);
    host.expect(&["rollback"], 0);
    let kept = format!(
        "select count(*)::text from pg_replication_slots where slot_name = '{slot}' and database = current_database()"
    );
    assert_eq!(host.database().text(&kept).await, "1");
    host.cluster().run(&format!("select pg_drop_replication_slot('{slot}')")).await;
}
