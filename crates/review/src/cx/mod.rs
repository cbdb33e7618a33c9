//! What a rule sees: a statement where it stands, a script, all scripts.

mod at;
mod held;
mod outline;
mod python;
mod script;
mod session;

pub use at::{At, Inner};
pub use held::{Held, Locks, Taker};
pub use script::{Direction, Mark, Read, Script, ScriptAt, What, leaves_transaction, read_script};
pub use session::{Running, Session, settings};

pub(crate) use outline::outline;

use switchback_sql::schema::Schema;

use crate::live::Live;
use crate::made::Made;
use crate::options::Options;

/// Up and down of one migration.
#[derive(Debug)]
pub struct Migration<'a> {
    /// The way up.
    pub up: ScriptAt<'a>,
    /// The way down, where there is one.
    pub down: Option<ScriptAt<'a>>,
}

/// Up and down of one migration that is reviewed, and what each makes and drops.
#[derive(Debug)]
pub struct Pair<'a> {
    /// The way up.
    pub up: &'a ScriptAt<'a>,
    /// The way down.
    pub down: &'a ScriptAt<'a>,
    pub(crate) forward: Made,
    pub(crate) back: Made,
}

/// All scripts that are reviewed, in the order in which they run.
#[derive(Debug)]
pub struct History<'a> {
    /// By migration; their statements in outline: which relations they speak of, and how.
    /// Only those from `first` on are reviewed; what stands before is known and applied.
    pub migrations: Vec<Migration<'a>>,
    /// The first migration that is reviewed.
    pub first: usize,
    /// The schema after all of them.
    pub schema: &'a Schema,
    /// What the files tell that are applied, where the target's own schema is known beside it; nothing
    /// where they could not be read whole.
    pub told: Option<&'a Schema>,
    /// How the review is made.
    pub options: &'a Options,
    /// What is known of the target.
    pub live: &'a Live,
}

impl<'a> Pair<'a> {
    /// Nothing where one of them is not reviewed, is empty, or can't be followed.
    pub(crate) fn of(up: &'a ScriptAt<'a>, down: &'a ScriptAt<'a>) -> Option<Self> {
        let is_asked = |script: &ScriptAt<'_>| !script.script.applied && !script.reads.is_empty();
        if !is_asked(up) || !is_asked(down) {
            return None;
        }
        Some(Self { up, down, forward: Made::of(up)?, back: Made::of(down)? })
    }
}

impl<'a> History<'a> {
    /// The scripts that are reviewed and go forward, by number.
    pub fn scripts(&self) -> std::collections::BTreeMap<usize, &ScriptAt<'a>> {
        let reviewed = self.migrations.iter().skip(self.first).map(|migration| &migration.up);
        reviewed.filter(|up| !up.script.applied).map(|up| (up.number, up)).collect()
    }
}
