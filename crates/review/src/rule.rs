//! What a rule is.

use switchback_model::Severity;
use switchback_sql::Relation;

use crate::cx::{At, History, Inner, Pair, ScriptAt};
use crate::out::Out;

/// A rule: a record that everything else reads, and a function that looks.
#[derive(Debug)]
pub struct Rule {
    /// `SR0101`: the group, and a number in it. It is never given to another rule.
    pub code: &'static str,
    /// `add-fk-validated`.
    pub name: &'static str,
    /// How much its findings weigh, where they don't say otherwise themselves.
    pub severity: Severity,
    /// A matter of taste or of a house's own rules: off until it is switched on.
    pub style: bool,
    /// Its page, in Markdown: what `explain` prints. Its blocks of SQL are its tests.
    pub page: &'static str,
    /// How it looks.
    pub look: Look,
}

/// Looks at a statement.
pub type StatementLook = fn(&At<'_>, &mut Out<'_>);
/// Looks at a `DO` block, with the statements of its body; the schema is that behind it.
pub type BlockLook = fn(&At<'_>, &[Inner], &mut Out<'_>);
/// Looks at a script.
pub type ScriptLook = fn(&ScriptAt<'_>, &mut Out<'_>);
/// Looks at the way up of a migration and its way down.
pub type PairLook = fn(&Pair<'_>, &mut Out<'_>);
/// Looks at all scripts.
pub type HistoryLook = fn(&History<'_>, &mut Out<'_>);

/// What a rule looks at.
#[derive(Clone, Copy, Debug)]
pub enum Look {
    /// Each statement on the way up, where it stands.
    Statement(StatementLook),
    /// Each `DO` block on the way up, when the statements of its body were seen.
    Block(BlockLook),
    /// Each script, up or down, when all of its statements were seen.
    Script(ScriptLook),
    /// The way up of a migration and its way down, where both have statements that can be followed.
    Pair(PairLook),
    /// All scripts together, when all were seen: of their statements there is an outline.
    History(HistoryLook),
    /// Each statement, and in the end all scripts together.
    StatementAndHistory(StatementLook, HistoryLook),
}

impl Rule {
    /// The first sentence of the page: what the rule is about.
    pub fn title(&self) -> &'static str {
        self.page.lines().skip(1).find(|line| !line.trim().is_empty()).unwrap_or_default()
    }
}

/// A name as SQL has it: in quotes only where it needs them.
pub fn ident(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    if begins && name.chars().all(plain) && !switchback_sql::keywords::is_reserved(name) {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A relation as SQL has it.
pub fn quoted(relation: &Relation) -> String {
    match &relation.schema {
        Some(schema) => format!("{}.{}", ident(schema), ident(&relation.name)),
        None => ident(&relation.name),
    }
}

/// What every rule's file needs.
pub mod prelude {
    pub use switchback_model::Severity;
    pub use switchback_model::finding::{Fix, FixStep};
    pub use switchback_sql::ast::{
        Action, ActionKind, Column, Constraint, ConstraintKind, CreateIndex, CreateTable, Expr, ForeignKey,
        Identity, Key, ObjectKind, OnDelete, Partition, Query, ReplicaIdentity, Stmt, Transaction,
        TriggerChoice, Type,
    };
    pub use switchback_sql::locks::Mode;
    pub use switchback_sql::schema::{MadeKind, Schema, Table, TableKind};
    pub use switchback_sql::{Block, Relation};

    pub use super::{Look, Rule, ident, quoted};
    pub use crate::cx::{At, History, Inner, Migration, Pair, Read, ScriptAt, What};
    pub use crate::out::{Found, Out};
}
