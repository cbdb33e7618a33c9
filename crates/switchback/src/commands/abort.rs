//! `abort`.

use switchback_model::{Exit, Failure, Result, code};

use super::resume::{open_run, or_elsewhere};
use crate::app::{self, App};
use crate::run;

#[derive(clap::Args)]
#[command(after_help = "Example: switchback abort\nTakes an open run back to where it started.")]
pub(crate) struct Args {
    /// The run; default: the one that is open
    run: Option<String>,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<Exit> {
    let config = app.config()?;
    let run = open_run(&app::runs(&config, app), args.run.as_deref(), "abort");
    let run = or_elsewhere(app, &config, run).await?;
    let why = Failure::new(code::INTERRUPTED, "a person asked to take it back");
    run::go_on(app, &config, &run, Some(why), false).await
}
