//! Queries and statements that change rows.

use pg_query::Node as Wrapped;
use pg_query::protobuf::node::Node;
use pg_query::protobuf::{
    CommonTableExpr, CopyStmt, DeleteStmt, InsertStmt, MergeStmt, MergeWhenClause, RangeSubselect,
    SelectStmt, SetOperation, TruncateStmt, UpdateStmt, WithClause,
};

use crate::ast::{Expr, Query, Stmt};
use crate::statement::Relation;

use super::{names, tables};

/// The names of common table expressions that can be seen.
#[derive(Default)]
pub(super) struct Scope<'a> {
    names: Vec<&'a str>,
    outer: Option<&'a Scope<'a>>,
}

pub(super) fn statement(node: &Node) -> Option<Stmt> {
    Scope::default().statement(node)
}

/// A query that stands in another statement.
pub(super) fn of(node: Option<&Wrapped>) -> Query {
    match names::node(node) {
        Some(Node::SelectStmt(select)) => Scope::default().query(select),
        _ => Query::default(),
    }
}

impl Scope<'_> {
    fn statement(&self, node: &Node) -> Option<Stmt> {
        Some(match node {
            Node::SelectStmt(select) => match &select.into_clause {
                Some(into) => Stmt::CreateTable(Box::new(tables::filled(into, self.query(select)))),
                None => Stmt::Select(Box::new(self.query(select))),
            },
            Node::InsertStmt(insert) => self.insert(insert),
            Node::UpdateStmt(update) => self.update(update),
            Node::DeleteStmt(delete) => self.delete(delete),
            Node::MergeStmt(merge) => self.merge(merge),
            Node::CopyStmt(copy) => copied(copy),
            Node::TruncateStmt(truncate) => truncated(truncate),
            _ => return None,
        })
    }

    pub(super) fn query(&self, select: &SelectStmt) -> Query {
        let mut query = Query::default();
        let scope = self.with(select.with_clause.as_ref(), &mut query);
        if select.op() == SetOperation::SetopNone || select.larg.is_none() {
            scope.simple(select, &mut query);
        } else {
            scope.combined(select, &mut query);
        }
        query.others.extend(scope.all(&select.sort_clause));
        let limit = scope.optional(select.limit_count.as_deref());
        query.limited = limit.as_ref().is_some_and(|limit| *limit != Expr::Null);
        query.others.extend(limit);
        query.locking |= !select.locking_clause.is_empty();
        gather(&mut query);
        query
    }

    fn simple(&self, select: &SelectStmt, query: &mut Query) {
        query.columns = names::inner(&select.target_list).map(|target| self.column(target)).collect();
        query.filter = self.optional(select.where_clause.as_deref());
        query.constant = select.from_clause.is_empty();
        if select.group_distinct {
            query.newer.push(("GROUP BY DISTINCT", 14));
        }
        self.from(&select.from_clause, query);
        self.stars(select, query);
        for list in
            [&select.values_lists, &select.group_clause, &select.window_clause, &select.distinct_clause]
        {
            query.others.extend(self.all(list));
        }
        query.others.extend(self.optional(select.having_clause.as_deref()));
    }

    /// `UNION` and the like: the columns are those of the first.
    fn combined(&self, select: &SelectStmt, query: &mut Query) {
        let sides = [&select.larg, &select.rarg].into_iter().flatten();
        let sides: Vec<_> = sides.map(|side| self.query(side)).collect();
        query.constant = sides.iter().all(|side| side.constant);
        query.locking = sides.iter().any(|side| side.locking);
        query.columns = sides.first().map(|first| first.columns.clone()).unwrap_or_default();
        for mut side in sides {
            query.writes.append(&mut side.writes);
            query.others.push(Expr::Query(Box::new(side)));
        }
    }

    fn column(&self, target: &Node) -> (Option<String>, Expr) {
        match target {
            Node::ResTarget(column) => (names::word(&column.name), self.expr(target)),
            _ => (None, self.expr(target)),
        }
    }

    /// Reads a `WITH`, and gives the scope of what stands behind it. Without `RECURSIVE`, each of its
    /// queries sees those before it, and not itself (manual, 7.8).
    fn with<'b>(&'b self, with: Option<&'b WithClause>, query: &mut Query) -> Scope<'b> {
        let mut scope = Scope { names: Vec::new(), outer: Some(self) };
        let Some(with) = with else { return scope };
        let all = || {
            names::inner(&with.ctes).filter_map(|node| match node {
                Node::CommonTableExpr(common) => Some(&**common),
                _ => None,
            })
        };
        if with.recursive {
            scope.names.extend(all().map(|common| common.ctename.as_str()));
        }
        for common in all() {
            scope.common(common, query);
            scope.names.push(&common.ctename);
        }
        scope
    }

    fn common(&self, common: &CommonTableExpr, query: &mut Query) {
        match names::node(common.ctequery.as_deref()) {
            Some(Node::SelectStmt(select)) => {
                let mut common = self.query(select);
                query.writes.append(&mut common.writes);
                query.others.push(Expr::Query(Box::new(common)));
            }
            Some(node) => query.writes.extend(self.statement(node)),
            None => {}
        }
    }

    fn knows(&self, name: &str) -> bool {
        self.names.contains(&name) || self.outer.is_some_and(|outer| outer.knows(name))
    }

    /// Which tables a `*` or `t.*` stands for.
    fn stars(&self, select: &SelectStmt, query: &mut Query) {
        let path = |expr: &Expr| match expr {
            Expr::Column(path) if path.last().is_some_and(|last| last == "*") => Some(path.clone()),
            _ => None,
        };
        let stars: Vec<Vec<String>> = query.columns.iter().filter_map(|(_, expr)| path(expr)).collect();
        if stars.is_empty() {
            return;
        }
        let mut ranges = Vec::new();
        for item in &select.from_clause {
            self.ranges(Some(item), &mut ranges);
        }
        for star in stars {
            let of = star.len().checked_sub(2).map(|before| star[before].as_str());
            for (name, table) in &ranges {
                if of.is_none_or(|of| of == name) {
                    add(&mut query.whole, table);
                }
            }
        }
    }

    /// The tables in `FROM`, by the names that they have there.
    fn ranges(&self, item: Option<&Wrapped>, ranges: &mut Vec<(String, Relation)>) {
        match names::node(item) {
            Some(Node::RangeVar(range)) if range.schemaname.is_empty() && self.knows(&range.relname) => {}
            Some(Node::RangeVar(range)) => {
                let alias = range.alias.as_ref().map(|alias| alias.aliasname.clone());
                let name = alias.unwrap_or_else(|| range.relname.clone());
                ranges.push((name, names::relation(Some(range))));
            }
            Some(Node::JoinExpr(join)) => {
                self.ranges(join.larg.as_deref(), ranges);
                self.ranges(join.rarg.as_deref(), ranges);
            }
            _ => {}
        }
    }

    fn from(&self, items: &[Wrapped], query: &mut Query) {
        for item in items {
            self.source(Some(item), query);
        }
    }

    fn source(&self, item: Option<&Wrapped>, query: &mut Query) {
        match names::node(item) {
            Some(Node::RangeVar(range)) if range.schemaname.is_empty() && self.knows(&range.relname) => {}
            Some(Node::RangeVar(range)) => add(&mut query.tables, &names::relation(Some(range))),
            Some(Node::JoinExpr(join)) => {
                if join.join_using_alias.is_some() {
                    query.newer.push(("JOIN … USING (…) AS", 14));
                }
                self.source(join.larg.as_deref(), query);
                self.source(join.rarg.as_deref(), query);
                query.others.extend(self.optional(join.quals.as_deref()));
            }
            Some(Node::RangeSubselect(select)) => self.subquery(select, query),
            Some(Node::RangeFunction(function)) => query.others.extend(self.all(&function.functions)),
            Some(Node::RangeTableSample(sample)) => {
                self.source(sample.relation.as_deref(), query);
                query.others.extend(self.all(&sample.args));
            }
            Some(Node::JsonTable(_)) => query.newer.push(("JSON_TABLE", 17)),
            Some(Node::RangeTableFunc(function)) => {
                query.others.extend(self.optional(function.docexpr.as_deref()));
                query.others.extend(self.optional(function.rowexpr.as_deref()));
            }
            _ => {}
        }
    }

    fn subquery(&self, select: &RangeSubselect, query: &mut Query) {
        if select.alias.is_none() {
            query.newer.push(("a query in FROM without a name", 16));
        }
        let mut inner = self.optional(select.subquery.as_deref());
        if let Some(Expr::Query(inner)) = &mut inner {
            query.locking |= inner.locking;
            query.writes.append(&mut inner.writes);
        }
        query.others.extend(inner);
    }

    fn insert(&self, insert: &InsertStmt) -> Stmt {
        let mut with = Query::default();
        let scope = self.with(insert.with_clause.as_ref(), &mut with);
        let source = match names::node(insert.select_stmt.as_deref()) {
            Some(Node::SelectStmt(select)) => Some(scope.query(select)),
            _ => None,
        };
        let source = source.map(|mut source| {
            source.writes.append(&mut with.writes);
            source.others.append(&mut with.others);
            gather(&mut source);
            Box::new(source)
        });
        Stmt::Insert {
            table: names::relation(insert.relation.as_ref()),
            columns: names::inner(&insert.cols).filter_map(target).collect(),
            source,
            on_conflict: insert.on_conflict_clause.is_some(),
        }
    }

    fn update(&self, update: &UpdateStmt) -> Stmt {
        let mut read = Query::default();
        let scope = self.with(update.with_clause.as_ref(), &mut read);
        scope.from(&update.from_clause, &mut read);
        let assignments: Vec<_> = names::inner(&update.target_list)
            .filter_map(|node| Some((target(node)?, scope.expr(node))))
            .collect();
        let filter = scope.optional(update.where_clause.as_deref());
        read.others.extend(assignments.iter().map(|(_, value)| value).chain(&filter).cloned());
        gather(&mut read);
        Stmt::Update {
            table: names::relation(update.relation.as_ref()),
            assignments,
            reads: read.tables,
            filter,
            writes: read.writes,
        }
    }

    fn delete(&self, delete: &DeleteStmt) -> Stmt {
        let mut read = Query::default();
        let scope = self.with(delete.with_clause.as_ref(), &mut read);
        scope.from(&delete.using_clause, &mut read);
        let filter = scope.optional(delete.where_clause.as_deref());
        read.others.extend(filter.clone());
        gather(&mut read);
        Stmt::Delete {
            table: names::relation(delete.relation.as_ref()),
            reads: read.tables,
            filter,
            writes: read.writes,
        }
    }

    fn merge(&self, merge: &MergeStmt) -> Stmt {
        let mut read = Query::default();
        let scope = self.with(merge.with_clause.as_ref(), &mut read);
        scope.source(merge.source_relation.as_deref(), &mut read);
        read.others.extend(scope.optional(merge.join_condition.as_deref()));
        for arm in names::inner(&merge.merge_when_clauses) {
            if let Node::MergeWhenClause(arm) = arm {
                read.others.extend(scope.arm(arm));
            }
        }
        gather(&mut read);
        Stmt::Merge {
            table: names::relation(merge.relation.as_ref()),
            reads: read.tables,
            writes: read.writes,
        }
    }

    fn arm(&self, arm: &MergeWhenClause) -> Vec<Expr> {
        let mut parts = self.all(&arm.target_list);
        parts.extend(self.all(&arm.values));
        parts.extend(self.optional(arm.condition.as_deref()));
        parts
    }
}

fn target(node: &Node) -> Option<String> {
    match node {
        Node::ResTarget(target) => Some(target.name.clone()),
        _ => None,
    }
}

fn add(tables: &mut Vec<Relation>, table: &Relation) {
    if !tables.contains(table) {
        tables.push(table.clone());
    }
}

/// Adds what the queries in its expressions and the writing statements of its `WITH` read.
fn gather(query: &mut Query) {
    let mut tables = std::mem::take(&mut query.tables);
    let mut whole = std::mem::take(&mut query.whole);
    query.walk(&mut |part| {
        if let Expr::Query(inner) | Expr::InQuery(_, inner) = part {
            for table in &inner.tables {
                add(&mut tables, table);
            }
            for table in &inner.whole {
                add(&mut whole, table);
            }
        }
    });
    query.whole = whole;
    for write in &query.writes {
        for table in reads(write) {
            add(&mut tables, table);
        }
    }
    query.tables = tables;
}

fn reads(statement: &Stmt) -> &[Relation] {
    match statement {
        Stmt::Insert { source: Some(source), .. } => &source.tables,
        Stmt::Update { reads, .. } | Stmt::Delete { reads, .. } | Stmt::Merge { reads, .. } => reads,
        _ => &[],
    }
}

fn copied(copy: &CopyStmt) -> Stmt {
    Stmt::Copy {
        table: copy.relation.as_ref().map(|table| names::relation(Some(table))),
        from: copy.is_from,
        program: copy.is_program,
        file: !copy.is_program && !copy.filename.is_empty(),
    }
}

fn truncated(truncate: &TruncateStmt) -> Stmt {
    Stmt::Truncate {
        tables: names::relations(&truncate.relations),
        only: names::inner(&truncate.relations).filter_map(alone).collect(),
        cascade: names::cascades(truncate.behavior),
        restart: truncate.restart_seqs,
    }
}

fn alone(node: &Node) -> Option<Relation> {
    match node {
        Node::RangeVar(table) if !table.inh => Some(names::relation(Some(table))),
        _ => None,
    }
}
