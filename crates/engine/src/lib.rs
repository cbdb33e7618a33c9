//! Runs any plan durably. Knows no SQL and no terminal.

pub mod cancel;
pub mod exec;
