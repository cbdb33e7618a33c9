//! `ALTER TABLE` and its kind: the strongest lock of all its actions (`AlterTableGetLockLevel`), and
//! what each does to rows and to other tables.

use super::builder::Builder;
use super::defaults::{Rewrites, of_new_column};
use super::types::{Change, Typed, change, compares_alike};
use super::{Mode, proof};
use crate::ast::{
    Action, ActionKind, Column, Constraint, ConstraintKind, Expr, ForeignKey, Key, ObjectKind, Partition,
    Type,
};
use crate::schema::{Index, Table, TableKind};
use crate::statement::Relation;

impl Builder<'_> {
    pub(super) fn alter(&mut self, kind: ObjectKind, table: &Relation, only: bool, actions: &[Action]) {
        if kind == ObjectKind::Index || self.place.schema.index(table).is_some() {
            self.alter_index(table, actions);
            return;
        }
        let mode = actions.iter().map(|action| mode(&action.kind)).max().unwrap_or(Mode::AccessExclusive);
        self.lock(table, mode);
        if !only && actions.iter().any(|action| self.is_inherited(table, &action.kind)) {
            self.lock_family(table, mode);
        }
        for action in actions {
            match &action.kind {
                ActionKind::SetNotNull { column } if only => self.set_one_not_null(table, column),
                kind => self.action(table, kind),
            }
        }
    }

    fn alter_index(&mut self, index: &Relation, actions: &[Action]) {
        let mode = actions.iter().map(|action| match &action.kind {
            ActionKind::SetOptions(options) => options_mode(options.iter().map(|(name, _)| name)),
            ActionKind::ResetOptions(options) => options_mode(options.iter()),
            ActionKind::SetStatistics | ActionKind::Attach(_) => Mode::ShareUpdateExclusive,
            _ => Mode::AccessExclusive,
        });
        self.lock(index, mode.max().unwrap_or(Mode::AccessExclusive));
        for action in actions {
            if let ActionKind::Attach(partition) = &action.kind {
                self.lock(&partition.table, Mode::AccessExclusive);
                for index in [index, &partition.table] {
                    if let Some(known) = self.place.schema.index(index) {
                        self.lock(&known.table, Mode::AccessShare);
                    }
                }
            }
        }
    }

    /// Whether partitions and children are locked as the table is.
    fn is_inherited(&self, table: &Relation, action: &ActionKind) -> bool {
        match action {
            ActionKind::AddColumn { .. }
            | ActionKind::DropColumn { .. }
            | ActionKind::AlterType { .. }
            | ActionKind::SetDefault { .. }
            | ActionKind::DropDefault { .. }
            | ActionKind::SetNotNull { .. }
            | ActionKind::DropNotNull { .. }
            | ActionKind::DropExpression { .. }
            | ActionKind::SetExpression { .. }
            | ActionKind::SetStatistics
            | ActionKind::SetStorage
            | ActionKind::AlterConstraint { .. }
            | ActionKind::DropConstraint { .. } => true,
            ActionKind::ValidateConstraint { name } => {
                self.constraint(table, name).is_none_or(|known| !known.valid)
            }
            ActionKind::EnableTrigger(_) | ActionKind::DisableTrigger(_) => self.place.version >= 15,
            ActionKind::AddIdentity { .. }
            | ActionKind::SetIdentity { .. }
            | ActionKind::DropIdentity { .. } => self.place.version >= 17,
            // From 18 on the server locks them before it looks what the constraint is.
            ActionKind::AddConstraint(constraint) => {
                self.place.version >= 18
                    || matches!(constraint.kind, ConstraintKind::Check(_) | ConstraintKind::NotNull { .. })
            }
            _ => false,
        }
    }

    fn action(&mut self, table: &Relation, action: &ActionKind) {
        match action {
            ActionKind::AddColumn { column, if_not_exists } => {
                if *if_not_exists && self.place.schema.column(table, &column.name).is_some() {
                    return;
                }
                self.add_column(table, column);
            }
            ActionKind::DropColumn { name, cascade, .. } => self.drop_column(table, name, *cascade),
            ActionKind::AlterType { column, to, collation, using } => {
                self.alter_type(table, column, to, collation.as_deref(), using.as_ref());
            }
            ActionKind::SetNotNull { column } => self.set_not_null(table, column),
            ActionKind::SetExpression { column } => self.set_expression(table, column),
            ActionKind::AddConstraint(constraint) => self.add_constraint(table, constraint),
            ActionKind::AlterConstraint { name, enforced: Some(enforced) } => {
                self.enforce(table, name, *enforced);
            }
            ActionKind::ValidateConstraint { name } => self.validate(table, name),
            ActionKind::DropConstraint { name, cascade, .. } => self.drop_constraint(table, name, *cascade),
            ActionKind::SetLogged | ActionKind::SetUnlogged => self.set_logged(table, action),
            ActionKind::SetTablespace => self.maybe_rewrite(table),
            ActionKind::SetAccessMethod => self.set_access_method(table),
            ActionKind::Attach(partition) => self.attach(table, partition),
            ActionKind::Detach { partition, concurrently, finalize } => {
                let strong = self.place.version >= 14;
                let mode = if strong { Mode::AccessExclusive } else { Mode::ShareUpdateExclusive };
                self.lock(partition, mode);
                if !concurrently && !finalize {
                    self.lock_default(table);
                }
                for key in self.table(table).into_iter().flat_map(foreign_keys) {
                    self.lock_referenced(key);
                }
            }
            ActionKind::Inherit(parent) => self.lock(parent, Mode::ShareUpdateExclusive),
            ActionKind::NoInherit(parent) => self.lock(parent, Mode::AccessShare),
            _ => {}
        }
    }

    fn add_column(&mut self, table: &Relation, column: &Column) {
        match of_new_column(self.place, column) {
            Rewrites::Yes => self.rewrite(table),
            Rewrites::Perhaps => self.maybe_rewrite(table),
            Rewrites::No => {}
        }
        let empty = column.default.as_ref().is_none_or(|default| *default.bare() == Expr::Null);
        let filled = !empty || column.identity.is_some() || column.of.name.contains("serial");
        if column.not_null && !filled && column.generated.is_none() {
            self.scan(table);
        }
        for constraint in &column.constraints {
            match &constraint.kind {
                // Nobody points anywhere yet.
                ConstraintKind::Foreign(key) if !filled => self.foreign_key(table, key, false),
                _ => self.add_constraint(table, constraint),
            }
        }
    }

    fn drop_column(&mut self, table: &Relation, column: &str, cascade: bool) {
        let schema = self.place.schema;
        let keys = self.table(table).into_iter().flat_map(foreign_keys);
        for key in keys.filter(|key| key.columns.iter().any(|own| own == column)) {
            self.lock(&key.table, Mode::AccessExclusive);
        }
        if !cascade {
            return;
        }
        for (other, key) in schema.foreign_keys_to(table) {
            if key.referenced.iter().any(|own| own == column) {
                self.lock(&other.name, Mode::AccessExclusive);
            }
        }
        for view in schema.views_of(table) {
            if view.reads_columns.iter().any(|read| read == column || read == "*") {
                self.drop_table(&view.name, true);
            }
        }
    }

    /// What hangs on the column is made again: indexes that don't fit any more, checks (for which the
    /// rows are read), foreign keys.
    fn alter_type(
        &mut self,
        table: &Relation,
        column: &str,
        to: &Type,
        collation: Option<&str>,
        using: Option<&Expr>,
    ) {
        let known = self.place.schema.column(table, column);
        let from = Typed {
            of: known.and_then(|known| known.of.as_ref()),
            collation: known.and_then(|known| known.collation.as_deref()),
        };
        let cost = change(self.place, column, from, Typed { of: Some(to), collation }, using);
        match cost {
            // It is nowhere.
            _ if known.is_some_and(|known| known.generated_virtual) => {}
            Change::Rewrite => self.rewrite(table),
            Change::Unknown => self.maybe_rewrite(table),
            Change::Nothing | Change::IndexRebuild => {}
        }
        let schema = self.place.schema;
        for index in schema.indexes_of(table).filter(|index| speaks_of(index, column)) {
            let assessed = !index.partial && index.keys.iter().all(|key| matches!(key, Key::Column(_)));
            let in_key = index.keys.iter().any(|key| matches!(key, Key::Column(name) if name == column));
            if !assessed || in_key && cost == Change::IndexRebuild {
                self.build_index(table);
            }
        }
        if self.table(table).is_some_and(|table| has_check_on(table, column)) {
            self.scan(table);
        }
        let again = from.of.is_none_or(|from| !compares_alike(from, to));
        self.keys_again(table, column, again);
    }

    /// Foreign keys of a column are dropped and made again, and proven again where they compare in
    /// another way.
    fn keys_again(&mut self, table: &Relation, column: &str, prove: bool) {
        let own = self.table(table).into_iter().flat_map(foreign_keys);
        let own = own.filter(|key| key.columns.iter().any(|own| own == column)).map(|key| &key.table);
        let to = self.place.schema.foreign_keys_to(table).into_iter();
        let to = to.filter(|(_, key)| key.referenced.iter().any(|own| own == column));
        for other in own.chain(to.map(|(other, _)| &other.name)) {
            self.lock(other, Mode::AccessExclusive);
            if prove {
                self.scan(table);
                self.scan(other);
            }
        }
    }

    fn set_not_null(&mut self, table: &Relation, column: &str) {
        let schema = self.place.schema;
        for part in schema.family(&schema.resolve(table)) {
            self.set_one_not_null(&part, column);
        }
    }

    fn set_one_not_null(&mut self, table: &Relation, column: &str) {
        if !self.table(table).is_some_and(|table| proof::is_not_null(table, column)) {
            self.scan_one(table);
        }
    }

    /// Stored values are computed anew; virtual ones (PostgreSQL 18) are nowhere.
    fn set_expression(&mut self, table: &Relation, column: &str) {
        let known = self.place.schema.column(table, column);
        if known.is_some_and(|known| known.generated_virtual) {
            return;
        }
        if self.place.version >= 18 && known.is_none_or(|known| known.generated.is_none()) {
            self.maybe_rewrite(table);
        } else {
            self.rewrite(table);
        }
    }

    pub(super) fn add_constraint(&mut self, table: &Relation, constraint: &Constraint) {
        let looks = !constraint.not_valid && !constraint.not_enforced;
        match &constraint.kind {
            ConstraintKind::Check(_) if looks => self.scan(table),
            ConstraintKind::NotNull { column } if looks && constraint.no_inherit => {
                self.set_one_not_null(table, column);
            }
            ConstraintKind::NotNull { column } if looks => self.set_not_null(table, column),
            ConstraintKind::Check(_)
            | ConstraintKind::NotNull { .. }
            | ConstraintKind::Unique { using_index: Some(_), .. } => {}
            ConstraintKind::Primary { using_index: Some(index), columns } => {
                for column in self.index_columns(table, index).unwrap_or_else(|| columns.clone()) {
                    self.set_not_null(table, &column);
                }
            }
            ConstraintKind::Primary { .. } | ConstraintKind::Unique { .. } | ConstraintKind::Exclude => {
                let schema = self.place.schema;
                if let ConstraintKind::Primary { columns, .. } = &constraint.kind {
                    self.primary_not_null(table, columns);
                }
                for part in schema.partition_family(&schema.resolve(table)) {
                    self.lock(&part, Mode::Share);
                    self.build_one_index(&part);
                }
            }
            ConstraintKind::Foreign(key) => self.foreign_key(table, key, looks),
        }
    }

    /// A primary key says `NOT NULL` on the way, in each partition and child, of columns that are not so
    /// yet.
    fn primary_not_null(&mut self, table: &Relation, columns: &[String]) {
        let is =
            |column: &String| self.place.schema.column(table, column).is_some_and(|known| known.not_null);
        for column in columns.iter().filter(|column| !is(column)) {
            self.lock_family(table, Mode::AccessExclusive);
            self.set_not_null(table, column);
        }
    }

    /// A foreign key's triggers go, or come and then its rows are looked at; one that is so already stays
    /// as it is.
    fn enforce(&mut self, table: &Relation, name: &str, enforced: bool) {
        let Some(known) = self.constraint(table, name).filter(|known| known.enforced != enforced) else {
            return;
        };
        let ConstraintKind::Foreign(key) = &known.kind else { return };
        if enforced {
            self.foreign_key(table, key, true);
        } else {
            self.lock(&key.table, Mode::AccessExclusive);
        }
    }

    fn index_columns(&self, table: &Relation, index: &str) -> Option<Vec<String>> {
        let schema = self.place.schema;
        let name = Relation { schema: schema.resolve(table).schema, name: index.to_owned() };
        let keys = &schema.index(&name)?.keys;
        Some(
            keys.iter()
                .filter_map(|key| match key {
                    Key::Column(name) => Some(name.clone()),
                    Key::Expr(_) => None,
                })
                .collect(),
        )
    }

    /// Both tables are locked, and with `looks` both are read.
    fn foreign_key(&mut self, table: &Relation, key: &ForeignKey, looks: bool) {
        let schema = self.place.schema;
        self.lock_referenced(key);
        let parts = schema.partition_family(&schema.resolve(table));
        self.lock_all(&parts, Mode::ShareRowExclusive);
        if looks {
            for part in &parts {
                self.scan_one(part);
            }
            self.scan(&key.table);
        }
    }

    fn validate(&mut self, table: &Relation, name: &str) {
        let known = self.constraint(table, name);
        if known.is_some_and(|known| known.valid) {
            return;
        }
        self.scan(table);
        if let Some(ConstraintKind::Foreign(key)) = known.map(|known| &known.kind) {
            self.lock(&key.table, Mode::RowShare);
            self.scan(&key.table);
        }
    }

    fn drop_constraint(&mut self, table: &Relation, name: &str, cascade: bool) {
        let schema = self.place.schema;
        let Some(known) = self.table(table) else { return };
        match known.constraints.iter().rfind(|known| known.name == name).map(|known| &known.kind) {
            Some(ConstraintKind::Foreign(key)) => self.lock(&key.table, Mode::AccessExclusive),
            Some(ConstraintKind::Primary { columns, .. } | ConstraintKind::Unique { columns, .. })
                if cascade =>
            {
                for (other, key) in schema.foreign_keys_to(table) {
                    if key.referenced.is_empty() || key.referenced == *columns {
                        self.lock(&other.name, Mode::AccessExclusive);
                    }
                }
            }
            _ => {}
        }
    }

    /// One that is so already stays as it is.
    fn set_logged(&mut self, table: &Relation, action: &ActionKind) {
        let wanted = *action == ActionKind::SetUnlogged;
        let known = self.table(table).filter(|known| known.all_columns);
        // What says so of a partitioned table is kept nowhere, and not said to its partitions.
        let parted = known.is_some_and(|known| known.kind == TableKind::Partitioned);
        if !parted && known.is_none_or(|known| known.unlogged != wanted) {
            self.rewrite(table);
        }
    }

    /// The partitions of a partitioned table stay as they are.
    fn set_access_method(&mut self, table: &Relation) {
        if self.table(table).is_none_or(|known| known.kind != TableKind::Partitioned) {
            self.maybe_rewrite(table);
        }
    }

    /// The partition is read through, unless a check proves that its rows belong there.
    fn attach(&mut self, parent: &Relation, partition: &Partition) {
        let schema = self.place.schema;
        let parts = schema.family(&schema.resolve(&partition.table));
        self.lock_all(&parts, Mode::AccessExclusive);
        let key = self.table(parent).map(|parent| parent.partition_key.as_slice()).unwrap_or_default();
        let proven = |part: &Table| {
            let bound = partition.strategy != "hash" && !partition.default;
            let not_null = key.iter().all(|column| proof::is_not_null(part, column));
            bound && not_null && proof::speaks_of_bounds(part, key, &partition.bounds)
        };
        let alone =
            self.table(parent).is_some_and(|_| partition.default && schema.partitions_of(parent).is_empty());
        if !alone && !self.table(&partition.table).is_some_and(proven) {
            self.scan(&partition.table);
        }
        self.new_partition(parent, partition);
        self.missing_keys(parent, &partition.table);
        self.missing_indexes(parent, &partition.table);
    }

    /// Foreign keys that the parent has and the new partition has not are proven.
    fn missing_keys(&mut self, parent: &Relation, partition: &Relation) {
        let own = self.table(partition);
        for key in self.table(parent).into_iter().flat_map(foreign_keys) {
            if !own.into_iter().flat_map(foreign_keys).any(|own| own == key) {
                self.scan(partition);
                self.scan(&key.table);
            }
        }
    }

    /// Indexes that the parent has and the new partition has not are built.
    fn missing_indexes(&mut self, parent: &Relation, partition: &Relation) {
        let schema = self.place.schema;
        let missing = schema.indexes_of(parent).any(|wanted| {
            let same = |own: &Index| own.keys == wanted.keys && (own.unique || !wanted.unique);
            !schema.indexes_of(partition).any(same)
        });
        if missing {
            self.build_index(partition);
        }
    }
}

fn mode(action: &ActionKind) -> Mode {
    match action {
        ActionKind::SetStatistics
        | ActionKind::ColumnOptions
        | ActionKind::ClusterOn
        | ActionKind::ValidateConstraint { .. }
        | ActionKind::Attach(_)
        | ActionKind::Detach { concurrently: true, .. }
        | ActionKind::Detach { finalize: true, .. } => Mode::ShareUpdateExclusive,
        ActionKind::SetOptions(options) => options_mode(options.iter().map(|(name, _)| name)),
        ActionKind::ResetOptions(options) => options_mode(options.iter()),
        ActionKind::EnableTrigger(_) | ActionKind::DisableTrigger(_) => Mode::ShareRowExclusive,
        ActionKind::AddConstraint(constraint) if matches!(constraint.kind, ConstraintKind::Foreign(_)) => {
            Mode::ShareRowExclusive
        }
        _ => Mode::AccessExclusive,
    }
}

/// Options that say only how a relation is kept (`AlterTableGetRelOptionsLockLevel`).
fn options_mode<'n>(names: impl Iterator<Item = &'n String>) -> Mode {
    const MILD: &[&str] = &[
        "deduplicate_items",
        "fillfactor",
        "log_autovacuum_min_duration",
        "n_distinct",
        "n_distinct_inherited",
        "parallel_workers",
        "toast_tuple_target",
        "vacuum_index_cleanup",
        "vacuum_max_eager_freeze_failure_rate",
        "vacuum_truncate",
    ];
    let mild = |name: &String| {
        let name = name.strip_prefix("toast.").unwrap_or(name);
        MILD.contains(&name) || name.starts_with("autovacuum_")
    };
    let mut names = names;
    if names.all(mild) { Mode::ShareUpdateExclusive } else { Mode::AccessExclusive }
}

fn foreign_keys(table: &Table) -> impl Iterator<Item = &ForeignKey> {
    table.constraints.iter().filter_map(|constraint| match &constraint.kind {
        ConstraintKind::Foreign(key) => Some(key),
        _ => None,
    })
}

fn speaks_of(index: &Index, column: &str) -> bool {
    index.keys.iter().any(|key| match key {
        Key::Column(name) => name == column,
        Key::Expr(expr) => expr.columns().contains(&column),
    })
}

fn has_check_on(table: &Table, column: &str) -> bool {
    table.kind != TableKind::View
        && table.constraints.iter().filter(|constraint| constraint.valid).any(
            |constraint| matches!(&constraint.kind, ConstraintKind::Check(expr) if expr.columns().contains(&column)),
        )
}
