//! The lock model, asked of a real server: what a statement locks, rewrites and reads through.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::collections::{BTreeMap, BTreeSet};

use switchback_postgres::Session;
use switchback_sql::ast::Stmt;
use switchback_sql::locks::{Effects, MODES, Mode, Place, effects};
use switchback_sql::schema::{Born, Schema};
use switchback_sql::{Block, PieceKind, Relation, read, split};
use switchback_testkit::{TestDatabase, cluster};

/// Tables with rows, and what statements do to them.
const GROUND: &str = include_str!("locks/ground.sql");
/// One statement after another; each is run alone and taken back.
const STATEMENTS: &str = include_str!("locks/statements.sql");

/// What the server did, or what the model says: in words that can be compared.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    locks: BTreeMap<String, &'static str>,
    rewrites: BTreeSet<String>,
    scans: BTreeSet<String>,
}

fn statements(script: &str) -> Vec<&str> {
    split(script).filter(|piece| piece.kind == PieceKind::Statement).map(|piece| piece.text(script)).collect()
}

/// The schema as the script makes it.
fn known(script: &str) -> Schema {
    let mut schema = Schema::new();
    schema.set_knows_all();
    for (number, text) in statements(script).into_iter().enumerate() {
        schema.apply(&read::read(text).unwrap(), Born { script: 0, statement: number });
    }
    schema
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

/// Runs a statement in a transaction, looks, and takes it back; what the server refuses is an error.
async fn observe(session: &Session, statement: &str) -> Result<Seen, String> {
    let before = relations(session).await;
    session.batch("begin").await.unwrap();
    let scanned = scans(session).await;
    let already: BTreeSet<_> = held(session).await.into_iter().collect();
    let ran = session.batch(statement).await;
    if let Err(failure) = ran {
        session.batch("rollback").await.unwrap();
        return Err(failure.message.clone());
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
    Ok(Seen {
        scans: scans.collect(),
        locks: strongest.into_iter().map(|(name, mode)| (name, mode.name())).collect(),
        rewrites,
    })
}

/// What the model says, of the relations that the test compares.
fn said(schema: &Schema, effects: &Effects) -> Seen {
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
fn leave_out(statement: &Stmt, seen: &mut Seen) {
    match statement {
        Stmt::Truncate { .. } | Stmt::Refresh { no_data: true, .. } => seen.rewrites.clear(),
        Stmt::Refresh { .. } | Stmt::CreateView(_) => seen.scans.clear(),
        Stmt::Insert { .. } | Stmt::Update { filter: Some(_), .. } | Stmt::Delete { .. } => {
            seen.scans.clear();
        }
        Stmt::Select(query) if query.filter.is_some() => seen.scans.clear(),
        _ => {}
    }
}

async fn prepared() -> (TestDatabase, Session) {
    let database = cluster().await.database("locks").await;
    database.run(GROUND).await;
    let session = database.session().await;
    session.batch("set search_path = public; set timezone = 'UTC'").await.unwrap();
    (database, session)
}

#[tokio::test]
async fn the_model_says_what_the_server_does() {
    let (_database, session) = prepared().await;
    let schema = known(GROUND);
    let place = Place { version: u32::from(cluster().await.major()), schema: &schema, utc: true };
    let texts = statements(STATEMENTS);
    assert!(texts.len() >= 70, "{} statements", texts.len());
    let mut wrong = Vec::new();
    for text in texts {
        let statement = read::read(text).unwrap();
        let effects = effects(&statement, place);
        match observe(&session, text).await {
            Ok(mut seen) => {
                let mut said = said(&schema, &effects);
                leave_out(&statement, &mut seen);
                leave_out(&statement, &mut said);
                if seen != said {
                    wrong.push(format!("{text}\n  server {seen:?}\n  model  {said:?}"));
                }
                if effects.block == Block::Impossible {
                    wrong.push(format!("{text}\n  ran in a transaction block"));
                }
                if !effects.maybe_rewrites.is_empty() {
                    wrong.push(format!("{text}\n  the model isn't sure"));
                }
            }
            Err(message) if message.contains("(25001)") => {
                if effects.block == Block::Possible {
                    wrong.push(format!("{text}\n  was refused in a transaction block"));
                }
            }
            Err(message) => wrong.push(format!("{text}\n  failed: {message}")),
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
