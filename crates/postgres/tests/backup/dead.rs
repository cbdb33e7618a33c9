//! What a proof that was killed leaves on a server that others use.

use switchback_postgres::Session;
use switchback_postgres::backup::sweep_server;
use switchback_testkit::TestCluster;

use crate::sample::client;

#[tokio::test]
async fn the_databases_of_dead_proofs_are_dropped_and_those_of_living_ones_stay() {
    let cluster = TestCluster::start_with(&[]).await;
    // The lock is seen from every database of the server.
    cluster.run("create database elsewhere").await;
    let living = Session::connect(&cluster.url("elsewhere"), "switchback tests").await.unwrap();
    living.rows("select pg_advisory_lock(hashtextextended('sb_proof_living', 0))", &[]).await.unwrap();
    for name in ["sb_proof_living", "sb_proof_dead", "sbxproofxtheirs"] {
        cluster.run(&format!("create database {name}")).await;
    }
    sweep_server(&cluster.url("postgres"), &client().await).await.unwrap();
    assert!(!cluster.has_database("sb_proof_dead").await);
    assert!(cluster.has_database("sb_proof_living").await && cluster.has_database("sbxproofxtheirs").await);
}
