//! `resume`.

use switchback_model::event::RunStatus;
use switchback_model::{Exit, Failure, Result, RunId, RunView, code};

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
    let run = open_run(&app::runs(&config, app), args.run.as_deref(), "go on with")?;
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

/// The run with this id, or the only one that ends or begins so.
///
/// # Errors
/// `RUN_UNKNOWN`.
pub(crate) fn named<'a>(runs: &'a [RunView], asked: &str) -> Result<&'a RunView> {
    let fits = |run: &&RunView| run.plan.run.0.starts_with(asked) || run.plan.run.0.ends_with(asked);
    let fitting: Vec<_> = runs.iter().filter(fits).collect();
    match fitting.as_slice() {
        [only] => Ok(only),
        several => Err(Failure::new(
            code::RUN_UNKNOWN,
            match several.len() {
                0 => format!("there is no run `{asked}` of this environment"),
                many => format!("{many} runs fit `{asked}`"),
            },
        )
        .hint("see the runs: switchback runs list")),
    }
}
