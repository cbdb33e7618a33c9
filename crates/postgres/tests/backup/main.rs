//! Backups on a real server: taken, proven, damaged in many ways, pruned, restored.

mod faults;
mod sample;
mod store;
mod take;
