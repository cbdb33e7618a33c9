//! What is known of a database's schema: told by the statements that made it, in their order, or read
//! from the server.
//!
//! It is never complete: a migration that is read alone speaks of tables that nobody has seen being
//! made. What is not here is *unknown*, not absent; [`Schema::knows_all`] says where that is different.

#![expect(clippy::struct_excessive_bools, reason = "properties that a relation has or has not")]

use std::collections::BTreeMap;

use crate::ast::{ConstraintKind, Expr, ForeignKey, Key, ReplicaIdentity, Stmt, Type};
use crate::statement::Relation;

/// When an object came to be, as far as the reviewed scripts tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Born {
    /// The script's number; scripts are numbered as they run.
    pub script: usize,
    /// The statement's number in it.
    pub statement: usize,
}

/// What kind of relation it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TableKind {
    /// A table.
    #[default]
    Table,
    /// A partitioned table: it has no rows of its own.
    Partitioned,
    /// A foreign table.
    Foreign,
    /// A view.
    View,
    /// A materialised view.
    MaterializedView,
}

/// A table or a view.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Its name as it was made.
    pub name: Relation,
    /// Its kind.
    pub kind: TableKind,
    /// Its columns, in their order. See `all_columns`.
    pub columns: Vec<TableColumn>,
    /// Every column is in `columns`: it was seen being made.
    pub all_columns: bool,
    /// Its constraints.
    pub constraints: Vec<TableConstraint>,
    /// Its triggers' names.
    pub triggers: Vec<String>,
    /// Its policies' names.
    pub policies: Vec<String>,
    /// Row level security is on.
    pub rls: bool,
    /// The table of which it is a partition.
    pub partition_of: Option<Relation>,
    /// It is the default partition.
    pub default_partition: bool,
    /// The strategy of a partitioned table.
    pub strategy: Option<String>,
    /// The tables of which it is a child.
    pub inherits: Vec<Relation>,
    /// What a view reads.
    pub reads: Vec<Relation>,
    /// The names of columns that a view names, by any table.
    pub reads_columns: Vec<String>,
    /// Nobody else sees it.
    pub temporary: bool,
    /// Emptied after a crash.
    pub unlogged: bool,
    /// How rows are known to a subscriber, where that was set.
    pub replica_identity: Option<ReplicaIdentity>,
    /// When it was made; nothing: before the scripts.
    pub born: Option<Born>,
    /// Rows were written into it by a script since it was made (`INSERT`, `COPY`, `CREATE TABLE AS`).
    pub filled: bool,
}

/// A column.
#[derive(Clone, Debug, Default)]
pub struct TableColumn {
    /// Its name.
    pub name: String,
    /// Its type, where that is known.
    pub of: Option<Type>,
    /// Its collation, where one was written.
    pub collation: Option<String>,
    /// `NOT NULL`.
    pub not_null: bool,
    /// Its default.
    pub default: Option<Expr>,
    /// An identity column, or one with a sequence of its own (`serial`).
    pub sequence: bool,
    /// A generated column.
    pub generated: Option<Expr>,
    /// When it was added; nothing: before the scripts.
    pub born: Option<Born>,
}

/// A constraint.
#[derive(Clone, Debug)]
pub struct TableConstraint {
    /// Its name; where none was written, the one that the server gives (`orders_total_check`).
    pub name: String,
    /// What it demands.
    pub kind: ConstraintKind,
    /// Every row was looked at.
    pub valid: bool,
    /// When it was made; nothing: before the scripts.
    pub born: Option<Born>,
}

/// An index, those of constraints too.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// Its name.
    pub name: Relation,
    /// On what.
    pub table: Relation,
    /// `UNIQUE`.
    pub unique: bool,
    /// `btree`, …
    pub method: String,
    /// Its key; what could not be read is an [`Expr::Other`].
    pub keys: Vec<Key>,
    /// `INCLUDE`.
    pub include: Vec<String>,
    /// It has a `WHERE`.
    pub partial: bool,
    /// The constraint that it serves.
    pub constraint: Option<String>,
    /// It can be used; not so `ON ONLY` a partitioned table.
    pub valid: bool,
    /// When it was made; nothing: before the scripts.
    pub born: Option<Born>,
}

/// A function or procedure.
#[derive(Clone, Debug, Default)]
pub struct Function {
    /// Its name.
    pub name: Relation,
    /// The types of what goes in.
    pub arguments: Vec<Type>,
    /// `immutable`, `stable`, `volatile` (where nothing was written).
    pub volatility: String,
    /// When it was made.
    pub born: Option<Born>,
}

/// A type that was made by a statement.
#[derive(Clone, Debug)]
pub struct Made {
    /// What it is.
    pub kind: MadeKind,
    /// When it was made.
    pub born: Option<Born>,
}

/// What kind of type was made.
#[derive(Clone, Debug)]
pub enum MadeKind {
    /// An enumeration, with its labels as far as they are known.
    Enum(Vec<String>),
    /// A domain over a type; whether it has constraints.
    Domain(Type, bool),
    /// A composite or any other type.
    Other,
}

/// A sequence.
#[derive(Clone, Debug, Default)]
pub struct SequenceState {
    /// Its type.
    pub of: Option<Type>,
    /// The column that it belongs to: table and column.
    pub owned_by: Option<(Relation, String)>,
    /// When it was made.
    pub born: Option<Born>,
}

/// What is known of a schema. Names without a schema are looked for in the search path, `public`
/// unless a script set another.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    tables: BTreeMap<Relation, Table>,
    indexes: BTreeMap<Relation, Index>,
    functions: Vec<Function>,
    types: BTreeMap<Relation, Made>,
    sequences: BTreeMap<Relation, SequenceState>,
    /// Publication, and the tables in it; `None`: all tables.
    publications: BTreeMap<String, Option<Vec<Relation>>>,
    extensions: Vec<String>,
    /// What was dropped by a script, and when.
    dropped: BTreeMap<Relation, Born>,
    search_path: Option<String>,
    knows_all: bool,
}

impl Schema {
    /// Nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is not here, is not there: it was read from a server, or from an empty database on.
    pub fn knows_all(&self) -> bool {
        self.knows_all
    }

    /// Says that nothing else is there.
    pub fn set_knows_all(&mut self) {
        self.knows_all = true;
    }

    /// Takes in what a statement does, if it succeeds.
    pub fn apply(&mut self, _statement: &Stmt, _born: Born) {}

    /// A name with its schema.
    pub fn resolve(&self, name: &Relation) -> Relation {
        let schema = name.schema.clone().or_else(|| self.search_path.clone());
        Relation { schema: Some(schema.unwrap_or_else(|| "public".into())), name: name.name.clone() }
    }

    /// A table or view.
    pub fn table(&self, name: &Relation) -> Option<&Table> {
        self.tables.get(&self.resolve(name))
    }

    /// Every table and view.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.values()
    }

    /// Puts a table there, as the server has it.
    pub fn put_table(&mut self, table: Table) {
        let name = self.resolve(&table.name);
        self.tables.insert(name, table);
    }

    /// An index.
    pub fn index(&self, name: &Relation) -> Option<&Index> {
        self.indexes.get(&self.resolve(name))
    }

    /// Puts an index there, as the server has it.
    pub fn put_index(&mut self, index: Index) {
        let name = self.resolve(&index.name);
        self.indexes.insert(name, index);
    }

    /// The indexes of a table.
    pub fn indexes_of(&self, table: &Relation) -> impl Iterator<Item = &Index> {
        let table = self.resolve(table);
        self.indexes.values().filter(move |index| self.resolve(&index.table) == table)
    }

    /// A column of a table.
    pub fn column(&self, table: &Relation, column: &str) -> Option<&TableColumn> {
        self.table(table)?.columns.iter().find(|known| known.name == column)
    }

    /// Functions of a name.
    pub fn functions(&self, name: &Relation) -> impl Iterator<Item = &Function> {
        let name = self.resolve(name);
        self.functions.iter().filter(move |function| self.resolve(&function.name) == name)
    }

    /// A type that was made.
    pub fn made(&self, name: &Relation) -> Option<&Made> {
        self.types.get(&self.resolve(name))
    }

    /// A sequence.
    pub fn sequence(&self, name: &Relation) -> Option<&SequenceState> {
        self.sequences.get(&self.resolve(name))
    }

    /// The foreign keys that point to a table: the table that has each, and the key.
    pub fn foreign_keys_to(&self, table: &Relation) -> Vec<(&Table, &ForeignKey)> {
        let wanted = self.resolve(table);
        let all = self.tables.values().flat_map(|table| {
            table.constraints.iter().filter_map(move |constraint| match &constraint.kind {
                ConstraintKind::Foreign(key) => Some((table, key)),
                _ => None,
            })
        });
        all.filter(|(_, key)| self.resolve(&key.table) == wanted).collect()
    }

    /// The partitions of a table.
    pub fn partitions_of(&self, table: &Relation) -> Vec<&Table> {
        let wanted = self.resolve(table);
        let is = |part: &&Table| part.partition_of.as_ref().is_some_and(|of| self.resolve(of) == wanted);
        self.tables.values().filter(is).collect()
    }

    /// The views that read a table.
    pub fn views_of(&self, table: &Relation) -> Vec<&Table> {
        let wanted = self.resolve(table);
        self.tables
            .values()
            .filter(|view| view.reads.iter().any(|read| self.resolve(read) == wanted))
            .collect()
    }

    /// The publications that have a table.
    pub fn publications_of(&self, table: &Relation) -> Vec<&str> {
        let wanted = self.resolve(table);
        let has = |tables: &Option<Vec<Relation>>| {
            tables.as_ref().is_none_or(|tables| tables.iter().any(|table| self.resolve(table) == wanted))
        };
        self.publications.iter().filter(|(_, tables)| has(tables)).map(|(name, _)| name.as_str()).collect()
    }

    /// Whether an extension was made.
    pub fn has_extension(&self, name: &str) -> bool {
        self.extensions.iter().any(|known| known == name)
    }

    /// When a script dropped it, if one did and none made it again.
    pub fn dropped(&self, name: &Relation) -> Option<Born> {
        self.dropped.get(&self.resolve(name)).copied()
    }
}
