//! Names, options and other small things that many statements have.

use pg_query::Node as Wrapped;
use pg_query::protobuf::node::Node;
use pg_query::protobuf::{DefElem, DropBehavior, ObjectType, RangeVar, RoleSpec, RoleSpecType};

use crate::ast::{Expr, ObjectKind};
use crate::statement::Relation;

use super::{expr, types};

/// A relation as it stands in a statement.
pub(super) fn relation(range: Option<&RangeVar>) -> Relation {
    range
        .map(|range| Relation { schema: word(&range.schemaname), name: range.relname.clone() })
        .unwrap_or_default()
}

/// All relations of a list.
pub(super) fn relations(nodes: &[Wrapped]) -> Vec<Relation> {
    inner(nodes)
        .filter_map(|node| match node {
            Node::RangeVar(range) => Some(relation(Some(range))),
            _ => None,
        })
        .collect()
}

/// The nodes of a list.
pub(super) fn inner(nodes: &[Wrapped]) -> impl Iterator<Item = &Node> {
    nodes.iter().filter_map(|node| node.node.as_ref())
}

/// A node that may be there.
pub(super) fn node(wrapped: Option<&Wrapped>) -> Option<&Node> {
    wrapped?.node.as_ref()
}

/// Nothing where nothing is written.
pub(super) fn word(text: &str) -> Option<String> {
    Some(text).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The texts of a list.
pub(super) fn words(nodes: &[Wrapped]) -> Vec<String> {
    inner(nodes).filter_map(text).collect()
}

/// A text.
pub(super) fn text(node: &Node) -> Option<String> {
    match node {
        Node::String(text) => Some(text.sval.clone()),
        _ => None,
    }
}

/// A name in parts; the database before the schema is left out.
pub(super) fn qualified(parts: &[String]) -> Relation {
    match parts {
        [.., schema, name] => Relation { schema: Some(schema.clone()), name: name.clone() },
        [name] => Relation::named(name),
        [] => Relation::default(),
    }
}

/// A name in parts that the catalog of the server itself may stand before.
pub(super) fn catalogued(nodes: &[Wrapped]) -> Relation {
    let mut name = qualified(&words(nodes));
    name.schema = name.schema.filter(|schema| schema != "pg_catalog");
    name
}

/// The name of any kind of object, in parts, as statements on all kinds have it.
pub(super) fn parts(object: &Node) -> Vec<String> {
    match object {
        Node::List(list) => inner(&list.items).flat_map(parts).collect(),
        Node::String(text) => vec![text.sval.clone()],
        Node::TypeName(name) => words(&name.names),
        Node::ObjectWithArgs(object) => words(&object.objname),
        Node::RangeVar(range) => word(&range.schemaname).into_iter().chain([range.relname.clone()]).collect(),
        _ => Vec::new(),
    }
}

/// The name of an object. Type names of the server's own catalog stand without it.
pub(super) fn object(object: Option<&Wrapped>) -> Relation {
    match node(object) {
        Some(Node::TypeName(name)) => {
            let of = types::name(name);
            Relation { schema: of.schema, name: of.name }
        }
        // A cast is between two types and has no name.
        Some(Node::List(list)) if matches!(first(list), Some(Node::TypeName(_))) => Relation::default(),
        Some(node) => qualified(&parts(node)),
        None => Relation::default(),
    }
}

fn first(list: &pg_query::protobuf::List) -> Option<&Node> {
    inner(&list.items).next()
}

/// Who: `public` for everybody.
pub(super) fn role(role: Option<&RoleSpec>) -> String {
    let Some(role) = role else { return String::new() };
    match role.roletype() {
        RoleSpecType::RolespecCurrentRole => "current_role".into(),
        RoleSpecType::RolespecCurrentUser => "current_user".into(),
        RoleSpecType::RolespecSessionUser => "session_user".into(),
        RoleSpecType::RolespecPublic => "public".into(),
        _ => role.rolename.clone(),
    }
}

/// All roles of a list.
pub(super) fn roles(nodes: &[Wrapped]) -> Vec<String> {
    inner(nodes)
        .filter_map(|node| match node {
            Node::RoleSpec(spec) => Some(role(Some(spec))),
            Node::AccessPriv(role) => Some(role.priv_name.clone()),
            _ => None,
        })
        .collect()
}

/// The options of a list.
pub(super) fn options(nodes: &[Wrapped]) -> impl Iterator<Item = &DefElem> {
    inner(nodes).filter_map(|node| match node {
        Node::DefElem(option) => Some(&**option),
        _ => None,
    })
}

/// An option by its name.
pub(super) fn option<'n>(nodes: &'n [Wrapped], name: &str) -> Option<&'n DefElem> {
    options(nodes).find(|option| option.defname.eq_ignore_ascii_case(name))
}

/// Whether an option is given and not switched off (`defGetBoolean` in the server's source).
pub(super) fn is_on(nodes: &[Wrapped], name: &str) -> bool {
    option(nodes, name).is_some_and(|option| {
        let value = value(option).to_ascii_lowercase();
        !matches!(value.as_str(), "false" | "off" | "0")
    })
}

/// The names and values of options, the names in lower case and with what stands before them
/// (`toast.autovacuum_enabled`); an option without a value has an empty one.
pub(super) fn pairs(nodes: &[Wrapped]) -> Vec<(String, String)> {
    options(nodes).map(|option| (option_name(option), value(option))).collect()
}

/// The names of options.
pub(super) fn option_names(nodes: &[Wrapped]) -> Vec<String> {
    options(nodes).map(option_name).collect()
}

fn option_name(option: &DefElem) -> String {
    let name = option.defname.to_ascii_lowercase();
    match word(&option.defnamespace) {
        Some(space) => format!("{space}.{name}"),
        None => name,
    }
}

/// What an option is set to.
pub(super) fn value(option: &DefElem) -> String {
    node(option.arg.as_deref()).map(value_of).unwrap_or_default()
}

fn value_of(node: &Node) -> String {
    match node {
        Node::String(text) => text.sval.clone(),
        Node::Integer(number) => number.ival.to_string(),
        Node::Float(number) => number.fval.clone(),
        Node::Boolean(value) => value.boolval.to_string(),
        // A word that is none of the grammar's own is read as the name of a type.
        Node::TypeName(name) => words(&name.names).join("."),
        Node::List(list) => inner(&list.items).map(value_of).collect::<Vec<_>>().join(", "),
        node => constant(&expr::of(node)),
    }
}

/// A constant as text, without its quotes; nothing for any other expression.
pub(super) fn constant(expr: &Expr) -> String {
    match expr.bare() {
        Expr::Text(text) | Expr::Number(text) => text.clone(),
        Expr::Bool(value) => value.to_string(),
        Expr::Null => "null".into(),
        Expr::Column(path) => path.join("."),
        Expr::Op(sign, args) if args.len() == 1 => format!("{sign}{}", constant(&args[0])),
        _ => String::new(),
    }
}

/// `CASCADE`.
pub(super) fn cascades(behavior: i32) -> bool {
    behavior == DropBehavior::DropCascade as i32
}

/// Our kind of an object.
pub(super) fn kind(of: ObjectType) -> ObjectKind {
    relation_kind(of).or_else(|| part_kind(of)).unwrap_or(match of {
        ObjectType::ObjectSchema => ObjectKind::Schema,
        ObjectType::ObjectDatabase => ObjectKind::Database,
        ObjectType::ObjectType => ObjectKind::Type,
        ObjectType::ObjectDomain => ObjectKind::Domain,
        ObjectType::ObjectFunction | ObjectType::ObjectRoutine => ObjectKind::Function,
        ObjectType::ObjectProcedure => ObjectKind::Procedure,
        ObjectType::ObjectAggregate => ObjectKind::Aggregate,
        ObjectType::ObjectEventTrigger => ObjectKind::EventTrigger,
        ObjectType::ObjectExtension => ObjectKind::Extension,
        ObjectType::ObjectPublication => ObjectKind::Publication,
        ObjectType::ObjectSubscription => ObjectKind::Subscription,
        ObjectType::ObjectRole => ObjectKind::Role,
        ObjectType::ObjectTablespace => ObjectKind::Tablespace,
        ObjectType::ObjectCollation => ObjectKind::Collation,
        ObjectType::ObjectStatisticExt => ObjectKind::Statistics,
        _ => ObjectKind::Other,
    })
}

fn relation_kind(of: ObjectType) -> Option<ObjectKind> {
    Some(match of {
        ObjectType::ObjectTable => ObjectKind::Table,
        ObjectType::ObjectForeignTable => ObjectKind::ForeignTable,
        ObjectType::ObjectIndex => ObjectKind::Index,
        ObjectType::ObjectView => ObjectKind::View,
        ObjectType::ObjectMatview => ObjectKind::MaterializedView,
        ObjectType::ObjectSequence => ObjectKind::Sequence,
        _ => return None,
    })
}

/// Kinds of parts: their names have the name of what they belong to before them.
pub(super) fn part_kind(of: ObjectType) -> Option<ObjectKind> {
    Some(match of {
        ObjectType::ObjectColumn => ObjectKind::Column,
        ObjectType::ObjectTabconstraint => ObjectKind::Constraint,
        ObjectType::ObjectDomconstraint => ObjectKind::DomainConstraint,
        ObjectType::ObjectAttribute => ObjectKind::Attribute,
        ObjectType::ObjectTrigger => ObjectKind::Trigger,
        ObjectType::ObjectRule => ObjectKind::Rule,
        ObjectType::ObjectPolicy => ObjectKind::Policy,
        _ => return None,
    })
}
