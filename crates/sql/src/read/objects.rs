//! Objects that are no tables, and what is done to objects of every kind.

use pg_query::Node as Wrapped;
use pg_query::protobuf::node::Node;
use pg_query::protobuf::{
    AlterDomainStmt, AlterObjectSchemaStmt, AlterOwnerStmt, AlterSeqStmt, CommentStmt, CreateDomainStmt,
    CreateSeqStmt, CreateStatsStmt, DefElem, DropStmt, LockStmt, ObjectType, ObjectWithArgs, RenameStmt,
};

use crate::ast::{ActionKind, Constraint, ObjectKind, Sequence, Stmt, Type};
use crate::locks::MODES;
use crate::statement::Relation;

use super::{columns, expr, names, types};

pub(super) fn statement(node: &Node) -> Option<Stmt> {
    any_kind(node).or_else(|| of_types(node)).or_else(|| others(node))
}

/// Statements that know objects of every kind.
fn any_kind(node: &Node) -> Option<Stmt> {
    Some(match node {
        Node::DropStmt(drop) => dropped(drop),
        Node::DropdbStmt(drop) => one_dropped(ObjectKind::Database, &drop.dbname, drop.missing_ok, false),
        Node::DropTableSpaceStmt(drop) => {
            one_dropped(ObjectKind::Tablespace, &drop.tablespacename, drop.missing_ok, false)
        }
        Node::DropSubscriptionStmt(drop) => one_dropped(
            ObjectKind::Subscription,
            &drop.subname,
            drop.missing_ok,
            names::cascades(drop.behavior),
        ),
        Node::ReassignOwnedStmt(reassign) => Stmt::Owner {
            kind: ObjectKind::Role,
            name: Relation::named(&names::roles(&reassign.roles).join(", ")),
            role: names::role(reassign.newrole.as_ref()),
        },
        Node::DropOwnedStmt(drop) => {
            Stmt::DropOwned { roles: names::roles(&drop.roles), cascade: names::cascades(drop.behavior) }
        }
        Node::RenameStmt(rename) => renamed(rename),
        Node::AlterObjectSchemaStmt(alter) => moved(alter),
        Node::AlterOwnerStmt(alter) => owned(alter),
        Node::CommentStmt(comment) => commented(comment),
        Node::LockStmt(lock) => locked(lock),
        _ => return None,
    })
}

fn dropped(drop: &DropStmt) -> Stmt {
    let of_relation = matches!(
        drop.remove_type(),
        ObjectType::ObjectTrigger | ObjectType::ObjectRule | ObjectType::ObjectPolicy
    );
    let mut parts = Vec::new();
    let mut dropped = Vec::new();
    for object in &drop.objects {
        let mut path = names::node(Some(object)).map(names::parts).unwrap_or_default();
        if of_relation {
            parts.extend(path.pop());
            dropped.push(names::qualified(&path));
        } else {
            dropped.push(names::object(Some(object)));
        }
    }
    Stmt::Drop {
        kind: names::kind(drop.remove_type()),
        names: dropped,
        parts,
        if_exists: drop.missing_ok,
        cascade: names::cascades(drop.behavior),
        concurrently: drop.concurrent,
        arguments: names::inner(&drop.objects).filter_map(function).map(arguments).collect(),
    }
}

fn function(object: &Node) -> Option<&ObjectWithArgs> {
    match object {
        Node::ObjectWithArgs(function) => Some(function),
        _ => None,
    }
}

/// The types of its arguments, where they are written.
fn arguments(function: &ObjectWithArgs) -> Option<Vec<Type>> {
    let types = names::inner(&function.objargs).filter_map(|node| match node {
        Node::TypeName(name) => Some(types::name(name)),
        _ => None,
    });
    (!function.args_unspecified).then(|| types.collect())
}

fn one_dropped(kind: ObjectKind, name: &str, if_exists: bool, cascade: bool) -> Stmt {
    Stmt::Drop {
        kind,
        names: vec![Relation::named(name)],
        parts: Vec::new(),
        if_exists,
        cascade,
        concurrently: false,
        arguments: Vec::new(),
    }
}

/// The old name stands in one of three places, by the kind of the object.
fn renamed(rename: &RenameStmt) -> Stmt {
    let old = names::word(&rename.subname);
    let (relation, part) = match (&rename.relation, &rename.object) {
        (Some(relation), _) => (names::relation(Some(relation)), old),
        (None, Some(object)) => (names::object(Some(object)), old),
        (None, None) => (Relation::named(&rename.subname), None),
    };
    Stmt::Rename {
        kind: names::kind(rename.rename_type()),
        relation,
        part,
        to: rename.newname.clone(),
        if_exists: rename.missing_ok,
    }
}

fn moved(alter: &AlterObjectSchemaStmt) -> Stmt {
    Stmt::SetSchema {
        kind: names::kind(alter.object_type()),
        name: subject(alter.relation.as_ref(), alter.object.as_deref()),
        schema: alter.newschema.clone(),
    }
}

fn owned(alter: &AlterOwnerStmt) -> Stmt {
    Stmt::Owner {
        kind: names::kind(alter.object_type()),
        name: subject(alter.relation.as_ref(), alter.object.as_deref()),
        role: names::role(alter.newowner.as_ref()),
    }
}

fn subject(relation: Option<&pg_query::protobuf::RangeVar>, object: Option<&Wrapped>) -> Relation {
    relation.map_or_else(|| names::object(object), |relation| names::relation(Some(relation)))
}

fn commented(comment: &CommentStmt) -> Stmt {
    let object = comment.object.as_deref();
    let has_part = names::part_kind(comment.objtype()).is_some();
    let mut path = names::node(object).map(names::parts).unwrap_or_default();
    let part = if has_part { path.pop() } else { None };
    Stmt::Comment {
        kind: names::kind(comment.objtype()),
        name: if has_part { names::qualified(&path) } else { names::object(object) },
        part,
    }
}

/// The server counts the modes from 1 (`lockdefs.h`).
fn locked(lock: &LockStmt) -> Stmt {
    let index = usize::try_from(lock.mode).unwrap_or_default().saturating_sub(1);
    Stmt::Lock {
        tables: names::relations(&lock.relations),
        mode: MODES[index.min(MODES.len() - 1)],
        nowait: lock.nowait,
    }
}

fn of_types(node: &Node) -> Option<Stmt> {
    Some(match node {
        Node::CreateEnumStmt(create) => Stmt::CreateEnum {
            name: names::catalogued(&create.type_name),
            labels: names::words(&create.vals),
        },
        Node::CompositeTypeStmt(create) => Stmt::CreateType {
            name: names::relation(create.typevar.as_ref()),
            columns: names::inner(&create.coldeflist)
                .filter_map(|node| match node {
                    Node::ColumnDef(column) => Some(columns::column(column)),
                    _ => None,
                })
                .collect(),
        },
        Node::CreateRangeStmt(create) => plain_type(&create.type_name),
        Node::DefineStmt(define) if define.kind() == ObjectType::ObjectType => plain_type(&define.defnames),
        Node::AlterEnumStmt(alter) => Stmt::AlterEnum {
            name: names::catalogued(&alter.type_name),
            old: names::word(&alter.old_val),
            new: alter.new_val.clone(),
            placed: !alter.new_val_neighbor.is_empty(),
            if_not_exists: alter.skip_if_new_val_exists,
        },
        Node::CreateDomainStmt(create) => domain(create),
        Node::AlterDomainStmt(alter) => domain_altered(alter),
        _ => return None,
    })
}

fn plain_type(name: &[Wrapped]) -> Stmt {
    Stmt::CreateType { name: names::catalogued(name), columns: Vec::new() }
}

fn domain(create: &CreateDomainStmt) -> Stmt {
    Stmt::CreateDomain {
        name: names::catalogued(&create.domainname),
        base: types::of(create.type_name.as_ref()),
        constraints: names::inner(&create.constraints).filter_map(domain_constraint).collect(),
    }
}

fn domain_constraint(node: &Node) -> Option<Constraint> {
    match node {
        Node::Constraint(constraint) => columns::of_domain(constraint),
        _ => None,
    }
}

fn domain_altered(alter: &AlterDomainStmt) -> Stmt {
    let (name, column) = (alter.name.clone(), String::new());
    let action = match alter.subtype.as_str() {
        "T" => match expr::optional(alter.def.as_deref()) {
            Some(value) => ActionKind::SetDefault { column, value },
            None => ActionKind::DropDefault { column },
        },
        "N" => ActionKind::DropNotNull { column },
        "O" => ActionKind::SetNotNull { column },
        "C" => names::node(alter.def.as_deref())
            .and_then(domain_constraint)
            .map_or(ActionKind::Other, |constraint| ActionKind::AddConstraint(Box::new(constraint))),
        "X" => ActionKind::DropConstraint {
            name,
            if_exists: alter.missing_ok,
            cascade: names::cascades(alter.behavior),
        },
        "V" => ActionKind::ValidateConstraint { name },
        _ => ActionKind::Other,
    };
    Stmt::AlterDomain { name: names::catalogued(&alter.type_name), action }
}

fn others(node: &Node) -> Option<Stmt> {
    Some(match node {
        Node::CreateSeqStmt(create) => sequence_created(create),
        Node::AlterSeqStmt(alter) => sequence_altered(alter),
        Node::CreateSchemaStmt(create) => Stmt::CreateSchema {
            name: names::word(&create.schemaname).unwrap_or_else(|| names::role(create.authrole.as_ref())),
            if_not_exists: create.if_not_exists,
        },
        Node::CreateExtensionStmt(create) => Stmt::CreateExtension {
            name: create.extname.clone(),
            if_not_exists: create.if_not_exists,
            version: names::option(&create.options, "new_version").map(names::value),
        },
        Node::AlterExtensionStmt(alter) => Stmt::AlterExtension { name: alter.extname.clone() },
        Node::AlterExtensionContentsStmt(alter) => Stmt::AlterExtension { name: alter.extname.clone() },
        Node::CreatePlangStmt(create) => Stmt::CreateLanguage { name: create.plname.clone() },
        Node::CreateStatsStmt(create) => statistics(create),
        Node::CreateTableSpaceStmt(create) => Stmt::CreateTablespace { name: create.tablespacename.clone() },
        _ => return None,
    })
}

fn statistics(create: &CreateStatsStmt) -> Stmt {
    Stmt::CreateStatistics { table: names::relations(&create.relations).into_iter().next() }
}

fn sequence_created(create: &CreateSeqStmt) -> Stmt {
    Stmt::Sequence(Box::new(sequence(names::relation(create.sequence.as_ref()), false, &create.options)))
}

fn sequence_altered(alter: &AlterSeqStmt) -> Stmt {
    Stmt::Sequence(Box::new(sequence(names::relation(alter.sequence.as_ref()), true, &alter.options)))
}

fn sequence(name: Relation, alter: bool, options: &[Wrapped]) -> Sequence {
    Sequence {
        name,
        alter,
        of: names::option(options, "as").and_then(of_type),
        restart: names::option(options, "restart").is_some(),
        cycle: names::is_on(options, "cycle"),
        changes: names::option_names(options)
            .into_iter()
            .filter(|name| matches!(name.as_str(), "increment" | "minvalue" | "maxvalue" | "start"))
            .collect(),
        owned_by: names::option(options, "owned_by").and_then(owner),
    }
}

fn of_type(option: &DefElem) -> Option<Type> {
    match names::node(option.arg.as_deref())? {
        Node::TypeName(name) => Some(types::name(name)),
        _ => None,
    }
}

fn owner(option: &DefElem) -> Option<Vec<String>> {
    names::node(option.arg.as_deref()).map(names::parts)
}
