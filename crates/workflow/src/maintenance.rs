//! The maintenance page: closed before anything stops, opened when all is well.

use std::path::Path;
use std::time::Duration;

use switchback_engine::cancel::Cancel;
use switchback_engine::exec::Program;
use switchback_model::config::{ClosedWhen, Maintenance};
use switchback_model::{Effect, Failure, Result, code};
use tokio::time::{Instant, sleep};

use crate::health::{Outcome, ask, shown, try_it};
use crate::services::files;

/// How long the page may take to change.
const SETTLE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(3);
/// How long the user's command may take.
const COMMAND: Duration = Duration::from_mins(2);

/// The page, looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether nobody can get at the application through it.
    pub closed: bool,
    /// Whether that is because nobody listens there.
    pub nobody: bool,
    /// What was seen, as a sentence without a period.
    pub proof: String,
}

/// Closes the page and looks whether it is closed; returns what was seen. Closing a closed page
/// changes nothing. Commands run in `folder`.
///
/// A flag file that was there before is somebody else's: it is left alone here and by [`off`], so
/// a page that a person closed stays closed until that person opens it.
///
/// # Errors
/// `MAINTENANCE` where the page can't be closed or does not close within 10 s; `COMMAND_FAILED`,
/// `COMMAND_TIMEOUT`, `PROGRAM_MISSING` of the command; `INTERRUPTED`.
pub async fn on(maintenance: &Maintenance, run: &str, folder: &Path, cancel: &Cancel) -> Result<String> {
    if maintenance.flag.is_none() && maintenance.on.is_empty() {
        return Err(Failure::new(code::MAINTENANCE, "nothing says how the maintenance page is closed")
            .hint("set `flag` (a file), or `on` and `off` (commands), in [environments.NAME.maintenance]"));
    }
    let mut proof = Vec::new();
    if let Some(flag) = &maintenance.flag {
        proof.push(raise(flag, run)?);
    }
    if !maintenance.on.is_empty() {
        proof.push(command(&maintenance.on, folder, cancel).await?);
    }
    proof.push(match &maintenance.closed_when {
        Some(when) => settled(when, true, cancel).await?,
        None => "the page itself was not looked at: `closed_when` is not set".to_owned(),
    });
    Ok(proof.join("; "))
}

/// Opens the page that this run closed and looks whether it is open; returns what was seen.
/// Opening an open page changes nothing.
///
/// # Errors
/// As [`on`].
pub async fn off(maintenance: &Maintenance, run: &str, folder: &Path, cancel: &Cancel) -> Result<String> {
    let mut proof = Vec::new();
    let mut others = None;
    if let Some(flag) = &maintenance.flag {
        others = lower(flag, run)?;
        proof.push(others.clone().unwrap_or_else(|| format!("{} is gone", flag.display())));
    }
    if !maintenance.off.is_empty() {
        proof.push(command(&maintenance.off, folder, cancel).await?);
    }
    match &maintenance.closed_when {
        // Somebody else's flag keeps it closed: that is no failure of ours.
        _ if others.is_some() => {}
        Some(when) => proof.push(settled(when, false, cancel).await?),
        None => proof.push("the page itself was not looked at: `closed_when` is not set".to_owned()),
    }
    Ok(proof.join("; "))
}

/// Looks whether the page is closed; `None` where `closed_when` is not set, so that nothing is known.
///
/// # Errors
/// As [`look`].
pub async fn is_closed(maintenance: &Maintenance) -> Result<Option<bool>> {
    Ok(look(maintenance).await?.map(|look| look.closed))
}

/// Looks at the page once; `None` where `closed_when` is not set. A refused connection counts as
/// closed, because nobody can get in, and the proof says so.
///
/// # Errors
/// `MAINTENANCE` where the answer says neither.
pub async fn look(maintenance: &Maintenance) -> Result<Option<Look>> {
    let Some(when) = &maintenance.closed_when else { return Ok(None) };
    let outcome = ask(&when.url, PATIENCE).await?;
    seen(when, &outcome).map(Some).ok_or_else(|| unclear(when, &outcome))
}

fn seen(when: &ClosedWhen, outcome: &Outcome) -> Option<Look> {
    let url = shown(&when.url);
    match outcome {
        Outcome::Answered(answer) if answer.status == when.status => {
            Some(Look { closed: true, nobody: false, proof: format!("{url} answered {}", answer.status) })
        }
        Outcome::Answered(answer) => {
            let proof = format!("{url} answered {}, which is not {}", answer.status, when.status);
            Some(Look { closed: false, nobody: false, proof })
        }
        Outcome::Refused => {
            let proof = format!("nobody listens at {url}, so nobody can get in");
            Some(Look { closed: true, nobody: true, proof })
        }
        Outcome::Silent(_) | Outcome::Broken(_) => None,
    }
}

/// Looks until the page is as it should be. For an open page a refused connection is no proof, but
/// no page either: it is waited for, then told and let pass (the application may have been down
/// before the run, and whether it is well is health's question).
async fn settled(when: &ClosedWhen, closed: bool, cancel: &Cancel) -> Result<String> {
    let start = Instant::now();
    loop {
        let outcome = tokio::select! {
            outcome = ask(&when.url, PATIENCE) => outcome?,
            () = cancel.cancelled() => return Err(interrupted()),
        };
        let look = seen(when, &outcome);
        if let Some(look) = look.as_ref().filter(|look| look.closed == closed) {
            return Ok(look.proof.clone());
        }
        if start.elapsed() >= SETTLE {
            return match look {
                Some(look) if outcome == Outcome::Refused => Ok(look.proof),
                Some(_) => Err(unchanged(when, closed, &outcome)),
                None => Err(unclear(when, &outcome)),
            };
        }
        tokio::select! {
            () = sleep(POLL) => {}
            () = cancel.cancelled() => return Err(interrupted()),
        }
    }
}

fn unchanged(when: &ClosedWhen, closed: bool, outcome: &Outcome) -> Failure {
    let state = if closed { "did not close" } else { "is still closed" };
    let message = format!(
        "the maintenance page {state}: {} {} after {} s",
        shown(&when.url),
        outcome.told(),
        SETTLE.as_secs()
    );
    Failure::new(code::MAINTENANCE, message)
        .effect(Effect::Unknown)
        .hint(try_it(&when.url))
        .hint(format!("a closed page must answer {}, an open one anything else", when.status))
}

fn unclear(when: &ClosedWhen, outcome: &Outcome) -> Failure {
    let message = format!(
        "it can't be told whether the maintenance page is closed: {} {}",
        shown(&when.url),
        outcome.told()
    );
    Failure::new(code::MAINTENANCE, message).effect(Effect::Unknown).hint(try_it(&when.url))
}

fn interrupted() -> Failure {
    Failure::new(code::INTERRUPTED, "waiting for the maintenance page was interrupted")
        .effect(Effect::Unknown)
}

async fn command(argv: &[String], folder: &Path, cancel: &Cancel) -> Result<String> {
    let program = Program::of(argv)?.folder(folder).limit(COMMAND);
    program.check(cancel).await?;
    Ok(format!("`{}` ended with exit status 0", program.display()))
}

/// The line that says whose flag it is.
fn mark(run: &str) -> String {
    format!("switchback run {run}")
}

fn is_ours(text: &[u8], run: &str) -> bool {
    String::from_utf8_lossy(text).lines().any(|line| line == mark(run))
}

fn raise(flag: &Path, run: &str) -> Result<String> {
    let there = files::read(flag).map_err(|error| unusable("read", flag, &error))?;
    if let Some(text) = there {
        let whose = if is_ours(&text, run) { "is there" } else { "was there before and is left alone" };
        return Ok(format!("{} {whose}", flag.display()));
    }
    let text = format!(
        "{}\n\nThe maintenance page is closed while this file is here; the run removes it at its end.\n",
        mark(run)
    );
    // Readable for all: a web server must see it.
    files::write_whole(flag, text.as_bytes(), 0o644).map_err(|error| unusable("write", flag, &error))?;
    Ok(format!("{} was written", flag.display()))
}

/// Removes our flag; somebody else's stays, and what to say about it is returned.
fn lower(flag: &Path, run: &str) -> Result<Option<String>> {
    let there = files::read(flag).map_err(|error| unusable("read", flag, &error))?;
    match there {
        Some(text) if !is_ours(&text, run) => Ok(Some(format!(
            "{0} was not put there by run {run} and is left: the page stays closed until somebody removes it (rm {0})",
            flag.display()
        ))),
        Some(_) => {
            files::remove(flag).map_err(|error| unusable("remove", flag, &error))?;
            Ok(None)
        }
        None => Ok(None),
    }
}

fn unusable(verb: &str, flag: &Path, error: &std::io::Error) -> Failure {
    let folder = flag.parent().unwrap_or(flag).display();
    Failure::new(code::MAINTENANCE, format!("could not {verb} the flag {}", flag.display()))
        .because(error)
        .hint(format!("look at the folder's owner and mode: ls -ld {folder}"))
}
