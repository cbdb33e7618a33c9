//! What is reviewed: files, folders, standard input, what changed, what an environment's next deploy would run.

use std::io::Read;
use std::path::{Path, PathBuf};

use switchback_model::config::{FILE_NAME, Project};
use switchback_model::{Failure, Result, code};
use switchback_workflow::formats::Difference;
use switchback_workflow::planner::Unplanned;
use switchback_workflow::review::{self, Asked, File, gather};

use super::Args;
use crate::app::App;

/// A configuration where it stands.
pub(super) struct Stands {
    pub(super) project: Project,
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// The configuration's part that a review needs, where there is a configuration.
pub(super) fn project(app: &App) -> Result<Option<Stands>> {
    let path = match &app.global.config {
        Some(path) => Some(std::path::absolute(path).unwrap_or_else(|_| path.clone())),
        None => std::env::current_dir().ok().and_then(|here| {
            here.ancestors().map(|folder| folder.join(FILE_NAME)).find(|path| path.is_file())
        }),
    };
    let Some(path) = path else { return Ok(None) };
    let text = review::read(&path)?;
    let project = Project::parse(&text, &path)?;
    Ok(Some(Stands { project, path, text }))
}

/// Whether every migration of the project is asked about.
pub(super) fn reads_all(args: &Args, stands: Option<&Stands>, here: &Path) -> bool {
    let Some(stands) = stands.filter(|_| args.base.is_none() && args.stdin_filename.is_none()) else {
        return false;
    };
    let real = |path: &Path| here.join(path).canonicalize().unwrap_or_else(|_| path.to_owned());
    let all = real(&stands.project.migrations.directory);
    args.paths.is_empty() || args.paths.iter().any(|path| all.starts_with(real(path)))
}

pub(super) async fn files(args: &Args, project: Option<&Project>) -> Result<(Vec<File>, bool)> {
    let dash = args.paths.iter().any(|path| path.as_os_str() == "-");
    let name = args.stdin_filename.clone().or_else(|| dash.then(|| PathBuf::from("stdin.sql")));
    let mut paths: Vec<PathBuf> = args.paths.iter().filter(|path| path.as_os_str() != "-").cloned().collect();
    let text = name.as_ref().map(|_| stdin()).transpose()?;
    if paths.is_empty() && name.is_none() {
        paths.push(configured(project)?);
    }
    for path in &paths {
        if !path.exists() {
            let message = format!("there is no file or folder {}", path.display());
            return Err(Failure::new(code::USAGE, message)
                .hint("name what is to be reviewed: switchback review PATH"));
        }
    }
    let asked = Asked {
        paths: &paths,
        base: args.base.as_deref(),
        stdin: name.as_deref().zip(text.as_deref()),
        ignore: project.map_or(&[], |project| &project.review.ignore),
        root: project.map(|project| project.root.as_path()),
    };
    gather(&asked).await
}

/// Where the project's migrations are, from here.
fn configured(project: Option<&Project>) -> Result<PathBuf> {
    let Some(project) = project else {
        return Err(Failure::new(code::USAGE, "there is nothing to review: no path, and no switchback.toml")
            .hint("name files or a folder: switchback review migrations/")
            .hint("or write a configuration: switchback init"));
    };
    let folder = &project.migrations.directory;
    let here = std::env::current_dir().unwrap_or_default();
    let inside = folder.strip_prefix(&here).unwrap_or(folder);
    let inside = if inside.as_os_str().is_empty() { Path::new(".") } else { inside };
    Ok(inside.to_owned())
}

fn stdin() -> Result<String> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::new(code::USAGE, "standard input can't be read").because(&error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The files of what is pending, and of what the history and the files differ about.
pub(super) fn asked(found: &Unplanned, root: &Path) -> Vec<PathBuf> {
    let pending = found.scripts.pending.iter().map(|script| root.join(&script.path));
    let differing = found.differences.iter().filter_map(|difference| match difference {
        Difference::Edited { file } | Difference::PassedOver { file, .. } => Some(file.clone()),
        Difference::NoFile { .. } => None,
    });
    pending.chain(differing).collect()
}

/// These files with the earlier ones, by their names in the release. One that was edited was applied.
pub(super) async fn files_of_deploy(found: &Unplanned) -> Result<Vec<File>> {
    let paths = asked(found, &found.root);
    let (mut files, _) = gather(&Asked { paths: &paths, ..Asked::default() }).await?;
    let edited: Vec<&PathBuf> = found
        .differences
        .iter()
        .filter_map(|difference| match difference {
            Difference::Edited { file } => Some(file),
            _ => None,
        })
        .collect();
    for file in &mut files {
        file.applied |= edited.iter().any(|edited| edited.as_path() == Path::new(&file.path));
        file.path = inside(Path::new(&file.path), &found.root);
    }
    Ok(files)
}

pub(super) fn inside(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
}
