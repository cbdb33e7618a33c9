//! `deploy`.

use switchback_model::{Config, Exit, Failure, Result, code};
use switchback_workflow::world::World;
use switchback_workflow::{gates, open_run, planner};

use crate::app::{self, App, not_confirmed};
use crate::{commands, run};

#[derive(clap::Args)]
#[command(after_help = "Example: switchback deploy -e production --release v2\n\
    Exit status: 0 done, 3 refused and nothing changed, 4 failed and taken back, 5 a person is needed.")]
pub(crate) struct Args {
    /// The release to deploy: a tag, branch or commit of the repository
    #[arg(long, value_name = "REF")]
    release: Option<String>,
    /// Begin before the window opens: back up now, and wait for it before anything stops
    #[arg(long)]
    wait: bool,
    /// Show the plan and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<Exit> {
    let config = app.config()?;
    refuse_open_run(&config, app)?;
    let run_id = app::new_run();
    let folder = app::runs_folder(&config).join(&run_id.0);
    let world = World::new(config, run_id, app::operator(), folder, app::program());
    let mut plan = match planner::plan(&world, args.release.as_deref()).await {
        Err(failure) if failure.code == code::NOTHING_TO_DO => {
            app.say(&format!("{}\n", failure.message));
            app.print_instead(&failure);
            return Ok(Exit::Done);
        }
        plan => plan?,
    };
    if let Some(opens) = gates::window::opens_for(&world.config, &plan, args.wait)? {
        gates::window::wait_for(&mut plan, opens)?;
    }
    if args.dry_run {
        commands::plan::show(&plan, app)?;
        return Ok(Exit::Done);
    }
    gates::pass(&plan, &plan.gate_states)?;
    let question =
        format!("deploy to {}: {} migrations on `{}`?", plan.environment, plan.pending.len(), plan.target);
    if !app.confirm(&question) {
        return Err(not_confirmed());
    }
    run::begin(app, world, plan).await
}

/// One run at a time, whatever the server says: an open journal here must be brought to an end first.
pub(super) fn refuse_open_run(config: &Config, app: &App) -> Result<()> {
    let Some(open) = app::runs(config, app).into_iter().find(switchback_model::RunView::is_open) else {
        return Ok(());
    };
    let run = &open.plan.run;
    let failure = Failure::new(code::RUN_OPEN, format!("run {run} is open")).changed("nothing was changed");
    // A run that is at work needs nobody to go on with it.
    if let Some((who, way_out)) = open_run::in_hand(&app::runs_folder(config), &open) {
        return Err(failure.cause(who).hint(way_out));
    }
    let failure = failure
        .hint(format!("go on with it: switchback resume {run} -e {}", open.plan.environment))
        .hint(format!("or take it back: switchback abort {run} -e {}", open.plan.environment));
    Err(match &open.operator {
        Some(by) => failure.cause(format!("begun by {} on {}, process {}", by.user, by.host, by.pid)),
        None => failure,
    })
}
