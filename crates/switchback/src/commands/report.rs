//! `report`.

use std::path::PathBuf;

use switchback_model::{Exit, Failure, Result, code};
use switchback_report::{RUN_DOCUMENTS, document};

use super::resume::named;
use crate::app::{self, App};
use crate::papers;

#[derive(clap::Args)]
#[command(after_help = "Example: switchback report 20260102_0304_abcd --format html --output report.html\n\
    Formats: md, html (one file that holds everything), json; without --format the output's name tells.")]
pub(crate) struct Args {
    /// The run; default: the last one
    run: Option<String>,
    /// Where to write it; default: standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, app: &App) -> Result<Exit> {
    let config = app.config()?;
    let views = app::runs(&config, app);
    let view = match &args.run {
        Some(run) => Some(named(&views, run)?),
        None => views.last(),
    };
    let view = view.ok_or_else(|| {
        Failure::new(code::RUN_UNKNOWN, "there is no run yet").hint("see the runs: switchback runs list")
    })?;
    let format = if app.global.format == "text" { by_name(args) } else { &app.global.format };
    let document = document(RUN_DOCUMENTS, format).ok_or_else(|| {
        Failure::new(code::USAGE, format!("a report can't be written as `{format}`"))
            .hint("one of: md, html, json")
    })?;
    let text = (document.render)(&papers::read(&app::runs_folder(&config), view.clone()));
    match &args.output {
        Some(path) => switchback_workflow::files::write(path, text.as_bytes())?,
        None => app.print(&text),
    }
    Ok(Exit::Done)
}

/// `report.html` is not meant to be Markdown.
fn by_name(args: &Args) -> &str {
    let end = args.output.as_deref().and_then(|path| path.extension()?.to_str());
    end.filter(|end| document(RUN_DOCUMENTS, end).is_some()).unwrap_or("md")
}
