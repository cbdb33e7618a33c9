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
/// How long a session that was closed may take to be given back.
const GIVEN_BACK: Duration = Duration::from_millis(30);

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
        let mut looks = vec![maintenance(pooled(&config.maintenance_url).await?)];
        if site.application().is_ok() {
            looks.push(application(pooled(&config.database_url).await?, site.needs.closed_fence));
        }
        Ok(looks)
    }
}

fn maintenance(pooled: Pooled) -> Look {
    const TITLE: &str = "pooler before maintenance_url";
    const CURE: &str =
        "let maintenance_url name the server itself (its own port, often 5432), not the pooler";
    match pooled {
        Pooled::No => Look::good(TITLE, "none seen"),
        Pooled::Session => {
            Look::note(TITLE, "sessions are pooled: the fence ends the pooler's own sessions too").cure(CURE)
        }
        Pooled::Transaction => {
            let why = "transactions are pooled: a lock of a session is kept by nobody, so there is no lease";
            Look::bad(TITLE, why).cure(CURE)
        }
    }
}

fn application(pooled: Pooled, closed_fence: bool) -> Look {
    const TITLE: &str = "pooler before database_url";
    if pooled == Pooled::No {
        return Look::good(TITLE, "none seen");
    }
    let what = if pooled == Pooled::Session { "sessions are pooled" } else { "transactions are pooled" };
    let look = if closed_fence {
        let why = "behind the closed fence the migrator asks it for the target's other name";
        Look::note(TITLE, format!("{what}; {why}"))
    } else {
        Look::note(TITLE, format!("{what}: timeouts set by the migrator's session may not hold"))
    };
    look.cure(
        "let the pooler pass every database name on (pgbouncer.ini: `* = host=…`), or name the server itself",
    )
}

async fn pooled(url: &DatabaseUrl) -> Result<Pooled> {
    let one = match open(url).await {
        Err(failure) if of_pooler(&failure) => return Ok(Pooled::Transaction),
        opened => opened?,
    };
    match shared(&one, url).await {
        Err(failure) if of_pooler(&failure) => return Ok(Pooled::Transaction),
        Err(failure) => return Err(failure),
        Ok(true) => return Ok(Pooled::Transaction),
        Ok(false) => {}
    }
    let (pid, older) = (one.session.pid(), one.older);
    drop(one);
    tokio::time::sleep(GIVEN_BACK).await;
    let next = open(url).await?;
    let again = next.session.pid() == pid || next.older || older;
    Ok(if again { Pooled::Session } else { Pooled::No })
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

/// Whether a second session is given the first one's backend while that is open.
async fn shared(one: &Opened, url: &DatabaseUrl) -> Result<bool> {
    let other = open(url).await?;
    let first: i32 = backend(&one.session).await?;
    let second: i32 = backend(&other.session).await?;
    let kept: String = one.session.one("select current_setting('search_path')", &[]).await?.get(0);
    Ok(first == second
        || one.session.pid() == other.session.pid()
        || first != one.session.pid()
        || second != other.session.pid()
        || kept != "pg_catalog")
}

async fn backend(session: &Session) -> Result<i32> {
    Ok(session.one("select pg_backend_pid()", &[]).await?.get(0))
}

/// Prepared statements that are unknown (26000) or there already (42P05), although each session
/// makes its own: the sign of a pooler that does not follow them.
fn of_pooler(failure: &Failure) -> bool {
    failure.code == code::QUERY_FAILED
        && ["(26000)", "(42P05)"].iter().any(|state| failure.message.contains(state))
}
