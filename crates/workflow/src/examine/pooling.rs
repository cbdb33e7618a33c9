//! Whether there is a pooler between us and the server.
//!
//! A pooler in transaction mode lends a backend for one transaction: session locks, settings and
//! prepared statements are then anybody's. Two things prove it, whatever pooler it is: two sessions
//! that are open at the same time have the same backend, or one session has two.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use switchback_model::{DatabaseUrl, Failure, Result, code};
use switchback_postgres::session::Session;

use super::{Connection, Examination, Look, Site};

/// A backend that is this much older than our connection was there before it. Clocks are not
/// compared, only lengths of time, so little is enough.
const OLDER: Duration = Duration::from_secs(1);
/// How long a session that was closed may take to be cleaned and given back.
const GIVEN_BACK: [Duration; 3] =
    [Duration::from_millis(30), Duration::from_millis(100), Duration::from_millis(250)];

pub(super) struct Pooling;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pooled {
    No,
    /// A backend goes from one session to the next one.
    Session,
    /// A backend goes from one transaction to the next one.
    Transaction,
}

#[async_trait(?Send)]
impl Examination for Pooling {
    fn name(&self) -> &'static str {
        "pooling"
    }

    fn connection(&self) -> Connection {
        Connection::Maintenance
    }

    async fn look(&self, site: &Site<'_>) -> Result<Vec<Look>> {
        let config = &site.world.config;
        let other = async {
            match &config.migration_url {
                Some(url) => Some(pooled(url).await),
                None => None,
            }
        };
        // At the same time, for most of it is waiting. Poolers keep a pool for each role and database, so
        // that one look takes nothing from another; where both are the same, one is enough.
        let same = config.maintenance_url == config.database_url;
        let (ours, theirs, other) = tokio::join!(
            pooled(&config.maintenance_url),
            async { if same { None } else { Some(pooled(&config.database_url).await) } },
            other
        );
        let ours = ours?;
        let mut looks = vec![direct("pooler before maintenance_url", ours)];
        // One that can't be reached at all was named by the look at connections.
        if let Ok(found) = theirs.unwrap_or(Ok(ours)) {
            looks.push(application(found, site.needs.migrations, config.migration_url.is_some()));
        }
        if let Some(Ok(found)) = other {
            looks.push(direct("pooler before migration_url", found));
        }
        Ok(looks)
    }
}

/// What has to reach the server itself.
fn direct(title: &str, pooled: Pooled) -> Look {
    let why = match pooled {
        Pooled::No => return Look::good(title, "none seen"),
        Pooled::Session => {
            "sessions are pooled: one that ended is lent to somebody else, and names are the pooler's"
        }
        Pooled::Transaction => {
            "transactions are pooled: a lock of a session is kept by nobody, so there is no lease and no timeout"
        }
    };
    Look::bad(title, why)
        .cure("let that URL name the server itself (its own host and port, often 5432), not the pooler")
}

fn application(pooled: Pooled, migrates: bool, has_other_way: bool) -> Look {
    const TITLE: &str = "pooler before database_url";
    let what = match pooled {
        Pooled::No => return Look::good(TITLE, "none seen"),
        Pooled::Session => "sessions are pooled",
        Pooled::Transaction => "transactions are pooled",
    };
    if has_other_way {
        return Look::good(TITLE, format!("{what}; the migrator goes by migration_url"));
    }
    let why = "what the migrator's session sets does not hold, and behind the closed fence the pooler is asked for a name \
               that it does not know";
    Look::needed(migrates, TITLE, format!("{what}: {why}"))
        .cure("set migration_url in that environment: the role of database_url, with the server's own host and port")
}

/// Our own session waits for one that the pooler has lent already.
const ONLY_ONE: Duration = Duration::from_secs(5);

async fn pooled(url: &DatabaseUrl) -> Result<Pooled> {
    tokio::time::timeout(2 * ONLY_ONE, look_at(url)).await.unwrap_or(Ok(Pooled::Session))
}

async fn look_at(url: &DatabaseUrl) -> Result<Pooled> {
    let one = match open(url).await {
        Err(failure) if is_of_pooler(&failure) => return Ok(Pooled::Transaction),
        opened => opened?,
    };
    let other = match tokio::time::timeout(ONLY_ONE, shared(&one, url)).await {
        Err(_) => return Ok(Pooled::Session),
        Ok(Err(failure)) if is_of_pooler(&failure) => return Ok(Pooled::Transaction),
        Ok(Err(failure)) => return Err(failure),
        Ok(Ok(None)) => return Ok(Pooled::Transaction),
        Ok(Ok(Some(other))) => other,
    };
    let (pids, older) = ([one.session.pid(), other], one.older);
    drop(one);
    for pause in GIVEN_BACK {
        tokio::time::sleep(pause).await;
        let next = open(url).await?;
        if older || next.older || pids.contains(&next.session.pid()) {
            return Ok(Pooled::Session);
        }
    }
    Ok(Pooled::No)
}

struct Opened {
    session: Session,
    older: bool,
}

async fn open(url: &DatabaseUrl) -> Result<Opened> {
    let start = Instant::now();
    let session = Session::connect(url, "switchback looks for a pooler").await?;
    let sql = "select extract(epoch from clock_timestamp() - backend_start)::float8 \
               from pg_stat_activity where pid = pg_backend_pid()";
    let age: f64 = session.one(sql, &[]).await?.get(0);
    Ok(Opened { older: age > (start.elapsed() + OLDER).as_secs_f64(), session })
}

/// The backend of a second session; none where the two share theirs while both are open.
async fn shared(one: &Opened, url: &DatabaseUrl) -> Result<Option<i32>> {
    let other = open(url).await?;
    let first: i32 = backend(&one.session).await?;
    let second: i32 = backend(&other.session).await?;
    let kept: String = one.session.one("select current_setting('search_path')", &[]).await?.get(0);
    let shared = first == second
        || one.session.pid() == other.session.pid()
        || first != one.session.pid()
        || second != other.session.pid()
        || kept != "pg_catalog";
    Ok((!shared).then_some(second))
}

async fn backend(session: &Session) -> Result<i32> {
    Ok(session.one("select pg_backend_pid()", &[]).await?.get(0))
}

/// Prepared statements that are unknown (26000) or there already (42P05), although each session
/// makes its own: the sign of a pooler that does not follow them.
pub(super) fn is_of_pooler(failure: &Failure) -> bool {
    failure.code == code::QUERY_FAILED
        && ["(26000)", "(42P05)"].iter().any(|state| failure.message.contains(state))
}
