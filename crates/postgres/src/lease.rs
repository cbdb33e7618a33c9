//! One run per target: an advisory lock while the operator lives, a marker for when it does not.
//!
//! The lock is taken in the maintenance database, so that the target can be renamed and copied
//! under it (PostgreSQL manual, 13.3.5). The marker is the comment of the target itself: comments
//! of databases are kept outside of them, survive a rename and are not copied with a template. The
//! comment that was there before is kept inside.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use switchback_model::{Failure, Result, code};

use crate::server::{self, Database, Identity};
use crate::session::{Session, ident, literal};

/// How long a backend may take to end; who asks for the lock then is told that it is held.
const ENDED: Duration = Duration::from_secs(10);
/// What a marker's comment begins with.
const PREFIX: &str = "switchback: ";

/// The note on the server that a run is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// The run.
    pub run: String,
    /// The target's own name, whatever the database is called now.
    pub target: String,
    /// The operator's host.
    pub host: String,
    /// The run's folder there.
    pub journal: String,
    /// The comment that the database had before.
    pub comment: Option<String>,
    /// The grants that it had before the fence took them, as the server writes them, for whoever has
    /// to give them back by hand; `None`: those that every database has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<String>,
}

impl Marker {
    /// The marker in a comment, where it is one.
    pub fn read(comment: Option<&str>) -> Option<Self> {
        serde_json::from_str(comment?.strip_prefix(PREFIX)?).ok()
    }

    /// As it stands in a comment.
    pub fn text(&self) -> String {
        format!("{PREFIX}{}", serde_json::to_string(self).unwrap_or_default())
    }

    /// Why nobody else may begin, and where the run can be brought to an end.
    pub fn refusal(&self) -> Failure {
        let message =
            format!("run {} is open on `{}`; its journal is on host {}", self.run, self.target, self.host);
        Failure::new(code::TARGET_LEASED, message)
            .cause(format!("the journal is in {}", self.journal))
            .changed("nothing was changed")
            .hint(format!(
                "on {}: switchback resume {run}, or switchback abort {run}",
                self.host,
                run = self.run
            ))
            .hint("if that host is gone for ever, by hand: switchback explain SB0303")
    }
}

/// The marker that is open for a target, and the databases that carry it.
///
/// # Errors
/// As [`server::databases`].
pub async fn open_marker(session: &Session, target: &str) -> Result<Option<(Marker, Vec<Database>)>> {
    let mut found: Option<(Marker, Vec<Database>)> = None;
    for database in server::databases(session).await? {
        let marker = Marker::read(database.comment.as_deref()).filter(|marker| marker.target == target);
        match (marker, &mut found) {
            (Some(marker), None) => found = Some((marker, vec![database])),
            (Some(marker), Some((first, databases))) if marker.run == first.run => databases.push(database),
            _ => {}
        }
    }
    Ok(found)
}

/// Sets or removes the comment of a database.
///
/// # Errors
/// As [`Session::batch`]: only its owner may.
pub async fn set_comment(session: &Session, database: &str, comment: Option<&str>) -> Result<()> {
    let comment = comment.map_or_else(|| "null".to_owned(), literal);
    session.batch(&format!("comment on database {} is {comment}", ident(database))).await
}

/// Takes the lock of a target, or says who has it.
///
/// # Errors
/// [`code::TARGET_LEASED`] where another session has it.
pub async fn take_lock(session: &Session, identity: &Identity, target: &str) -> Result<()> {
    let key = lock_key(&identity.system_identifier, target);
    if session.one("select pg_try_advisory_lock($1)", &[&key]).await?.get(0) {
        return Ok(());
    }
    let who = holder(session, key).await?;
    Err(Failure::new(code::TARGET_LEASED, format!("another run has the lease of `{target}`"))
        .cause(who.unwrap_or_else(|| "its session can't be seen with this role's rights".into()))
        .changed("nothing was changed")
        .hint("wait for it, or look where it runs: switchback status"))
}

/// Ends the one backend that is named, where it has the lock, and waits until it is gone: the session of
/// a holder whose connection broke without the server hearing of it. Any other holder is left alone.
///
/// # Errors
/// As [`Session::rows`].
pub async fn end_holder(session: &Session, identity: &Identity, target: &str, pid: i32) -> Result<()> {
    let key = lock_key(&identity.system_identifier, target);
    let sql = format!("select pg_terminate_backend(pid) from ({HELD}) held where pid = $2");
    let start = Instant::now();
    while !session.rows(&sql, &[&key, &pid]).await?.is_empty() && start.elapsed() < ENDED {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Whether this session still has the lock.
///
/// # Errors
/// As [`Session::one`].
pub async fn has_lock(session: &Session, identity: &Identity, target: &str) -> Result<bool> {
    let key = lock_key(&identity.system_identifier, target);
    let sql = format!("select exists ({HELD} and pid = pg_backend_pid())");
    Ok(session.one(&sql, &[&key]).await?.get(0))
}

/// A 64-bit key is shown in two halves (PostgreSQL manual, 54.12, `pg_locks`).
const HELD: &str = "select pid from pg_locks where locktype = 'advisory' and objsubid = 1 and granted \
    and ((classid::int8 << 32) | objid::int8) = $1 \
    and database = (select oid from pg_database where datname = current_database())";

async fn holder(session: &Session, key: i64) -> Result<Option<String>> {
    let sql = format!(
        "select format('session %s: role %s, %s, from %s, since %s', pid, usename, application_name, \
         coalesce(client_addr::text, 'this host'), to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS TZ')) \
         from pg_stat_activity where pid in ({HELD})"
    );
    Ok(session.optional(&sql, &[&key]).await?.map(|row| row.get(0)))
}

/// The beginning of a SHA-256, so that no other tool's key is met by chance.
fn lock_key(system_identifier: &str, target: &str) -> i64 {
    let digest = Sha256::digest(format!("switchback lease {system_identifier} {target}"));
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(first)
}
