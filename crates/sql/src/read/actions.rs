//! What `ALTER TABLE` and its relatives do.

use pg_query::Node as Wrapped;
use pg_query::protobuf::node::Node;
use pg_query::protobuf::{
    AlterTableCmd, AlterTableType as At, ColumnDef, PartitionCmd, RangeVar, ReplicaIdentityStmt,
};

use crate::ast::{Action, ActionKind, Partition, ReplicaIdentity, TriggerChoice};
use crate::statement::Relation;

use super::{columns, expr, names, place, tables, types};

/// All actions, each with its place.
pub(super) fn all(commands: &[Wrapped], relation: Option<&RangeVar>, text: &str) -> Vec<Action> {
    let places = place::actions(text, relation.map_or(-1, |relation| relation.location));
    names::inner(commands)
        .filter_map(|node| match node {
            Node::AlterTableCmd(command) => Some(kind(command)),
            _ => None,
        })
        .enumerate()
        .map(|(index, kind)| Action { at: places.get(index).copied().unwrap_or_default(), kind })
        .collect()
}

fn kind(command: &AlterTableCmd) -> ActionKind {
    of_column(command)
        .or_else(|| of_constraint(command))
        .or_else(|| of_storage(command))
        .or_else(|| of_trigger(command))
        .or_else(|| of_rows(command))
        .or_else(|| of_family(command))
        .unwrap_or(ActionKind::Other)
}

fn of_column(command: &AlterTableCmd) -> Option<ActionKind> {
    let column = command.name.clone();
    Some(match command.subtype() {
        At::AtAddColumn | At::AtAddColumnToView => ActionKind::AddColumn {
            column: Box::new(columns::column(definition(command)?)),
            if_not_exists: command.missing_ok,
        },
        At::AtDropColumn => ActionKind::DropColumn {
            name: column,
            if_exists: command.missing_ok,
            cascade: names::cascades(command.behavior),
        },
        At::AtAlterColumnType => retyped(command, definition(command)?),
        At::AtColumnDefault => match expr::optional(command.def.as_deref()) {
            Some(value) => ActionKind::SetDefault { column, value },
            None => ActionKind::DropDefault { column },
        },
        At::AtSetNotNull => ActionKind::SetNotNull { column },
        At::AtDropNotNull => ActionKind::DropNotNull { column },
        At::AtSetExpression => ActionKind::SetExpression { column },
        At::AtDropExpression => ActionKind::DropExpression { column },
        At::AtAddIdentity => ActionKind::AddIdentity { column },
        At::AtSetIdentity => ActionKind::SetIdentity { column, restart: restarts(command) },
        At::AtDropIdentity => ActionKind::DropIdentity { column },
        At::AtSetStatistics => ActionKind::SetStatistics,
        At::AtSetStorage => ActionKind::SetStorage,
        At::AtSetCompression => ActionKind::SetCompression,
        At::AtSetOptions | At::AtResetOptions => ActionKind::ColumnOptions,
        _ => return None,
    })
}

fn definition(command: &AlterTableCmd) -> Option<&ColumnDef> {
    match names::node(command.def.as_deref()) {
        Some(Node::ColumnDef(definition)) => Some(definition),
        _ => None,
    }
}

fn retyped(command: &AlterTableCmd, definition: &ColumnDef) -> ActionKind {
    ActionKind::AlterType {
        column: command.name.clone(),
        to: types::of(definition.type_name.as_ref()),
        collation: columns::collation(definition),
        using: expr::optional(definition.raw_default.as_deref()),
    }
}

fn restarts(command: &AlterTableCmd) -> bool {
    names::option(list(command), "restart").is_some()
}

/// The list that a command has.
fn list(command: &AlterTableCmd) -> &[Wrapped] {
    match names::node(command.def.as_deref()) {
        Some(Node::List(list)) => &list.items,
        _ => &[],
    }
}

fn of_constraint(command: &AlterTableCmd) -> Option<ActionKind> {
    let name = command.name.clone();
    let constraint = match names::node(command.def.as_deref()) {
        Some(Node::Constraint(constraint)) => Some(constraint),
        _ => None,
    };
    Some(match command.subtype() {
        At::AtAddConstraint => ActionKind::AddConstraint(Box::new(columns::constraint(constraint?)?)),
        At::AtAlterConstraint => changed_constraint(command)?,
        At::AtValidateConstraint => ActionKind::ValidateConstraint { name },
        At::AtDropConstraint => ActionKind::DropConstraint {
            name,
            if_exists: command.missing_ok,
            cascade: names::cascades(command.behavior),
        },
        _ => return None,
    })
}

fn changed_constraint(command: &AlterTableCmd) -> Option<ActionKind> {
    match names::node(command.def.as_deref()) {
        Some(Node::AtalterConstraint(constraint)) => Some(ActionKind::AlterConstraint {
            name: constraint.conname.clone(),
            enforced: constraint.alter_enforceability.then_some(constraint.is_enforced),
        }),
        _ => None,
    }
}

fn of_storage(command: &AlterTableCmd) -> Option<ActionKind> {
    Some(match command.subtype() {
        At::AtSetLogged => ActionKind::SetLogged,
        At::AtSetUnLogged => ActionKind::SetUnlogged,
        At::AtSetTableSpace => ActionKind::SetTablespace,
        At::AtSetAccessMethod => ActionKind::SetAccessMethod,
        At::AtClusterOn | At::AtDropCluster => ActionKind::ClusterOn,
        At::AtSetRelOptions => ActionKind::SetOptions(names::pairs(list(command))),
        At::AtResetRelOptions => ActionKind::ResetOptions(names::option_names(list(command))),
        _ => return None,
    })
}

fn of_trigger(command: &AlterTableCmd) -> Option<ActionKind> {
    let named = || TriggerChoice::Named(command.name.clone());
    Some(match command.subtype() {
        At::AtEnableTrig | At::AtEnableAlwaysTrig | At::AtEnableReplicaTrig => {
            ActionKind::EnableTrigger(named())
        }
        At::AtEnableTrigAll => ActionKind::EnableTrigger(TriggerChoice::All),
        At::AtEnableTrigUser => ActionKind::EnableTrigger(TriggerChoice::User),
        At::AtDisableTrig => ActionKind::DisableTrigger(named()),
        At::AtDisableTrigAll => ActionKind::DisableTrigger(TriggerChoice::All),
        At::AtDisableTrigUser => ActionKind::DisableTrigger(TriggerChoice::User),
        At::AtEnableRule | At::AtEnableAlwaysRule | At::AtEnableReplicaRule | At::AtDisableRule => {
            ActionKind::SwitchRule
        }
        _ => return None,
    })
}

fn of_rows(command: &AlterTableCmd) -> Option<ActionKind> {
    Some(match command.subtype() {
        At::AtEnableRowSecurity => ActionKind::EnableRls,
        At::AtDisableRowSecurity => ActionKind::DisableRls,
        At::AtForceRowSecurity => ActionKind::ForceRls { force: true },
        At::AtNoForceRowSecurity => ActionKind::ForceRls { force: false },
        At::AtReplicaIdentity => ActionKind::ReplicaIdentity(replica_identity(command)?),
        At::AtChangeOwner => ActionKind::Owner { role: names::role(command.newowner.as_ref()) },
        _ => return None,
    })
}

fn replica_identity(command: &AlterTableCmd) -> Option<ReplicaIdentity> {
    let Some(Node::ReplicaIdentityStmt(identity)) = names::node(command.def.as_deref()) else { return None };
    let ReplicaIdentityStmt { identity_type, name } = identity;
    Some(match identity_type.as_str() {
        "f" => ReplicaIdentity::Full,
        "n" => ReplicaIdentity::Nothing,
        "i" => ReplicaIdentity::Index(name.clone()),
        _ => ReplicaIdentity::Default,
    })
}

fn of_family(command: &AlterTableCmd) -> Option<ActionKind> {
    Some(match command.subtype() {
        At::AtAttachPartition => ActionKind::Attach(attached(partition(command)?)),
        At::AtDetachPartition => {
            let partition = partition(command)?;
            detached(partition, partition.concurrent, false)
        }
        At::AtDetachPartitionFinalize => detached(partition(command)?, false, true),
        At::AtAddInherit => ActionKind::Inherit(parent(command)),
        At::AtDropInherit => ActionKind::NoInherit(parent(command)),
        At::AtAddOf | At::AtDropOf => ActionKind::OfType,
        _ => return None,
    })
}

fn partition(command: &AlterTableCmd) -> Option<&PartitionCmd> {
    match names::node(command.def.as_deref()) {
        Some(Node::PartitionCmd(partition)) => Some(partition),
        _ => None,
    }
}

fn attached(command: &PartitionCmd) -> Partition {
    tables::partition(Some(names::relation(command.name.as_ref())), command.bound.as_ref())
}

fn detached(command: &PartitionCmd, concurrently: bool, finalize: bool) -> ActionKind {
    ActionKind::Detach { partition: names::relation(command.name.as_ref()), concurrently, finalize }
}

fn parent(command: &AlterTableCmd) -> Relation {
    match names::node(command.def.as_deref()) {
        Some(Node::RangeVar(parent)) => names::relation(Some(parent)),
        _ => Relation::default(),
    }
}
