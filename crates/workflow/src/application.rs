//! The application: started, well over time, and silent in its log.

use switchback_engine::exec::{Program, Stream};
use switchback_engine::step::{Step, StepCx};
use switchback_model::event::Unit;
use switchback_model::units::human;
use switchback_model::{Failure, Result, code};

use crate::examine::{HEALTH, Mark};
use crate::health;
use crate::logs::Watch;
use crate::services::ServiceState;
use crate::steps::preflight::{Examined, Preflight};
use crate::target;
use crate::world::World;

/// Where the log was before the start, as the start step noted it.
const LOG_WATCH: &str = "log_watch";
/// How long one answer may take.
const ANSWER: std::time::Duration = std::time::Duration::from_secs(3);

/// Starts the release that is in place and waits until it is well: the way back's last act.
///
/// # Errors
/// [`code::SERVICE`], [`code::HEALTH`].
pub async fn start_and_wait(cx: &StepCx<'_, World>) -> Result<String> {
    let Some(service) = cx.world.service() else { return Ok("no service is configured".into()) };
    service.start_parts(&cx.world.run.0, &crate::steps::stop::ran(cx)?).await?;
    let looks = match wait_until_well(cx).await {
        // As it was before: more the way back can't ask for.
        Err(failure) if failure.code == code::HEALTH && was_ill(cx) => {
            vec![format!("it was not well before the run either: {}", failure.message)]
        }
        looks => looks.map_err(|failure| {
            failure.changed("the target is as it was before; its application was started and is not well")
        })?,
    };
    look_running(cx).await?;
    Ok(format!("the application runs; {}", looks.join("; ")))
}

/// Whether the health URL was not well when the run began: a wrong URL, or an application that was
/// ill already.
fn was_ill(cx: &StepCx<'_, World>) -> bool {
    let examined = cx.log().view().step(Preflight::KIND).and_then(|step| step.output.clone());
    let examined = examined.and_then(|output| serde_json::from_value::<Examined>(output).ok());
    examined.is_some_and(|examined| {
        examined.looks.iter().any(|look| look.title == HEALTH && look.mark != Mark::Good)
    })
}

/// Remembers where the log ends, so that only new lines count.
///
/// # Errors
/// As [`Watch::begin`].
pub async fn begin_log_watch(cx: &StepCx<'_, World>) -> Result<()> {
    let Some(logs) = &cx.world.config.environment.logs else { return Ok(()) };
    if cx.noted::<Watch>(LOG_WATCH)?.is_none() {
        let watch = Watch::begin(logs).await?;
        cx.note(LOG_WATCH, &watch)?;
        cx.world.log_watch.replace(Some(watch));
    }
    Ok(())
}

/// Waits until the health URL answers well and goes on to.
///
/// # Errors
/// [`code::HEALTH`].
pub async fn wait_until_well(cx: &StepCx<'_, World>) -> Result<Vec<String>> {
    let Some(settings) = &cx.world.config.environment.health else {
        return Ok(vec!["no health URL is configured".into()]);
    };
    let total = u64::try_from(settings.stable_for.0.as_millis()).unwrap_or_default();
    let mut hear = |sample: health::HealthSample| {
        let what = format!("the health URL {}", sample.outcome.told());
        cx.progress(&what, sample.well_for_ms, total, Unit::Millis);
    };
    let report = health::wait_until_healthy(settings, cx.cancel, &mut hear).await?;
    let ms = std::time::Duration::from_millis;
    let flaps = if report.flaps == 0 { String::new() } else { format!(", after {} relapses", report.flaps) };
    let (after, stable) = (human(ms(report.well_after_ms)), human(ms(report.well_for_ms)));
    Ok(vec![format!("well after {after}, and for {stable}{flaps}")])
}

/// Asks the health URL and the service manager once more.
///
/// # Errors
/// [`code::HEALTH`], [`code::SERVICE`].
pub async fn look_well(cx: &StepCx<'_, World>) -> Result<()> {
    if cx.world.service().is_some() && crate::steps::stop::was_running(cx)? {
        look_running(cx).await?;
    }
    if let Some(settings) = &cx.world.config.environment.health
        && crate::steps::stop::was_running(cx)?
    {
        let outcome = health::ask(&settings.url, ANSWER).await?;
        if !outcome.is_well() {
            return Err(Failure::new(code::HEALTH, format!("{} {}", settings.url, outcome.told()))
                .cause(outcome.excerpt()));
        }
    }
    Ok(())
}

async fn look_running(cx: &StepCx<'_, World>) -> Result<()> {
    let Some(service) = cx.world.service() else { return Ok(()) };
    match service.state_of(&crate::steps::stop::ran(cx)?).await? {
        ServiceState::Running { restarts: 0, .. } => Ok(()),
        ServiceState::Running { restarts, .. } => Err(Failure::new(
            code::SERVICE,
            format!("the application was restarted {restarts} times: it crashes"),
        )),
        other => Err(not_running(&other)),
    }
}

/// The failure of an application that should run.
pub fn not_running(state: &ServiceState) -> Failure {
    let failure = Failure::new(code::SERVICE, "the application does not run")
        .hint("see its state, and what it wrote last: switchback service status");
    match state {
        ServiceState::Failed { why } => failure.cause(why),
        _ => failure,
    }
}

/// Whether the run has an application to look at: one without a service is somebody else's to start,
/// and is looked at all the same.
///
/// # Errors
/// [`code::INTERNAL`] where the note can't be read.
pub fn is_to_run(cx: &StepCx<'_, World>) -> Result<bool> {
    Ok(cx.world.service().is_none() || crate::steps::stop::was_running(cx)?)
}

/// Tries the critical functions.
///
/// # Errors
/// [`code::SMOKE_FAILED`].
pub async fn smoke(cx: &StepCx<'_, World>) -> Result<Vec<String>> {
    let smoke = &cx.world.config.smoke;
    for (index, test) in smoke.iter().enumerate() {
        cx.progress(&test.name, index as u64, smoke.len() as u64, Unit::Items);
        let ran = command(cx, &test.command, test.timeout.0).await;
        ran.map_err(|failure| test_failed(format!("smoke test `{}` failed", test.name), &failure))?;
    }
    Ok(vec![format!("{} passed", counted(smoke.len(), "smoke test"))])
}

/// Runs the application's own tests.
///
/// # Errors
/// [`code::SMOKE_FAILED`].
pub async fn tests(cx: &StepCx<'_, World>) -> Result<Vec<String>> {
    let tests = &cx.world.config.environment.tests;
    let limit = cx.world.config.migrations.timeout.0;
    for (index, argv) in tests.iter().enumerate() {
        cx.progress(&argv.join(" "), index as u64, tests.len() as u64, Unit::Items);
        let ran = command(cx, argv, limit).await;
        let message = || format!("the application's tests failed: {}", argv.join(" "));
        ran.map_err(|failure| test_failed(message(), &failure))?;
    }
    Ok(vec![format!("{} passed", counted(tests.len(), "test command"))])
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn test_failed(message: String, failure: &Failure) -> Failure {
    let outer = Failure::new(code::SMOKE_FAILED, message).cause(failure.message.clone());
    failure.causes.iter().fold(outer, Failure::cause)
}

/// A command of the user, in the application's folder, told what it is to look at.
async fn command(cx: &StepCx<'_, World>, argv: &[String], limit: std::time::Duration) -> Result<()> {
    let config = &cx.world.config;
    let database = config.database_url.with_database(&target::name_now(cx.world).await?);
    let program = Program::of(argv)?
        .folder(config.working_directory())
        .env(&config.migrations.database_url_variable, database.expose())
        .envs(told(cx))
        .secret(database.password())
        .limit(limit);
    let finished = program.run(cx.cancel, |_: Stream, line| cx.line(line)).await?;
    if finished.succeeded() { Ok(()) } else { Err(program.failed(&finished)) }
}

/// What the user's commands are told of the run.
fn told(cx: &StepCx<'_, World>) -> Vec<(&'static str, String)> {
    let config = &cx.world.config;
    let mut told = vec![
        ("SWITCHBACK_RUN", cx.world.run.to_string()),
        ("SWITCHBACK_ENVIRONMENT", config.environment_name.clone()),
    ];
    if let Some(release) = &cx.log().view().plan.release_after {
        told.push(("SWITCHBACK_RELEASE", release.commit.clone()));
    }
    if let Some(health) = &config.environment.health {
        told.push(("SWITCHBACK_BASE_URL", origin(&health.url).to_owned()));
    }
    told
}

/// Scheme, host and port of an address.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url[host..].find(['/', '?', '#']).map_or(url.len(), |at| host + at);
    &url[..end]
}

/// Looks once what the log says by now.
///
/// # Errors
/// [`code::LOG_MATCH`].
pub async fn check_log(cx: &StepCx<'_, World>) -> Result<()> {
    match cx.noted_by::<Watch>("start", LOG_WATCH)? {
        Some(mut watch) if cx.world.config.environment.logs.is_some() => silent(cx, &mut watch).await,
        _ => Ok(()),
    }
}

async fn silent(cx: &StepCx<'_, World>, watch: &mut Watch) -> Result<()> {
    match watch.look(cx.cancel).await? {
        Some(failure) => Err(cx.world.blanked(failure)),
        None => Ok(()),
    }
}

/// Watches the log for as long as configured.
///
/// # Errors
/// [`code::LOG_MATCH`].
pub async fn watch_log(cx: &StepCx<'_, World>) -> Result<Vec<String>> {
    let Some(logs) = &cx.world.config.environment.logs else { return Ok(Vec::new()) };
    let mine = cx.world.log_watch.take();
    let noted = mine.map_or_else(|| cx.noted_by::<Watch>("start", LOG_WATCH), |watch| Ok(Some(watch)))?;
    let Some(mut watch) = noted else {
        return Ok(vec!["the log was not watched: nothing was started".into()]);
    };
    let started = cx.log().view().step("start").and_then(|step| step.started_at);
    let since = || {
        started.map_or(logs.watch.0, |at| switchback_engine::clock::now().duration_since(at).unsigned_abs())
    };
    loop {
        silent(cx, &mut watch).await?;
        let watched = since();
        if watched >= logs.watch.0 {
            let silent = || format!("the log was silent for {}", human(watched));
            return Ok(vec![watch.missing().unwrap_or_else(silent)]);
        }
        let (done, total) = (millis(watched), millis(logs.watch.0));
        cx.progress("watching the log", done, total, Unit::Millis);
        tokio::select! {
            () = tokio::time::sleep(std::time::Duration::from_millis(250)) => {}
            () = cx.cancel.cancelled() => return Err(Failure::new(code::INTERRUPTED, "interrupted")),
        }
    }
}

fn millis(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod origins {
    use super::origin;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (url, expected) in [
            ("http://127.0.0.1:5000/api/health", "http://127.0.0.1:5000"),
            ("http://ada.example", "http://ada.example"),
            ("http://[::1]:80?deep=1", "http://[::1]:80"),
        ] {
            assert_eq!(origin(url), expected);
        }
    }
}
