//! `new`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;
use switchback_engine::cancel::Cancel;
use switchback_engine::exec::Program;
use switchback_model::{Exit, Failure, Result, code};
use switchback_workflow::formats::Creation;

use crate::app::App;

#[derive(clap::Args)]
#[command(after_help = "Example: switchback new 'add points to users'\n\
    Plain SQL: the next NNNN_name.up.sql and .down.sql. Alembic: its own `revision -m`. Nothing is overwritten.")]
pub(crate) struct Args {
    /// What it does, in a few words
    name: String,
}

/// What was made.
#[derive(Serialize)]
struct Made {
    files: Vec<String>,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<Exit> {
    let world = app.world()?;
    let files = match world.migrator().create(&args.name)? {
        Creation::Written(files) => files,
        Creation::Program(program) => made_by(&program, &world.config.migrations.directory).await?,
    };
    let here = std::env::current_dir().unwrap_or_default();
    let shown = |file: &PathBuf| file.strip_prefix(&here).unwrap_or(file).display().to_string();
    let files: Vec<String> = files.iter().map(shown).collect();
    if app.json() {
        app.print_json(&Made { files })?;
    } else {
        app.print(&files.into_iter().map(|file| file + "\n").collect::<String>());
    }
    Ok(Exit::Done)
}

/// Lets the migrator make it. What that wrote is what is there now and was not before: every version of
/// it says so in other words.
async fn made_by(program: &Program, directory: &Path) -> Result<Vec<PathBuf>> {
    let before = sources(directory);
    let finished = program.check(&Cancel::never()).await?;
    let made: Vec<_> = sources(directory).difference(&before).cloned().collect();
    if made.is_empty() {
        let message = format!("`{}` wrote no file below {}", program.display(), directory.display());
        return Err(Failure::new(code::COMMAND_FAILED, message).cause(finished.tail.join("\n")));
    }
    Ok(made)
}

/// The Python sources below a folder.
fn sources(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, is_folder) = (entry.path(), entry.file_type().is_ok_and(|kind| kind.is_dir()));
            if is_folder {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "py") {
                found.insert(path);
            }
        }
    }
    found
}
