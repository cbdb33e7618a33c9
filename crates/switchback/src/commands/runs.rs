//! `runs list`, `runs show`.

use clap::Subcommand;
use switchback_engine::journal;
use switchback_model::{Exit, Result};
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
            let view = named(&views, run)?;
            if app.json() {
                app.print_json(view)?;
                return Ok(Exit::Done);
            }
            let mut terminal = Terminal::new(app.terminal(), Box::new(std::io::stdout()));
            let mut so_far = None;
            for event in journal::events(&app::runs_folder(&config), &view.plan.run)? {
                match &mut so_far {
                    None => so_far = switchback_model::RunView::begin(&event).ok(),
                    Some(view) => drop(view.apply(&event)),
                }
                if let Some(view) = &so_far {
                    let _reader_gone = terminal.event(&event, view);
                }
            }
            let _reader_gone = terminal.finish(view);
        }
    }
    Ok(Exit::Done)
}
