//! Rows that refer to nothing.
//!
//! For every foreign key, validated or not (a disabled trigger or `session_replication_role` can
//! break an enforced one), for every reference of the configuration, and for every foreign key that
//! was there at the restore point and is not now: that is how a migration that drops a foreign key
//! and deletes parents is found. One anti-join each, all at once from the snapshot.

use std::collections::BTreeSet;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use switchback_model::config::Reference as Configured;
use switchback_model::{Config, Failure, Result, code};

use super::shared::names::{Relation, counted, listed};
use super::shared::reference::{Named, Origin, Reference, declared};
use super::{Check, CheckCx, CheckResult, Flaws, Sessions};

const NAME: &str = "orphans";

/// How the server says that two types can't be compared: `undefined_function`.
const NO_OPERATOR: &str = "(42883)";

/// The check.
pub(super) struct Orphans;

#[async_trait(?Send)]
impl Check for Orphans {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn run(&self, cx: &CheckCx<'_>, sessions: &Sessions<'_>) -> Result<Vec<CheckResult>> {
        let (mut references, temporal) = declared(sessions).await?;
        let dropped = dropped(cx, sessions, &references).await?;
        let (configured, mut results) = configured(cx.config, sessions).await?;
        references.extend(dropped);
        references.extend(configured);
        let found = try_join_all(references.iter().map(|reference| look(cx, sessions, reference))).await?;
        results.extend(found.into_iter().flatten());
        if !temporal.is_empty() {
            let detail = format!("not compared, being temporal: {}", listed(&temporal));
            results.push(CheckResult::warning(NAME, detail));
        }
        if results.is_empty() {
            let number = i64::try_from(references.len()).unwrap_or_default();
            let detail = format!("none in {}", counted(number, "reference", "references"));
            results.push(CheckResult::ok(NAME, detail));
        }
        Ok(results)
    }
}

/// The orphans of references that nothing enforces.
///
/// # Errors
/// As [`Sessions::rows`].
pub(super) async fn flaws(sessions: &Sessions<'_>, config: &Config) -> Result<Flaws> {
    let (mut references, _) = declared(sessions).await?;
    references.retain(|reference| reference.origin == Origin::Unvalidated);
    references.extend(configured(config, sessions).await?.0);
    let counted = references.iter().map(async |reference| {
        // One that can't be asked about is reported by the check itself.
        let count = count(sessions, reference).await;
        match count {
            Err(failure) if failure.code != code::QUERY_FAILED => Err(failure),
            count => Ok(count.ok().map(|count| (reference.key.clone(), count))),
        }
    });
    Ok(try_join_all(counted).await?.into_iter().flatten().collect())
}

async fn count(sessions: &Sessions<'_>, reference: &Reference) -> Result<i64> {
    let rows = sessions.rows(&reference.count_sql()).await?;
    let row = rows.first().ok_or_else(|| Failure::new(code::INTERNAL, "a count gave no row"))?;
    Ok(row.get(0))
}

/// What is to be said of one reference; nothing where it has no orphans. A query that fails is a
/// result of its own, so that the others are still looked at.
async fn look(
    cx: &CheckCx<'_>,
    sessions: &Sessions<'_>,
    reference: &Reference,
) -> Result<Option<CheckResult>> {
    match count(sessions, reference).await {
        Ok(0) => Ok(None),
        Ok(count) => judge(cx, sessions, reference, count).await.map(Some),
        Err(failure) if failure.code != code::QUERY_FAILED => Err(failure),
        Err(failure) if reference.origin == Origin::Dropped && failure.message.contains(NO_OPERATOR) => {
            let detail = format!("{} can't be compared any more: its types differ now", described(reference));
            Ok(Some(CheckResult::warning(NAME, detail)))
        }
        Err(failure) => {
            let detail = format!("{} could not be looked at: {failure}", described(reference));
            Ok(Some(CheckResult::failed(NAME, detail)))
        }
    }
}

async fn judge(
    cx: &CheckCx<'_>,
    sessions: &Sessions<'_>,
    reference: &Reference,
    count: i64,
) -> Result<CheckResult> {
    let examples: Vec<String> =
        sessions.rows(&reference.examples_sql()).await?.iter().map(|row| row.get(0)).collect();
    let columns = reference.columns.join(", ");
    let detail = format!(
        "{}: {} to nothing, ({columns}) = ({})",
        described(reference),
        counted(count, "row refers", "rows refer"),
        examples.join("), (")
    );
    let before = before(cx, reference, count);
    Ok(match before {
        Some(before) if count <= before => CheckResult::warning(NAME, format!("{detail}; {before} before")),
        Some(before) => CheckResult::failed(NAME, format!("{detail}; {before} before")),
        None => CheckResult::failed(NAME, detail),
    })
}

/// How many there were at the restore point, where that is known: it was counted, or both tables are
/// the same as then.
fn before(cx: &CheckCx<'_>, reference: &Reference, count: i64) -> Option<i64> {
    let before = cx.before?;
    let counted = before.flaws.as_ref().and_then(|flaws| flaws.get(&reference.key)).copied();
    let same = |table: &String| {
        let then = before.data.tables.get(table);
        then.is_some() && then == cx.after.data.tables.get(table)
    };
    counted.or_else(|| (same(&reference.child) && same(&reference.parent)).then_some(count))
}

fn described(reference: &Reference) -> String {
    let what = match reference.origin {
        Origin::Enforced => "",
        Origin::Unvalidated => "not validated: ",
        Origin::Dropped => "the foreign key is gone: ",
        Origin::Configured => "reference of the configuration: ",
    };
    format!("{what}{}", reference.display())
}

/// The foreign keys of the restore point that are gone while their tables and columns are there. One
/// whose columns refer to something else now was replaced, not lost.
async fn dropped(cx: &CheckCx<'_>, sessions: &Sessions<'_>, now: &[Reference]) -> Result<Vec<Reference>> {
    let Some(before) = cx.before else { return Ok(Vec::new()) };
    let keys: BTreeSet<&str> = now.iter().map(|reference| reference.key.as_str()).collect();
    let columns: BTreeSet<_> = now.iter().map(|reference| (&reference.child, &reference.columns)).collect();
    let gone = before.catalog.objects.iter().filter(|(key, _)| !keys.contains(key.as_str()));
    let gone: Vec<_> =
        gone.filter_map(|(key, definition)| Some((key.clone(), Named::of(key, definition)?))).collect();
    let resolved = gone.iter().map(|(key, named)| named.resolve(sessions, key.clone(), Origin::Dropped));
    let mut found: Vec<_> = try_join_all(resolved).await?.into_iter().flatten().collect();
    found.retain(|reference| !columns.contains(&(&reference.child, &reference.columns)));
    Ok(found)
}

/// The references of the configuration; one that can't be looked at is a failed result.
async fn configured(config: &Config, sessions: &Sessions<'_>) -> Result<(Vec<Reference>, Vec<CheckResult>)> {
    let (mut found, mut results) = (Vec::new(), Vec::new());
    for reference in &config.environment.references {
        let text = format!("{} → {}", reference.from, reference.to);
        let resolved = match named(reference) {
            Some(named) => named.resolve(sessions, format!("reference {text}"), Origin::Configured).await?,
            None => None,
        };
        match resolved {
            Some(reference) => found.push(reference),
            None => results.push(CheckResult::failed(
                NAME,
                format!("reference of the configuration: {text}: there are no such tables and columns"),
            )),
        }
    }
    Ok((found, results))
}

fn named(reference: &Configured) -> Option<Named> {
    let (child, column): (Relation, _) = Relation::with_column(&reference.from)?;
    let (parent, parent_column) = Relation::with_column(&reference.to)?;
    Some(Named { child, columns: vec![column], parent, parent_columns: vec![parent_column], full: false })
}
