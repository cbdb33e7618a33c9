//! `status`.

use switchback_model::plan::Pending;
use switchback_model::{Exit, Failure, Result, code};
use switchback_postgres::lease::{self, Marker};
use switchback_postgres::server::Database;
use switchback_report::tables::{self, RunLine, Status};
use switchback_workflow::formats::Difference;
use switchback_workflow::formats::Scripts;
use switchback_workflow::world::World;
use switchback_workflow::{planner, target};

use crate::app::{self, App};

#[derive(clap::Args)]
#[command(after_help = "Example: switchback status -e production --format json\n\
    Exit status 1: the target's history and the files differ, or the files can't be read.")]
pub(crate) struct Args {}

pub(crate) async fn run(_args: &Args, app: &App) -> Result<Exit> {
    let world = app.world()?;
    let runs = app::runs(&world.config, app);
    let open = runs.iter().rev().find(|run| run.is_open());
    let last = runs.iter().rev().find(|run| !run.is_open());
    let seen = look(&world).await.inspect_err(|_| {
        // What is known without the server is said all the same.
        if let Some(open) = open {
            app.say(&format!(
                "run {} is open: switchback runs show {0} -e {}\n",
                open.plan.run, open.plan.environment
            ));
        }
    })?;
    let status = Status {
        environment: world.config.environment_name.clone(),
        tool: world.migrator().name().to_owned(),
        current: seen.current,
        heads: seen.files.as_ref().map_or_else(|_| Vec::new(), |scripts| scripts.heads.clone()),
        pending: seen.files.as_ref().map_or_else(|_| Vec::new(), pending),
        unread: seen.files.err(),
        drift: seen.drift.as_ref().map(|found| !found.is_empty()),
        open_run: open.map(RunLine::of),
        last_run: last.map(RunLine::of),
    };
    if app.json() {
        app.print_json(&status)?;
    } else {
        app.print(&tables::status(&status, app.theme_out()));
        if let Some(marker) =
            seen.marker.filter(|marker| open.is_none_or(|open| open.plan.run.0 != marker.run))
        {
            app.print(&format!(
                "run {} is open on this target; its journal is on {}, in {}\n",
                marker.run, marker.host, marker.journal
            ));
        }
    }
    let drift = seen.drift.unwrap_or_default();
    for difference in &drift {
        app.say(&format!("! {difference}\n"));
    }
    // A difference that is told explains what can't be found because of it.
    let unread = status.unread.as_ref().filter(|why| drift.is_empty() || why.code != code::REVISION_UNKNOWN);
    if let Some(why) = unread {
        app.say(&switchback_report::failure::render(why, app.theme()));
    }
    Ok(if drift.is_empty() && status.unread.is_none() { Exit::Done } else { Exit::NotFine })
}

/// What the server and the files say.
struct Seen {
    marker: Option<Marker>,
    current: Vec<String>,
    files: Result<Scripts, Failure>,
    drift: Option<Vec<Difference>>,
}

/// Files that can't be read are no reason to know nothing of the target: this is the command that is
/// typed when something is wrong.
async fn look(world: &World) -> Result<Seen> {
    let admin = world.admin().await?;
    let open = lease::open_marker(&admin, &world.names.target).await?;
    let session = world.session(&name_now(world, open.as_ref()).await).await?;
    let (migrator, root) = (world.migrator(), planner::in_place(world));
    let current = migrator.current(&session).await?;
    let (files, drift) =
        match (migrator.scripts(&root, &current, None), migrator.drift(&root, &session).await) {
            (files, Ok(drift)) => (files, drift),
            (Err(why), Err(_)) | (Ok(_), Err(why)) => (Err(why), None),
        };
    Ok(Seen { marker: open.map(|(marker, _)| marker), current, files, drift })
}

/// A run that is open may have the target behind its fence, under another name.
async fn name_now(world: &World, open: Option<&(Marker, Vec<Database>)>) -> String {
    match open {
        Some((marker, databases)) => {
            let names = switchback_workflow::names::Names::of(
                &marker.target,
                &switchback_model::RunId(marker.run.clone()),
            );
            let here =
                databases.iter().find(|database| [&names.target, &names.fenced].contains(&&database.name));
            here.map_or(names.target, |database| database.name.clone())
        }
        None => target::name_now(world).await.unwrap_or_else(|_| world.names.target.clone()),
    }
}

fn pending(scripts: &Scripts) -> Vec<Pending> {
    let pending = |script: &switchback_workflow::formats::Script| Pending {
        revision: script.revision.clone(),
        name: script.name.clone(),
        path: script.path.clone(),
    };
    scripts.pending.iter().map(pending).collect()
}
