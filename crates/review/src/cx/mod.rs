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
use crate::options::Options;

/// Up and down of one migration.
#[derive(Debug)]
pub struct Migration<'a> {
    /// The way up.
    pub up: ScriptAt<'a>,
    /// The way down, where there is one.
    pub down: Option<ScriptAt<'a>>,
}

/// All scripts that are reviewed, in the order in which they run.
#[derive(Debug)]
pub struct History<'a> {
    /// By migration; their statements in outline: without bodies, and queries only with their relations.
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

impl<'a> History<'a> {
    /// The scripts that are reviewed and go forward, by number.
    pub fn scripts(&self) -> std::collections::BTreeMap<usize, &ScriptAt<'a>> {
        let reviewed = self.migrations.iter().skip(self.first).map(|migration| &migration.up);
        reviewed.filter(|up| !up.script.applied).map(|up| (up.number, up)).collect()
    }
}
