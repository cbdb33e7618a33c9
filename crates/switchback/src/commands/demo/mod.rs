//! `demo`: the whole way on a private PostgreSQL, with the example application.
//!
//! Everything in it is real: a cluster, a WSGI server, a git repository, a client that writes while
//! the migration runs. What it claims at the end it has compared itself.

mod ada;
mod compare;
mod load;

use std::collections::BTreeSet;
use std::path::PathBuf;

use switchback_engine::cancel::Cancel;
use switchback_model::finding::Summary;
use switchback_model::units::human;
use switchback_model::{Exit, Failure, Result, RunView, Severity, code};
use switchback_postgres::scratch::{Scratch, ScratchOptions};

use self::ada::Ada;
use self::compare::Seen;
use self::load::Load;
use crate::app::App;

#[derive(clap::Args)]
#[command(
    after_help = "Example: script/demo\nNeeds PostgreSQL's server programs and a Python environment with ADA's \
    requirements; script/demo installs both."
)]
pub(crate) struct Args {
    /// The example application
    #[arg(long, value_name = "FOLDER", default_value = "examples/ada")]
    ada: PathBuf,
    /// A Python environment with ADA's requirements
    #[arg(long, value_name = "FOLDER", default_value = ".cache/ada-venv")]
    venv: PathBuf,
    /// How many orders ADA begins with
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    orders: u32,
}

/// A deploy of the demo, and what it must come to.
struct Act {
    release: &'static str,
    story: &'static str,
    /// Why whoever deploys accepts what the review says.
    accept: &'static str,
    exit: Exit,
}

const ACTS: &[Act] = &[
    Act {
        release: "v3a",
        story: "v3a: a migration fails half-way",
        accept: "no two users have one phone, as far as anybody knows",
        exit: Exit::TakenBack,
    },
    Act {
        release: "v3b",
        story: "v3b: the migrations succeed and leave broken data",
        accept: "ADA is closed while they run",
        exit: Exit::TakenBack,
    },
    Act {
        release: "v3c",
        story: "v3c: the release does not come up healthy",
        accept: "there is nothing to accept",
        exit: Exit::TakenBack,
    },
];

pub(crate) async fn run(args: &Args, app: &App) -> Result<Exit> {
    let options = ScratchOptions { durable: true, ..ScratchOptions::default() };
    app.say("starting a private PostgreSQL …\n");
    let scratch = Scratch::start(&options, &Cancel::never()).await?;
    let ada = Ada::prepare(args, &scratch, app).await?;
    let told = tell(&ada, app).await;
    // The application must not outlive its server, however the story went.
    let stopped = ada.stop().await;
    scratch.stop().await?;
    let lines = told?;
    stopped?;
    app.print("\n");
    for line in &lines {
        app.print(&format!("{line}\n"));
    }
    app.print(&format!("\nEverything is in {}\n", ada.folder().display()));
    Ok(Exit::Done)
}

/// The story, as lines of its summary.
async fn tell(ada: &Ada, app: &App) -> Result<Vec<String>> {
    let mut lines = vec![good_deploy(ada, app).await?];
    for act in ACTS {
        lines.push(failing_deploy(ada, act, app).await?);
    }
    Ok(lines)
}

/// v1 to v2 while a client writes: no acknowledged write may be lost.
async fn good_deploy(ada: &Ada, app: &App) -> Result<String> {
    chapter(app, "v2: ten good migrations, while a client writes");
    review(ada, "v2", "ADA is closed while they run, and every row is copied before", app).await?;
    let load = Load::start(ada);
    load.wait_for_writes().await?;
    let exit = ada.deploy("v2").await?;
    let written = load.wait_for_more_writes().await;
    let counted = load.stop().await?;
    expect(exit, Exit::Done)?;
    written?;
    let missing = ada.check_load().await?;
    let run = ada.last_run()?;
    let said = format!(
        "{} writes acknowledged, {} refused meanwhile, {missing} lost",
        counted.acknowledged, counted.refused
    );
    if missing > 0 {
        return Err(Failure::new(
            code::VALIDATION_FAILED,
            format!("acknowledged writes are missing: {said}"),
        ));
    }
    ada.healthy("v2").await?;
    Ok(line("v2 ", &run, "deployed", &said))
}

/// A deploy that fails, is taken back, and leaves everything as it was.
async fn failing_deploy(ada: &Ada, act: &Act, app: &App) -> Result<String> {
    chapter(app, act.story);
    review(ada, act.release, act.accept, app).await?;
    let before = Seen::look(ada).await?;
    let exit = ada.deploy(act.release).await?;
    expect(exit, act.exit)?;
    ada.healthy("v2").await?;
    let after = Seen::look(ada).await?;
    let differences = before.differences(&after);
    if !differences.is_empty() {
        return Err(Failure::new(
            code::VALIDATION_FAILED,
            format!("after {} the target is not what it was", act.release),
        )
        .cause(differences.join("\n")));
    }
    let run = ada.last_run()?;
    let said = format!("v2 is healthy; {}", before.equal_to());
    Ok(line(act.release, &run, "taken back", &said))
}

/// So many of the errors are shown: those of a rule that was not shown yet.
const ERRORS: usize = 4;

/// The gate: what the release's migrations would do is read, and accepted.
async fn review(ada: &Ada, release: &str, why: &str, app: &App) -> Result<()> {
    let theme = app.theme();
    app.say(&format!(
        "{} switchback review -e production --release {release} --record\n",
        theme.dim("reads its migrations, without running them:")
    ));
    let found = ada.review(release).await?;
    let mut rules = BTreeSet::new();
    let errors = found.findings.iter().filter(|finding| finding.severity == Severity::Error);
    for finding in errors.filter(|finding| rules.insert(&*finding.rule)).take(ERRORS) {
        let target = finding
            .why
            .split_once("; the target says: ")
            .map(|(_, said)| format!("; the target says: {said}"));
        let said = format!("{}{}", finding.message, target.unwrap_or_default());
        app.say(&format!("  {} {said}\n", theme.bad(&finding.rule)));
    }
    let Summary { error, warning, info, files, .. } = found.summary;
    let counts = format!("{error} errors, {warning} warnings, {info} notes in {files} files");
    let why = (error > 0).then_some(why);
    ada.accept(release, why).await?;
    let said = why.map_or("nothing to accept".to_owned(), |why| format!("accepted: \"{why}\""));
    app.say(&format!("  {counts}; {said}\n\n"));
    Ok(())
}

fn chapter(app: &App, title: &str) {
    let rule = "─".repeat(if app.theme().unicode { 72 } else { 0 });
    app.say(&format!("\n{rule}\n{}\n\n", app.theme().bold(title)));
}

fn expect(exit: i32, wanted: Exit) -> Result<()> {
    if exit == i32::from(wanted.status()) {
        return Ok(());
    }
    let message = format!("the deploy ended with exit status {exit}, not {}", wanted.status());
    Err(Failure::new(code::COMMAND_FAILED, message))
}

fn line(release: &str, run: &RunView, how: &str, said: &str) -> String {
    let ms = std::time::Duration::from_millis;
    let Some(outcome) = &run.outcome else { return format!("{release}  {how}") };
    let downtime =
        outcome.durations.downtime_ms.map_or_else(|| "none".into(), |downtime| human(ms(downtime)));
    let report = outcome.report.clone().unwrap_or_default();
    format!(
        "{release}  {how:<10}  exit {}  downtime {downtime}, {} in all\n     {said}\n     {report}",
        outcome.exit.status(),
        human(ms(outcome.durations.total_ms))
    )
}
