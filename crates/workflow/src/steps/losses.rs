//! What the target holds and the backup does not: counted and named before anything takes its place.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchback_engine::step::{Step, StepCx};
use switchback_model::event::Unit;
use switchback_model::plan::UndoPolicy;
use switchback_model::{Failure, Result, code};

use crate::checks::Facts;
use crate::differences::Differences;
use crate::world::World;
use crate::{facts, files, target};

/// The differences, looked at.
#[derive(Debug, Serialize, Deserialize)]
pub struct Losses {
    /// Behind the fence, where nothing is written any more.
    pub fenced: bool,
    /// A person agreed to leave behind what the backup has not.
    pub accept: bool,
}

/// What was seen.
#[derive(Debug, Serialize, Deserialize)]
pub struct Seen {
    /// What the target has and the backup has not, one line each.
    pub lost: Vec<String>,
    /// What only the backup has, and comes back with it, one line each.
    #[serde(default)]
    pub comes_back: Vec<String>,
}

/// Where the run keeps the differences, in its folder.
const FILE: &str = "differences.json";

impl Losses {
    async fn compare(&self, cx: &StepCx<'_, World>) -> Result<Seen> {
        let world = cx.world;
        let name = target::name_now(world).await?;
        let mut hear = |done, total| cx.progress("comparing with the target", done, total, Unit::Bytes);
        let now = match facts::read(world, &name, cx.cancel, &mut hear).await {
            Ok(now) => now,
            // A target that can't be read is one reason for a restore.
            Err(failure) if self.accept && failure.code == code::QUERY_FAILED => {
                let why = failure.causes.first().unwrap_or(&failure.message);
                let lost = format!("the target can't be read, so nothing in it was compared: {why}");
                return Ok(Seen { lost: vec![lost], comes_back: Vec::new() });
            }
            Err(failure) => return Err(failure),
        };
        files::write_json(&world.folder.join(facts::BEFORE), &now)?;
        let restored: Facts = files::read_json(&world.folder.join(facts::AFTER))?;
        let differences = Differences::between(&restored, &now);
        files::write_json(&world.folder.join(FILE), &differences)?;
        Ok(Seen { lost: differences.left_behind(), comes_back: differences.comes_back() })
    }

    fn refusal(lost: &[String], backup: &str) -> Failure {
        let what = if lost.len() == 1 { "1 thing".to_owned() } else { format!("{} things", lost.len()) };
        let message = format!("the target has {what} that backup {backup} has not");
        let failure = Failure::new(code::RESTORE_LOSES, message)
            .changed("the target, the code and the service are as before");
        let failure = lost.iter().fold(failure, |failure, line| failure.cause(line.clone()));
        failure
            .hint(format!("leave them behind, in the database that is kept: switchback restore {backup} --swap --accept-loss"))
            .hint(format!("or look at both side by side: switchback restore {backup} --compare"))
    }
}

#[async_trait(?Send)]
impl Step<World> for Losses {
    const KIND: &'static str = "losses";
    type Output = Seen;

    fn title(&self) -> String {
        if self.fenced { "look again what the backup has not" } else { "look what the backup has not" }.into()
    }

    fn undo_policy(&self) -> UndoPolicy {
        UndoPolicy::NoEffect
    }

    async fn run(&self, cx: &StepCx<'_, World>) -> Result<Seen> {
        let seen = self.compare(cx).await?;
        if !self.accept && !seen.lost.is_empty() {
            let backup = cx.log().view().plan.steps.iter().find_map(|step| {
                step.params.get("backup").and_then(|backup| backup.as_str().map(str::to_owned))
            });
            return Err(Self::refusal(&seen.lost, &backup.unwrap_or_default()));
        }
        for line in &seen.lost {
            cx.warn(format!("left behind in `{}`: {line}", cx.world.names.replaced));
        }
        Ok(seen)
    }

    async fn verify(&self, cx: &StepCx<'_, World>, done: &Seen) -> Result<String> {
        if self.fenced {
            target::look_closed(cx.world).await?;
        }
        let lost = match done.lost.len() {
            0 => "the backup has all that the target has".to_owned(),
            lost => format!("{lost} differences, agreed to and named"),
        };
        Ok(match done.comes_back.len() {
            0 => lost,
            back => format!("{lost}; {back} things that the target has not come back with it"),
        })
    }
}
