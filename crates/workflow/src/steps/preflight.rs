//! Step 1: everything that the run will need is looked at before anything is done.

use std::path::PathBuf;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchback_engine::step::{Step, StepCx};
use switchback_model::Result;
use switchback_model::event::Unit;
use switchback_model::plan::UndoPolicy;

use crate::examine::{self, Look, Mark, Needs};
use crate::migration::read_scripts;
use crate::world::World;

/// All examinations that the plan needs.
#[derive(Debug, Serialize, Deserialize)]
pub struct Preflight {
    /// What the plan needs.
    pub needs: Needs,
    /// Where the release's files are.
    pub root: PathBuf,
    /// The pending migrations' files in there.
    pub scripts: Vec<String>,
}

/// What was seen.
#[derive(Debug, Serialize, Deserialize)]
pub struct Examined {
    /// One entry a look.
    pub looks: Vec<Look>,
}

#[async_trait(?Send)]
impl Step<World> for Preflight {
    const KIND: &'static str = "preflight";
    type Output = Examined;

    fn title(&self) -> String {
        "preflight".into()
    }

    fn undo_policy(&self) -> UndoPolicy {
        UndoPolicy::NoEffect
    }

    async fn run(&self, cx: &StepCx<'_, World>) -> Result<Examined> {
        let mut hear = |what: &'static str| cx.progress(what, 0, 0, Unit::Items);
        let scripts = read_scripts(&self.root, &self.scripts)?;
        let needs = Needs { scripts, ..self.needs.clone() };
        let looks = examine::examine(cx.world, &needs, &mut hear).await;
        match examine::refusal(&looks) {
            Some(failure) => Err(failure),
            None => Ok(Examined { looks }),
        }
    }

    async fn verify(&self, _cx: &StepCx<'_, World>, done: &Examined) -> Result<String> {
        let notes = done.looks.iter().filter(|look| look.mark == Mark::Note).count();
        let good = done.looks.len() - notes;
        Ok(if notes == 0 {
            format!("{good} looks, all good")
        } else {
            format!("{good} looks good, {notes} to know")
        })
    }
}
