//! The server is struck down in the middle of a run and comes back.

use switchback_testkit::{OwnServer, Ran};

use crate::picture::Picture;
use crate::shop::{Shop, V2, Wish, until};

/// Wherever the run stopped, it ends at the start or at the end.
async fn comes_to_an_end(shop: &Shop, start: &Picture, ran: Ran) {
    let mut last = ran;
    if last.status == Some(5) {
        assert!(last.stderr.contains("switchback resume"), "{}", last.stderr);
        last = shop.switchback(&["resume"]);
    }
    match last.status {
        Some(4) => start.assert_still(shop, "taken back").await,
        Some(0) => {
            assert_eq!((shop.revision().await.as_str(), shop.release().as_str()), (V2, "v2"));
            assert!(shop.is_healthy("v2"));
        }
        other => panic!("exit status {other:?}\n{}", last.stderr),
    }
}

#[tokio::test]
async fn a_server_that_falls_over_in_a_migration() {
    let mut server = OwnServer::start().await;
    let shop = Shop::on(server.admin(), Wish::default()).await;
    let start = Picture::of(&shop).await;
    shop.review("v2");
    let deploy = shop.begin(&["deploy", "--release", "v2"]);
    let admin = shop.session("postgres").await;
    let sql =
        "select 1 from pg_stat_activity where application_name like '% migrator' and datname like '%_sb_%'";
    until("a migrator is in the target", async || admin.optional(sql, &[]).await.unwrap()).await;
    let before = looks(&shop);
    server.restart().await;
    comes_to_an_end(&shop, &start, deploy.ended()).await;
    assert!(before > 0 && looks(&shop) > before, "the monitor does not go on with the server");
}

/// How often the monitor has looked at the server.
fn looks(shop: &Shop) -> usize {
    let samples = shop.newest_run().unwrap().join("monitor.jsonl");
    std::fs::read_to_string(samples).unwrap_or_default().lines().count()
}

#[tokio::test]
async fn a_server_that_falls_over_while_the_data_is_validated() {
    let mut server = OwnServer::start().await;
    let shop = Shop::on(server.admin(), Wish { release: "v2", ..Wish::default() }).await;
    let start = Picture::of(&shop).await;
    shop.review("v3c");
    let deploy = shop.begin(&["deploy", "--release", "v3c"]);
    until("the data is validated", async || shop.has_said("step.started", "validate").then_some(())).await;
    server.restart().await;
    let ran = deploy.ended();
    comes_to_an_end(&shop, &start, ran).await;
}
