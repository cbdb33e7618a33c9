//! SIGKILL while `flask db upgrade` is in the middle of a migration.

use std::time::Duration;

use switchback_postgres::Session;

use crate::picture::Picture;
use crate::shop::{Running, Shop, V2, Wish, until};

/// The migration that changes `products` first and then needs `orders`.
const MONEY: &str = "apply:91b7e2c45d08";

/// A shop whose deploy waits in the middle of a migration, for a lock that the session has.
async fn stopped_in_the_middle() -> (Shop, Picture, Running, Session) {
    let shop = Shop::new(Wish::default()).await;
    let start = Picture::of(&shop).await;
    shop.review("v2");
    let deploy = shop.begin(&["deploy", "--release", "v2"]);
    let first = async || shop.has_said("step.started", "apply:0d5a3be7f912").then_some(());
    until("the first migration begins", first).await;
    let fenced = format!("{}_sb_{}", shop.name(), shop.run_id());
    // Named as the run's own: anybody else would be seen as somebody who is inside the fence.
    let ours = format!("switchback {}", shop.run_id());
    let holder = Session::connect(&shop.url().with_database(&fenced), &ours).await.unwrap();
    holder.batch("begin; lock table public.orders in access share mode").await.unwrap();
    waiting_migrator(&shop).await;
    assert!(shop.has_said("step.started", MONEY) && !shop.has_said("step.finished", MONEY));
    (shop, start, deploy, holder)
}

/// The migrator's backend that waits for the lock.
async fn waiting_migrator(shop: &Shop) -> i32 {
    let admin = shop.session("postgres").await;
    let sql = "select pid from pg_stat_activity where application_name = $1 and wait_event_type = 'Lock'";
    let name = format!("switchback {} migrator", shop.run_id());
    until("the migrator waits for the lock", async || {
        let found = admin.optional(sql, &[&name]).await.unwrap();
        found.map(|row| row.get(0))
    })
    .await
}

/// Every process that was told to work for this run, by its environment.
fn processes(run: &str) -> Vec<u32> {
    let told = format!("PGAPPNAME=switchback {run} migrator").into_bytes();
    let folders = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    folders
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid: &u32| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == told)
        })
        .collect()
}

async fn nobody_is_left(shop: &Shop) {
    let run = shop.run_id();
    until("the migrator's processes end", async || processes(&run).is_empty().then_some(())).await;
}

async fn no_session_is_left(shop: &Shop) {
    let sql = "select count(*) from pg_stat_activity where application_name like 'switchback %' || $1 || '%'";
    let left: i64 = shop.session("postgres").await.one(sql, &[&shop.run_id()]).await.unwrap().get(0);
    assert_eq!(left, 0, "sessions of the run are left");
}

/// Who was inside the fence without being the run could have gone on writing.
async fn thrown_out(holder: &Session) {
    let asked = tokio::time::timeout(Duration::from_secs(5), holder.batch("select 1")).await;
    assert!(asked.is_ok_and(|answer| answer.is_err()), "the session behind the fence is still there");
}

#[tokio::test]
async fn a_deploy_that_was_killed_in_a_migration_is_finished_by_resume() {
    let (shop, start, deploy, holder) = stopped_in_the_middle().await;
    let before = waiting_migrator(&shop).await;
    assert!(!processes(&shop.run_id()).is_empty());
    deploy.kill();
    nobody_is_left(&shop).await;
    // The server does not know yet that the client of that session is dead.
    assert_eq!(waiting_migrator(&shop).await, before);
    shop.expect(&["resume"], 0);
    thrown_out(&holder).await;
    assert_eq!((shop.revision().await.as_str(), shop.release().as_str()), (V2, "v2"));
    assert!(shop.is_healthy("v2"));
    let now = Picture::of(&shop).await;
    assert_eq!(start.more(&now, "public.orders"), 0);
    nobody_is_left(&shop).await;
    no_session_is_left(&shop).await;
}

#[tokio::test]
async fn a_deploy_that_was_killed_in_a_migration_is_taken_back_by_rollback() {
    let (shop, start, deploy, holder) = stopped_in_the_middle().await;
    deploy.kill();
    nobody_is_left(&shop).await;
    shop.expect(&["rollback"], 0);
    thrown_out(&holder).await;
    assert_eq!(shop.way_back(), "swap");
    start.assert_still(&shop, "rolled back after the kill").await;
    nobody_is_left(&shop).await;
    no_session_is_left(&shop).await;
}
