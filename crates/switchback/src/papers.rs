//! Reads what a run left in its folder, for the documents about it.
//!
//! A run is told from its journal alone; what lies beside it may be missing, for a run that did not
//! come so far or is of an earlier version. What is there and can't be read is named.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use switchback_engine::{clock, journal};
use switchback_model::{Failure, Result, RunView};
use switchback_postgres::catalog::Catalog;
use switchback_report::papers::{Papers, Schema, TableRows};
use switchback_workflow::checks::Facts;
use switchback_workflow::steps::{self, record};
use switchback_workflow::{facts, files, impact, monitor};

/// The papers of a run; `runs` is the folder of all runs.
pub(crate) fn read(runs: &Path, view: RunView) -> Papers {
    let folder = runs.join(&view.plan.run.0);
    let mut papers = Papers::of(view);
    let mut unread = Vec::new();
    let events = journal::events(runs, &papers.view.plan.run);
    papers.events = events.unwrap_or_else(|failure| noted(&mut unread, &failure).unwrap_or_default());
    papers.samples = samples(&folder.join(monitor::SAMPLES), &mut unread);
    papers.impact = there(&folder.join(impact::IMPACT), &mut unread);
    let before: Option<Catalog> = there(&folder.join(record::CATALOG), &mut unread);
    let old: Option<Facts> = there(&folder.join(facts::BEFORE), &mut unread);
    let new: Option<Facts> = there(&folder.join(facts::AFTER), &mut unread);
    papers.tables = tables(old.as_ref(), new.as_ref());
    let (before, after) = (before.map(|catalog| catalog.objects), new.map(|facts| facts.catalog.objects));
    papers.schema = Schema { before, after };
    papers.downtimes = steps::downtimes(&papers.view, papers.view.ended_at.unwrap_or_else(clock::now));
    papers.unread = unread;
    papers
}

fn noted<T>(unread: &mut Vec<String>, failure: &Failure) -> Option<T> {
    let causes = failure.causes.iter().map(|cause| format!(": {cause}"));
    unread.push(format!("{}{}", failure.message, causes.collect::<String>()));
    None
}

/// A file of the run, where it is there.
fn there<T: DeserializeOwned>(path: &Path, unread: &mut Vec<String>) -> Option<T> {
    if !path.exists() {
        return None;
    }
    let read: Result<T> = files::read_json(path);
    read.map_or_else(|failure| noted(unread, &failure), Some)
}

/// The last line may be half of one, where the process was killed.
fn samples(path: &Path, unread: &mut Vec<String>) -> Vec<switchback_model::monitor::Sample> {
    if !path.exists() {
        return Vec::new();
    }
    match std::fs::read_to_string(path) {
        Ok(text) => text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect(),
        Err(error) => {
            unread.push(format!("{}: {error}", path.display()));
            Vec::new()
        }
    }
}

fn tables(before: Option<&Facts>, after: Option<&Facts>) -> BTreeMap<String, TableRows> {
    let mut tables: BTreeMap<String, TableRows> = BTreeMap::new();
    for (name, facts) in before.iter().flat_map(|facts| &facts.data.tables) {
        tables.entry(name.clone()).or_default().before = Some((facts.rows, facts.digest.clone()));
    }
    for (name, facts) in after.iter().flat_map(|facts| &facts.data.tables) {
        tables.entry(name.clone()).or_default().after = Some((facts.rows, facts.digest.clone()));
    }
    tables
}
