//! `abort`.

use switchback_model::{Exit, Failure, Result, code};

use super::resume::{open_run, or_elsewhere};
use crate::app::{self, App};
use crate::run;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    switchback abort           takes an open run back to where it started\n  \
    switchback abort --leave   of a stuck run: lifts the fence, takes block and marker away, takes nothing back")]
pub(crate) struct Args {
    /// The run; default: the one that is open
    run: Option<String>,
    /// The run is stuck, and the target was put right by hand: let everybody in, and end the run as it is
    #[arg(long)]
    leave: bool,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<Exit> {
    let config = app.config()?;
    let run = open_run(&app::runs(&config, app), args.run.as_deref(), "abort");
    let run = or_elsewhere(app, &config, run).await?;
    if args.leave {
        app.confirm_loss(&format!("end run {run} with the target as it is? Nothing more is taken back."))?;
        return run::leave(app, &config, &run).await;
    }
    let why = Failure::new(code::INTERRUPTED, "a person asked to take it back");
    run::go_on(app, &config, &run, Some(why), false).await
}
