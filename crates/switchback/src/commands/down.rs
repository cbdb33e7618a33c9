//! `down`.

use clap::ArgGroup;
use switchback_model::{Exit, Failure, Result, code};

use super::migrator::{Place, Way, hold, root};
use crate::app::App;

#[derive(clap::Args)]
#[command(
    after_help = "Example: switchback down --steps 1\nNever takes back more than was asked for.",
    group = ArgGroup::new("how far").args(["to", "steps"]).required(true)
)]
pub(crate) struct Args {
    /// Down to this revision; `base` for before the first
    #[arg(long, value_name = "REV")]
    to: Option<String>,
    /// So many migrations
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<Exit> {
    let held = hold(app, &args.place).await?;
    let migrator = held.world.migrator();
    let current = held.current().await?;
    let to = match args.to.as_deref() {
        None | Some("base") => Vec::new(),
        Some(to) => vec![migrator.find(&root(&held), to)?],
    };
    let mut scripts = migrator.downs(&root(&held), &current, &to)?;
    if let Some(steps) = args.steps {
        enough(scripts.len(), steps)?;
        scripts.truncate(steps);
    }
    if scripts.is_empty() {
        app.say("nothing to take back\n");
    }
    if let Some((script, why)) =
        scripts.iter().find_map(|script| script.no_down.as_ref().map(|why| (script, why)))
    {
        return Err(Failure::new(code::PREFLIGHT, format!("{} can't be taken back: {why}", script.revision))
            .cause(script.path.clone())
            .changed("nothing was changed"));
    }
    app.confirm_loss(&format!("take {} migrations back on `{}`?", scripts.len(), held.world.names.target))?;
    held.go(app, &scripts, Way::Down).await
}

/// More than there is was not meant: it would take everything back. (Where there is nothing, nothing is.)
fn enough(there: usize, asked: usize) -> Result<()> {
    if asked <= there || there == 0 {
        return Ok(());
    }
    let message = format!("--steps {asked} is more than is applied: {there}");
    Err(Failure::new(code::USAGE, message)
        .changed("nothing was changed")
        .hint("take all of them back: switchback down --to base"))
}
