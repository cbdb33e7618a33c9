//! What the monitor sees of a real run, and that it leaves nothing behind.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use switchback_postgres::Session;
use switchback_testkit::cluster::TestCluster;
use switchback_testkit::host::mode;
use switchback_testkit::{Host, Shape, cluster};

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");

/// A release whose first migration waits until somebody holds the advisory lock 42, and then needs a
/// table for itself.
fn waiting_release(host: &Host) {
    host.git(&["checkout", "--quiet", "v2"]);
    let path = "code/migrations/sql/r2.up.sql";
    let text = std::fs::read_to_string(host.path(path)).unwrap();
    let wait = "do $$ begin while not exists (select from pg_locks where locktype = 'advisory' and objid = 42) \
                loop perform pg_sleep(0.02); end loop; end $$; lock table users in access exclusive mode;\n";
    host.write(path, &format!("{wait}{text}"));
    host.git(&["commit", "--quiet", "-am", "slow"]);
    host.git(&["tag", "slow"]);
    host.git(&["checkout", "--quiet", "v1"]);
}

async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(start.elapsed() < Duration::from_mins(2), "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// The looks of the newest run so far.
fn samples(host: &Host) -> Vec<Value> {
    let path = host.path(".switchback/runs").join(host.last_run()).join("monitor.jsonl");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[tokio::test]
async fn a_blocked_migration_is_seen_with_who_is_in_its_way() {
    let host =
        Host::new(cluster().await, PROGRAM, Shape { service: false, page: false, ..Shape::default() }).await;
    waiting_release(&host);
    let mut deploy = host.command(&["deploy", "--release", "slow", "--format", "jsonl"]);
    let deploy = deploy.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = |line: &String| line.contains("step.started") && line.contains("apply:r2");
    until("the migration", async || {
        host.path(".switchback/runs")
            .exists()
            .then(|| host.journal().iter().any(begun))
            .filter(|begun| *begun)
    })
    .await;
    let fenced = format!("{}_sb_{}", host.database().name(), host.last_run());
    let holder = Session::connect(&host.cluster().url(&fenced), "a report").await.unwrap();
    holder.batch("begin; lock table public.users in access share mode").await.unwrap();
    holder.batch("select pg_advisory_lock(42)").await.unwrap();
    let waiter = until("a waiter", async || {
        let waiters =
            samples(&host).into_iter().flat_map(|sample| sample["waiters"].as_array().unwrap().clone());
        waiters.into_iter().find(|waiter| !waiter["blocked_by"].as_array().unwrap().is_empty())
    })
    .await;
    assert_eq!(waiter["wants"], "AccessExclusiveLock on public.users");
    assert_eq!(waiter["blocked_by"][0]["pid"], holder.pid());
    assert_eq!(waiter["blocked_by"][0]["who"], "postgres (a report)");
    assert!(waiter["who"].as_str().unwrap().ends_with(" migrator)"), "{waiter}");
    holder.batch("rollback").await.unwrap();
    let ran = tokio::task::spawn_blocking(move || deploy.wait_with_output().unwrap()).await.unwrap();
    let (said, told) = (String::from_utf8_lossy(&ran.stderr), String::from_utf8_lossy(&ran.stdout));
    assert_eq!(ran.status.code(), Some(0), "{said}");
    told_of_and_nothing_left(&host, &told).await;
}

/// Scripts hear every look; the journal none; the file is private; the session is gone.
async fn told_of_and_nothing_left(host: &Host, told: &str) {
    let looks = told.lines().filter(|line| line.contains("\"kind\":\"monitor.sampled\"")).count();
    let kept = samples(host);
    assert!(looks >= 2 && looks == kept.len(), "{looks} told, {} kept", kept.len());
    assert!(told.lines().last().unwrap().contains("run.finished"));
    assert!(!host.journal().iter().any(|line| line.contains("monitor.sampled")));
    let step = |sample: &Value| sample["step"].as_str().unwrap().to_owned();
    assert!(kept.iter().any(|sample| step(sample) == "apply:r2"), "the step at work is named");
    assert!(kept.last().unwrap()["wal_bytes"].as_u64().unwrap() > 0);
    let folder = host.path(".switchback/runs").join(host.last_run());
    for file in ["monitor.jsonl", "impact.json", "report.html"] {
        assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
    }
    let page = std::fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(page.contains("AccessExclusiveLock on public.users") && page.contains("postgres (a report)"));
    let admin = host.cluster().session().await;
    let name = format!("switchback {} monitor", host.last_run());
    let sql = "select 1 from pg_stat_activity where application_name = $1";
    let gone = async || admin.optional(sql, &[&name]).await.unwrap().is_none().then_some(());
    until("the end of the monitor's session", gone).await;
}

/// A server that counts statements, and a smoke test that asks one often enough to be compared.
#[tokio::test]
async fn what_statements_cost_is_compared_where_the_server_counts_it() {
    let counting = TestCluster::start_with(&[("shared_preload_libraries", "pg_stat_statements")]).await;
    let counting: &'static TestCluster = Box::leak(Box::new(counting));
    let host = Host::new(counting, PROGRAM, Shape { service: false, page: false, ..Shape::default() }).await;
    host.database().run("create extension pg_stat_statements").await;
    let session = host.database().session().await;
    for _ in 0..40 {
        session.rows("select count(*) from public.users", &[]).await.unwrap();
    }
    drop(session);
    let asks = "[[smoke]]\nname = \"ask\"\ncommand = [\"sh\", \"-c\", \"for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 \
                16 17 18 19 20 21 22 23 24 25; do echo 'select count(*) from public.users;'; done | psql -qX $APP_URL\"]\n\n[[validations]]";
    host.configure("[[validations]]", asks);
    host.expect(&host.deploy(), 0);
    let folder = host.path(".switchback/runs").join(host.last_run());
    let text = std::fs::read_to_string(folder.join("impact.json")).unwrap();
    let impact: Value = serde_json::from_str(&text).unwrap();
    assert!(impact["missing"].is_null(), "{text}");
    let asked = |one: &&Value| one["query"] == "select count(*) from public.users";
    let statement = impact["statements"].as_array().unwrap().iter().find(asked).expect(&text);
    assert_eq!(statement["before"]["calls"], 40, "{statement}");
    assert_eq!(statement["after"]["calls"], 25, "what ran before the start is not counted: {statement}");
    let report = std::fs::read_to_string(folder.join("report.md")).unwrap();
    assert!(report.contains("statements that can be compared became slower"), "{report}");
}
