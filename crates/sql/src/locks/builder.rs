//! Effects while they are gathered.

use std::collections::{BTreeMap, BTreeSet};

use super::{Effects, Lock, Mode, Place};
use crate::schema::{Table, TableConstraint, TableKind};
use crate::statement::Relation;

/// Effects of one statement.
pub(super) struct Builder<'a> {
    pub(super) place: Place<'a>,
    locks: Vec<(Relation, Mode)>,
    /// Where each relation stands in `locks`.
    at: BTreeMap<Relation, usize>,
    rewrites: BTreeSet<Relation>,
    maybe_rewrites: BTreeSet<Relation>,
    scans: BTreeSet<Relation>,
    index_builds: BTreeSet<Relation>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(place: Place<'a>) -> Self {
        Self {
            place,
            locks: Vec::new(),
            at: BTreeMap::new(),
            rewrites: BTreeSet::new(),
            maybe_rewrites: BTreeSet::new(),
            scans: BTreeSet::new(),
            index_builds: BTreeSet::new(),
        }
    }

    pub(super) fn done(self) -> Effects {
        let schema = self.place.schema;
        let rewrites = self.rewrites;
        let short = |names: BTreeSet<Relation>| {
            names.iter().filter(|name| !rewrites.contains(*name)).map(|name| schema.short(name)).collect()
        };
        let (scans, index_builds, maybe_rewrites) =
            (short(self.scans), short(self.index_builds), short(self.maybe_rewrites));
        let lock = |(relation, mode): (Relation, Mode)| Lock { relation: schema.short(&relation), mode };
        Effects {
            locks: self.locks.into_iter().map(lock).collect(),
            rewrites: rewrites.iter().map(|name| schema.short(name)).collect(),
            maybe_rewrites,
            scans,
            index_builds,
            ..Effects::default()
        }
    }

    /// A lock; a stronger one takes the place of a weaker one.
    pub(super) fn lock(&mut self, name: &Relation, mode: Mode) {
        let name = self.place.schema.resolve(name);
        if let Some(at) = self.at.get(&name) {
            self.locks[*at].1 = self.locks[*at].1.max(mode);
        } else {
            self.at.insert(name.clone(), self.locks.len());
            self.locks.push((name, mode));
        }
    }

    pub(super) fn lock_all<'n>(&mut self, names: impl IntoIterator<Item = &'n Relation>, mode: Mode) {
        for name in names {
            self.lock(name, mode);
        }
    }

    /// Reading relations: views with what they read.
    pub(super) fn read<'n>(&mut self, names: impl IntoIterator<Item = &'n Relation>, mode: Mode) {
        let schema = self.place.schema;
        let mut next: Vec<Relation> = names.into_iter().map(|name| schema.resolve(name)).collect();
        let mut seen: BTreeSet<Relation> = next.iter().cloned().collect();
        while let Some(name) = next.pop() {
            let table = schema.table(&name);
            let view = table.filter(|table| table.kind == TableKind::View);
            let family = if table.is_some_and(|table| table.kind == TableKind::View) {
                vec![name.clone()]
            } else {
                schema.family(&name)
            };
            self.lock_all(&family, mode);
            next.extend(
                view.into_iter()
                    .flat_map(|view| &view.reads)
                    .filter(|name| seen.insert((*name).clone()))
                    .cloned(),
            );
        }
    }

    /// Those of a table and its partitions that have rows.
    pub(super) fn with_rows(&self, name: &Relation) -> Vec<Relation> {
        let schema = self.place.schema;
        let family = schema.family(&schema.resolve(name));
        let empty = |name: &Relation| {
            schema
                .table(name)
                .is_some_and(|table| matches!(table.kind, TableKind::Partitioned | TableKind::View))
        };
        family.into_iter().filter(|name| !empty(name)).collect()
    }

    pub(super) fn rewrite(&mut self, name: &Relation) {
        let names = self.with_rows(name);
        self.rewrites.extend(names);
    }

    pub(super) fn maybe_rewrite(&mut self, name: &Relation) {
        let names = self.with_rows(name);
        self.maybe_rewrites.extend(names);
    }

    pub(super) fn scan(&mut self, name: &Relation) {
        let names = self.with_rows(name);
        self.scans.extend(names);
    }

    /// An index is built, for which the table is read.
    pub(super) fn build_index(&mut self, name: &Relation) {
        let names = self.with_rows(name);
        self.scans.extend(names.iter().cloned());
        self.index_builds.extend(names);
    }

    /// An index of one table, and not of its children.
    pub(super) fn build_index_of(&mut self, name: &Relation) {
        let name = self.place.schema.resolve(name);
        self.scans.insert(name.clone());
        self.index_builds.insert(name);
    }

    /// One table is read, and not its children.
    pub(super) fn scan_one(&mut self, name: &Relation) {
        let name = self.place.schema.resolve(name);
        if self.table(&name).is_none_or(|table| table.kind != TableKind::Partitioned) {
            self.scans.insert(name);
        }
    }

    /// A constraint of a table; where two have the name, the later one.
    pub(super) fn constraint(&self, table: &Relation, name: &str) -> Option<&'a TableConstraint> {
        self.table(table)?.constraints.iter().rfind(|known| known.name == name)
    }

    pub(super) fn table(&self, name: &Relation) -> Option<&'a Table> {
        self.place.schema.table(name)
    }
}
