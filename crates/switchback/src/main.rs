//! The program: reads the command line, runs one command, turns what it gives into text and an
//! exit status.

mod app;
mod cli;
mod commands;
mod error;
mod run;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return error::usage(&error),
    };
    // One thread: children die with the thread that started them, and nothing here needs a second.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let app = app::App::new(cli.global);
    let ended = match runtime {
        Ok(runtime) => {
            let ended = runtime.block_on(commands::run(cli.command, &app));
            runtime.shutdown_background();
            ended
        }
        Err(error) => Err(error::no_runtime(&error)),
    };
    error::exit(ended, &app)
}
