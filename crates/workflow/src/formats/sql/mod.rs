//! Scripts in plain SQL: `NNNN_name.up.sql` and `NNNN_name.down.sql`, run by Switchback itself.
//!
//! The program that runs them is Switchback, called as a child like any other migrator (decision 12):
//! so a script has a session of its own, dies with its operator, and is watched from outside.
//! What is done here, without a connection, is reading: a mistake is found before anything stops.

mod create;
mod execute;
mod folder;
mod history;
mod indexes;
mod script;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use switchback_engine::exec::Program;
use switchback_model::{Config, DatabaseUrl, Failure, Result, code};
use switchback_postgres::session::Session;

use self::folder::{Folder, Migration};
use self::history::Applied;
use super::{Creation, Difference, Migrator, Script, Scripts};

pub use execute::{Order, Place, execute};

/// The variable by which the child is told where to work.
pub const URL_VARIABLE: &str = "SWITCHBACK_SQL_URL";
/// The history's table, as facts name it.
pub const HISTORY: &str = history::TABLE;
/// What `down` is told for "before the first".
const BASE: &str = "base";

pub(super) struct SqlMigrator {
    directory: PathBuf,
    working_directory: PathBuf,
    program: PathBuf,
}

impl SqlMigrator {
    pub(super) fn new(config: &Config, program: &Path) -> Self {
        Self {
            directory: config.migrations.directory.clone(),
            working_directory: config.working_directory(),
            program: program.to_owned(),
        }
    }

    /// The scripts inside a release's files: the configuration names them in the checkout.
    fn folder(&self, root: &Path) -> Result<Folder> {
        match self.directory.strip_prefix(&self.working_directory) {
            Ok(inside) => Folder::read(&root.join(inside)),
            Err(_) => Folder::read(&self.directory),
        }
    }

    fn call(&self, database: &DatabaseUrl, act: &str, word: &str) -> Program {
        Program::new(&self.program)
            .args(["internal", "sql", act, word, "--directory"])
            .arg(&self.directory)
            .arg("--root")
            .arg(&self.working_directory)
            .env(URL_VARIABLE, database.expose())
            .secret(database.password())
    }
}

#[async_trait(?Send)]
impl Migrator for SqlMigrator {
    fn name(&self) -> &'static str {
        "sql"
    }

    fn scripts(&self, root: &Path, current: &[String], to: Option<&str>) -> Result<Scripts> {
        let folder = self.folder(root)?;
        let from = after(&folder, current)?;
        let end = match to {
            Some(to) => folder.position(&folder.find(to)?.version)? + 1,
            None => folder.migrations.len(),
        };
        let pending = folder.migrations.get(from..end).unwrap_or_default();
        let head = end.checked_sub(1).and_then(|last| folder.migrations.get(last));
        let mut notes = ignored(&folder);
        let mut scripts = Vec::new();
        for index in from..end.max(from) {
            scripts.push(script(root, &folder, index, &mut notes)?);
        }
        Ok(Scripts {
            digest: folder::digest(pending)?,
            heads: head.iter().map(|head| head.version.clone()).collect(),
            notes,
            pending: scripts,
        })
    }

    fn downs(&self, root: &Path, current: &[String], to: &[String]) -> Result<Vec<Script>> {
        let folder = self.folder(root)?;
        let (from, end) = (after(&folder, to)?, after(&folder, current)?);
        if from > end {
            let message = format!("{} is not below {}", to.join(", "), current.join(", "));
            return Err(Failure::new(code::REVISION_UNKNOWN, message).changed("nothing was touched"));
        }
        (from..end).rev().map(|index| script(root, &folder, index, &mut Vec::new())).collect()
    }

    fn reads(&self, path: &Path) -> bool {
        folder::is_script(&path.to_string_lossy())
    }

    fn find(&self, root: &Path, revision: &str) -> Result<String> {
        Ok(self.folder(root)?.find(revision)?.version.clone())
    }

    async fn current(&self, session: &Session) -> Result<Vec<String>> {
        let applied = Applied::read(session).await?;
        Ok(applied.last().map(|newest| newest.version.clone()).into_iter().collect())
    }

    async fn drift(&self, root: &Path, session: &Session) -> Result<Option<Vec<Difference>>> {
        history::differences(&Applied::read(session).await?, &self.folder(root)?).map(Some)
    }

    fn up(&self, database: &DatabaseUrl, revision: &str) -> Result<Program> {
        Ok(self.call(database, "up", revision))
    }

    fn only(&self, up: Program, checksum: &str) -> Program {
        // Of a run that was begun before texts were noted, nothing is known.
        if checksum.is_empty() { up } else { up.args(["--checksum", checksum]) }
    }

    fn down(&self, database: &DatabaseUrl, to: &str) -> Result<Program> {
        Ok(self.call(database, "down", to))
    }

    fn stamp(&self, database: &DatabaseUrl, revision: &str) -> Result<Program> {
        Ok(self.call(database, "stamp", revision))
    }

    fn model_check(&self, _database: &DatabaseUrl) -> Option<Program> {
        None
    }

    fn create(&self, name: &str) -> Result<Creation> {
        create::create(&self.directory, name).map(Creation::Written)
    }
}

/// How many migrations of the folder are applied in a target at `current`.
fn after(folder: &Folder, current: &[String]) -> Result<usize> {
    current.last().map_or(Ok(0), |version| folder.position(version).map(|at| at + 1))
}

/// One migration as a plan needs it, both of its files read as the server would read them.
fn script(root: &Path, folder: &Folder, index: usize, notes: &mut Vec<String>) -> Result<Script> {
    let migration = &folder.migrations[index];
    let below = index.checked_sub(1).map(|below| folder.migrations[below].version.clone());
    let up = read(root, &migration.up)?;
    if up.parts.is_empty() {
        return Err(Failure::new(code::MIGRATION_UNREADABLE, format!("{} has no statement", up.file))
            .changed("nothing was touched")
            .hint("write one; or remove both files of this migration"));
    }
    let no_down = no_down(root, migration)?;
    if let Some(why) = &up.leaves {
        notes.push(format!(
            "{} is not one transaction: {why}; its statements run one by one, and a failure can leave a part behind",
            migration.version
        ));
    }
    if let Some(why) = &no_down {
        notes.push(format!("{} can't be taken back by a downgrade: {why}", migration.version));
    }
    Ok(Script {
        revision: migration.version.clone(),
        name: migration.name.replace(['_', '-'], " "),
        path: up.file.clone(),
        before: below.iter().cloned().collect(),
        after: vec![migration.version.clone()],
        down_to: below.unwrap_or_else(|| BASE.into()),
        no_down,
        leaves_transaction: up.leaves.is_some(),
        text: up.text,
    })
}

fn no_down(root: &Path, migration: &Migration) -> Result<Option<String>> {
    let Some(down) = &migration.down else {
        return Ok(Some("it has no .down.sql".into()));
    };
    Ok(read(root, down)?.parts.is_empty().then(|| "its .down.sql has no statement".into()))
}

/// Reads a script; messages name it from `root` on.
fn read(root: &Path, path: &Path) -> Result<script::Script> {
    script::Script::read(path.strip_prefix(root).unwrap_or(path), folder::text(path)?)
}

fn ignored(folder: &Folder) -> Vec<String> {
    let note = |name: &String| {
        format!(
            "{name} is no migration, and is left out: scripts are called NUMBER_name.up.sql and NUMBER_name.down.sql"
        )
    };
    folder.ignored.iter().map(note).collect()
}
