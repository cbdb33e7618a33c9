//! What is seen of the server while a run goes on: a session of its own that looks every second.
//!
//! It decides nothing and disturbs nothing. It is in the maintenance database and holds no
//! transaction open; a look that fails is left out, and a server that went away is asked again. (The
//! watch that acts, on locks that a migration waits for, is in [`migration`](crate::migration).)
//! Samples go to whoever looks at the run and into a file of its own: the journal holds only what a
//! run is.

use std::convert::Infallible;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use switchback_engine::clock;
use switchback_engine::log::Log;
use switchback_model::monitor::Sample;
use switchback_model::run::StepState;
use switchback_model::{Result, RunId, What};
use switchback_postgres::Session;
use switchback_postgres::monitor::{self, Monitor, Question, Relations, Seen};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::examine::disk;
use crate::files;
use crate::world::World;

/// The samples, one a line, in the run's folder.
pub const SAMPLES: &str = "monitor.jsonl";
/// What the target's relations are called, in the run's folder.
const RELATIONS: &str = "relations.json";
/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);
/// A server that needs longer is not asked twice at once.
const PATIENCE: Duration = Duration::from_secs(5);
/// From when on a transaction is a long one.
const LONG: Duration = Duration::from_secs(30);
/// Every how many looks the target's size is read; more seldom, the longer that takes.
const SIZE_EVERY: u32 = 5;
const SIZE_SELDOM: u32 = 60;
const SIZE_SLOW: Duration = Duration::from_millis(50);

/// What the monitor's session is called on the server.
pub fn application(run: &RunId) -> String {
    format!("switchback {run} monitor")
}

/// Keeps the names of the target's relations: from outside of the target they can't be asked for.
/// Without them a relation is shown by its number.
pub async fn keep_names(world: &World, session: &Session) {
    if let Ok(names) = monitor::relations(session).await {
        let _shown_by_number = files::write_json(&world.folder.join(RELATIONS), &names);
    }
}

/// Looks, as long as it is polled.
pub async fn watch(world: &World, log: &Log) -> Infallible {
    let mut watch = Watch::new(world, log);
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if !matches!(timeout(PATIENCE, watch.look()).await, Ok(Ok(()))) {
            watch.eye = None;
        }
    }
}

struct Watch<'a> {
    world: &'a World,
    log: &'a Log,
    file: Option<File>,
    eye: Option<Eye>,
    names: Vec<String>,
    relations: Relations,
    wal_from: Option<String>,
    /// What was written under the eyes of earlier processes of the run.
    wal_before: u64,
    said_missing: bool,
}

/// A session, and what was found out about its server.
struct Eye {
    monitor: Monitor,
    data: Option<PathBuf>,
    looks: u32,
    size_every: u32,
}

impl<'a> Watch<'a> {
    fn new(world: &'a World, log: &'a Log) -> Self {
        let path = world.folder.join(SAMPLES);
        let wal_before = wal_before(&path);
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path).ok();
        let names = vec![world.names.target.clone(), world.names.fenced.clone()];
        Self {
            world,
            log,
            file,
            eye: None,
            names,
            relations: Relations::new(),
            wal_from: None,
            wal_before,
            said_missing: false,
        }
    }

    async fn look(&mut self) -> Result<()> {
        if self.eye.is_none() {
            self.eye = Some(Eye::open(self.world, &self.names).await?);
        }
        if self.relations.is_empty() {
            self.relations = files::read_json(&self.world.folder.join(RELATIONS)).unwrap_or_default();
        }
        let Some(eye) = &mut self.eye else { return Ok(()) };
        let seen = eye.look(&self.names, self.wal_from.as_deref(), &self.relations).await?;
        if self.wal_from.is_none() {
            self.wal_from.clone_from(&seen.wal_position);
        }
        let missing = if self.said_missing { Vec::new() } else { eye.monitor.missing().to_vec() };
        self.said_missing = true;
        let free = eye.data.as_deref().and_then(|folder| disk::free(folder).ok());
        self.tell(Sample {
            at: clock::now(),
            step: self.step(),
            waiters: seen.waiters,
            long_transactions: seen.long_transactions,
            replicas: seen.replicas,
            commands: seen.commands,
            wal_bytes: seen.wal_bytes.map(|written| self.wal_before + written),
            database_bytes: seen.database_bytes,
            disk_free_bytes: free,
            sessions: seen.sessions,
            missing,
        });
        Ok(())
    }

    /// A file that can't be written is no reason to disturb a run.
    fn tell(&mut self, sample: Sample) {
        if let (Some(file), Ok(mut line)) = (&mut self.file, serde_json::to_vec(&sample)) {
            line.push(b'\n');
            let _not_kept = file.write_all(&line);
        }
        self.log.mention(What::Sampled { sample: Box::new(sample) });
    }

    fn step(&self) -> String {
        let view = self.log.view();
        let at_work = |state| matches!(state, StepState::Started | StepState::Undoing);
        view.steps.iter().find(|step| at_work(step.state)).map(|step| step.id.clone()).unwrap_or_default()
    }
}

impl Eye {
    async fn open(world: &World, names: &[String]) -> Result<Self> {
        let monitor = Monitor::connect(&world.config.maintenance_url, &application(&world.run)).await?;
        let mut data = None;
        for name in names {
            if data.is_none() {
                data = disk::data_folder(monitor.session(), name).await.ok().flatten();
            }
        }
        Ok(Self { monitor, data, looks: 0, size_every: SIZE_EVERY })
    }

    async fn look(
        &mut self,
        names: &[String],
        wal_from: Option<&str>,
        relations: &Relations,
    ) -> Result<Seen> {
        let size = self.looks == 0;
        self.looks = (self.looks + 1) % self.size_every;
        let question = Question { names, size, wal_from, long: LONG, relations };
        let start = Instant::now();
        let seen = self.monitor.look(question).await?;
        if size {
            let slow = start.elapsed() > SIZE_SLOW;
            let next = if slow { self.size_every * 2 } else { self.size_every / 2 };
            self.size_every = next.clamp(SIZE_EVERY, SIZE_SELDOM);
        }
        Ok(seen)
    }
}

/// What earlier processes of the run counted. What was written between them was none of the run's: it
/// may be taken back days later.
fn wal_before(samples: &Path) -> u64 {
    let text = std::fs::read_to_string(samples).unwrap_or_default();
    let mut lines = text.lines().rev().filter_map(|line| serde_json::from_str::<Sample>(line).ok());
    lines.find_map(|sample| sample.wal_bytes).unwrap_or_default()
}
