//! `completions`.

use clap::CommandFactory;
use clap_complete::Shell;
use switchback_model::{Exit, Result};

use crate::app::App;
use crate::cli::Cli;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    switchback completions bash > /etc/bash_completion.d/switchback\n  \
    switchback completions zsh > \"${fpath[1]}/_switchback\"\n  \
    switchback completions fish > ~/.config/fish/completions/switchback.fish")]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of every command")]
pub(crate) fn run(args: &Args, app: &App) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "switchback", &mut script);
    app.print(&String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}
