//! `runs list`, `runs show`, `runs verify`.

use std::path::Path;

use clap::Subcommand;
use switchback_engine::journal::{self, Salvaged};
use switchback_model::ledger::Entry;
use switchback_model::{Config, Exit, Failure, Result, RunId, RunView, code};
use switchback_report::tables::{self, RunLine};
use switchback_report::{Reporter, Terminal};
use switchback_workflow::ledger::Ledger;

use super::resume::{named, several};
use crate::app::{self, App};

#[derive(Subcommand)]
pub(crate) enum Runs {
    /// Every run of the environment, oldest first, also those whose journal is not here any more
    List,
    /// One run, as it was shown when it ran
    Show {
        /// The run
        run: String,
    },
    /// Check the ledger, line by line and against the journals; exit status 1 where it differs
    Verify {
        /// Write lines for the runs that have a journal and none
        #[arg(long)]
        rebuild: bool,
    },
}

pub(crate) async fn run(command: &Runs, app: &App) -> Result<Exit> {
    let config = app.config()?;
    match command {
        Runs::List => list(&config, app),
        Runs::Show { run } => show(&config, run, app),
        Runs::Verify { rebuild } => verify(&config, *rebuild, app).await,
    }
}

fn list(config: &Config, app: &App) -> Result<Exit> {
    let views = app::runs(config, app);
    let mut lines: Vec<RunLine> = views.iter().map(RunLine::of).collect();
    lines.extend(without_journal(&ledger(config, app), &views).map(RunLine::of_entry));
    lines.sort_by(|a, b| a.run.cmp(&b.run));
    if app.json() {
        app.print_json(&lines)?;
    } else {
        app.print(&tables::runs(&lines, app.theme_out()));
    }
    Ok(Exit::Done)
}

fn show(config: &Config, run: &str, app: &App) -> Result<Exit> {
    if let Some(salvaged) = damaged(&app::runs_folder(config), run)? {
        return Err(show_damaged(salvaged, app));
    }
    let views = app::runs(config, app);
    let ledger = ledger(config, app);
    let gone: Vec<&Entry> = without_journal(&ledger, &views).filter(|entry| fits(&entry.run, run)).collect();
    let here = views.iter().filter(|view| fits(&view.plan.run, run)).count();
    if here + gone.len() > 1 {
        return Err(several(run, here + gone.len()));
    }
    if let [last] = gone.as_slice() {
        if app.json() {
            app.print_json(&last)?;
        } else {
            app.print(&tables::ledger_entry(last, app.theme_out()));
        }
        return Ok(Exit::Done);
    }
    let view = named(&views, run)?;
    if app.json() {
        app.print_json(view)?;
        return Ok(Exit::Done);
    }
    play(&journal::salvage(&app::runs_folder(config), &view.plan.run)?, app);
    Ok(Exit::Done)
}

async fn verify(config: &Config, rebuild: bool, app: &App) -> Result<Exit> {
    let ledger = Ledger::of(config);
    let examined = ledger.examine(rebuild).await?;
    if app.json() {
        app.print_json(&examined)?;
    } else {
        app.print(&tables::ledger(examined.lines, examined.added, &examined.missing, &examined.unlike));
        if let Some(broken) = &examined.broken {
            app.say(&switchback_report::failure::render(&ledger.damaged(broken), app.theme()));
        }
    }
    Ok(if examined.is_whole() { Exit::Done } else { Exit::NotFine })
}

/// What the ledger says; where it is damaged, that is said, and the journals are what is left.
fn ledger(config: &Config, app: &App) -> Vec<Entry> {
    let read = Ledger::of(config).read();
    let mut entries = read.unwrap_or_else(|failure| {
        app.say(&switchback_report::failure::render(&failure, app.theme()));
        Vec::new()
    });
    entries.retain(|entry| entry.environment == config.environment_name);
    entries
}

/// The last end of each run whose journal is not here any more.
fn without_journal<'a>(ledger: &'a [Entry], views: &'a [RunView]) -> impl Iterator<Item = &'a Entry> {
    let here = |run: &RunId| views.iter().any(|view| view.plan.run == *run);
    let last = move |(index, entry): &(usize, &Entry)| {
        !ledger[index + 1..].iter().any(|later| later.run == entry.run)
    };
    let gone = ledger.iter().enumerate().filter(last).map(|(_, entry)| entry);
    gone.filter(move |entry| !here(&entry.run))
}

fn fits(run: &RunId, asked: &str) -> bool {
    run.0.starts_with(asked) || run.0.ends_with(asked)
}

/// The run of this name (or the beginning of it, where that is the beginning of no other) where its
/// journal is damaged.
fn damaged(runs: &Path, name: &str) -> Result<Option<Salvaged>> {
    let fitting: Vec<_> = journal::list(runs).into_iter().filter(|run| run.0.starts_with(name)).collect();
    let [run] = fitting.as_slice() else { return Ok(None) };
    let salvaged = journal::salvage(runs, run)?;
    Ok(Some(salvaged).filter(|salvaged| salvaged.damage.is_some()))
}

/// Shows what can be read of it; the damage.
fn show_damaged(salvaged: Salvaged, app: &App) -> Failure {
    play(&salvaged, app);
    let read = salvaged.events.len();
    let unknown = || Failure::new(code::INTERNAL, "a damaged journal has its damage");
    salvaged
        .damage
        .unwrap_or_else(unknown)
        .cause(format!("{read} entries before it can be read and are shown above"))
}

fn play(salvaged: &Salvaged, app: &App) {
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
