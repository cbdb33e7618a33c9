//! One call of the application's migrator, watched from outside.
//!
//! The child is told a lock timeout by `PGOPTIONS`, and not trusted to have it: a URL's `options=`
//! replaces that variable, some drivers ignore it, PgBouncer refuses it. So a second session
//! looks at the child's backends and cancels one that waits for a lock for longer, whatever it
//! was told (PostgreSQL manual, 9.27.2 and 54.12).

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use switchback_engine::cancel::Cancel;
use switchback_engine::exec::{Finished, Program};
use switchback_engine::step::StepCx;
use switchback_model::event::Unit;
use switchback_model::units::human;
use switchback_model::{DatabaseUrl, Failure, Result, code};
use switchback_postgres::session::role_of;

use crate::world::{World, migrator_application};

/// Where a step notes that somebody else was seen behind the closed fence.
pub const INTRUDER: &str = "seen_inside";
const APPLICATION: &str = "application_name";
/// How often a migration is tried that could not have its lock.
const TRIES: u32 = 5;
/// How often the child's backends are looked at.
const LOOK: Duration = Duration::from_millis(200);
/// How long sessions of a program that has ended may stay on the server.
const GONE: Duration = Duration::from_secs(2);
/// What PostgreSQL says when a lock was not had in time.
const LOCK_TIMEOUT: &[&str] =
    &["due to lock timeout", "LockNotAvailable", "(55P03)", "canceling statement due to user request"];

/// What a migrator that is Switchback itself puts before a failure that it hands over whole.
const HANDED: &str = "switchback-failure: ";

/// A failure as the line that hands it to the process that called.
pub fn hand(failure: &Failure) -> String {
    // Plain data, so it can be written; and if not, the line is there for a person to read.
    format!("{HANDED}{}", serde_json::to_string(failure).unwrap_or_else(|_| failure.to_string()))
}

/// The failure that a migrator handed over.
fn handed(tail: &[String]) -> Option<Failure> {
    tail.iter().rev().find_map(|line| serde_json::from_str(line.strip_prefix(HANDED)?).ok())
}

/// The texts of migrations: file, as the plan names it, and text.
///
/// # Errors
/// [`code::MIGRATION_UNREADABLE`].
pub fn read_scripts(root: &Path, paths: &[String]) -> Result<Vec<(String, String)>> {
    let read = |path: &String| {
        let text = std::fs::read_to_string(root.join(path)).map_err(|error| {
            Failure::new(code::MIGRATION_UNREADABLE, format!("{path} can't be read")).because(&error)
        })?;
        Ok((path.clone(), text))
    };
    paths.iter().map(read).collect()
}

/// What is heard of a migration while it runs.
pub enum Heard<'a> {
    /// It has run for so many milliseconds.
    Running(u64),
    /// It wrote a line.
    Line(&'a str),
    /// Something that a person should know.
    Warning(String),
    /// Somebody else is inside the fenced target.
    Intruder(String),
}

/// Who runs a migration: a step of a run, or a command.
pub struct Caller<'a> {
    /// The world.
    pub world: &'a World,
    /// The word to stop.
    pub cancel: &'a Cancel,
    /// Who hears of it.
    pub hear: &'a dyn Fn(Heard<'_>),
}

/// Runs one call on behalf of a step; `world` is the step's own, or that of a copy elsewhere.
///
/// # Errors
/// As [`call`].
pub async fn call_in(
    cx: &StepCx<'_, World>,
    world: &World,
    program: Program,
    what: &str,
    may_retry: impl AsyncFn() -> Result<bool>,
) -> Result<()> {
    let hear = |heard: Heard<'_>| match heard {
        Heard::Running(ms) => cx.progress(what, ms, 0, Unit::Millis),
        Heard::Line(line) => cx.line(line),
        Heard::Warning(message) => cx.warn(message),
        Heard::Intruder(who) => {
            cx.warn(format!("somebody else is inside the closed fence, and could write: {who}"));
            // A journal that can't be written stops the run at its next entry.
            drop(cx.note(INTRUDER, &who));
        }
    };
    call(&Caller { world, cancel: cx.cancel, hear: &hear }, program, what, may_retry).await
}

/// Where the migrator works: the target, by the name that it has now.
///
/// Its sessions are known by their name, which a URL may give them too.
pub fn url(world: &World, database: &str) -> DatabaseUrl {
    let url = world.config.migrator_url().with_database(database);
    match url.parameter(APPLICATION) {
        Some(_) => url.with_parameter(APPLICATION, &migrator_application(&world.run)),
        None => url,
    }
}

/// Runs one call to its end. A lock that is not had in time is tried for again, each time after a
/// longer pause; `may_retry` says whether the try before left nothing behind.
///
/// # Errors
/// [`code::MIGRATION_FAILED`] with the migrator's last lines, [`code::MIGRATION_TIMEOUT`],
/// [`code::MIGRATOR_MISSING`].
pub async fn call(
    caller: &Caller<'_>,
    program: Program,
    what: &str,
    may_retry: impl AsyncFn() -> Result<bool>,
) -> Result<()> {
    let program = prepared(caller.world, program);
    let mut pause = Duration::from_millis(500);
    for attempt in 1.. {
        let finished = watched(caller, &program, what).await?;
        if finished.succeeded() {
            return Ok(());
        }
        let locked = finished.tail.iter().any(|line| LOCK_TIMEOUT.iter().any(|text| line.contains(text)));
        if !locked || attempt == TRIES || !may_retry().await? {
            let failure = failed(&program, &finished, what);
            return Err(if locked { without_its_lock(caller.world, failure) } else { failure });
        }
        (caller.hear)(Heard::Warning(format!(
            "{what} could not have its lock (try {attempt} of {TRIES}); again in {pause:?}"
        )));
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    unreachable!("the last try returns")
}

fn prepared(world: &World, program: Program) -> Program {
    let migrations = &world.config.migrations;
    let lock_timeout = migrations.lock_timeout.0.as_millis();
    let theirs = migrations.env.get("PGOPTIONS").cloned().unwrap_or_default();
    let options = format!("{theirs} -c lock_timeout={lock_timeout}ms -c default_transaction_read_only=off");
    program
        .env("PGAPPNAME", migrator_application(&world.run))
        .env("PGOPTIONS", options)
        .limit(migrations.timeout.0)
}

async fn watched(caller: &Caller<'_>, program: &Program, what: &str) -> Result<Finished> {
    let start = Instant::now();
    let mut watch = Watch::default();
    watch.look_inside(caller, Part::Before).await?;
    let running = program.run(caller.cancel, |_, line| {
        if !line.starts_with(HANDED) {
            (caller.hear)(Heard::Line(line));
        }
    });
    tokio::pin!(running);
    loop {
        tokio::select! {
            finished = &mut running => {
                if finished.is_err() {
                    end_on_the_server(caller).await;
                }
                // What can't be looked at now is looked at when the next call begins.
                let _not_seen = watch.look_after(caller).await;
                return finished.map_err(|failure| not_run(failure, what));
            }
            () = tokio::time::sleep(LOOK) => {
                let ms = u64::try_from(start.elapsed().as_millis()).unwrap_or_default();
                (caller.hear)(Heard::Running(ms));
                // A look that fails is no reason to stop the migration; the next one may succeed.
                if let Err(failure) = watch.look(caller).await {
                    tokio::time::sleep(LOOK).await;
                    drop(failure);
                }
            }
        }
    }
}

/// Sessions of the migrator's name; outside of a run, where that is the same for all, in the target.
const OURS: &str = "from pg_stat_activity where application_name = $1 and (datname = $2 or $3)";

/// Ends what a migrator that was ended has left on the server: a statement whose client is gone goes
/// on until it has something to say. One that does not go by the name that it was given is not found.
async fn end_on_the_server(caller: &Caller<'_>) {
    let world = caller.world;
    let (name, in_run) = (migrator_application(&world.run), !world.run.0.is_empty());
    let ask = async {
        let admin = world.admin().await?;
        let (ended, left) = (format!("select pg_terminate_backend(pid) {OURS}"), format!("select 1 {OURS}"));
        admin.rows(&ended, &[&name, &world.names.target, &in_run]).await?;
        let start = Instant::now();
        while !admin.rows(&left, &[&name, &world.names.target, &in_run]).await?.is_empty() {
            if start.elapsed() > GONE {
                let message = format!("a session `{name}` does not end");
                return Err(Failure::new(code::EFFECT_UNCLEAR, message));
            }
            tokio::time::sleep(GONE / 40).await;
        }
        Ok(())
    };
    if let Err(failure) = ask.await {
        (caller.hear)(Heard::Warning(format!(
            "what the migrator ran may go on on the server: {}; see: select * {}",
            failure.message,
            OURS.replace("$1", &format!("'{name}'")).split(" and ").next().unwrap_or_default()
        )));
    }
}

/// Who waits, since when.
#[derive(Default)]
struct Watch {
    waiting: BTreeMap<i32, Instant>,
    told: bool,
    seen: bool,
    /// A session of the migrator was seen under the name that it was given.
    goes_by_its_name: bool,
}

const WAITERS: &str = "select a.pid, pg_blocking_pids(a.pid), \
    (select string_agg(format('session %s of %s (%s): %s', b.pid, b.usename, b.application_name, left(b.query, 80)), '; ') \
     from pg_stat_activity b where b.pid = any (pg_blocking_pids(a.pid))) \
    from pg_stat_activity a where a.application_name = $1 and a.wait_event_type = 'Lock'";

/// Sessions in the fenced target that are neither ours nor, by their name, the migrator's. The name is
/// the only thing that every role may see; whoever takes it on purpose is not found.
const INSIDE: &str = "select pid, usename::text = $2, format('session %s of %s (%s)', pid, usename, application_name), \
    exists (select from pg_stat_activity where datname = $1 and application_name = $4) from pg_stat_activity \
    where datname = $1 and usesysid is not null and coalesce(backend_type, 'client backend') = 'client backend' \
    and application_name <> $3 and application_name <> $4 order by pid";

/// Which part of a call a look falls into.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Before,
    During,
    After,
}

impl Watch {
    async fn look(&mut self, caller: &Caller<'_>) -> Result<()> {
        self.look_inside(caller, Part::During).await?;
        self.look_at_locks(caller).await
    }

    /// Another role's session is nobody's but an intruder's. One of the migrator's role is it for
    /// certain before the migrator began and after it has ended; meanwhile only where the migrator
    /// is known to go by the name that it was given.
    async fn look_inside(&mut self, caller: &Caller<'_>, part: Part) -> Result<()> {
        let world = caller.world;
        let admin = world.admin().await?;
        let (role, ours) = (role_of(&world.config.migrator_url()), world.application());
        let theirs = migrator_application(&world.run);
        let rows = admin.rows(INSIDE, &[&world.names.fenced, &role, &ours, &theirs]).await?;
        for row in &rows {
            let same_role: bool = row.get(1);
            self.goes_by_its_name |= row.get::<_, bool>(3);
            let certain = !same_role || part != Part::During || self.goes_by_its_name;
            if certain && !self.seen {
                self.seen = true;
                (caller.hear)(Heard::Intruder(row.get(2)));
            }
        }
        Ok(())
    }

    /// The migrator has ended; the server takes a moment to notice.
    async fn look_after(&mut self, caller: &Caller<'_>) -> Result<()> {
        let admin = caller.world.admin().await?;
        let sql = "select count(*) from pg_stat_activity where datname = $1 and usesysid is not null \
                   and application_name <> $2";
        let start = Instant::now();
        while start.elapsed() < GONE {
            let left = admin.one(sql, &[&caller.world.names.fenced, &caller.world.application()]).await?;
            if left.get::<_, i64>(0) == 0 {
                return Ok(());
            }
            tokio::time::sleep(GONE / 40).await;
        }
        self.look_inside(caller, Part::After).await
    }

    async fn look_at_locks(&mut self, caller: &Caller<'_>) -> Result<()> {
        let admin = caller.world.admin().await?;
        let rows = admin.rows(WAITERS, &[&migrator_application(&caller.world.run)]).await?;
        let pids: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
        self.waiting.retain(|pid, _| pids.contains(pid));
        let limit = caller.world.config.migrations.lock_timeout.0 + Duration::from_secs(1);
        for row in &rows {
            let pid: i32 = row.get(0);
            let since = *self.waiting.entry(pid).or_insert_with(Instant::now);
            if !self.told && since.elapsed() > Duration::from_secs(1) {
                let blocker: Option<String> = row.get(2);
                let blocker = blocker.unwrap_or_default();
                (caller.hear)(Heard::Warning(format!(
                    "the migration waits for a lock; in its way: {blocker}"
                )));
                self.told = true;
            }
            if since.elapsed() > limit {
                admin.rows("select pg_cancel_backend($1)", &[&pid]).await?;
                self.waiting.remove(&pid);
            }
        }
        Ok(())
    }
}

fn not_run(failure: Failure, what: &str) -> Failure {
    match failure.code {
        code if code == code::PROGRAM_MISSING => {
            let mut missing =
                Failure::new(code::MIGRATOR_MISSING, format!("{what} could not begin: {}", failure.message));
            missing.causes = failure.causes;
            missing.hint("look at [migrations] command, working_directory and PATH; try: switchback doctor")
        }
        code if code == code::COMMAND_TIMEOUT => {
            let mut late =
                Failure::new(code::MIGRATION_TIMEOUT, format!("{what} took too long and was ended"));
            late.causes = vec![failure.message];
            late.causes.extend(failure.causes);
            late.hint("raise `timeout` in [migrations], or split the migration")
        }
        code if code == code::INTERRUPTED => with_last_words(failure),
        _ => failure,
    }
}

/// What a migrator that is Switchback itself said when it was ended: what is done for good.
fn with_last_words(failure: Failure) -> Failure {
    let said: Vec<String> =
        failure.causes.iter().flat_map(|cause| cause.lines()).map(str::to_owned).collect();
    let Some(last) = handed(&said) else { return failure };
    let words = Failure { code: failure.code, message: failure.message, ..last.clone() };
    Failure { causes: std::iter::once(last.message).chain(last.causes).collect(), ..words }
}

fn failed(program: &Program, finished: &Finished, what: &str) -> Failure {
    if let Some(mut failure) = handed(&finished.tail) {
        failure.message = format!("{what} failed: {}", failure.message);
        return failure;
    }
    let message =
        format!("{what} failed: `{}` ended with exit status {}", program.display(), finished.status);
    Failure::new(code::MIGRATION_FAILED, message)
        .cause(essence(&finished.tail))
        .hint("correct the migration, then the same command again; with --verbose it shows every line of the migrator")
}

/// The migration is right; somebody was in its way.
fn without_its_lock(world: &World, mut failure: Failure) -> Failure {
    let limit = human(world.config.migrations.lock_timeout.0);
    failure.hints = vec![format!(
        "end the session that holds the lock, named in a warning above, or raise `lock_timeout` in [migrations], now {limit}; then the same command again"
    )];
    failure
}

/// What a person needs of a migrator's last lines: of a Python traceback the exception at its end,
/// of anything else all of it.
fn essence(tail: &[String]) -> String {
    let is_exception = |line: &String| {
        let name = line.split(':').next().unwrap_or_default();
        line.len() > name.len()
            && name.contains('.')
            && name.chars().all(|c| c.is_alphanumeric() || "._".contains(c))
    };
    let from = tail.iter().rposition(is_exception).unwrap_or(0);
    tail[from..].join("\n")
}
