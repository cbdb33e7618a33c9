//! What the data of a database is: rows and a digest of every table, sequences, large objects.
//!
//! Two databases with equal facts hold the same rows, whatever order, page or row version they are
//! stored in. It is how a restored backup is proven, how "nothing was written since" is known, and
//! how a rehearsed way back is judged.
//!
//! # The digest of a table
//! Each row is written as text, as `SELECT` shows it; the text is hashed by `hashtextextended` with
//! the seeds 0 and 1; the hashes are summed.
//!
//! - *Text, not `hash_record_extended`*: record hashes take 1.0 and 1.00 for equal, know no `json`,
//!   `xml` or `point`, and are not there before PostgreSQL 14. Text shows what a reader of the row
//!   would see. Output settings are pinned by [`Session`], so the text depends on the value alone.
//! - *A sum, not xor*: xor forgets every row that stands there twice. A sum counts duplicates, needs
//!   no order, and sums of parts are the sum of the whole, so parts can be read in parallel.
//! - *Two seeds*: 128 bits, so that a difference that cancels itself out by accident is out of
//!   question. It is no protection against a person who makes rows to that end.
//!
//! Hashes depend on the byte order of the server's machine, texts on the encoding of the database:
//! compare databases for which both are the same. A `real` or `double precision` is written in its
//! shortest exact form.
//!
//! # What is not covered
//! Foreign tables, materialized views without data, and tables that an extension
//! makes anew: they are named in [`DataFacts::left_out`]. Temporary tables and system schemas are
//! not looked at.

use std::cell::RefCell;
use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use switchback_engine::cancel::Cancel;
use switchback_model::{DatabaseUrl, Result};
use tokio_postgres::Row;

pub use facts::{DataDifference, DataFacts, SequenceFacts, TableFacts};
use piece::{Part, Piece, Relation, Sums};
use stop::{cancel_queries, cancellable};

use crate::session::{Session, literal};
use crate::snapshot::{SnapshotHolder, in_snapshot};

mod facts;
mod piece;
mod stop;

/// Names are written the same way wherever they are read.
const NAMES: &str = "set quote_all_identifiers = off";

/// A piece is found by its block numbers, never by reading the table and throwing most of it away;
/// one piece is the work of one process; and compiling costs more than it gains.
const PLANNER: &str = "set enable_seqscan = off; set max_parallel_workers_per_gather = 0; set jit = off";

/// TID range scans, without which each piece of a table costs as much as the whole, came with 14.
const TID_RANGES: i32 = 140_000;

/// How many sequences one query reads.
const SEQUENCES: usize = 100;

/// What to read, and how.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope<'a> {
    /// A snapshot to read in ([`SnapshotHolder::id`]); without it, one is taken.
    pub snapshot: Option<&'a str>,
    /// How many sessions read at once; at least one does. With more than one, big tables are read
    /// in pieces, through the server's shared buffers; with one, each table is one sequential scan.
    pub jobs: usize,
    /// The relations to read, as they are named in [`DataFacts`]; without it, all of them and the
    /// large objects. What is named and not there is said in [`DataFacts::left_out`].
    pub only: Option<&'a [String]>,
}

impl Scope<'_> {
    fn has(&self, name: &str) -> bool {
        self.only.is_none_or(|names| names.iter().any(|wanted| wanted == name))
    }
}

/// Reads the data facts of the database of `url`. Every table is read to its end.
///
/// The largest pieces come first. `progress` hears how many bytes are done of how many, by the size
/// of the relations on disk.
///
/// # Errors
/// Those of [`Session::connect`] and of a query. A relation or large object that can't be read
/// (a missing privilege, row security) is a failure. [`INTERRUPTED`](switchback_model::code::INTERRUPTED) when `cancel` is heard;
/// on any failure the queries that still run on the server are cancelled before this returns.
pub async fn read(
    url: &DatabaseUrl,
    application: &str,
    scope: Scope<'_>,
    cancel: &Cancel,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<DataFacts> {
    let (first, snapshot) = match scope.snapshot {
        Some(id) => (in_snapshot(url, application, id).await?, id.to_owned()),
        None => SnapshotHolder::open(url, application).await?.into_parts(),
    };
    let mut sessions = vec![first];
    let (mut facts, pieces) = cancellable(cancel, &sessions, list(&sessions[0], &scope)).await?;
    while sessions.len() < scope.jobs.min(pieces.len()) {
        sessions.push(in_snapshot(url, application, &snapshot).await?);
    }
    let reading = work_all(&sessions, pieces, progress);
    let (tables, large_objects) = cancellable(cancel, &sessions, reading).await?;
    facts.tables = tables.iter().map(|(name, sums)| (name.clone(), sums.facts())).collect();
    if scope.only.is_none() {
        facts.large_objects = large_objects.facts();
    }
    Ok(facts)
}

/// What there is to read, the largest last; and the facts that are known without reading tables.
async fn list(session: &Session, scope: &Scope<'_>) -> Result<(DataFacts, Vec<Piece>)> {
    session.batch(NAMES).await?;
    let version: i32 = session.one("select current_setting('server_version_num')::int4", &[]).await?.get(0);
    let divide = scope.jobs > 1 && version >= TID_RANGES;
    let (mut facts, mut pieces, mut sequences) = (DataFacts::default(), Vec::new(), Vec::new());
    for row in session.rows(include_str!("relations.sql"), &[]).await? {
        let relation = Relation::of(&row);
        if !scope.has(&relation.name) {
            continue;
        }
        match relation.left_out.clone() {
            Some(why) => drop(facts.left_out.insert(relation.name, why)),
            None if relation.kind == "S" => sequences.push(relation.name),
            None => pieces.extend(relation.pieces(divide)),
        }
    }
    facts.sequences = read_sequences(session, &sequences).await?;
    match scope.only {
        None => {
            let groups = session.rows(include_str!("large_objects.sql"), &[]).await?;
            pieces.extend(groups.iter().map(Piece::large_objects));
        }
        Some(names) => name_absent(&mut facts, &pieces, names),
    }
    // Stable, so that the pieces of one table stay in the order of its blocks.
    pieces.reverse();
    pieces.sort_by_key(|piece| piece.bytes);
    Ok((facts, pieces))
}

fn name_absent(facts: &mut DataFacts, pieces: &[Piece], names: &[String]) {
    for name in names {
        if !facts.knows(name) && !pieces.iter().any(|piece| piece.part == Part::Table(name.clone())) {
            facts.left_out.insert(name.clone(), facts::ABSENT.to_owned());
        }
    }
}

/// From the sequences themselves: the view `pg_sequences` shows null both for a value never used
/// and for one that must not be seen.
async fn read_sequences(session: &Session, names: &[String]) -> Result<BTreeMap<String, SequenceFacts>> {
    let one = |name: &String| format!("select {}, last_value, is_called from {name}", literal(name));
    let mut found = BTreeMap::new();
    for names in names.chunks(SEQUENCES) {
        let sql = names.iter().map(one).collect::<Vec<_>>().join(" union all ");
        let facts = |row: &Row| (row.get(0), SequenceFacts { last_value: row.get(1), is_called: row.get(2) });
        found.extend(session.rows(&sql, &[]).await?.iter().map(facts));
    }
    Ok(found)
}

/// What the sessions take from and add to. One thread: borrowed for a moment, never over an await.
struct Shared<'a> {
    pieces: Vec<Piece>,
    tables: BTreeMap<String, Sums>,
    large_objects: Sums,
    done: u64,
    total: u64,
    progress: &'a mut dyn FnMut(u64, u64),
}

impl Shared<'_> {
    fn add(&mut self, piece: Piece, sums: Sums) {
        self.done += bytes(&piece);
        match piece.part {
            Part::Table(name) => *self.tables.entry(name).or_default() += sums,
            Part::LargeObjects => self.large_objects += sums,
        }
        (self.progress)(self.done, self.total);
    }
}

fn bytes(piece: &Piece) -> u64 {
    u64::try_from(piece.bytes).unwrap_or(0)
}

/// Lets every session read pieces until none is left. The first failure ends the others.
async fn work_all(
    sessions: &[Session],
    pieces: Vec<Piece>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(BTreeMap<String, Sums>, Sums)> {
    let total = pieces.iter().map(bytes).sum();
    let shared =
        Shared { pieces, tables: BTreeMap::new(), large_objects: Sums::default(), done: 0, total, progress };
    let shared = RefCell::new(shared);
    let mut workers: FuturesUnordered<_> = sessions.iter().map(|session| work(session, &shared)).collect();
    let mut failed = None;
    while let Some(ended) = workers.next().await {
        if let (Err(failure), None) = (ended, &failed) {
            failed = Some(failure);
            shared.borrow_mut().pieces.clear();
            cancel_queries(sessions).await;
        }
    }
    drop(workers);
    let shared = shared.into_inner();
    failed.map_or(Ok((shared.tables, shared.large_objects)), Err)
}

async fn work(session: &Session, shared: &RefCell<Shared<'_>>) -> Result<()> {
    session.batch(PLANNER).await?;
    loop {
        let Some(piece) = shared.borrow_mut().pieces.pop() else { return Ok(()) };
        let sums = piece.read(session).await?;
        shared.borrow_mut().add(piece, sums);
    }
}
