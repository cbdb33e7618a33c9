//! `plan`.

use switchback_model::{Exit, Failure, Plan, Result, code};
use switchback_report::{PLAN_DOCUMENTS, document, plan as text};
use switchback_workflow::planner;
use switchback_workflow::world::World;

use crate::app::{self, App};

#[derive(clap::Args)]
#[command(after_help = "Example: switchback plan -e production --release v2 --format md > runbook.md")]
pub(crate) struct Args {
    /// The release to deploy: a tag, branch or commit of the repository
    #[arg(long, value_name = "REF")]
    release: Option<String>,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<Exit> {
    let config = app.config()?;
    let folder = config.state.clone();
    let world = World::new(config, app::new_run(), app::operator(), folder, app::program());
    let plan = match planner::plan(&world, args.release.as_deref()).await {
        Err(failure) if failure.code == code::NOTHING_TO_DO => {
            app.say(&format!("{}\n", failure.message));
            app.print_instead(&failure);
            return Ok(Exit::Done);
        }
        plan => plan?,
    };
    show(&plan, app)?;
    Ok(Exit::Done)
}

/// The plan, to stdout, as `--format` asks.
pub(crate) fn show(plan: &Plan, app: &App) -> Result<()> {
    let format = app.global.format.as_str();
    match document(PLAN_DOCUMENTS, format) {
        Some(document) => app.print(&(document.render)(plan)),
        None if format == "text" => app.print(&text::text(plan, app.theme_out(), app.width_out())),
        None => {
            return Err(Failure::new(code::USAGE, format!("a plan can't be shown as `{format}`"))
                .hint("one of: text, md, json"));
        }
    }
    Ok(())
}
