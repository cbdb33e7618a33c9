//! The plan as a runbook: what it costs, where the way back leads from each step, and that planning
//! changes nothing.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use serde_json::Value;
use switchback_testkit::{Host, Shape, cluster};

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");

async fn host() -> Host {
    Host::new(cluster().await, PROGRAM, Shape::default()).await
}

fn json(host: &Host, words: &[&str]) -> Value {
    let words: Vec<_> = words.iter().copied().chain(["--format", "json"]).collect();
    serde_json::from_str(&host.expect(&words, 0).stdout).unwrap()
}

fn outlook<'a>(plan: &'a Value, id: &str) -> &'a Value {
    plan["outlook"]["steps"].as_array().unwrap().iter().find(|step| step["step"] == id).unwrap()
}

fn estimate<'a>(plan: &'a Value, id: &str) -> &'a Value {
    &plan["steps"].as_array().unwrap().iter().find(|step| step["id"] == id).unwrap()["estimate"]
}

#[tokio::test]
async fn every_step_has_its_clock_its_proof_and_its_way_back() {
    let host = host().await;
    let start = host.state().await;
    let plan = json(&host, &["plan", "--release", "v2"]);
    let (steps, outlooks) = (&plan["steps"], &plan["outlook"]["steps"]);
    assert_eq!(steps.as_array().unwrap().len(), outlooks.as_array().unwrap().len());
    let mut clock = 0;
    for (step, outlook) in steps.as_array().unwrap().iter().zip(outlooks.as_array().unwrap()) {
        assert_eq!(step["id"], outlook["step"]);
        assert_eq!(outlook["at_ms"], clock, "{step}");
        clock += step["estimate"]["ms"].as_u64().unwrap();
        for words in ["does", "verified", "way_back"] {
            assert!(outlook[words].as_str().unwrap().len() > 10, "{outlook}");
        }
    }
    assert_eq!(plan["outlook"]["total_ms"], clock);
    let downtime = plan["outlook"]["downtime_ms"].as_u64().unwrap();
    assert_eq!(downtime, clock - outlook(&plan, "maintenance")["at_ms"].as_u64().unwrap());
    assert!(outlook(&plan, "apply:r2")["way_back"].as_str().unwrap().contains("restore point"));
    assert!(outlook(&plan, "apply:r2")["loses"].is_null());
    assert!(outlook(&plan, "close")["loses"].as_str().unwrap().contains("--accept-loss"));
    // Nobody has run these migrations anywhere.
    assert_eq!(plan["outlook"]["at_least"], true);
    let disk = plan["outlook"]["disk"].as_array().unwrap();
    assert!(disk.iter().all(|need| need["free"].as_u64().unwrap() > 0), "{disk:?}");
    let differences = start.differences(&host.state().await);
    assert!(differences.is_empty(), "{differences:?}");
    assert!(!host.path(".switchback/runs").exists());
}

#[tokio::test]
async fn what_is_large_today_is_no_part_of_what_will_be_done() {
    let host = host().await;
    let before = json(&host, &["plan", "--release", "v2"]);
    host.database()
        .run("insert into notes (user_id, body) select 1, repeat('x', 100) from generate_series(1, 9000)")
        .await;
    let after = json(&host, &["deploy", "--dry-run", "--release", "v2"]);
    assert_ne!(before["outlook"]["target_bytes"], after["outlook"]["target_bytes"]);
    assert_eq!(before["fingerprint"], after["fingerprint"]);
}

#[tokio::test]
async fn a_run_that_was_measured_is_the_best_source() {
    let host = host().await;
    host.third_release();
    let guessed = json(&host, &["plan", "--release", "v2"]);
    assert!(estimate(&guessed, "backup")["basis"].as_str().unwrap().contains("/s"), "{guessed}");
    host.expect(&host.deploy(), 0);
    let run = host.last_run();
    host.database()
        .run("insert into notes (user_id, body) select 1, repeat('x', 500) from generate_series(1, 20000)")
        .await;
    let plan = json(&host, &["plan", "--release", "v3"]);
    for step in ["stop", "backup", "validate", "health"] {
        let basis = estimate(&plan, step)["basis"].as_str().unwrap();
        assert!(basis.contains(&format!("as in run {run}")), "{step}: {basis}");
    }
    let basis = estimate(&plan, "backup")["basis"].as_str().unwrap();
    assert!(basis.contains(" then and "), "{basis}");
    assert!(!estimate(&plan, "stop")["basis"].as_str().unwrap().contains(" then and "));
    assert!(estimate(&plan, "apply:r4")["basis"].as_str().unwrap().contains("at least"));
}

#[tokio::test]
async fn a_person_can_follow_it_and_it_holds_no_secret() {
    let host = host().await;
    let url = host.url().expose().replacen("postgres@", "postgres:hunter2@", 1);
    let of = |format: &str| {
        let ran = host.run_with(&["plan", "--release", "v2", "--format", format], &[("APP_URL", &url)]);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert!(!ran.stdout.contains("hunter2"), "{}", ran.stdout);
        ran.stdout
    };
    let text = of("text");
    for part in [
        "-- from here users see no application --",
        "-- users are in again --",
        "T+00:00",
        "Ctrl-C",
        "fingerprint",
    ] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
    let wide = text.lines().filter(|line| line.chars().count() > 80);
    // What can't be broken: a path, a digest.
    let broken: Vec<_> =
        wide.filter(|line| line.trim().contains("  ") && line.matches(' ').count() > 12).collect();
    assert!(broken.is_empty(), "{broken:#?}");
    let document = of("markdown");
    for part in ["# Plan for production", "## Way back from each step", "## Before you begin", "## Settings"]
    {
        assert!(document.contains(part), "no {part} in\n{document}");
    }
    of("json");
}
