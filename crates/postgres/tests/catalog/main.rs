//! Catalog, data facts and database settings, read from a real server.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail where they stand")]

mod data;
mod definitions;
mod properties;
mod server;
