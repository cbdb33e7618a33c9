//! What Switchback starts itself; nothing that a person types. It runs before there is a runtime:
//! what is supervised for weeks makes its own.

use std::path::PathBuf;

use clap::Subcommand;
use switchback_model::{Exit, Result};
use switchback_workflow::services::process;

#[derive(Subcommand)]
pub(crate) enum Internal {
    /// Keep an application running
    Supervise {
        /// What to run, and how
        spec: PathBuf,
    },
}

pub(crate) fn run(command: &Internal) -> Result<Exit> {
    match command {
        Internal::Supervise { spec } => process::supervise(spec)?,
    }
    Ok(Exit::Done)
}
