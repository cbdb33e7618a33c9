//! What tests need and nothing that ships: a cluster per test process, a database per test.

pub mod cluster;

pub use cluster::{TestCluster, TestDatabase, cluster};
