//! The lease of a target, and the session that holds it.

use switchback_model::code;
use switchback_postgres::lease;
use switchback_postgres::server::Identity;
use switchback_testkit::cluster;

/// A line broke, and the server has not heard of it: the dead session holds the lease.
#[tokio::test]
async fn only_the_named_session_is_ended_to_take_its_lease() {
    let cluster = cluster().await;
    let (dead, alive) = (cluster.session().await, cluster.session().await);
    let identity = Identity::read(&alive).await.unwrap();
    lease::take_lock(&dead, &identity, "shop").await.unwrap();
    lease::end_holder(&alive, &identity, "shop", alive.pid()).await.unwrap();
    lease::end_holder(&alive, &identity, "another", dead.pid()).await.unwrap();
    let refused = lease::take_lock(&alive, &identity, "shop").await.unwrap_err();
    assert_eq!(refused.code, code::TARGET_LEASED);
    assert!(lease::has_lock(&dead, &identity, "shop").await.unwrap());
    lease::end_holder(&alive, &identity, "shop", dead.pid()).await.unwrap();
    lease::take_lock(&alive, &identity, "shop").await.unwrap();
    let lost = lease::has_lock(&dead, &identity, "shop").await.unwrap_err();
    assert_eq!(lost.code, code::CONNECTION_LOST);
}
