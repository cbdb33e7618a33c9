//! What a statement does, as the server shows it and as the model says it, in words that can be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use switchback_postgres::Session;
use switchback_sql::Relation;
use switchback_sql::ast::Stmt;
use switchback_sql::locks::{Effects, MODES, Mode};
use switchback_sql::schema::Schema;

/// What the server did, or what the model says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    locks: BTreeMap<String, &'static str>,
    rewrites: BTreeSet<String>,
    scans: BTreeSet<String>,
}

/// How a statement ended in a transaction block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It ran.
    Ran(Seen),
    /// It may not stand in one.
    NotInBlock,
    /// It was refused for another reason.
    Refused(String),
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: Vec<String> =
            self.locks.iter().map(|(relation, mode)| format!("{mode} on `{relation}`")).collect();
        let more = |what: &str, names: &BTreeSet<String>| {
            (!names.is_empty()).then(|| {
                format!("{what} {}", names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", "))
            })
        };
        words.extend(more("writes anew", &self.rewrites));
        words.extend(more("reads through", &self.scans));
        if words.is_empty() {
            words.push("nothing".to_owned());
        }
        f.write_str(&words.join(", "))
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ran(seen) => seen.fmt(f),
            Self::NotInBlock => f.write_str("not in a transaction block"),
            Self::Refused(_) => f.write_str("refused"),
        }
    }
}

/// Relations, by name, of kinds that the test compares; with their file.
async fn relations(session: &Session) -> BTreeMap<u32, (String, u32)> {
    let sql = "select c.oid, c.relname::text, c.relfilenode from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')";
    let rows = session.rows(sql, &[]).await.unwrap();
    rows.into_iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect()
}

async fn scans(session: &Session) -> BTreeMap<u32, i64> {
    let sql = "select c.oid, pg_stat_get_xact_numscans(c.oid) from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'm')";
    let rows = session.rows(sql, &[]).await.unwrap();
    rows.into_iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn held(session: &Session) -> Vec<(u32, String)> {
    let sql = "select relation, mode from pg_locks
        where pid = pg_backend_pid() and locktype = 'relation' and granted";
    let rows = session.rows(sql, &[]).await.unwrap();
    rows.into_iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// `ShareUpdateExclusiveLock`, as the model has it.
fn mode(server: &str) -> Mode {
    let bare = |name: &str| name.replace(' ', "").to_uppercase();
    let server = bare(server.trim_end_matches("Lock"));
    MODES.into_iter().find(|mode| bare(mode.name()) == server).unwrap()
}

/// Runs a statement in a transaction, looks, and takes it back.
pub(crate) async fn observe(session: &Session, statement: &str) -> Ended {
    let before = relations(session).await;
    session.batch("begin").await.unwrap();
    let scanned = scans(session).await;
    let already: BTreeSet<_> = held(session).await.into_iter().collect();
    let ran = session.batch(statement).await;
    if let Err(failure) = ran {
        session.batch("rollback").await.unwrap();
        let message = failure.message.clone();
        return if message.contains("(25001)") { Ended::NotInBlock } else { Ended::Refused(message) };
    }
    let locks = held(session).await;
    let (after, scanned_now) = (relations(session).await, scans(session).await);
    session.batch("rollback").await.unwrap();
    let mut strongest: BTreeMap<String, Mode> = BTreeMap::new();
    for (oid, name) in locks.into_iter().filter(|lock| !already.contains(lock)) {
        if let Some((relation, _)) = before.get(&oid) {
            let held = strongest.entry(relation.clone()).or_insert(mode(&name));
            *held = mode(&name).max(*held);
        }
    }
    let rewritten = |oid: &&u32| after.get(oid).is_some_and(|now| now.1 != before[*oid].1);
    let rewrites: BTreeSet<String> =
        before.keys().filter(rewritten).map(|oid| before[oid].0.clone()).collect();
    let read = |oid: &&u32| scanned_now.get(oid).unwrap_or(&0) > scanned.get(oid).unwrap_or(&0);
    let scans =
        before.keys().filter(read).map(|oid| before[oid].0.clone()).filter(|name| !rewrites.contains(name));
    Ended::Ran(Seen {
        scans: scans.collect(),
        locks: strongest.into_iter().map(|(name, mode)| (name, mode.name())).collect(),
        rewrites,
    })
}

/// What the model says, of the relations that the test compares.
pub(crate) fn said(schema: &Schema, effects: &Effects) -> Seen {
    let there = |name: &Relation| schema.table(name).is_some();
    let names =
        |names: &[Relation]| names.iter().filter(|name| there(name)).map(|name| name.name.clone()).collect();
    let locks = effects.locks.iter().filter(|lock| there(&lock.relation));
    Seen {
        locks: locks.map(|lock| (lock.relation.name.clone(), lock.mode.name())).collect(),
        rewrites: names(&effects.rewrites),
        scans: names(&effects.scans),
    }
}

/// What is compared of a statement beside its locks: a new file isn't a rewrite where rows are thrown
/// away, and which way a query goes to its rows is up to the planner.
pub(crate) fn leave_out(statement: &Stmt, seen: &mut Seen) {
    match statement {
        Stmt::Truncate { .. } | Stmt::Refresh { no_data: true, .. } => seen.rewrites.clear(),
        Stmt::Refresh { .. } | Stmt::CreateView(_) | Stmt::Merge { .. } => seen.scans.clear(),
        Stmt::Insert { .. } | Stmt::Update { filter: Some(_), .. } | Stmt::Delete { .. } => {
            seen.scans.clear();
        }
        Stmt::Select(query) if query.filter.is_some() || query.tables.len() > 1 => seen.scans.clear(),
        _ => {}
    }
}
