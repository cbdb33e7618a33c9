//! `runs list`, `runs show`.

use std::path::Path;

use clap::Subcommand;
use switchback_engine::journal::{self, Salvaged};
use switchback_model::{Exit, Failure, Result, RunView, code};
use switchback_report::tables::{self, RunLine};
use switchback_report::{Reporter, Terminal};

use super::resume::named;
use crate::app::{self, App};

#[derive(Subcommand)]
pub(crate) enum Runs {
    /// Every run of the environment, oldest first
    List,
    /// One run, as it was shown when it ran
    Show {
        /// The run
        run: String,
    },
}

pub(crate) fn run(command: &Runs, app: &App) -> Result<Exit> {
    let config = app.config()?;
    let views = app::runs(&config, app);
    match command {
        Runs::List => {
            let lines: Vec<RunLine> = views.iter().map(RunLine::of).collect();
            if app.json() {
                app.print_json(&lines)?;
            } else {
                app.print(&tables::runs(&lines, app.theme_out()));
            }
        }
        Runs::Show { run } => {
            if let Some(salvaged) = damaged(&app::runs_folder(&config), run)? {
                return Err(show_damaged(salvaged, app));
            }
            let view = named(&views, run)?;
            if app.json() {
                app.print_json(view)?;
                return Ok(Exit::Done);
            }
            show(&journal::salvage(&app::runs_folder(&config), &view.plan.run)?, app);
        }
    }
    Ok(Exit::Done)
}

/// The run of this name (or the beginning of it) where its journal is damaged.
fn damaged(runs: &Path, name: &str) -> Result<Option<Salvaged>> {
    let Some(run) = journal::list(runs).into_iter().rev().find(|run| run.0.starts_with(name)) else {
        return Ok(None);
    };
    let salvaged = journal::salvage(runs, &run)?;
    Ok(Some(salvaged).filter(|salvaged| salvaged.damage.is_some()))
}

/// Shows what can be read of it; the damage.
fn show_damaged(salvaged: Salvaged, app: &App) -> Failure {
    show(&salvaged, app);
    let read = salvaged.events.len();
    let unknown = || Failure::new(code::INTERNAL, "a damaged journal has its damage");
    salvaged
        .damage
        .unwrap_or_else(unknown)
        .cause(format!("{read} entries before it can be read and are shown above"))
}

fn show(salvaged: &Salvaged, app: &App) {
    let mut terminal = Terminal::new(app.terminal(), Box::new(std::io::stdout()));
    let mut so_far: Option<RunView> = None;
    for event in &salvaged.events {
        match &mut so_far {
            None => so_far = RunView::begin(event).ok(),
            Some(view) => drop(view.apply(event)),
        }
        if let Some(view) = &so_far {
            let _reader_gone = terminal.event(event, view);
        }
    }
    // What to type next is not for a run that nobody may go on with.
    if let (Some(view), None) = (&so_far, &salvaged.damage) {
        let _reader_gone = terminal.finish(view);
    }
}
