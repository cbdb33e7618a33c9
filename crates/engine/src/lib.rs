//! Runs any plan durably. Knows no SQL and no terminal.

pub mod cancel;
pub mod clock;
pub mod exec;
pub mod fault;
pub mod journal;
pub mod log;
pub mod runner;
pub mod step;
