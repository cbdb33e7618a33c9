//! `DROP`, and what goes with what is dropped.
//!
//! A `DROP` without `CASCADE` that succeeds leaves nothing behind that hangs on the object, so what is
//! known to hang on it goes in both cases.

use super::{Born, ConstraintKind, Relation, Schema};
use crate::ast::{Key, ObjectKind, Type};
use crate::schema::links::Link;
use crate::schema::{Table, TableConstraint};

impl Schema {
    pub(super) fn drop_objects(
        &mut self,
        kind: ObjectKind,
        names: &[Relation],
        parts: &[String],
        arguments: &[Option<Vec<Type>>],
        born: Born,
    ) {
        for (place, name) in names.iter().enumerate() {
            let part = parts.get(place).or(parts.first()).map(String::as_str).unwrap_or_default();
            match kind {
                ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => {
                    let arguments = arguments.get(place).and_then(Option::as_deref);
                    self.drop_function(name, arguments, born);
                }
                ObjectKind::Trigger | ObjectKind::Policy => self.drop_part(kind, name, part),
                ObjectKind::Extension => {
                    self.extensions.remove(&name.name);
                }
                ObjectKind::Publication => {
                    self.publications.remove(&name.name);
                }
                ObjectKind::Schema => self.drop_schema(&name.name, born),
                ObjectKind::Type | ObjectKind::Domain => self.drop_type(name, born),
                _ => self.drop_relation(kind, name, born),
            }
        }
    }

    fn drop_relation(&mut self, kind: ObjectKind, name: &Relation, born: Born) {
        let name = self.resolve(name);
        match kind {
            ObjectKind::Table
            | ObjectKind::ForeignTable
            | ObjectKind::View
            | ObjectKind::MaterializedView => {
                self.drop_table(name, born);
            }
            ObjectKind::Index => {
                self.take_index(&name);
                self.dropped.insert(name, born);
            }
            ObjectKind::Sequence => {
                self.take_sequence(&name);
                self.dropped.insert(name, born);
            }
            _ => {}
        }
    }

    /// A table or view with its partitions, its children, the views that read it, and the foreign keys
    /// that point to it.
    fn drop_table(&mut self, name: Relation, born: Born) {
        let mut doomed = vec![name];
        while let Some(name) = doomed.pop() {
            let mut keys: Vec<(Relation, String)> = Vec::new();
            let others = [Link::Child, Link::View, Link::Key].into_iter();
            let others = others.flat_map(|link| self.linked(link, &name));
            for other in others.filter(|other| other.name != name) {
                if hangs_on(other, &name) {
                    doomed.push(other.name.clone());
                    continue;
                }
                let keys_to = other.constraints.iter().filter(|one| points_to(one, &name, None));
                keys.extend(keys_to.map(|key| (other.name.clone(), key.name.clone())));
            }
            for (table, key) in keys {
                self.drop_constraint(&table, &key);
            }
            self.forget_table(&name);
            for tables in self.publications.values_mut().flatten() {
                tables.remove(&name);
            }
            self.dropped.insert(name, born);
        }
    }

    fn drop_schema(&mut self, schema: &str, born: Born) {
        let within = self.names_in(schema);
        for name in within {
            if self.tables.contains_key(&name) {
                self.drop_table(name, born);
            } else if self.types.contains_key(&name) {
                self.drop_type(&name, born);
            } else {
                self.take_index(&name);
                self.take_sequence(&name);
                self.functions.remove(&name);
                self.dropped.insert(name, born);
            }
        }
    }

    /// Every name in a schema, kind by kind.
    pub(super) fn names_in(&self, schema: &str) -> Vec<Relation> {
        [
            self.tables.names_in(schema),
            self.types.names_in(schema),
            self.indexes.names_in(schema),
            self.sequences.names_in(schema),
            self.functions.names_in(schema),
        ]
        .concat()
    }

    /// A type, with the columns that are of it.
    fn drop_type(&mut self, name: &Relation, born: Born) {
        let name = self.resolve(name);
        let columns = self.columns_of_type(&name).into_iter();
        let columns: Vec<(Relation, String)> =
            columns.map(|(table, column)| (table.name.clone(), column.name.clone())).collect();
        for (table, column) in columns {
            self.drop_column(&table, &column, true, born);
        }
        self.types.remove(&name);
        self.dropped.insert(name, born);
    }

    fn drop_function(&mut self, name: &Relation, arguments: Option<&[Type]>, born: Born) {
        let name = self.resolve_function(name);
        if let Some(functions) = self.functions.get_mut(&name) {
            functions.retain(|known| arguments.is_some_and(|arguments| known.arguments != arguments));
            if !functions.is_empty() {
                return;
            }
            self.functions.remove(&name);
        }
        self.dropped.insert(name, born);
    }

    fn drop_part(&mut self, kind: ObjectKind, table: &Relation, part: &str) {
        let table = self.resolve(table);
        let Some(table) = self.tables.get_mut(&table) else { return };
        let parts = if kind == ObjectKind::Trigger { &mut table.triggers } else { &mut table.policies };
        parts.retain(|known| known != part);
    }

    /// A column of one table, with the constraints, indexes and sequences that have it; with `cascade` the
    /// views that name it too.
    pub(super) fn drop_column(&mut self, table: &Relation, column: &str, cascade: bool, born: Born) {
        let Some(known) = self.tables.get_mut(table) else { return };
        known.columns.retain(|known| known.name != column);
        let constraints = known.constraints.iter().filter(|constraint| speaks_of(constraint, column));
        let mut constraints: Vec<(Relation, String)> =
            constraints.map(|constraint| (table.clone(), constraint.name.clone())).collect();
        let mut views = Vec::new();
        let others = [Link::View, Link::Key].into_iter().flat_map(|link| self.linked(link, table));
        for other in others {
            let keys = other.constraints.iter().filter(|one| points_to(one, table, Some(column)));
            constraints.extend(keys.map(|key| (other.name.clone(), key.name.clone())));
            let named = |known: &String| known == column || known == "*";
            if cascade && other.reads.contains(table) && other.reads_columns.iter().any(named) {
                views.push(other.name.clone());
            }
        }
        for (table, constraint) in constraints {
            self.drop_constraint(&table, &constraint);
        }
        let indexes = self.indexes_of(table).filter(|index| {
            index.include.iter().any(|included| included == column)
                || index.keys.iter().any(|key| match key {
                    Key::Column(name) => name == column,
                    Key::Expr(expr) => expr.columns().contains(&column),
                })
        });
        let indexes: Vec<Relation> = indexes.map(|index| index.name.clone()).collect();
        for index in indexes {
            self.take_index(&index);
            self.dropped.insert(index, born);
        }
        self.drop_sequences(table, Some(column), born);
        for view in views {
            self.drop_table(view, born);
        }
    }

    /// The sequences of a table, or of one of its columns.
    pub(super) fn drop_sequences(&mut self, table: &Relation, column: Option<&str>, born: Born) {
        let sequences = self.sequences_of(table).into_iter().filter(|(_, state)| {
            state.owned_by.as_ref().is_some_and(|(_, of)| column.is_none_or(|column| of == column))
        });
        let sequences: Vec<Relation> = sequences.map(|(name, _)| name.clone()).collect();
        for sequence in sequences {
            self.take_sequence(&sequence);
            self.dropped.insert(sequence, born);
        }
    }
}

/// Whether it can't be there without the other.
fn hangs_on(table: &Table, on: &Relation) -> bool {
    table.partition_of.as_ref() == Some(on) || table.inherits.contains(on) || table.reads.contains(on)
}

/// Whether it is a foreign key to a table, or to a column of it.
fn points_to(constraint: &TableConstraint, table: &Relation, column: Option<&str>) -> bool {
    match &constraint.kind {
        ConstraintKind::Foreign(key) => {
            key.table == *table && column.is_none_or(|column| key.referenced.iter().any(|own| own == column))
        }
        _ => false,
    }
}

/// Whether a column of its own table stands in it.
fn speaks_of(constraint: &TableConstraint, column: &str) -> bool {
    match &constraint.kind {
        ConstraintKind::Check(expr) => expr.columns().contains(&column),
        ConstraintKind::NotNull { column: own } => own == column,
        ConstraintKind::Primary { columns, .. } | ConstraintKind::Unique { columns, .. } => {
            columns.iter().any(|own| own == column)
        }
        ConstraintKind::Foreign(key) => key.columns.iter().any(|own| own == column),
        ConstraintKind::Exclude => false,
    }
}
