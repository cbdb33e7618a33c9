//! Indexes, and what is done to all of a table's files: `VACUUM`, `CLUSTER`.

use pg_query::Node as Wrapped;
use pg_query::protobuf::node::Node;
use pg_query::protobuf::{
    IndexElem, IndexStmt, RangeVar, ReindexObjectType, ReindexStmt, SortByDir, SortByNulls, VacuumStmt,
};

use crate::ast::{CreateIndex, Key, ObjectKind, Stmt};
use crate::statement::Relation;

use super::{expr, names};

pub(super) fn statement(node: &Node) -> Option<Stmt> {
    Some(match node {
        Node::IndexStmt(index) => Stmt::CreateIndex(Box::new(created(index))),
        Node::ReindexStmt(reindex) => reindexed(reindex),
        Node::VacuumStmt(vacuum) => vacuumed(vacuum),
        Node::ClusterStmt(cluster) => {
            Stmt::Cluster { table: cluster.relation.as_ref().map(|table| names::relation(Some(table))) }
        }
        _ => return None,
    })
}

fn created(index: &IndexStmt) -> CreateIndex {
    CreateIndex {
        name: names::word(&index.idxname),
        table: names::relation(index.relation.as_ref()),
        only: index.relation.as_ref().is_some_and(|table| !table.inh),
        concurrently: index.concurrent,
        if_not_exists: index.if_not_exists,
        unique: index.unique,
        method: names::word(&index.access_method).unwrap_or_else(|| "btree".into()),
        keys: keys(&index.index_params),
        special: names::inner(&index.index_params).any(is_special),
        include: names::inner(&index.index_including_params)
            .filter_map(|node| match node {
                Node::IndexElem(element) => Some(element.name.clone()),
                _ => None,
            })
            .collect(),
        filter: expr::optional(index.where_clause.as_deref()),
        nulls_not_distinct: index.nulls_not_distinct,
        tablespace: names::word(&index.table_space),
    }
}

fn keys(nodes: &[Wrapped]) -> Vec<Key> {
    names::inner(nodes)
        .filter_map(|node| match node {
            Node::IndexElem(element) => Some(key(element)),
            _ => None,
        })
        .collect()
}

/// `COLLATE`, an operator class, `DESC`, `NULLS FIRST`; not `ASC`, `NULLS LAST`, which change nothing.
fn is_special(node: &Node) -> bool {
    let Node::IndexElem(element) = node else { return false };
    !element.collation.is_empty()
        || !element.opclass.is_empty()
        || element.ordering == SortByDir::SortbyDesc as i32
        || element.nulls_ordering == SortByNulls::SortbyNullsFirst as i32
}

fn key(element: &IndexElem) -> Key {
    match expr::optional(element.expr.as_deref()) {
        Some(expr) => Key::Expr(expr),
        None => Key::Column(element.name.clone()),
    }
}

fn reindexed(reindex: &ReindexStmt) -> Stmt {
    let kind = match reindex.kind() {
        ReindexObjectType::ReindexObjectIndex => ObjectKind::Index,
        ReindexObjectType::ReindexObjectSchema => ObjectKind::Schema,
        ReindexObjectType::ReindexObjectSystem | ReindexObjectType::ReindexObjectDatabase => {
            ObjectKind::Database
        }
        _ => ObjectKind::Table,
    };
    let named = names::word(&reindex.name).map(|name| Relation::named(&name));
    Stmt::Reindex {
        kind,
        name: reindex.relation.as_ref().map(|relation| names::relation(Some(relation))).or(named),
        concurrently: names::is_on(&reindex.params, "concurrently"),
    }
}

fn vacuumed(vacuum: &VacuumStmt) -> Stmt {
    let relations = names::inner(&vacuum.rels).filter_map(|node| match node {
        Node::VacuumRelation(relation) => relation.relation.as_ref(),
        _ => None,
    });
    let relations: Vec<&RangeVar> = relations.collect();
    let named = |relation: &&RangeVar| names::relation(Some(relation));
    let tables = relations.iter().map(named).collect();
    if !vacuum.is_vacuumcmd {
        let only = relations.iter().filter(|relation| !relation.inh).map(named).collect();
        return Stmt::Analyze { tables, only };
    }
    let full = names::is_on(&vacuum.options, "full");
    Stmt::Vacuum { tables, full, analyze: names::is_on(&vacuum.options, "analyze") }
}
