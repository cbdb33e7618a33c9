//! What two databases do not have in common: a restored backup, and the target whose place it may take.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::checks::Facts;

/// Definitions are long; so much of one is enough to recognise it.
const SHOWN: usize = 20;

/// What the target has and the backup has not, and the other way round.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Differences {
    /// Tables whose rows differ.
    pub tables: Vec<TableDifference>,
    /// Sequences and large objects that differ, by name, and that the target has.
    pub others: Vec<String>,
    /// Sequences and large objects that only the backup has, by name.
    #[serde(default)]
    pub others_in_backup: Vec<String>,
    /// Definitions that differ.
    pub objects: Vec<ObjectDifference>,
    /// Relations that could not be compared, with the reason.
    pub left_out: Vec<String>,
}

/// A table whose rows differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableDifference {
    /// `schema.table`.
    pub table: String,
    /// Its rows in the backup; nothing where it is not there.
    pub backup: Option<i64>,
    /// Its rows in the target; nothing where it is not there.
    pub target: Option<i64>,
}

/// A definition that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectDifference {
    /// As the catalog names it.
    pub object: String,
    /// Where it is.
    pub only_in: OnlyIn,
}

/// Which of the two has a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnlyIn {
    /// The backup: it would come back.
    Backup,
    /// The target: it would be left behind.
    Target,
    /// Neither: both have it, and not the same.
    Neither,
}

impl Differences {
    /// What lies between a restored backup and the target.
    pub fn between(backup: &Facts, target: &Facts) -> Self {
        let mut found = Self::default();
        let (ours, theirs) = (&backup.data.tables, &target.data.tables);
        let names: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
        for name in names.into_iter().filter(|name| ours.get(*name) != theirs.get(*name)) {
            found.tables.push(TableDifference {
                table: name.clone(),
                backup: ours.get(name).map(|facts| facts.rows),
                target: theirs.get(name).map(|facts| facts.rows),
            });
        }
        for difference in backup.data.diff(&target.data) {
            if let Some(name) = difference.object.strip_prefix("left out ") {
                let why = difference.after.or(difference.before).unwrap_or_default();
                found.left_out.push(format!("{name}: {why}"));
            } else if difference.object.starts_with("table ") {
                // Above, with its rows.
            } else if difference.after.is_none() {
                found.others_in_backup.push(difference.object);
            } else {
                found.others.push(difference.object);
            }
        }
        for difference in backup.catalog.diff(&target.catalog) {
            let only_in = match (&difference.before, &difference.after) {
                (Some(_), None) => OnlyIn::Backup,
                (None, _) => OnlyIn::Target,
                _ => OnlyIn::Neither,
            };
            found.objects.push(ObjectDifference { object: difference.object, only_in });
        }
        found
    }

    /// Whether both hold the same.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// All of it, one line each, as a person reads them who thinks of taking the backup; the first few
    /// of a kind.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = self.left_behind();
        lines.extend(self.comes_back());
        lines
    }

    /// What the target has and the backup has not: it would be left behind with the target.
    pub fn left_behind(&self) -> Vec<String> {
        let tables = self.tables.iter().filter(|table| table.is_left_behind());
        let mut lines: Vec<_> = tables.map(TableDifference::line).collect();
        lines.extend(self.others.iter().map(|name| format!("{name} stands elsewhere")));
        lines.extend(self.objects(|only_in| only_in != OnlyIn::Backup));
        lines.extend(self.left_out.iter().map(|line| format!("not compared: {line}")));
        lines
    }

    /// What only the backup has: it would come back, and nothing is lost with it.
    pub fn comes_back(&self) -> Vec<String> {
        let tables = self.tables.iter().filter(|table| !table.is_left_behind());
        let mut lines: Vec<_> = tables.map(TableDifference::line).collect();
        lines.extend(self.others_in_backup.iter().map(|name| format!("{name} is in the backup only")));
        lines.extend(self.objects(|only_in| only_in == OnlyIn::Backup));
        lines
    }

    /// The first definitions that are where they are asked for, and how many more there are.
    fn objects(&self, wanted: impl Fn(OnlyIn) -> bool) -> Vec<String> {
        let found: Vec<_> = self.objects.iter().filter(|object| wanted(object.only_in)).collect();
        let mut lines: Vec<_> = found.iter().take(SHOWN).map(|object| object.line()).collect();
        if found.len() > SHOWN {
            lines.push(format!("and {} more definitions", found.len() - SHOWN));
        }
        lines
    }
}

impl TableDifference {
    /// Whether the target holds rows that the backup may lack. An empty table, or none, holds nothing;
    /// a table without rows that the backup has not at all is a definition, which is named as such.
    fn is_left_behind(&self) -> bool {
        self.target.is_some_and(|rows| rows > 0)
    }

    fn line(&self) -> String {
        let name = &self.table;
        match (self.backup, self.target) {
            (None, target) => {
                format!("{name} is not in the backup; {} rows here", target.unwrap_or_default())
            }
            (Some(backup), None) => format!("{name} is not here; {backup} rows in the backup"),
            (Some(backup), Some(target)) if backup == target => {
                format!("{name}: {target} rows in both, not all the same")
            }
            (Some(backup), Some(target)) => format!("{name}: {target} rows here, {backup} in the backup"),
        }
    }
}

impl ObjectDifference {
    fn line(&self) -> String {
        match self.only_in {
            OnlyIn::Backup => format!("{} is in the backup only", self.object),
            OnlyIn::Target => format!("{} is not in the backup", self.object),
            OnlyIn::Neither => format!("{} is defined otherwise in the backup", self.object),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchback_postgres::digest::{SequenceFacts, TableFacts};

    fn facts(tables: &[(&str, i64, &str)], sequence: i64) -> Facts {
        let mut facts = Facts::default();
        for (name, rows, digest) in tables {
            let table = TableFacts { rows: *rows, digest: (*digest).to_owned() };
            facts.data.tables.insert((*name).to_owned(), table);
        }
        let sequence = SequenceFacts { last_value: sequence, is_called: true };
        facts.data.sequences.insert("public.s".to_owned(), sequence);
        facts
    }

    #[test]
    fn what_only_the_backup_has_is_no_loss() {
        let backup = facts(&[("public.a", 3, "x"), ("public.b", 1, "x")], 3);
        let mut target = facts(&[("public.b", 0, "")], 3);
        target.data.sequences.clear();
        let found = Differences::between(&backup, &target);
        assert_eq!(found.left_behind(), [""; 0]);
        let expected = [
            "public.a is not here; 3 rows in the backup",
            "public.b: 0 rows here, 1 in the backup",
            "sequence public.s is in the backup only",
        ];
        assert_eq!(found.comes_back(), expected);
    }

    #[test]
    fn what_would_be_left_behind_is_named_with_its_rows() {
        let backup = facts(&[("public.a", 3, "x"), ("public.b", 1, "x"), ("public.c", 1, "x")], 3);
        let target = facts(&[("public.a", 5, "y"), ("public.b", 1, "y"), ("public.d", 2, "x")], 5);
        let found = Differences::between(&backup, &target);
        let expected = [
            "public.a: 5 rows here, 3 in the backup",
            "public.b: 1 rows in both, not all the same",
            "public.d is not in the backup; 2 rows here",
            "sequence public.s stands elsewhere",
        ];
        assert_eq!(found.left_behind(), expected);
        assert_eq!(found.comes_back(), ["public.c is not here; 1 rows in the backup"]);
        assert_eq!(found.lines().len(), 5);
        assert!(Differences::between(&backup, &backup).is_empty());
    }
}
