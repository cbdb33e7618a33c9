//! `init`.

use std::path::PathBuf;

use switchback_model::{Exit, Failure, Result, code};
use switchback_workflow::init;

use crate::app::App;

#[derive(clap::Args)]
#[command(after_help = "Example: switchback init\nNever overwrites a file that is there.")]
pub(crate) struct Args {
    /// The folder to look at
    #[arg(default_value = ".")]
    folder: PathBuf,
}

pub(crate) fn run(args: &Args, app: &App) -> Result<Exit> {
    let folder = std::path::absolute(&args.folder).map_err(|error| {
        Failure::new(code::USAGE, format!("{} is no folder", args.folder.display())).because(&error)
    })?;
    let proposal = init::propose(&folder)?;
    let path = init::write(&folder, &proposal)?;
    for why in &proposal.why {
        app.say(&format!("{why}\n"));
    }
    app.print(&format!("{}\n", path.display()));
    app.say("read it, set its variables, then: switchback doctor\n");
    Ok(Exit::Done)
}
