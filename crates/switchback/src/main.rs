//! The program: reads the command line, runs one command, turns what it gives into text and an
//! exit status.

mod app;
mod cli;
mod commands;
mod error;
mod hints;
mod papers;
mod run;
mod signals;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return error::usage(&error),
    };
    if let commands::Command::Internal(command) = &cli.command {
        let app = app::App::new(cli.global.clone());
        return error::exit(commands::internal::run(command, &app), &app);
    }
    // One thread: children die with the thread that started them, and nothing here needs a second.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let app = app::App::new(cli.global);
    let ended = match runtime {
        Ok(runtime) => {
            let local = tokio::task::LocalSet::new();
            let ended = local.block_on(&runtime, commands::run(cli.command, &app));
            runtime.shutdown_background();
            ended
        }
        Err(error) => Err(error::no_runtime(&error)),
    };
    error::exit(ended, &app)
}
