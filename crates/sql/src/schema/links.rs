//! Who speaks of whom: foreign keys, partitions, children, views, indexes, sequences, columns of a type.
//!
//! So that nothing looks through the whole schema, however long the history is. A link may be there
//! that isn't true any more (of a foreign key that was dropped): who follows one, looks.

use std::collections::BTreeSet;

use super::map::Map;
use super::{ConstraintKind, Function, Index, Made, MadeKind, Relation, Schema, SequenceState, Table};

/// As what one speaks of another. Each is looked up alone: a table that thousands point to has two
/// partitions, and these are found at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Link {
    /// A partition, a child.
    Child,
    /// A foreign key.
    Key,
    /// A view.
    View,
    /// An index.
    Index,
    /// A sequence.
    Sequence,
    /// A column of the type, a domain over it.
    Type,
}

/// Names of relations and types, with those that may speak of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Links(Map<Relation, BTreeSet<(Link, Relation)>>);

impl Links {
    pub(super) fn mark(&mut self) {
        self.0.mark();
    }

    pub(super) fn back(&mut self) {
        self.0.back();
    }

    /// Those that may speak of it.
    pub(super) fn to<'s>(
        &'s self,
        link: Link,
        name: &Relation,
    ) -> impl Iterator<Item = &'s Relation> + use<'s> {
        let first = (link, Relation::default());
        let some = self.0.get(name).into_iter().flat_map(move |who| who.range(first.clone()..));
        some.take_while(move |(own, _)| *own == link).map(|(_, who)| who)
    }

    /// All that may speak of it.
    pub(super) fn all(&self, name: &Relation) -> Vec<(Link, Relation)> {
        self.0.get(name).into_iter().flatten().cloned().collect()
    }

    pub(super) fn add(&mut self, link: Link, from: &Relation, to: Relation) {
        self.0.get_or_insert_with(to, BTreeSet::new).insert((link, from.clone()));
    }

    /// Nobody speaks of it any more.
    pub(super) fn forget(&mut self, to: &Relation) {
        self.0.remove(to);
    }

    fn remove(&mut self, link: Link, from: &Relation, to: &Relation) {
        if let Some(who) = self.0.get_mut(to) {
            who.remove(&(link, from.clone()));
            if who.is_empty() {
                self.0.remove(to);
            }
        }
    }
}

impl Schema {
    /// The tables and views that may speak of a relation or type.
    pub(super) fn linked(&self, link: Link, to: &Relation) -> impl Iterator<Item = &Table> {
        self.links.to(link, to).filter_map(|name| self.tables.get(name))
    }

    /// The table with its partitions and the tables that inherit from it, at any depth.
    pub(crate) fn family(&self, of: &Relation) -> Vec<Relation> {
        descend(of, |table| self.children_of(table))
    }

    /// The table with its partitions, at any depth.
    pub(crate) fn partition_family(&self, of: &Relation) -> Vec<Relation> {
        descend(of, |table| self.partitions_of(table))
    }

    /// Keeps a table whose names have their schemas.
    pub(super) fn keep_table(&mut self, table: Table) {
        let name = table.name.clone();
        for (link, to) in self.targets(&table) {
            self.links.add(link, &name, to);
        }
        for constraint in &table.constraints {
            self.names.take(&name, &constraint.name);
        }
        self.made_under(&name);
        self.dropped.remove(&name);
        self.tables.insert(name, table);
    }

    /// Takes a table out, and nothing that goes with it.
    pub(super) fn take_table(&mut self, name: &Relation) -> Option<Table> {
        let table = self.tables.remove(name)?;
        for (link, to) in self.targets(&table) {
            self.links.remove(link, name, &to);
        }
        for constraint in &table.constraints {
            self.names.free(name, &constraint.name);
        }
        self.names.freed();
        Some(table)
    }

    /// Takes a table out with its indexes and sequences.
    pub(super) fn forget_table(&mut self, name: &Relation) {
        if !self.tables.contains_key(name) {
            return;
        }
        let indexes: Vec<Relation> = self.indexes_of(name).map(|index| index.name.clone()).collect();
        let sequences: Vec<Relation> =
            self.sequences_of(name).into_iter().map(|(sequence, _)| sequence.clone()).collect();
        for index in indexes {
            self.take_index(&index);
        }
        for sequence in sequences {
            self.take_sequence(&sequence);
        }
        self.take_table(name);
    }

    /// What a table speaks of.
    fn targets(&self, table: &Table) -> Vec<(Link, Relation)> {
        let keys = table.constraints.iter().filter_map(|constraint| match &constraint.kind {
            ConstraintKind::Foreign(key) => Some((Link::Key, key.table.clone())),
            _ => None,
        });
        let types = table.columns.iter().filter_map(|column| column.of.as_ref());
        let types = types.filter(|of| !names_own(of)).map(|of| (Link::Type, self.type_name(of)));
        let parents = table.partition_of.iter().chain(&table.inherits);
        let parents = parents.map(|parent| (Link::Child, parent.clone()));
        let reads = table.reads.iter().map(|read| (Link::View, read.clone()));
        keys.chain(types).chain(parents).chain(reads).collect()
    }

    pub(super) fn keep_index(&mut self, index: Index) {
        self.made_under(&index.name);
        self.links.add(Link::Index, &index.name, index.table.clone());
        self.dropped.remove(&index.name);
        self.indexes.insert(index.name.clone(), index);
    }

    pub(super) fn take_index(&mut self, name: &Relation) -> Option<Index> {
        let index = self.indexes.remove(name)?;
        self.links.remove(Link::Index, name, &index.table);
        self.names.freed();
        Some(index)
    }

    pub(super) fn keep_sequence(&mut self, name: Relation, sequence: SequenceState) {
        if let Some((table, _)) = &sequence.owned_by {
            self.links.add(Link::Sequence, &name, table.clone());
        }
        self.made_under(&name);
        self.dropped.remove(&name);
        self.sequences.insert(name, sequence);
    }

    pub(super) fn take_sequence(&mut self, name: &Relation) -> Option<SequenceState> {
        let sequence = self.sequences.remove(name)?;
        if let Some((table, _)) = &sequence.owned_by {
            self.links.remove(Link::Sequence, name, table);
        }
        self.names.freed();
        Some(sequence)
    }

    pub(super) fn keep_type(&mut self, name: Relation, made: Made) {
        if let MadeKind::Domain(base, _) = &made.kind
            && !names_own(base)
        {
            let base = self.type_name(base);
            self.links.add(Link::Type, &name, base);
        }
        self.made_under(&name);
        self.dropped.remove(&name);
        self.types.insert(name, made);
    }

    pub(super) fn keep_function(&mut self, function: Function) {
        let same = self.functions.get_or_insert_with(function.name.clone(), Vec::new);
        same.retain(|known| known.arguments != function.arguments);
        same.push(function);
    }
}

/// Whether it is one of the server's own types: links to those would be long and of no use.
fn names_own(of: &super::Type) -> bool {
    of.schema.is_none() && crate::locks::types::is_own(&of.name)
}

fn descend<'s>(of: &Relation, below: impl Fn(&Relation) -> Vec<&'s Table>) -> Vec<Relation> {
    let mut family = vec![of.clone()];
    let mut seen = BTreeSet::from([of.clone()]);
    let mut next = 0;
    while next < family.len() {
        for child in below(&family[next]) {
            if seen.insert(child.name.clone()) {
                family.push(child.name.clone());
            }
        }
        next += 1;
    }
    family
}
