//! A copy of a database on the same server.

use switchback_engine::cancel::Cancel;
use switchback_model::{Effect, Failure, Result, code};

use crate::fence;
use crate::server;
use crate::session::{Session, ident};

/// Below this size a copy through the WAL is quicker than two checkpoints (measured: 7 against 60 s
/// for a hundred small databases).
const SMALL: u64 = 200 << 20;

/// Copies `source` to the new database `copy`, owned by the role of `session`, closed for
/// connections and with the given comment from its first moment on.
///
/// The source takes no connections meanwhile: `CREATE DATABASE … TEMPLATE` needs it to itself
/// (PostgreSQL manual, 23.3). A copy of that name that is there already is taken as done only by
/// the caller's probe; here it is an error of the server.
///
/// # Errors
/// [`code::RESTORE_POINT`]; the source accepts connections again then.
pub async fn clone(session: &Session, source: &str, copy: &str, cancel: &Cancel) -> Result<()> {
    let Some(from) = server::database(session, source).await? else {
        return Err(Failure::new(code::RESTORE_POINT, format!("there is no database `{source}` to copy")));
    };
    let sql = statement(session, source, copy).await?;
    fence::allow_connections(session, source, false).await?;
    let made = match fence::end_sessions(session, from.oid, |_| true).await {
        Ok(_) => cancellable(session, &sql, cancel).await,
        Err(failure) => Err(failure),
    };
    fence::allow_connections(session, source, true).await?;
    made.map_err(|failure| {
        let outer = Failure::new(code::RESTORE_POINT, format!("`{source}` can't be copied on its server"));
        let outer = outer.cause(failure.message).effect(Effect::Unknown);
        failure.causes.into_iter().fold(outer, Failure::cause)
    })
}

async fn statement(session: &Session, source: &str, copy: &str) -> Result<String> {
    let version: i32 = session.one("select current_setting('server_version_num')::int4", &[]).await?.get(0);
    let size = server::size(session, source).await?;
    let strategy = match (version >= 150_000, size < SMALL) {
        (true, true) => " strategy wal_log",
        (true, false) => " strategy file_copy",
        (false, _) => "",
    };
    Ok(format!(
        "create database {} template {}{strategy} allow_connections false",
        ident(copy),
        ident(source)
    ))
}

/// Runs a long statement; a person's word cancels it on the server too.
///
/// # Errors
/// As [`Session::batch`]; [`code::INTERRUPTED`].
pub async fn cancellable(session: &Session, sql: &str, cancel: &Cancel) -> Result<()> {
    let running = session.batch(sql);
    tokio::pin!(running);
    tokio::select! {
        done = &mut running => return done,
        () = cancel.cancelled() => {}
    }
    let asked = session.canceller().cancel().await;
    // It may have finished just before it was asked to stop; then it is done.
    match running.await {
        Ok(()) => Ok(()),
        Err(failure) if asked.is_ok() => {
            Err(Failure::new(code::INTERRUPTED, "interrupted").cause(failure.message))
        }
        Err(failure) => Err(failure),
    }
}

/// Drops a database of ours, with all its sessions; one that is not there is no error.
///
/// # Errors
/// As [`Session::batch`].
pub async fn drop_database(session: &Session, name: &str) -> Result<()> {
    session.batch(&format!("drop database if exists {} with (force)", ident(name))).await
}
