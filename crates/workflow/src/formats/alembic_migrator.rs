//! Alembic and Flask-Migrate, called as their users call them.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use switchback_engine::exec::Program;
use switchback_model::{Config, DatabaseUrl, Failure, Result, code};
use switchback_postgres::session::{Session, ident};

use super::alembic::{self, Downgrade, Graph, Layout, Revision, Setting};
use super::{Creation, Migrator, Script, Scripts};

/// Alembic's default (`alembic.runtime.migration`).
const VERSION_TABLE: &str = "alembic_version";

pub(super) struct AlembicMigrator {
    config: Config,
}

impl AlembicMigrator {
    pub(super) fn new(config: &Config) -> Self {
        Self { config: config.clone() }
    }

    /// The script folder inside a release's files: the configuration names it in the checkout.
    fn folder(&self, root: &Path) -> PathBuf {
        let directory = &self.config.migrations.directory;
        match directory.strip_prefix(self.config.working_directory()) {
            Ok(inside) => root.join(inside),
            Err(_) => directory.clone(),
        }
    }

    fn read(&self, root: &Path) -> Result<(Layout, Graph)> {
        let layout = alembic::find(&self.folder(root))?;
        let graph = Graph::of(&layout)?;
        Ok((layout, graph))
    }

    fn call(&self, database: &DatabaseUrl, words: &[&str]) -> Result<Program> {
        let migrations = &self.config.migrations;
        let program = Program::of(&migrations.command)?
            .args(words)
            .folder(self.config.working_directory())
            .envs(&migrations.env)
            .env(&migrations.database_url_variable, database.expose())
            .env("PYTHONUNBUFFERED", "1")
            .secret(database.password());
        // A password file names databases, and behind the fence the target has another name.
        Ok(match database.password_elsewhere() {
            Some(password) => program.env("PGPASSWORD", password),
            None => program,
        })
    }
}

#[async_trait(?Send)]
impl Migrator for AlembicMigrator {
    fn name(&self) -> &'static str {
        "alembic"
    }

    fn scripts(&self, root: &Path, current: &[String], to: Option<&str>) -> Result<Scripts> {
        let (layout, graph) = self.read(root)?;
        let head = match to {
            Some(revision) => Some(graph.get(revision)?),
            None => graph.single_head()?,
        };
        let pending = match head {
            Some(head) => graph.between(current, &head.id)?,
            None => Vec::new(),
        };
        Ok(Scripts {
            digest: Graph::digest(&pending),
            heads: head.iter().map(|head| head.id.clone()).collect(),
            notes: notes(&layout, &pending),
            pending: ups(root, current, &pending)?,
        })
    }

    fn downs(&self, root: &Path, current: &[String], to: &[String]) -> Result<Vec<Script>> {
        let (_, graph) = self.read(root)?;
        let mut path = graph.downgrade_path(current, to)?;
        path.reverse();
        let mut scripts = ups(root, to, &path)?;
        scripts.reverse();
        Ok(scripts)
    }

    /// Python below the folder: a revision may import it, and env.py may be anything.
    fn reads(&self, path: &Path) -> bool {
        let compiled = path.components().any(|part| part.as_os_str() == "__pycache__");
        path.extension().is_some_and(|extension| extension == "py") && !compiled
    }

    fn find(&self, root: &Path, revision: &str) -> Result<String> {
        let (_, graph) = self.read(root)?;
        Ok(graph.get(revision)?.id.clone())
    }

    async fn current(&self, session: &Session) -> Result<Vec<String>> {
        let layout = alembic::find(&self.config.migrations.directory)?;
        let table = said(&layout.version_table, "version_table")?.unwrap_or_else(|| VERSION_TABLE.into());
        let schema = said(&layout.version_table_schema, "version_table_schema")?;
        let sql = "select n.nspname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                   where c.relname = $1::text::name and c.relkind in ('r', 'p') \
                   and n.nspname = coalesce($2::text::name, n.nspname) order by n.nspname = 'public' desc, 1";
        let schemas: Vec<String> =
            session.rows(sql, &[&table, &schema]).await?.iter().map(|row| row.get(0)).collect();
        let Some(schema) = schemas.first() else { return Ok(Vec::new()) };
        if schemas.len() > 1 && schemas[0] != "public" {
            return Err(Failure::new(
                code::MIGRATION_UNREADABLE,
                format!("several schemas have a table {table}"),
            )
            .cause(schemas.join(", "))
            .hint("name the right one in env.py: context.configure(version_table_schema=…)"));
        }
        let sql = format!("select version_num::text from {}.{} order by 1", ident(schema), ident(&table));
        Ok(session.rows(&sql, &[]).await?.iter().map(|row| row.get(0)).collect())
    }

    fn up(&self, database: &DatabaseUrl, revision: &str) -> Result<Program> {
        self.call(database, &["upgrade", revision])
    }

    fn down(&self, database: &DatabaseUrl, to: &str) -> Result<Program> {
        self.call(database, &["downgrade", to])
    }

    fn stamp(&self, database: &DatabaseUrl, revision: &str) -> Result<Program> {
        self.call(database, &["stamp", revision])
    }

    fn model_check(&self, database: &DatabaseUrl) -> Option<Program> {
        self.call(database, &["check"]).ok()
    }

    fn create(&self, name: &str) -> Result<Creation> {
        self.call(&self.config.database_url, &["revision", "-m", name]).map(Creation::Program)
    }
}

/// A setting of env.py; where only running env.py would tell, nothing is guessed.
fn said(setting: &Setting<String>, name: &str) -> Result<Option<String>> {
    match setting {
        Setting::Default => Ok(None),
        Setting::Said(value) => Ok(Some(value.clone())),
        Setting::Computed { line } => Err(Failure::new(
            code::MIGRATION_UNREADABLE,
            format!("env.py computes {name} (line {line}), so the target's revision can't be found without running it"),
        )
        .hint(format!("write {name} out in env.py"))),
    }
}

/// The migrations as steps of a plan, with the target's revisions before and after each.
fn ups(root: &Path, current: &[String], pending: &[&Revision]) -> Result<Vec<Script>> {
    let mut heads = current.to_vec();
    let mut scripts = Vec::new();
    for revision in pending {
        let before = heads.clone();
        heads.retain(|head| !revision.down.contains(head) && !revision.depends_on.contains(head));
        heads.push(revision.id.clone());
        heads.sort();
        scripts.push(script(root, revision, before, heads.clone())?);
    }
    Ok(scripts)
}

fn script(root: &Path, revision: &Revision, before: Vec<String>, after: Vec<String>) -> Result<Script> {
    let text = std::fs::read_to_string(&revision.path).map_err(|error| {
        let message = format!("{} can't be read", revision.path.display());
        Failure::new(code::MIGRATION_UNREADABLE, message).because(&error)
    })?;
    let path = revision.path.strip_prefix(root).unwrap_or(&revision.path);
    Ok(Script {
        revision: revision.id.clone(),
        name: revision.message.clone(),
        path: path.display().to_string(),
        before,
        after,
        down_to: revision.down.first().cloned().unwrap_or_else(|| "base".into()),
        no_down: no_down(revision),
        leaves_transaction: revision.autocommit_block,
        text,
    })
}

fn no_down(revision: &Revision) -> Option<String> {
    let why = match revision.downgrade {
        Downgrade::Present => return None,
        Downgrade::Empty => "its downgrade() does nothing",
        Downgrade::Refuses => "its downgrade() refuses",
        Downgrade::Absent => "it has no downgrade()",
    };
    Some(why.to_owned())
}

fn notes(layout: &Layout, pending: &[&Revision]) -> Vec<String> {
    let mut notes = Vec::new();
    if layout.transaction_per_migration.known(false) != Some(true) {
        notes.push(
            "env.py does not set transaction_per_migration: by itself, `upgrade` would run all pending migrations in \
             one transaction; here the migrator is called once for each, so each has its own"
                .to_owned(),
        );
    }
    for revision in pending.iter().filter(|revision| revision.autocommit_block) {
        notes.push(format!(
            "{} leaves its transaction (autocommit_block): a failure in it can leave a part behind",
            revision.id
        ));
    }
    for revision in pending {
        if let Some(why) = no_down(revision) {
            notes.push(format!("{} can't be taken back by a downgrade: {why}", revision.id));
        }
    }
    notes
}
