//! The words of Switchback as plain types. Nothing here runs, reads a file or asks a clock.

pub mod code;
pub mod config;
pub mod event;
pub mod exit;
pub mod failure;
pub mod finding;
pub mod ledger;
pub mod monitor;
pub mod plan;
pub mod record;
pub mod run;
pub mod units;
pub mod url;

pub use code::Code;
pub use config::Config;
pub use event::{Event, What};
pub use exit::Exit;
pub use failure::{Effect, Failure, Result};
pub use finding::{Finding, Severity};
pub use plan::{Plan, RunId};
pub use record::Record;
pub use run::RunView;
pub use url::DatabaseUrl;
