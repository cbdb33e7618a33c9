//! `stamp`.

use switchback_model::{Exit, Failure, Result, code};
use switchback_workflow::migration::{self, Caller};
use switchback_workflow::planner::shown;

use super::migrator::{Place, hold, root};
use crate::app::App;

#[derive(clap::Args)]
#[command(
    after_help = "Example: switchback stamp 36cb5f812e94\nRuns no migration: only the history table is written."
)]
pub(crate) struct Args {
    /// The revision
    revision: String,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<Exit> {
    let held = hold(app, &args.place).await?;
    let migrator = held.world.migrator();
    let revision = migrator.find(&root(&held), &args.revision)?;
    let before = held.current().await?;
    let question = format!(
        "write {revision} into the history of `{}` (now {})?",
        held.world.names.target,
        shown(&before)
    );
    app.confirm_loss(&question)?;
    let program = migrator.stamp(&held.world.config.migrator_url(), &revision)?;
    let caller = Caller { world: &held.world, cancel: &held.cancel, hear: &|_| {} };
    migration::call(&caller, program, &format!("stamp {revision}"), async || Ok(false)).await?;
    let current = held.current().await?;
    if current != [revision.clone()] {
        return Err(Failure::new(
            code::REVISION_DIFFERS,
            format!("the history is at {}, not at {revision}", shown(&current)),
        ));
    }
    app.print(&format!("at {}\n", shown(&current)));
    Ok(Exit::Done)
}
