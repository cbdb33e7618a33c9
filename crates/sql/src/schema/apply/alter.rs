//! `ALTER TABLE` and its kind.

use super::{ActionKind, Born, ConstraintKind, Relation, Schema, TableKind, tables};
use crate::ast::{Action, Column, Constraint, Expr, ObjectKind, Partition};
use crate::schema::links::Link;
use crate::schema::{Table, TableColumn};

impl Schema {
    pub(super) fn alter_table(
        &mut self,
        kind: ObjectKind,
        table: &Relation,
        if_exists: bool,
        only: bool,
        actions: &[Action],
        born: Born,
    ) {
        let name = self.resolve(table);
        if kind == ObjectKind::Index || self.indexes.contains_key(&name) {
            self.alter_index(&name, actions);
            return;
        }
        let gone = self.knows_all || self.dropped.contains_key(&name);
        let absent = !self.tables.contains_key(&name);
        if kind == ObjectKind::Sequence || self.sequences.contains_key(&name) || absent && if_exists && gone {
            return;
        }
        self.table_or_unknown(&name);
        for action in actions {
            let targets =
                if only || !inherited(&action.kind) { vec![name.clone()] } else { self.family(&name) };
            for target in targets {
                self.change_column(&target, &action.kind, born);
            }
            self.change_table(&name, only, &action.kind, born);
        }
    }

    /// `ALTER INDEX parent ATTACH PARTITION child`: the parent can be used once every partition has one.
    fn alter_index(&mut self, name: &Relation, actions: &[Action]) {
        let attaches = actions.iter().any(|action| matches!(action.kind, ActionKind::Attach(_)));
        let Some(index) = self.indexes.get(name).filter(|_| attaches) else { return };
        let parts = self.partitions_of(&index.table);
        let has = |part: &&Table| self.indexes_of(&part.name).any(|own| own.keys == index.keys);
        let valid = index.valid || parts.iter().all(has);
        if let Some(index) = self.indexes.get_mut(name) {
            index.valid = valid;
        }
    }

    /// A column of one table; one of which nothing was known so far is from before the scripts.
    pub(super) fn column_or_unknown(&mut self, table: &Relation, column: &str) -> &mut TableColumn {
        let columns = &mut self.table_or_unknown(table).columns;
        let place = columns.iter().position(|known| known.name == column).unwrap_or_else(|| {
            // A table that is full already can't have another one: what is said is of no use.
            if columns.len() >= super::MOST_COLUMNS {
                columns.pop();
            }
            columns.push(TableColumn { name: column.to_owned(), ..TableColumn::default() });
            columns.len() - 1
        });
        &mut columns[place]
    }

    /// What is done to a column of one table.
    fn change_column(&mut self, table: &Relation, action: &ActionKind, born: Born) {
        match action {
            ActionKind::AddColumn { column, if_not_exists } => {
                let there = self.tables.get_mut(table).filter(|known| {
                    !if_not_exists && known.columns.iter().any(|own| own.name == column.name)
                });
                // What the files tell contradicts itself.
                if let Some(known) = there {
                    known.all_constraints = false;
                }
                self.add_column(table, column, born);
            }
            ActionKind::DropColumn { name, cascade, .. } => self.drop_column(table, name, *cascade, born),
            ActionKind::AlterType { column, to, collation, .. } => {
                let of = tables::serial(to).map_or_else(
                    || to.clone(),
                    |name| crate::ast::Type { name: name.to_owned(), ..Default::default() },
                );
                let name = self.type_name(&of);
                self.links.add(Link::Type, table, name);
                let column = self.column_or_unknown(table, column);
                column.of = Some(of);
                column.collation.clone_from(collation);
            }
            ActionKind::SetDefault { column, value } => {
                self.column_or_unknown(table, column).default = Some(value.clone());
            }
            ActionKind::DropDefault { column } => self.column_or_unknown(table, column).default = None,
            ActionKind::SetNotNull { column } => self.column_or_unknown(table, column).not_null = true,
            ActionKind::DropNotNull { column } => {
                self.column_or_unknown(table, column).not_null = false;
                self.drop_not_null(table, column);
            }
            ActionKind::DropExpression { column } => self.column_or_unknown(table, column).generated = None,
            ActionKind::SetExpression { column } => {
                self.column_or_unknown(table, column).generated = Some(Expr::Other(Vec::new()));
            }
            _ => {}
        }
    }

    /// The constraint of the same meaning goes with it (PostgreSQL 18).
    fn drop_not_null(&mut self, table: &Relation, column: &str) {
        let Some(known) = self.tables.get(table) else { return };
        let mut same = known
            .constraints
            .iter()
            .filter(|one| matches!(&one.kind, ConstraintKind::NotNull { column: of } if of == column));
        if let Some(name) = same.next().map(|one| one.name.clone()) {
            self.drop_constraint(table, &name);
        }
    }

    fn add_column(&mut self, table: &Relation, column: &Column, born: Born) {
        let known = tables::table_column(column, Some(born));
        if let Some(of) = known.of.as_ref().filter(|of| !crate::locks::types::is_own(&of.name)) {
            let of = self.type_name(of);
            self.links.add(Link::Type, table, of);
        }
        let columns = &mut self.table_or_unknown(table).columns;
        if columns.len() < super::MOST_COLUMNS && !columns.iter().any(|own| own.name == column.name) {
            columns.push(known);
        }
    }

    /// What is done to a table, or to it and its partitions in another way than to each.
    fn change_table(&mut self, table: &Relation, only: bool, action: &ActionKind, born: Born) {
        match action {
            ActionKind::AddColumn { column, .. } => {
                self.own_sequence(table, column, Some(born));
                for constraint in &column.constraints {
                    self.add_to_family(table, only, constraint, Some(&column.name), born);
                }
            }
            ActionKind::AddConstraint(constraint) => self.add_to_family(table, only, constraint, None, born),
            ActionKind::AlterConstraint { name, enforced: Some(enforced) } => {
                let mut constraints = self.table_or_unknown(table).constraints.iter_mut();
                if let Some(known) = constraints.rfind(|known| known.name == *name) {
                    (known.valid, known.enforced) = (*enforced, *enforced);
                }
            }
            ActionKind::ValidateConstraint { name } => self.validate(table, only, name),
            ActionKind::DropConstraint { name, .. } => self.drop_from_family(table, only, name),
            ActionKind::AddIdentity { column } => {
                let known = self.column_or_unknown(table, column);
                (known.sequence, known.not_null) = (true, true);
                let of = known.of.clone().unwrap_or_default();
                let identity = Some(crate::ast::Identity::Always);
                let column = Column { name: column.clone(), of, identity, ..Column::default() };
                self.own_sequence(table, &column, Some(born));
            }
            ActionKind::DropIdentity { column } => {
                self.column_or_unknown(table, column).sequence = false;
                self.drop_sequences(table, Some(column), born);
            }
            ActionKind::Attach(partition) => self.attach(table, partition, born),
            ActionKind::Detach { partition, .. } => {
                let partition = self.table_or_unknown(partition);
                partition.partition_of = None;
                partition.default_partition = false;
                partition.bounds = None;
            }
            ActionKind::Inherit(parent) => {
                let parent = self.resolve(parent);
                self.links.add(Link::Child, table, parent.clone());
                self.table_or_unknown(table).inherits.push(parent);
            }
            ActionKind::NoInherit(parent) => {
                let parent = self.resolve(parent);
                self.table_or_unknown(table).inherits.retain(|known| *known != parent);
            }
            _ => self.switch(table, action),
        }
    }

    /// Properties that are on or off.
    fn switch(&mut self, table: &Relation, action: &ActionKind) {
        let table = self.table_or_unknown(table);
        match action {
            ActionKind::SetLogged => table.unlogged = false,
            ActionKind::SetUnlogged => table.unlogged = true,
            ActionKind::EnableRls => table.rls = true,
            ActionKind::DisableRls => table.rls = false,
            ActionKind::ReplicaIdentity(identity) => table.replica_identity = Some(identity.clone()),
            _ => {}
        }
    }

    fn attach(&mut self, parent: &Relation, partition: &Partition, born: Born) {
        let name = self.resolve(&partition.table);
        let all = self.knows_constraints(parent);
        let known = self.table_or_unknown(&name);
        known.all_constraints &= all;
        known.partition_of = Some(parent.clone());
        known.default_partition = partition.default;
        known.bounds = Some(partition.clone());
        self.links.add(Link::Child, &name, parent.clone());
        self.table_or_unknown(parent).kind = TableKind::Partitioned;
        self.clone_from_parent(parent, &name, born);
    }

    /// A check goes to children too; keys only to partitions, where those of an index get own names.
    fn add_to_family(
        &mut self,
        table: &Relation,
        only: bool,
        constraint: &Constraint,
        column: Option<&str>,
        born: Born,
    ) {
        let check = matches!(constraint.kind, ConstraintKind::Check(_) | ConstraintKind::NotNull { .. });
        let targets = match (only, check) {
            (true, _) => vec![table.clone()],
            (false, true) => self.family(table),
            (false, false) => self.partition_family(table),
        };
        let mut constraint = constraint.clone();
        for target in targets {
            let keyed = !check && !matches!(constraint.kind, ConstraintKind::Foreign(_));
            if target != *table && keyed {
                constraint.name = None;
            }
            self.add_constraint(&target, &constraint, column, Some(born));
            let added = self.tables.get(&target).and_then(|target| target.constraints.last());
            constraint.name = constraint.name.or_else(|| added.map(|added| added.name.clone()));
        }
    }

    fn validate(&mut self, table: &Relation, only: bool, name: &str) {
        let targets = if only { vec![table.clone()] } else { self.family(table) };
        for target in targets {
            let Some(known) = self.tables.get_mut(&target) else { continue };
            let Some(constraint) = known.constraints.iter_mut().rfind(|one| one.name == name) else {
                continue;
            };
            constraint.valid = true;
            if let ConstraintKind::NotNull { column } = &constraint.kind {
                let column = vec![column.clone()];
                self.set_not_null(&target, &column);
            }
        }
    }

    fn drop_from_family(&mut self, table: &Relation, only: bool, name: &str) {
        let known = self.tables.get(table).into_iter().flat_map(|table| &table.constraints);
        let index = known.clone().find(|one| one.name == name).and_then(|one| match &one.kind {
            ConstraintKind::Primary { columns, .. } | ConstraintKind::Unique { columns, .. } => {
                Some(columns.clone())
            }
            _ => None,
        });
        let targets = if only { vec![table.clone()] } else { self.family(table) };
        for target in targets {
            let own = index.as_ref().filter(|_| target != *table).and_then(|columns| {
                // Those of partitions have names of their own.
                self.tables.get(&target)?.constraints.iter().find_map(|one| match &one.kind {
                    ConstraintKind::Primary { columns: own, .. }
                    | ConstraintKind::Unique { columns: own, .. } => {
                        (own == columns).then(|| one.name.clone())
                    }
                    _ => None,
                })
            });
            self.drop_constraint(&target, own.as_deref().unwrap_or(name));
        }
    }
}

/// Whether it is done to partitions and children as well.
fn inherited(action: &ActionKind) -> bool {
    matches!(
        action,
        ActionKind::AddColumn { .. }
            | ActionKind::DropColumn { .. }
            | ActionKind::AlterType { .. }
            | ActionKind::SetDefault { .. }
            | ActionKind::DropDefault { .. }
            | ActionKind::SetNotNull { .. }
            | ActionKind::DropNotNull { .. }
            | ActionKind::DropExpression { .. }
            | ActionKind::SetExpression { .. }
    )
}
