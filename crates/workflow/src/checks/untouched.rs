//! Tables that no migration had to do with hold what they held at the restore point, row for row.
//!
//! A table is left out where a script names it, where something leads to it from one that is named
//! (see [`reached`]), and where its own columns changed. Sequences and large objects alike. This finds
//! what nobody thought of: a wrong `search_path`, a script that works on every table it can find.

use std::collections::BTreeSet;

use async_trait::async_trait;
use switchback_model::Result;
use switchback_postgres::catalog::Catalog;
use switchback_postgres::digest::{DataFacts, TableFacts};

use super::shared::names::{counted, listed};
use super::shared::reach::{Mentions, reached};
use super::{Check, CheckCx, CheckResult, Facts, Sessions};

const NAME: &str = "untouched";

/// The check.
pub(super) struct Untouched;

#[async_trait(?Send)]
impl Check for Untouched {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn run(&self, cx: &CheckCx<'_>, _: &Sessions<'_>) -> Result<Vec<CheckResult>> {
        let Some(before) = cx.before else {
            return Ok(vec![CheckResult::ok(NAME, "not compared: no restore point")]);
        };
        let mentions = Mentions::of(cx.scripts);
        let (searching, objects) = (mentions.search(), mentions.has("pg_largeobject") || large_objects(cx));
        let touched = reached(mentions, &[&before.catalog, &cx.after.catalog]);
        let mut compared = Compared::default();
        compared.tables(before, cx.after, &touched);
        compared.sequences(&before.data, &cx.after.data, &touched);
        if !objects {
            compared.large_objects(&before.data.large_objects, &cx.after.data.large_objects);
        }
        Ok(vec![compared.result(searching)])
    }
}

/// Whether a script works with large objects, by the names of the functions for them.
fn large_objects(cx: &CheckCx<'_>) -> bool {
    let names = ["lo_", "lowrite", "loread", "large object"];
    cx.scripts.iter().any(|(_, text)| names.iter().any(|name| text.to_lowercase().contains(name)))
}

#[derive(Default)]
struct Compared {
    tables: i64,
    differing: Vec<String>,
}

impl Compared {
    fn tables(&mut self, before: &Facts, after: &Facts, touched: &BTreeSet<String>) {
        let changed = changed_tables(&before.catalog, &after.catalog);
        for (name, then) in &before.data.tables {
            let Some(now) = after.data.tables.get(name) else { continue };
            if touched.contains(name) || changed.contains(name) || is_history(&after.catalog, name) {
                continue;
            }
            self.tables += 1;
            if then != now {
                self.differing.push(difference(name, then, now));
            }
        }
    }

    fn sequences(&mut self, before: &DataFacts, after: &DataFacts, touched: &BTreeSet<String>) {
        let pairs = before.sequences.iter().filter(|(name, _)| !touched.contains(*name));
        for (name, then) in pairs {
            if let Some(now) = after.sequences.get(name).filter(|now| *now != then) {
                self.differing.push(format!("sequence {name} {} → {}", then.last_value, now.last_value));
            }
        }
    }

    /// An empty digest: they were not read.
    fn large_objects(&mut self, then: &TableFacts, now: &TableFacts) {
        if then != now && !then.digest.is_empty() && !now.digest.is_empty() {
            self.differing.push(difference("large objects", then, now));
        }
    }

    fn result(&self, searching: Option<&str>) -> CheckResult {
        let tables = counted(self.tables, "table", "tables");
        let differing = listed(&self.differing);
        match (self.differing.is_empty(), searching) {
            (true, _) => CheckResult::ok(NAME, format!("{tables} that no script names are as before")),
            (false, Some(word)) => CheckResult::warning(
                NAME,
                format!("changed, and the scripts look tables up (`{word}`): {differing}"),
            ),
            (false, None) => {
                CheckResult::failed(NAME, format!("changed, and no script names it: {differing}"))
            }
        }
    }
}

fn difference(name: &str, then: &TableFacts, now: &TableFacts) -> String {
    if then.rows == now.rows {
        format!("{name} ({}, other values)", counted(now.rows, "row", "rows"))
    } else {
        format!("{name} ({} → {} rows)", then.rows, now.rows)
    }
}

/// Tables whose columns are not what they were: their digests can't be compared.
fn changed_tables(before: &Catalog, after: &Catalog) -> BTreeSet<String> {
    let table = |key: &str| {
        let column =
            key.strip_prefix("column ").and_then(|name| name.rsplit_once('.')).map(|(table, _)| table);
        let order =
            key.strip_prefix("column order of ").and_then(|key| key.split_once(' ')).map(|(_, table)| table);
        order.or(column).map(str::to_owned)
    };
    before.diff(after).iter().filter_map(|difference| table(&difference.object)).collect()
}

/// The migrator's own table: Alembic's, whatever it is called, has the one column `version_num`.
fn is_history(catalog: &Catalog, table: &str) -> bool {
    let sql = table == crate::formats::sql::HISTORY;
    sql || catalog
        .objects
        .get(&format!("column order of table {table}"))
        .is_some_and(|order| order == "version_num")
}
