//! As many attempts as are wanted (`SWITCHBACK_FENCE_ATTEMPTS`), and not one lands.

use std::time::Instant;

use switchback_postgres::Session;

use crate::bouncer::Bouncer;
use crate::load::{AFTER, CLOSED, GOING_ON, Load};
use crate::shop::Site;

/// So many fit into a few seconds.
const ATTEMPTS: u64 = 30_000;
/// One in so many, at least, is refused by the server itself.
const BY_SERVER: u64 = 10;

fn wanted() -> u64 {
    let given =
        std::env::var_os("SWITCHBACK_FENCE_ATTEMPTS").map(|text| text.to_str().unwrap().parse().unwrap());
    given.unwrap_or(ATTEMPTS)
}

fn enough((by_server, by_pooler): (u64, u64)) -> bool {
    by_server + by_pooler >= wanted() && by_server >= wanted() / BY_SERVER
}

/// An attempt is a statement that was sent, or a connection for it that was refused; it counts
/// where it began and ended while the fence was certainly closed.
#[tokio::test]
async fn nothing_that_fifty_clients_write_lands_behind_the_closed_fence() {
    let site = Site::new().await;
    let bouncer = Bouncer::start(&site);
    let load = Load::start(&site, bouncer.as_ref(), wanted() - wanted() / BY_SERVER);
    let deploy = site.held_deploy("hold r2");
    // The migration is at work, so the fence is up.
    load.phase(CLOSED);
    let (start, fenced) = (Instant::now(), site.fenced());
    let closed = site.attempts(&fenced).await;
    while !enough(load.refused()) {
        assert!(load.landed().is_empty(), "{:?}", load.landed());
        crate::shop::pause();
    }
    let took = start.elapsed();
    load.phase(GOING_ON);
    assert_eq!(site.attempts(&fenced).await, closed, "the target's rows moved behind the fence");
    site.let_go();
    let ran = deploy.ended();
    load.phase(AFTER);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    site.until("every kind of client writes again", || load.all_write_again());
    println!(
        "{} + {} attempts behind the fence (refused by the server, by PgBouncer) in {:.1} s, {} landed: {:?}; {:?}",
        load.refused().0,
        load.refused().1,
        took.as_secs_f64(),
        load.landed().len(),
        load.by_kind(),
        load.words()
    );
    let landed = load.landed();
    let acknowledged = load.stop();
    assert!(landed.is_empty(), "{landed:?}");
    nothing_was_written_between(&site, &site.at("step.finished", "fence"), &site.at("step.started", "start"))
        .await;
    assert_eq!(copy(&site).await, closed, "the restore point is not what the fence closed on");
    all_are_there(&site, acknowledged).await;
}

/// By the server's clock, which is the operator's here.
async fn nothing_was_written_between(site: &Site, from: &str, to: &str) {
    let sql = format!(
        "select count(*) filter (where at > '{from}' and at < '{to}')::text || ' of ' \
         || (count(*) filter (where at < '{from}') > 0)::text || ' ' || (count(*) filter (where at > '{to}') > 0)::text \
         from public.attempts"
    );
    // Some before, some after, none between.
    assert_eq!(site.host.database().text(&sql).await, "0 of true true");
}

/// Count and digest of the restore point's rows.
async fn copy(site: &Site) -> String {
    let name = format!("{}_rp_{}", site.name(), site.host.last_run());
    site.host.cluster().run(&format!("alter database {name} allow_connections true")).await;
    site.attempts(&name).await
}

/// No acknowledged write is lost, before the fence and after it.
async fn all_are_there(site: &Site, acknowledged: Vec<(u32, u32)>) {
    let session: Session = site.host.database().session().await;
    let rows = session.rows("select client, n from public.attempts", &[]).await.unwrap();
    let pair = |row: &switchback_postgres::Row| {
        let (client, n): (i32, i32) = (row.get(0), row.get(1));
        (u32::try_from(client).unwrap(), u32::try_from(n).unwrap())
    };
    let there: std::collections::BTreeSet<_> = rows.iter().map(pair).collect();
    let lost: Vec<_> = acknowledged.iter().filter(|write| !there.contains(write)).collect();
    assert!(
        lost.is_empty() && acknowledged.len() > 100,
        "{} acknowledged, lost {lost:?}",
        acknowledged.len()
    );
}
