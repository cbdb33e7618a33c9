//! `CREATE TABLE`, in any of its forms.

use super::{Born, Relation, Schema, Table, TableKind};
use crate::ast::{Column, Constraint, ConstraintKind, CreateTable, Expr, Query, Type};
use crate::schema::names::For;
use crate::schema::{Index, SequenceState, TableColumn};

impl Schema {
    pub(super) fn create_table(&mut self, create: &CreateTable, born: Born) {
        let name = self.new_name(&create.name, create.temporary);
        if create.if_not_exists && self.tables.contains_key(&name) {
            return;
        }
        let mut table = Table {
            name: name.clone(),
            kind: kind(create),
            all_columns: true,
            all_constraints: self.makes_constraints(create, &name),
            strategy: create.partition_by.as_ref().map(|(strategy, _)| strategy.clone()),
            partition_key: create.partition_by.as_ref().map(|(_, key)| key.clone()).unwrap_or_default(),
            temporary: create.temporary,
            unlogged: create.unlogged,
            born: Some(born),
            ..Table::default()
        };
        self.inherit(&mut table, create);
        for column in &create.columns {
            let column = table_column(column, Some(born));
            match table.columns.iter().position(|known| known.name == column.name) {
                Some(place) => merge(&mut table.columns[place], column),
                None if table.columns.len() < super::MOST_COLUMNS => table.columns.push(column),
                None => {}
            }
        }
        self.forget_table(&name);
        self.keep_table(table);
        for column in &create.columns {
            self.own_sequence(&name, column, Some(born));
        }
        self.add_constraints(&name, create, born);
        if let Some(partition) = &create.partition_of {
            let parent = self.resolve(&partition.table);
            self.clone_from_parent(&parent, &name, born);
        }
    }

    /// What it has from others: parents, the tables of `LIKE`, a query.
    fn inherit(&self, table: &mut Table, create: &CreateTable) {
        if let Some(partition) = &create.partition_of {
            let parent = self.resolve(&partition.table);
            self.copy_columns(table, &parent);
            self.copy_checks(table, &parent);
            table.all_constraints &= self.knows_constraints(&parent);
            table.partition_of = Some(parent);
            table.default_partition = partition.default;
            table.bounds = Some(partition.clone());
        }
        for parent in &create.inherits {
            let parent = self.resolve(parent);
            self.copy_columns(table, &parent);
            self.copy_checks(table, &parent);
            table.inherits.push(parent);
        }
        for other in &create.like {
            self.copy_columns(table, &self.resolve(other));
        }
        if let Some(query) = &create.query {
            let (columns, all) = self.query_columns(query);
            table.columns.extend(columns);
            table.all_columns &= all;
        }
    }

    /// Whether every constraint of a new table stands in the statement. Where there is such a table already,
    /// nobody knows which of both is meant.
    fn makes_constraints(&self, create: &CreateTable, name: &Relation) -> bool {
        let takes_over = !create.like.is_empty() || !create.inherits.is_empty() || create.query.is_some();
        !takes_over && !self.tables.contains_key(name)
    }

    /// What a partition has from this table is known.
    pub(super) fn knows_constraints(&self, table: &Relation) -> bool {
        self.tables.get(table).is_some_and(|table| table.all_constraints)
    }

    fn copy_columns(&self, table: &mut Table, from: &Relation) {
        let Some(from) = self.tables.get(from) else {
            table.all_columns = false;
            return;
        };
        table.all_columns &= from.all_columns;
        for column in &from.columns {
            if !table.columns.iter().any(|known| known.name == column.name) {
                table.columns.push(TableColumn { born: table.born, sequence: false, ..column.clone() });
            }
        }
    }

    fn copy_checks(&self, table: &mut Table, from: &Relation) {
        let constraints = self.tables.get(from).map(|from| from.constraints.as_slice()).unwrap_or_default();
        let checks = constraints.iter().filter(|one| matches!(one.kind, ConstraintKind::Check(_))).cloned();
        table.constraints.extend(checks);
    }

    /// In the server's order: checks, then what has an index (the primary key first), then foreign keys.
    fn add_constraints(&mut self, table: &Relation, create: &CreateTable, born: Born) {
        let of_columns = create.columns.iter().flat_map(|column| {
            column.constraints.iter().map(move |constraint| (constraint, Some(column.name.as_str())))
        });
        let of_table = create.constraints.iter().map(|constraint| (constraint, None));
        let mut all: Vec<(&Constraint, Option<&str>)> = of_columns.chain(of_table).collect();
        all.sort_by_key(|(constraint, _)| match &constraint.kind {
            ConstraintKind::Check(_) | ConstraintKind::NotNull { .. } => 0,
            ConstraintKind::Primary { .. } => 1,
            ConstraintKind::Unique { .. } | ConstraintKind::Exclude => 2,
            ConstraintKind::Foreign(_) => 3,
        });
        for (constraint, column) in all {
            // `NOT VALID` says nothing where there are no rows yet.
            let constraint = Constraint { not_valid: false, ..constraint.clone() };
            self.add_constraint(table, &constraint, column, Some(born));
        }
    }

    /// Indexes and foreign keys that a partition has because its parent has them.
    pub(super) fn clone_from_parent(&mut self, parent: &Relation, partition: &Relation, born: Born) {
        let indexes: Vec<Index> = self.indexes_of(parent).cloned().collect();
        for index in indexes {
            let mut own = self.indexes_of(partition);
            if own.any(|own| own.keys == index.keys && own.unique == index.unique) {
                continue;
            }
            drop(own);
            let constraint = index.constraint.as_ref().and_then(|name| {
                let mut constraints = self.tables.get(parent)?.constraints.iter();
                constraints.find(|constraint| constraint.name == *name).cloned()
            });
            match constraint {
                Some(constraint) => {
                    let constraint = Constraint::bare(constraint.kind);
                    self.add_constraint(partition, &constraint, None, Some(born));
                }
                None => self.build_index(partition, None, Index { born: Some(born), ..index }),
            }
        }
        let keys = self.tables.get(parent).map(|parent| parent.constraints.as_slice()).unwrap_or_default();
        let keys = keys.iter().filter(|one| matches!(one.kind, ConstraintKind::Foreign(_)));
        let keys: Vec<Constraint> = keys
            .map(|key| Constraint { name: Some(key.name.clone()), ..Constraint::bare(key.kind.clone()) })
            .collect();
        for key in keys {
            self.add_constraint(partition, &key, None, Some(born));
        }
    }

    /// The sequence of a `serial` or identity column.
    pub(super) fn own_sequence(&mut self, table: &Relation, column: &Column, born: Option<Born>) {
        let serial = serial(&column.of);
        if serial.is_none() && column.identity.is_none() {
            return;
        }
        let name = self.choose(table, &column.name, "seq", For::Relation);
        let of = serial.map(|name| Type { name: name.to_owned(), ..Type::default() });
        let of = of.unwrap_or_else(|| column.of.clone());
        let owned_by = Some((table.clone(), column.name.clone()));
        let state = SequenceState { of: Some(of), owned_by, born };
        self.keep_sequence(super::beside(table, &name), state);
    }

    /// The columns of what a query gives, and whether these are all.
    pub(super) fn query_columns(&self, query: &Query) -> (Vec<TableColumn>, bool) {
        let mut columns = Vec::new();
        let mut all = !query.columns.is_empty();
        for (name, expr) in &query.columns {
            let star = matches!(expr, Expr::Column(path) if path.last().is_some_and(|last| last == "*"));
            if star {
                all &= self.star(query, &mut columns);
                continue;
            }
            let own = match expr.bare() {
                Expr::Column(path) => path.last(),
                Expr::Call { name, .. } => Some(&name.name),
                _ => None,
            };
            match name.as_ref().or(own) {
                Some(name) => columns.push(TableColumn {
                    name: name.clone(),
                    of: self.type_of(query, expr),
                    ..TableColumn::default()
                }),
                None => all = false,
            }
        }
        columns.truncate(super::MOST_COLUMNS);
        (columns, all)
    }

    /// `*` of the only table that is read; whether it is known.
    fn star(&self, query: &Query, columns: &mut Vec<TableColumn>) -> bool {
        let [table] = query.tables.as_slice() else { return false };
        let Some(table) = self.table(table) else { return false };
        let plain = |column: &TableColumn| TableColumn {
            name: column.name.clone(),
            of: column.of.clone(),
            ..TableColumn::default()
        };
        columns.extend(table.columns.iter().map(plain));
        table.all_columns
    }

    fn type_of(&self, query: &Query, expr: &Expr) -> Option<Type> {
        match expr {
            Expr::Cast(_, of) => Some(of.clone()),
            Expr::Column(path) => {
                let column = path.last()?;
                let mut found = query.tables.iter().filter_map(|table| self.column(table, column));
                let one = found.next()?;
                if found.next().is_some() { None } else { one.of.clone() }
            }
            _ => None,
        }
    }
}

fn kind(create: &CreateTable) -> TableKind {
    if create.partition_by.is_some() {
        TableKind::Partitioned
    } else if create.foreign {
        TableKind::Foreign
    } else {
        TableKind::Table
    }
}

/// The type of a `serial` column.
pub(super) fn serial(of: &Type) -> Option<&'static str> {
    match of.name.as_str() {
        "serial" | "serial4" => Some("int4"),
        "bigserial" | "serial8" => Some("int8"),
        "smallserial" | "serial2" => Some("int2"),
        _ => None,
    }
}

/// A column as it is known once it is there.
pub(super) fn table_column(column: &Column, born: Option<Born>) -> TableColumn {
    let serial = serial(&column.of);
    let of = match serial {
        Some(name) => Type { name: name.to_owned(), ..Type::default() },
        None => column.of.clone(),
    };
    TableColumn {
        name: column.name.clone(),
        of: Some(of).filter(|of| !of.name.is_empty()),
        collation: column.collation.clone(),
        not_null: column.not_null || serial.is_some() || column.identity.is_some(),
        default: column.default.clone(),
        sequence: serial.is_some() || column.identity.is_some(),
        generated: column.generated.clone(),
        generated_virtual: column.generated_virtual,
        born,
    }
}

/// A column that the table has from a parent and names once more.
fn merge(known: &mut TableColumn, column: TableColumn) {
    known.of = column.of.or(known.of.take());
    known.default = column.default.or(known.default.take());
    known.generated = column.generated.or(known.generated.take());
    known.not_null |= column.not_null;
    known.sequence |= column.sequence;
}
