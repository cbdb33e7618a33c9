//! The `command` service manager with real commands: a service that is a file with a process id.

use std::path::PathBuf;

use serde_json::json;
use switchback_model::code;
use switchback_workflow::services::command::CommandManager;
use switchback_workflow::services::{ServiceManager, ServiceState};
use tempfile::TempDir;

/// What a person would write for a service of their own.
const SERVICE: &str = r#"#!/bin/sh
case $1 in
start) [ ! -e blocked ] || { echo "it is blocked: $TOKEN"; exit 1; }
    setsid sleep 600 >/dev/null 2>&1 & echo $! > pid ;;
stop) kill "$(cat pid)" 2>/dev/null; while kill -0 "$(cat pid)" 2>/dev/null; do :; done; rm -f pid ;;
state) [ -e pid ] || exit 3; kill -0 "$(cat pid)" 2>/dev/null || exit 3 ;;
block) echo "$SWITCHBACK_RUN" > blocked ;;
unblock) rm -f blocked ;;
lie) ;;
broken) echo "no such bus"; exit 1 ;;
esac
"#;

struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("service"), SERVICE).unwrap();
        Self { folder }
    }

    fn manager(&self, change: &[(&str, serde_json::Value)]) -> CommandManager {
        let word = |word: &str| json!(["sh", "service", word]);
        let mut service = json!({
            "manager": "command", "start": word("start"), "stop": word("stop"), "state": word("state"),
            "block": word("block"), "unblock": word("unblock"), "grace": "500ms", "limit": "20s",
            "env": { "TOKEN": "hush-hush-hush" },
        });
        for (key, value) in change {
            service[*key] = value.clone();
        }
        let service = serde_json::from_value(service).unwrap();
        CommandManager::new(&service, "production", &self.folder.path().join("state"), self.folder.path())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let stop = std::process::Command::new("sh")
            .args(["service", "stop"])
            .current_dir(self.folder.path())
            .output();
        drop(stop);
    }
}

fn word(word: &str) -> serde_json::Value {
    json!(["sh", "service", word])
}

async fn runs(manager: &CommandManager) -> bool {
    matches!(manager.state().await.unwrap(), ServiceState::Running { .. })
}

#[tokio::test]
async fn starts_stops_and_says_what_it_is_and_all_of_it_twice() {
    let bench = Bench::new();
    let manager = bench.manager(&[]);
    assert_eq!(manager.state().await.unwrap(), ServiceState::Stopped);
    for _again in 0..2 {
        manager.start(None).await.unwrap();
        assert!(runs(&manager).await);
        assert_eq!(manager.parts().await.unwrap(), ["command"]);
    }
    for _again in 0..2 {
        manager.stop().await.unwrap();
        assert_eq!(manager.state().await.unwrap(), ServiceState::Stopped);
    }
}

#[tokio::test]
async fn a_block_is_lifted_for_the_run_alone_and_put_up_again_before_a_stop() {
    let bench = Bench::new();
    let manager = bench.manager(&[]);
    manager.start(None).await.unwrap();
    manager.block("r1").await.unwrap();
    manager.stop().await.unwrap();
    assert_eq!(std::fs::read_to_string(bench.file("blocked")).unwrap(), "r1\n");
    assert!(manager.look_blocked("r1").await.unwrap().contains("your command"));
    for other in [None, Some("r2")] {
        assert_eq!(manager.start(other).await.unwrap_err().code, code::SERVICE_BLOCKED);
    }
    assert_eq!(manager.block("r2").await.unwrap_err().code, code::SERVICE_BLOCKED);
    manager.start_parts("r1", &manager.parts().await.unwrap()).await.unwrap();
    assert!(runs(&manager).await && !bench.file("blocked").exists());
    manager.stop().await.unwrap();
    assert!(bench.file("blocked").exists());
    manager.unblock("r1").await.unwrap();
    assert!(!bench.file("blocked").exists());
    assert_eq!(manager.blocked_by().await.unwrap(), None);
    manager.start(None).await.unwrap();
}

#[tokio::test]
async fn without_a_block_of_the_user_it_says_so() {
    let bench = Bench::new();
    let manager = bench.manager(&[("block", json!([])), ("unblock", json!([]))]);
    manager.block("r1").await.unwrap();
    assert!(manager.look_blocked("r1").await.unwrap().contains("only Switchback"));
    assert_eq!(manager.start(None).await.unwrap_err().code, code::SERVICE_BLOCKED);
    assert!(manager.looks().await.unwrap()[0].detail.contains("a reboot may"));
    assert!(bench.manager(&[]).looks().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_state_that_is_neither_is_an_error_for_every_act() {
    let bench = Bench::new();
    let manager = bench.manager(&[("state", word("broken"))]);
    for failed in [manager.state().await.map(drop), manager.start(None).await, manager.stop().await.map(drop)]
    {
        let failure = failed.unwrap_err();
        assert_eq!(failure.code, code::SERVICE);
        assert!(
            failure.message.contains("can't be told")
                && failure.causes.iter().any(|cause| cause.contains("no such bus")),
            "{failure:?}"
        );
    }
}

#[tokio::test]
async fn commands_that_say_yes_and_do_nothing_are_not_believed() {
    let bench = Bench::new();
    let lying = bench.manager(&[("start", word("lie")), ("limit", json!("2s"))]);
    assert!(lying.start(None).await.unwrap_err().message.contains("`state` says that it is stopped"));
    bench.manager(&[]).start(None).await.unwrap();
    let lying = bench.manager(&[("stop", word("lie"))]);
    assert!(lying.stop().await.unwrap_err().message.contains("goes on after it was stopped"));
}

#[tokio::test]
async fn a_failed_command_is_shown_with_its_words_and_without_secrets() {
    let bench = Bench::new();
    let manager = bench.manager(&[]);
    std::fs::write(bench.file("blocked"), "somebody").unwrap();
    let failure = manager.start(None).await.unwrap_err();
    assert_eq!((failure.code, failure.causes[0].as_str()), (code::COMMAND_FAILED, "it is blocked: ***"));
}
