//! `rollback` of a run that succeeded: what was acknowledged since is not lost in silence.

use crate::picture::Picture;
use crate::shop::{Shop, V1, V2, Wish};

/// What only v2 has: its downgrade drops the table.
const STATUS: &str = "insert into public.order_statuses values (6, 'returned', 'Came back')";

#[tokio::test]
async fn nothing_was_written_so_the_copy_takes_the_targets_place() {
    // A shop that is closed, for each start of it writes a row.
    let shop = Shop::new(Wish { running: false, ..Wish::default() }).await;
    let start = Picture::of(&shop).await;
    shop.deploy("v2", 0);
    assert_eq!(shop.revision().await, V2);
    shop.expect(&["rollback"], 0);
    assert_eq!(shop.way_back(), "swap");
    assert_eq!(shop.revision().await, V1);
    start.assert_still(&shop, "after the swap").await;
}

#[tokio::test]
async fn an_acknowledged_order_is_kept_by_the_downgrade() {
    let shop = Shop::new(Wish::default()).await;
    let start = Picture::of(&shop).await;
    shop.deploy("v2", 0);
    shop.order("after-the-deploy");
    shop.expect(&["rollback"], 0);
    assert_eq!(shop.way_back(), "down");
    assert!(shop.is_healthy("v1"));
    assert!(shop.has_order("after-the-deploy"), "an acknowledged order is lost");
    start.assert_same_shape(&shop, "after the downgrade").await;
    let now = Picture::of(&shop).await;
    assert_eq!(start.more(&now, "public.orders"), 1);
    assert_eq!(start.more(&now, "public.order_items"), 1);
    for table in ["public.users", "public.profiles", "public.sessions"] {
        assert_eq!(start.more(&now, table), 0, "{table}");
    }
    let whole = "select total_cents::int8 from public.orders where reference = 'after-the-deploy' \
                 and status = 'pending'";
    let price = shop.number("select 2 * price_cents::int8 from public.products where id = 1").await;
    assert_eq!(shop.number(whole).await, price);
}

#[tokio::test]
async fn rows_that_the_downgrade_would_lose_need_a_persons_word() {
    let shop = Shop::new(Wish::default()).await;
    let start = Picture::of(&shop).await;
    shop.deploy("v2", 0);
    shop.order("after-the-deploy");
    shop.session(shop.name()).await.batch(STATUS).await.unwrap();
    let run = shop.run_id();
    let refused = shop.expect(&["rollback", &run], 3);
    for word in [
        "public.order_statuses: what was written since can't be told in the old shape",
        "table public.orders: ",
        &format!("switchback rollback {run} --accept-loss"),
        "nothing was changed",
    ] {
        assert!(refused.stderr.contains(word), "no `{word}` in\n{}", refused.stderr);
    }
    assert!(shop.is_healthy("v2"), "the shop is closed");
    assert!(shop.has_order("after-the-deploy"));
    let lost = shop.expect(&["rollback", &run, "--accept-loss"], 0);
    assert_eq!(shop.way_back(), "swap");
    for word in ["public.order_statuses", "public.orders"] {
        assert!(lost.stderr.contains(word), "the loss in {word} is not named in\n{}", lost.stderr);
    }
    assert!(!shop.has_order("after-the-deploy"));
    assert!(shop.is_healthy("v1"));
    start.assert_still(&shop, "after the loss that a person accepted").await;
    let failed = format!("{}_failed_{run}", shop.name());
    let kept = "select count(*) from pg_database where datname = $1";
    let kept: i64 = shop.session("postgres").await.one(kept, &[&failed]).await.unwrap().get(0);
    assert_eq!(kept, 1, "what is lost is not kept aside");
}

/// The other way out: what stands in the way is put right by hand, behind the fence.
#[tokio::test]
async fn a_stuck_rollback_goes_on_after_a_repair_by_hand() {
    let shop = Shop::new(Wish::default()).await;
    let start = Picture::of(&shop).await;
    shop.deploy("v2", 0);
    shop.order("after-the-deploy");
    // After the looks that come before the fence.
    let mut rollback = shop.command(&["rollback"]);
    let killed = crate::shop::ran(&rollback.env("SWITCHBACK_FAULT", "kill-in-undo:close").output().unwrap());
    assert_eq!(killed.status, None, "{}", killed.stderr);
    shop.session(shop.name()).await.batch(STATUS).await.unwrap();
    let stuck = shop.expect(&["rollback"], 5);
    assert!(stuck.stderr.contains("--accept-loss"), "{}", stuck.stderr);
    assert!(shop.get("/").is_none(), "the shop is open");
    let fenced = format!("{}_sb_{}", shop.name(), shop.run_id());
    shop.session(&fenced).await.batch("delete from public.order_statuses where id = 6").await.unwrap();
    shop.expect(&["rollback"], 0);
    assert_eq!(shop.way_back(), "down");
    assert!(shop.has_order("after-the-deploy"), "an acknowledged order is lost");
    start.assert_same_shape(&shop, "after the repair").await;
}
