//! `restore`.

use switchback_engine::cancel::Cancel;
use switchback_engine::clock;
use switchback_model::units::human;
use switchback_model::{Config, Exit, Failure, Plan, Result, code};
use switchback_postgres::backup::{Listed, Manifest, Restored};
use switchback_postgres::lease;
use switchback_postgres::server::Identity;
use switchback_workflow::differences::Differences;
use switchback_workflow::world::World;
use switchback_workflow::{backups, facts, open_run, restore_plan};

use super::backup::{PATIENCE, find, hearing};
use super::{deploy, plan};
use crate::app::{self, App, not_confirmed};
use crate::{run, signals};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    switchback restore 2026 --into ada_yesterday --compare   beside the target, and what they do not share\n  \
    switchback restore 2026 --swap                           in the target's place; the target is kept\n\
    Never replaces a database: it makes one beside it, and --swap exchanges the two by rename.")]
#[expect(clippy::struct_excessive_bools, reason = "each is said or not on the command line")]
pub(crate) struct Args {
    /// The backup: its name, the beginning of it, or its folder
    backup: String,
    /// The new database; default: the target's name and the time
    #[arg(long, value_name = "NAME", conflicts_with = "swap")]
    into: Option<String>,
    /// Show what the target has and the backup has not, and the other way round
    #[arg(long, conflicts_with = "swap")]
    compare: bool,
    /// Put it in the target's place, as a run: resume, rollback and abort work
    #[arg(long)]
    swap: bool,
    /// With --swap: leave behind what the backup has not, in the database that is kept
    #[arg(long, requires = "swap")]
    accept_loss: bool,
    /// With --swap: the release that fits the backup
    #[arg(long, value_name = "REF", requires = "swap")]
    release: Option<String>,
    /// With --swap: show the plan and do nothing
    #[arg(long, requires = "swap")]
    dry_run: bool,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<Exit> {
    if args.swap { Box::pin(exchange(args, app)).await } else { beside(args, app).await }
}

/// A run that puts the backup in the target's place.
async fn exchange(args: &Args, app: &App) -> Result<Exit> {
    let config = restore_plan::settings(app.config()?);
    deploy::refuse_open_run(&config, app)?;
    let world = new_run(config);
    let found = find(&world, Some(&args.backup))?;
    let plan = restore_plan::plan(&world, &found, args.release.as_deref(), args.accept_loss).await?;
    if args.dry_run {
        plan::show(&plan, app)?;
        return Ok(Exit::Done);
    }
    let identity = Identity::read(&*world.admin().await?).await?;
    let manifest = found.manifest.as_ref().map_err(Clone::clone)?;
    let elsewhere = restore_plan::taken_elsewhere(&world, manifest, &identity);
    let question = question(&plan, manifest, elsewhere.as_deref(), args.accept_loss);
    if args.accept_loss || elsewhere.is_some() {
        app.confirm_loss(&question)?;
    } else if !app.confirm(&question) {
        return Err(not_confirmed());
    }
    run::begin(app, world, plan).await
}

/// What a person is asked: of what and when the backup is, and what becomes of what it has not.
fn question(plan: &Plan, manifest: &Manifest, elsewhere: Option<&str>, accept_loss: bool) -> String {
    let (target, taken) = (&plan.target, &manifest.made_at);
    let whose = elsewhere.map_or_else(String::new, |elsewhere| format!("; {elsewhere}"));
    let loss = if accept_loss {
        format!(" What `{target}` has and the backup has not is left behind, in a database that is kept.")
    } else {
        String::new()
    };
    format!("put backup {} in the place of `{target}`? It was made at {taken}{whose}.{loss}", manifest.id)
}

fn new_run(config: Config) -> World {
    let run = app::new_run();
    let folder = app::runs_folder(&config).join(&run.0);
    World::new(config, run, app::operator(), folder, app::program())
}

/// A database of its own beside the target.
async fn beside(args: &Args, app: &App) -> Result<Exit> {
    let world = app.world()?;
    let found = find(&world, Some(&args.backup))?;
    let into = args.into.clone().unwrap_or_else(|| {
        format!("{}_restored_{}", world.names.target, clock::now().strftime("%Y%m%d_%H%M%S"))
    });
    refuse_behind_the_fence(&world, &into).await?;
    let work = async |cancel: &Cancel| {
        let restored =
            backups::restore(&world, &found.folder, &into, None, cancel, &mut hearing(app)).await?;
        let differences = if args.compare { Some(compare(&world, &into, cancel).await?) } else { None };
        Ok((restored, differences))
    };
    let (restored, differences) = signals::until_told(app, "the restore", PATIENCE, work).await?;
    show(app, &found, &restored, differences.as_ref())?;
    Ok(Exit::Done)
}

/// The target may be away under its fenced name: a database with its own name would be taken for it.
async fn refuse_behind_the_fence(world: &World, into: &str) -> Result<()> {
    if into != world.names.target {
        return Ok(());
    }
    match lease::open_marker(&*world.admin().await?, into).await? {
        Some((marker, _)) => Err(open_run::refusal(world, &marker)),
        None => Ok(()),
    }
}

async fn compare(world: &World, restored: &str, cancel: &Cancel) -> Result<Differences> {
    let target = &world.names.target;
    if world.database(target).await?.is_none() {
        return Err(Failure::new(
            code::DATABASE_MISSING,
            format!("there is no database `{target}` to compare with"),
        )
        .changed(format!("`{restored}` was made and stays")));
    }
    let backup = facts::read(world, restored, cancel, &mut |_, _| {}).await?;
    Ok(Differences::between(&backup, &facts::read(world, target, cancel, &mut |_, _| {}).await?))
}

fn show(app: &App, found: &Listed, restored: &Restored, differences: Option<&Differences>) -> Result<()> {
    let compared = &restored.compared;
    if app.json() {
        let mut document = serde_json::json!({ "backup": found.id, "database": restored.database, "compared": compared, "notes": restored.notes });
        if let Some(differences) = differences {
            document["differences"] = serde_json::json!(differences);
        }
        return app.print_json(&document);
    }
    for note in &restored.notes {
        app.say(&format!("! {note}\n"));
    }
    let (database, took) = (&restored.database, human(restored.took));
    let (tables, rows) = (compared.tables, compared.rows);
    app.print(&format!("`{database}` is equal to the backup: {tables} tables, {rows} rows; {took}\n"));
    let Some(differences) = differences else { return Ok(()) };
    if differences.is_empty() {
        app.print("the target holds exactly the same\n");
        return Ok(());
    }
    app.print("what the target and the backup do not share:\n");
    for line in differences.lines() {
        app.print(&format!("  {line}\n"));
    }
    Ok(())
}
