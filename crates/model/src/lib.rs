//! The words of Switchback as plain types. Nothing here runs, reads a file or asks a clock.

pub mod code;
pub mod exit;
pub mod failure;
pub mod url;

pub use code::Code;
pub use exit::Exit;
pub use failure::{Effect, Failure, Result};
pub use url::DatabaseUrl;
