//! Backups on a real server: taken, proven, damaged in many ways, pruned, restored.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, and that is all")]

mod dead;
mod faults;
mod sample;
mod store;
mod take;
mod two_hundred;
