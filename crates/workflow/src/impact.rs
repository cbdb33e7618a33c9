//! Whether statements became dearer: what `pg_stat_statements` says of the target before the run, and
//! between the start of the new release and the end of the run.
//!
//! Nobody waits for it and nothing depends on it: where it can't be had, the document says why.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use switchback_model::monitor::{Impact, StatementCost, StatementImpact};
use switchback_model::{Failure, Result, code};
use switchback_postgres::Session;
use switchback_postgres::statements::{Counter, Counters, Statements, Whose};
use tokio::time::timeout;

use crate::files;
use crate::world::World;

/// Where the result is, in the run's folder.
pub const IMPACT: &str = "impact.json";
/// Where the counters are kept that are subtracted.
const COUNTERS: &str = "statements.json";
/// How many statements are kept of each time.
const TOP: usize = 20;
/// How long a step waits for it.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Default, Serialize, Deserialize)]
struct Kept {
    before: Counters,
    start: Counters,
    texts: BTreeMap<i64, String>,
}

/// Before anything is done.
pub async fn before(world: &World) {
    let impact = match patiently(read(world, &[])).await {
        Ok(Read { counters, texts, missing }) => {
            let kept = Kept { before: counters, start: Counters::new(), texts };
            let _nothing_to_subtract = files::write_json(&world.folder.join(COUNTERS), &kept);
            Impact { missing, statements: statements(&kept, None) }
        }
        Err(failure) => Impact { missing: Some(why(&failure)), statements: Vec::new() },
    };
    let _not_in_the_report = files::write_json(&world.folder.join(IMPACT), &impact);
}

/// Right before the new release starts.
pub async fn start(world: &World) {
    let path = world.folder.join(COUNTERS);
    let Ok(kept) = files::read_json::<Kept>(&path) else { return };
    if let Ok(read) = patiently(read(world, &[])).await {
        let _nothing_to_subtract = files::write_json(&path, &Kept { start: read.counters, ..kept });
    }
}

/// When the run ends well.
pub async fn after(world: &World) {
    let Ok(mut kept) = files::read_json::<Kept>(&world.folder.join(COUNTERS)) else { return };
    let wanted = dearest(&kept.before);
    let impact = match patiently(read(world, &wanted)).await {
        Ok(Read { counters, texts, missing }) => {
            let since = since(&kept.start, &counters);
            kept.texts.extend(texts);
            Impact { missing, statements: statements(&kept, Some(&since)) }
        }
        Err(failure) => Impact { missing: Some(why(&failure)), statements: statements(&kept, None) },
    };
    let _not_in_the_report = files::write_json(&world.folder.join(IMPACT), &impact);
}

struct Read {
    counters: Counters,
    texts: BTreeMap<i64, String>,
    missing: Option<String>,
}

async fn patiently(reading: impl Future<Output = Result<Read>>) -> Result<Read> {
    let late = Failure::new(code::QUERY_FAILED, "pg_stat_statements did not answer in time");
    timeout(PATIENCE, reading).await.unwrap_or(Err(late))
}

/// The counters of the target now, and the texts of the dearest and of some more.
async fn read(world: &World, more: &[i64]) -> Result<Read> {
    let target = world.database(&world.names.target).await?;
    let target = target.ok_or_else(|| Failure::new(code::QUERY_FAILED, "the target is behind the fence"))?;
    let roles = [&world.config.maintenance_url, &world.config.database_url].map(|url| url.user());
    let except = roles[0].filter(|role| Some(*role) != roles[1]);
    let whose = Whose { database: target.oid, except };
    for database in [world.names.target.as_str(), world.config.maintenance_url.database()] {
        let session = world.session(database).await?;
        if let Some(statements) = Statements::find(&session).await? {
            return of(&session, &statements, whose, more).await;
        }
    }
    Err(Failure::new(code::QUERY_FAILED, "pg_stat_statements is not there")
        .cause("to see it: shared_preload_libraries = 'pg_stat_statements', then: create extension pg_stat_statements"))
}

async fn of(session: &Session, statements: &Statements<'_>, whose: Whose<'_>, more: &[i64]) -> Result<Read> {
    session.batch("set statement_timeout = '2s'").await?;
    let (counters, hidden) = statements.counters(whose).await?;
    let mut ids = dearest(&counters);
    ids.extend(more);
    let texts = statements.texts(whose, &ids).await?;
    let missing = (hidden > 0).then(|| {
        format!("{hidden} statements of other roles are not seen; to see them: grant pg_read_all_stats to the role of maintenance_url")
    });
    Ok(Read { counters, texts, missing })
}

fn why(failure: &Failure) -> String {
    failure.causes.iter().fold(failure.message.clone(), |text, cause| format!("{text}; {cause}"))
}

/// The statements that cost the most in all.
fn dearest(counters: &Counters) -> Vec<i64> {
    let mut ids: Vec<_> = counters.iter().map(|(id, counter)| (*id, counter.total_ms)).collect();
    ids.sort_by(|one, other| other.1.total_cmp(&one.1));
    ids.into_iter().take(TOP).map(|(id, _)| id).collect()
}

/// What was counted from one moment to another. Counters that went back were reset, or forgotten and
/// begun anew: what they say was counted since.
fn since(start: &Counters, end: &Counters) -> Counters {
    let grown = end.iter().map(|(id, now)| {
        let then = start.get(id).filter(|then| then.calls <= now.calls && then.total_ms <= now.total_ms);
        let then = then.copied().unwrap_or(Counter { calls: 0, total_ms: 0.0 });
        (*id, Counter { calls: now.calls - then.calls, total_ms: now.total_ms - then.total_ms })
    });
    grown.filter(|(_, counter)| counter.calls > 0).collect()
}

fn statements(kept: &Kept, after: Option<&Counters>) -> Vec<StatementImpact> {
    let mut ids = dearest(&kept.before);
    ids.extend(
        after.map(dearest).unwrap_or_default().into_iter().filter(|id| !ids.contains(id)).collect::<Vec<_>>(),
    );
    let impact = |id: i64| StatementImpact {
        query_id: id,
        query: kept.texts.get(&id).cloned().unwrap_or_default(),
        before: kept.before.get(&id).copied().and_then(cost),
        after: after.and_then(|after| after.get(&id).copied()).and_then(cost),
    };
    ids.into_iter().map(impact).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a mean needs no more than 52 bits")]
fn cost(counter: Counter) -> Option<StatementCost> {
    let Counter { calls, total_ms } = counter;
    (calls > 0).then(|| StatementCost { calls, mean_ms: total_ms / calls as f64, total_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(list: &[(i64, u64, f64)]) -> Counters {
        list.iter()
            .map(|(id, calls, total_ms)| (*id, Counter { calls: *calls, total_ms: *total_ms }))
            .collect()
    }

    #[test]
    fn what_was_counted_before_is_not_counted_again() {
        let start = counters(&[(1, 100, 500.0), (2, 7, 7.0), (3, 50, 90.0)]);
        let end = counters(&[(1, 110, 700.0), (2, 7, 7.0), (3, 2, 4.0), (4, 1, 3.0)]);
        assert_eq!(since(&start, &end), counters(&[(1, 10, 200.0), (3, 2, 4.0), (4, 1, 3.0)]));
    }

    #[test]
    fn the_dearest_of_both_times_are_kept() {
        let kept = Kept { before: counters(&[(1, 100, 500.0), (2, 1, 9.0)]), ..Kept::default() };
        let found = statements(&kept, Some(&counters(&[(1, 10, 200.0), (4, 1, 300.0)])));
        let seen: Vec<_> = found
            .iter()
            .map(|one| {
                (one.query_id, one.before.map(|cost| cost.mean_ms), one.after.map(|cost| cost.mean_ms))
            })
            .collect();
        assert_eq!(seen, [(1, Some(5.0), Some(20.0)), (2, Some(9.0), None), (4, None, Some(300.0))]);
    }
}
