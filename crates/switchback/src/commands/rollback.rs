//! `rollback`.

use switchback_model::event::RunStatus;
use switchback_model::{Exit, Failure, Result, RunId, RunView, code};
use switchback_workflow::pairs;

use super::resume::{named, or_elsewhere};
use crate::app::{self, App, not_confirmed};
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
    let runs = app::runs(&config, app);
    let run = meant(&runs, args.run.as_deref());
    let run = or_elsewhere(app, &config, run).await?;
    let view = runs.iter().find(|view| view.plan.run == run);
    let question = question(&run, view.filter(|_| args.accept_loss));
    if args.accept_loss {
        app.confirm_loss(&question)?;
    } else if !app.confirm(&question) {
        return Err(not_confirmed());
    }
    fits(&runs, &run, app).await?;
    let why = Failure::new(code::INTERRUPTED, "a person asked to take it back");
    run::go_on(app, &config, &run, Some(why), args.accept_loss).await
}

/// What a person is asked. `losing` is the run, where they say that newer writes may be lost with it.
fn question(run: &RunId, losing: Option<&RunView>) -> String {
    let Some(view) = losing else { return format!("take run {run} back?") };
    let since = |kind: &str| {
        let step = view.planned().find(|(planned, _)| planned.kind == kind)?.1;
        step.finished_at.map(|at| format!("since {}", at.strftime("%Y-%m-%d %H:%M:%S UTC")))
    };
    let target = &view.plan.target;
    match (since("swap"), since("restore_point")) {
        (Some(since), _) => format!(
            "take run {run} back, and leave what was written to `{target}` {since} in a database that is kept beside it?"
        ),
        (None, Some(since)) => format!(
            "take run {run} back, and lose what was written to `{target}` {since}, where the downgrade can't keep it?"
        ),
        (None, None) => format!("take run {run} back? It came to no restore point: nothing is lost with it"),
    }
}

/// A run that succeeded is not taken back to a release that does not know the schema that comes back
/// with it. An open one must come to an end, and where it began is where it was.
async fn fits(runs: &[RunView], run: &RunId, app: &App) -> Result<()> {
    match runs.iter().find(|view| view.plan.run == *run).filter(|view| !view.is_open()) {
        Some(view) => pairs::check_way_back(&app.world()?, &view.plan).await,
        None => Ok(()),
    }
}

/// The open run, else the last one, where that succeeded: an older one lies under it, and is only
/// taken back by its name.
fn meant(runs: &[RunView], asked: Option<&str>) -> Result<RunId> {
    let status = |run: &RunView| run.outcome.as_ref().map(|outcome| outcome.status);
    let succeeded = |run: &&RunView| status(run) == Some(RunStatus::Succeeded);
    let last = runs.iter().rev().find(|run| run.is_open() || succeeded(run));
    let Some(asked) = asked else { return newest(runs, last) };
    let run = named(runs, asked)?;
    if last.is_some_and(|last| last.plan.run == run.plan.run) {
        return Ok(run.plan.run.clone());
    }
    let failure = Failure::new(code::NOTHING_TO_RESUME, format!("run {} can't be taken back", run.plan.run))
        .changed("nothing was changed");
    Err(match last.filter(|_| succeeded(&run)) {
        Some(last) => failure.cause(format!("run {} came after it", last.plan.run)).hint(format!(
            "take that one back first: switchback rollback {} -e {}",
            last.plan.run, last.plan.environment
        )),
        None => failure.cause("it left nothing behind: it was taken back or refused").hint(format!(
            "see how it ended: switchback runs show {} -e {}",
            run.plan.run, run.plan.environment
        )),
    })
}

/// Without a name: the last run that is there to be taken back, where none came after it.
fn newest(runs: &[RunView], last: Option<&RunView>) -> Result<RunId> {
    let refused =
        |run: &RunView| run.outcome.as_ref().is_some_and(|outcome| outcome.status == RunStatus::Refused);
    let nothing = Failure::new(code::NOTHING_TO_RESUME, "there is no run to take back")
        .changed("nothing was changed")
        .hint("see the runs: switchback runs list");
    let Some(last) = last else { return Err(nothing) };
    let newest = runs.iter().rev().find(|run| !refused(run));
    if newest.is_none_or(|newest| newest.plan.run == last.plan.run) {
        return Ok(last.plan.run.clone());
    }
    let left = newest.and_then(|newest| newest.outcome.as_ref());
    let left = left.is_some_and(|outcome| outcome.status == RunStatus::Left);
    let cause = if left { "the last run was left by hand" } else { "the last run was taken back already" };
    Err(nothing.cause(cause).hint(format!(
        "take back the one before it as well: switchback rollback {} -e {}",
        last.plan.run, last.plan.environment
    )))
}
