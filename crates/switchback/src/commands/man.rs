//! `man`.

use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use switchback_model::{Exit, Failure, Result, code};
use switchback_workflow::files;

use crate::app::App;
use crate::cli::Cli;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    switchback man | man -l -\n  \
    switchback man --dir /usr/local/share/man/man1")]
pub(crate) struct Args {
    /// Write a page for the program and one for each command into this folder
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, app: &App) -> Result<Exit> {
    let mut program = Cli::command();
    // Global options and full names (`switchback backup create`) are only known after this.
    program.build();
    let Some(dir) = &args.dir else {
        app.print(&page(&program)?);
        return Ok(Exit::Done);
    };
    std::fs::create_dir_all(dir).map_err(|error| unwritable(dir, &error))?;
    let written = pages(&program, dir)?;
    app.print(&format!("{written} pages in {}\n", dir.display()));
    Ok(Exit::Done)
}

/// Writes the page of a command and those of its own commands; says how many.
fn pages(command: &Command, dir: &Path) -> Result<usize> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    files::write(&dir.join(format!("{name}.1")), page(command)?.as_bytes())?;
    let mut written = 1;
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        written += pages(below, dir)?;
    }
    Ok(written)
}

fn page(command: &Command) -> Result<String> {
    let mut text = Vec::new();
    let rendered = Man::new(command.clone()).render(&mut text);
    rendered.map_err(|error| Failure::new(code::INTERNAL, "the page can't be written").because(&error))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn unwritable(dir: &Path, error: &std::io::Error) -> Failure {
    Failure::new(code::USAGE, format!("the folder {} can't be made", dir.display())).because(error)
}
