//! Step 4: a backup for the worst case, restored and compared before anything is done.

use std::path::PathBuf;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchback_engine::step::{Step, StepCx};
use switchback_model::plan::UndoPolicy;
use switchback_model::units::Size;
use switchback_model::{Failure, Result, code};
use switchback_postgres::backup::Manifest;

use crate::backups;
use crate::world::World;

/// A proven backup.
#[derive(Debug, Serialize, Deserialize)]
pub struct Backup {}

/// Where it is.
#[derive(Debug, Serialize, Deserialize)]
pub struct BackedUp {
    /// Its identity.
    pub id: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Bytes on disk.
    pub bytes: u64,
    /// Rows that were compared after the restore.
    pub rows: u64,
    /// Tables that were compared after the restore.
    pub tables: u64,
}

#[async_trait(?Send)]
impl Step<World> for Backup {
    const KIND: &'static str = "backup";
    type Output = BackedUp;

    fn title(&self) -> String {
        "back up, restore it, compare".into()
    }

    fn undo_policy(&self) -> UndoPolicy {
        UndoPolicy::Bookkeeping
    }

    async fn run(&self, cx: &StepCx<'_, World>) -> Result<BackedUp> {
        let name = &cx.world.names.target;
        let directory = &cx.world.config.environment.backup.directory;
        let mut hear = |progress: switchback_postgres::backup::Progress<'_>| {
            cx.progress(progress.what, progress.done, progress.total, switchback_model::event::Unit::Bytes);
        };
        let note = format!("run {}", cx.world.run);
        // One that this run took before it was interrupted is as good as it would be had it been noted.
        let taken = match backups::noted(directory, &note)? {
            Some(taken) => taken,
            None => backups::take(cx.world, name, directory, Some(note), true, cx.cancel, &mut hear).await?,
        };
        let manifest = Manifest::read(&taken)?;
        let proof = manifest.proof.as_ref().ok_or_else(|| unproven(&manifest.id))?;
        Ok(BackedUp {
            bytes: manifest.bytes(),
            rows: proof.compared.rows,
            tables: proof.compared.tables,
            id: manifest.id,
            folder: taken,
        })
    }

    async fn verify(&self, _cx: &StepCx<'_, World>, done: &BackedUp) -> Result<String> {
        let manifest = Manifest::read(&done.folder)?;
        let proof = manifest.proof.as_ref().ok_or_else(|| unproven(&done.id))?;
        let (tables, rows) = (proof.compared.tables, proof.compared.rows);
        Ok(format!("restored, {tables} tables and {rows} rows equal, {}", Size(done.bytes)))
    }

    async fn undo(&self, cx: &StepCx<'_, World>, done: Option<&BackedUp>) -> Result<String> {
        if done.is_none()
            && let Err(failure) = backups::sweep(cx.world).await
        {
            // Half of a backup costs room and nothing else.
            cx.warn(failure.to_string());
        }
        Ok(done.map_or_else(|| "none was finished".into(), |done| format!("kept: {}", done.folder.display())))
    }
}

fn unproven(id: &str) -> Failure {
    Failure::new(code::BACKUP_DIFFERS, format!("backup {id} has no proof"))
}
