//! `rollback`.

use switchback_model::event::RunStatus;
use switchback_model::{Exit, Failure, Result, RunId, RunView, code};

use super::resume::named;
use crate::app::{self, App};
use crate::run;

#[derive(clap::Args)]
#[command(
    after_help = "Example: switchback rollback\nWrites that came after the run are kept by the downgrade where that \
    is possible; they are lost only with --accept-loss."
)]
pub(crate) struct Args {
    /// The run; default: the one that is open, else the last one
    run: Option<String>,
    /// Go back to the restore point even where newer writes are lost with it
    #[arg(long)]
    accept_loss: bool,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<Exit> {
    let config = app.config()?;
    let run = meant(&app::runs(&config, app), args.run.as_deref())?;
    let question = format!("take run {run} back?");
    if !app.confirm(&question) {
        return Err(Failure::new(code::INTERRUPTED, "not confirmed").changed("nothing was changed"));
    }
    let why = Failure::new(code::INTERRUPTED, "a person asked to take it back");
    run::go_on(app, &config, &run, Some(why), args.accept_loss).await
}

/// The open run, else the last one that succeeded: an older one lies under it.
fn meant(runs: &[RunView], asked: Option<&str>) -> Result<RunId> {
    let succeeded =
        |run: &&RunView| run.outcome.as_ref().is_some_and(|outcome| outcome.status == RunStatus::Succeeded);
    let last = runs.iter().rev().find(|run| run.is_open() || succeeded(run));
    let last = last.ok_or_else(|| {
        Failure::new(code::NOTHING_TO_RESUME, "there is no run to take back").changed("nothing was changed")
    })?;
    let Some(asked) = asked else { return Ok(last.plan.run.clone()) };
    let run = named(runs, asked)?;
    if run.plan.run == last.plan.run {
        return Ok(run.plan.run.clone());
    }
    let failure = Failure::new(code::NOTHING_TO_RESUME, format!("run {} can't be taken back", run.plan.run))
        .changed("nothing was changed");
    Err(if succeeded(&run) {
        failure.hint(format!("run {} came after it; take that one back first", last.plan.run))
    } else {
        failure.cause("it left nothing behind: it was taken back or refused")
    })
}
