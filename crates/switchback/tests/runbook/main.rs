//! The usual runbook, row by row of `docs/why-not-a-runbook.md`: first the usual way, typed as people
//! type it, failing as the table says; then the same situation with the program, which holds.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

mod backups;
mod code;
mod hand;
mod looks;
#[path = "../ada/shop.rs"]
#[expect(dead_code, reason = "the shop's own tests use the rest")]
mod shop;
#[path = "../ada/web.rs"]
mod web;
mod writers;
