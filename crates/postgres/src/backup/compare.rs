//! Whether a restored database is what the dump's snapshot saw.

use std::path::Path;

use switchback_engine::cancel::Cancel;
use switchback_model::{DatabaseUrl, Failure, Result, code};

use super::manifest::{CATALOG, Compared, Manifest, damaged};
use super::{Client, Listener, together};
use crate::Session;
use crate::catalog::{Catalog, Difference};
use crate::digest::{self, DataFacts, Scope, SequenceFacts};
use crate::settings::DatabaseSettings;

/// The entries of a catalog that say where an object lies.
const TABLESPACE: &str = "tablespace of";

/// So many differences are named; of the rest the number is said.
const NAMED: usize = 20;

/// So many characters of a definition are shown.
const DEFINITION: usize = 160;

/// What a comparison found.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) compared: Compared,
    pub(super) differences: Vec<String>,
    pub(super) notes: Vec<String>,
}

impl Comparison {
    fn catalogs(&mut self, mut expected: Catalog, mut found: Catalog, tablespaces: bool) {
        if !tablespaces {
            let count = expected.objects.len();
            (expected, found) = (expected.without(&[TABLESPACE]), found.without(&[TABLESPACE]));
            let left_out = count - expected.objects.len();
            if left_out > 0 {
                self.notes.push(format!("not compared: the tablespaces of {left_out} objects"));
            }
        }
        for index in left_out_by_pg_dump(&expected, &found) {
            expected.objects.retain(|key, _| *key != index && !key.ends_with(&format!(" {index}")));
            self.notes.push(format!("{index} is not valid, and so not in the dump"));
        }
        let text = |d: &Difference| difference(&d.object, d.before.as_deref(), d.after.as_deref());
        self.differences.extend(expected.diff(&found).iter().map(text));
    }

    /// Compares settings, grants and owner of the database. What only another machine explains is a
    /// note: the version of its collations and, where `alike` is false, locale and tablespace.
    pub(super) fn settings(&mut self, wanted: &DatabaseSettings, found: &DatabaseSettings, alike: bool) {
        let mut wanted = wanted.clone();
        if wanted.collation_version != found.collation_version {
            self.notes.push("the collations of the servers' machines are of different versions".to_owned());
            wanted.collation_version.clone_from(&found.collation_version);
        }
        if !alike {
            wanted.tablespace.clone_from(&found.tablespace);
            wanted.collate.clone_from(&found.collate);
            wanted.ctype.clone_from(&found.ctype);
            wanted.locale_provider.clone_from(&found.locale_provider);
            wanted.locale.clone_from(&found.locale);
        }
        self.differences.extend(wanted.differences(found));
        self.compared.settings = true;
    }

    /// The comparison, where there are no differences; [`code::BACKUP_DIFFERS`] naming them else.
    pub(super) fn equal(self, what: &str) -> Result<Self> {
        let count = self.differences.len();
        if count == 0 {
            return Ok(self);
        }
        let objects = if count == 1 { "object" } else { "objects" };
        let message = format!("{what} differs from what the dump's snapshot saw in {count} {objects}");
        let failure = Failure::new(code::BACKUP_DIFFERS, message);
        let failure = self.differences.into_iter().take(NAMED).fold(failure, Failure::cause);
        Err(if count > NAMED { failure.cause(format!("and {} more", count - NAMED)) } else { failure })
    }
}

/// What a failed `CREATE INDEX CONCURRENTLY` left: `pg_dump` takes no index that is not valid.
fn left_out_by_pg_dump(expected: &Catalog, found: &Catalog) -> Vec<String> {
    let invalid = |definition: &str| definition.lines().skip(1).any(|line| line == "not valid");
    let indexes = expected.objects.iter().filter(|(key, definition)| {
        key.starts_with("index ") && invalid(definition) && !found.objects.contains_key(*key)
    });
    indexes.map(|(key, _)| key.clone()).collect()
}

/// What is compared with what.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) folder: &'a Path,
    pub(super) manifest: &'a Manifest,
    /// The restored database.
    pub(super) url: &'a DatabaseUrl,
    /// Whether catalogs can be compared: between majors the server writes some definitions another way.
    pub(super) same_major: bool,
    /// Whether objects were put back in their tablespaces.
    pub(super) tablespaces: bool,
    pub(super) client: &'a Client,
}

/// Reads the restored database and compares it with the manifest.
pub(super) async fn compare(
    subject: Subject<'_>,
    cancel: &Cancel,
    heard: &Listener<'_>,
) -> Result<Comparison> {
    let Subject { manifest, url, client, .. } = subject;
    let expected = catalog(subject.folder, manifest)?;
    let mut on_progress = |done, total| heard.hear("compare", done, total);
    let scope = Scope { jobs: client.jobs, ..Default::default() };
    let (facts, found) = together(
        cancel,
        async |cancel| digest::read(url, &client.application, scope, cancel, &mut on_progress).await,
        async |_| Catalog::read(&Session::connect(url, &client.application).await?).await,
    )
    .await?;
    let mut comparison = Comparison::default();
    if subject.same_major {
        comparison.catalogs(expected, found, subject.tablespaces);
    } else {
        comparison
            .notes
            .push("the catalog was not compared: the server is of another major version".to_owned());
    }
    data(manifest, &facts, &mut comparison);
    Ok(comparison)
}

fn catalog(folder: &Path, manifest: &Manifest) -> Result<Catalog> {
    let damaged = |why: String| damaged(folder, [format!("{CATALOG}: {why}")]);
    let text = std::fs::read(folder.join(CATALOG)).map_err(|error| damaged(error.to_string()))?;
    let catalog: Catalog = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    if catalog.digest() == manifest.catalog {
        Ok(catalog)
    } else {
        Err(damaged("it is not the catalog that the manifest speaks of".to_owned()))
    }
}

fn data(manifest: &Manifest, found: &DataFacts, comparison: &mut Comparison) {
    let mut expected = manifest.facts.clone();
    for name in &manifest.materialized_views {
        let (Some(before), Some(after)) = (expected.tables.get_mut(name), found.tables.get(name)) else {
            continue;
        };
        if before != after {
            comparison.notes.push(format!(
                "materialized view {name} was stale in the target ({} rows); a restore makes it anew ({} rows)",
                before.rows, after.rows
            ));
            before.clone_from(after);
        }
    }
    for (name, after) in &manifest.moved {
        let (Some(before), Some(found)) = (expected.sequences.get_mut(name), found.sequences.get(name))
        else {
            continue;
        };
        if lies_between(before, after, found) {
            before.clone_from(found);
        }
    }
    let text = |d: &digest::DataDifference| difference(&d.object, d.before.as_deref(), d.after.as_deref());
    comparison.differences.extend(expected.diff(found).iter().map(text));
    comparison.compared = Compared {
        tables: found.tables.len() as u64,
        rows: found.tables.values().map(|table| u64::try_from(table.rows).unwrap_or_default()).sum(),
        sequences: found.sequences.len() as u64,
        large_objects: u64::try_from(found.large_objects.rows).unwrap_or_default(),
        settings: false,
    };
    let left_out = found.left_out.iter().map(|(name, why)| format!("not compared: {name} ({why})"));
    comparison.notes.extend(left_out);
}

/// Whether a sequence that moved from `before` to `after` could be seen at `found` on its way.
fn lies_between(before: &SequenceFacts, after: &SequenceFacts, found: &SequenceFacts) -> bool {
    let low = before.last_value.min(after.last_value);
    let high = before.last_value.max(after.last_value);
    let called = found.is_called || !before.is_called || !after.is_called;
    (low..=high).contains(&found.last_value) && called
}

/// One difference as a line.
fn difference(object: &str, before: Option<&str>, after: Option<&str>) -> String {
    match (before, after) {
        (Some(before), Some(after)) => {
            format!("{object}: {} in the target, {} restored", short(before), short(after))
        }
        (Some(_), None) => format!("{object} is missing"),
        (None, _) => format!("{object} was not in the target"),
    }
}

/// The beginning of a definition, on one line.
fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = line.chars().take(DEFINITION).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(last_value: i64, is_called: bool) -> SequenceFacts {
        SequenceFacts { last_value, is_called }
    }

    #[test]
    fn a_moving_sequence_may_be_anywhere_on_its_way_and_nowhere_else() {
        let way = |found| lies_between(&at(1, false), &at(9, true), &found);
        assert!(way(at(1, false)) && way(at(1, true)) && way(at(9, true)));
        assert!(!way(at(10, true)) && !way(at(0, true)));
        assert!(lies_between(&at(9, true), &at(1, true), &at(5, true)), "a descending one");
        assert!(!lies_between(&at(1, true), &at(9, true), &at(1, false)), "was handed out before");
    }

    #[test]
    fn many_differences_are_counted() {
        let differences = (0..25).map(|number| format!("table t{number} is missing")).collect();
        let comparison = Comparison { differences, ..Default::default() };
        let failure = comparison.equal("the restored copy").unwrap_err();
        assert_eq!(failure.code, code::BACKUP_DIFFERS);
        assert!(failure.message.contains("25 objects"));
        assert_eq!(failure.causes.len(), 21);
        assert_eq!(failure.causes[20], "and 5 more");
    }
}
