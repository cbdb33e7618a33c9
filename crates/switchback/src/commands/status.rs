//! `status`.

use switchback_model::plan::Pending;
use switchback_model::{Exit, Result};
use switchback_postgres::lease;
use switchback_report::tables::{self, RunLine, Status};
use switchback_workflow::{planner, target};

use crate::app::{self, App};

#[derive(clap::Args)]
#[command(after_help = "Example: switchback status -e production --format json")]
pub(crate) struct Args {}

pub(crate) async fn run(_args: &Args, app: &App) -> Result<Exit> {
    let world = app.world()?;
    let runs = app::runs(&world.config, app);
    let admin = world.admin().await?;
    let marker = lease::open_marker(&admin, &world.names.target).await?;
    // A run that is open may have the target behind its fence, under another name.
    let name = match &marker {
        Some((marker, databases)) => {
            let names = switchback_workflow::names::Names::of(
                &marker.target,
                &switchback_model::RunId(marker.run.clone()),
            );
            let here =
                databases.iter().find(|database| [&names.target, &names.fenced].contains(&&database.name));
            here.map_or(names.target, |database| database.name.clone())
        }
        None => target::name_now(&world).await.unwrap_or_else(|_| world.names.target.clone()),
    };
    let session = world.session(&name).await?;
    let migrator = world.migrator();
    let current = migrator.current(&session).await?;
    let scripts = migrator.scripts(&planner::in_place(&world), &current, None)?;
    let drift = migrator.drift(&planner::in_place(&world), &session).await?;
    let pending = scripts.pending.iter().map(|script| Pending {
        revision: script.revision.clone(),
        name: script.name.clone(),
        path: script.path.clone(),
    });
    let open = runs.iter().rev().find(|run| run.is_open());
    let last = runs.iter().rev().find(|run| !run.is_open());
    let status = Status {
        environment: world.config.environment_name.clone(),
        tool: migrator.name().to_owned(),
        current,
        heads: scripts.heads,
        pending: pending.collect(),
        drift: drift.as_ref().map(|found| !found.is_empty()),
        open_run: open.map(RunLine::of),
        last_run: last.map(RunLine::of),
    };
    if app.json() {
        app.print_json(&status)?;
    } else {
        app.print(&tables::status(&status, app.theme_out()));
        if let Some((marker, _)) =
            marker.filter(|(marker, _)| open.is_none_or(|open| open.plan.run.0 != marker.run))
        {
            app.print(&format!(
                "run {} is open on this target; its journal is on {}, in {}\n",
                marker.run, marker.host, marker.journal
            ));
        }
    }
    for difference in drift.iter().flatten() {
        app.say(&format!("! {difference}\n"));
    }
    Ok(if drift.is_some_and(|found| !found.is_empty()) { Exit::NotFine } else { Exit::Done })
}
