//! Step 10: one pending migration, applied by the application's own migrator.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchback_engine::step::{Probe, Step, StepCx};
use switchback_model::plan::UndoPolicy;
use switchback_model::{Failure, Result, code};

use crate::formats::Script;
use crate::way_back::{self, Way};
use crate::world::World;
use crate::{agreed, migration, target};

/// One migration.
#[derive(Debug, Serialize, Deserialize)]
pub struct Apply {
    /// Its identity.
    pub revision: String,
    /// What its author called it.
    pub name: String,
    /// The target's revisions before.
    pub before: Vec<String>,
    /// The target's revisions after.
    pub after: Vec<String>,
    /// What the migrator is told to take it back.
    pub down_to: String,
    /// Whether parts of it run outside of a transaction.
    pub leaves_transaction: bool,
    /// SHA-256 of its text; empty in plans that were made before it was noted.
    #[serde(default)]
    pub checksum: String,
}

impl Apply {
    /// The step of a script.
    pub fn of(script: &Script) -> Self {
        Self {
            revision: script.revision.clone(),
            name: script.name.clone(),
            before: script.before.clone(),
            after: script.after.clone(),
            down_to: script.down_to.clone(),
            leaves_transaction: script.leaves_transaction,
            checksum: script.checksum(),
        }
    }

    async fn current(world: &World) -> Result<Vec<String>> {
        let session = world.session(&target::name_now(world).await?).await?;
        world.migrator().current(&session).await
    }

    fn what(&self) -> String {
        format!("migration {}", self.revision)
    }

    /// Takes this one migration back with the migrator.
    async fn downgrade(&self, cx: &StepCx<'_, World>) -> Result<String> {
        let world = cx.world;
        let current = Self::current(world).await?;
        if current == self.before {
            return Ok("it is not applied".into());
        }
        if current != self.after {
            return Err(self.elsewhere(&current));
        }
        way_back::downgrade(cx, world, &target::name_now(world).await?, &self.down_to, &self.revision)
            .await?;
        let current = Self::current(world).await?;
        if current == self.before {
            Ok(format!("downgraded to {}", self.down_to))
        } else {
            Err(self.elsewhere(&current))
        }
    }

    fn elsewhere(&self, current: &[String]) -> Failure {
        let message =
            format!("the target is at {}: neither before nor after {}", current.join("+"), self.revision);
        Failure::new(code::EFFECT_UNCLEAR, message)
            .hint("look who else migrates this target; then: switchback resume, or switchback rollback")
    }
}

#[async_trait(?Send)]
impl Step<World> for Apply {
    const KIND: &'static str = "apply";
    type Output = ();

    fn title(&self) -> String {
        format!("apply {} {}", self.revision, self.name)
    }

    fn undo_policy(&self) -> UndoPolicy {
        UndoPolicy::Reversible
    }

    async fn probe(&self, cx: &StepCx<'_, World>) -> Result<Probe<()>> {
        // A killed migrator's session may still be at work.
        target::end_others(cx.world).await?;
        let current = Self::current(cx.world).await?;
        Ok(match () {
            () if current == self.after => Probe::Done(()),
            // Half of it may be there where it leaves its transaction: the way back takes it, not a
            // second try over the first.
            () if current == self.before && self.leaves_transaction => Probe::Unclear(
                Failure::new(
                    code::MIGRATION_FAILED,
                    format!("{} was interrupted, and is not in one transaction", self.what()),
                )
                .changed("a part of it may be applied; the way back takes that with it"),
            ),
            () if current == self.before => Probe::NotDone,
            () => Probe::Unclear(self.elsewhere(&current)),
        })
    }

    async fn run(&self, cx: &StepCx<'_, World>) -> Result<()> {
        let world = cx.world;
        if Self::current(world).await? == self.after {
            return Ok(());
        }
        let database = migration::url(world, &target::name_now(world).await?);
        agreed::before(cx, self)?;
        let migrator = world.migrator();
        let program = migrator.only(migrator.up(&database, &self.revision)?, &self.checksum);
        let may_retry = async || {
            // The next try reads the files again.
            agreed::before(cx, self)?;
            Ok(!self.leaves_transaction && Self::current(world).await? == self.before)
        };
        migration::call_in(cx, world, program, &self.what(), may_retry).await?;
        let current = Self::current(world).await?;
        if current == self.before {
            return Err(Failure::new(
                code::REVISION_UNCHANGED,
                format!(
                    "the migrator said that {} is done, and the target's revision is unchanged",
                    self.revision
                ),
            )
            .cause(format!("still at {}", current.join("+")))
            .hint("is it told the right database? look at [migrations] database_url_variable and env.py"));
        }
        Ok(())
    }

    async fn verify(&self, cx: &StepCx<'_, World>, _done: &()) -> Result<String> {
        let current = Self::current(cx.world).await?;
        if current != self.after {
            let message = format!(
                "after {} the target is at {}, not at {}",
                self.revision,
                current.join("+"),
                self.after.join("+")
            );
            return Err(Failure::new(code::REVISION_DIFFERS, message));
        }
        Ok(format!("at {}", current.join("+")))
    }

    async fn undo(&self, cx: &StepCx<'_, World>, _done: Option<&()>) -> Result<String> {
        match way_back::decided(cx).await? {
            Way::Nothing => Ok("nothing of it is there".into()),
            Way::Swap => Ok("goes back with the restore point".into()),
            Way::Down => self.downgrade(cx).await,
        }
    }
}
