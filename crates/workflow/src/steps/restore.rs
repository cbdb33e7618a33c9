//! A backup becomes a database beside the target, compared with its manifest, while the application
//! still runs.

use std::path::PathBuf;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchback_engine::step::{Probe, Step, StepCx};
use switchback_model::event::Unit;
use switchback_model::plan::UndoPolicy;
use switchback_model::{Failure, Result, code};
use switchback_postgres::{copy, fence, server};

use crate::checks::Facts;
use crate::world::World;
use crate::{backups, facts, files, planner};

/// The backup, restored.
#[derive(Debug, Serialize, Deserialize)]
pub struct Restore {
    /// Its identity.
    pub backup: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Where the files of the release are that will run on it.
    pub root: PathBuf,
}

/// What there is to take the target's place.
#[derive(Debug, Serialize, Deserialize)]
pub struct Restored {
    /// The database's name.
    pub database: String,
    /// Its identity.
    pub oid: u32,
    /// Tables that were compared with the manifest.
    pub tables: u64,
    /// Rows that were compared with the manifest.
    pub rows: u64,
    /// The revision that it is at.
    pub revision: Vec<String>,
    /// SHA-256 of its catalog.
    pub catalog: String,
}

impl Restore {
    /// An application on a schema that it does not know fails in ways that no health check sees.
    fn fits(&self, cx: &StepCx<'_, World>, revision: &[String]) -> Result<()> {
        let scripts = cx.world.migrator().scripts(&self.root, revision, None)?;
        if scripts.pending.is_empty() {
            return Ok(());
        }
        Err(unlike(&self.backup, revision, &scripts.heads))
    }
}

/// The failure of a backup that the release is not written for.
pub fn unlike(backup: &str, revision: &[String], heads: &[String]) -> Failure {
    let message = format!(
        "backup {backup} is at {}, and the release that would run on it expects {}",
        planner::shown(revision),
        planner::shown(heads)
    );
    Failure::new(code::RESTORE_OTHER_REVISION, message)
        .changed("the target, the code and the service are as before")
        .hint(format!("name the release that fits: switchback restore {backup} --swap --release REF"))
}

#[async_trait(?Send)]
impl Step<World> for Restore {
    const KIND: &'static str = "restore";
    type Output = Restored;

    fn title(&self) -> String {
        format!("restore {} beside the target, compare", self.backup)
    }

    fn undo_policy(&self) -> UndoPolicy {
        UndoPolicy::Bookkeeping
    }

    async fn probe(&self, cx: &StepCx<'_, World>) -> Result<Probe<Restored>> {
        // What a killed process left is a part of it, or not yet compared.
        drop_both(cx).await?;
        Ok(Probe::NotDone)
    }

    async fn run(&self, cx: &StepCx<'_, World>) -> Result<Restored> {
        let (world, name) = (cx.world, &cx.world.names.incoming);
        drop_both(cx).await?;
        let mut hear = |progress: switchback_postgres::backup::Progress<'_>| {
            cx.progress(progress.what, progress.done, progress.total, Unit::Bytes);
        };
        let filling = Some(world.names.filling.as_str());
        let restored = backups::restore(world, &self.folder, name, filling, cx.cancel, &mut hear).await?;
        for note in &restored.notes {
            cx.warn(note);
        }
        let admin = world.admin().await?;
        fence::allow_connections(&admin, name, true).await?;
        let session = world.session(name).await?;
        // A restored database has no statistics; its first users would wait for wrong plans.
        session.batch("analyze").await?;
        let revision = world.migrator().current(&session).await?;
        drop(session);
        let mut hear = |done, total| cx.progress("counting and digesting", done, total, Unit::Bytes);
        let seen = facts::read(world, name, cx.cancel, &mut hear).await?;
        // The way back compares with these: what is written after the swap must be known by name.
        files::write_json(&world.folder.join(facts::AFTER), &seen)?;
        fence::allow_connections(&admin, name, false).await?;
        let oid = server::database(&admin, name).await?.map(|database| database.oid);
        Ok(Restored {
            database: name.clone(),
            oid: oid.ok_or_else(|| Failure::new(code::RESTORE_FAILED, format!("`{name}` is gone")))?,
            tables: restored.compared.tables,
            rows: restored.compared.rows,
            revision,
            catalog: seen.catalog.digest(),
        })
    }

    async fn verify(&self, cx: &StepCx<'_, World>, done: &Restored) -> Result<String> {
        let found = cx.world.database(&done.database).await?;
        if found.is_none_or(|found| found.oid != done.oid || found.allow_connections) {
            let message = format!("`{}` is not there, or not closed", done.database);
            return Err(Failure::new(code::RESTORE_FAILED, message));
        }
        let seen: Facts = files::read_json(&cx.world.folder.join(facts::AFTER))?;
        if seen.catalog.digest() != done.catalog {
            return Err(Failure::new(
                code::RESTORE_FAILED,
                "the facts of the restored database are not its own",
            ));
        }
        self.fits(cx, &done.revision)?;
        let at = planner::shown(&done.revision);
        Ok(format!("{} tables and {} rows equal to the manifest, at {at}, closed", done.tables, done.rows))
    }

    async fn undo(&self, cx: &StepCx<'_, World>, _done: Option<&Restored>) -> Result<String> {
        drop_both(cx).await?;
        let kept = &cx.world.names.failed;
        Ok(match cx.world.database(kept).await? {
            Some(_) => format!("the backup stays; the restored database is kept as `{kept}`"),
            None => "the backup stays; what was restored from it is dropped".into(),
        })
    }
}

/// Nobody but this run ever had one of these: a restored database that was in the target's place has
/// another name.
async fn drop_both(cx: &StepCx<'_, World>) -> Result<()> {
    let admin = cx.world.admin().await?;
    copy::drop_database(&admin, &cx.world.names.filling).await?;
    copy::drop_database(&admin, &cx.world.names.incoming).await
}
