//! What the child does: one order, in a session of its own.
//!
//! A script is one transaction with its line in the history; or its statements run one by one, and the
//! line is written when all are done. What fails says where in the file, and what is left.

use std::path::PathBuf;

use switchback_model::{DatabaseUrl, Effect, Failure, Result, code};
use switchback_postgres::script::Refusal;
use switchback_postgres::{ScriptSession, Session};
use tokio::signal::unix::{SignalKind, signal};

use super::folder::{Folder, Migration, order};
use super::history::{self, Applied};
use super::indexes::Watch;
use super::script::{DIRECTIVE, Part, Script};
use super::{BASE, read};
use crate::formats::checksum;

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Order {
    /// Apply this migration.
    Up {
        /// Its version.
        version: String,
        /// SHA-256 of the only text that may be run; `None`: of whatever is there.
        checksum: Option<String>,
    },
    /// Take back what is newer than this one.
    Down(String),
    /// Write this one, and all before it, into the history.
    Stamp(String),
}

/// Where it is to be done.
#[derive(Debug)]
pub struct Place {
    /// The target.
    pub url: DatabaseUrl,
    /// What the session is called on the server.
    pub application: String,
    /// Settings for the session, as in `PGOPTIONS`.
    pub options: String,
    /// The folder with the scripts.
    pub directory: PathBuf,
    /// The folder from which messages name them.
    pub root: PathBuf,
}

/// Carries an order out. `say` hears what a person may want to follow.
///
/// # Errors
/// [`code::MIGRATION_FAILED`] with the place in the script, [`code::INDEX_INVALID`],
/// [`code::HISTORY_DIFFERS`], and those of a connection.
pub async fn execute(order: &Order, place: &Place, say: fn(&str)) -> Result<()> {
    let folder = Folder::read(&place.directory)?;
    let session = ScriptSession::connect(&place.url, &place.application, &place.options, say).await?;
    let hand = session.canceller();
    let work = async { Work::begin(place, folder, session, say).await?.carry_out(order).await };
    tokio::pin!(work);
    tokio::select! {
        done = &mut work => done,
        () = asked_to_end() => {
            // The server would go on with a statement whose client is gone.
            hand.await;
            work.await
        }
    }
}

async fn asked_to_end() {
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => drop(signal.recv().await),
        Err(_) => std::future::pending().await,
    }
}

struct Work<'a> {
    place: &'a Place,
    folder: Folder,
    session: ScriptSession,
    say: fn(&str),
    /// Whether the table of the history is there.
    exists: bool,
    applied: Vec<Applied>,
}

impl<'a> Work<'a> {
    async fn begin(place: &'a Place, folder: Folder, session: ScriptSession, say: fn(&str)) -> Result<Self> {
        let asked = |refusal: Refusal| server(&refusal, "the history can't be read");
        let exists = !session.texts(history::EXISTS).await.map_err(asked)?.is_empty();
        let rows = if exists { session.texts(history::ALL).await.map_err(asked)? } else { Vec::new() };
        Ok(Self { place, folder, session, say, exists, applied: Applied::of(rows) })
    }

    async fn carry_out(&self, order: &Order) -> Result<()> {
        match order {
            Order::Up { version, checksum } => self.up(version, checksum.as_deref()).await,
            Order::Down(to) => self.down(to).await,
            Order::Stamp(version) => self.stamp(version).await,
        }
    }

    async fn up(&self, version: &str, only: Option<&str>) -> Result<()> {
        if self.applied.iter().any(|line| line.version == version) {
            (self.say)(&format!("{version} is applied already"));
            return Ok(());
        }
        let migration = &self.folder.migrations[self.folder.position(version)?];
        self.is_next(migration)?;
        let script = read(&self.place.root, &migration.up)?;
        is_agreed(&script, only)?;
        self.run(&script, &history::added(migration, self.exists)?).await
    }

    /// Whether all before it are applied, and none behind it.
    fn is_next(&self, migration: &Migration) -> Result<()> {
        let below = self.folder.migrations.iter().take_while(|one| one.version != migration.version);
        let missing =
            below.map(|one| &one.version).find(|one| self.applied.iter().all(|line| line.version != **one));
        let newest = self.applied.last().filter(|newest| order(&newest.version) > order(&migration.version));
        let why = match (missing, newest) {
            (Some(missing), _) => format!("{missing}, which comes before it, is not applied"),
            (None, Some(newest)) => format!("{}, which comes behind it, is applied", newest.version),
            (None, None) => return Ok(()),
        };
        Err(Failure::new(code::HISTORY_DIFFERS, format!("{} can't be applied: {why}", migration.version))
            .changed("nothing was changed")
            .hint("switchback status"))
    }

    async fn down(&self, to: &str) -> Result<()> {
        let keep = if to == BASE { 0 } else { self.folder.position(to)? + 1 };
        let keep: Vec<_> =
            self.folder.migrations[..keep].iter().map(|migration| &migration.version).collect();
        let mut left = self.applied.len();
        for line in self.applied.iter().rev().filter(|line| !keep.contains(&&line.version)) {
            let migration = &self.folder.migrations[self.folder.position(&line.version)?];
            let down = migration.down.as_ref().ok_or_else(|| no_way_down(migration))?;
            let script = read(&self.place.root, down)?;
            self.run(&script, &history::removed(&line.version, left == 1)).await?;
            left -= 1;
        }
        Ok(())
    }

    async fn stamp(&self, version: &str) -> Result<()> {
        let upto = self.folder.position(version)? + 1;
        let statements = history::stamped(&self.folder.migrations[..upto], self.exists)?;
        self.transaction(async || self.write(&statements).await).await
    }

    async fn run(&self, script: &Script, line: &[String]) -> Result<()> {
        if script.leaves.is_some() {
            return self.one_by_one(script, line).await;
        }
        let all = async || {
            for (index, part) in script.parts.iter().enumerate() {
                self.send(script, part).await.map_err(|refusal| refused(script, index, &refusal))?;
            }
            self.write(line).await
        };
        let nothing_left = "nothing of this script is left: it was one transaction";
        self.transaction(all).await.map_err(|failure| match failure.effect {
            Effect::None => failure.changed(nothing_left),
            _ => failure,
        })
    }

    async fn transaction(&self, act: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
        self.own("begin").await?;
        if let Err(failure) = act().await {
            // The session ends with us, and its transaction with it; this only saves the waiting.
            drop(self.session.run("rollback").await);
            return Err(failure);
        }
        self.session.run("commit").await.map_err(|refusal| {
            let failure = server(&refusal, "the transaction could not be committed");
            if refusal.lost { failure.effect(Effect::Unknown) } else { failure.effect(Effect::None) }
        })
    }

    /// Statements of our own, as who the session is: a script may have become somebody else.
    async fn write(&self, statements: &[String]) -> Result<()> {
        self.own("reset session authorization").await?;
        self.own("reset role").await?;
        for statement in statements {
            self.own(statement).await?;
        }
        Ok(())
    }

    async fn own(&self, statement: &str) -> Result<()> {
        let what = format!("the history ({}) can't be written", history::TABLE);
        self.session
            .run(statement)
            .await
            .map_err(|refusal| server(&refusal, &what).cause(statement.to_owned()))
    }

    async fn send(&self, script: &Script, part: &Part) -> Result<(), Refusal> {
        let statement = &script.text[part.at.clone()];
        match &part.data {
            Some(data) => self.session.copy_in(statement, &script.text[data.clone()]).await,
            None => self.session.run(statement).await,
        }
    }

    async fn one_by_one(&self, script: &Script, line: &[String]) -> Result<()> {
        let looks = Session::connect(&self.place.url, &self.place.application).await?;
        // What is done for good: a block of the script's own counts when it ends.
        let mut done = 0;
        for (index, part) in script.parts.iter().enumerate() {
            (self.say)(&format!("{}: {}", script.number(index), script.beginning(part)));
            self.one(&looks, script, index).await.map_err(|failure| partly(failure, script, done))?;
            if !part.inside {
                done = index + 1;
            }
        }
        let written = self.transaction(async || self.write(line).await).await;
        written.map_err(|failure| partly(failure, script, done))
    }

    async fn one(&self, looks: &Session, script: &Script, index: usize) -> Result<()> {
        let part = &script.parts[index];
        if !part.statement.builds_concurrently() {
            return self.send(script, part).await.map_err(|refusal| refused(script, index, &refusal));
        }
        let watch = Watch::begin(looks, &self.session, &part.statement).await?;
        match self.send(script, part).await {
            Ok(()) => watch.succeeded().await,
            Err(refusal) => {
                let failure = refused(script, index, &refusal);
                let (said, hints) = watch.failed(&self.session).await;
                let failure = said.into_iter().fold(failure, Failure::cause);
                Err(hints.into_iter().fold(failure, Failure::hint))
            }
        }
    }
}

/// A script that failed outside of a transaction says what is done for good.
fn partly(failure: Failure, script: &Script, done: usize) -> Failure {
    let all = script.parts.len();
    let (effect, what) = match done {
        0 => (Effect::Unknown, format!("none of its {all} statements was done before it")),
        1 => (Effect::Durable, format!("statement 1 of {all} was done, and stays")),
        _ => (Effect::Durable, format!("statements 1 to {done} of {all} were done, and stay")),
    };
    let why = script.leaves.as_deref().unwrap_or_default();
    failure.effect(effect).changed(format!("{what}; the script is not one transaction: {why}"))
}

/// What was read is what is run: whoever looked before us looked at another moment.
fn is_agreed(script: &Script, only: Option<&str>) -> Result<()> {
    if only.is_none_or(|only| checksum(&script.text) == only) {
        return Ok(());
    }
    let message = format!("{} is not what the plan was made of", script.file);
    Err(Failure::new(code::PLAN_CHANGED, message)
        .changed("nothing of it was run")
        .hint("look what was changed, and by whom; then make a new plan: switchback plan"))
}

fn no_way_down(migration: &Migration) -> Failure {
    let message = format!("{} can't be taken back: it has no .down.sql", migration.version);
    Failure::new(code::MIGRATION_FAILED, message).cause(migration.up.display().to_string())
}

/// What the server says against a statement of a script, with its place in the file.
fn refused(script: &Script, index: usize, refusal: &Refusal) -> Failure {
    let part = &script.parts[index];
    let statement = &script.text[part.at.clone()];
    let character = refusal.position.and_then(|position| position.checked_sub(1)).unwrap_or_default();
    let inside = statement.char_indices().nth(character).map_or(0, |(at, _)| at);
    let failure = script.wrong(code::MIGRATION_FAILED, part.at.start + inside, &words(refusal));
    let failure = failure.cause(format!("{}: {}", script.number(index), script.beginning(part)));
    advised(more(failure, refusal), &refusal.sqlstate)
}

/// What the server says against a statement of ours.
fn server(refusal: &Refusal, what: &str) -> Failure {
    let code = if refusal.lost { code::CONNECTION_LOST } else { code::MIGRATION_FAILED };
    advised(more(Failure::new(code, format!("{what}: {}", words(refusal))), refusal), &refusal.sqlstate)
}

fn words(refusal: &Refusal) -> String {
    if refusal.lost {
        return format!("the connection was lost: {}", refusal.message);
    }
    format!("{} ({})", refusal.message, refusal.sqlstate)
}

/// So much of what the server adds is kept; a context can be as deep as its functions.
const MOST: usize = 1500;

fn more(failure: Failure, refusal: &Refusal) -> Failure {
    let failure = [("detail", &refusal.detail), ("context", &refusal.context)].into_iter().fold(
        failure,
        |failure, (name, text)| match text {
            Some(text) => failure.cause(format!("{name}: {}", text.chars().take(MOST).collect::<String>())),
            None => failure,
        },
    );
    match &refusal.hint {
        Some(hint) => failure.hint(format!("the server says: {hint}")),
        None => failure,
    }
}

/// What helps, where the code alone says it.
fn advised(failure: Failure, sqlstate: &str) -> Failure {
    match sqlstate {
        "25001" | "2D000" => failure.hint(format!(
            "to run its statements one by one, outside of a transaction, as the first line: {DIRECTIVE}"
        )),
        "55P04" => failure.hint("put ALTER TYPE … ADD VALUE into a migration of its own, before this one"),
        "42501" => failure.hint("look at what the role of database_url may do: switchback doctor"),
        _ => failure,
    }
}
