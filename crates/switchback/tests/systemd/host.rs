//! The host itself: it ends with whoever made it.

use std::io::BufRead as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use switchback_testkit::SystemdHost;

fn gone(pid: i32) -> bool {
    let start = Instant::now();
    while Path::new(&format!("/proc/{pid}")).exists() {
        if start.elapsed() > Duration::from_secs(10) {
            return false;
        }
        std::thread::yield_now();
    }
    true
}

/// Not a test: a process that has a host and does nothing.
#[test]
#[ignore = "entry point of a process that is killed"]
fn owner_entry() {
    let host = SystemdHost::start(&[]).unwrap();
    println!("init {}", host.init());
    drop(std::io::stdin().lines().next());
}

#[test]
fn it_is_a_system_of_its_own_and_ends_when_it_is_dropped() {
    let Some(host) = SystemdHost::start_or_skip(&[]) else { return };
    assert_eq!(host.must("hostname; cat /proc/1/comm"), "switchback-host\nsystemd");
    assert_ne!(
        host.must("readlink /proc/1/ns/pid"),
        std::fs::read_link("/proc/self/ns/pid").unwrap().to_string_lossy()
    );
    let init = host.init();
    drop(host);
    assert!(gone(init), "process {init} goes on");
}

#[test]
fn it_ends_when_its_owner_is_killed() {
    if SystemdHost::start_or_skip(&[]).is_none() {
        return;
    }
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "host::owner_entry", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufReader::new(owner.stdout.take().unwrap()).lines();
    let init =
        lines.map(Result::unwrap).find_map(|line| line.split_once("init ")?.1.parse::<i32>().ok()).unwrap();
    owner.kill().unwrap();
    owner.wait().unwrap();
    assert!(gone(init), "process {init} goes on");
}
