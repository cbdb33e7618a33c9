//! `validate`.

use std::time::Duration;

use switchback_engine::cancel::Cancel;
use switchback_model::{Exit, Result};
use switchback_postgres::snapshot::SnapshotHolder;
use switchback_report::tables::{Check, checks as table};
use switchback_report::theme::Mark;
use switchback_workflow::checks::{self, CheckCx, Facts, Pick};
use switchback_workflow::world::World;
use switchback_workflow::{facts, open_run};

use crate::app::App;
use crate::signals;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
        switchback validate -e production                  every check\n  \
        switchback validate orphans \"users have profiles\"   these two: a built-in one and one of [[validations]]\n\
        Exit status 1: a check failed. Nothing is changed.")]
pub(crate) struct Args {
    /// Only the checks with these names, built-in ones or those of [[validations]]; default: all
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// It only reads: nothing has to be put in order.
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) async fn run(args: &Args, app: &App) -> Result<Exit> {
    signals::until_told(app, "the look at the data", PATIENCE, async |cancel| look(args, app, cancel).await)
        .await
}

async fn look(args: &Args, app: &App, cancel: &Cancel) -> Result<Exit> {
    let world = app.world()?;
    let name = world.names.target.clone();
    let pick = Pick::named(&world.config, &args.names)?;
    let after = if checks::read_facts(&pick, &world.config) {
        let read = facts::read(&world, &name, cancel, &mut |_, _| {}).await;
        or_open(&world, read).await?
    } else {
        Facts::default()
    };
    let url = world.url(&name);
    let opened = SnapshotHolder::open(&url, &world.application()).await;
    let holder = or_open(&world, opened).await?;
    let cx = CheckCx {
        url: &url,
        application: &world.application(),
        snapshot: holder.id(),
        jobs: world.config.environment.backup.jobs,
        before: None,
        after: &after,
        config: &world.config,
        scripts: &[],
        model_check: world.migrator().model_check(&world.config.migrator_url()),
        models_were_clean: None,
        pick: &pick,
        cancel,
    };
    let results = checks::run_all(&cx, &mut |_, _, _| {}).await?;
    holder.release().await?;
    let failed = results.iter().any(|check| !check.ok && !check.warning);
    if app.json() {
        app.print_json(&serde_json::json!({ "checks": results, "ok": !failed }))?;
    } else {
        let shown: Vec<Check> = results.into_iter().map(shown).collect();
        app.print(&table(&shown, app.theme_out()));
    }
    Ok(if failed { Exit::NotFine } else { Exit::Done })
}

/// Behind the fence of a run the target is under another name: that run is what has to be said.
async fn or_open<T>(world: &World, found: Result<T>) -> Result<T> {
    match found {
        Err(failure) => Err(open_run::instead_of_missing(world, failure).await),
        found => found,
    }
}

fn shown(check: checks::CheckResult) -> Check {
    let mark = match (check.ok, check.warning) {
        (_, true) => Mark::Warn,
        (true, false) => Mark::Ok,
        (false, false) => Mark::Fail,
    };
    Check { mark, title: check.name, detail: check.detail, cure: None }
}
