//! Takes a run in hand: journal, reporters, signals, and the engine's one loop.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use switchback_engine::cancel::{Cancel, cancel_pair};
use switchback_engine::clock;
use switchback_engine::fault::Faults;
use switchback_engine::journal::{self, Journal};
use switchback_engine::log::{Log, Observer};
use switchback_engine::runner::{Ground, Runner};
use switchback_engine::step::{Step, StepCx};
use switchback_model::event::{Direction, Durations, RunStatus};
use switchback_model::{Config, Exit, Failure, Plan, Result, RunId, RunView, What, code};
use switchback_report::{FORMATS, RUN_DOCUMENTS, Reporter, Terminal};
use switchback_workflow::gates;
use switchback_workflow::ledger::Ledger;
use switchback_workflow::monitor;
use switchback_workflow::steps::STEPS;
use switchback_workflow::steps::lease::Lease;
use switchback_workflow::way_back;
use switchback_workflow::world::World;

use crate::app::{self, App};
use crate::papers;
use crate::signals::{Manager, Words, stop_at_a_word, until_told};

/// How long an interrupted look may take to put its copy away.
const PATIENCE: Duration = Duration::from_secs(20);

/// Begins a new run.
pub(crate) async fn begin(app: &App, world: World, plan: Plan) -> Result<Exit> {
    let words = Words::listen()?;
    let runs = app::runs_folder(&world.config);
    let (reporters, observer) = reporters(app)?;
    protect(&world.config.state)?;
    let journal = Journal::create(&runs, &plan.run)?;
    let log = Log::begin(journal, plan, observer, Faults::from_environment())?;
    drive(app, &world, &log, &reporters, words, (None, false)).await
}

/// Goes on with a run, forward or (with a reason) back.
pub(crate) async fn go_on(
    app: &App,
    now: &Config,
    run: &RunId,
    back: Option<Failure>,
    accept_loss: bool,
) -> Result<Exit> {
    let words = Words::listen()?;
    let runs = app::runs_folder(now);
    let (journal, view) = Journal::open(&runs, run).map_err(|failure| in_hand(failure, &runs, run))?;
    let config = Config::from_snapshot(&view.plan.settings, now, &app::variable)?;
    if back.is_none() {
        gates::window::before_going_on(&config, &view)?;
    }
    same_target(&config, &view)?;
    let world = World::new(config, run.clone(), app::operator(), journal.folder().to_owned(), app::program());
    if back.is_some() && !view.is_open() {
        Box::pin(look_before(app, &world, &view, accept_loss)).await?;
    }
    // What an earlier process left on the server must be gone before anything is looked at.
    world.end_leftovers().await?;
    let (reporters, observer) = reporters(app)?;
    let log = Log::go_on(journal, view, observer, Faults::from_environment());
    drive(app, &world, &log, &reporters, words, (back, accept_loss)).await
}

/// Ends a stuck run without taking anything back: a person put the target right.
pub(crate) async fn leave(app: &App, now: &Config, run: &RunId) -> Result<Exit> {
    let runs = app::runs_folder(now);
    let (journal, view) = Journal::open(&runs, run).map_err(|failure| in_hand(failure, &runs, run))?;
    if view.outcome.is_none() && view.direction == Direction::Forward {
        return Err(not_stuck(&view));
    }
    let config = Config::from_snapshot(&view.plan.settings, now, &app::variable)?;
    same_target(&config, &view)?;
    let world = World::new(config, run.clone(), app::operator(), journal.folder().to_owned(), app::program());
    world.end_leftovers().await?;
    let (reporters, observer) = reporters(app)?;
    let log = Log::go_on(journal, view, observer, Faults::from_environment());
    let operator = world.operator.clone();
    log.say(What::Started { operator, direction: Direction::Back, accept_loss: false })?;
    let never = Cancel::never();
    let left = way_back::leave(&StepCx::new(&world, &never, &log, Lease::KIND)).await;
    if let Ok(seen) = &left {
        let message =
            format!("left by hand: {seen}; fence, block and marker are gone, nothing more was taken back");
        log.say(What::Warning { message })?;
    }
    let (status, exit, failure) = match left {
        Ok(_) => (RunStatus::Left, Exit::Done, None),
        Err(failure) => (RunStatus::Stuck, Exit::Stuck, Some(Box::new(failure))),
    };
    let ended = clock::now();
    let started = log.view().started_at.unwrap_or(ended);
    let total_ms = u64::try_from(ended.duration_since(started).as_millis()).unwrap_or_default();
    let durations = Durations { total_ms, downtime_ms: world.downtime_ms(&log) };
    let report = Some(world.folder.join("report.md").display().to_string());
    log.say(What::Finished { status, exit, durations, report, failure })?;
    let view = log.view().clone();
    write_down(app, &world, &reporters, view).await;
    Ok(exit)
}

fn not_stuck(view: &RunView) -> Failure {
    let (run, environment) = (&view.plan.run, &view.plan.environment);
    Failure::new(
        code::NOTHING_TO_RESUME,
        format!("run {run} is not stuck: it was interrupted on its way forward"),
    )
    .changed("nothing was changed")
    .hint(format!("go on with it: switchback resume {run} -e {environment}"))
    .hint(format!("or take it back: switchback abort {run} -e {environment}"))
}

fn same_target(config: &Config, view: &RunView) -> Result<()> {
    if config.database_url.database() == view.plan.target {
        return Ok(());
    }
    let message = format!(
        "run {} is about `{}`, and database_url names `{}`",
        view.plan.run,
        view.plan.target,
        config.database_url.database()
    );
    Err(Failure::new(code::PLAN_CHANGED, message)
        .changed("nothing was changed")
        .hint("give the variable of database_url the value that it had when the run began"))
}

/// A run that had ended is not taken back before it is known that it can be: until then nobody is kept
/// out, and nothing is stopped.
async fn look_before(app: &App, world: &World, view: &RunView, accept_loss: bool) -> Result<()> {
    if !app.global.quiet {
        app.say(&format!("looking whether run {} can go back; the application runs on\n", world.run));
    }
    let look = async |cancel: &Cancel| way_back::look_before(world, view, accept_loss, cancel).await;
    until_told(app, "the look at the way back", PATIENCE, look).await
}

/// Another process has the run in hand: which one, and what can be done.
fn in_hand(failure: Failure, runs: &Path, run: &RunId) -> Failure {
    let by = journal::read(runs, run).ok().and_then(|view| view.operator);
    match by.filter(|_| failure.code == code::RUN_OPEN) {
        Some(by) => failure
            .cause(format!("process {} of {} on {}", by.pid, by.user, by.host))
            .hint(format!("wait for it; or end it, and it takes the run back itself: kill {}", by.pid)),
        None => failure,
    }
}

type Reporters = Rc<RefCell<Vec<Box<dyn Reporter>>>>;

/// Terminal on stderr, and on stdout what `--format` names.
fn reporters(app: &App) -> Result<(Reporters, Observer)> {
    let mut reporters: Vec<Box<dyn Reporter>> =
        vec![Box::new(Terminal::new(app.terminal(), Box::new(std::io::stderr())))];
    let format = app.global.format.as_str();
    match FORMATS.iter().find(|known| known.name == format) {
        Some(known) => {
            app.printed_elsewhere();
            reporters.push((known.open)(Box::new(std::io::stdout())));
        }
        None if format == "text" => {}
        None => {
            return Err(Failure::new(code::USAGE, format!("a run can't be shown as `{format}`"))
                .hint("one of: text, json, jsonl"));
        }
    }
    let reporters: Reporters = Rc::new(RefCell::new(reporters));
    let shared = reporters.clone();
    let observer: Observer = Box::new(move |event, view| {
        for reporter in shared.borrow_mut().iter_mut() {
            // A reader that went away must not stop a run.
            let _reader_gone = reporter.event(event, view);
        }
    });
    Ok((reporters, observer))
}

async fn drive(
    app: &App,
    world: &World,
    log: &Log,
    reporters: &Reporters,
    words: Words,
    (back, accept_loss): (Option<Failure>, bool),
) -> Result<Exit> {
    let (canceller, cancel) = cancel_pair();
    let canceller = Rc::new(canceller);
    let heard = Cell::new(false);
    let listening = stop_at_a_word(words, canceller.clone(), |word| {
        for reporter in reporters.borrow_mut().iter_mut() {
            let _reader_gone = reporter.asked_to_stop(&log.view(), word.name(), heard.get());
        }
        heard.set(true);
    });
    world.begin_run();
    let runner = Runner {
        registry: STEPS,
        world,
        log,
        cancel: &cancel,
        canceller: &canceller,
        operator: world.operator.clone(),
    };
    let ended = tokio::select! {
        ended = runner.run(back, accept_loss) => ended,
        never = listening => match never {},
        never = ticking(reporters, &heard) => match never {},
        never = monitor::watch(world, log) => match never {},
    };
    let view = log.view().clone();
    let outcome = ended.inspect_err(|_| finish(reporters, &view))?;
    write_down(app, world, reporters, view).await;
    Ok(outcome.exit)
}

/// The run is over and its journal has it all: what can't be written now changes nothing of it.
async fn write_down(app: &App, world: &World, reporters: &Reporters, view: RunView) {
    finish(reporters, &view);
    if let Err(failure) = Ledger::of(&world.config).ended(&view.plan.run).await {
        app.say(&switchback_report::failure::render(&failure, app.theme()));
    }
    if let Err(failure) = write_documents(&world.folder, view) {
        app.say(&switchback_report::failure::render(&failure, app.theme()));
    }
}

fn finish(reporters: &Reporters, view: &RunView) {
    for reporter in reporters.borrow_mut().iter_mut() {
        let _reader_gone = reporter.finish(view);
    }
}

/// Lets reporters say something while a step says nothing; a service manager that stops us hears that
/// we are on our way.
async fn ticking(reporters: &Reporters, heard: &Cell<bool>) -> Infallible {
    let manager = Manager::find();
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        for reporter in reporters.borrow_mut().iter_mut() {
            let _reader_gone = reporter.tick(clock::now());
        }
        if heard.get() {
            manager.more_time();
        }
    }
}

/// The state folder is beside the configuration, often inside a checkout: git must not see it.
fn protect(state: &Path) -> Result<()> {
    journal::private_folder(state)?;
    let ignore = state.join(".gitignore");
    if ignore.exists() { Ok(()) } else { switchback_workflow::files::write(&ignore, b"*\n") }
}

/// The run's documents, beside its journal.
fn write_documents(folder: &Path, view: RunView) -> Result<()> {
    let papers = papers::read(folder.parent().unwrap_or(folder), view);
    for document in RUN_DOCUMENTS {
        let text = (document.render)(&papers);
        let path = folder.join(format!("report.{}", document.name));
        switchback_workflow::files::write(&path, text.as_bytes())?;
    }
    Ok(())
}
