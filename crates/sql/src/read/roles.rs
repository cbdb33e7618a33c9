//! Roles and privileges, databases, replication, foreign data: what an administrator does.

use pg_query::Node as Wrapped;
use pg_query::protobuf::node::Node;
use pg_query::protobuf::{
    AlterDatabaseStmt, AlterDefaultPrivilegesStmt, AlterPolicyStmt, AlterPublicationAction,
    AlterPublicationStmt, AlterRoleSetStmt, CreatePolicyStmt, CreatePublicationStmt, GrantRoleStmt,
    GrantStmt, GrantTargetType, VariableSetStmt,
};

use crate::ast::{Grant, ObjectKind, Policy, Publication, Stmt};
use crate::statement::Relation;

use super::{expr, names, transaction};

pub(super) fn statement(node: &Node) -> Option<Stmt> {
    privileges(node)
        .or_else(|| of_roles(node))
        .or_else(|| databases(node))
        .or_else(|| replication(node))
        .or_else(|| foreign(node))
}

fn privileges(node: &Node) -> Option<Stmt> {
    Some(match node {
        Node::GrantStmt(grant) => Stmt::Grant(granted(grant)),
        Node::GrantRoleStmt(grant) => Stmt::Grant(membership(grant)),
        Node::AlterDefaultPrivilegesStmt(alter) => Stmt::DefaultPrivileges(defaults(alter)),
        Node::CreatePolicyStmt(policy) => Stmt::Policy(Box::new(policy_created(policy))),
        Node::AlterPolicyStmt(policy) => Stmt::Policy(Box::new(policy_altered(policy))),
        _ => return None,
    })
}

fn granted(grant: &GrantStmt) -> Grant {
    let kind = match names::kind(grant.objtype()) {
        ObjectKind::Table if of_columns(&grant.privileges) => ObjectKind::Column,
        kind => kind,
    };
    Grant {
        revoke: !grant.is_grant,
        privileges: words(&grant.privileges),
        kind: Some(kind),
        relations: names::inner(&grant.objects).map(|node| names::qualified(&names::parts(node))).collect(),
        all_in_schema: grant.targtype() == GrantTargetType::AclTargetAllInSchema,
        to: names::roles(&grant.grantees),
    }
}

fn words(nodes: &[Wrapped]) -> Vec<String> {
    names::roles(nodes).iter().map(|word| word.to_ascii_lowercase()).collect()
}

fn of_columns(nodes: &[Wrapped]) -> bool {
    names::inner(nodes).any(|node| matches!(node, Node::AccessPriv(privilege) if !privilege.cols.is_empty()))
}

fn membership(grant: &GrantRoleStmt) -> Grant {
    Grant {
        revoke: !grant.is_grant,
        kind: Some(ObjectKind::Role),
        relations: names::roles(&grant.granted_roles).iter().map(|role| Relation::named(role)).collect(),
        to: names::roles(&grant.grantee_roles),
        ..Grant::default()
    }
}

fn defaults(alter: &AlterDefaultPrivilegesStmt) -> Grant {
    alter.action.as_ref().map(granted).unwrap_or_default()
}

fn policy_created(policy: &CreatePolicyStmt) -> Policy {
    Policy {
        name: policy.policy_name.clone(),
        table: names::relation(policy.table.as_ref()),
        alter: false,
        restrictive: !policy.permissive,
        using: expr::optional(policy.qual.as_deref()),
        check: expr::optional(policy.with_check.as_deref()),
    }
}

fn policy_altered(policy: &AlterPolicyStmt) -> Policy {
    Policy {
        name: policy.policy_name.clone(),
        table: names::relation(policy.table.as_ref()),
        alter: true,
        restrictive: false,
        using: expr::optional(policy.qual.as_deref()),
        check: expr::optional(policy.with_check.as_deref()),
    }
}

fn of_roles(node: &Node) -> Option<Stmt> {
    Some(match node {
        Node::CreateRoleStmt(create) => role(create.role.clone(), false, &create.options),
        Node::AlterRoleStmt(alter) => role(names::role(alter.role.as_ref()), true, &alter.options),
        Node::AlterRoleSetStmt(alter) => role_set(alter),
        Node::DropRoleStmt(drop) => Stmt::DropRole { names: names::roles(&drop.roles) },
        _ => return None,
    })
}

/// `PASSWORD NULL` has no text, and no text is kept.
fn role(name: String, alter: bool, options: &[Wrapped]) -> Stmt {
    let password = names::option(options, "password").is_some_and(|password| password.arg.is_some());
    Stmt::Role { name, alter, options: names::option_names(options), password }
}

fn role_set(alter: &AlterRoleSetStmt) -> Stmt {
    Stmt::RoleSet {
        role: alter.role.as_ref().map(|role| names::role(Some(role))),
        variable: variable(alter.setstmt.as_ref()),
    }
}

fn variable(set: Option<&VariableSetStmt>) -> String {
    set.map(transaction::variable).unwrap_or_default()
}

fn databases(node: &Node) -> Option<Stmt> {
    Some(match node {
        Node::CreatedbStmt(create) => {
            Stmt::Database { name: create.dbname.clone(), create: true, tablespace: false }
        }
        Node::AlterDatabaseStmt(alter) => database_altered(alter),
        Node::AlterDatabaseRefreshCollStmt(alter) => {
            Stmt::Database { name: alter.dbname.clone(), create: false, tablespace: false }
        }
        Node::AlterDatabaseSetStmt(alter) => {
            Stmt::DatabaseSet { database: alter.dbname.clone(), variable: variable(alter.setstmt.as_ref()) }
        }
        Node::AlterSystemStmt(alter) => Stmt::AlterSystem { variable: variable(alter.setstmt.as_ref()) },
        _ => return None,
    })
}

fn database_altered(alter: &AlterDatabaseStmt) -> Stmt {
    let tablespace = names::option(&alter.options, "tablespace").is_some();
    Stmt::Database { name: alter.dbname.clone(), create: false, tablespace }
}

fn replication(node: &Node) -> Option<Stmt> {
    Some(match node {
        Node::CreatePublicationStmt(create) => Stmt::Publication(publication_created(create)),
        Node::AlterPublicationStmt(alter) => Stmt::Publication(publication_altered(alter)),
        Node::CreateSubscriptionStmt(create) => Stmt::Subscription {
            name: create.subname.clone(),
            alter: false,
            password: has_password(&create.conninfo),
        },
        Node::AlterSubscriptionStmt(alter) => Stmt::Subscription {
            name: alter.subname.clone(),
            alter: true,
            password: has_password(&alter.conninfo),
        },
        _ => return None,
    })
}

fn publication_created(create: &CreatePublicationStmt) -> Publication {
    Publication {
        name: create.pubname.clone(),
        all_tables: create.for_all_tables,
        adds: published(&create.pubobjects),
        ..Publication::default()
    }
}

fn publication_altered(alter: &AlterPublicationStmt) -> Publication {
    let tables = published(&alter.pubobjects);
    let drops = alter.action() == AlterPublicationAction::ApDropObjects && !tables.is_empty();
    let (adds, drops) = if drops { (Vec::new(), tables) } else { (tables, Vec::new()) };
    let sets = alter.action() == AlterPublicationAction::ApSetObjects && !alter.pubobjects.is_empty();
    Publication {
        name: alter.pubname.clone(),
        alter: true,
        all_tables: alter.for_all_tables,
        adds,
        drops,
        sets,
    }
}

fn published(objects: &[Wrapped]) -> Vec<Relation> {
    names::inner(objects)
        .filter_map(|node| match node {
            Node::PublicationObjSpec(object) => object.pubtable.as_deref(),
            _ => None,
        })
        .map(|table| names::relation(table.relation.as_ref()))
        .collect()
}

/// `password=…` among the words of a connection, or `user:password@` in its address.
fn has_password(connection: &str) -> bool {
    let in_address = connection
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('@'))
        .is_some_and(|(user, _)| user.contains(':'));
    in_address || connection.to_ascii_lowercase().contains("password")
}

fn foreign(node: &Node) -> Option<Stmt> {
    let options = match node {
        Node::CreateFdwStmt(create) => &create.options,
        Node::AlterFdwStmt(alter) => &alter.options,
        Node::CreateForeignServerStmt(create) => &create.options,
        Node::AlterForeignServerStmt(alter) => &alter.options,
        Node::CreateUserMappingStmt(create) => &create.options,
        Node::AlterUserMappingStmt(alter) => &alter.options,
        _ => return None,
    };
    let password = names::option_names(options).iter().any(|name| name.contains("password"));
    Some(Stmt::Foreign { password })
}
