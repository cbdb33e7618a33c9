//! Layouts of migrations: one folder or file each, one line in [`migrator`].
//!
//! A migrator describes what there is (the scripts, read without running them; the revision, read
//! from the target) and makes the command that moves the target by one migration. Running that
//! command, watching it and looking whether it did what it said is the work of the steps.

pub mod alembic;
mod alembic_migrator;

use std::path::Path;

use async_trait::async_trait;
use switchback_engine::exec::Program;
use switchback_model::config::Tool;
use switchback_model::{Config, DatabaseUrl, Result};
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

    /// The full revision that a person's word for it means.
    fn find(&self, root: &Path, revision: &str) -> Result<String>;

    /// The target's revisions now, from its own history table; empty where there is none.
    async fn current(&self, session: &Session) -> Result<Vec<String>>;

    /// The command that applies one migration and all that it needs.
    fn up(&self, database: &DatabaseUrl, revision: &str) -> Result<Program>;

    /// The command that takes the target down to a revision.
    fn down(&self, database: &DatabaseUrl, to: &str) -> Result<Program>;

    /// The command that writes a revision into the history table without running anything.
    fn stamp(&self, database: &DatabaseUrl, revision: &str) -> Result<Program>;

    /// The command that compares the models with the target, where the migrator has one.
    fn model_check(&self, database: &DatabaseUrl) -> Option<Program>;
}

/// The migrator of a configuration.
pub fn migrator(config: &Config) -> Box<dyn Migrator> {
    match config.migrations.tool {
        Tool::Alembic => Box::new(alembic_migrator::AlembicMigrator::new(config)),
    }
}
