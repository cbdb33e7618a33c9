//! `backup create|verify|list|prune`.

use std::time::Duration;

use clap::Subcommand;
use switchback_engine::cancel::Cancel;
use switchback_model::units::{Size, human};
use switchback_model::{Exit, Failure, Result, code};
use switchback_postgres::backup::{self, Listed, Manifest, Progress};
use switchback_postgres::scratch::{Scratch, ScratchOptions};
use switchback_report::tables::{self, BackupLine};
use switchback_workflow::world::World;
use switchback_workflow::{backups, open_run, retention};

use crate::app::{self, App};
use crate::signals;

#[derive(Subcommand)]
pub(crate) enum Backup {
    /// Back up the target, restore it into a scratch cluster and compare
    Create,
    /// Check every file of a backup, restore it and compare again
    Verify {
        /// The backup; default: the newest
        backup: Option<String>,
        /// Look at the files only
        #[arg(long)]
        files_only: bool,
    },
    /// The backups, newest first
    List,
    /// Remove old backups, and what old runs left on the server; never the last proven backup,
    /// never what an open run or the next rollback needs
    #[command(after_help = "Example: switchback backup prune --dry-run -e production")]
    Prune {
        /// How many to keep; default: `keep` of the configuration
        #[arg(long, value_name = "N")]
        keep: Option<usize>,
        /// Say what would be removed, and remove nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// How long an interrupted backup or restore may take to put its things away.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn run(command: &Backup, app: &App) -> Result<Exit> {
    let world = app.world()?;
    match command {
        Backup::Create => {
            signals::until_told(app, "the backup", PATIENCE, async |cancel| create(&world, app, cancel).await)
                .await
        }
        Backup::Verify { backup, files_only } => {
            let look =
                async |cancel: &Cancel| verify(&world, app, backup.as_deref(), *files_only, cancel).await;
            signals::until_told(app, "the look at the backup", PATIENCE, look).await
        }
        Backup::List => list(&world, app),
        Backup::Prune { keep, dry_run } => prune(&world, app, *keep, *dry_run).await,
    }
}

async fn create(world: &World, app: &App, cancel: &Cancel) -> Result<Exit> {
    let directory = &world.config.environment.backup.directory;
    let mut hear = hearing(app);
    let taken = backups::take(world, &world.names.target, directory, None, true, cancel, &mut hear).await;
    let folder = match taken {
        // Behind the fence of a run the target is under another name: that run is what has to be said.
        Err(failure) => return Err(open_run::instead_of_missing(world, failure).await),
        Ok(folder) => folder,
    };
    let manifest = Manifest::read(&folder)?;
    if app.json() {
        app.print_json(&serde_json::json!({ "id": manifest.id, "folder": folder, "bytes": manifest.bytes(), "proof": manifest.proof }))?;
        return Ok(Exit::Done);
    }
    let proof = manifest.proof.as_ref().map_or_else(String::new, |proof| {
        let took = human(Duration::from_millis(proof.restored_in_ms));
        format!(
            ": restored in {took}, {} tables and {} rows equal",
            proof.compared.tables, proof.compared.rows
        )
    });
    app.print(&format!("{}  {}{proof}\n", folder.display(), Size(manifest.bytes())));
    Ok(Exit::Done)
}

async fn verify(
    world: &World,
    app: &App,
    name: Option<&str>,
    files_only: bool,
    cancel: &Cancel,
) -> Result<Exit> {
    let found = find(world, name)?;
    let manifest = found.manifest.clone()?;
    let client = backups::client(world).await?;
    let mut hear = hearing(app);
    let private = match (files_only, &world.config.scratch_url) {
        (false, None) => {
            let options = backup::scratch_options(&manifest, ScratchOptions::default());
            Some(Scratch::start(&options, cancel).await?)
        }
        _ => None,
    };
    let ground = match (&private, &world.config.scratch_url) {
        (Some(scratch), _) => Some(backup::Ground::Private(scratch)),
        (None, Some(url)) if !files_only => Some(backup::Ground::Server(url)),
        _ => None,
    };
    let proof = backup::verify(&found.folder, ground, &client, cancel, &mut hear).await?;
    if app.json() {
        app.print_json(&serde_json::json!({ "id": found.id, "ok": true, "proof": proof }))?;
    } else {
        let what = if proof.is_some() {
            "every file is as it was; restored and equal"
        } else {
            "every file is as it was"
        };
        app.print(&format!("{}: {what}\n", found.id));
    }
    say_doubts(&found, app)?;
    Ok(Exit::Done)
}

/// Whole files don't take back that a restore of them differed.
fn say_doubts(found: &Listed, app: &App) -> Result<()> {
    let folder = found.folder.display().to_string();
    let now = found.folder.parent().map(|directory| backup::find(directory, &folder)).transpose()?;
    if let Some(why) = now.as_ref().and_then(Listed::damaged) {
        app.say(&format!(
            "! it counts as damaged: {why}\n  restore and compare it again: switchback backup verify {}\n",
            found.id
        ));
    }
    Ok(())
}

fn list(world: &World, app: &App) -> Result<Exit> {
    let found = backup::list(&world.config.environment.backup.directory)?;
    let lines: Vec<BackupLine> = found.iter().filter_map(line).collect();
    if app.json() {
        app.print_json(&lines)?;
    } else {
        app.print(&tables::backups(&lines, app.theme_out()));
    }
    let damaged: Vec<_> = found.iter().filter_map(|backup| Some((&backup.id, backup.damaged()?))).collect();
    for (id, why) in &damaged {
        app.say(&format!("! {id} is damaged: {why}\n"));
    }
    Ok(if damaged.is_empty() { Exit::Done } else { Exit::NotFine })
}

fn line(backup: &Listed) -> Option<BackupLine> {
    let manifest = backup.manifest.as_ref().ok()?;
    Some(BackupLine {
        name: backup.id.clone(),
        target: manifest.target.database.clone(),
        taken_at: manifest.made_at.parse().ok()?,
        bytes: backup.bytes,
        proven_at: backup.proof.as_ref().and_then(|proof| proof.at.parse().ok()),
        damaged: backup.damaged().map(str::to_owned),
    })
}

async fn prune(world: &World, app: &App, keep: Option<usize>, dry_run: bool) -> Result<Exit> {
    let settings = &world.config.environment.backup;
    let keep = keep.unwrap_or(settings.keep);
    if !dry_run {
        app.confirm_loss(&format!(
            "remove all but the newest {keep} backups in {}, and what runs left on the server more than {} ago?",
            settings.directory.display(),
            settings.keep_restore_points
        ))?;
    }
    retention::hold(world).await?;
    // Backups may be shared with other environments, whose runs need them as well.
    let needed = retention::needed_backups(world, &app::all_runs(&world.config, app)).await?;
    let runs = app::runs(&world.config, app);
    let databases = retention::databases(world, &runs, settings.keep_restore_points, dry_run).await?;
    let request = backup::PruneRequest { keep, needed, dry_run };
    let pruned = backup::prune(&settings.directory, &request, &mut hearing(app)).await?;
    if app.json() {
        app.print_json(&serde_json::json!({
            "removed": pruned.removed, "spared": pruned.spared, "swept": pruned.swept,
            "databases": databases, "dry_run": dry_run
        }))?;
        return Ok(Exit::Done);
    }
    let gone = if dry_run { "would remove" } else { "removed" };
    for id in pruned.removed.iter().chain(&pruned.swept) {
        app.print(&format!("{gone} {id}\n"));
    }
    for name in &databases.dropped {
        app.print(&format!("{gone} database `{name}`\n"));
    }
    for (id, why) in &pruned.spared {
        app.print(&format!("kept {id}: {why}\n"));
    }
    for (name, why) in &databases.spared {
        app.print(&format!("kept database `{name}`: {why}\n"));
    }
    Ok(Exit::Done)
}

/// The backup that is meant; without a name the newest.
pub(super) fn find(world: &World, name: Option<&str>) -> Result<Listed> {
    let directory = &world.config.environment.backup.directory;
    if let Some(name) = name {
        return backup::find(directory, name);
    }
    backup::list(directory)?.into_iter().next().ok_or_else(|| {
        Failure::new(code::BACKUP_UNKNOWN, format!("there is no backup in {}", directory.display()))
            .hint("make one: switchback backup create")
    })
}

/// Says what is being done, once for each part of the work.
pub(super) fn hearing(app: &App) -> impl FnMut(Progress<'_>) {
    let mut last = String::new();
    move |progress| {
        if progress.what != last && !app.global.quiet {
            progress.what.clone_into(&mut last);
            app.say(&format!("{last} …\n"));
        }
    }
}
