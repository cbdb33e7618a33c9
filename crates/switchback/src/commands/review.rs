//! `review`.

use std::path::PathBuf;

use switchback_model::{Exit, Failure, Result, code};
use switchback_report::findings;
use switchback_workflow::planner;
use switchback_workflow::world::World;

use crate::app::{self, App};

mod asked;
mod fixing;
mod ground;
mod shown;

use asked::{asked, files, files_of_deploy, inside, project, reads_all};
use ground::{Ground, Reading, known};
use shown::record;

#[derive(clap::Args)]
#[command(
    after_help = "Examples: switchback review migrations/0042_add_orders.sql\n          switchback review --base origin/main --format github\n          switchback review -e production --record\n          switchback review --fix migrations/0042_add_orders.sql\nExit status 1: there are findings that are not fine. Nothing is run on a target; only --fix changes files.\nThe page of a rule: switchback explain RULE"
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the command line")]
pub(crate) struct Args {
    /// Files and folders; `-` is standard input; default: the configuration's migrations
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only files that changed since this branch, tag or commit was left
    #[arg(long, value_name = "GITREF")]
    base: Option<String>,
    /// From which weight on findings are not fine: error, warning, info
    #[arg(long, value_name = "WEIGHT", value_parser = ["error", "warning", "info"])]
    fail_on: Option<String>,
    /// Rules that are off by default too
    #[arg(long)]
    all_rules: bool,
    /// Read one file from standard input, as if it had this name
    #[arg(long, value_name = "NAME")]
    stdin_filename: Option<PathBuf>,
    /// Count columns in units of UTF-16, as editors do
    #[arg(long)]
    utf16: bool,
    /// With -e: the release whose pending migrations are reviewed: a tag, branch or commit
    #[arg(long, value_name = "REF")]
    release: Option<String>,
    /// With -e: put on record that these migrations were reviewed, for the gate `review`
    #[arg(long, conflicts_with = "fail_on")]
    record: bool,
    /// With --record: accept the findings that are not fine, and say why
    #[arg(long, value_name = "WHY", requires = "record")]
    accept: Option<String>,
    /// Make what is found the baseline: later reviews leave it out
    #[arg(long, conflicts_with_all = ["record", "base", "stdin_filename", "fail_on", "fix"])]
    write_baseline: bool,
    /// Write the fixes of what is not fine into the files, proven on a scratch server
    #[arg(long, conflicts_with_all = ["record", "stdin_filename", "release"])]
    fix: bool,
    /// With --fix: write them without running them anywhere
    #[arg(long, requires = "fix")]
    unproven: bool,
    /// The server's major version, as in 16
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u32).range(13..=18))]
    server_version: Option<u32>,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<Exit> {
    let format = findings::format(&app.global.format).ok_or_else(|| unknown(&app.global.format))?;
    refuse_contradictions(args, app)?;
    let environment = app.global.environment.is_some();
    if environment && args.paths.is_empty() && args.stdin_filename.is_none() {
        return pending(args, format, app).await;
    }
    if args.fix {
        fixing::refuse_all(args)?;
    }
    let project = project(app)?;
    let here = std::env::current_dir().unwrap_or_default();
    let whole = reads_all(args, project.as_ref(), &here);
    let (files, together) = files(args, project.as_ref().map(|stands| &stands.project)).await?;
    let ground = if environment {
        let world = world(app)?;
        let found = planner::unplanned(&world, None).await;
        let known = known(&world.config.review, project.as_ref(), args, &here)?;
        Ground::of_target(&world, args, known, &files, &here, found, app).await?
    } else {
        Ground::of_project(project.as_ref(), args, &here)?
    };
    let files = if args.fix { fixing::write(files, together, &ground, args, app).await? } else { files };
    let read: Vec<String> = files.iter().filter(|file| !file.applied).map(|file| file.path.clone()).collect();
    let asked = Reading { read, together, whole, pending: false };
    let (shown, fail_on) = ground.review(files, &asked, format, args, app).await?;
    Ok(if args.write_baseline { Exit::Done } else { shown.exit(args, fail_on) })
}

/// Words of the command line that can't be meant together.
fn refuse_contradictions(args: &Args, app: &App) -> Result<()> {
    let dash = args.paths.iter().any(|path| path.as_os_str() == "-");
    if args.write_baseline && dash {
        return Err(Failure::new(code::USAGE, "standard input is no file that a baseline could be about")
            .changed("no baseline was written")
            .hint("of all migrations: switchback review --write-baseline"));
    }
    let named = !args.paths.is_empty() || args.stdin_filename.is_some();
    let asked = app.global.environment.as_deref();
    let environment = asked.unwrap_or("production");
    if (named || asked.is_none()) && (args.record || args.release.is_some()) {
        let message = "--record and --release are about the pending migrations of an environment";
        return Err(Failure::new(code::USAGE, message)
            .changed("nothing was put on record")
            .hint(format!("name it, and no path: switchback review -e {environment} --record")));
    }
    if asked.is_none() || named {
        return Ok(());
    }
    if args.write_baseline {
        let message = "what is pending is not of old: a baseline does not open the gate `review`";
        return Err(Failure::new(code::USAGE, message)
            .changed("no baseline was written")
            .hint(format!(
                "to accept what is found there: switchback review -e {environment} --record --accept WHY"
            ))
            .hint("a baseline of all migrations: switchback review --write-baseline"));
    }
    if args.base.is_some() {
        let message = "what an environment's next deploy would run does not depend on --base";
        return Err(Failure::new(code::USAGE, message)
            .hint(format!(
                "what changed in a folder: switchback review -e {environment} --base main migrations/"
            ))
            .hint(format!("what a deploy would run: switchback review -e {environment}")));
    }
    Ok(())
}

/// What an environment's next deploy would run, read against what is applied there and what the target
/// says of itself.
async fn pending(args: &Args, format: &findings::Format, app: &App) -> Result<Exit> {
    let world = world(app)?;
    let plan = match planner::plan(&world, args.release.as_deref()).await {
        Err(failure) if failure.code == code::NOTHING_TO_DO => {
            app.say(&format!("{}\n", failure.message));
            app.print_instead(&failure);
            return Ok(Exit::Done);
        }
        // What keeps a deploy from being planned is a finding like others; nothing is put on record of it.
        Err(failure) if failure.code == code::HISTORY_DIFFERS && !args.record => None,
        plan => Some(plan?),
    };
    let found = planner::unplanned(&world, args.release.as_deref()).await?;
    let root = found.root.clone();
    let files = files_of_deploy(&found).await?;
    let read: Vec<String> = asked(&found, &root).iter().map(|path| inside(path, &root)).collect();
    let place = world.config.working_directory();
    let known = known(&world.config.review, project(app)?.as_ref(), args, &place)?;
    let ground = Ground::of_target(&world, args, known, &files, &root, Ok(found), app).await?;
    let asked = Reading { read, together: true, whole: false, pending: true };
    let (shown, fail_on) = ground.review(files, &asked, format, args, app).await?;
    match plan {
        Some(plan) if args.record => record(&plan, &world, &shown, fail_on, args, app),
        Some(_) => Ok(shown.exit(args, fail_on)),
        None => Ok(Exit::NotFine),
    }
}

fn world(app: &App) -> Result<World> {
    let config = app.config()?;
    let folder = config.state.clone();
    Ok(World::new(config, app::new_run(), app::operator(), folder, app::program()))
}

fn unknown(format: &str) -> Failure {
    let names: Vec<&str> = findings::FORMATS.iter().map(|format| format.name).collect();
    Failure::new(code::USAGE, format!("`{format}` is no format of findings"))
        .hint(format!("one of: {}", names.join(", ")))
}
