//! How many rows each table had and has. A table that lost all of them, or that is gone with them
//! while no script names it, is damage; everything else is said in a line.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use switchback_model::Result;

use super::shared::names::{Relation, counted, listed};
use super::shared::reach::Mentions;
use super::{Check, CheckCx, CheckResult, Facts, Sessions};

const NAME: &str = "counts";

/// The check.
pub(super) struct Counts;

#[async_trait(?Send)]
impl Check for Counts {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn run(&self, cx: &CheckCx<'_>, _: &Sessions<'_>) -> Result<Vec<CheckResult>> {
        let now = rows(cx.after);
        let all = format!(
            "{} in {}",
            counted(now.values().sum(), "row", "rows"),
            counted(i64::try_from(now.len()).unwrap_or_default(), "table", "tables")
        );
        let Some(before) = cx.before else {
            return Ok(vec![CheckResult::ok(NAME, all)]);
        };
        let then = rows(before);
        let (emptied, gone) = (emptied(&then, &now), gone(cx, &then, &now));
        let mut results = Vec::new();
        if !emptied.is_empty() {
            results.push(CheckResult::failed(NAME, format!("lost all rows: {}", listed(&emptied))));
        }
        if !gone.is_empty() {
            let detail = format!("gone with their rows, and no script names them: {}", listed(&gone));
            results.push(CheckResult::failed(NAME, detail));
        }
        let changes = changes(&then, &now);
        let changes = if changes.is_empty() { "no number changed".to_owned() } else { listed(&changes) };
        results.push(CheckResult::ok(NAME, format!("{all}; {changes}")));
        Ok(results)
    }
}

/// Rows by table; those of partitions count for the whole, between whose parts rows may move.
pub(super) fn rows(facts: &Facts) -> BTreeMap<&str, i64> {
    let mut rows = BTreeMap::new();
    for (name, table) in &facts.data.tables {
        *rows.entry(whole(facts, name)).or_default() += table.rows;
    }
    rows
}

fn whole<'f>(facts: &'f Facts, name: &'f str) -> &'f str {
    let (mut whole, mut seen) = (name, BTreeSet::new());
    while seen.insert(whole) {
        let definition = facts.catalog.objects.get(&format!("table {whole}"));
        let parent =
            definition.and_then(|text| text.lines().find_map(|line| line.strip_prefix("partition of ")));
        match parent {
            Some(parent) => whole = parent.trim_end_matches(" (detach pending)"),
            None => break,
        }
    }
    whole
}

fn emptied(then: &BTreeMap<&str, i64>, now: &BTreeMap<&str, i64>) -> Vec<String> {
    let lost = then.iter().filter(|(name, rows)| **rows > 0 && now.get(*name) == Some(&0));
    lost.map(|(name, rows)| format!("{name} ({rows} → 0)")).collect()
}

/// Tables that are gone though no script names them, nor the schema that it drops. One whose data is
/// only not read any more (it is unlogged now) is not gone.
fn gone(cx: &CheckCx<'_>, then: &BTreeMap<&str, i64>, now: &BTreeMap<&str, i64>) -> Vec<String> {
    let mentions = Mentions::of(cx.scripts);
    let named = |name: &str| {
        Relation::of(name).is_some_and(|table| {
            mentions.has(&table.name) || (mentions.has("schema") && mentions.has(&table.schema))
        })
    };
    let lost = then.iter().filter(|(name, rows)| {
        **rows > 0 && !now.contains_key(*name) && !cx.after.data.left_out.contains_key(**name) && !named(name)
    });
    lost.map(|(name, rows)| format!("{name} ({rows} → gone)")).collect()
}

fn changes(then: &BTreeMap<&str, i64>, now: &BTreeMap<&str, i64>) -> Vec<String> {
    let names: BTreeSet<_> = then.keys().chain(now.keys()).collect();
    let text = |rows: Option<&i64>| rows.map_or_else(|| "none".to_owned(), i64::to_string);
    let change = |name: &&&str| {
        let (then, now) = (then.get(**name), now.get(**name));
        (then != now).then(|| format!("{name} {} → {}", text(then), text(now)))
    };
    names.iter().filter_map(change).collect()
}
