//! Keeping others out of a database, and moving databases by name.
//!
//! Every act here is safe to repeat: it looks where things are and does what is missing.

use std::time::{Duration, Instant};

use switchback_model::{Failure, Result, code};

use crate::server::{self, Backend};
use crate::session::{Session, ident};
use crate::settings::DatabaseSettings;

/// How long sessions have to go away after they were told to.
const GOING: Duration = Duration::from_secs(20);

/// Ends the client sessions in a database that `which` picks, and returns when they are gone; says
/// how many there were.
///
/// # Errors
/// [`code::FENCE`] where one stays, named.
pub async fn end_sessions(
    session: &Session,
    database: u32,
    which: impl Fn(&Backend) -> bool,
) -> Result<usize> {
    let start = Instant::now();
    let mut ended = std::collections::BTreeSet::new();
    loop {
        let left: Vec<_> =
            server::backends(session, database).await?.into_iter().filter(|b| which(b)).collect();
        if left.is_empty() {
            return Ok(ended.len());
        }
        if start.elapsed() > GOING {
            return Err(staying(&left[0]));
        }
        for backend in &left {
            ended.insert(backend.pid);
            let ended_now = session.rows("select pg_terminate_backend($1)", &[&backend.pid]).await;
            ended_now.map_err(|failure| not_ours(failure, backend))?;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn staying(backend: &Backend) -> Failure {
    let message =
        format!("session {} of role {} ({}) does not end", backend.pid, backend.user, backend.application);
    Failure::new(code::FENCE, message).cause(format!("{}: {}", backend.state, backend.query))
}

/// `pg_signal_backend` is not enough for a superuser's session (PostgreSQL manual, section 22.5).
fn not_ours(failure: Failure, backend: &Backend) -> Failure {
    let failure = failure.cause(format!(
        "it is of role {} ({}), {}: {}",
        backend.user, backend.application, backend.state, backend.query
    ));
    let end = format!("a superuser can end it: select pg_terminate_backend({})", backend.pid);
    let told = failure.causes.iter().chain([&failure.message]);
    if told.into_iter().any(|text| text.to_lowercase().contains("superuser")) {
        return failure.hint(end);
    }
    failure.hint("grant pg_signal_backend to the role of maintenance_url, or let a superuser be it").hint(end)
}

/// Opens or closes a database for new connections.
///
/// # Errors
/// As [`Session::batch`].
pub async fn allow_connections(session: &Session, name: &str, allow: bool) -> Result<()> {
    session.batch(&format!("alter database {} allow_connections {allow}", ident(name))).await
}

/// Renames databases, all in one transaction, each emptied of sessions first; afterwards the last
/// names accept connections (`open`) or not.
///
/// # Errors
/// [`code::FENCE`] where a session does not go away; nothing is renamed then, and the databases
/// accept connections again.
pub async fn rename(session: &Session, renames: &[(u32, &str, &str)], open: bool) -> Result<()> {
    for (_, from, _) in renames {
        allow_connections(session, from, false).await?;
    }
    let ended = rename_closed(session, renames).await;
    let names = renames.iter().map(|(_, from, to)| if ended.is_ok() { *to } else { *from });
    for name in names.filter(|_| open || ended.is_err()) {
        allow_connections(session, name, true).await?;
    }
    ended
}

async fn rename_closed(session: &Session, renames: &[(u32, &str, &str)]) -> Result<()> {
    let statement =
        |(_, from, to): &(u32, &str, &str)| format!("alter database {} rename to {}", ident(from), ident(to));
    // One message of the simple protocol is one transaction (PostgreSQL manual, 55.2.2.1).
    let sql = renames.iter().map(statement).collect::<Vec<_>>().join("; ");
    let mut last = None;
    // A session that was on its way in when the door closed is met by a second try.
    for _ in 0..5 {
        for (oid, _, _) in renames {
            end_sessions(session, *oid, |_| true).await?;
        }
        match session.batch(&sql).await {
            Ok(()) => return Ok(()),
            Err(failure) if failure.code == code::CONNECTION_LOST => return Err(failure),
            Err(failure) => last = Some(failure),
        }
    }
    let failure = last.unwrap_or_else(|| Failure::new(code::FENCE, "nothing was renamed"));
    Err(Failure::new(code::FENCE, "a database can't be renamed")
        .cause(failure.to_string())
        .cause(failure.causes.join("; ")))
}

/// Lets nobody connect to a database but superusers and these roles. A privilege that was given by
/// a role that ours can't become stays; [`who_may_connect`] names whom it lets in.
///
/// # Errors
/// As [`DatabaseSettings::apply`], but for what the server refuses.
pub async fn admit_only(session: &Session, name: &str, roles: &[String]) -> Result<()> {
    let now = DatabaseSettings::read(session, name).await?;
    let wanted = now.closed_but_to(roles);
    if wanted == now {
        return Ok(());
    }
    match wanted.apply(session, name).await {
        Err(failure) if failure.code != code::METADATA => Err(failure),
        _ => Ok(()),
    }
}

/// Roles that may log in and connect to a database, but for superusers and these.
///
/// # Errors
/// As [`Session::rows`].
pub async fn who_may_connect(session: &Session, name: &str, but: &[String]) -> Result<Vec<String>> {
    let sql = "select rolname::text from pg_roles where rolcanlogin and not rolsuper and rolname <> all ($2::text[]) \
               and has_database_privilege(oid, $1::text, 'connect') order by 1";
    Ok(session.rows(sql, &[&name, &but]).await?.iter().map(|row| row.get(0)).collect())
}

/// Makes read-only transactions the database's default, or takes that back. A session can override
/// it: this asks, it does not enforce (PostgreSQL manual, 20.11.1).
///
/// # Errors
/// As [`Session::batch`].
pub async fn default_read_only(session: &Session, name: &str, on: bool) -> Result<()> {
    let change =
        if on { "set default_transaction_read_only = on" } else { "reset default_transaction_read_only" };
    session.batch(&format!("alter database {} {change}", ident(name))).await
}

/// The prepared transactions of a database: they hold locks, and no rename or copy passes them.
///
/// # Errors
/// As [`Session::rows`].
pub async fn prepared(session: &Session, name: &str) -> Result<Vec<String>> {
    let rows =
        session.rows("select gid from pg_prepared_xacts where database = $1::text::name", &[&name]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The transaction id that would be given next in the whole cluster.
///
/// # Errors
/// As [`Session::one`].
pub async fn next_xid(session: &Session) -> Result<u64> {
    let text: String = session.one("select pg_snapshot_xmax(pg_current_snapshot())::text", &[]).await?.get(0);
    Ok(text.parse().unwrap_or_default())
}
