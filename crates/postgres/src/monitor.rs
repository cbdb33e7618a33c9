//! What a server can be seen doing while something goes on in one of its databases.
//!
//! A look is one query, outside of any transaction, from a session in the maintenance database: one
//! inside the target would be in the way of the copies and renames that it watches. So names of the
//! target's relations can't be asked for at the time; [`relations`] reads them beforehand. What the
//! role may not see is left out, and said by [`Monitor::missing`].

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde::Deserialize;
use switchback_model::monitor::{Blocker, CommandProgress, LongTransaction, Replica, Waiter};
use switchback_model::{DatabaseUrl, Failure, Result, code};
use tokio_postgres::Statement;

use crate::session::Session;

/// The names of a database's relations, by their object ids.
pub type Relations = BTreeMap<u32, String>;

/// A session that looks, and the query that fits its server.
#[derive(Debug)]
pub struct Monitor {
    session: Session,
    query: Statement,
    missing: Vec<String>,
}

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The names that the target may have, one of them at a time.
    pub names: &'a [String],
    /// Whether the target's size is asked for: that reads a folder of the server.
    pub size: bool,
    /// From where on written WAL is counted; nothing: from here.
    pub wal_from: Option<&'a str>,
    /// From when on a transaction is a long one.
    pub long: Duration,
    /// What relations are called.
    pub relations: &'a Relations,
}

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// Sessions of the target that wait for a lock.
    pub waiters: Vec<Waiter>,
    /// Transactions that have been open for long, ours left out.
    pub long_transactions: Vec<LongTransaction>,
    /// Standbys, and others that receive WAL.
    pub replicas: Vec<Replica>,
    /// How far commands in the target are.
    pub commands: Vec<CommandProgress>,
    /// Where the WAL is; nothing on a standby.
    pub wal_position: Option<String>,
    /// Bytes of WAL written since; nothing on a standby.
    pub wal_bytes: Option<u64>,
    /// Bytes of the target, where they were asked for and may be seen.
    pub database_bytes: Option<u64>,
    /// Sessions in the target, ours left out.
    pub sessions: Option<u32>,
}

/// No look may ever be in anybody's way, and none may hang.
const SHORT: &str = "set statement_timeout = '2s'; set lock_timeout = '500ms'; set jit = off; \
    set max_parallel_workers_per_gather = 0; set plan_cache_mode = force_generic_plan";

impl Monitor {
    /// Opens the session. `url` must name another database than the target.
    ///
    /// # Errors
    /// As [`Session::connect`].
    pub async fn connect(url: &DatabaseUrl, application: &str) -> Result<Self> {
        let session = Session::connect(url, application).await?;
        session.batch(SHORT).await?;
        let sql = "select current_setting('server_version_num')::int4, current_user::text, \
                   pg_has_role('pg_read_all_stats', 'usage')";
        let row = session.one(sql, &[]).await?;
        let (version, role, all): (i32, String, bool) = (row.get(0), row.get(1), row.get(2));
        let missing = format!(
            "sessions, locks and progress of other roles are not seen; to see them: grant pg_monitor to {role}"
        );
        let missing = if all { Vec::new() } else { vec![missing] };
        let query = session.prepare(&query(version / 10_000)).await?;
        Ok(Self { session, query, missing })
    }

    /// What can't be seen, with the cure.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// The session that looks.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// One look.
    ///
    /// # Errors
    /// As [`Session::one`].
    pub async fn look(&self, question: Question<'_>) -> Result<Seen> {
        let Question { names, size, wal_from, long, relations } = question;
        let seconds = long.as_secs_f64();
        let row = self.session.one_prepared(&self.query, &[&names, &size, &wal_from, &seconds]).await?;
        let raw: Raw = serde_json::from_str(row.get(0)).map_err(|error| {
            Failure::new(code::INTERNAL, "what the monitor saw can't be read").because(&error)
        })?;
        Ok(raw.seen(relations))
    }
}

/// The relations of the session's database that users made.
///
/// # Errors
/// As [`Session::rows`].
pub async fn relations(session: &Session) -> Result<Relations> {
    let sql = "select c.oid, format('%I.%I', n.nspname, c.relname) \
               from pg_class c join pg_namespace n on n.oid = c.relnamespace \
               where c.oid >= 16384 and n.nspname !~ '^pg_' and c.relkind <> 'c'";
    let rows = session.rows(sql, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The query for a major version: what it has no name for yet is left out.
fn query(major: i32) -> String {
    let since = if major >= 14 { "l.waitstart" } else { "null::timestamptz" };
    let copy = if major >= 14 { include_str!("monitor/copy.sql") } else { "" };
    include_str!("monitor/look.sql").replace("@WAITSTART@", since).replace("@COPY@", copy)
}

#[derive(Deserialize)]
struct Raw {
    waiters: Vec<RawWaiter>,
    long: Vec<RawLong>,
    replicas: Vec<RawReplica>,
    commands: Vec<RawCommand>,
    wal_position: Option<String>,
    wal_bytes: Option<f64>,
    database_bytes: Option<u64>,
    sessions: u32,
}

#[derive(Deserialize)]
struct RawWaiter {
    pid: i32,
    role: Option<String>,
    application: Option<String>,
    statement: Option<String>,
    mode: Option<String>,
    locktype: Option<String>,
    relation: Option<u32>,
    built_in: Option<String>,
    waited_ms: Option<f64>,
    blockers: Option<Vec<RawBlocker>>,
}

#[derive(Deserialize)]
struct RawBlocker {
    pid: i32,
    role: Option<String>,
    application: Option<String>,
    statement: Option<String>,
}

#[derive(Deserialize)]
struct RawLong {
    pid: i32,
    database: Option<String>,
    role: Option<String>,
    application: Option<String>,
    statement: Option<String>,
    open_ms: f64,
}

#[derive(Deserialize)]
struct RawReplica {
    name: Option<String>,
    state: Option<String>,
    lag_bytes: Option<f64>,
    lag_ms: Option<f64>,
}

#[derive(Deserialize)]
struct RawCommand {
    pid: i32,
    command: Option<String>,
    relation: Option<u32>,
    phase: Option<String>,
    done: Option<f64>,
    total: Option<f64>,
    unit: String,
}

impl Raw {
    fn seen(self, relations: &Relations) -> Seen {
        Seen {
            waiters: self.waiters.into_iter().map(|waiter| waiter.seen(relations)).collect(),
            long_transactions: self.long.into_iter().map(RawLong::seen).collect(),
            replicas: self.replicas.into_iter().map(RawReplica::seen).collect(),
            commands: self.commands.into_iter().map(|command| command.seen(relations)).collect(),
            wal_position: self.wal_position,
            wal_bytes: self.wal_bytes.map(whole),
            database_bytes: self.database_bytes,
            sessions: Some(self.sessions),
        }
    }
}

impl RawWaiter {
    fn seen(self, relations: &Relations) -> Waiter {
        let wants = self.wants(relations);
        let blockers = self.blockers.unwrap_or_default();
        Waiter {
            pid: self.pid,
            who: who(self.role, self.application),
            statement: veiled(&self.statement.unwrap_or_default()),
            wants,
            waited_ms: self.waited_ms.map(whole).unwrap_or_default(),
            blocked_by: blockers.into_iter().map(RawBlocker::seen).collect(),
        }
    }

    fn wants(&self, relations: &Relations) -> String {
        let mode = self.mode.as_deref().unwrap_or("a lock");
        let relation = self.relation.map(|id| {
            let built_in = self.built_in.clone();
            relations.get(&id).cloned().or(built_in).unwrap_or_else(|| format!("relation {id}"))
        });
        match (self.locktype.as_deref(), relation) {
            (Some("relation") | None, Some(name)) => format!("{mode} on {name}"),
            (Some(kind), Some(name)) => format!("{mode} on a {kind} of {name}"),
            (Some("transactionid"), None) => format!("{mode} on the end of a transaction"),
            (Some(kind), None) => format!("{mode} on a {kind}"),
            (None, None) => mode.to_owned(),
        }
    }
}

impl RawBlocker {
    fn seen(self) -> Blocker {
        let who =
            if self.pid == 0 { "a prepared transaction".into() } else { who(self.role, self.application) };
        Blocker { pid: self.pid, who, statement: veiled(&self.statement.unwrap_or_default()) }
    }
}

impl RawLong {
    fn seen(self) -> LongTransaction {
        let statement = self.statement.unwrap_or_default();
        // A prepared transaction's name is no statement: a quote in it ends nothing.
        let statement = if self.pid == 0 { statement } else { veiled(&statement) };
        LongTransaction {
            pid: self.pid,
            database: self.database.unwrap_or_default(),
            who: who(self.role, self.application),
            statement,
            open_ms: whole(self.open_ms),
        }
    }
}

impl RawReplica {
    fn seen(self) -> Replica {
        Replica {
            name: self.name.unwrap_or_default(),
            state: self.state.unwrap_or_default(),
            lag_bytes: self.lag_bytes.map(whole),
            lag_ms: self.lag_ms.map(whole),
        }
    }
}

impl RawCommand {
    fn seen(self, relations: &Relations) -> CommandProgress {
        CommandProgress {
            pid: self.pid,
            command: self.command.unwrap_or_default(),
            relation: self.relation.and_then(|id| relations.get(&id).cloned()),
            phase: self.phase.unwrap_or_default(),
            done: self.done.map(whole).unwrap_or_default(),
            total: self.total.map(whole).unwrap_or_default(),
            unit: self.unit,
        }
    }
}

/// `role (application)`.
fn who(role: Option<String>, application: Option<String>) -> String {
    let mut who = role.unwrap_or_else(|| "a role that is not seen".into());
    if let Some(application) = application.filter(|name| !name.is_empty()) {
        let _ = write!(who, " ({application})");
    }
    who
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held within what fits")]
fn whole(number: f64) -> u64 {
    number.clamp(0.0, 9e15) as u64
}

/// How much of a statement is kept.
const LONGEST: usize = 200;

/// The beginning of a statement in one line, without its literals: what users wrote into the
/// database, or a password, is nobody's business who watches a migration. Where a quote stays open
/// the rest is left out.
pub fn veiled(sql: &str) -> String {
    let mut out = String::new();
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        rest = match c {
            '\'' => {
                out.push_str("'…'");
                let escapes = sql[..sql.len() - rest.len()].ends_with(['e', 'E']);
                after_literal(&rest[1..], escapes)
            }
            '$' if dollar_tag(rest).is_some() => {
                let tag = dollar_tag(rest).unwrap_or_default();
                out.push_str("$…$");
                rest[tag.len()..].split_once(tag).map_or("", |(_, after)| after)
            }
            '"' => {
                let end = rest[1..].find('"').map_or(rest.len(), |end| end + 2);
                out.push_str(&rest[..end]);
                &rest[end..]
            }
            '-' if rest.starts_with("--") => rest.split_once('\n').map_or("", |(_, after)| after),
            '/' if rest.starts_with("/*") => rest.split_once("*/").map_or("", |(_, after)| after),
            c => {
                out.push(c);
                &rest[c.len_utf8()..]
            }
        };
    }
    cut(&out.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// What follows the literal that begins here.
fn after_literal(text: &str, escapes: bool) -> &str {
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' if escapes => drop(chars.next()),
            '\'' if chars.peek().is_some_and(|(_, next)| *next == '\'') => drop(chars.next()),
            '\'' => return &text[at + 1..],
            _ => {}
        }
    }
    ""
}

/// `$$` or `$tag$`, where one stands here.
fn dollar_tag(text: &str) -> Option<&str> {
    let end = text[1..].find('$')? + 2;
    let name = &text[1..end - 1];
    let is_tag = name.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    is_tag.then(|| &text[..end])
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_users_wrote_is_not_shown() {
        for (sql, shown) in [
            ("select  1,\n 'a''b' from t", "select 1, '…' from t"),
            (r"select E'a\'b', 'c' , x", "select E'…', '…' , x"),
            ("do $x$ select 'secret' $x$ language sql", "do $…$ language sql"),
            ("select $1, $2", "select $1, $2"),
            ("-- don't\nselect 'secret'", "select '…'"),
            ("/* don't */ select \"it's\", 'secret'", "select \"it's\", '…'"),
            ("alter role a password 'sec", "alter role a password '…'"),
            ("do $$ begin perform 'secr", "do $…$"),
        ] {
            assert_eq!(veiled(sql), shown, "{sql}");
        }
        assert_eq!(veiled(&"ä".repeat(500)).chars().count(), LONGEST);
    }

    #[test]
    fn older_servers_are_not_asked_for_what_they_do_not_have() {
        assert!(!query(13).contains("progress_copy") && !query(13).contains("waitstart"));
        assert!(query(18).contains("progress_copy") && query(18).contains("l.waitstart"));
        assert!(!query(18).contains('@'));
    }
}
