//! Step 12: the data is what it should be, compared with the restore point.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchback_engine::step::{Step, StepCx};
use switchback_model::event::Unit;
use switchback_model::plan::UndoPolicy;
use switchback_model::{Failure, Result, code};
use switchback_postgres::snapshot::SnapshotHolder;

use super::record::Record;
use crate::checks::{self, CheckCx, CheckResult, Facts, Pick};
use crate::world::World;
use crate::{facts, files, migration, target};

/// All checks.
#[derive(Debug, Serialize, Deserialize)]
pub struct Validate {
    /// The migrations that were applied: file and text.
    pub scripts: Vec<String>,
}

/// What they gave.
#[derive(Debug, Serialize, Deserialize)]
pub struct Validated {
    /// One entry a check.
    pub checks: Vec<CheckResult>,
}

#[async_trait(?Send)]
impl Step<World> for Validate {
    const KIND: &'static str = "validate";
    type Output = Validated;

    fn title(&self) -> String {
        "validate the data".into()
    }

    fn undo_policy(&self) -> UndoPolicy {
        UndoPolicy::NoEffect
    }

    async fn run(&self, cx: &StepCx<'_, World>) -> Result<Validated> {
        let world = cx.world;
        let name = target::name_now(world).await?;
        let mut hear = |done, total| cx.progress("counting and digesting", done, total, Unit::Bytes);
        let after = facts::read(world, &name, cx.cancel, &mut hear).await?;
        // The way back compares with these: they must be on disk before the fence is lifted.
        files::write_json(&world.folder.join(facts::AFTER), &after)?;
        let before: Facts = files::read_json(&world.folder.join(facts::BEFORE))?;
        let checks = run_checks(
            cx,
            &name,
            &before,
            &after,
            &migration::read_scripts(&world.config.working_directory(), &self.scripts)?,
        )
        .await?;
        let failed: Vec<_> = checks.iter().filter(|check| !check.ok && !check.warning).collect();
        for warning in checks.iter().filter(|check| check.warning) {
            cx.warn(format!("{}: {}", warning.name, warning.detail));
        }
        cx.note("checks", &checks)?;
        if failed.is_empty() {
            return Ok(Validated { checks });
        }
        let message = format!("{} of {} checks failed", failed.len(), checks.len());
        let failure = Failure::new(code::VALIDATION_FAILED, message);
        Err(failed
            .iter()
            .fold(failure, |failure, check| failure.cause(format!("{}: {}", check.name, check.detail))))
    }

    async fn verify(&self, cx: &StepCx<'_, World>, done: &Validated) -> Result<String> {
        let _written: Facts = files::read_json(&cx.world.folder.join(facts::AFTER))?;
        let warnings = done.checks.iter().filter(|check| check.warning).count();
        let passed = done.checks.len() - warnings;
        Ok(if warnings == 0 {
            format!("{passed} checks passed")
        } else {
            format!("{passed} checks passed, {warnings} warnings")
        })
    }
}

async fn run_checks(
    cx: &StepCx<'_, World>,
    name: &str,
    before: &Facts,
    after: &Facts,
    scripts: &[(String, String)],
) -> Result<Vec<CheckResult>> {
    let world = cx.world;
    let url = world.url(name);
    let holder = SnapshotHolder::open(&url, &world.application()).await?;
    let check = CheckCx {
        url: &url,
        application: &world.application(),
        snapshot: holder.id(),
        jobs: world.config.environment.backup.jobs,
        before: Some(before),
        after,
        config: &world.config,
        scripts,
        model_check: world.migrator().model_check(&migration::url(world, name)),
        models_were_clean: cx.output::<Record>()?.models_clean,
        pick: &Pick::ALL,
        cancel: cx.cancel,
    };
    let mut hear = |what: &str, done, total| cx.progress(what, done, total, Unit::Items);
    let checks = checks::run_all(&check, &mut hear).await?;
    holder.release().await?;
    Ok(checks)
}
