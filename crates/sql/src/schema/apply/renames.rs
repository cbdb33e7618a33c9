//! New names and other schemas: everybody who speaks of the object speaks of it by its new name.

use std::collections::BTreeSet;

use super::{ConstraintKind, Relation, Schema, Table, beside};
use crate::ast::{Expr, Key, ObjectKind, Type};
use crate::schema::TableConstraint;
use crate::schema::links::Link;

impl Schema {
    pub(super) fn rename(&mut self, kind: ObjectKind, relation: &Relation, part: Option<&str>, to: &str) {
        match (kind, part) {
            (ObjectKind::Column, Some(column)) => self.rename_column(relation, column, to),
            (ObjectKind::Constraint, Some(constraint)) => {
                let table = self.resolve(relation);
                for table in self.family(&table) {
                    self.rename_constraint(&table, constraint, to);
                }
            }
            (ObjectKind::Trigger | ObjectKind::Policy, Some(part)) => {
                let table = self.table_or_unknown(relation);
                let parts =
                    if kind == ObjectKind::Trigger { &mut table.triggers } else { &mut table.policies };
                if let Some(known) = parts.iter_mut().find(|known| *known == part) {
                    to.clone_into(known);
                }
            }
            (ObjectKind::Schema, _) => self.rename_schema(&relation.name, to),
            (ObjectKind::Publication, _) => {
                if let Some(tables) = self.publications.remove(&relation.name) {
                    self.publications.insert(to.to_owned(), tables);
                }
            }
            (ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate, _) => {
                let old = self.resolve_function(relation);
                self.move_functions(&old, &beside(&old, to));
            }
            (_, None) => {
                let old = self.resolve(relation);
                self.move_named(kind, &old, &beside(&old, to));
            }
            _ => {}
        }
    }

    pub(super) fn set_schema(&mut self, kind: ObjectKind, name: &Relation, schema: &str) {
        let there = |name: &Relation| Relation { schema: Some(schema.to_owned()), name: name.name.clone() };
        if matches!(kind, ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate) {
            let old = self.resolve_function(name);
            self.move_functions(&old, &there(&old));
            return;
        }
        let old = self.resolve(name);
        let indexes: Vec<Relation> = self.indexes_of(&old).map(|index| index.name.clone()).collect();
        let sequences: Vec<Relation> =
            self.sequences_of(&old).into_iter().map(|(name, _)| name.clone()).collect();
        self.move_named(kind, &old, &there(&old));
        for index in indexes {
            self.move_index(&index, &there(&index));
        }
        for sequence in sequences {
            self.move_sequence(&sequence, &there(&sequence));
        }
    }

    fn rename_schema(&mut self, from: &str, to: &str) {
        for old in self.names_in(from) {
            let new = Relation { schema: Some(to.to_owned()), name: old.name.clone() };
            if self.tables.contains_key(&old) {
                self.move_table(&old, &new);
            }
            self.move_index(&old, &new);
            self.move_sequence(&old, &new);
            self.move_type(&old, &new);
            self.move_functions(&old, &new);
        }
    }

    fn move_named(&mut self, kind: ObjectKind, old: &Relation, new: &Relation) {
        if old == new {
            return;
        }
        let table = matches!(
            kind,
            ObjectKind::Table | ObjectKind::ForeignTable | ObjectKind::View | ObjectKind::MaterializedView
        );
        // `ALTER TABLE` renames indexes and sequences too.
        if self.indexes.contains_key(old) {
            self.move_index(old, new);
        } else if self.sequences.contains_key(old) {
            self.move_sequence(old, new);
        } else if self.types.contains_key(old) {
            self.move_type(old, new);
        } else if table {
            self.table_or_unknown(old);
            self.move_table(old, new);
        }
    }

    fn move_table(&mut self, old: &Relation, new: &Relation) {
        let linked = self.links.all(old);
        let Some(mut table) = self.take_table(old) else { return };
        speak_of(&mut table, old, new);
        table.name = new.clone();
        self.keep_table(table);
        for (link, who) in linked.iter().filter(|(_, who)| who != old) {
            if let Some(table) = self.tables.get_mut(who) {
                speak_of(table, old, new);
            }
            if let Some(index) = self.indexes.get_mut(who).filter(|index| index.table == *old) {
                index.table = new.clone();
            }
            if let Some(sequence) = self.sequences.get_mut(who)
                && let Some((table, _)) = sequence.owned_by.as_mut().filter(|(table, _)| table == old)
            {
                *table = new.clone();
            }
            self.links.add(*link, who, new.clone());
        }
        self.links.forget(old);
        for tables in self.publications.values_mut().flatten() {
            if tables.remove(old) {
                tables.insert(new.clone());
            }
        }
    }

    fn move_index(&mut self, old: &Relation, new: &Relation) {
        let Some(mut index) = self.take_index(old) else { return };
        index.name = new.clone();
        if let Some(constraint) = &mut index.constraint {
            let before = std::mem::replace(constraint, new.name.clone());
            let table = index.table.clone();
            self.set_constraint_name(&table, &before, &new.name);
        }
        self.keep_index(index);
    }

    fn move_sequence(&mut self, old: &Relation, new: &Relation) {
        if let Some(sequence) = self.take_sequence(old) {
            self.keep_sequence(new.clone(), sequence);
        }
    }

    fn move_functions(&mut self, old: &Relation, new: &Relation) {
        for mut function in self.functions.remove(old).into_iter().flatten() {
            function.name = new.clone();
            self.keep_function(function);
        }
    }

    /// Columns of the type say its new name.
    fn move_type(&mut self, old: &Relation, new: &Relation) {
        let columns = self.columns_of_type(old).into_iter();
        let columns: Vec<(Relation, String)> =
            columns.map(|(table, column)| (table.name.clone(), column.name.clone())).collect();
        let Some(made) = self.types.remove(old) else { return };
        self.keep_type(new.clone(), made);
        for (table, column) in columns {
            let column = self.column_or_unknown(&table, &column);
            if let Some(of) = &mut column.of {
                *of = Type { schema: new.schema.clone(), name: new.name.clone(), ..of.clone() };
            }
            self.links.add(Link::Type, &table, new.clone());
        }
    }

    fn rename_constraint(&mut self, table: &Relation, from: &str, to: &str) {
        self.set_constraint_name(table, from, to);
        let index = beside(table, from);
        if self.indexes.get(&index).is_some_and(|index| index.constraint.as_deref() == Some(from))
            && let Some(index) = self.take_index(&index)
        {
            let constraint = Some(to.to_owned());
            self.keep_index(crate::schema::Index { name: beside(table, to), constraint, ..index });
        }
    }

    fn set_constraint_name(&mut self, table: &Relation, from: &str, to: &str) {
        let constraints = self.tables.get_mut(table).map(|table| table.constraints.iter_mut());
        if let Some(known) = constraints.into_iter().flatten().rfind(|known| known.name == from) {
            to.clone_into(&mut known.name);
            self.names.free(table, from);
            self.names.take(table, to);
        }
    }

    fn rename_column(&mut self, relation: &Relation, from: &str, to: &str) {
        let name = self.resolve(relation);
        self.column_or_unknown(&name, from);
        for table in self.family(&name) {
            self.rename_own_column(&table, from, to);
        }
    }

    /// In one table, and in whatever speaks of that column.
    fn rename_own_column(&mut self, name: &Relation, from: &str, to: &str) {
        let Some(table) = self.tables.get_mut(name) else { return };
        rename_in_table(table, from, to);
        let linked: BTreeSet<Relation> = self.links.all(name).into_iter().map(|(_, who)| who).collect();
        for who in linked {
            if let Some(other) = self.tables.get_mut(&who) {
                if other.reads.contains(name) {
                    other.reads_columns.iter_mut().for_each(|column| replace(column, from, to));
                }
                for constraint in &mut other.constraints {
                    if let ConstraintKind::Foreign(key) = &mut constraint.kind
                        && key.table == *name
                    {
                        key.referenced.iter_mut().for_each(|column| replace(column, from, to));
                    }
                }
            }
            if let Some(index) = self.indexes.get_mut(&who).filter(|index| index.table == *name) {
                index.include.iter_mut().for_each(|column| replace(column, from, to));
                for key in &mut index.keys {
                    match key {
                        Key::Column(column) => replace(column, from, to),
                        Key::Expr(expr) => rename_in(expr, from, to),
                    }
                }
            }
            if let Some((table, column)) =
                self.sequences.get_mut(&who).and_then(|state| state.owned_by.as_mut())
                && table == name
            {
                replace(column, from, to);
            }
        }
    }
}

fn rename_in_table(table: &mut Table, from: &str, to: &str) {
    for column in &mut table.columns {
        replace(&mut column.name, from, to);
        if let Some(generated) = &mut column.generated {
            rename_in(generated, from, to);
        }
    }
    for constraint in &mut table.constraints {
        rename_in_constraint(constraint, from, to);
    }
}

fn rename_in_constraint(constraint: &mut TableConstraint, from: &str, to: &str) {
    match &mut constraint.kind {
        ConstraintKind::Check(expr) => rename_in(expr, from, to),
        ConstraintKind::NotNull { column } => replace(column, from, to),
        ConstraintKind::Primary { columns, .. } | ConstraintKind::Unique { columns, .. } => {
            for column in columns {
                replace(column, from, to);
            }
        }
        ConstraintKind::Foreign(key) => key.columns.iter_mut().for_each(|column| replace(column, from, to)),
        ConstraintKind::Exclude => {}
    }
}

/// Whatever a table says of another.
fn speak_of(table: &mut Table, old: &Relation, new: &Relation) {
    let others = table.partition_of.iter_mut().chain(&mut table.inherits).chain(&mut table.reads);
    let keys = table.constraints.iter_mut().filter_map(|constraint| match &mut constraint.kind {
        ConstraintKind::Foreign(key) => Some(&mut key.table),
        _ => None,
    });
    for other in others.chain(keys).filter(|other| *other == old) {
        *other = new.clone();
    }
}

fn replace(name: &mut String, from: &str, to: &str) {
    if name == from {
        to.clone_into(name);
    }
}

fn rename_in(expr: &mut Expr, from: &str, to: &str) {
    match expr {
        Expr::Column(path) => {
            if let Some(column) = path.last_mut() {
                replace(column, from, to);
            }
        }
        Expr::Call { args, .. } | Expr::Op(_, args) | Expr::Other(args) => {
            for part in args {
                rename_in(part, from, to);
            }
        }
        Expr::Cast(part, _) | Expr::IsNull(part) | Expr::IsNotNull(part) => rename_in(part, from, to),
        // No query stands in what is renamed here.
        _ => {}
    }
}
