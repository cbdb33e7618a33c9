//! A statement where it stands, and the questions that rules ask of it.

use switchback_model::finding::LockTaken;
use switchback_sql::Relation;
use switchback_sql::ast::{Action, ActionKind, Column, Constraint, ObjectKind, Stmt, Type};
use switchback_sql::locks::{self, Effects, Lock, Place};
use switchback_sql::schema::{MadeKind, Schema};

use super::{ScriptAt, Session};

/// A statement where it stands.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    /// The statement.
    pub stmt: &'a Stmt,
    /// Its text, without the semicolon.
    pub text: &'a str,
    /// Its number in the script.
    pub number: usize,
    /// The byte of the script at which its text begins, where places inside of it are known.
    pub base: Option<usize>,
    /// What it does to relations.
    pub effects: &'a Effects,
    /// The schema before it.
    pub schema: &'a Schema,
    /// The session before it.
    pub session: &'a Session,
    /// The script.
    pub script: &'a ScriptAt<'a>,
    /// It stands in the body of a `DO` block.
    pub embedded: bool,
    /// It is an `ALTER TABLE` on a table that others use; most rules ask, so that is known once.
    pub alters_used: bool,
}

/// A statement in the body of a `DO` block, when it was seen where it stands.
#[derive(Clone, Debug)]
pub struct Inner {
    /// The byte of the body at which its text begins.
    pub at: usize,
    /// The statement.
    pub stmt: Stmt,
    /// What it does to relations that others use.
    pub effects: Effects,
}

impl<'a> At<'a> {
    /// What it does to relations that others use.
    pub(crate) fn effects_on_used(&self) -> Effects {
        let mut effects = self.effects.clone();
        effects.locks.retain(|lock| self.is_used(&lock.relation));
        let lists = [
            &mut effects.rewrites,
            &mut effects.maybe_rewrites,
            &mut effects.scans,
            &mut effects.index_builds,
        ];
        for list in lists {
            list.retain(|relation| self.is_used(relation));
        }
        effects
    }

    /// Nobody uses the relation yet: the same deploy made it, or nobody else sees it.
    pub fn is_new(&self, relation: &Relation) -> bool {
        let of_index = || self.schema.table(&self.schema.index(relation)?.table);
        let table = self.schema.table(relation).or_else(of_index);
        let first = self.script.options.pending_from.unwrap_or(self.script.number);
        table.is_some_and(|table| table.temporary || table.born.is_some_and(|born| born.script >= first))
    }

    /// Others use the relation, as far as is known.
    pub fn is_used(&self, relation: &Relation) -> bool {
        !self.is_new(relation)
    }

    /// The column was added by the same deploy, to a table that was there before.
    pub fn is_new_column(&self, table: &Relation, column: &str) -> bool {
        let first = self.script.options.pending_from.unwrap_or(self.script.number);
        let born = self.schema.column(table, column).and_then(|column| column.born);
        self.is_new(table) || born.is_some_and(|born| born.script >= first)
    }

    /// The target has the table, and it is small.
    pub fn is_small(&self, relation: &Relation) -> bool {
        self.script.is_small(relation)
    }

    /// `1,204 rows, 41 GB`, where the target has the table; to be put behind its name.
    pub fn size(&self, relation: &Relation) -> String {
        self.script.live.table(relation).map_or_else(String::new, |table| {
            let bytes = switchback_model::units::Size(table.bytes);
            format!(" ({} rows, {bytes})", table.rows)
        })
    }

    /// The table and the actions of an `ALTER TABLE` on a table that others use.
    pub fn alters(&self) -> Option<(&'a Relation, &'a [Action])> {
        self.alters_any().filter(|_| self.alters_used)
    }

    /// With what is asked very often.
    pub(crate) fn prepared(self) -> Self {
        let alters_used = self.alters_any().is_some_and(|(table, _)| self.is_used(table));
        Self { alters_used, ..self }
    }

    /// The table and the actions of any `ALTER TABLE`.
    pub fn alters_any(&self) -> Option<(&'a Relation, &'a [Action])> {
        match self.stmt {
            Stmt::AlterTable { kind: ObjectKind::Table, table, actions, .. } => Some((table, actions)),
            _ => None,
        }
    }

    /// Constraints that are added to a table that others use, each with the byte at which it stands:
    /// by `ADD CONSTRAINT`; not those of columns that are added.
    pub fn adds_constraints(&self) -> Vec<(&'a Relation, &'a Constraint)> {
        let Some((table, actions)) = self.alters() else { return Vec::new() };
        let added = actions.iter().filter_map(|action| match &action.kind {
            ActionKind::AddConstraint(constraint) => Some((table, &**constraint)),
            _ => None,
        });
        added.collect()
    }

    /// It runs in a transaction block: after a `BEGIN`, in a `DO` block, or because whoever runs the
    /// script began one.
    pub fn in_transaction(&self) -> bool {
        // One statement alone is not one transaction with others.
        let one_query = self.script.script.one_query && self.script.reads.len() > 1;
        self.embedded || self.session.transaction.is_some() || one_query
    }

    /// What one action of an `ALTER TABLE` does, as if it stood alone.
    pub fn effects_of(&self, action: &Action) -> Effects {
        match self.stmt {
            Stmt::AlterTable { actions, .. } if actions.len() == 1 => self.effects.clone(),
            Stmt::AlterTable { table, .. } => self.effects_if(table, action),
            _ => Effects::default(),
        }
    }

    /// What an action on a table would do here.
    pub fn effects_if(&self, table: &Relation, action: &Action) -> Effects {
        let alone = Stmt::AlterTable {
            kind: ObjectKind::Table,
            table: table.clone(),
            if_exists: false,
            only: false,
            actions: vec![action.clone()],
        };
        locks::effects(&alone, self.place())
    }

    /// Where the statement runs.
    pub fn place(&self) -> Place<'a> {
        let version = self.script.options.version;
        Place { version, schema: self.schema, utc: self.session.utc() }
    }

    /// The columns that are added to a table that others use, each with its action.
    pub fn adds_columns(&self) -> Vec<(&'a Relation, &'a Column, &'a Action)> {
        let Some((table, actions)) = self.alters() else { return Vec::new() };
        let added = actions.iter().filter_map(|action| match &action.kind {
            ActionKind::AddColumn { column, .. } => Some((table, &**column, action)),
            _ => None,
        });
        added.collect()
    }

    /// The type was made by the same deploy: no column that others use is of it.
    pub fn is_new_type(&self, name: &Relation) -> bool {
        let first = self.script.options.pending_from.unwrap_or(self.script.number);
        let born = self.schema.made(name).and_then(|made| made.born);
        born.is_some_and(|born| born.script >= first)
    }

    /// The type that a domain is made of, and so on; any other type as it is.
    pub fn base_type(&self, of: &'a Type) -> &'a Type {
        let mut now = of;
        // Domains over domains are not followed without end.
        for _ in 0..32 {
            match self.schema.made_type(now).map(|made| &made.kind) {
                Some(MadeKind::Domain(under, _)) => now = under,
                _ => break,
            }
        }
        now
    }

    /// Where a finding stands in the script: at a byte of the statement, to the statement's end.
    pub(crate) fn span(&self, byte: Option<usize>) -> (usize, usize) {
        let range = &self.script.reads[self.number].range;
        match (self.base, byte) {
            (Some(base), byte) => {
                let end = base + self.text.len();
                ((base + byte.unwrap_or_default()).min(end), end)
            }
            (None, _) => (range.start, range.end),
        }
    }

    /// The lock on a relation, or the strongest on any that others use.
    pub(crate) fn lock(&self, relation: Option<&Relation>) -> Option<LockTaken> {
        let named =
            relation.and_then(|wanted| self.effects.locks.iter().find(|lock| lock.relation.same(wanted)));
        let used = self.effects.locks.iter().rev().filter(|lock| self.is_used(&lock.relation));
        let lock: &Lock = named.or_else(|| used.max_by_key(|lock| lock.mode))?;
        let on = |all: &[Relation]| all.iter().any(|relation| relation.same(&lock.relation));
        Some(LockTaken {
            mode: lock.mode.name().into(),
            relation: lock.relation.to_string(),
            rewrite: on(&self.effects.rewrites),
            scan: on(&self.effects.scans),
        })
    }
}
