//! What the target says of itself, for a review: one look, which only reads, and answers to the
//! questions that findings ask.
//!
//! Nothing here waits for long or is waited for: every query has a limit, and none takes more than an
//! ACCESS SHARE lock for as long as it runs. What can't be found out is not left out in silence: it is a
//! line in [`Live::unknown`].

mod facts;
mod rights;
mod schema;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use switchback_model::{Failure, Result};
use switchback_postgres::Session;
use switchback_postgres::session::role_of;
use switchback_review::{Fact, Live, Raw};

use super::File;
use crate::examine::disk;
use crate::formats::Difference;
use crate::planner::Unplanned;
use crate::world::World;

/// How long an answer may take; what takes longer stays open.
const ANSWER: Duration = Duration::from_secs(5);
/// How long all answers together may take.
const ANSWERS: Duration = Duration::from_secs(30);

/// No look may be in anybody's way, and none may hang.
const SHORT: &str = "set default_transaction_read_only = on; set lock_timeout = '500ms'; set jit = off; \
    set max_parallel_workers_per_gather = 0; set statement_timeout = '5s'";

/// The server's major version.
///
/// # Errors
/// Those of [`Session`].
pub async fn version(session: &Session) -> Result<u32> {
    let number: i32 = session.one("select current_setting('server_version_num')::int4", &[]).await?.get(0);
    Ok(u32::try_from(number / 10_000).unwrap_or_default())
}

/// The same, with what the environment's configuration tells.
async fn look(world: &World, session: &Session, names: Option<&[String]>) -> Result<Live> {
    let mut live = look_as(session, &role_of(&world.config.database_url), names).await?;
    match disk::free_on_server(session, &world.config).await {
        Ok(Some(free)) => live.free_bytes = Some(free),
        Ok(None) => {
            let why = "the server is another machine, or does not say where its data is; let \
                       backup.disk_free_command print what is free there";
            live.unknown.insert(Fact::Disk, why.to_owned());
        }
        Err(failure) => not_known(&mut live, Fact::Disk, &failure, session)?,
    }
    Ok(live)
}

/// Looks at the target for a role, without what only the environment's configuration can tell. `names`:
/// words of the scripts, among them the names of the tables whose size is asked for exactly; nothing:
/// every table.
///
/// # Errors
/// Those of [`Session`], where the connection is lost; a question that is not answered is a line in
/// [`Live::unknown`].
pub async fn look_as(session: &Session, role: &str, names: Option<&[String]>) -> Result<Live> {
    session.batch(SHORT).await?;
    let mut live = Live::default();
    macro_rules! ask {
        ($fact:expr, $asked:expr) => {
            if let Err(failure) = $asked.await {
                not_known(&mut live, $fact, &failure, session)?;
            }
        };
    }
    ask!(Fact::Server, facts::server(session, role, &mut live));
    ask!(Fact::Schema, whole_schema(session, &mut live));
    ask!(Fact::Sizes, facts::sizes(session, names, &mut live));
    ask!(Fact::Sessions, facts::transactions(session, &mut live));
    ask!(Fact::Replication, facts::replication(session, &mut live));
    ask!(Fact::Vacuum, facts::vacuum(session, &mut live));
    ask!(Fact::Sequences, facts::sequences(session, &mut live));
    ask!(Fact::Rights, rights::rights(session, role, &mut live));
    Ok(live)
}

async fn whole_schema(session: &Session, live: &mut Live) -> Result<()> {
    let version = live.version_num.unwrap_or_default() / 10_000;
    live.schema = Some(schema::read_schema(session, version, &live.search_path).await?);
    live.invalid_indexes = facts::invalid_indexes(session).await?;
    Ok(())
}

/// One question without an answer is no reason to answer none; without a connection there is none.
fn not_known(live: &mut Live, fact: Fact, failure: &Failure, session: &Session) -> Result<()> {
    if session.is_closed() {
        return Err(failure.clone());
    }
    let words: Vec<&str> =
        std::iter::once(&failure.message).chain(&failure.causes).map(String::as_str).collect();
    live.unknown.insert(fact, words.join(": "));
    Ok(())
}

/// What is known of files and target together.
#[derive(Debug)]
pub struct Ground {
    /// What the target says.
    pub live: Live,
    /// Files that are asked about and applied there already: then what the earlier files tell is taken for
    /// the schema, and not what the target has.
    pub applied: Vec<String>,
}

/// Looks at the target, and at which of the files are applied there; `base` is where the files' names
/// begin, `found` what a deploy would run.
///
/// # Errors
/// As [`look_as`].
pub async fn ground(
    world: &World,
    session: &Session,
    files: &[File],
    base: &Path,
    found: Result<Unplanned>,
) -> Result<Ground> {
    let mut live = look(world, session, Some(&words(files))).await?;
    let applied = match found {
        Ok(found) => {
            tell_differences(&mut live, &found.differences, files, base);
            sort_out(&mut live, &world.config.migrations.directory, files, base, &found)
        }
        Err(failure) => {
            not_known(&mut live, Fact::History, &failure, session)?;
            if files.iter().any(|file| file.applied) {
                live.schema = None;
            }
            Vec::new()
        }
    };
    Ok(Ground { live, applied })
}

/// Which files run before those that are asked about, and which of these are applied already. The target's
/// schema stays only where it is what the files that are asked about meet.
fn sort_out(live: &mut Live, folder: &Path, files: &[File], base: &Path, found: &Unplanned) -> Vec<String> {
    // A release's files lie elsewhere, in the same order.
    let inside = folder.strip_prefix(base).map_or_else(|_| folder.to_owned(), |inside| base.join(inside));
    let folders = [real(folder), real(&inside), real(&found.root)];
    let mut open: BTreeSet<PathBuf> =
        found.scripts.pending.iter().map(|script| real(&found.root.join(&script.path))).collect();
    open.extend(found.differences.iter().filter_map(|difference| match difference {
        Difference::PassedOver { file, .. } => Some(real(file)),
        _ => None,
    }));
    let mut applied = Vec::new();
    for file in files {
        let path = real(&base.join(&file.path));
        let known = folders.iter().any(|folder| path.starts_with(folder));
        match (known, open.contains(&path), file.applied) {
            (true, true, true) => {
                live.before.insert(file.path.clone());
            }
            (true, false, false) if !live.edited.contains(&file.path) => applied.push(file.path.clone()),
            // Of files of elsewhere nobody knows whether the target has what they make.
            (false, _, true) => live.schema = None,
            _ => {}
        }
    }
    if !applied.is_empty() {
        live.schema = None;
    }
    applied
}

/// The words of scripts that are asked about: whatever may be the name of a table.
fn words(files: &[File]) -> Vec<String> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
    let mut found = BTreeSet::new();
    for file in files.iter().filter(|file| !file.applied) {
        for word in file.text.split(|c| !is_word(c)) {
            found.insert(word.to_lowercase());
            found.insert(word.to_owned());
        }
        // A name in quotes may hold anything.
        found.extend(file.text.split('"').filter(|part| part.len() < 64).map(str::to_owned));
    }
    found.into_iter().collect()
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// Puts down where the target's history and the files differ, by the names that the files have in the
/// review; `base` is where these names begin.
fn tell_differences(live: &mut Live, found: &[Difference], files: &[File], base: &Path) {
    let shown: BTreeMap<PathBuf, &str> =
        files.iter().map(|file| (real(&base.join(&file.path)), file.path.as_str())).collect();
    let name = |path: &Path| match shown.get(&real(path)) {
        Some(shown) => (*shown).to_owned(),
        None => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
    };
    for difference in found {
        match difference {
            Difference::NoFile { version } => live.without_file.push(version.clone()),
            Difference::Edited { file } => {
                live.edited.insert(name(file));
            }
            Difference::PassedOver { file, newest } => {
                live.passed_over.insert(name(file), newest.clone());
            }
        }
    }
}

/// Asks the target what findings want to know of it, and puts the answers behind their reasons. A
/// question that can't be answered in time, or at all, stays open, and that is said.
///
/// # Errors
/// Those of [`Session`], where the limit of time can't be set.
pub async fn answer(session: &Session, raw: &mut [Raw]) -> Result<()> {
    session.batch(&format!("{SHORT}; set statement_timeout = {}", ANSWER.as_millis())).await?;
    let begun = Instant::now();
    for found in raw {
        let Some(question) = &found.question else { continue };
        let said = if begun.elapsed() > ANSWERS {
            "it was not asked: the questions before took too long".to_owned()
        } else {
            let row = session.optional(&question.sql, &[]).await;
            match row.ok().flatten().and_then(|row| row.try_get::<_, i64>(0).ok()) {
                Some(0) => question.none.clone(),
                Some(number) => question.some.replace("{n}", &number.to_string()),
                None => "it gave no answer".to_owned(),
            }
        };
        found.finding.why = format!("{}; the target says: {said}", found.finding.why).into();
    }
    Ok(())
}
