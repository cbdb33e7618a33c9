//! Statements that make, drop, rename and tend to objects.

use std::collections::BTreeSet;

use super::builder::Builder;
use super::{Mode, proof};
use crate::ast::{
    ActionKind, ConstraintKind, CreateIndex, CreateTable, CreateView, ForeignKey, ObjectKind, Partition, Stmt,
};
use crate::schema::{Table, TableConstraint, TableKind};
use crate::statement::Relation;

impl Builder<'_> {
    pub(super) fn statement(&mut self, statement: &Stmt) {
        match statement {
            Stmt::AlterTable { kind, table, only, actions, .. } => self.alter(*kind, table, *only, actions),
            Stmt::CreateTable(create) => self.create_table(create),
            Stmt::CreateIndex(create) => self.create_index(create),
            Stmt::CreateView(create) => self.create_view(create),
            Stmt::Drop { kind, names, cascade, concurrently, .. } => {
                self.drop(*kind, names, *cascade, *concurrently);
            }
            Stmt::Rename { kind, relation, .. } => self.rename(*kind, relation),
            Stmt::SetSchema { kind, name, .. } | Stmt::Owner { kind, name, .. } => {
                self.move_object(*kind, name);
            }
            _ => {
                self.rows(statement);
                self.tend(statement);
                self.attach_objects(statement);
            }
        }
    }

    /// What keeps tables in order.
    fn tend(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Truncate { tables, only, cascade, .. } => self.truncate(tables, only, *cascade),
            Stmt::Lock { tables, mode, .. } => self.read(tables, *mode),
            Stmt::Vacuum { tables, full, .. } => {
                let mode = if *full { Mode::AccessExclusive } else { Mode::ShareUpdateExclusive };
                for table in tables {
                    self.lock_family(table, mode);
                    if *full {
                        self.rewrite(table);
                    }
                }
            }
            Stmt::Analyze { tables, only } => {
                for table in tables {
                    self.analyze(table, only.contains(table));
                }
            }
            Stmt::Cluster { table: Some(table) } => {
                self.lock(table, Mode::AccessExclusive);
                self.rewrite(table);
            }
            Stmt::Reindex { kind, name: Some(name), concurrently } => {
                self.reindex(*kind, name, *concurrently);
            }
            Stmt::Refresh { name, concurrently, no_data } => self.refresh(name, *concurrently, *no_data),
            _ => {}
        }
    }

    /// What is fastened to relations.
    fn attach_objects(&mut self, statement: &Stmt) {
        match statement {
            Stmt::CreateTrigger(create) => {
                let parts = self.place.schema.partition_family(&self.place.schema.resolve(&create.table));
                let parts = if create.row { parts } else { vec![create.table.clone()] };
                self.lock_all(&parts, Mode::ShareRowExclusive);
            }
            Stmt::CreateRule { table, .. } => self.lock(table, Mode::AccessExclusive),
            Stmt::Policy(policy) => self.lock(&policy.table, Mode::AccessExclusive),
            Stmt::Comment { kind, name, .. } => self.comment(*kind, name),
            Stmt::CreateStatistics { table: Some(table) } => self.lock(table, Mode::ShareUpdateExclusive),
            Stmt::Grant(grant) if self.place.version >= 18 => {
                if matches!(grant.kind, Some(ObjectKind::Table | ObjectKind::Column | ObjectKind::Sequence)) {
                    self.lock_all(&grant.relations, Mode::AccessShare);
                }
            }
            Stmt::Publication(publication) => {
                let gone = if publication.sets {
                    self.place.schema.published(&publication.name).collect()
                } else {
                    Vec::new()
                };
                for table in gone {
                    self.lock_family(table, Mode::ShareUpdateExclusive);
                }
                for table in publication.adds.iter().chain(&publication.drops) {
                    self.lock_family(table, Mode::ShareUpdateExclusive);
                }
            }
            Stmt::AlterDomain { name, action } => self.alter_domain(name, action),
            Stmt::Sequence(sequence) => {
                if sequence.alter {
                    self.lock(&sequence.name, Mode::ShareRowExclusive);
                }
                if let Some([schema @ .., table, _]) = sequence.owned_by.as_deref() {
                    let table = Relation { schema: schema.last().cloned(), name: table.clone() };
                    self.lock(&table, Mode::AccessShare);
                }
            }
            _ => {}
        }
    }

    /// A table with its partitions and children.
    pub(super) fn lock_family(&mut self, table: &Relation, mode: Mode) {
        let family = self.place.schema.family(&self.place.schema.resolve(table));
        self.lock_all(&family, mode);
    }

    /// The table that a foreign key points to, with its partitions.
    pub(super) fn lock_referenced(&mut self, key: &ForeignKey) {
        let parts = self.place.schema.partition_family(&self.place.schema.resolve(&key.table));
        self.lock_all(&parts, Mode::ShareRowExclusive);
    }

    fn create_table(&mut self, create: &CreateTable) {
        if create.if_not_exists && self.table(&create.name).is_some() {
            return;
        }
        self.lock_all(&create.inherits, Mode::ShareUpdateExclusive);
        self.read(&create.like, Mode::AccessShare);
        self.query(create.query.as_deref());
        if let Some(partition) = &create.partition_of {
            self.lock(&partition.table, Mode::AccessExclusive);
            self.new_partition(&partition.table, partition);
        }
        let of_columns = create.columns.iter().flat_map(|column| &column.constraints);
        for constraint in of_columns.chain(&create.constraints) {
            if let ConstraintKind::Foreign(key) = &constraint.kind
                && key.table != create.name
            {
                self.lock_referenced(key);
            }
        }
    }

    /// A partition comes to a table: the default partition must have none of its rows, and its foreign
    /// keys become those of the partition.
    pub(super) fn new_partition(&mut self, parent: &Relation, partition: &Partition) {
        let Some(parent) = self.table(parent) else { return };
        for constraint in &parent.constraints {
            if let ConstraintKind::Foreign(key) = &constraint.kind {
                self.lock_referenced(key);
            }
        }
        if partition.default {
            return;
        }
        let parts = self.place.schema.partitions_of(&parent.name);
        if let Some(default) = parts.into_iter().find(|part| part.default_partition) {
            self.lock(&default.name, Mode::AccessExclusive);
            if !proof::speaks_of_bounds(default, &parent.partition_key, &partition.bounds) {
                self.scan(&default.name);
            }
        }
    }

    fn create_index(&mut self, create: &CreateIndex) {
        let schema = self.place.schema;
        let mode = if create.concurrently { Mode::ShareUpdateExclusive } else { Mode::Share };
        if create.only {
            self.lock(&create.table, mode);
            if self.table(&create.table).is_none_or(|table| table.kind != TableKind::Partitioned) {
                self.build_index(&create.table);
            }
            return;
        }
        let parts = schema.partition_family(&schema.resolve(&create.table));
        self.lock_all(&parts, mode);
        for part in parts {
            self.build_one_index(&part);
        }
    }

    /// An index of one table, and not of its children.
    pub(super) fn build_one_index(&mut self, table: &Relation) {
        let kind = self.table(table).map(|table| table.kind);
        if kind != Some(TableKind::Partitioned) {
            self.build_index_of(table);
        }
    }

    fn create_view(&mut self, create: &CreateView) {
        if create.replace && self.table(&create.name).is_some() {
            self.lock(&create.name, Mode::AccessExclusive);
        }
        if create.materialized {
            self.query(Some(&create.query));
        } else {
            // A view that another view reads is looked at, and not what that reads.
            self.lock_all(&create.query.tables, Mode::AccessShare);
        }
    }

    fn drop(&mut self, kind: ObjectKind, names: &[Relation], cascade: bool, concurrently: bool) {
        let schema = self.place.schema;
        for name in names {
            match kind {
                ObjectKind::Table
                | ObjectKind::ForeignTable
                | ObjectKind::View
                | ObjectKind::MaterializedView => self.drop_table(name, cascade),
                ObjectKind::Index => {
                    let mode = if concurrently { Mode::ShareUpdateExclusive } else { Mode::AccessExclusive };
                    self.lock_index(name, mode, mode);
                }
                ObjectKind::Sequence | ObjectKind::Trigger | ObjectKind::Rule | ObjectKind::Policy => {
                    self.lock(name, Mode::AccessExclusive);
                }
                ObjectKind::Schema if cascade => {
                    for table in schema.tables_in(&name.name) {
                        self.drop_table(&table, true);
                    }
                }
                ObjectKind::Type | ObjectKind::Domain | ObjectKind::Extension if cascade => {
                    for (table, _) in schema.columns_of_type(name) {
                        self.lock(&table.name, Mode::AccessExclusive);
                    }
                }
                _ => {}
            }
        }
    }

    /// The parent of a partition and its default partition, the tables at the other ends of foreign keys,
    /// and the views on it.
    pub(super) fn drop_table(&mut self, name: &Relation, cascade: bool) {
        let schema = self.place.schema;
        let mut doomed = vec![schema.resolve(name)];
        let mut seen: BTreeSet<Relation> = doomed.iter().cloned().collect();
        while let Some(name) = doomed.pop() {
            let table = self.table(&name);
            if let Some(parent) = table.and_then(|table| table.partition_of.as_ref()) {
                self.lock(parent, Mode::AccessExclusive);
                self.lock_default(parent);
            }
            self.lock(&name, Mode::AccessExclusive);
            self.lock_pointed_to(&name);
            let mut with: Vec<&Relation> =
                schema.partitions_of(&name).into_iter().map(|part| &part.name).collect();
            if cascade {
                with.extend(schema.children_of(&name).into_iter().map(|child| &child.name));
                with.extend(schema.views_of(&name).into_iter().map(|view| &view.name));
                for (other, _) in schema.foreign_keys_to(&name) {
                    self.lock(&other.name, Mode::AccessExclusive);
                }
            }
            doomed.extend(with.into_iter().filter(|name| seen.insert((*name).clone())).cloned());
        }
    }

    /// The tables that a table's own foreign keys point to; those that a partition has from its parent
    /// leave nothing there.
    fn lock_pointed_to(&mut self, name: &Relation) {
        let Some(table) = self.table(name) else { return };
        let parent = table.partition_of.as_ref().and_then(|parent| self.table(parent));
        let inherited = |kind: &ConstraintKind| {
            parent.is_some_and(|parent| parent.constraints.iter().any(|constraint| constraint.kind == *kind))
        };
        let own = |constraint: &&TableConstraint| constraint.enforced && !inherited(&constraint.kind);
        for constraint in table.constraints.iter().filter(own) {
            if let ConstraintKind::Foreign(key) = &constraint.kind {
                self.lock(&key.table, Mode::AccessExclusive);
            }
        }
    }

    pub(super) fn lock_default(&mut self, parent: &Relation) {
        let parts = self.place.schema.partitions_of(parent);
        if let Some(default) = parts.into_iter().find(|part| part.default_partition) {
            self.lock(&default.name, Mode::AccessExclusive);
        }
    }

    /// An index with its table.
    pub(super) fn lock_index(&mut self, index: &Relation, on_table: Mode, on_index: Mode) {
        if let Some(known) = self.place.schema.index(index) {
            let parts = self.place.schema.partition_family(&known.table);
            self.lock_all(&parts, on_table);
        }
        self.lock(index, on_index);
    }

    fn rename(&mut self, kind: ObjectKind, relation: &Relation) {
        match kind {
            ObjectKind::Index => self.lock(relation, Mode::ShareUpdateExclusive),
            ObjectKind::Table if self.place.schema.index(relation).is_some() => {
                self.lock(relation, Mode::ShareUpdateExclusive);
            }
            ObjectKind::Column | ObjectKind::Constraint => self.lock_family(relation, Mode::AccessExclusive),
            ObjectKind::Table
            | ObjectKind::ForeignTable
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Sequence
            | ObjectKind::Trigger
            | ObjectKind::Rule
            | ObjectKind::Policy => self.lock(relation, Mode::AccessExclusive),
            _ => {}
        }
    }

    fn move_object(&mut self, kind: ObjectKind, name: &Relation) {
        let relation = matches!(
            kind,
            ObjectKind::Table
                | ObjectKind::ForeignTable
                | ObjectKind::View
                | ObjectKind::MaterializedView
                | ObjectKind::Sequence
        );
        if relation {
            self.lock(name, Mode::AccessExclusive);
        }
    }

    /// With `CASCADE` the tables that point to it too, and those that point to them.
    fn truncate(&mut self, tables: &[Relation], only: &[Relation], cascade: bool) {
        let schema = self.place.schema;
        let mut next: Vec<Relation> = tables.iter().rev().map(|table| schema.resolve(table)).collect();
        let mut seen = BTreeSet::new();
        while let Some(table) = next.pop() {
            if !seen.insert(table.clone()) {
                continue;
            }
            if only.iter().any(|only| schema.resolve(only) == table) {
                self.lock(&table, Mode::AccessExclusive);
            } else {
                self.lock_family(&table, Mode::AccessExclusive);
            }
            if cascade {
                next.extend(schema.foreign_keys_to(&table).into_iter().map(|(other, _)| other.name.clone()));
            }
        }
    }

    /// Statistics of the whole family are made of samples of all its rows; those of each partition too,
    /// and from 18 on of each child.
    fn analyze(&mut self, table: &Relation, only: bool) {
        let parted = self.table(table).is_some_and(|known| known.kind == TableKind::Partitioned);
        let each = !only && (parted || self.place.version >= 18);
        self.lock_family(table, if each { Mode::ShareUpdateExclusive } else { Mode::AccessShare });
        self.lock(table, Mode::ShareUpdateExclusive);
    }

    fn reindex(&mut self, kind: ObjectKind, name: &Relation, concurrently: bool) {
        let on_table = if concurrently { Mode::ShareUpdateExclusive } else { Mode::Share };
        let on_index = if concurrently { Mode::ShareUpdateExclusive } else { Mode::AccessExclusive };
        match kind {
            ObjectKind::Table if self.is_passed_over(name) => self.lock(name, on_table),
            ObjectKind::Table => {
                let parts = self.place.schema.partition_family(&self.place.schema.resolve(name));
                self.lock_all(&parts, on_table);
                for part in parts.iter().filter(|part| self.has_indexes(part)).cloned().collect::<Vec<_>>() {
                    self.build_one_index(&part);
                }
            }
            ObjectKind::Index => {
                self.lock_index(name, on_table, on_index);
                if let Some(index) = self.place.schema.index(name) {
                    self.build_one_index(&index.table);
                }
            }
            _ => {}
        }
    }

    /// Before 14 nothing is done to a partitioned table, and the server says so.
    fn is_passed_over(&self, table: &Relation) -> bool {
        let parted = |table: &Table| table.kind == TableKind::Partitioned;
        self.place.version < 14 && self.table(table).is_some_and(parted)
    }

    /// Whether it may have indexes: none are known of a table that is known wholly, or it is not known.
    fn has_indexes(&self, table: &Relation) -> bool {
        let schema = self.place.schema;
        schema.table(table).is_none_or(|known| !known.all_columns)
            || schema.indexes_of(table).next().is_some()
    }

    fn refresh(&mut self, name: &Relation, concurrently: bool, no_data: bool) {
        self.lock(name, if concurrently { Mode::Exclusive } else { Mode::AccessExclusive });
        if let Some(view) = self.table(name).filter(|_| !no_data) {
            self.read(&view.reads, Mode::AccessShare);
        }
        match (concurrently, no_data) {
            (true, _) => self.scan(name),
            (false, false) => self.rewrite(name),
            (false, true) => {}
        }
    }

    fn comment(&mut self, kind: ObjectKind, name: &Relation) {
        match kind {
            ObjectKind::Table
            | ObjectKind::ForeignTable
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Index
            | ObjectKind::Sequence
            | ObjectKind::Column => self.lock(name, Mode::ShareUpdateExclusive),
            ObjectKind::Constraint | ObjectKind::Trigger | ObjectKind::Rule | ObjectKind::Policy => {
                self.lock(name, Mode::AccessShare);
            }
            _ => {}
        }
    }

    /// Every table that has a column of the domain is read through.
    fn alter_domain(&mut self, name: &Relation, action: &ActionKind) {
        let reads = match action {
            ActionKind::AddConstraint(constraint) => !constraint.not_valid,
            ActionKind::SetNotNull { .. } | ActionKind::ValidateConstraint { .. } => true,
            _ => false,
        };
        if !reads {
            return;
        }
        for (table, _) in self.place.schema.columns_of_type(name) {
            self.lock(&table.name, Mode::Share);
            self.scan(&table.name);
        }
    }
}
