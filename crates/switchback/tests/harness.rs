//! Every step, proven by the same few tests: whatever happens wherever, the host is at the end or
//! where it started. The crash points are counted from a run, and the steps from its plan, so a new
//! step is tried without being named here.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::collections::BTreeSet;

use switchback_testkit::{Host, Shape, State, cluster};

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");

/// Plain SQL, on a host that is not more than it needs: the same steps in half the time.
const SQL: Shape =
    Shape { fence: "closed", restore_point: "clone", service: false, code: true, page: true, tool: "sql" };

async fn host(shape: Shape) -> Host {
    Host::new(cluster().await, PROGRAM, shape).await
}

/// What a host is after a deploy in which nothing went wrong.
async fn end(shape: Shape) -> (State, Vec<String>) {
    let host = host(shape).await;
    host.expect(&host.deploy(), 0);
    (host.state().await, host.journal())
}

fn assert_same(wanted: &State, found: &State, what: &str) {
    let mut differences = wanted.differences(found);
    // Another host has its own name and commit dates; its commit is the same by content only.
    differences.retain(|line| !line.starts_with("commit: "));
    assert!(differences.is_empty(), "{what}:\n{}", differences.join("\n"));
}

fn events(journal: &[String]) -> Vec<serde_json::Value> {
    journal
        .iter()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["event"].clone())
        .collect()
}

fn steps(journal: &[String]) -> Vec<String> {
    let plan = &events(journal)[0]["plan"];
    plan["steps"].as_array().unwrap().iter().map(|step| step["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_deploy_and_its_rollback() {
    for shape in [
        Shape::default(),
        Shape { restore_point: "dump", service: false, ..Shape::default() },
        Shape { restore_point: "down", code: false, page: false, ..Shape::default() },
        Shape { fence: "read-only", page: false, ..Shape::default() },
        SQL,
        Shape { fence: "read-only", restore_point: "down", page: false, ..SQL },
    ] {
        let host = host(shape).await;
        let start = host.state().await;
        host.expect(&host.deploy(), 0);
        let done = host.state().await;
        assert_eq!(host.revision().await, "r3", "{shape:?}");
        assert!(!start.differences(&done).is_empty());
        host.expect(&["rollback"], 0);
        assert_same(&start, &host.state().await, &format!("rolled back, {shape:?}"));
    }
}

#[tokio::test]
async fn a_failure_before_or_after_each_step_is_taken_back() {
    let (_, journal) = end(Shape::default()).await;
    let mut hosts = 0;
    for when in ["before", "after"] {
        for step in steps(&journal) {
            let host = host(Shape::default()).await;
            let start = host.state().await;
            let fault = format!("fail-{when}:{step}");
            let ran = host.run_with(&host.deploy(), &[("SWITCHBACK_FAULT", &fault)]);
            let taken_back = matches!(ran.status, Some(3 | 4));
            assert!(taken_back, "{fault}: {:?}\n{}", ran.status, ran.stderr);
            assert_same(&start, &host.state().await, &fault);
            hosts += 1;
        }
    }
    assert!(hosts > 30, "only {hosts} failures were tried");
}

#[tokio::test]
async fn each_step_run_twice_changes_nothing_more() {
    let (end, journal) = end(Shape::default()).await;
    for step in steps(&journal) {
        let host = host(Shape::default()).await;
        let fault = format!("twice:{step}");
        let ran = host.run_with(&host.deploy(), &[("SWITCHBACK_FAULT", &fault)]);
        assert_eq!(ran.status, Some(0), "{fault}\n{}", ran.stderr);
        assert_same(&end, &host.state().await, &fault);
    }
}

/// Every entry of the journal is a crash point; one half goes on, the other goes back.
#[tokio::test]
async fn killed_after_each_entry_it_finishes_or_goes_back() {
    let (end, journal) = end(Shape::default()).await;
    let kinds: BTreeSet<String> = events(&journal).iter().map(|event| event["kind"].to_string()).collect();
    assert!(kinds.len() >= 5, "{kinds:?}");
    for entry in 1..journal.len() {
        killed(Shape::default(), &end, &format!("kill-after:{entry}"), entry % 2 == 0).await;
    }
}

/// What another migrator changes is its own steps; the others were tried above.
#[tokio::test]
async fn plain_sql_killed_after_each_entry_of_a_migration_finishes_or_goes_back() {
    let (end, journal) = end(SQL).await;
    let is_apply =
        |event: &serde_json::Value| event["step"].as_str().is_some_and(|id| id.starts_with("apply"));
    let entries: Vec<usize> =
        (1..journal.len()).filter(|entry| is_apply(&events(&journal)[entry - 1])).collect();
    assert!(entries.len() >= 4, "{entries:?}");
    for entry in entries {
        for forward in [true, false] {
            killed(SQL, &end, &format!("kill-after:{entry}"), forward).await;
        }
    }
}

/// In the middle of a step: its effect is there, nobody has looked at it yet.
#[tokio::test]
async fn killed_in_the_middle_of_each_step_it_finishes_or_goes_back() {
    let (end, journal) = end(Shape::default()).await;
    for (index, step) in steps(&journal).iter().enumerate() {
        killed(Shape::default(), &end, &format!("kill-in:{step}"), index % 2 == 1).await;
    }
}

async fn killed(shape: Shape, end: &State, fault: &str, forward: bool) {
    let host = host(shape).await;
    let start = host.state().await;
    let ran = host.run_with(&host.deploy(), &[("SWITCHBACK_FAULT", fault)]);
    assert_eq!(ran.status, None, "{fault} did not kill it\n{}", ran.stderr);
    if forward {
        host.expect(&["resume"], 0);
        assert_same(end, &host.state().await, &format!("{fault}, resumed"));
    } else {
        host.expect(&["rollback"], 0);
        assert_same(&start, &host.state().await, &format!("{fault}, rolled back"));
    }
}

/// The way back is killed after each of its entries too, and resumed.
#[tokio::test]
async fn a_way_back_that_is_killed_is_finished_by_resume() {
    let host = host(Shape::default()).await;
    let start = host.state().await;
    host.expect(&host.deploy(), 0);
    let mut entry = 1;
    let mut command = vec!["rollback"];
    // One entry further each time, on the same run, until it comes to its end by itself.
    loop {
        let ran = host.run_with(&command, &[("SWITCHBACK_FAULT", &format!("kill-after:{entry}"))]);
        if ran.status.is_some() {
            assert!(matches!(ran.status, Some(0 | 4)), "{:?}\n{}", ran.status, ran.stderr);
            break;
        }
        command = vec!["resume"];
        entry = if entry < 3 { entry + 1 } else { 1 + entry % 7 };
        assert!(host.journal().len() < 400, "it never ends");
    }
    assert_same(&start, &host.state().await, "rolled back through kills");
}
