//! Every end of every run, in one file beside the operator: `ledger.jsonl`.
//!
//! A line is `{"ledger":1,"previous":"…","sum":"…","entry":{…}}`. The sum is the SHA-256 over the
//! sum of the line before and the entry's own bytes: a line that was changed, moved or lost breaks
//! the chain there. It is written from the run's journal after that said `run.finished`; what a
//! crash left out is written by the next command that ends a run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use switchback_engine::journal;
use switchback_model::event::RunStatus;
use switchback_model::ledger::{Entry, ends};
use switchback_model::plan::Release;
use switchback_model::{Config, Failure, Result, RunId, code};

use crate::records;

const VERSION: u32 = 1;
const FILE: &str = "ledger.jsonl";
/// How long another process may take to write its line.
const LOCKED: Duration = Duration::from_secs(10);

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    ledger: u32,
    previous: String,
    sum: String,
    #[serde(borrow)]
    entry: &'a RawValue,
}

/// The ledger of a state folder.
pub struct Ledger<'a> {
    config: &'a Config,
    path: PathBuf,
    runs: PathBuf,
}

/// What a look at the whole ledger found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Examined {
    /// How many lines there are.
    pub lines: usize,
    /// The first line whose place in the chain is wrong, and why.
    pub broken: Option<Broken>,
    /// Ends of runs that have a journal and no line.
    pub missing: Vec<String>,
    /// Runs whose journal is not the one that its line was written from, or can't be read.
    pub unlike: Vec<String>,
    /// Lines that this look added.
    pub added: usize,
}

/// A line that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong.
    pub why: String,
}

impl Examined {
    /// Whether all is as it was written, and nothing is missing.
    pub fn is_whole(&self) -> bool {
        self.broken.is_none() && self.missing.is_empty() && self.unlike.is_empty()
    }
}

impl<'a> Ledger<'a> {
    /// The ledger beside a configuration.
    pub fn of(config: &'a Config) -> Self {
        Self { config, path: config.state.join(FILE), runs: config.state.join("runs") }
    }

    /// Where it is.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Every end, in the order in which they were written.
    ///
    /// # Errors
    /// [`code::LEDGER_DAMAGED`] naming the first line that is not what was written.
    pub fn read(&self) -> Result<Vec<Entry>> {
        let (entries, _, broken) = chain(&self.text()?);
        match broken {
            Some(broken) => Err(self.damaged(&broken)),
            None => Ok(entries),
        }
    }

    /// Writes down how a run ended, and what an earlier process could not write any more.
    ///
    /// # Errors
    /// [`code::STATE_FOLDER`], and as [`records::of_run`]; the run itself is over and whole.
    pub async fn ended(&self, run: &RunId) -> Result<()> {
        let (mut file, text) = self.open().await?;
        let (written, _, _) = chain(&text);
        let since = written.iter().map(|entry| entry.at).max();
        let known: BTreeSet<_> = written.iter().map(|entry| (entry.run.clone(), entry.seq)).collect();
        let mut new: Vec<Entry> = Vec::new();
        let mut failed = None;
        for other in journal::list(&self.runs) {
            let mine = other == *run;
            // Without a line there is nothing that could have been left out; a ledger that is gone
            // comes back only when somebody asks for it.
            let later = |entry: &Entry| since.is_some_and(|since| entry.at > since);
            if !mine && !since.is_some_and(|since| self.touched(&other, since)) {
                continue;
            }
            let found = self.ends(&other).unwrap_or_default().into_iter();
            let found = found.filter(|entry| !known.contains(&(entry.run.clone(), entry.seq)));
            new.extend(
                found.filter(|entry| mine || later(entry)).map(|entry| Entry { later: !mine, ..entry }),
            );
        }
        for run in new.iter().map(|entry| &entry.run).collect::<BTreeSet<_>>() {
            let view = journal::read(&self.runs, run)?;
            failed = records::of_run(self.config, &view).err().or(failed);
        }
        new.sort_by_key(|entry| entry.at);
        self.append(&mut file, &text, &new)?;
        failed.map_or(Ok(()), Err)
    }

    /// Looks at every line, and at every journal that is still there. With `rebuild`, ends that have
    /// no line get one.
    ///
    /// # Errors
    /// [`code::STATE_FOLDER`].
    pub async fn examine(&self, rebuild: bool) -> Result<Examined> {
        let (mut file, text) = if rebuild {
            let (file, text) = self.open().await?;
            (Some(file), text)
        } else {
            (None, self.text()?)
        };
        let (written, lines, broken) = chain(&text);
        let mut examined = Examined { lines, broken, ..Examined::default() };
        let by_end: BTreeMap<_, _> =
            written.iter().map(|entry| ((entry.run.clone(), entry.seq), &entry.journal)).collect();
        let mut new = Vec::new();
        for run in journal::list(&self.runs) {
            match self.ends(&run) {
                Ok(found) => {
                    for entry in found {
                        match by_end.get(&(entry.run.clone(), entry.seq)) {
                            Some(sum) if **sum == entry.journal => {}
                            Some(_) => examined.unlike.push(format!("{run}: its journal has another sum")),
                            None => new.push(Entry { later: true, ..entry }),
                        }
                    }
                }
                Err(failure) => examined.unlike.push(format!("{run}: {}", failure.message)),
            }
        }
        new.sort_by_key(|entry| entry.at);
        if let Some(file) = &mut file {
            self.append(file, &text, &new)?;
            examined.added = new.len();
        } else {
            examined.missing = new.iter().map(|entry| format!("{}: {}", entry.run, entry.end)).collect();
        }
        Ok(examined)
    }

    /// The releases that are known to have run well at these revisions of an environment, newest
    /// first. A ledger that can't be read knows none.
    pub fn releases_at(&self, environment: &str, revision: &[String]) -> Vec<Release> {
        let mut found: Vec<Release> = Vec::new();
        for entry in self.read().unwrap_or_default().iter().rev() {
            let well = entry.status == RunStatus::Succeeded && entry.revision_after == revision;
            let release = entry.release_after.as_ref().filter(|_| well && entry.environment == environment);
            if let Some(release) =
                release.filter(|release| found.iter().all(|known| known.commit != release.commit))
            {
                found.push(release.clone());
            }
        }
        found
    }

    fn ends(&self, run: &RunId) -> Result<Vec<Entry>> {
        let events = journal::entries(&self.runs, run)?;
        let server = match events.first().map(|(event, _)| &event.what) {
            Some(switchback_model::What::Planned { plan }) => records::server_of(plan),
            _ => String::new(),
        };
        Ok(ends(&events, &server))
    }

    /// Whether a run's journal was written to since a moment.
    fn touched(&self, run: &RunId, since: jiff::Timestamp) -> bool {
        let path = self.runs.join(&run.0).join("journal.jsonl");
        let modified = std::fs::metadata(path).and_then(|file| file.modified()).ok();
        let modified = modified.and_then(|time| jiff::Timestamp::try_from(time).ok());
        // A file system may keep whole seconds only.
        modified.is_none_or(|modified| modified.as_second() >= since.as_second())
    }

    fn text(&self) -> Result<String> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(self.unusable(&error)),
        }
    }

    /// Opens it for this process alone, and reads what is there.
    async fn open(&self) -> Result<(File, String)> {
        journal::private_folder(&self.config.state)?;
        let file = OpenOptions::new().append(true).read(true).create(true).mode(0o600).open(&self.path);
        let mut file = file.map_err(|error| self.unusable(&error))?;
        let start = Instant::now();
        while file.try_lock().is_err() {
            if start.elapsed() > LOCKED {
                let held = std::io::Error::other("another process holds it");
                return Err(self.unusable(&held));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let mut text = String::new();
        let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_string(&mut text));
        read.map_err(|error| self.unusable(&error))?;
        Ok((file, text))
    }

    fn append(&self, file: &mut File, text: &str, entries: &[Entry]) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let unusable = |error: &dyn std::error::Error| {
            Failure::new(code::STATE_FOLDER, format!("{} can't be written", self.path.display()))
                .cause(error.to_string())
                .changed("the run is over, and its journal is whole")
                .hint("when it can be written again: switchback runs verify --rebuild")
        };
        // A line without its end was torn while it was written, unless an editor took the end off.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let torn = &text[whole..];
        let mut bytes = Vec::new();
        let mut kept = text.len();
        if serde_json::from_str::<Line<'_>>(torn).is_ok() {
            bytes.push(b'\n');
        } else {
            kept = whole;
        }
        let mut previous = last_sum(&text[..kept]);
        for entry in entries {
            let entry = serde_json::value::to_raw_value(entry).map_err(|error| unusable(&error))?;
            let sum = next(&previous, entry.get());
            let line = Line { ledger: VERSION, previous, sum: sum.clone(), entry: &entry };
            bytes.extend(serde_json::to_vec(&line).map_err(|error| unusable(&error))?);
            bytes.push(b'\n');
            previous = sum;
        }
        let written = file.set_len(kept as u64).and_then(|()| file.write_all(&bytes));
        written.and_then(|()| file.sync_all()).map_err(|error| unusable(&error))
    }

    /// A line that is not what was written.
    pub fn damaged(&self, broken: &Broken) -> Failure {
        let place = format!("{}:{}", self.path.display(), broken.line);
        Failure::new(
            code::LEDGER_DAMAGED,
            format!("the ledger is not what was written: {place}: {}", broken.why),
        )
        .changed("nothing was changed")
        .hint("compare it with the journals: switchback runs verify")
    }

    fn unusable(&self, error: &std::io::Error) -> Failure {
        Failure::new(code::STATE_FOLDER, format!("{} can't be used", self.path.display()))
            .because(error)
            .changed("nothing was changed")
            .hint(format!("look at its owner and mode: ls -l {}", self.path.display()))
    }
}

/// The entries that can be read, the number of lines, and the first one that is not as it was
/// written. The chain is taken up again after it, so that what follows can be read.
fn chain(text: &str) -> (Vec<Entry>, usize, Option<Broken>) {
    let (mut entries, mut previous, mut broken) = (Vec::new(), String::new(), None);
    let mut count = 0;
    for (index, line) in text.lines().enumerate() {
        count += 1;
        match one(line, &previous) {
            Ok((entry, sum)) => {
                entries.push(entry);
                previous = sum;
            }
            Err(why) => {
                broken.get_or_insert(Broken { line: index + 1, why });
                previous = serde_json::from_str::<Line<'_>>(line).map(|line| line.sum).unwrap_or_default();
            }
        }
    }
    (entries, count, broken)
}

fn one(line: &str, previous: &str) -> std::result::Result<(Entry, String), String> {
    let line: Line<'_> = serde_json::from_str(line).map_err(|error| error.to_string())?;
    if line.ledger > VERSION {
        return Err("it was written by a newer version; read it with that one".into());
    }
    if line.previous != previous {
        return Err("the line before it is missing, or is another one".into());
    }
    if next(previous, line.entry.get()) != line.sum {
        return Err("its checksum is wrong: it was changed after it was written".into());
    }
    let entry = serde_json::from_str(line.entry.get()).map_err(|error| error.to_string())?;
    Ok((entry, line.sum))
}

fn last_sum(text: &str) -> String {
    let last = text.lines().next_back().and_then(|line| serde_json::from_str::<Line<'_>>(line).ok());
    last.map(|line| line.sum).unwrap_or_default()
}

fn next(previous: &str, entry: &str) -> String {
    hex::encode(Sha256::new().chain_update(previous).chain_update(entry).finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIGURATION: &str =
        "[migrations]\ntool = \"alembic\"\n[environments.staging]\ndatabase_url = \"postgresql:///ada\"\n";

    fn config(folder: &std::path::Path) -> Config {
        Config::parse(CONFIGURATION, &folder.join("switchback.toml"), None, &|_| None).unwrap()
    }

    fn entry(run: &str, seq: u64) -> Entry {
        serde_json::from_value(serde_json::json!({
            "run": run, "seq": seq, "at": "2026-11-22T02:14:07Z", "environment": "staging", "target": "ada",
            "server": "00", "operator": "eve", "host": "desk", "release_before": null,
            "release_after": { "name": "v2", "commit": "c2" }, "revision_before": ["r1"], "revision_after": ["r2"],
            "digest": "d", "status": "succeeded", "end": "succeeded", "exit": "done",
            "durations": { "total_ms": 1, "downtime_ms": null }, "way_back": null, "backup": null,
            "failure": null, "journal": "s"
        }))
        .unwrap()
    }

    /// A ledger with three lines.
    async fn three(config: &Config) -> (Ledger<'_>, String) {
        let ledger = Ledger::of(config);
        for run in ["a", "b", "c"] {
            let (mut file, text) = ledger.open().await.unwrap();
            ledger.append(&mut file, &text, &[entry(run, 9)]).unwrap();
        }
        let text = ledger.text().unwrap();
        (ledger, text)
    }

    async fn broken_at(ledger: &Ledger<'_>, text: &str) -> Option<usize> {
        std::fs::write(&ledger.path, text).unwrap();
        ledger.examine(false).await.unwrap().broken.map(|broken| broken.line)
    }

    #[tokio::test]
    async fn the_first_line_that_is_not_what_was_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let (ledger, text) = three(&config).await;
        assert_eq!(ledger.read().unwrap().len(), 3);
        let lines: Vec<&str> = text.lines().collect();
        let of = |lines: &[&str]| lines.join("\n") + "\n";
        assert_eq!(broken_at(&ledger, &text).await, None);
        assert_eq!(broken_at(&ledger, &text.replacen("eve", "bob", 1)).await, Some(1));
        assert_eq!(
            broken_at(&ledger, &of(&[lines[0], &lines[1].replace("eve", "bob"), lines[2]])).await,
            Some(2)
        );
        assert_eq!(broken_at(&ledger, &of(&[lines[0], lines[2]])).await, Some(2));
        assert_eq!(broken_at(&ledger, &of(&[lines[1], lines[0], lines[2]])).await, Some(1));
        assert_eq!(broken_at(&ledger, &of(&[lines[0], lines[1], "nonsense"])).await, Some(3));
        let failure = ledger.read().unwrap_err();
        assert_eq!(failure.code, code::LEDGER_DAMAGED);
        assert!(failure.message.contains("ledger.jsonl:3"), "{failure}");
    }

    #[tokio::test]
    async fn a_torn_line_goes_and_one_that_only_lost_its_end_stays() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let (ledger, text) = three(&config).await;
        for (left, lines) in [(&text[..text.len() - 9], 3), (&text[..text.len() - 1], 4)] {
            std::fs::write(&ledger.path, left).unwrap();
            let (mut file, found) = ledger.open().await.unwrap();
            ledger.append(&mut file, &found, &[entry("d", 9)]).unwrap();
            drop(file);
            let examined = ledger.examine(false).await.unwrap();
            assert_eq!((examined.lines, examined.broken), (lines, None));
        }
    }

    #[tokio::test]
    async fn releases_are_known_by_the_revision_at_which_they_ran() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let (ledger, _) = three(&config).await;
        let known = ledger.releases_at("staging", &["r2".to_owned()]);
        assert_eq!(known.len(), 1);
        assert_eq!(known[0].name, "v2");
        assert!(ledger.releases_at("staging", &["r1".to_owned()]).is_empty());
        assert!(ledger.releases_at("production", &["r2".to_owned()]).is_empty());
    }
}
