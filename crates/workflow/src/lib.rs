//! What Switchback does: from a configuration to a plan, and every step of it.
//!
//! Look into `planner.rs` for the order of the steps, into `steps/` for what each does, into
//! `way_back/` for how the data goes back, into `checks/` for what is validated.

mod agreed;
pub mod application;
pub mod backups;
pub mod checks;
pub mod differences;
pub mod estimate;
pub mod examine;
pub mod facts;
pub mod failover;
pub mod files;
pub mod formats;
pub mod gates;
pub mod git;
pub mod health;
pub mod impact;
pub mod init;
pub mod ledger;
pub mod logs;
pub mod maintenance;
pub mod migration;
pub mod monitor;
pub mod names;
pub mod open_run;
pub mod page;
pub mod pairs;
pub mod planner;
pub mod records;
pub mod restore_plan;
pub mod retention;
pub mod review;
mod runbook;
pub mod services;
pub mod steps;
pub mod target;
pub mod way_back;
pub mod window;
pub mod world;
