//! Every step, proven by the same cases on a dozen kinds of hosts: whatever happens wherever, the
//! host is at the end or where it started. The cases are counted from a run, so that a new step is
//! tried without being named here.
//!
//! In `script/test` each shape has all its steps and all its undos twice, a run that is killed every
//! few entries all the way there and back, and some of the single cases, drawn by a seed that is
//! printed (`SWITCHBACK_SEED`; their number: `SWITCHBACK_CASES`). `script/sweep` tries every one.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]
#![expect(clippy::print_stdout, reason = "whoever waits for hours, or repeats a seed, wants to see it")]

mod sweep;

use switchback_testkit::harness::{Draw, Harness, Outcome, Run};
use switchback_testkit::{Host, Shape, cluster};

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");

/// The shapes are dealt out to this many tests, which run beside each other.
const PARTS: usize = 6;

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var_os(name).and_then(|text| text.to_str()?.parse().ok())
}

/// What a backup in the target's place is tried on.
fn exchanges() -> Vec<Shape> {
    let quick = Shape { service: false, tool: "sql", migrations: "one", ..Shape::DEFAULT };
    vec![quick, Shape { restore_point: "down", page: false, service: true, ..quick }]
}

/// Everything that is tried.
fn everything() -> Vec<(Run, Shape)> {
    let deploys = Shape::pairwise().into_iter().map(|shape| (Run::Deploy, shape));
    deploys.chain(exchanges().into_iter().map(|shape| (Run::Exchange, shape))).collect()
}

async fn part(part: usize) {
    let seed = number("SWITCHBACK_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let single = usize::try_from(number("SWITCHBACK_CASES").unwrap_or(3)).unwrap();
    println!("seed {seed}: SWITCHBACK_SEED={seed} repeats these choices");
    let mut wrong = Vec::new();
    for (run, shape) in everything().into_iter().skip(part).step_by(PARTS) {
        let harness = Harness::new(cluster().await, PROGRAM, shape, run).await;
        let mut cases = harness.first_cases(seed);
        cases.extend(Draw::new(seed, &harness.name()).some(harness.single_cases(seed), single));
        for case in cases {
            let tried = harness.try_case(cluster().await, &case).await;
            println!("{}: {}: {}", harness.name(), case.name, tried.outcome);
            if !matches!(tried.outcome, Outcome::Finished | Outcome::TakenBack) {
                wrong.push(format!("{}: {}: {}\n{}", harness.name(), case.name, tried.outcome, tried.said));
            }
        }
    }
    assert!(wrong.is_empty(), "seed {seed}\n{}", wrong.join("\n\n"));
}

#[tokio::test]
async fn faults_end_at_the_end_or_at_the_start_1() {
    part(0).await;
}

#[tokio::test]
async fn faults_end_at_the_end_or_at_the_start_2() {
    part(1).await;
}

#[tokio::test]
async fn faults_end_at_the_end_or_at_the_start_3() {
    part(2).await;
}

#[tokio::test]
async fn faults_end_at_the_end_or_at_the_start_4() {
    part(3).await;
}

#[tokio::test]
async fn faults_end_at_the_end_or_at_the_start_5() {
    part(4).await;
}

#[tokio::test]
async fn faults_end_at_the_end_or_at_the_start_6() {
    part(5).await;
}

/// What can't be run twice fails the harness, by the step's name.
#[tokio::test]
async fn a_step_that_is_not_safe_to_repeat_is_named() {
    let shape = Shape { service: false, code: false, tool: "sql", migrations: "one", ..Shape::DEFAULT };
    // A folder can't be made twice.
    let once = |host: &Host| {
        let commands = "on = [\"mkdir\", \"closed\"]\noff = [\"rm\", \"-rf\", \"closed\"]";
        host.configure("flag = \"maintenance.flag\"", commands);
    };
    let harness = Harness::with(cluster().await, PROGRAM, shape, Run::Deploy, once).await;
    let cases = harness.first_cases(1);
    let tried = harness.try_case(cluster().await, &cases[0]).await;
    let Outcome::Different(lines) = tried.outcome else { panic!("{}", tried.outcome) };
    let named: Vec<_> = lines.iter().filter(|line| line.starts_with("BY ")).collect();
    assert!(named.len() == 1 && named[0].starts_with("BY twice:maintenance: "), "{lines:?}");
    assert!(named[0].contains("it was taken back"), "{named:?}");
}
