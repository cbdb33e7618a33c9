//! The `process` service manager with real processes.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use switchback_engine::cancel::Cancel;
use switchback_engine::exec::Program;
use switchback_model::code;
use switchback_workflow::services::process::{ProcessManager, supervise};
use switchback_workflow::services::{ServiceManager, ServiceState};
use tempfile::TempDir;

const STEADY: &str = "exec sleep 600";

/// Not a test: what the supervisor's process of the other tests does.
#[test]
#[ignore = "entry point of the supervisor"]
fn supervisor_entry() {
    let spec = std::env::var_os("TEST_SPEC").expect("only the wrapper script runs this");
    supervise(Path::new(&spec)).unwrap();
}

/// Not a test: starts a service and ends.
#[tokio::test]
#[ignore = "entry point of a process that starts a service and ends"]
async fn starter_entry() {
    let state = PathBuf::from(std::env::var_os("TEST_STATE").expect("only a test runs this"));
    let mut manager = ProcessManager::new(&settings(STEADY), "production", &state, &state);
    manager.supervisor = wrapper();
    manager.start(None).await.unwrap();
}

/// A program that takes the arguments of the real one and becomes this test binary.
fn wrapper() -> PathBuf {
    static WRAPPER: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = WRAPPER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("supervisor");
        let me = std::env::current_exe().unwrap();
        let script = format!(
            "#!/bin/sh\n[ \"$1 $2\" = 'internal supervise' ] || exit 2\nTEST_SPEC=$3 exec {} --ignored --exact service::supervisor_entry\n",
            me.display()
        );
        // Written by another process: one that is open for writing here could be inherited by a
        // test's child, and then it can't be executed.
        let written = std::process::Command::new("sh")
            .args(["-c", "printf %s \"$1\" > \"$2\" && chmod 755 \"$2\"", "sh", &script])
            .arg(&path)
            .status();
        assert!(written.unwrap().success());
        (folder, path)
    });
    path.clone()
}

fn settings(script: &str) -> switchback_model::config::Service {
    let service = json!({
        "manager": "process",
        "command": ["sh", "-c", script],
        "env": { "API_KEY": "hush-hush-hush" },
        "grace": "1s",
    });
    serde_json::from_value(service).unwrap()
}

/// A service in a folder of its own; nothing of it is left when it is dropped.
struct Bench {
    folder: TempDir,
    manager: ProcessManager,
}

impl Bench {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut manager =
            ProcessManager::new(&settings(script), "production", &folder.path().join("state"), folder.path());
        manager.supervisor = wrapper();
        Self { folder, manager }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("state/services/production").join(name)
    }

    fn status(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.file("status.json")).unwrap()).unwrap()
    }

    fn supervisor(&self) -> i32 {
        i32::try_from(self.status()["supervisor"]["pid"].as_i64().unwrap()).unwrap()
    }

    async fn running(&self) -> (i32, u32) {
        match self.manager.state().await.unwrap() {
            ServiceState::Running { pid, restarts, .. } => (pid.unwrap(), restarts),
            other => panic!("{other:?}"),
        }
    }

    /// The number that the script wrote into a file of its folder.
    async fn pid_in(&self, name: &str) -> i32 {
        let path = self.folder.path().join(name);
        let read = || std::fs::read_to_string(&path).ok()?.trim().parse().ok();
        eventually("the script writes its number", || read().is_some()).await;
        read().unwrap()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let (manager, state) = (&self.manager, self.folder.path().join("state"));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut mine = ProcessManager::new(&settings(STEADY), "production", &state, &state);
                mine.supervisor.clone_from(&manager.supervisor);
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(mine.stop()).unwrap();
            });
        });
    }
}

async fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < Duration::from_secs(20), "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn kill(pid: i32) {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

/// A zombie is not alive.
fn alive(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test]
async fn starts_once_and_leaves_nothing_behind() {
    let bench = Bench::new(STEADY);
    assert_eq!(bench.manager.state().await.unwrap(), ServiceState::Stopped);
    bench.manager.start(None).await.unwrap();
    let (pid, restarts) = bench.running().await;
    bench.manager.start(None).await.unwrap();
    assert_eq!((bench.running().await, restarts), ((pid, 0), 0));
    let supervisor = bench.supervisor();
    bench.manager.stop().await.unwrap();
    assert!(!alive(pid) && !alive(supervisor));
    bench.manager.stop().await.unwrap();
    assert_eq!(bench.manager.state().await.unwrap(), ServiceState::Stopped);
    bench.manager.start(None).await.unwrap();
    assert_ne!(bench.running().await.0, pid);
}

#[tokio::test]
async fn outlives_whoever_started_it() {
    let bench = Bench::new(STEADY);
    let me = std::env::current_exe().unwrap();
    // As `exec` runs programs, this one is killed with us; what it starts is not.
    Program::new(me)
        .args(["--ignored", "--exact", "service::starter_entry"])
        .env("TEST_STATE", bench.folder.path().join("state"))
        .check(&Cancel::never())
        .await
        .unwrap();
    let (pid, _) = bench.running().await;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let session: i32 = stat.rsplit(')').next().unwrap().split_whitespace().nth(3).unwrap().parse().unwrap();
    assert_eq!(session, bench.supervisor(), "the command is in the supervisor's session");
    let proc = |name: &str| std::fs::read_link(format!("/proc/{}/{name}", bench.supervisor())).unwrap();
    assert_eq!(proc("cwd"), Path::new("/"));
    for descriptor in ["fd/0", "fd/1", "fd/2"] {
        assert_eq!(proc(descriptor), Path::new("/dev/null"));
    }
}

#[tokio::test]
async fn two_starts_at_once_give_one_service() {
    let bench = Bench::new("echo $$ >> starts; exec sleep 600");
    let (first, second) = tokio::join!(bench.manager.start(None), bench.manager.start(None));
    first.unwrap();
    second.unwrap();
    bench.running().await;
    let starts = std::fs::read_to_string(bench.folder.path().join("starts")).unwrap();
    assert_eq!(starts.lines().filter(|pid| alive(pid.parse().unwrap())).count(), 1, "{starts}");
}

#[tokio::test]
async fn keeps_secrets_in() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new("[ $API_KEY = hush-hush-hush ] || exit 1; exec sleep 600");
    bench.manager.start(None).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&bench.file("spec.json")), mode(&bench.file(""))), (0o600, 0o700));
    for pid in [bench.supervisor(), bench.running().await.0] {
        let argv = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
        assert!(!String::from_utf8_lossy(&argv).contains("hush-hush-hush"));
    }
}

#[tokio::test]
async fn what_ignores_the_request_to_stop_is_killed() {
    let bench = Bench::new("trap '' TERM; sleep 600 & echo $! > worker; while :; do sleep 1; done");
    bench.manager.start(None).await.unwrap();
    let (pid, worker) = (bench.running().await.0, bench.pid_in("worker").await);
    let start = Instant::now();
    bench.manager.stop().await.unwrap();
    assert!(!alive(pid) && !alive(worker));
    assert!(start.elapsed() >= Duration::from_secs(1), "it had its grace");
}

#[tokio::test]
async fn what_starts_and_dies_did_not_start() {
    let bench = Bench::new("echo cannot import app; echo key $API_KEY; exit 3");
    let failure = bench.manager.start(None).await.unwrap_err();
    assert_eq!(failure.code, code::SERVICE);
    assert!(failure.message.contains("exit status: 3"), "{failure}");
    assert!(failure.causes[0].contains("cannot import app"), "{:?}", failure.causes);
    assert!(!format!("{failure:?}").contains("hush-hush-hush"), "{failure:?}");
    assert_eq!(bench.manager.state().await.unwrap(), ServiceState::Stopped);
    assert!(!alive(bench.supervisor()));
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let bench = Bench::new("");
    let mut service = settings("");
    service.command = vec!["no-such-program".into()];
    let mut manager =
        ProcessManager::new(&service, "production", &bench.folder.path().join("state"), bench.folder.path());
    manager.supervisor = wrapper();
    let failure = manager.start(None).await.unwrap_err();
    assert!(failure.message.contains("`no-such-program` can't be started"), "{failure}");
    service.command.clear();
    manager = ProcessManager::new(&service, "production", bench.folder.path(), bench.folder.path());
    assert_eq!(manager.start(None).await.unwrap_err().code, code::CONFIG_INVALID);
    manager = ProcessManager::new(&settings(STEADY), "production", bench.folder.path(), bench.folder.path());
    manager.supervisor = "/no/such/supervisor".into();
    assert_eq!(manager.start(None).await.unwrap_err().code, code::SERVICE);
}

#[tokio::test]
async fn a_block_lets_only_its_own_run_start() {
    let bench = Bench::new(STEADY);
    let manager = &bench.manager;
    manager.unblock("run-1").await.unwrap();
    manager.block("run-1").await.unwrap();
    manager.block("run-1").await.unwrap();
    assert_eq!(manager.blocked_by().await.unwrap().as_deref(), Some("run-1"));
    for (who, refused) in [
        ("a person", manager.start(None).await),
        ("another run", manager.start(Some("run-2")).await),
        ("another run's block", manager.block("run-2").await),
        ("another run's unblock", manager.unblock("run-2").await),
    ] {
        assert_eq!(refused.unwrap_err().code, code::SERVICE_BLOCKED, "{who}");
    }
    assert_eq!(manager.state().await.unwrap(), ServiceState::Stopped);
    manager.start(Some("run-1")).await.unwrap();
    manager.stop().await.unwrap();
    manager.unblock("run-1").await.unwrap();
    manager.unblock("run-1").await.unwrap();
    manager.start(None).await.unwrap();
    bench.running().await;
}

#[tokio::test]
async fn a_block_that_is_set_while_a_start_is_under_way_wins() {
    let bench = Bench::new("echo $$ >> starts; exec sleep 600");
    bench.manager.start(None).await.unwrap();
    bench.manager.stop().await.unwrap();
    bench.manager.block("run-1").await.unwrap();
    // The supervisor of a start that was allowed just before; not in a group of its own, as `exec`
    // would have it, because it begins a session.
    let mut late = std::process::Command::new(wrapper());
    late.args(["internal", "supervise"])
        .arg(bench.file("spec.json"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut late = late.spawn().unwrap();
    eventually("it gives up", || late.try_wait().unwrap().is_some()).await;
    assert_eq!(bench.status()["phase"]["failed"], "starts are blocked by run run-1");
    let starts = std::fs::read_to_string(bench.folder.path().join("starts")).unwrap();
    assert_eq!(starts.lines().count(), 1, "{starts}");
}

#[tokio::test]
async fn a_block_that_cannot_be_read_refuses() {
    let bench = Bench::new(STEADY);
    bench.manager.block("run-1").await.unwrap();
    std::fs::write(bench.file("blocked"), "").unwrap();
    assert_eq!(bench.manager.start(Some("run-1")).await.unwrap_err().code, code::SERVICE);
    assert_eq!(bench.manager.state().await.unwrap(), ServiceState::Stopped);
}

#[tokio::test]
async fn what_ends_is_started_again_and_counted() {
    let bench = Bench::new("sleep 600 & echo $! > worker; wait");
    bench.manager.block("run-1").await.unwrap();
    bench.manager.start(Some("run-1")).await.unwrap();
    let (pid, worker) = (bench.running().await.0, bench.pid_in("worker").await);
    kill(pid);
    eventually("it is started again", || bench.status()["restarts"] == 1).await;
    let (again, restarts) = bench.running().await;
    assert!(again != pid && restarts == 1);
    assert!(!alive(worker), "what the ended one left holds its port");
}

#[tokio::test]
async fn what_ends_is_not_started_again_while_another_run_blocks() {
    let bench = Bench::new(STEADY);
    bench.manager.start(None).await.unwrap();
    bench.manager.block("run-1").await.unwrap();
    kill(bench.running().await.0);
    eventually("the supervisor notices the block", || bench.status()["phase"] == "blocked").await;
    let ServiceState::Failed { why } = bench.manager.state().await.unwrap() else { panic!() };
    assert!(why.contains("signal: 9") && why.contains("blocked"), "{why}");
    bench.manager.unblock("run-1").await.unwrap();
    eventually("it is started again", || bench.status()["phase"] == "running").await;
    assert_eq!(bench.running().await.1, 1);
}

#[tokio::test]
async fn without_its_supervisor_it_is_still_seen_and_stopped() {
    let bench = Bench::new(STEADY);
    bench.manager.start(None).await.unwrap();
    let (pid, _) = bench.running().await;
    kill(bench.supervisor());
    eventually("the supervisor is gone", || !alive(bench.supervisor())).await;
    assert_eq!(bench.running().await.0, pid);
    bench.manager.stop().await.unwrap();
    assert!(!alive(pid));
    assert_eq!(bench.manager.state().await.unwrap(), ServiceState::Stopped);
}

#[tokio::test]
async fn a_start_replaces_what_has_no_supervisor() {
    let bench = Bench::new(STEADY);
    bench.manager.start(None).await.unwrap();
    let (orphan, _) = bench.running().await;
    kill(bench.supervisor());
    eventually("the supervisor is gone", || !alive(bench.supervisor())).await;
    bench.manager.start(None).await.unwrap();
    assert!(!alive(orphan));
    assert_ne!(bench.running().await.0, orphan);
}

#[tokio::test]
async fn a_worker_alone_is_seen_and_stopped() {
    let bench = Bench::new("sleep 600 & echo $! > worker; wait");
    bench.manager.start(None).await.unwrap();
    let (pid, worker) = (bench.running().await.0, bench.pid_in("worker").await);
    kill(bench.supervisor());
    kill(pid);
    eventually("both are gone", || !alive(pid) && !alive(bench.supervisor())).await;
    let ServiceState::Failed { why } = bench.manager.state().await.unwrap() else { panic!() };
    assert!(why.contains(&worker.to_string()), "{why}");
    bench.manager.stop().await.unwrap();
    assert!(!alive(worker));
}

#[tokio::test]
async fn what_was_ended_by_others_has_failed_and_after_a_reboot_is_stopped() {
    let bench = Bench::new(STEADY);
    bench.manager.start(None).await.unwrap();
    let (pid, _) = bench.running().await;
    kill(bench.supervisor());
    kill(pid);
    eventually("both are gone", || !alive(pid) && !alive(bench.supervisor())).await;
    assert!(matches!(bench.manager.state().await.unwrap(), ServiceState::Failed { .. }));
    let mut status = bench.status();
    // The same numbers, of another boot; and the one that has them now is not touched.
    status["supervisor"] = json!({ "pid": std::process::id(), "started": 1, "boot": "another" });
    std::fs::write(bench.file("status.json"), status.to_string()).unwrap();
    assert_eq!(bench.manager.state().await.unwrap(), ServiceState::Stopped);
    bench.manager.stop().await.unwrap();
}
