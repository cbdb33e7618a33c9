//! Where records are kept: one file each in the state folder, never changed and never overwritten.
//!
//! What a record said is not taken back by changing it but by another one (`withdrawn`): files can
//! be carried to another machine in any order, and twice.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};
use switchback_engine::{clock, journal};
use switchback_model::event::RunStatus;
use switchback_model::record::{Record, RecordKind, RecordResult, Sealed, damaged};
use switchback_model::{Config, Failure, Plan, Result, RunView, code};
use switchback_postgres::server::Identity;

use crate::files;
use crate::steps::apply::Apply;
use crate::steps::lease::Lease;
use crate::steps::switch_code::SwitchCode;
use switchback_engine::step::Step;

/// The records of a state folder.
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// The records beside a configuration.
    pub fn of(config: &Config) -> Self {
        Self { folder: config.state.join("records") }
    }

    /// Every record, oldest first.
    ///
    /// # Errors
    /// [`code::RECORD_DAMAGED`] naming the file: it may be the one that withdraws another.
    pub fn all(&self) -> Result<Vec<Sealed>> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(&self.folder, &error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| unreadable(&self.folder, &error))?.path();
            if path.extension().is_some_and(|end| end == "json") {
                found.push(read(&path)?);
            }
        }
        found.sort_by(|a, b| (a.record.at, &a.sum).cmp(&(b.record.at, &b.sum)));
        Ok(found)
    }

    /// Puts a record there; one that is there already stays as it is. Says whether it is new.
    ///
    /// # Errors
    /// [`code::STATE_FOLDER`].
    pub fn add(&self, sealed: &Sealed) -> Result<bool> {
        journal::private_folder(&self.folder)?;
        let path = self.folder.join(file_name(sealed));
        if path.exists() {
            return Ok(false);
        }
        files::write(&path, format!("{:#}\n", sealed.to_value()).as_bytes())?;
        Ok(true)
    }
}

/// What a record is about and what it says: the same one has the same name everywhere.
fn file_name(sealed: &Sealed) -> String {
    let record = &sealed.record;
    let short = |text: &str, end: usize| text.get(..end).unwrap_or(text).to_owned();
    format!("{}-{}-{}.json", record.kind.name(), short(&record.digest, 12), short(&sealed.sum, 16))
}

fn read(path: &Path) -> Result<Sealed> {
    let place = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let value: Value = serde_json::from_str(&text)
        .map_err(|error| damaged(&place, "it is no JSON, or not all of it is there").because(&error))
        .map_err(|failure| aside(failure, path))?;
    Sealed::read(&value, &place).map_err(|failure| aside(failure, path))
}

fn aside(failure: Failure, path: &Path) -> Failure {
    failure
        .hint(format!("put it aside: mv {0} {0}.damaged", path.display()))
        .hint("then bring it again from where it was made: switchback record import FILE")
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(code::STATE_FOLDER, format!("{} can't be read", path.display()))
        .because(error)
        .changed("nothing was changed")
        .hint(format!("look at its owner and mode: ls -ld {}", path.display()))
}

/// Which target a plan is for, in a word that is the same on every machine.
pub fn server_of(plan: &Plan) -> String {
    let lease = plan.steps.iter().find(|step| step.kind == Lease::KIND);
    let lease = lease.and_then(|step| serde_json::from_value::<Lease>(step.params.clone()).ok());
    lease.map(|lease| server(&lease.identity, &plan.target)).unwrap_or_default()
}

fn server(identity: &Identity, target: &str) -> String {
    let digest = Sha256::digest(format!("{}/{target}", identity.system_identifier));
    hex::encode(&digest[..8])
}

/// A record about the migrations of a plan.
pub fn about(plan: &Plan, kind: RecordKind, operator: &str, host: &str) -> Record {
    Record {
        kind,
        digest: plan.digest.clone(),
        environment: plan.environment.clone(),
        target: plan.target.clone(),
        server: server_of(plan),
        release: plan.release_after.clone(),
        run: None,
        operator: operator.to_owned(),
        host: host.to_owned(),
        at: clock::now(),
        result: RecordResult::Succeeded,
        expires: None,
        note: None,
        accepted: Vec::new(),
    }
}

/// Puts on record how a run ended, where it was a deploy: that it succeeded, or that one that had
/// succeeded is taken back.
///
/// # Errors
/// As [`Store::all`] and [`Store::add`].
pub fn of_run(config: &Config, run: &RunView) -> Result<()> {
    let deploys = |step: &switchback_model::plan::PlannedStep| {
        [Apply::KIND, SwitchCode::KIND].contains(&step.kind.as_str())
    };
    let (Some(outcome), Some(by)) = (&run.outcome, &run.operator) else { return Ok(()) };
    if !run.plan.steps.iter().any(deploys) {
        return Ok(());
    }
    let store = Store::of(config);
    let mut record = about(&run.plan, RecordKind::Staging, &by.user, &by.host);
    record.run = Some(run.plan.run.clone());
    if let Some(at) = run.ended_at {
        record.at = at;
    }
    if outcome.status != RunStatus::Succeeded {
        // A run that never succeeded has nothing to withdraw.
        if !store.all()?.iter().any(|before| before.record.run == record.run) {
            return Ok(());
        }
        record.result = RecordResult::Withdrawn;
    }
    store.add(&Sealed::new(record)?).map(drop)
}

/// A record for tests.
#[cfg(test)]
pub(crate) fn sample() -> Record {
    Record {
        kind: RecordKind::Approval,
        digest: "0a".repeat(32),
        environment: "production".into(),
        target: "ada".into(),
        server: "00".into(),
        release: None,
        run: None,
        operator: "eve".into(),
        host: "desk".into(),
        at: "2026-11-22T02:14:07Z".parse().unwrap(),
        result: RecordResult::Succeeded,
        expires: None,
        note: None,
        accepted: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store { folder: folder.path().join("records") };
        (folder, store)
    }

    fn sealed(note: &str) -> Sealed {
        Sealed::new(Record { note: Some(note.into()), ..sample() }).unwrap()
    }

    #[test]
    fn the_same_record_twice_is_one_and_another_is_another() {
        let (_folder, store) = store();
        assert!(store.all().unwrap().is_empty());
        assert!(store.add(&sealed("one")).unwrap());
        assert!(!store.add(&sealed("one")).unwrap());
        assert!(store.add(&sealed("two")).unwrap());
        assert_eq!(store.all().unwrap().len(), 2);
    }

    #[test]
    fn a_damaged_file_is_named_and_never_passed_over() {
        let (_folder, store) = store();
        store.add(&sealed("one")).unwrap();
        store.add(&sealed("two")).unwrap();
        let path = store.folder.join(file_name(&sealed("one")));
        let text = std::fs::read_to_string(&path).unwrap();
        for broken in [text.replace("eve", "bob"), text[..text.len() / 2].to_owned(), String::new()] {
            std::fs::write(&path, broken).unwrap();
            let failure = store.all().unwrap_err();
            assert_eq!(failure.code, code::RECORD_DAMAGED);
            assert!(failure.message.contains(&path.display().to_string()), "{failure}");
        }
    }
}
