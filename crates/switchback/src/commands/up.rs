//! `up`.

use switchback_model::{Exit, Result};

use super::migrator::{Place, Way, hold, root};
use crate::app::App;

#[derive(clap::Args)]
#[command(after_help = "Example: switchback up -e development\n\
    Exit status: 4 the migration failed and left nothing, 5 it failed half-way outside of a transaction.")]
pub(crate) struct Args {
    /// Up to this revision; default: the head
    #[arg(long, value_name = "REV")]
    to: Option<String>,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<Exit> {
    let held = hold(app, &args.place).await?;
    let current = held.current().await?;
    let scripts = held.world.migrator().scripts(&root(&held), &current, args.to.as_deref())?;
    held.refuse_drift().await?;
    held.go(app, &scripts.pending, Way::Up).await
}
