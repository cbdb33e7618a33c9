//! Who the server is, what it holds, and what our role may do there.

use serde::{Deserialize, Serialize};
use switchback_model::{Failure, Result};

use crate::session::Session;

/// Which server this is. A promoted replica has the same identifier and a higher timeline; a
/// restored or new cluster has another identifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// `pg_control_system().system_identifier`.
    pub system_identifier: String,
    /// The timeline that it writes, which a promotion raises at once (the control file tells of it
    /// only after the next checkpoint); of a standby, the one of its last restart point.
    pub timeline: i32,
    /// `server_version_num`: 150018.
    pub version_num: i32,
    /// `15.18`.
    pub version: String,
}

impl Identity {
    /// 15 for 15.18.
    pub fn major(&self) -> u16 {
        u16::try_from(self.version_num / 10_000).unwrap_or_default()
    }

    /// Asks the server (PostgreSQL manual, 9.27.11, control data functions).
    ///
    /// # Errors
    /// As [`Session::one`].
    pub async fn read(session: &Session) -> Result<Self> {
        let row = session
            .one(
                "select s.system_identifier::text, \
                 case when pg_is_in_recovery() then c.timeline_id \
                 else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int4 end, current_setting('server_version_num')::int4, \
                 split_part(current_setting('server_version'), ' ', 1) \
                 from pg_control_system() s, pg_control_checkpoint() c",
                &[],
            )
            .await
            .map_err(not_told)?;
        Ok(Self {
            system_identifier: row.get(0),
            timeline: row.get(1),
            version_num: row.get(2),
            version: row.get(3),
        })
    }
}

/// Everybody may ask, unless somebody took that away.
fn not_told(failure: Failure) -> Failure {
    if !failure.message.contains("(42501)") {
        return failure;
    }
    failure.hint(
        "as a superuser, in the target and in the maintenance database: \
         grant execute on function pg_control_system(), pg_control_checkpoint() to public",
    )
}

/// A database of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// Its identity; a rename keeps it.
    pub oid: u32,
    /// Its name.
    pub name: String,
    /// Whether anybody may connect.
    pub allow_connections: bool,
    /// Its comment.
    pub comment: Option<String>,
    /// Its grants, as the server writes them; `None`: those that every database has.
    pub grants: Option<String>,
}

/// Every database but the templates.
///
/// # Errors
/// As [`Session::rows`].
pub async fn databases(session: &Session) -> Result<Vec<Database>> {
    let sql = "select oid, datname, datallowconn, shobj_description(oid, 'pg_database'), datacl::text \
               from pg_database where not datistemplate order by datname";
    let rows = session.rows(sql, &[]).await?;
    let database = |row: &tokio_postgres::Row| Database {
        oid: row.get(0),
        name: row.get(1),
        allow_connections: row.get(2),
        comment: row.get(3),
        grants: row.get(4),
    };
    Ok(rows.iter().map(database).collect())
}

/// The database with this name.
///
/// # Errors
/// As [`databases`].
pub async fn database(session: &Session, name: &str) -> Result<Option<Database>> {
    Ok(databases(session).await?.into_iter().find(|database| database.name == name))
}

/// A backend, as others see it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Backend {
    /// Process id.
    pub pid: i32,
    /// Role.
    pub user: String,
    /// `application_name`.
    pub application: String,
    /// `active`, `idle`, `idle in transaction`, …
    pub state: String,
    /// How long its transaction has been open, in seconds.
    pub transaction_seconds: Option<f64>,
    /// The beginning of its last statement.
    pub query: String,
}

/// The sessions in a database, but for our own. A role that may not see the others' details sees
/// NULL for them, `backend_type` included (PostgreSQL manual, 28.2.3); they count all the same.
///
/// # Errors
/// As [`Session::rows`].
pub async fn backends(session: &Session, database: u32) -> Result<Vec<Backend>> {
    let sql = "select pid, coalesce(usename::text, ''), application_name, coalesce(state, ''), \
               extract(epoch from clock_timestamp() - xact_start)::float8, coalesce(left(query, 120), '') \
               from pg_stat_activity \
               where datid = $1 and pid <> pg_backend_pid() and usesysid is not null \
               and coalesce(backend_type, 'client backend') = 'client backend' order by pid";
    let rows = session.rows(sql, &[&database]).await?;
    let backend = |row: &tokio_postgres::Row| Backend {
        pid: row.get(0),
        user: row.get(1),
        application: row.get(2),
        state: row.get(3),
        transaction_seconds: row.get(4),
        query: row.get(5),
    };
    Ok(rows.iter().map(backend).collect())
}

/// What our role may do with a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is had or not, whatever the others are")]
pub struct Rights {
    /// Our role.
    pub role: String,
    /// It is a superuser.
    pub superuser: bool,
    /// It may create databases.
    pub create_database: bool,
    /// It is the owner, or has the owner's rights.
    pub owner: bool,
    /// It may end sessions of other roles.
    pub signal_backends: bool,
}

impl Rights {
    /// Asks the server.
    ///
    /// # Errors
    /// As [`Session::one`].
    pub async fn read(session: &Session, database: &str) -> Result<Self> {
        let sql = "select rolname::text, rolsuper, rolcreatedb or rolsuper, \
                   coalesce((select pg_has_role(datdba, 'usage') from pg_database where datname = $1), false), \
                   rolsuper or pg_has_role('pg_signal_backend', 'usage') \
                   from pg_roles where rolname = current_user";
        let row = session.one(sql, &[&database]).await?;
        Ok(Self {
            role: row.get(0),
            superuser: row.get(1),
            create_database: row.get(2),
            owner: row.get(3),
            signal_backends: row.get(4),
        })
    }
}

/// How large a database is on disk, in bytes.
///
/// # Errors
/// As [`Session::one`].
pub async fn size(session: &Session, database: &str) -> Result<u64> {
    let row = session.one("select pg_database_size($1::text::name)", &[&database]).await?;
    Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or_default())
}
