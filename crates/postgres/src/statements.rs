//! What statements cost, as `pg_stat_statements` counts it.
//!
//! The extension counts for the whole server and is made in one database of it: so the session may
//! be in any database that has it. Its counters only rise, until somebody resets them or a statement
//! is forgotten for a newer one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use switchback_model::Result;

use crate::monitor::veiled;
use crate::session::Session;

/// What the counters of a statement say at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counter {
    /// How often it ran.
    pub calls: u64,
    /// Milliseconds in all.
    pub total_ms: f64,
}

/// The counters by the server's identity of a statement.
pub type Counters = BTreeMap<i64, Counter>;

/// The extension, where it can be asked.
pub struct Statements<'a> {
    session: &'a Session,
    function: String,
}

/// Whose statements are counted.
#[derive(Clone, Copy, Debug)]
pub struct Whose<'a> {
    /// The target's identity.
    pub database: u32,
    /// A role that is left out: ours, where it is nobody else's.
    pub except: Option<&'a str>,
}

impl<'a> Statements<'a> {
    /// The extension in the session's database, where it is there.
    ///
    /// # Errors
    /// As [`Session::optional`].
    pub async fn find(session: &'a Session) -> Result<Option<Self>> {
        let sql = "select format('%I.pg_stat_statements', n.nspname) from pg_extension e \
                   join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_stat_statements'";
        let row = session.optional(sql, &[]).await?;
        Ok(row.map(|row| Self { session, function: row.get(0) }))
    }

    /// The counters, and how many statements are there that our role may not see.
    ///
    /// # Errors
    /// As [`Session::rows`]: also where the library is not loaded, or the extension is older than
    /// the server.
    pub async fn counters(&self, whose: Whose<'_>) -> Result<(Counters, u64)> {
        let sql = format!(
            "select queryid, sum(calls)::int8, sum(total_exec_time)::float8, count(*) from {}(false) \
             where dbid = $1 and userid is distinct from (select oid from pg_roles where rolname = $2) group by 1",
            self.function
        );
        let (mut counters, mut hidden) = (Counters::new(), 0);
        for row in self.session.rows(&sql, &[&whose.database, &whose.except]).await? {
            let number = |column: usize| u64::try_from(row.get::<_, i64>(column)).unwrap_or_default();
            match row.get::<_, Option<i64>>(0) {
                Some(id) => {
                    counters.insert(id, Counter { calls: number(1), total_ms: row.get(2) });
                }
                None => hidden += number(3),
            }
        }
        Ok((counters, hidden))
    }

    /// The texts of statements, without literals.
    ///
    /// # Errors
    /// As [`Session::rows`].
    pub async fn texts(&self, whose: Whose<'_>, ids: &[i64]) -> Result<BTreeMap<i64, String>> {
        let sql = format!(
            "select queryid, min(left(query, 600)) from {}(true) where dbid = $1 and queryid = any($2) group by 1",
            self.function
        );
        let rows = self.session.rows(&sql, &[&whose.database, &ids]).await?;
        let text = |row: &crate::Row| row.get::<_, Option<&str>>(1).map(veiled).unwrap_or_default();
        Ok(rows.iter().map(|row| (row.get(0), text(row))).collect())
    }
}
