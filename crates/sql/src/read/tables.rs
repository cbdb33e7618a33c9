//! Tables and views.

use pg_query::Node as Wrapped;
use pg_query::protobuf::node::Node;
use pg_query::protobuf::{
    AlterTableStmt, CreateForeignTableStmt, CreateStmt, CreateTableAsStmt, IntoClause, ObjectType,
    PartitionBoundSpec, PartitionSpec, PartitionStrategy, RangeVar, ViewStmt,
};

use crate::ast::{Column, Constraint, CreateTable, CreateView, ObjectKind, Partition, Query, Stmt};
use crate::statement::Relation;

use super::{actions, columns, expr, names, query};

pub(super) fn statement(node: &Node, text: &str) -> Option<Stmt> {
    Some(match node {
        Node::CreateStmt(create) => Stmt::CreateTable(Box::new(created(create))),
        Node::CreateForeignTableStmt(create) => Stmt::CreateTable(Box::new(foreign(create))),
        Node::CreateTableAsStmt(create) => created_as(create),
        Node::AlterTableStmt(alter) => altered(alter, text),
        Node::AlterTableMoveAllStmt(moved) => Stmt::MoveAll { kind: names::kind(moved.objtype()) },
        Node::ViewStmt(view) => Stmt::CreateView(viewed(view)),
        Node::RefreshMatViewStmt(refresh) => Stmt::Refresh {
            name: names::relation(refresh.relation.as_ref()),
            concurrently: refresh.concurrent,
            no_data: refresh.skip_data,
        },
        _ => return None,
    })
}

fn created(create: &CreateStmt) -> CreateTable {
    let table = create.relation.as_ref();
    let mut made = CreateTable {
        if_not_exists: create.if_not_exists,
        options: names::pairs(&create.options),
        partition_by: create.partspec.as_ref().map(partitioned),
        columns: elements(&create.table_elts).collect(),
        constraints: constraints(&create.table_elts).chain(constraints(&create.constraints)).collect(),
        like: likes(&create.table_elts),
        ..named(table)
    };
    let parents = names::relations(&create.inh_relations);
    match &create.partbound {
        Some(bound) => made.partition_of = Some(partition(parents.into_iter().next(), Some(bound))),
        None => made.inherits = parents,
    }
    made
}

/// A table of which nothing is known but the words before its name.
fn named(table: Option<&RangeVar>) -> CreateTable {
    CreateTable {
        name: names::relation(table),
        temporary: table.is_some_and(|table| table.relpersistence == "t"),
        unlogged: table.is_some_and(|table| table.relpersistence == "u"),
        ..CreateTable::default()
    }
}

fn elements(nodes: &[Wrapped]) -> impl Iterator<Item = Column> {
    names::inner(nodes).filter_map(|node| match node {
        Node::ColumnDef(column) => Some(columns::column(column)),
        _ => None,
    })
}

fn constraints(nodes: &[Wrapped]) -> impl Iterator<Item = Constraint> {
    names::inner(nodes).filter_map(|node| match node {
        Node::Constraint(constraint) => columns::constraint(constraint),
        _ => None,
    })
}

fn likes(nodes: &[Wrapped]) -> Vec<Relation> {
    names::inner(nodes)
        .filter_map(|node| match node {
            Node::TableLikeClause(like) => Some(names::relation(like.relation.as_ref())),
            _ => None,
        })
        .collect()
}

fn foreign(create: &CreateForeignTableStmt) -> CreateTable {
    let base = create.base_stmt.as_ref().map(created).unwrap_or_default();
    CreateTable { foreign: true, ..base }
}

fn partitioned(by: &PartitionSpec) -> (String, Vec<String>) {
    let strategy = match by.strategy() {
        PartitionStrategy::List => "list",
        PartitionStrategy::Hash => "hash",
        _ => "range",
    };
    let columns = names::inner(&by.part_params).filter_map(|node| match node {
        Node::PartitionElem(element) => Some(element.name.clone()),
        _ => None,
    });
    (strategy.into(), columns.collect())
}

/// A partition and its bounds.
pub(super) fn partition(table: Option<Relation>, bound: Option<&PartitionBoundSpec>) -> Partition {
    let table = table.unwrap_or_default();
    let Some(bound) = bound else { return Partition { table, ..Partition::default() } };
    let strategy = match bound.strategy.as_str() {
        _ if bound.is_default => "",
        "l" => "list",
        "h" => "hash",
        _ => "range",
    };
    Partition { table, default: bound.is_default, strategy: strategy.into(), bounds: bounds(bound) }
}

fn bounds(bound: &PartitionBoundSpec) -> Vec<String> {
    if bound.strategy == "h" && !bound.is_default {
        return vec![bound.modulus.to_string(), bound.remainder.to_string()];
    }
    [&bound.lowerdatums, &bound.upperdatums, &bound.listdatums]
        .into_iter()
        .flat_map(|values| names::inner(values))
        .map(|value| names::constant(&expr::of(value)))
        .collect()
}

fn created_as(create: &CreateTableAsStmt) -> Stmt {
    let source = query::of(create.query.as_deref());
    let Some(into) = &create.into else { return Stmt::Other };
    if create.objtype() != ObjectType::ObjectMatview {
        let filled = filled(into, source);
        return Stmt::CreateTable(Box::new(CreateTable { if_not_exists: create.if_not_exists, ..filled }));
    }
    Stmt::CreateView(CreateView {
        name: names::relation(into.rel.as_ref()),
        if_not_exists: create.if_not_exists,
        materialized: true,
        no_data: into.skip_data,
        query: Box::new(source),
        options: names::pairs(&into.options),
        ..CreateView::default()
    })
}

/// A table that is made of a query.
pub(super) fn filled(into: &IntoClause, source: Query) -> CreateTable {
    CreateTable {
        query: Some(Box::new(source)),
        no_data: into.skip_data,
        options: names::pairs(&into.options),
        ..named(into.rel.as_ref())
    }
}

fn viewed(view: &ViewStmt) -> CreateView {
    CreateView {
        name: names::relation(view.view.as_ref()),
        replace: view.replace,
        temporary: view.view.as_ref().is_some_and(|view| view.relpersistence == "t"),
        query: Box::new(query::of(view.query.as_deref())),
        options: names::pairs(&view.options),
        ..CreateView::default()
    }
}

fn altered(alter: &AlterTableStmt, text: &str) -> Stmt {
    let table = names::relation(alter.relation.as_ref());
    let actions = actions::all(&alter.cmds, alter.relation.as_ref(), text);
    match names::kind(alter.objtype()) {
        ObjectKind::Type => Stmt::AlterType { name: table, actions },
        kind => Stmt::AlterTable {
            kind,
            table,
            if_exists: alter.missing_ok,
            only: alter.relation.as_ref().is_some_and(|table| !table.inh),
            actions,
        },
    }
}
