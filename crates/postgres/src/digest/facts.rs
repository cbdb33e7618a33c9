//! What was read, and how two readings differ.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The rows of one relation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFacts {
    /// How many there are.
    pub rows: i64,
    /// Two sums of 64-bit hashes, in hexadecimal; see the [module](super) for what they cover.
    pub digest: String,
}

/// Where a sequence stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceFacts {
    /// The last value handed out, or the first one to be.
    pub last_value: i64,
    /// Whether `last_value` was handed out.
    pub is_called: bool,
}

/// The data of one database. Names are `schema.name`, quoted where SQL needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFacts {
    /// Tables, leaf partitions and populated materialized views.
    pub tables: BTreeMap<String, TableFacts>,
    /// Sequences. Their values obey no snapshot: they are as late as the reading.
    pub sequences: BTreeMap<String, SequenceFacts>,
    /// All large objects together; `rows` is their number.
    pub large_objects: TableFacts,
    /// Relations whose data was not read, each with the reason.
    pub left_out: BTreeMap<String, String>,
}

/// One thing in which two readings differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataDifference {
    /// `table app.users`, `sequence app.users_id_seq`, `large objects`, `left out app.cache`.
    pub object: String,
    /// What it was; nothing where it was not there.
    pub before: Option<String>,
    /// What it is; nothing where it is not there.
    pub after: Option<String>,
}

impl DataFacts {
    /// What differs from `self` (before) to `other` (after), sorted by object within each kind.
    pub fn diff(&self, other: &Self) -> Vec<DataDifference> {
        let mut found = Vec::new();
        compare("table ", &self.tables, &other.tables, TableFacts::text, &mut found);
        compare("sequence ", &self.sequences, &other.sequences, SequenceFacts::text, &mut found);
        if self.large_objects != other.large_objects {
            found.push(DataDifference {
                object: "large objects".to_owned(),
                before: Some(self.large_objects.text()),
                after: Some(other.large_objects.text()),
            });
        }
        compare("left out ", &self.left_out, &other.left_out, Clone::clone, &mut found);
        found
    }

    /// The facts of the relations in `names` alone, as [`read`](super::read) gives them with
    /// `only`: without large objects.
    #[must_use]
    pub fn restricted_to(&self, names: &[String]) -> Self {
        let mut facts = self.clone();
        facts.tables.retain(|name, _| names.contains(name));
        facts.sequences.retain(|name, _| names.contains(name));
        facts.left_out.retain(|name, _| names.contains(name));
        facts.large_objects = TableFacts::default();
        for name in names {
            if !facts.knows(name) {
                facts.left_out.insert(name.clone(), ABSENT.to_owned());
            }
        }
        facts
    }

    /// Whether anything is said of the relation `name`.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.tables.contains_key(name)
            || self.sequences.contains_key(name)
            || self.left_out.contains_key(name)
    }
}

/// The reason for a relation that was asked for and is not there.
pub(super) const ABSENT: &str = "there is no such relation";

impl TableFacts {
    fn text(&self) -> String {
        format!("{} rows, digest {}", self.rows, self.digest)
    }
}

impl SequenceFacts {
    fn text(&self) -> String {
        format!("{}, {}", self.last_value, if self.is_called { "called" } else { "not called" })
    }
}

fn compare<T: PartialEq>(
    kind: &str,
    before: &BTreeMap<String, T>,
    after: &BTreeMap<String, T>,
    text: impl Fn(&T) -> String,
    found: &mut Vec<DataDifference>,
) {
    let names: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for name in names {
        let (old, new) = (before.get(name), after.get(name));
        if old != new {
            let object = format!("{kind}{name}");
            found.push(DataDifference { object, before: old.map(&text), after: new.map(&text) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(rows: i64) -> DataFacts {
        let mut facts = DataFacts::default();
        facts.tables.insert("app.users".to_owned(), TableFacts { rows, digest: "a:b".to_owned() });
        facts.sequences.insert("app.s".to_owned(), SequenceFacts { last_value: rows, is_called: true });
        facts
    }

    #[test]
    fn names_what_differs_with_both_values() {
        assert_eq!(facts(1).diff(&facts(1)), []);
        let found = facts(1).diff(&facts(2));
        let objects: Vec<_> = found.iter().map(|difference| difference.object.as_str()).collect();
        assert_eq!(objects, ["table app.users", "sequence app.s"]);
        assert_eq!(found[0].after.as_deref(), Some("2 rows, digest a:b"));
        let gone = facts(1).diff(&DataFacts::default());
        assert!(gone.iter().all(|difference| difference.after.is_none()));
    }

    #[test]
    fn a_restriction_says_what_is_not_there() {
        let part = facts(1).restricted_to(&["app.users".to_owned(), "app.none".to_owned()]);
        assert_eq!(part.tables.len(), 1);
        assert!(part.sequences.is_empty());
        assert_eq!(part.left_out["app.none"], ABSENT);
    }
}
