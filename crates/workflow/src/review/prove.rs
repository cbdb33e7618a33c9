//! Proves that fixed scripts come to the same as those that were there: both are run on a scratch
//! server, on what the scripts before them make, and so are their ways back.

use std::collections::{BTreeMap, BTreeSet};

use switchback_engine::cancel::Cancel;
use switchback_model::config::Tool;
use switchback_model::{Failure, Result, code};
use switchback_postgres::Session;
use switchback_postgres::catalog::Catalog;
use switchback_postgres::scratch::{Scratch, ScratchOptions};
use switchback_postgres::session::ident;
use switchback_review::Direction;
use switchback_review::layout::Part;
use switchback_sql::ast::{Stmt, Transaction};
use switchback_sql::locks::{MODES, Mode};
use switchback_sql::{Block, PieceKind, Statement, read, split};

use super::{File, cut};

/// What the scratch server said.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// What keeps writers out while all of a table is read or written anew: before.
    pub before: Vec<Held>,
    /// The same, of the fixed scripts.
    pub after: Vec<Held>,
    /// The ways back were run too.
    pub back: bool,
    /// What the server says of the scripts as they were, where it refuses them: then there is nothing to
    /// compare with, and the fixed ones run.
    pub refused: Option<String>,
}

/// A lock that is held while all of a table is gone through.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    /// The table.
    pub table: String,
    /// The mode.
    pub mode: &'static str,
    /// Its rows are written anew, and not only read.
    pub rewrites: bool,
}

/// Runs both, and compares.
///
/// # Errors
/// [`code::FIX_UNPROVEN`] where they can't be run, or don't come to the same; those of a scratch cluster.
pub async fn prove(
    before: &[File],
    after: &[File],
    tool: Option<Tool>,
    version: u32,
    cancel: &Cancel,
) -> Result<Proof> {
    let options = ScratchOptions { major: u16::try_from(version).ok(), ..ScratchOptions::default() };
    let scratch = match Scratch::start(&options, cancel).await {
        Err(failure) if failure.code == code::PROGRAM_MISSING => {
            Scratch::start(&ScratchOptions::default(), cancel).await?
        }
        scratch => scratch?,
    };
    let proved = prove_on(&scratch, before, after, tool).await;
    let stopped = scratch.stop().await;
    let proof = proved?;
    stopped.map(|()| proof)
}

/// The same on a cluster that is there; its databases are made anew for it.
///
/// # Errors
/// As [`prove`].
pub async fn prove_on(
    scratch: &Scratch,
    before: &[File],
    after: &[File],
    tool: Option<Tool>,
) -> Result<Proof> {
    let base = Ground::make(scratch, "base", "template0").await?;
    for file in before.iter().filter(|file| file.applied) {
        base.up_of(file, tool).await.map_err(not_run)?;
    }
    drop(base);
    let old = Ground::make(scratch, "before", "base").await?;
    let new = Ground::make(scratch, "after", "base").await?;
    let was = old.up(before, tool).await;
    let mut proof = Proof { after: new.up(after, tool).await.map_err(not_run)?, ..Proof::default() };
    match was {
        Ok(held) => proof.before = held,
        Err(failure) if failure.message.contains(IN_BLOCK) => {
            return by_itself(scratch, &new, after, tool, Proof { refused: Some(failure.message), ..proof })
                .await;
        }
        Err(failure) => return Err(not_run(failure)),
    }
    same(&old, &new, "what they come to").await?;
    if !ways_back(before, tool).is_empty() {
        old.down(before, tool).await.map_err(not_run)?;
        new.down(after, tool).await.map_err(not_run)?;
        same(&old, &new, "what their ways back come to").await?;
        proof.back = true;
    }
    if proof.after.len() > proof.before.len() {
        let held: Vec<String> = proof.after.iter().map(Held::words).collect();
        return Err(unproven(&format!("the fixed scripts hold more: {}", held.join(", "))));
    }
    Ok(proof)
}

/// `active_sql_transaction`: a statement that can't stand in the block in which it stood. Nothing else is
/// a reason to do without the scripts as they were.
const IN_BLOCK: &str = "(25001)";

/// There is nothing to compare with; but the ways back must come to where the fixed scripts began.
async fn by_itself(
    scratch: &Scratch,
    new: &Ground<'_>,
    after: &[File],
    tool: Option<Tool>,
    mut proof: Proof,
) -> Result<Proof> {
    if !ways_back(after, tool).is_empty() {
        let start = Ground::make(scratch, "before", "base").await?;
        new.down(after, tool).await.map_err(not_run)?;
        same(&start, new, "what their ways back come to").await?;
        proof.back = true;
    }
    Ok(proof)
}

impl Held {
    /// `ACCESS EXCLUSIVE on orders while it is written anew`.
    pub fn words(&self) -> String {
        let what = if self.rewrites { "written anew" } else { "read through" };
        format!("{} on `{}` while it is {what}", self.mode, self.table)
    }
}

fn pending(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().filter(|file| !file.applied)
}

/// The parts that take back what is asked about, the last first: a way down may stand in a file that is
/// not asked about itself.
fn ways_back(files: &[File], tool: Option<Tool>) -> Vec<(&File, Part)> {
    let ups = |file: &&File| cut(file, tool).into_iter().filter(|part| part.direction == Direction::Up);
    let revisions: BTreeSet<String> =
        pending(files).flat_map(|file| ups(&file).map(|part| part.revision).collect::<Vec<_>>()).collect();
    let parts = files.iter().rev().flat_map(|file| cut(file, tool).into_iter().map(move |part| (file, part)));
    parts
        .filter(|(_, part)| part.direction == Direction::Down && revisions.contains(&part.revision))
        .collect()
}

async fn same(old: &Ground<'_>, new: &Ground<'_>, what: &str) -> Result<()> {
    let differences =
        Catalog::read(&old.fresh().await?).await?.diff(&Catalog::read(&new.fresh().await?).await?);
    let Some(first) = differences.first() else { return Ok(()) };
    let more =
        if differences.len() > 1 { format!(" and {} more", differences.len() - 1) } else { String::new() };
    Err(unproven(&format!("{what} differs in {}{more}", first.object)))
}

fn not_run(failure: Failure) -> Failure {
    if failure.code == code::FIX_UNPROVEN { unproven(&failure.message) } else { failure }
}

/// What the server would not run.
fn refused(message: &str) -> Failure {
    Failure::new(code::FIX_UNPROVEN, message)
}

fn unproven(message: &str) -> Failure {
    Failure::new(code::FIX_UNPROVEN, format!("the fixes are not proven: {message}"))
        .changed("no file was written")
        .hint("correct the scripts before them, or write the fixes as they are: --unproven")
}

/// A database of the scratch server.
struct Ground<'a> {
    scratch: &'a Scratch,
    name: &'static str,
    session: Session,
}

impl<'a> Ground<'a> {
    async fn make(scratch: &'a Scratch, name: &'static str, template: &str) -> Result<Self> {
        let admin = Session::connect(&scratch.url("postgres"), "switchback review").await?;
        admin.batch(&format!("drop database if exists {} with (force)", ident(name))).await?;
        admin.batch(&format!("create database {} template {}", ident(name), ident(template))).await?;
        let session = Session::connect(&scratch.url(name), "switchback review").await?;
        // As the scripts would find it, not as Switchback's own queries want it.
        session.batch("reset all").await?;
        Ok(Self { scratch, name, session })
    }

    async fn fresh(&self) -> Result<Session> {
        Session::connect(&self.scratch.url(self.name), "switchback review").await
    }

    async fn up(&self, files: &[File], tool: Option<Tool>) -> Result<Vec<Held>> {
        let mut held = BTreeSet::new();
        for file in pending(files) {
            held.extend(self.up_of(file, tool).await?);
        }
        Ok(held.into_iter().collect())
    }

    async fn up_of(&self, file: &File, tool: Option<Tool>) -> Result<Vec<Held>> {
        let mut held = Vec::new();
        for part in cut(file, tool).into_iter().filter(|part| part.direction == Direction::Up) {
            held.extend(self.run(file, &part).await?);
        }
        Ok(held)
    }

    async fn down(&self, files: &[File], tool: Option<Tool>) -> Result<()> {
        for (file, part) in ways_back(files, tool) {
            self.run(file, &part).await?;
        }
        Ok(())
    }

    /// Runs a part of a file; gives what was held while tables were gone through.
    async fn run(&self, file: &File, part: &Part) -> Result<Vec<Held>> {
        let text = &file.text[part.range.clone()];
        let failed = |failure: Failure| refused(&format!("{}: {}", file.path, failure.message));
        let held = self.script(text, part.wrapped).await.map_err(failed)?;
        self.session.batch("reset all").await?;
        Ok(held)
    }

    async fn script(&self, text: &str, wrapped: bool) -> Result<Vec<Held>> {
        let mut watch = Watch::new(&self.session, wrapped).await?;
        for piece in split(text) {
            match piece.kind {
                PieceKind::Blank => {}
                PieceKind::Statement => watch.run(piece.text(text)).await?,
                PieceKind::Command { .. } | PieceKind::Copy { .. } => {
                    return Err(refused("it has commands of psql or data of a COPY"));
                }
            }
        }
        watch.end().await
    }
}

/// Runs statements, and looks at what they hold before each of their transactions ends.
struct Watch<'a> {
    session: &'a Session,
    wrapped: bool,
    /// The tables as the open transaction found them.
    open: Option<BTreeMap<u32, Table>>,
    held: Vec<Held>,
}

struct Table {
    name: String,
    file: u32,
    scans: i64,
}

/// Tables with their files, and how often this transaction went through each.
const TABLES: &str = "select c.oid, c.relname::text, c.relfilenode, pg_stat_get_xact_numscans(c.oid) from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema') and c.relpersistence <> 't'";
const LOCKS: &str = "select relation, mode from pg_locks
    where pid = pg_backend_pid() and locktype = 'relation' and granted";

impl<'a> Watch<'a> {
    async fn new(session: &'a Session, wrapped: bool) -> Result<Self> {
        let mut watch = Self { session, wrapped, open: None, held: Vec::new() };
        if wrapped {
            watch.begin("begin").await?;
        }
        Ok(watch)
    }

    async fn run(&mut self, text: &str) -> Result<()> {
        let transaction = match read::read(text) {
            Ok(Stmt::Transaction(kind)) => Some(kind),
            _ => None,
        };
        match transaction {
            Some(Transaction::Begin) if self.open.is_none() => self.begin(text).await,
            Some(Transaction::Commit | Transaction::Rollback) if self.open.is_some() => {
                self.look().await?;
                self.open = None;
                self.session.batch(text).await
            }
            _ if self.open.is_some() || !alone(text) => self.session.batch(text).await,
            _ => {
                self.begin("begin").await?;
                self.session.batch(text).await?;
                self.commit().await
            }
        }
    }

    async fn begin(&mut self, text: &str) -> Result<()> {
        self.session.batch(text).await?;
        self.open = Some(tables(self.session).await?);
        Ok(())
    }

    async fn commit(&mut self) -> Result<()> {
        self.look().await?;
        self.open = None;
        self.session.batch("commit").await
    }

    async fn end(mut self) -> Result<Vec<Held>> {
        if self.wrapped && self.open.is_some() {
            self.commit().await?;
        }
        Ok(self.held)
    }

    async fn look(&mut self) -> Result<()> {
        let Some(before) = &self.open else { return Ok(()) };
        let after = tables(self.session).await?;
        let mut strongest: BTreeMap<u32, Mode> = BTreeMap::new();
        for row in self.session.rows(LOCKS, &[]).await? {
            let Some(mode) = mode(row.get(1)) else { continue };
            let held = strongest.entry(row.get(0)).or_insert(mode);
            *held = mode.max(*held);
        }
        for (oid, mode) in strongest.into_iter().filter(|(_, mode)| *mode >= Mode::Share) {
            let (Some(was), Some(is)) = (before.get(&oid), after.get(&oid)) else { continue };
            let rewrites = was.file != is.file;
            if rewrites || is.scans > was.scans {
                self.held.push(Held { table: was.name.clone(), mode: mode.name(), rewrites });
            }
        }
        Ok(())
    }
}

async fn tables(session: &Session) -> Result<BTreeMap<u32, Table>> {
    let rows = session.rows(TABLES, &[]).await?;
    let table = |row: switchback_postgres::Row| {
        (row.get(0), Table { name: row.get(1), file: row.get(2), scans: row.get(3) })
    };
    Ok(rows.into_iter().map(table).collect())
}

/// `ShareUpdateExclusiveLock`.
fn mode(server: &str) -> Option<Mode> {
    let bare = |name: &str| name.replace(' ', "").to_uppercase();
    let server = bare(server.trim_end_matches("Lock"));
    MODES.into_iter().find(|mode| bare(mode.name()) == server)
}

/// Whether a statement can be given a transaction in which it is looked at.
fn alone(text: &str) -> bool {
    let possible = Statement::read(text).is_ok_and(|statement| statement.in_block() == Block::Possible);
    // A block of code may end transactions, and a setting would end with its own.
    possible && !matches!(read::read(text), Ok(Stmt::Do { .. } | Stmt::Call { .. } | Stmt::Set { .. }))
}
