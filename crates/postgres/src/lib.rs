//! The only crate that speaks to a server or its client programs.

pub mod session;

pub use session::Session;
