//! What a script makes, drops, changes and fills, as far as two ways can be compared by it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::rule::prelude::*;

/// Something with a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Thing {
    Table(Relation),
    Column(Relation, String),
    Constraint(Relation, String),
    Index(Relation),
    View(Relation),
    Sequence(Relation),
    Type(Relation),
    Default(Relation, String),
    Of(Relation, String),
    NotNull(Relation, String),
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(name) => write!(f, "the table `{name}`"),
            Self::Column(table, name) => write!(f, "the column `{table}.{name}`"),
            Self::Constraint(table, name) => write!(f, "the constraint `{name}` of `{table}`"),
            Self::Index(name) => write!(f, "the index `{name}`"),
            Self::View(name) => write!(f, "the view `{name}`"),
            Self::Sequence(name) => write!(f, "the sequence `{name}`"),
            Self::Type(name) => write!(f, "the type `{name}`"),
            Self::Default(table, name) => write!(f, "the default of `{table}.{name}`"),
            Self::Of(table, name) => write!(f, "the type of `{table}.{name}`"),
            Self::NotNull(table, name) => write!(f, "NOT NULL of `{table}.{name}`"),
        }
    }
}

/// What a script makes, drops, changes and fills, each with the number of its statement.
#[derive(Debug, Default)]
pub(crate) struct Made {
    /// Made, and not dropped again.
    pub(crate) created: BTreeMap<Thing, usize>,
    /// The columns of the keys of indexes and constraints that were made.
    keys: BTreeMap<Thing, Vec<String>>,
    /// The table of indexes that were made.
    on: BTreeMap<Thing, Relation>,
    /// Dropped, and there before.
    pub(crate) dropped: BTreeMap<Thing, usize>,
    /// Emptied, and there before.
    pub(crate) emptied: BTreeMap<Thing, usize>,
    /// Types, defaults, NOT NULL of columns that were there before.
    pub(crate) changed: BTreeMap<Thing, usize>,
    filled: BTreeSet<Thing>,
    copied: BTreeSet<Relation>,
    /// Something else may go with what is dropped.
    cascades: bool,
    /// Tables that nobody else sees.
    temporary: BTreeSet<Relation>,
    /// An index or a constraint was made under the name that the server chooses.
    unnamed: bool,
}

impl Made {
    /// Nothing where something is done that can't be followed: names change, code runs, a statement is
    /// not understood.
    pub(crate) fn of(script: &ScriptAt<'_>) -> Option<Self> {
        let mut made = Self::default();
        for (number, read) in script.reads.iter().enumerate() {
            match &read.what {
                What::Statement(stmt) => made.stmt(number, stmt)?,
                What::Mistake(_) | What::NotPython | What::Unread(_) => return None,
                What::Psql => {}
            }
        }
        Some(made)
    }

    /// The same, of statements.
    pub(crate) fn of_stmts<'s>(stmts: impl IntoIterator<Item = &'s Stmt>) -> Option<Self> {
        let mut made = Self::default();
        for (number, stmt) in stmts.into_iter().enumerate() {
            made.stmt(number, stmt)?;
        }
        Some(made)
    }

    /// What stays when the other way was gone behind this one.
    pub(crate) fn left_by(&self, back: &Self) -> Vec<(&Thing, usize)> {
        let gone = |thing: &Thing| back.dropped.contains_key(thing);
        let goes_with = |thing: &Thing| match thing {
            Thing::Table(_) => false,
            Thing::Column(table, _) | Thing::Default(table, _) => gone(&Thing::Table(table.clone())),
            Thing::Constraint(table, _) => self.goes(thing, table, back),
            Thing::Index(_) => self.on.get(thing).is_some_and(|table| self.goes(thing, table, back)),
            _ => back.cascades,
        };
        // An index that was there before and was built anew is there in any case.
        let anew = |thing: &Thing| matches!(thing, Thing::Index(_)) && self.dropped.contains_key(thing);
        let left = self.created.iter().filter(|(thing, _)| !gone(thing) && !goes_with(thing) && !anew(thing));
        left.map(|(thing, number)| (thing, *number)).collect()
    }

    /// What is on a table goes with it, or with one of its columns, or with the constraint it serves.
    fn goes(&self, thing: &Thing, table: &Relation, back: &Self) -> bool {
        let columns = self.keys.get(thing).into_iter().flatten();
        let mut columns = columns.map(|column| Thing::Column(table.clone(), column.clone()));
        let constraint = match thing {
            Thing::Index(name) => Thing::Constraint(table.clone(), name.name.clone()),
            _ => Thing::Index(table.clone()),
        };
        back.cascades
            || back.dropped.contains_key(&Thing::Table(table.clone()))
            || back.dropped.contains_key(&Thing::View(table.clone()))
            || back.dropped.contains_key(&constraint)
            || columns.any(|column| back.dropped.contains_key(&column))
    }

    /// It is made here, or what it belongs to.
    pub(crate) fn touches(&self, thing: &Thing) -> bool {
        let whole = match thing {
            Thing::Column(table, _) | Thing::Constraint(table, _) => Some(Thing::Table(table.clone())),
            _ => None,
        };
        // An index may be a constraint's, and a constraint made without a name.
        let kin = match thing {
            Thing::Index(_) | Thing::Constraint(..) => {
                let may_have = |made: &Thing| {
                    matches!(
                        made,
                        Thing::Constraint(..) | Thing::Index(_) | Thing::Table(_) | Thing::Column(..)
                    )
                };
                self.unnamed || self.created.keys().any(may_have)
            }
            Thing::Sequence(_) | Thing::Type(_) => {
                self.created.keys().any(|made| matches!(made, Thing::Table(_)))
            }
            _ => false,
        };
        kin || self.created.contains_key(thing)
            || whole.is_some_and(|whole| self.created.contains_key(&whole))
    }

    /// It is changed here, or made anew, or goes.
    pub(crate) fn changes(&self, thing: &Thing) -> bool {
        let (Thing::Default(table, column) | Thing::Of(table, column) | Thing::NotNull(table, column)) =
            thing
        else {
            return true;
        };
        let column = Thing::Column(table.clone(), column.clone());
        let table = Thing::Table(table.clone());
        let anew = |thing: &Thing| self.created.contains_key(thing) || self.dropped.contains_key(thing);
        self.changed.contains_key(thing) || anew(&column) || anew(&table)
    }

    /// Rows or values were written into what was made here.
    pub(crate) fn fills(&self, thing: &Thing) -> bool {
        self.created.contains_key(thing) && self.filled.contains(thing)
    }

    /// Its rows were read into another table.
    pub(crate) fn keeps_copy(&self, thing: &Thing) -> bool {
        let (Thing::Table(table) | Thing::Column(table, _)) = thing else { return false };
        self.copied.iter().any(|copied| copied.same(table))
    }

    fn make(&mut self, number: usize, thing: Thing) {
        // What was dropped and is made anew is another one: it stays dropped too, for its rows.
        self.created.insert(thing, number);
    }

    fn drop(&mut self, number: usize, thing: Thing) {
        if self.created.remove(&thing).is_some() {
            return;
        }
        if matches!(&thing, Thing::Table(table) if self.temporary.remove(table)) {
            return;
        }
        let within = match &thing {
            Thing::Column(table, _) | Thing::Constraint(table, _) => Some(Thing::Table(table.clone())),
            _ => None,
        };
        if within.is_none_or(|table| !self.created.contains_key(&table)) {
            self.dropped.insert(thing, number);
        }
    }

    fn change(&mut self, number: usize, table: &Relation, column: &str, thing: Thing) {
        let new = self.created.contains_key(&Thing::Table(table.clone()))
            || self.created.contains_key(&Thing::Column(table.clone(), column.to_owned()));
        if !new {
            self.changed.insert(thing, number);
        }
    }

    fn stmt(&mut self, number: usize, stmt: &Stmt) -> Option<()> {
        match stmt {
            Stmt::Rename { .. }
            | Stmt::SetSchema { .. }
            | Stmt::Do { .. }
            | Stmt::Call { .. }
            | Stmt::Unread => {
                return None;
            }
            Stmt::Set { name, .. } if name == "search_path" => return None,
            Stmt::CreateTable(table) => self.table(number, table),
            Stmt::AlterTable { kind: ObjectKind::Table, table, actions, .. } => {
                for action in actions {
                    self.action(number, &public(table), &action.kind);
                }
            }
            Stmt::CreateIndex(index) => self.index(number, index),
            Stmt::CreateView(view) if !view.replace && !view.temporary => {
                self.copied.extend(view.query.tables.iter().filter(|_| view.materialized).map(public));
                self.make(number, Thing::View(public(&view.name)));
            }
            Stmt::CreateEnum { name, .. }
            | Stmt::CreateType { name, .. }
            | Stmt::CreateDomain { name, .. } => {
                self.make(number, Thing::Type(public(name)));
            }
            Stmt::Sequence(sequence) if !sequence.alter => {
                self.make(number, Thing::Sequence(public(&sequence.name)));
            }
            Stmt::Drop { kind, names, cascade, .. } => {
                self.cascades |= *cascade || *kind == ObjectKind::Schema;
                for name in names {
                    if let Some(thing) = thing(*kind, public(name)) {
                        self.drop(number, thing);
                    }
                }
            }
            Stmt::Truncate { tables, .. } => {
                for table in tables.iter().map(public).map(Thing::Table) {
                    if !self.created.contains_key(&table) {
                        self.emptied.insert(table, number);
                    }
                }
            }
            _ => self.writes(stmt),
        }
        Some(())
    }

    fn writes(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Insert { table, columns, source, .. } => {
                let table = public(table);
                self.filled.extend(columns.iter().map(|column| Thing::Column(table.clone(), column.clone())));
                self.filled.insert(Thing::Table(table));
                self.copied.extend(source.iter().flat_map(|query| query.tables.iter().map(public)));
            }
            Stmt::Copy { table: Some(table), from, .. } => {
                if *from {
                    self.filled.insert(Thing::Table(public(table)));
                } else {
                    self.copied.insert(public(table));
                }
            }
            Stmt::Update { table, assignments, .. } => {
                let columns = assignments.iter().map(|(column, _)| column.clone());
                // One column put into another is a copy of it.
                if assignments.iter().any(|(_, value)| !value.columns().is_empty()) {
                    self.copied.insert(public(table));
                }
                self.filled.extend(columns.map(|column| Thing::Column(public(table), column)));
            }
            _ => {}
        }
    }

    fn table(&mut self, number: usize, table: &CreateTable) {
        let name = public(&table.name);
        if table.temporary {
            self.temporary.insert(name);
            return;
        }
        if let Some(query) = &table.query {
            self.copied.extend(query.tables.iter().filter(|_| !table.no_data).map(public));
            self.filled.insert(Thing::Table(name.clone()));
        }
        self.make(number, Thing::Table(name));
    }

    fn index(&mut self, number: usize, index: &CreateIndex) {
        let Some(name) = &index.name else {
            self.unnamed = true;
            return;
        };
        let table = public(&index.table);
        let thing = Thing::Index(Relation { schema: table.schema.clone(), name: name.clone() });
        let mut columns = index.include.clone();
        for key in &index.keys {
            match key {
                Key::Column(column) => columns.push(column.clone()),
                Key::Expr(expr) => columns.extend(expr.columns().into_iter().map(str::to_owned)),
            }
        }
        columns.extend(index.filter.iter().flat_map(|filter| filter.columns()).map(str::to_owned));
        self.keys.insert(thing.clone(), columns);
        self.on.insert(thing.clone(), table.clone());
        if !self.created.contains_key(&Thing::Table(table)) {
            self.make(number, thing);
        }
    }

    fn action(&mut self, number: usize, table: &Relation, action: &ActionKind) {
        let on = |column: &String| (table.clone(), column.clone());
        match action {
            ActionKind::AddColumn { column, .. }
                if !self.created.contains_key(&Thing::Table(table.clone())) =>
            {
                self.make(number, Thing::Column(table.clone(), column.name.clone()));
            }
            ActionKind::DropColumn { name, cascade, .. } => {
                self.cascades |= cascade;
                self.drop(number, Thing::Column(table.clone(), name.clone()));
            }
            ActionKind::AddConstraint(constraint) => self.constraint(number, table, constraint),
            ActionKind::DropConstraint { name, cascade, .. } => {
                self.cascades |= cascade;
                self.drop(number, Thing::Constraint(table.clone(), name.clone()));
            }
            ActionKind::AlterType { column, .. } => {
                let (of, name) = on(column);
                self.change(number, table, column, Thing::Of(of, name));
            }
            ActionKind::SetDefault { column, .. } | ActionKind::DropDefault { column } => {
                let (of, name) = on(column);
                self.change(number, table, column, Thing::Default(of, name));
            }
            ActionKind::SetNotNull { column } | ActionKind::DropNotNull { column } => {
                let (of, name) = on(column);
                self.change(number, table, column, Thing::NotNull(of, name));
            }
            _ => {}
        }
    }

    fn constraint(&mut self, number: usize, table: &Relation, constraint: &Constraint) {
        let Some(name) = &constraint.name else {
            self.unnamed = true;
            return;
        };
        if self.created.contains_key(&Thing::Table(table.clone())) {
            return;
        }
        let thing = Thing::Constraint(table.clone(), name.clone());
        let columns = match &constraint.kind {
            ConstraintKind::Check(check) => check.columns().into_iter().map(str::to_owned).collect(),
            ConstraintKind::NotNull { column } => vec![column.clone()],
            ConstraintKind::Primary { columns, using_index }
            | ConstraintKind::Unique { columns, using_index } => {
                // The index becomes the constraint's, and takes its name.
                let own = using_index
                    .as_ref()
                    .map(|index| Relation { schema: table.schema.clone(), name: index.clone() });
                let index = own.map(Thing::Index);
                if let Some(index) = &index {
                    self.created.remove(index);
                }
                let keys = index.and_then(|index| self.keys.get(&index).cloned());
                keys.unwrap_or_else(|| columns.clone())
            }
            ConstraintKind::Foreign(key) => key.columns.clone(),
            ConstraintKind::Exclude => Vec::new(),
        };
        self.keys.insert(thing.clone(), columns);
        self.make(number, thing);
    }
}

/// The schema that is meant where none is written.
pub(crate) fn public(name: &Relation) -> Relation {
    let schema = name.schema.clone().filter(|schema| schema != "public");
    Relation { schema, name: name.name.clone() }
}

fn thing(kind: ObjectKind, name: Relation) -> Option<Thing> {
    Some(match kind {
        ObjectKind::Table => Thing::Table(name),
        ObjectKind::Index => Thing::Index(name),
        ObjectKind::View | ObjectKind::MaterializedView => Thing::View(name),
        ObjectKind::Sequence => Thing::Sequence(name),
        ObjectKind::Type | ObjectKind::Domain => Thing::Type(name),
        _ => return None,
    })
}
