//! What a fence does where it may not do everything.

use switchback_model::code;
use switchback_postgres::{Session, fence, server};
use switchback_testkit::cluster;

/// `pg_signal_backend` is granted already: to grant it again helps nobody.
#[tokio::test]
async fn a_superusers_session_is_named_with_what_ends_it() {
    let cluster = cluster().await;
    let database = cluster.database("fenced_superuser").await;
    let role = cluster.role("signals", "login in role pg_signal_backend").await;
    let superuser = Session::connect(&database.url(), "a person").await.unwrap();
    let plain = Session::connect(&cluster.url_as(&role, "postgres"), "switchback").await.unwrap();
    let oid = server::database(&plain, superuser.database()).await.unwrap().unwrap().oid;
    let failure = fence::end_sessions(&plain, oid, |_| true).await.unwrap_err();
    assert_eq!(failure.code, code::QUERY_FAILED);
    let end = format!("a superuser can end it: select pg_terminate_backend({})", superuser.pid());
    assert_eq!(failure.hints, [end]);
    assert!(failure.causes.iter().any(|cause| cause.contains("(a person)")), "{:?}", failure.causes);
    superuser.one("select 1", &[]).await.unwrap();
}
