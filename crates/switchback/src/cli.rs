//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum};

use crate::commands::Command;

/// Takes a PostgreSQL application through a migration, and back.
#[derive(Parser)]
#[command(name = "switchback", version, disable_help_subcommand = true, max_term_width = 100)]
#[command(
    after_help = "First time? `switchback demo` shows a whole run; `switchback init` writes a configuration."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Args, Clone, Debug)]
pub(crate) struct Global {
    /// The configuration; default: switchback.toml, here or in a folder above
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The environment, as in -e production
    #[arg(long = "env", short = 'e', global = true, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// text, json; jsonl for runs; md for plans and reports; html for reports; more for reviews
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: String,
    /// Say only what went wrong
    #[arg(long, short = 'q', global = true)]
    pub(crate) quiet: bool,
    /// Show every line of the programs that are run
    #[arg(long, short = 'v', global = true)]
    pub(crate) verbose: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value = "auto")]
    pub(crate) color: When,
    /// Answer every question with yes
    #[arg(long, short = 'y', global = true)]
    pub(crate) yes: bool,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}
