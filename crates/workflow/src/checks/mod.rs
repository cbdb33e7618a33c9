//! What must be true of the data after a migration: one file a check, one line in [`CHECKS`].
//!
//! Checks read the target in one exported snapshot, from several sessions at once, and compare with
//! what was read at the restore point. Everything is asked in sets: never a query for each row. A
//! check that could not run is a failed result, never one that is left out.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde::{Deserialize, Serialize};
use switchback_engine::cancel::Cancel;
use switchback_engine::exec::Program;
use switchback_model::{Config, DatabaseUrl, Failure, Result, code};
use switchback_postgres::catalog::Catalog;
use switchback_postgres::digest::DataFacts;

pub use shared::pick::Pick;
pub use shared::sessions::Sessions;

mod constraints;
mod counts;
mod indexes;
mod models;
mod orphans;
mod sequences;
mod shared;
mod untouched;
mod user;

/// How long work that was told to stop may take to end: longer than a child's grace.
const STOPPING: Duration = Duration::from_secs(10);

/// Every check, in the order of its results.
pub const CHECKS: &[&dyn Check] = &[
    &constraints::Constraints,
    &indexes::Indexes,
    &orphans::Orphans,
    &sequences::Sequences,
    &untouched::Untouched,
    &counts::Counts,
    &models::Models,
    &user::User,
];

/// What checks look at.
#[derive(Clone)]
pub struct CheckCx<'a> {
    /// The target, under the name it has now.
    pub url: &'a DatabaseUrl,
    /// What our sessions are called on the server.
    pub application: &'a str,
    /// The snapshot to read in, exported and kept open by the caller.
    pub snapshot: &'a str,
    /// How many sessions read at once; at least one does.
    pub jobs: usize,
    /// What the restore point held; nothing where there is none.
    pub before: Option<&'a Facts>,
    /// What the target holds now.
    pub after: &'a Facts,
    /// The settings.
    pub config: &'a Config,
    /// The migrations that were applied: file and text.
    pub scripts: &'a [(String, String)],
    /// Compares the application's models with the target; nothing: not to be run.
    pub model_check: Option<Program>,
    /// Whether models and target agreed before; nothing where that is not known.
    pub models_were_clean: Option<bool>,
    /// Which checks are run.
    pub pick: &'a Pick,
    /// The word to stop.
    pub cancel: &'a Cancel,
}

/// What is known of a database at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Rows, digests, sequences.
    pub data: DataFacts,
    /// Definitions.
    pub catalog: Catalog,
    /// What is wrong with the data at that moment, see [`flaws`]; nothing where nobody looked. It
    /// keeps an old flaw from being taken for damage of a migration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flaws: Option<Flaws>,
}

/// Flaws with their number: orphans of a reference, a sequence that is behind.
pub type Flaws = BTreeMap<String, i64>;

impl Facts {
    /// Facts without a look at flaws.
    pub fn new(data: DataFacts, catalog: Catalog) -> Self {
        Self { data, catalog, flaws: None }
    }
}

/// One thing that a check found, or that it found nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// The check; for the user's own, the name that stands in the configuration.
    pub name: String,
    /// Whether it is as it must be.
    pub ok: bool,
    /// Whether a person should know of it all the same; only with `ok`.
    #[serde(default)]
    pub warning: bool,
    /// What was found, as a sentence without a period.
    pub detail: String,
    /// Milliseconds of its query or command, without the wait for a session; the user's own only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
}

impl CheckResult {
    /// All is well.
    pub fn ok(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { name: name.into(), ok: true, warning: false, detail: detail.into(), ms: None }
    }

    /// It holds, and a person should know of this.
    pub fn warning(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { name: name.into(), ok: true, warning: true, detail: detail.into(), ms: None }
    }

    /// It does not hold, or could not be looked at.
    pub fn failed(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { name: name.into(), ok: false, warning: false, detail: detail.into(), ms: None }
    }

    /// With the time that it took.
    #[must_use]
    fn took(mut self, time: Duration) -> Self {
        self.ms = u64::try_from(time.as_millis()).ok();
        self
    }

    /// A check that could not run (law: nothing fails open).
    fn not_run(name: &str, failure: &Failure) -> Self {
        let causes = failure.causes.iter().fold(String::new(), |text, cause| text + ": " + cause);
        Self::failed(name, format!("could not run: {failure}{causes}"))
    }
}

/// One check.
#[async_trait(?Send)]
pub trait Check: Sync {
    /// Its name, which is its file's.
    fn name(&self) -> &'static str;

    /// Whether it looks at [`CheckCx::after`] even where there is no restore point to compare with.
    fn reads_facts(&self) -> bool {
        true
    }

    /// Looks, through `sessions` alone where the target is read.
    ///
    /// # Errors
    /// Whatever kept it from looking; [`run_all`] makes a failed result of it.
    async fn run(&self, cx: &CheckCx<'_>, sessions: &Sessions<'_>) -> Result<Vec<CheckResult>>;
}

/// Whether the user's own checks are written so that they can run; asked before a run, too.
///
/// # Errors
/// [`code::CONFIG_INVALID`].
pub fn configuration(config: &Config) -> Result<()> {
    config.validations.iter().try_for_each(|validation| user::What::of(validation).map(drop))
}

/// Whether the checks that are picked look at [`CheckCx::after`] without a restore point: reading it
/// takes as long as reading the data.
pub fn read_facts(pick: &Pick, config: &Config) -> bool {
    CHECKS.iter().any(|check| pick.has_check(check.name(), config) && check.reads_facts())
}

/// Runs every check that is picked. `progress` hears which one ended, and how many of how many have.
///
/// Sessions in the snapshot are opened as they are needed, `jobs` at most. Results come in the order
/// of [`CHECKS`].
///
/// # Errors
/// [`code::CONFIG_INVALID`] as [`configuration`], before anything is asked; [`code::INTERRUPTED`]
/// when `cancel` is heard: queries and commands have ended then. Everything else is a result.
pub async fn run_all(cx: &CheckCx<'_>, progress: &mut dyn FnMut(&str, u64, u64)) -> Result<Vec<CheckResult>> {
    configuration(cx.config)?;
    let sessions = Sessions::new(cx.url, cx.application, cx.snapshot, cx.jobs, cx.cancel);
    stoppable(cx.cancel, &sessions, each(cx, &sessions, progress)).await
}

/// What is wrong with the data before a migration: orphans of references that nothing enforces
/// (foreign keys that are not validated, references of the configuration) and sequences that are
/// behind their columns. To be taken with the other facts of the restore point; where everything is
/// enforced it costs a few index look-ups.
///
/// # Errors
/// Those of [`Session`](switchback_postgres::Session); [`code::INTERRUPTED`].
pub async fn flaws(
    url: &DatabaseUrl,
    application: &str,
    snapshot: &str,
    jobs: usize,
    config: &Config,
    cancel: &Cancel,
) -> Result<Flaws> {
    let sessions = Sessions::new(url, application, snapshot, jobs, cancel);
    let look = async {
        let mut found = orphans::flaws(&sessions, config).await?;
        found.extend(sequences::flaws(&sessions).await?);
        Ok(found)
    };
    stoppable(cancel, &sessions, look).await
}

/// Runs `work` until the word to stop is heard; then ends its sessions and waits for its commands.
async fn stoppable<T>(
    cancel: &Cancel,
    sessions: &Sessions<'_>,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let mut work = pin!(work);
    tokio::select! {
        biased;
        () = cancel.cancelled() => {}
        done = &mut work => return done,
    }
    sessions.end().await;
    // Whatever it says now, it was interrupted.
    drop(tokio::time::timeout(STOPPING, work).await);
    Err(Failure::new(code::INTERRUPTED, "the checks were interrupted"))
}

async fn each(
    cx: &CheckCx<'_>,
    sessions: &Sessions<'_>,
    progress: &mut dyn FnMut(&str, u64, u64),
) -> Result<Vec<CheckResult>> {
    let one = async |index: usize, check: &dyn Check| (index, check.name(), check.run(cx, sessions).await);
    let picked = CHECKS.iter().filter(|check| cx.pick.has_check(check.name(), cx.config));
    let mut running: FuturesUnordered<_> =
        picked.enumerate().map(|(index, check)| one(index, *check)).collect();
    let (mut results, total) = (BTreeMap::new(), running.len() as u64);
    while let Some((index, name, found)) = running.next().await {
        let found = match found {
            Err(failure) if failure.code == code::INTERRUPTED => return Err(failure),
            found => found.unwrap_or_else(|failure| vec![CheckResult::not_run(name, &failure)]),
        };
        results.insert(index, found);
        progress(name, results.len() as u64, total);
    }
    Ok(results.into_values().flatten().collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_file_is_registered() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/checks");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| name.strip_suffix(".rs").map(str::to_owned))
            .filter(|name| name != "mod")
            .collect();
        let registered = CHECKS.iter().map(|check| check.name().to_owned()).collect();
        assert_eq!(files, registered);
    }
}
