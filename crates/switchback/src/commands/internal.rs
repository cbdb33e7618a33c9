//! What Switchback starts itself; nothing that a person types. It runs before there is a runtime:
//! what is supervised for weeks makes its own.

use std::path::PathBuf;

use clap::Subcommand;
use switchback_model::{DatabaseUrl, Exit, Failure, Result, code};
use switchback_workflow::formats::sql::{self, Order, Place};
use switchback_workflow::migration;
use switchback_workflow::services::process;

use crate::app::{App, variable};
use crate::error;

#[derive(Subcommand)]
pub(crate) enum Internal {
    /// Keep an application running
    Supervise {
        /// What to run, and how
        spec: PathBuf,
    },
    /// Run scripts in plain SQL
    Sql {
        /// What is to be done
        act: Act,
        /// The version
        version: String,
        /// Where the scripts are
        #[arg(long)]
        directory: PathBuf,
        /// The folder from which messages name them
        #[arg(long)]
        root: PathBuf,
        /// SHA-256 of the only text that may be applied
        #[arg(long)]
        checksum: Option<String>,
    },
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum Act {
    Up,
    Down,
    Stamp,
}

pub(crate) fn run(command: &Internal, app: &App) -> Result<Exit> {
    match command {
        Internal::Supervise { spec } => process::supervise(spec)?,
        Internal::Sql { act, version, directory, root, checksum } => {
            let ended = scripts(&order(*act, version, checksum.clone()), directory, root);
            // Whoever called shows the failure; here it is handed over whole.
            if let Err(failure) = ended {
                app.say(&format!("{}\n", migration::hand(&failure)));
                return Ok(failure.exit());
            }
        }
    }
    Ok(Exit::Done)
}

fn order(act: Act, version: &str, checksum: Option<String>) -> Order {
    let version = version.to_owned();
    match act {
        Act::Up => Order::Up { version, checksum },
        Act::Down => Order::Down(version),
        Act::Stamp => Order::Stamp(version),
    }
}

fn scripts(order: &Order, directory: &std::path::Path, root: &std::path::Path) -> Result<()> {
    let url = variable(sql::URL_VARIABLE)
        .ok_or_else(|| Failure::new(code::VARIABLE_UNSET, format!("{} is not set", sql::URL_VARIABLE)))?;
    let place = Place {
        url: DatabaseUrl::parse(&url)?,
        application: variable("PGAPPNAME").unwrap_or_else(|| "switchback".into()),
        options: variable("PGOPTIONS").unwrap_or_default(),
        directory: directory.to_owned(),
        root: root.to_owned(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error::no_runtime(&error))?.block_on(sql::execute(order, &place, say))
}

/// A line for whoever follows; one that nobody reads is lost.
fn say(line: &str) {
    use std::io::Write;
    let _nobody_listens = writeln!(std::io::stdout().lock(), "{line}");
}
