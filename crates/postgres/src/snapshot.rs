//! One consistent view of a database, shared by several sessions.
//!
//! PostgreSQL manual, 9.28.5 (Snapshot Synchronization Functions) and `SET TRANSACTION`: a
//! transaction exports its snapshot, others of the same database take it over as long as the first
//! one stays open. `pg_dump --snapshot` does the same.

use switchback_model::{DatabaseUrl, Result};

use crate::session::{Session, literal};

/// `transaction_timeout` is there from PostgreSQL 17 on, and would end a long read half-way.
const UNLIMITED: &str =
    "select set_config(name, '0', false) from pg_settings where name = 'transaction_timeout'";

const BEGIN: &str = "begin transaction isolation level repeatable read, read only";

/// A session that keeps an exported snapshot alive. Dropped, it ends the connection and with it the
/// snapshot; sessions that took it over keep their view.
#[derive(Debug)]
pub struct SnapshotHolder {
    session: Session,
    id: String,
}

impl SnapshotHolder {
    /// Opens a read-only, repeatable-read transaction on `session`, which must not be in one
    /// already, and exports its snapshot.
    ///
    /// While it is held, the server can't remove dead rows younger than it: hold it no longer than
    /// the reading takes.
    ///
    /// # Errors
    /// [`QUERY_FAILED`](switchback_model::code::QUERY_FAILED),
    /// [`CONNECTION_LOST`](switchback_model::code::CONNECTION_LOST).
    pub async fn take(session: Session) -> Result<Self> {
        session.rows(UNLIMITED, &[]).await?;
        session.batch(BEGIN).await?;
        let id = session.one("select pg_export_snapshot()", &[]).await?.get(0);
        Ok(Self { session, id })
    }

    /// Connects to `url` as `application` and takes a snapshot there.
    ///
    /// # Errors
    /// Those of [`Session::connect`] and [`SnapshotHolder::take`].
    pub async fn open(url: &DatabaseUrl, application: &str) -> Result<Self> {
        Self::take(Session::connect(url, application).await?).await
    }

    /// The snapshot's id, for [`in_snapshot`] and `pg_dump --snapshot`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The session that holds it; its own queries see the snapshot too.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The session, still in its transaction, and the id.
    pub(crate) fn into_parts(self) -> (Session, String) {
        (self.session, self.id)
    }

    /// Ends the transaction and gives the session back.
    ///
    /// # Errors
    /// [`CONNECTION_LOST`](switchback_model::code::CONNECTION_LOST): the snapshot is gone then too.
    pub async fn release(self) -> Result<Session> {
        self.session.batch("commit").await?;
        Ok(self.session)
    }
}

/// Opens one more session to the database of `url`, in a read-only transaction that sees the
/// snapshot `id`. The view lasts as long as that transaction, also when the holder is gone.
///
/// # Errors
/// Those of [`Session::connect`]; [`QUERY_FAILED`](switchback_model::code::QUERY_FAILED) where the
/// snapshot is not held any more or belongs to another database.
pub async fn in_snapshot(url: &DatabaseUrl, application: &str, id: &str) -> Result<Session> {
    let session = Session::connect(url, application).await?;
    session.rows(UNLIMITED, &[]).await?;
    session.batch(&format!("{BEGIN}; set transaction snapshot {}", literal(id))).await?;
    Ok(session)
}
