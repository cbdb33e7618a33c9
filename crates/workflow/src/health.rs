//! Whether the application is well: asked over HTTP, for as long as it takes to believe it.

use std::io::Read as _;
use std::time::Duration;

use serde::Serialize;
use switchback_engine::cancel::Cancel;
use switchback_model::config::Health;
use switchback_model::{Failure, Result, code};
use switchback_postgres::tls;
use tokio::time::{Instant, sleep};
use ureq::tls::{PemItem, RootCerts};

/// Between two questions.
const EVERY: Duration = Duration::from_millis(500);
/// How long one answer may take; who needs longer is not well.
const PATIENCE: Duration = Duration::from_secs(3);
const SHORTEST_PATIENCE: Duration = Duration::from_millis(500);
/// Bytes of an answer that are read.
const BODY: u64 = 64 << 10;
/// Characters of an answer that are shown.
const SHOWN: usize = 300;

/// An HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, at most 64 KiB of it.
    pub body: String,
    /// Milliseconds until it was read.
    pub ms: u64,
}

/// What came of one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// An answer, whatever its status.
    Answered(Answer),
    /// Nobody listens there: the connection was refused.
    Refused,
    /// No whole answer within this number of milliseconds.
    Silent(u64),
    /// Anything else, as the network says it.
    Broken(String),
}

impl Outcome {
    /// Whether it is an answer with a status of 200 to 299.
    pub fn is_well(&self) -> bool {
        matches!(self, Self::Answered(answer) if (200..300).contains(&answer.status))
    }

    /// The outcome as the end of a sentence about the URL: `answered 500`, `gave no answer within 3 s`.
    pub fn told(&self) -> String {
        match self {
            Self::Answered(answer) => format!("answered {}", answer.status),
            Self::Refused => "refused the connection: nobody listens there".to_owned(),
            Self::Silent(ms) if ms % 1000 == 0 => format!("gave no answer within {} s", ms / 1000),
            Self::Silent(ms) => format!("gave no answer within {ms} ms"),
            Self::Broken(why) => format!("gave no HTTP answer: {why}"),
        }
    }

    /// The first characters of the answer's body, where there is one.
    pub fn excerpt(&self) -> String {
        match self {
            Self::Answered(answer) => answer.body.trim().chars().take(SHOWN).collect(),
            _ => String::new(),
        }
    }
}

/// One question of [`wait_until_healthy`], for whoever shows progress.
#[derive(Clone, Debug, Serialize)]
pub struct HealthSample {
    /// Milliseconds since the first question.
    pub at_ms: u64,
    /// What came of it.
    pub outcome: Outcome,
    /// For how many milliseconds the application has been well without a break.
    pub well_for_ms: u64,
}

/// How the application became well.
#[derive(Clone, Debug, Serialize)]
pub struct HealthReport {
    /// Milliseconds until the beginning of the time in which it stayed well.
    pub well_after_ms: u64,
    /// For how many milliseconds it then was seen well.
    pub well_for_ms: u64,
    /// How often it was well and then was not.
    pub flaps: u32,
    /// How many questions were asked.
    pub samples: u32,
}

/// Asks until the application has answered 2xx for `stable_for` without a break.
///
/// The unbroken time must begin within `within` of the call: an application that is well and falls
/// ill again may recover, but only until then. So this takes at most `within` + `stable_for` and
/// the patience of one question (3 s). `progress` is called after each question.
///
/// # Errors
/// `HEALTH` with the last answer, `INTERRUPTED` where `cancel` was heard.
pub async fn wait_until_healthy(
    health: &Health,
    cancel: &Cancel,
    progress: &mut dyn FnMut(HealthSample),
) -> Result<HealthReport> {
    let patience = health.within.0.clamp(SHORTEST_PATIENCE, PATIENCE);
    let mut course = Course { start: Instant::now(), well_since: None, flaps: 0, samples: 0 };
    loop {
        let asked = Instant::now();
        let outcome = unless_cancelled(cancel, ask(&health.url, patience)).await??;
        progress(course.add(asked, outcome.clone()));
        if let Some(report) = course.report().filter(|report| report.well_for_ms >= ms(health.stable_for.0)) {
            return Ok(report);
        }
        let mut pause = EVERY.saturating_sub(asked.elapsed());
        if course.well_since.is_none() {
            let left = health.within.0.saturating_sub(course.start.elapsed());
            if left.is_zero() {
                return Err(not_well(health, &outcome, course.flaps));
            }
            // The last question is asked when the time is over, not after it.
            pause = pause.min(left);
        }
        unless_cancelled(cancel, sleep(pause)).await?;
    }
}

/// What the questions so far have shown.
struct Course {
    start: Instant,
    well_since: Option<Instant>,
    flaps: u32,
    samples: u32,
}

impl Course {
    fn add(&mut self, asked: Instant, outcome: Outcome) -> HealthSample {
        self.samples += 1;
        if outcome.is_well() {
            // From the question on: the answer shows that it was well when it was asked.
            self.well_since.get_or_insert(asked);
        } else if self.well_since.take().is_some() {
            self.flaps += 1;
        }
        let well_for = self.well_since.map_or(Duration::ZERO, |since| since.elapsed());
        HealthSample { at_ms: ms(self.start.elapsed()), outcome, well_for_ms: ms(well_for) }
    }

    /// The report if this were the end; `None` while the application is not well.
    fn report(&self) -> Option<HealthReport> {
        let since = self.well_since?;
        Some(HealthReport {
            well_after_ms: ms(since - self.start),
            well_for_ms: ms(since.elapsed()),
            flaps: self.flaps,
            samples: self.samples,
        })
    }
}

async fn unless_cancelled<T>(cancel: &Cancel, future: impl Future<Output = T>) -> Result<T> {
    tokio::select! {
        done = future => Ok(done),
        () = cancel.cancelled() => {
            Err(Failure::new(code::INTERRUPTED, "waiting for the application's health was interrupted"))
        }
    }
}

/// Asks once.
///
/// # Errors
/// `HEALTH` where there is no answer within `timeout`, or the URL can't be asked.
pub async fn probe_once(url: &str, timeout: Duration) -> Result<Answer> {
    match ask(url, timeout).await? {
        Outcome::Answered(answer) => Ok(answer),
        outcome => {
            let message = format!("{} {}", shown(url), outcome.told());
            Err(Failure::new(code::HEALTH, message).hint(try_it(url)))
        }
    }
}

/// Asks once and says what came of it. Redirects are not followed: the status of a redirect is the
/// answer. No proxy is used.
///
/// # Errors
/// `HEALTH` where the URL is not one that can be asked.
pub async fn ask(url: &str, timeout: Duration) -> Result<Outcome> {
    check_url(url)?;
    let address = url.to_owned();
    let asked = tokio::task::spawn_blocking(move || ask_blocking(&address, timeout));
    // The agent's own limit covers name lookup, connection and body; ours is for what it forgets.
    match tokio::time::timeout(timeout + SHORTEST_PATIENCE, asked).await {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(error)) => Err(Failure::new(code::INTERNAL, "an HTTP request broke off").because(&error)),
        Err(_) => Ok(Outcome::Silent(ms(timeout))),
    }
}

fn ask_blocking(url: &str, timeout: Duration) -> Outcome {
    let start = std::time::Instant::now();
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent("switchback")
        .tls_config(ureq::tls::TlsConfig::builder().root_certs(authorities()).build())
        .build()
        .new_agent();
    let read = agent.get(url).call().map_err(|error| outcome_of(&error, timeout)).and_then(|mut response| {
        let mut body = Vec::new();
        let read = response.body_mut().as_reader().take(BODY).read_to_end(&mut body);
        read.map_err(|error| outcome_of(&ureq::Error::from(error), timeout))?;
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Answer { status: response.status().as_u16(), body, ms: ms(start.elapsed()) })
    });
    read.map_or_else(|outcome| outcome, Outcome::Answered)
}

/// The authorities that the operating system trusts; without a file of them, those of browsers.
fn authorities() -> RootCerts {
    let text = tls::system_roots().and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
    let certificates: Vec<_> = ureq::tls::parse_pem(&text)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() { RootCerts::WebPki } else { RootCerts::new_with_certs(&certificates) }
}

fn outcome_of(error: &ureq::Error, timeout: Duration) -> Outcome {
    use std::io::ErrorKind;
    match error {
        ureq::Error::Timeout(_) => Outcome::Silent(ms(timeout)),
        ureq::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => Outcome::Refused,
        ureq::Error::Io(error) if error.kind() == ErrorKind::TimedOut => Outcome::Silent(ms(timeout)),
        ureq::Error::HostNotFound => Outcome::Broken("its host name is not known".to_owned()),
        other => Outcome::Broken(other.to_string()),
    }
}

fn check_url(url: &str) -> Result<()> {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("http" | "https") => Ok(()),
        _ => Err(Failure::new(code::HEALTH, format!("{} is not an HTTP URL", shown(url)))
            .hint("write it as url = \"http://127.0.0.1:PORT/health\"")),
    }
}

/// The URL without what may be secret in it: user, password and query.
pub(crate) fn shown(url: &str) -> String {
    let bare = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = bare.split_once("://") else { return bare.to_owned() };
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// The command that asks as we did.
pub(crate) fn try_it(url: &str) -> String {
    format!("ask it yourself: curl -i {}", switchback_engine::exec::shell_word(&shown(url)))
}

fn not_well(health: &Health, last: &Outcome, flaps: u32) -> Failure {
    let url = shown(&health.url);
    let message = match flaps {
        0 => format!("the application did not become well within {}: {url} {}", health.within, last.told()),
        _ => format!(
            "the application was well and did not stay so for {} (lost {flaps} times within {}): {url} {}",
            health.stable_for,
            health.within,
            last.told()
        ),
    };
    let excerpt = last.excerpt();
    let cause = if excerpt.is_empty() { excerpt } else { format!("the answer begins: {excerpt}") };
    Failure::new(code::HEALTH, message)
        .cause(cause)
        .hint(try_it(&health.url))
        .hint("read the application's log from the time of its start")
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        for (url, expected) in [
            ("http://ada:hush@127.0.0.1:5000/health?token=hush#x", "http://127.0.0.1:5000/health"),
            ("http://localhost", "http://localhost"),
            ("http://localhost/a@b", "http://localhost/a@b"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }
}
