//! Fifty clients that write whatever happens: before the fence, against it, after it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::bouncer::Bouncer;
use crate::shop::{Site, pause};
use crate::wire::{Refusal, Wire};

/// Where the deploy is, as far as it is certain.
pub(crate) const OPEN: u8 = 0;
/// The fence's step has finished, and its lifting has not begun.
pub(crate) const CLOSED: u8 = 1;
/// The deploy goes on: nothing is claimed.
pub(crate) const GOING_ON: u8 = 2;
/// The deploy has ended.
pub(crate) const AFTER: u8 = 3;

/// A kind of client and how many of it there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The application's role, which is the migrator's too.
    Application,
    /// The same, insisting on `default_transaction_read_only = off`.
    ReadWrite,
    /// A superuser.
    Superuser,
    /// Through PgBouncer, pooled by session.
    BySession,
    /// Through PgBouncer, pooled by transaction.
    ByTransaction,
    /// A job that begins a new psql each time.
    Cron,
    /// Prepares a transaction and commits it.
    Prepared,
}

const CLIENTS: [(Kind, u32); 7] = [
    (Kind::Application, 14),
    (Kind::ReadWrite, 6),
    (Kind::Superuser, 8),
    (Kind::BySession, 9),
    (Kind::ByTransaction, 9),
    (Kind::Cron, 2),
    (Kind::Prepared, 2),
];

/// What all clients share.
struct Shared {
    phase: AtomicU8,
    stop: AtomicBool,
    refused: Mutex<BTreeMap<Kind, u64>>,
    by_server: AtomicU64,
    by_pooler: AtomicU64,
    /// So many are enough of those that PgBouncer answers by itself: from then on it is asked slowly,
    /// for the server's own answers are the dearer ones.
    pooled_enough: u64,
    landed: Mutex<Vec<String>>,
    words: Mutex<BTreeMap<String, u64>>,
    after: Mutex<BTreeMap<Kind, u64>>,
}

/// The clients at work.
pub(crate) struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Vec<(u32, u32)>>>,
    kinds: Vec<Kind>,
}

impl Load {
    /// Begins. Without a PgBouncer its clients are the application's own.
    pub(crate) fn start(site: &Site, bouncer: Option<&Bouncer>, pooled_enough: u64) -> Self {
        let shared = Arc::new(Shared {
            phase: AtomicU8::new(OPEN),
            stop: AtomicBool::new(false),
            refused: Mutex::default(),
            by_server: AtomicU64::new(0),
            by_pooler: AtomicU64::new(0),
            pooled_enough,
            landed: Mutex::default(),
            words: Mutex::default(),
            after: Mutex::default(),
        });
        let mut load = Self { shared, threads: Vec::new(), kinds: Vec::new() };
        for (kind, count) in CLIENTS {
            let pooled = matches!(kind, Kind::BySession | Kind::ByTransaction);
            let kind = if pooled && bouncer.is_none() { Kind::Application } else { kind };
            load.kinds.push(kind);
            for _ in 0..count {
                let number = u32::try_from(load.threads.len()).unwrap();
                let client = Client::new(site, bouncer, kind, number, load.shared.clone());
                load.threads.push(std::thread::spawn(move || client.work()));
            }
        }
        load
    }

    pub(crate) fn phase(&self, phase: u8) {
        self.shared.phase.store(phase, Ordering::SeqCst);
    }

    /// Attempts that began and ended behind the closed fence, all of them refused: by the server, and
    /// by PgBouncer in its name.
    pub(crate) fn refused(&self) -> (u64, u64) {
        (self.shared.by_server.load(Ordering::Relaxed), self.shared.by_pooler.load(Ordering::Relaxed))
    }

    /// The same by kind of client.
    pub(crate) fn by_kind(&self) -> BTreeMap<Kind, u64> {
        self.shared.refused.lock().unwrap().clone()
    }

    /// What the refused were told, and how often.
    pub(crate) fn words(&self) -> BTreeMap<String, u64> {
        self.shared.words.lock().unwrap().clone()
    }

    /// Writes that were acknowledged behind the closed fence.
    pub(crate) fn landed(&self) -> Vec<String> {
        self.shared.landed.lock().unwrap().clone()
    }

    /// Whether every kind of client has written again after the deploy.
    pub(crate) fn all_write_again(&self) -> bool {
        let after = self.shared.after.lock().unwrap();
        self.kinds.iter().all(|kind| after.contains_key(kind))
    }

    /// Ends; every write that was acknowledged.
    pub(crate) fn stop(self) -> Vec<(u32, u32)> {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    }
}

struct Client {
    kind: Kind,
    number: u32,
    socket: PathBuf,
    database: String,
    user: String,
    url: String,
    shared: Arc<Shared>,
    wire: Option<Wire>,
}

impl Client {
    fn new(site: &Site, bouncer: Option<&Bouncer>, kind: Kind, number: u32, shared: Arc<Shared>) -> Self {
        let (socket, database) = match (kind, bouncer) {
            (Kind::BySession, Some(bouncer)) => (bouncer.socket(), "by_session".to_owned()),
            (Kind::ByTransaction, Some(bouncer)) => (bouncer.socket(), "by_transaction".to_owned()),
            _ => (site.socket(), site.name().to_owned()),
        };
        let user = if kind == Kind::Superuser { "postgres".to_owned() } else { site.role.clone() };
        let url = site.host.cluster().url_as(&site.role, site.name()).expose();
        Self { kind, number, socket, database, user, url, shared, wire: None }
    }

    /// Writes until the end, each row under a number of its own.
    fn work(mut self) -> Vec<(u32, u32)> {
        let mut acknowledged = Vec::new();
        let mut n = 0;
        while !self.shared.stop.load(Ordering::Relaxed) {
            let before = self.shared.phase.load(Ordering::SeqCst);
            // A prepared transaction that is there when the fence comes is another test's.
            if self.kind == Kind::Prepared && before == OPEN {
                pause();
                continue;
            }
            n += 1;
            let outcome = self.attempt(n);
            let after = self.shared.phase.load(Ordering::SeqCst);
            let certain = if before == after { before } else { GOING_ON };
            match outcome {
                Ok(()) => {
                    acknowledged.push((self.number, n));
                    self.acknowledged(certain, n);
                }
                Err(refusal) => self.refused(certain, &refusal),
            }
        }
        acknowledged
    }

    fn acknowledged(&self, phase: u8, n: u32) {
        match phase {
            CLOSED => self.shared.landed.lock().unwrap().push(format!("{:?} {}:{n}", self.kind, self.number)),
            AFTER => *self.shared.after.lock().unwrap().entry(self.kind).or_default() += 1,
            _ => {}
        }
        pause();
    }

    fn refused(&mut self, phase: u8, refusal: &Refusal) {
        self.wire = None;
        if phase != CLOSED {
            return;
        }
        if matches!(self.kind, Kind::BySession | Kind::ByTransaction) {
            let before = self.shared.by_pooler.fetch_add(1, Ordering::Relaxed);
            (before > self.shared.pooled_enough).then(|| (0..20).for_each(|_| pause()));
        } else {
            self.shared.by_server.fetch_add(1, Ordering::Relaxed);
        }
        *self.shared.refused.lock().unwrap().entry(self.kind).or_default() += 1;
        let words = match refusal {
            Refusal::Said(state, words) => format!("{state} {words}"),
            Refusal::Broken(error) => format!("broken: {:?}", error.kind()),
        };
        *self.shared.words.lock().unwrap().entry(words).or_default() += 1;
    }

    fn attempt(&mut self, n: u32) -> Result<(), Refusal> {
        let insert = format!("insert into public.attempts (client, n) values ({}, {n})", self.number);
        match self.kind {
            Kind::Cron => self.psql(&insert),
            Kind::Prepared => {
                let name = format!("{} {} {n}", self.user, self.number);
                self.session()?.run(&format!("begin; {insert}; prepare transaction '{name}'"))?;
                self.session()?.run(&format!("commit prepared '{name}'"))
            }
            _ => self.session()?.run(&insert),
        }
    }

    /// The session that is there, or a new one.
    fn session(&mut self) -> Result<&mut Wire, Refusal> {
        if self.wire.is_none() {
            let mut parameters = vec![
                ("user", self.user.as_str()),
                ("database", &self.database),
                ("application_name", "load"),
            ];
            if self.kind == Kind::ReadWrite {
                parameters.push(("options", "-c default_transaction_read_only=off"));
            }
            self.wire = Some(Wire::connect(&self.socket, &parameters)?);
        }
        Ok(self.wire.as_mut().unwrap())
    }

    /// As cron would: a new process, a new session.
    fn psql(&self, sql: &str) -> Result<(), Refusal> {
        let mut psql = Command::new("psql");
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql, &self.url]).stdin(Stdio::null());
        let output = psql.output()?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(Refusal::Said(
            "psql".into(),
            said.trim().rsplit("FATAL:").next().unwrap_or_default().trim().into(),
        ))
    }
}
