//! The other kinds of restore point than a copy.

use crate::picture::Picture;
use crate::shop::{Shop, Wish};

#[tokio::test]
async fn broken_data_is_taken_back_from_the_dump() {
    let shop = Shop::new(Wish { release: "v2", restore_point: "dump", ..Wish::default() }).await;
    let start = Picture::of(&shop).await;
    let ran = shop.deploy("v3b", 4);
    assert_eq!(shop.way_back(), "swap");
    assert!(ran.stderr.contains("users have profiles"), "{}", ran.stderr);
    assert!(shop.is_healthy("v2"));
    start.assert_still(&shop, "back from the dump").await;
}

#[tokio::test]
async fn a_failed_migration_is_taken_back_by_the_downgrade() {
    let shop = Shop::new(Wish { release: "v2", restore_point: "down", ..Wish::default() }).await;
    let start = Picture::of(&shop).await;
    let ran = shop.deploy("v3a", 4);
    assert_eq!(shop.way_back(), "down");
    assert!(ran.stderr.contains("72c49e05fa18"), "{}", ran.stderr);
    assert!(shop.is_healthy("v2"));
    start.assert_still(&shop, "back by the downgrade").await;
}
