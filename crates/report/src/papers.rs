//! All that is known of a run, for a document about it. Somebody else reads it from where it lies.

use std::collections::BTreeMap;

use jiff::Timestamp;
use switchback_model::monitor::{Impact, Sample};
use switchback_model::{Event, RunView};

/// A run with what was kept of it.
#[derive(Clone, Debug)]
pub struct Papers {
    /// The folded run.
    pub view: RunView,
    /// Its events, as they were written down.
    pub events: Vec<Event>,
    /// What the monitor saw.
    pub samples: Vec<Sample>,
    /// What statements cost, before and after.
    pub impact: Option<Impact>,
    /// The target's definitions.
    pub schema: Schema,
    /// The target's rows, by table.
    pub tables: BTreeMap<String, TableRows>,
    /// From when to when users saw no application.
    pub downtimes: Vec<(Timestamp, Timestamp)>,
    /// What is there and can't be read.
    pub unread: Vec<String>,
}

/// Definitions by object, each where it is known.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// When the run began.
    pub before: Option<BTreeMap<String, String>>,
    /// When its migrations were validated.
    pub after: Option<BTreeMap<String, String>>,
}

/// The rows of a table.
#[derive(Clone, Debug, Default)]
pub struct TableRows {
    /// How many there were at the restore point, and their digest.
    pub before: Option<(i64, String)>,
    /// The same when they were validated.
    pub after: Option<(i64, String)>,
}

impl TableRows {
    /// Whether its data is other than before, as far as both are known.
    pub(crate) fn changed(&self) -> bool {
        self.before != self.after
    }
}

/// An object in which two schemas differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Difference<'a> {
    pub(crate) object: &'a str,
    pub(crate) before: Option<&'a str>,
    pub(crate) after: Option<&'a str>,
}

impl Papers {
    /// The papers of a run of which nothing but its events was kept.
    pub fn of(view: RunView) -> Self {
        Self {
            view,
            events: Vec::new(),
            samples: Vec::new(),
            impact: None,
            schema: Schema::default(),
            tables: BTreeMap::new(),
            downtimes: Vec::new(),
            unread: Vec::new(),
        }
    }

    /// What differs from before to after, sorted by object; nothing where one of them is not known.
    pub(crate) fn differences(&self) -> Option<Vec<Difference<'_>>> {
        let (before, after) = (self.schema.before.as_ref()?, self.schema.after.as_ref()?);
        let mut objects: Vec<_> = before.keys().chain(after.keys()).collect();
        objects.sort();
        objects.dedup();
        let difference = |object: &'_ String| (before.get(object), after.get(object));
        let differing = objects.into_iter().filter(|object| {
            let (before, after) = difference(object);
            before != after
        });
        Some(
            differing
                .map(|object| Difference {
                    object,
                    before: before.get(object).map(String::as_str),
                    after: after.get(object).map(String::as_str),
                })
                .collect(),
        )
    }
}
