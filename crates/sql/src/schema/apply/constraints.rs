//! Constraints: how they come, what they are called, how they go.

use super::{Born, ConstraintKind, For, Index, Relation, Schema, beside};
use crate::ast::{Constraint, Expr, ForeignKey, Key};
use crate::schema::TableConstraint;
use crate::schema::links::Link;

impl Schema {
    /// Adds a constraint to one table; `column`: the one at which it is written.
    pub(super) fn add_constraint(
        &mut self,
        table: &Relation,
        constraint: &Constraint,
        column: Option<&str>,
        born: Option<Born>,
    ) {
        let kind = self.whole(table, &constraint.kind, column);
        let name = match &constraint.name {
            Some(name) => name.clone(),
            None => self.constraint_name(table, &kind),
        };
        let valid = !constraint.not_valid && !constraint.not_enforced;
        match &kind {
            ConstraintKind::Primary { columns, using_index } => {
                self.set_not_null(table, columns);
                self.constraint_index(table, &name, columns, using_index.as_deref(), born);
            }
            ConstraintKind::Unique { columns, using_index } => {
                self.constraint_index(table, &name, columns, using_index.as_deref(), born);
            }
            ConstraintKind::Exclude => self.keep_index(Index {
                name: beside(table, &name),
                table: table.clone(),
                method: "gist".to_owned(),
                keys: vec![Key::Expr(Expr::Other(Vec::new()))],
                constraint: Some(name.clone()),
                valid: true,
                born,
                ..Index::default()
            }),
            ConstraintKind::NotNull { column } if valid => {
                self.set_not_null(table, std::slice::from_ref(column));
            }
            ConstraintKind::Foreign(key) => self.links.add(Link::Key, table, key.table.clone()),
            ConstraintKind::NotNull { .. } | ConstraintKind::Check(_) => {}
        }
        self.names.take(table, &name);
        let known = TableConstraint { name, kind, valid, enforced: !constraint.not_enforced, born };
        self.table_or_unknown(table).constraints.push(known);
    }

    /// The kind with everything that may be left unwritten.
    fn whole(&self, table: &Relation, kind: &ConstraintKind, column: Option<&str>) -> ConstraintKind {
        let of_index = |name: &Option<String>| {
            let name = name.as_ref()?;
            Some(self.indexes.get(&beside(table, name))?.keys.iter().filter_map(key_column).collect())
        };
        let columns = |written: &[String], index: &Option<String>| -> Vec<String> {
            if !written.is_empty() {
                return written.to_vec();
            }
            column.map(|column| vec![column.to_owned()]).or_else(|| of_index(index)).unwrap_or_default()
        };
        match kind {
            ConstraintKind::Primary { columns: written, using_index } => ConstraintKind::Primary {
                columns: columns(written, using_index),
                using_index: using_index.clone(),
            },
            ConstraintKind::Unique { columns: written, using_index } => ConstraintKind::Unique {
                columns: columns(written, using_index),
                using_index: using_index.clone(),
            },
            ConstraintKind::NotNull { column: written } if written.is_empty() => {
                ConstraintKind::NotNull { column: column.unwrap_or_default().to_owned() }
            }
            ConstraintKind::Foreign(key) => {
                let to = self.resolve(&key.table);
                let referenced =
                    if key.referenced.is_empty() { self.primary_key(&to) } else { key.referenced.clone() };
                ConstraintKind::Foreign(ForeignKey {
                    columns: columns(&key.columns, &None),
                    table: to,
                    referenced,
                    on_delete: key.on_delete,
                })
            }
            other => other.clone(),
        }
    }

    /// The columns of a table's primary key; none where that is not known.
    fn primary_key(&self, table: &Relation) -> Vec<String> {
        let constraints =
            self.tables.get(table).map(|table| table.constraints.as_slice()).unwrap_or_default();
        let columns = constraints.iter().find_map(|constraint| match &constraint.kind {
            ConstraintKind::Primary { columns, .. } => Some(columns.clone()),
            _ => None,
        });
        columns.unwrap_or_default()
    }

    fn constraint_name(&mut self, table: &Relation, kind: &ConstraintKind) -> String {
        match kind {
            ConstraintKind::Check(expr) => {
                let mut columns = expr.columns();
                columns.sort_unstable();
                columns.dedup();
                let column = if let [one] = columns.as_slice() { one } else { "" };
                self.choose(table, column, "check", For::Constraint)
            }
            ConstraintKind::NotNull { column } => self.choose(table, column, "not_null", For::Constraint),
            ConstraintKind::Foreign(key) => {
                self.choose(table, &key.columns.join("_"), "fkey", For::Constraint)
            }
            ConstraintKind::Primary { using_index: Some(index), .. }
            | ConstraintKind::Unique { using_index: Some(index), .. } => index.clone(),
            ConstraintKind::Primary { .. } => self.choose(table, "", "pkey", For::ConstraintIndex),
            ConstraintKind::Unique { columns, .. } => {
                self.choose(table, &columns.join("_"), "key", For::ConstraintIndex)
            }
            ConstraintKind::Exclude => self.choose(table, "", "excl", For::ConstraintIndex),
        }
    }

    pub(super) fn set_not_null(&mut self, table: &Relation, columns: &[String]) {
        for column in columns {
            self.column_or_unknown(table, column).not_null = true;
        }
    }

    /// The index of a primary key or of `UNIQUE`: a new one, or one that is there and gets its name.
    fn constraint_index(
        &mut self,
        table: &Relation,
        name: &str,
        columns: &[String],
        using: Option<&str>,
        born: Option<Born>,
    ) {
        let before = using.and_then(|using| self.take_index(&beside(table, using)));
        let keys = || columns.iter().cloned().map(Key::Column).collect();
        let index = before.unwrap_or_else(|| Index {
            method: "btree".to_owned(),
            keys: keys(),
            valid: true,
            // One that was never seen being made is as old as the table.
            born: born.filter(|_| using.is_none()),
            ..Index::default()
        });
        self.keep_index(Index {
            name: beside(table, name),
            table: table.clone(),
            unique: true,
            constraint: Some(name.to_owned()),
            ..index
        });
    }

    /// Takes a constraint away from one table, with its index.
    pub(super) fn drop_constraint(&mut self, table: &Relation, name: &str) {
        let Some(known) = self.tables.get_mut(table) else { return };
        let Some(place) = known.constraints.iter().rposition(|constraint| constraint.name == name) else {
            // The server's own name of a `NOT NULL` (PostgreSQL 18).
            let own = |column: &&mut crate::schema::TableColumn| {
                name == format!("{}_{}_not_null", table.name, column.name)
            };
            match known.columns.iter_mut().find(own) {
                Some(column) => column.not_null = false,
                // One that is known here may have that name there.
                None => known.all_constraints = false,
            }
            return;
        };
        let constraint = known.constraints.remove(place);
        if let ConstraintKind::NotNull { column } = &constraint.kind
            && let Some(column) = known.columns.iter_mut().find(|known| known.name == *column)
        {
            column.not_null = false;
        }
        self.names.free(table, name);
        let index = beside(table, name);
        if self.indexes.get(&index).is_some_and(|index| index.constraint.as_deref() == Some(name)) {
            self.take_index(&index);
        }
    }
}

fn key_column(key: &Key) -> Option<String> {
    match key {
        Key::Column(name) => Some(name.clone()),
        Key::Expr(_) => None,
    }
}
