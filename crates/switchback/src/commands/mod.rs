//! The commands: one file each, one line in [`Command`] and one in [`run`].

mod abort;
mod approve;
mod backup;
mod completions;
mod demo;
mod deploy;
mod doctor;
mod down;
mod explain;
mod init;
pub(crate) mod internal;
mod man;
mod migrator;
mod new;
mod plan;
mod record;
mod replay;
mod report;
mod restore;
mod resume;
mod review;
mod rollback;
mod runs;
mod schema;
mod service;
mod stamp;
mod status;
mod up;
mod validate;

use clap::Subcommand;
use switchback_model::{Exit, Failure, Result, code};

use crate::app::App;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Look at this folder and write a commented switchback.toml
    Init(init::Args),
    /// Make a new migration in the project's own layout
    New(new::Args),
    /// Look at configuration, server, rights, disk, service: one line each, with the cure
    Doctor(doctor::Args),
    /// Revision, pending migrations, open run, last run
    Status(status::Args),
    /// Read migrations without running them: what they lock, lose and break, and the safe way
    Review(review::Args),
    /// Show what a deploy would do, step by step, and the way back from every point
    Plan(plan::Args),
    /// Take the application through its pending migrations; taken back when anything fails
    Deploy(deploy::Args),
    /// Agree to exactly the migrations that are pending now
    Approve(approve::Args),
    /// Carry staging runs, rehearsals, reviews and approvals between machines
    #[command(subcommand)]
    Record(record::Record),
    /// Go on with a run that was interrupted
    Resume(resume::Args),
    /// Take a run back: an open one, or the last one that succeeded
    Rollback(rollback::Args),
    /// Take an open run back
    Abort(abort::Args),
    /// Check the data now
    Validate(validate::Args),
    /// Make, prove, list and prune backups
    #[command(subcommand)]
    Backup(backup::Backup),
    /// Restore a backup into a new database beside the target
    Restore(restore::Args),
    /// The runs so far
    #[command(subcommand)]
    Runs(runs::Runs),
    /// Show a run again, as it was shown when it ran
    Replay(replay::Args),
    /// Write the document of a run
    Report(report::Args),
    /// Apply pending migrations, with lock, timeouts and checks, and nothing else
    Up(up::Args),
    /// Take migrations back with the migrator
    Down(down::Args),
    /// Write a revision into the history without running anything
    Stamp(stamp::Args),
    /// Start, stop and look at the application
    #[command(subcommand)]
    Service(service::Service),
    /// See a whole run, and three that fail and are taken back, on a private PostgreSQL
    Demo(demo::Args),
    /// Print completions for a shell
    Completions(completions::Args),
    /// Print the manual page, or write one for each command
    Man(man::Args),
    /// Print the JSON Schema of a document, as in `schema plan`; without a name, which there are
    Schema(schema::Args),
    /// Print the page of an error code or a rule, as in SB0101, add-fk-validated
    Explain(explain::Args),
    /// What Switchback starts itself
    #[command(subcommand, hide = true)]
    Internal(internal::Internal),
}

/// Runs one command.
pub(crate) async fn run(command: Command, app: &App) -> Result<Exit> {
    if command.writes_text_or_json() {
        refuse_other_forms(app)?;
    }
    match command {
        Command::Init(args) => init::run(&args, app),
        Command::New(args) => new::run(&args, app).await,
        Command::Doctor(args) => doctor::run(&args, app).await,
        Command::Status(args) => status::run(&args, app).await,
        Command::Review(args) => review::run(&args, app).await,
        Command::Plan(args) => plan::run(&args, app).await,
        Command::Deploy(args) => Box::pin(deploy::run(&args, app)).await,
        Command::Approve(args) => approve::run(&args, app).await,
        Command::Record(command) => record::run(&command, app),
        Command::Resume(args) => resume::run(&args, app).await,
        Command::Rollback(args) => rollback::run(&args, app).await,
        Command::Abort(args) => abort::run(&args, app).await,
        Command::Validate(args) => validate::run(&args, app).await,
        Command::Backup(command) => Box::pin(backup::run(&command, app)).await,
        Command::Restore(args) => Box::pin(restore::run(&args, app)).await,
        Command::Runs(command) => runs::run(&command, app).await,
        Command::Replay(args) => replay::run(&args, app).await,
        Command::Report(args) => report::run(&args, app),
        Command::Up(args) => up::run(&args, app).await,
        Command::Down(args) => down::run(&args, app).await,
        Command::Stamp(args) => stamp::run(&args, app).await,
        Command::Service(command) => service::run(&command, app).await,
        Command::Demo(args) => demo::run(&args, app).await,
        Command::Completions(args) => completions::run(&args, app),
        Command::Man(args) => man::run(&args, app),
        Command::Schema(args) => schema::run(&args, app),
        Command::Explain(args) => explain::run(&args, app),
        Command::Internal(command) => internal::run(&command, app),
    }
}

impl Command {
    /// Whether it has no other forms than these. Commands about runs, plans and reviews have more, and
    /// know which.
    fn writes_text_or_json(&self) -> bool {
        matches!(
            self,
            Self::New(_)
                | Self::Doctor(_)
                | Self::Status(_)
                | Self::Approve(_)
                | Self::Record(_)
                | Self::Validate(_)
                | Self::Backup(_)
                | Self::Runs(_)
                | Self::Up(_)
                | Self::Down(_)
                | Self::Stamp(_)
                | Self::Service(_)
        )
    }
}

/// A program that waits for another form must not be given text.
fn refuse_other_forms(app: &App) -> Result<()> {
    let format = &app.global.format;
    if ["text", "json"].contains(&format.as_str()) {
        return Ok(());
    }
    Err(Failure::new(code::USAGE, format!("this command writes `text` or `json`, and no `{format}`"))
        .changed("nothing was changed")
        .hint("as one document: --format json"))
}
