//! The adapters against real processes, real files, real HTTP and real git.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail where they stand")]

#[path = "adapters/code.rs"]
mod code;
#[path = "adapters/command.rs"]
mod command;
#[path = "adapters/log.rs"]
mod log;
#[path = "adapters/service.rs"]
mod service;
#[path = "adapters/web.rs"]
mod web;
