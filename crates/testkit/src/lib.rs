//! What tests need and nothing that ships: a cluster per test process, a database per test, a host
//! for the real program, a harness that proves every step on it, one with a real systemd, a server that can be
//! struck down, small disks, input that nobody meant to write.

#![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "a test that can't go on panics")]

pub mod cluster;
pub mod disk;
pub mod harness;
pub mod host;
pub mod hostile;
pub mod server;
pub mod systemd;

pub use cluster::{TestCluster, TestDatabase, cluster};
pub use disk::Disk;
pub use host::{Host, Ran, Shape, State};
pub use server::OwnServer;
pub use systemd::SystemdHost;
