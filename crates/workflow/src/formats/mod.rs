//! Layouts of migrations: one folder or file each, one line in [`migrator`].
//!
//! A migrator describes what there is (the scripts, read without running them; the revision, read
//! from the target) and makes the command that moves the target by one migration. Running that
//! command, watching it and looking whether it did what it said is the work of the steps.

pub mod alembic;
mod alembic_migrator;
pub mod sql;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use switchback_engine::exec::Program;
use switchback_model::config::Tool;
use switchback_model::{Config, DatabaseUrl, Failure, Result, code};
use switchback_postgres::session::Session;

/// A migration, as a plan needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Its identity.
    pub revision: String,
    /// What its author called it.
    pub name: String,
    /// Its file, relative to the folder that was read.
    pub path: String,
    /// The target's revisions before it, where it is applied in this order.
    pub before: Vec<String>,
    /// The target's revisions after it.
    pub after: Vec<String>,
    /// What the migrator is told to take it back: its parent, or the word for "before the first".
    pub down_to: String,
    /// Whether its way back is written: `None`, or why not.
    pub no_down: Option<String>,
    /// Whether parts of it run outside of a transaction.
    pub leaves_transaction: bool,
    /// Its text.
    pub text: String,
}

impl Script {
    /// SHA-256 of its text.
    pub fn checksum(&self) -> String {
        checksum(&self.text)
    }
}

/// SHA-256 of a migration's text.
fn checksum(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// The scripts of one release.
#[derive(Clone, Debug)]
pub struct Scripts {
    /// What is not applied yet, in the order in which it will be.
    pub pending: Vec<Script>,
    /// The revision that the release wants.
    pub heads: Vec<String>,
    /// SHA-256 over the pending ones.
    pub digest: String,
    /// What a person should know of how they are run.
    pub notes: Vec<String>,
}

/// A migrator that the application already has.
#[async_trait(?Send)]
pub trait Migrator {
    /// As it stands in the configuration.
    fn name(&self) -> &'static str;

    /// Reads the scripts below `root` (a release's files) that a target at `current` has not yet;
    /// up to `to`, or to the head.
    fn scripts(&self, root: &Path, current: &[String], to: Option<&str>) -> Result<Scripts>;

    /// What has to be taken back, in order, to bring a target at `current` down to `to` (empty: to
    /// before the first).
    fn downs(&self, root: &Path, current: &[String], to: &[String]) -> Result<Vec<Script>>;

    /// Whether a file that lies in the migrations' folder would be taken for one of them.
    fn reads(&self, path: &Path) -> bool;

    /// The full revision that a person's word for it means.
    fn find(&self, root: &Path, revision: &str) -> Result<String>;

    /// The target's revisions now, from its own history table; empty where there is none.
    async fn current(&self, session: &Session) -> Result<Vec<String>>;

    /// The command that applies one migration and all that it needs.
    fn up(&self, database: &DatabaseUrl, revision: &str) -> Result<Program>;

    /// The same command, told to run nothing but a text of this SHA-256; as it is, where the migrator
    /// can't be told.
    fn only(&self, up: Program, _checksum: &str) -> Program {
        up
    }

    /// The command that takes the target down to a revision.
    fn down(&self, database: &DatabaseUrl, to: &str) -> Result<Program>;

    /// The command that writes a revision into the history table without running anything.
    fn stamp(&self, database: &DatabaseUrl, revision: &str) -> Result<Program>;

    /// The command that compares the models with the target, where the migrator has one.
    fn model_check(&self, database: &DatabaseUrl) -> Option<Program>;

    /// Where the target's history and the files below `root` tell different stories; `None` where the
    /// migrator keeps no record that would tell.
    async fn drift(&self, _root: &Path, _session: &Session) -> Result<Option<Vec<Difference>>> {
        Ok(None)
    }

    /// A new migration of this name, in the files that are in place.
    fn create(&self, name: &str) -> Result<Creation>;
}

/// Where a target's history and the files tell different stories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It was applied, and there is no file of it.
    NoFile {
        /// Which.
        version: String,
    },
    /// It was changed after it was applied.
    Edited {
        /// Its file.
        file: PathBuf,
    },
    /// It was not applied, and a newer one was.
    PassedOver {
        /// Its file.
        file: PathBuf,
        /// The newest that is applied.
        newest: String,
    },
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = |file: &Path| file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match self {
            Self::NoFile { version } => write!(f, "{version} was applied, and there is no file of it"),
            Self::Edited { file } => write!(f, "{} was changed after it was applied", name(file)),
            Self::PassedOver { file, newest } => {
                write!(f, "{} was not applied, and {newest}, which is newer, was", name(file))
            }
        }
    }
}

/// How a new migration comes to be.
#[derive(Debug)]
pub enum Creation {
    /// These files were written.
    Written(Vec<PathBuf>),
    /// The migrator itself makes it.
    Program(Program),
}

/// Refuses a target whose history the files below `root` don't tell.
///
/// # Errors
/// [`code::HISTORY_DIFFERS`] naming every difference.
pub async fn refuse_drift(migrator: &dyn Migrator, root: &Path, session: &Session) -> Result<()> {
    let found = migrator.drift(root, session).await?.unwrap_or_default();
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    let message = match found.as_slice() {
        [] => return Ok(()),
        [only] => only.clone(),
        more => format!("the history and the files differ in {} places", more.len()),
    };
    Err(Failure::new(code::HISTORY_DIFFERS, message)
        .cause(if found.len() > 1 { found.join("\n") } else { String::new() })
        .changed("nothing was changed")
        .hint("put the files back as they were applied; a change belongs into a new migration: switchback new NAME")
        .hint("where the target is right as it is, write down what the files are now: switchback stamp REVISION"))
}

/// The migrator of a configuration; `program` is Switchback itself, for the one that it is.
pub fn migrator(config: &Config, program: &Path) -> Box<dyn Migrator> {
    match config.migrations.tool {
        Tool::Alembic => Box::new(alembic_migrator::AlembicMigrator::new(config)),
        Tool::Sql => Box::new(sql::SqlMigrator::new(config, program)),
    }
}
