//! `resume`.

use switchback_model::event::RunStatus;
use switchback_model::{Config, Exit, Failure, Result, RunId, RunView, code};
use switchback_postgres::lease;
use switchback_workflow::open_run;
use switchback_workflow::world::World;

use crate::app::{self, App};
use crate::run;

#[derive(clap::Args)]
#[command(after_help = "Example: switchback resume\nGoes on where the journal ends, forward or back.")]
pub(crate) struct Args {
    /// The run; default: the one that is open
    run: Option<String>,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<Exit> {
    let config = app.config()?;
    let run = open_run(&app::runs(&config, app), args.run.as_deref(), "go on with");
    let run = or_elsewhere(app, &config, run).await?;
    run::go_on(app, &config, &run, None, false).await
}

/// The open run that is meant.
///
/// # Errors
/// `NOTHING_TO_RESUME`, `RUN_UNKNOWN`.
pub(crate) fn open_run(runs: &[RunView], asked: Option<&str>, what: &str) -> Result<RunId> {
    let run = match asked {
        Some(asked) => Some(named(runs, asked)?),
        None => runs.iter().rev().find(|run| run.is_open()),
    };
    let nothing = || Failure::new(code::NOTHING_TO_RESUME, format!("there is no open run to {what}"));
    let run = run
        .ok_or_else(|| nothing().changed("nothing was changed").hint("see the runs: switchback runs list"))?;
    if !run.is_open() {
        let status = run.outcome.as_ref().map_or("over", |outcome| outcome.status.name());
        let failure = nothing()
            .cause(format!("run {} has ended: {status}", run.plan.run))
            .changed("nothing was changed");
        let succeeded = run.outcome.as_ref().is_some_and(|outcome| outcome.status == RunStatus::Succeeded);
        return Err(failure.hint(if succeeded {
            format!("to take it back: switchback rollback {} -e {}", run.plan.run, run.plan.environment)
        } else {
            format!("see how it ended: switchback runs show {} -e {}", run.plan.run, run.plan.environment)
        }));
    }
    Ok(run.plan.run.clone())
}

/// Where there is no such run here, the target's marker may speak of one on another host: that is
/// what the person means, and has to know.
///
/// # Errors
/// `TARGET_LEASED` with host and journal, `JOURNAL_DAMAGED` for one of this host that can't be read, else
/// what was not found here.
pub(crate) async fn or_elsewhere(app: &App, config: &Config, found: Result<RunId>) -> Result<RunId> {
    let failure = match found {
        Err(failure) if [code::NOTHING_TO_RESUME, code::RUN_UNKNOWN].contains(&failure.code) => failure,
        other => return other,
    };
    let world = World::new(
        config.clone(),
        RunId(String::new()),
        app::operator(),
        config.state.clone(),
        app::program(),
    );
    let open = async { lease::open_marker(&*world.admin().await?, &world.names.target).await };
    match open.await {
        Ok(Some((marker, _))) if !app::runs(config, app).iter().any(|run| run.plan.run.0 == marker.run) => {
            Err(open_run::damage(&world, &marker).unwrap_or_else(|| open_run::refusal(&world, &marker)))
        }
        _ => Err(failure),
    }
}

/// The run with this id, or the only one that ends or begins so.
///
/// # Errors
/// `RUN_UNKNOWN`.
pub(crate) fn named<'a>(runs: &'a [RunView], asked: &str) -> Result<&'a RunView> {
    let fits = |run: &&RunView| run.plan.run.0.starts_with(asked) || run.plan.run.0.ends_with(asked);
    let fitting: Vec<_> = runs.iter().filter(fits).collect();
    match fitting.as_slice() {
        [only] => Ok(only),
        [] => Err(unknown(format!("there is no run `{asked}` of this environment"))),
        many => Err(several(asked, many.len())),
    }
}

/// The refusal of a name that more than one run has.
pub(crate) fn several(asked: &str, count: usize) -> Failure {
    unknown(format!("{count} runs fit `{asked}`"))
}

fn unknown(message: String) -> Failure {
    Failure::new(code::RUN_UNKNOWN, message).hint("see the runs: switchback runs list")
}
