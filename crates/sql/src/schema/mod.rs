//! What is known of a database's schema: told by the statements that made it, in their order, or read
//! from the server.
//!
//! It is never complete: a migration that is read alone speaks of tables that nobody has seen being
//! made. What is not here is *unknown*, not absent; [`Schema::knows_all`] says where that is different.
//!
//! Every name in it has its schema (temporary ones `pg_temp`); [`Schema::short`] takes that off again
//! for people.

#![expect(clippy::struct_excessive_bools, reason = "properties that a relation has or has not")]

mod apply;
mod links;
mod map;
mod names;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::ast::{ConstraintKind, Expr, ForeignKey, Key, Partition, ReplicaIdentity, Type};
use crate::statement::Relation;
use links::Link;
use map::Map;
use names::Name;

/// Where temporary tables are.
const TEMPORARY: &str = "pg_temp";

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
    /// Its name, with its schema.
    pub name: Relation,
    /// Its kind.
    pub kind: TableKind,
    /// Its columns, in their order. See `all_columns`.
    pub columns: Vec<TableColumn>,
    /// Every column is in `columns`: it was seen being made.
    pub all_columns: bool,
    /// Its constraints.
    pub constraints: Vec<TableConstraint>,
    /// Every constraint and index of it is known, and by its name: it was seen being made, with none taken
    /// over from elsewhere, no other was dropped, and nothing was made twice.
    pub all_constraints: bool,
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
    /// Which rows a partition takes, where that is known.
    pub bounds: Option<Partition>,
    /// The strategy of a partitioned table.
    pub strategy: Option<String>,
    /// The columns of a partitioned table's key; an expression is an empty name.
    pub partition_key: Vec<String>,
    /// The tables of which it is a child.
    pub inherits: Vec<Relation>,
    /// What a view reads.
    pub reads: Vec<Relation>,
    /// The names of columns that a view reads, of any table; `*`: of a table all columns, whichever they are.
    pub reads_columns: Vec<String>,
    /// Nobody else sees it.
    pub temporary: bool,
    /// Emptied after a crash.
    pub unlogged: bool,
    /// How rows are known to a subscriber, where that was set.
    pub replica_identity: Option<ReplicaIdentity>,
    /// When it was made; nothing: before the scripts.
    pub born: Option<Born>,
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
    /// It is computed when it is read, and nowhere stored (PostgreSQL 18).
    pub generated_virtual: bool,
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
    /// Rows are held to it; not so with `NOT ENFORCED`.
    pub enforced: bool,
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
    /// A part of the key has a collation, an operator class or an order of its own.
    pub special: bool,
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
    /// In lower case.
    pub language: String,
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
    /// When it was made; nothing: before the scripts.
    pub born: Option<Born>,
}

/// What is known of a schema. Names without a schema are looked for in the search path, `public`
/// unless a script set another.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    tables: Map<Relation, Table>,
    indexes: Map<Relation, Index>,
    functions: Map<Relation, Vec<Function>>,
    types: Map<Relation, Made>,
    sequences: Map<Relation, SequenceState>,
    /// Publication, and the tables in it; `None`: all tables.
    publications: BTreeMap<String, Option<BTreeSet<Relation>>>,
    extensions: BTreeSet<String>,
    /// What was dropped by a script, and when.
    dropped: Map<Relation, Born>,
    links: links::Links,
    names: names::Names,
    search_path: Vec<String>,
    /// The search path of a session that set none.
    home_path: Vec<String>,
    /// The search path behind the end of a transaction that has its own.
    path_after: Option<Vec<String>>,
    knows_all: bool,
    /// When something was done last that could not be followed.
    unclear: Option<Born>,
    /// What was ever made among the temporary ones, by name: nothing else is looked for there.
    temporary: BTreeSet<String>,
}

impl Schema {
    /// Nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// Does something with the schema, and puts the schema back to how it was before: what a way down
    /// does is not what the next way up meets. Not inside of itself.
    pub fn aside<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> T {
        // The small ones are copied; of the others only what is changed is.
        let (publications, extensions) = (self.publications.clone(), self.extensions.clone());
        let (search_path, path_after) = (self.search_path.clone(), self.path_after.clone());
        let (temporary, unclear) = (self.temporary.clone(), self.unclear);
        self.tables.mark();
        self.indexes.mark();
        self.functions.mark();
        self.types.mark();
        self.sequences.mark();
        self.dropped.mark();
        self.links.mark();
        self.names.mark();
        let result = act(self);
        self.tables.back();
        self.indexes.back();
        self.functions.back();
        self.types.back();
        self.sequences.back();
        self.dropped.back();
        self.links.back();
        self.names.back();
        (self.publications, self.extensions) = (publications, extensions);
        (self.search_path, self.path_after) = (search_path, path_after);
        (self.temporary, self.unclear) = (temporary, unclear);
        result
    }

    /// What is not here, is not there: it was read from a server, or from an empty database on.
    pub fn knows_all(&self) -> bool {
        self.knows_all
    }

    /// Says that nothing else is there.
    pub fn set_knows_all(&mut self) {
        self.knows_all = true;
    }

    /// Says that something was done that could not be followed: it may have made, changed or dropped
    /// anything.
    pub fn set_unclear(&mut self, born: Born) {
        self.unclear = Some(born);
    }

    /// Whether everything that was done since then could be followed; nothing: from the beginning on.
    pub fn is_followed(&self, since: Option<Born>) -> bool {
        self.unclear.is_none_or(|unclear| since.is_some_and(|since| since > unclear))
    }

    /// Says where a session that sets no search path looks for names; empty: in `public`.
    pub fn set_home_path(&mut self, path: Vec<String>) {
        self.search_path.clone_from(&path);
        self.home_path = path;
    }

    /// Everything in it was there before the scripts, and nothing else is there.
    pub fn set_found(&mut self) {
        for table in self.tables.values_mut() {
            table.born = None;
            table.columns.iter_mut().for_each(|column| column.born = None);
            table.constraints.iter_mut().for_each(|constraint| constraint.born = None);
        }
        self.indexes.values_mut().for_each(|index| index.born = None);
        self.types.values_mut().for_each(|made| made.born = None);
        self.sequences.values_mut().for_each(|sequence| sequence.born = None);
        self.functions.values_mut().flatten().for_each(|function| function.born = None);
        self.dropped.clear();
        self.new_session();
        self.knows_all = true;
    }

    /// A name with its schema: that of the search path in which there is such a relation or type, else
    /// the first of the path, in which a new one would be made.
    pub fn resolve(&self, name: &Relation) -> Relation {
        self.resolved(name).owned()
    }

    /// As [`Schema::resolve`], and nothing is copied.
    fn resolved<'n>(&'n self, name: &'n Relation) -> Name<'n> {
        let within = |schema: &'n str| Name { schema: Some(schema), name: &name.name };
        if name.schema.is_some() {
            return Name::of(name);
        }
        let temporary = self.temporary.contains(&name.name).then_some(TEMPORARY);
        if temporary.is_none() && self.search_path.len() <= 1 {
            // It can be in one schema only, whether it is there or not.
            return within(self.first_schema());
        }
        let path = temporary.into_iter().chain(self.search_path.iter().map(String::as_str));
        path.map(within).find(|full| self.is_known(full)).unwrap_or_else(|| within(self.first_schema()))
    }

    /// A name as short as it can be: without its schema where that is found without it.
    pub fn short(&self, name: &Relation) -> Relation {
        if name.schema.is_none() {
            return name.clone();
        }
        let bare = Relation::named(&name.name);
        if self.resolve(&bare) == *name { bare } else { name.clone() }
    }

    /// A table or view.
    pub fn table(&self, name: &Relation) -> Option<&Table> {
        self.tables.get(&self.resolved(name))
    }

    /// Every table and view.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.sorted().into_iter().map(|(_, table)| table)
    }

    /// The names of the tables and views in a schema, in their order.
    pub fn tables_in(&self, schema: &str) -> Vec<Relation> {
        self.tables.names_in(schema)
    }

    /// Puts a table there, as the server has it.
    pub fn put_table(&mut self, mut table: Table) {
        let name = self.resolve(&table.name);
        self.forget_table(&name);
        table.name = name;
        table.partition_of = table.partition_of.map(|of| self.resolve(&of));
        for other in table.inherits.iter_mut().chain(&mut table.reads) {
            *other = self.resolve(other);
        }
        for constraint in &mut table.constraints {
            if let ConstraintKind::Foreign(key) = &mut constraint.kind {
                key.table = self.resolve(&key.table);
            }
        }
        self.keep_table(table);
    }

    /// An index.
    pub fn index(&self, name: &Relation) -> Option<&Index> {
        self.indexes.get(&self.resolved(name))
    }

    /// Puts an index there, as the server has it.
    pub fn put_index(&mut self, mut index: Index) {
        index.name = self.resolve(&index.name);
        index.table = self.resolve(&index.table);
        self.keep_index(index);
    }

    /// The indexes of a table.
    pub fn indexes_of<'s>(&'s self, table: &Relation) -> impl Iterator<Item = &'s Index> + use<'s> {
        let table = self.resolve(table);
        let indexes = self.links.to(Link::Index, &table).filter_map(|name| self.indexes.get(name));
        indexes.filter(move |index| index.table == table)
    }

    /// A column of a table.
    pub fn column(&self, table: &Relation, column: &str) -> Option<&TableColumn> {
        self.table(table)?.columns.iter().find(|known| known.name == column)
    }

    /// Functions of a name.
    pub fn functions(&self, name: &Relation) -> impl Iterator<Item = &Function> {
        self.functions.get(&self.resolve_function(name)).into_iter().flatten()
    }

    /// Puts a function there, as the server has it.
    pub fn put_function(&mut self, mut function: Function) {
        function.name = self.resolve_function(&function.name);
        self.keep_function(function);
    }

    /// A type that was made.
    pub fn made(&self, name: &Relation) -> Option<&Made> {
        self.types.get(&self.resolved(name))
    }

    /// Puts a type there, as the server has it.
    pub fn put_made(&mut self, name: &Relation, made: Made) {
        let name = self.resolve(name);
        self.keep_type(name, made);
    }

    /// A type of a column that was made by a statement; nothing for the server's own, and for unknown
    /// ones.
    pub fn made_type(&self, of: &Type) -> Option<&Made> {
        self.made(&Relation { schema: of.schema.clone(), name: of.name.clone() })
    }

    /// A sequence.
    pub fn sequence(&self, name: &Relation) -> Option<&SequenceState> {
        self.sequences.get(&self.resolved(name))
    }

    /// Puts a sequence there, as the server has it.
    pub fn put_sequence(&mut self, name: &Relation, mut sequence: SequenceState) {
        let name = self.resolve(name);
        sequence.owned_by = sequence.owned_by.map(|(table, column)| (self.resolve(&table), column));
        self.keep_sequence(name, sequence);
    }

    /// The sequences that go with a table, by name.
    pub fn sequences_of(&self, table: &Relation) -> Vec<(&Relation, &SequenceState)> {
        let wanted = self.resolve(table);
        let known =
            self.links.to(Link::Sequence, &wanted).filter_map(|name| Some((name, self.sequences.get(name)?)));
        known.filter(|(_, state)| state.owned_by.as_ref().is_some_and(|(of, _)| *of == wanted)).collect()
    }

    /// The foreign keys that point to a table: the table that has each, and the key.
    pub fn foreign_keys_to(&self, table: &Relation) -> Vec<(&Table, &ForeignKey)> {
        let wanted = self.resolve(table);
        let all = self.linked(Link::Key, &wanted).flat_map(|table| {
            table.constraints.iter().filter_map(move |constraint| match &constraint.kind {
                ConstraintKind::Foreign(key) => Some((table, key)),
                _ => None,
            })
        });
        all.filter(|(_, key)| key.table == wanted).collect()
    }

    /// Of those, the ones that rows are held to.
    pub(crate) fn enforced_keys_to(&self, table: &Relation) -> Vec<(&Table, &ForeignKey)> {
        let mut keys = self.foreign_keys_to(table);
        keys.retain(|(table, key)| {
            let is = |constraint: &TableConstraint| matches!(&constraint.kind, ConstraintKind::Foreign(own) if std::ptr::eq(own, *key));
            table.constraints.iter().any(|constraint| constraint.enforced && is(constraint))
        });
        keys
    }

    /// The partitions of a table.
    pub fn partitions_of(&self, table: &Relation) -> Vec<&Table> {
        let wanted = self.resolve(table);
        self.linked(Link::Child, &wanted).filter(|part| part.partition_of.as_ref() == Some(&wanted)).collect()
    }

    /// The partitions of a table, and the tables that inherit from it.
    pub fn children_of(&self, table: &Relation) -> Vec<&Table> {
        let wanted = self.resolve(table);
        let is =
            |child: &&Table| child.partition_of.as_ref() == Some(&wanted) || child.inherits.contains(&wanted);
        self.linked(Link::Child, &wanted).filter(is).collect()
    }

    /// The views that read a table.
    pub fn views_of(&self, table: &Relation) -> Vec<&Table> {
        let wanted = self.resolve(table);
        self.linked(Link::View, &wanted).filter(|view| view.reads.contains(&wanted)).collect()
    }

    /// The columns that are of a type, or of a domain over it.
    pub fn columns_of_type(&self, name: &Relation) -> Vec<(&Table, &TableColumn)> {
        let mut types = vec![self.resolve(name)];
        let mut found = Vec::new();
        let mut next = 0;
        while let Some(wanted) = types.get(next).cloned() {
            let is = |of: &Type| self.type_name(of) == wanted;
            let columns = self
                .linked(Link::Type, &wanted)
                .flat_map(|table| table.columns.iter().map(move |c| (table, c)));
            found.extend(columns.filter(|(_, column)| column.of.as_ref().is_some_and(is)));
            for over in self
                .links
                .to(Link::Type, &wanted)
                .filter(|over| !types.contains(over))
                .cloned()
                .collect::<Vec<_>>()
            {
                if let Some(Made { kind: MadeKind::Domain(base, _), .. }) = self.types.get(&over)
                    && self.type_name(base) == wanted
                {
                    types.push(over);
                }
            }
            next += 1;
        }
        found
    }

    /// The publications that have a table.
    pub fn publications_of(&self, table: &Relation) -> Vec<&str> {
        let wanted = self.resolve(table);
        let has = |tables: &Option<BTreeSet<Relation>>| {
            tables.as_ref().is_none_or(|tables| tables.contains(&wanted))
        };
        self.publications.iter().filter(|(_, tables)| has(tables)).map(|(name, _)| name.as_str()).collect()
    }

    /// The tables of a publication; nothing where it has all of them, or is not known.
    pub(crate) fn published(&self, name: &str) -> impl Iterator<Item = &Relation> {
        self.publications.get(name).into_iter().flatten().flatten()
    }

    /// Puts a publication there, as the server has it; `None`: of all tables.
    pub fn put_publication(&mut self, name: &str, tables: Option<&[Relation]>) {
        let tables = tables.map(|tables| tables.iter().map(|table| self.resolve(table)).collect());
        self.publications.insert(name.to_owned(), tables);
    }

    /// Whether an extension was made.
    pub fn has_extension(&self, name: &str) -> bool {
        self.extensions.contains(name)
    }

    /// Puts an extension there, as the server has it.
    pub fn put_extension(&mut self, name: &str) {
        self.extensions.insert(name.to_owned());
    }

    /// When a script dropped it, if one did and none made it again.
    pub fn dropped(&self, name: &Relation) -> Option<Born> {
        self.dropped.get(&self.resolved(name)).copied()
    }

    /// Whether two types are one: with a schema, or without where that is found without it.
    pub fn is_same_type(&self, one: &Type, other: &Type) -> bool {
        one == other
            || one.name == other.name
                && one.array == other.array
                && one.modifiers == other.modifiers
                && self.type_name(one) == self.type_name(other)
    }

    /// A type's name with its schema.
    fn type_name(&self, of: &Type) -> Relation {
        self.resolve(&Relation { schema: of.schema.clone(), name: of.name.clone() })
    }

    fn resolve_function(&self, name: &Relation) -> Relation {
        if name.schema.is_some() {
            return name.clone();
        }
        let within = |schema: &str| Relation { schema: Some(schema.to_owned()), name: name.name.clone() };
        let mut path = self.search_path.iter().map(|schema| within(schema));
        path.find(|name| self.functions.contains_key(name)).unwrap_or_else(|| within(self.first_schema()))
    }

    /// Something is made under this name.
    fn made_under(&mut self, name: &Relation) {
        if name.schema.as_deref() == Some(TEMPORARY) {
            self.temporary.insert(name.name.clone());
        }
    }

    fn first_schema(&self) -> &str {
        self.search_path.first().map_or("public", String::as_str)
    }

    fn is_known(&self, name: &Name<'_>) -> bool {
        self.tables.contains_key(name)
            || self.indexes.contains_key(name)
            || self.types.contains_key(name)
            || self.sequences.contains_key(name)
    }
}
