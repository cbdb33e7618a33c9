//! `replay`: the journal of a run, fed to the same reporters once more.

use std::io::IsTerminal;
use std::time::Duration;

use jiff::Timestamp;
use switchback_engine::journal;
use switchback_model::{Event, Exit, Failure, Result, RunView, code};
use switchback_report::{FORMATS, Reporter, Terminal};
use tokio::signal::unix::{SignalKind, signal};

use super::resume::named;
use crate::app::{self, App};

/// How often a reporter is told that time goes by.
const TICK: Duration = Duration::from_millis(250);

#[derive(clap::Args)]
#[command(after_help = "Example: switchback replay 20260102_030405_abcd --speed 10\n\
    Ends at Ctrl-C. Nothing is done but showing: the run stays as it is.")]
pub(crate) struct Args {
    /// The run; default: the last one
    run: Option<String>,
    /// How many times as fast as it was, 0.1 to 100000; default: as it was on a terminal, else without a pause
    #[arg(long, value_name = "N", value_parser = speed)]
    speed: Option<f64>,
}

fn speed(text: &str) -> std::result::Result<f64, String> {
    let speed = text.parse::<f64>().ok().filter(|speed| (0.1..=100_000.0).contains(speed));
    speed.ok_or_else(|| format!("`{text}` is not a number from 0.1 to 100000"))
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<Exit> {
    let config = app.config()?;
    let views = app::runs(&config, app);
    let view = match &args.run {
        Some(run) => Some(named(&views, run)?),
        None => views.last(),
    };
    let view = view.ok_or_else(|| {
        Failure::new(code::RUN_UNKNOWN, "there is no run yet").hint("see the runs: switchback runs list")
    })?;
    let events = journal::events(&app::runs_folder(&config), &view.plan.run)?;
    let mut reporter = reporter(app)?;
    let terminal = std::io::stdout().is_terminal();
    let speed = args.speed.or(terminal.then_some(1.0));
    // Heard from here on, before the first line is shown.
    let mut interrupt = signal(SignalKind::interrupt())
        .map_err(|error| Failure::new(code::INTERNAL, "signals can't be heard").because(&error))?;
    tokio::select! {
        () = play(&events, reporter.as_mut(), speed) => Ok(Exit::Done),
        _interrupted = interrupt.recv() => {
            drop(reporter);
            app.say("\n");
            Ok(Exit::Interrupted)
        }
    }
}

/// What the run was shown with, to stdout this time: it is the result.
fn reporter(app: &App) -> Result<Box<dyn Reporter>> {
    let format = app.global.format.as_str();
    if format == "text" {
        return Ok(Box::new(Terminal::new(app.terminal_out(), Box::new(std::io::stdout()))));
    }
    let known = FORMATS.iter().find(|known| known.name == format).ok_or_else(|| {
        Failure::new(code::USAGE, format!("a run can't be shown as `{format}`"))
            .hint("one of: text, json, jsonl")
    })?;
    app.printed_elsewhere();
    Ok((known.open)(Box::new(std::io::stdout())))
}

/// Tells the events in their order; with a speed, in their time. A reader that goes away ends it.
async fn play(events: &[Event], reporter: &mut dyn Reporter, speed: Option<f64>) {
    let mut view: Option<RunView> = None;
    let mut last: Option<Timestamp> = None;
    for event in events {
        if let (Some(speed), Some(last)) = (speed, last) {
            wait(last, event.at, speed, reporter).await;
        }
        last = Some(event.at);
        match &mut view {
            None => view = RunView::begin(event).ok(),
            // The journal was folded once already, when the run was found.
            Some(view) => drop(view.apply(event)),
        }
        if let Some(view) = &view
            && reporter.event(event, view).is_err()
        {
            return;
        }
        // The word to stop is heard between two events too.
        tokio::task::yield_now().await;
    }
    if let Some(view) = &view {
        let _reader_gone = reporter.finish(view);
    }
}

/// Lets the time between two events go by, in small parts, so that a silent step is seen at work.
async fn wait(from: Timestamp, to: Timestamp, speed: f64, reporter: &mut dyn Reporter) {
    let span = Duration::try_from(to.duration_since(from)).unwrap_or_default();
    let mut left = span.div_f64(speed);
    while !left.is_zero() {
        let part = left.min(TICK);
        tokio::time::sleep(part).await;
        left -= part;
        let gone = span.saturating_sub(left.mul_f64(speed));
        let now = from + jiff::SignedDuration::try_from(gone).unwrap_or_default();
        let _reader_gone = reporter.tick(now);
    }
}
