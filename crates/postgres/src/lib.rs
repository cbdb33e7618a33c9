//! The only crate that speaks to a server or its client programs.

pub mod backup;
pub mod catalog;
pub mod copy;
pub mod digest;
pub mod fence;
pub mod lease;
pub mod monitor;
pub mod programs;
pub mod scratch;
pub mod script;
pub mod server;
pub mod session;
pub mod settings;
pub mod snapshot;
pub mod sources;
pub mod statements;
pub mod tls;

pub use script::ScriptSession;
pub use session::Session;
/// A row of a result, read by its columns' types.
pub use tokio_postgres::Row;
