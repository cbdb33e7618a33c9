//! Expressions and queries, as far as anything asks about them.

use super::{Stmt, Type};
use crate::statement::Relation;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// `NULL`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// As it is written.
    Number(String),
    /// A text.
    Text(String),
    /// A column with what stands before it; `*` for all.
    Column(Vec<String>),
    /// `f(…)`. The SQL words that are functions (`CURRENT_TIMESTAMP`, `CURRENT_USER`, …) are calls of
    /// their lower-case name; `COALESCE`, `GREATEST`, `LEAST`, `NULLIF` too.
    Call {
        /// Which; `pg_catalog` is left out.
        name: Relation,
        /// With what.
        args: Vec<Expr>,
    },
    /// `x::t`, `CAST(x AS t)`.
    Cast(Box<Expr>, Type),
    /// An operator: `=`, `||`, `and`, `or`, `not`, `like`, `in` (a list), `between`, … in lower case.
    /// What is `NOT` inside of it stands around it: `NOT LIKE` is `not` of `like`. `a = ANY (array)` is
    /// `= any`, `x > ALL (SELECT …)` is `> all` of `x` and the query, `IS TRUE` is `is true`. What SQL
    /// itself says of JSON is one too: `is json`, `json_object` of `JSON_OBJECT('a': 1)`, `json_value`, ….
    Op(String, Vec<Expr>),
    /// `IS NULL`.
    IsNull(Box<Expr>),
    /// `IS NOT NULL`.
    IsNotNull(Box<Expr>),
    /// `x IN (SELECT …)`, `x = ANY (SELECT …)`; `NOT IN` and `<> ALL` stand in an `Op("not", …)`.
    InQuery(Box<Expr>, Box<Query>),
    /// A query as a value, `EXISTS`, `ARRAY(SELECT …)`.
    Query(Box<Query>),
    /// Anything else, with its parts: `CASE`, arrays, rows, parameters, …
    Other(Vec<Expr>),
}

/// A query, in short.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// Everything it reads, at any depth (subqueries, common table expressions); names of common table
    /// expressions are left out.
    pub tables: Vec<Relation>,
    /// What it gives: columns with their names, where they are given; `*` is an [`Expr::Column`].
    pub columns: Vec<(Option<String>, Expr)>,
    /// Its outermost `WHERE`.
    pub filter: Option<Expr>,
    /// `VALUES`, or no `FROM` at all.
    pub constant: bool,
    /// `LIMIT`.
    pub limited: bool,
    /// `FOR UPDATE`, `FOR SHARE`, …
    pub locking: bool,
    /// The tables of which it takes all columns by `*`, at any depth.
    pub whole: Vec<Relation>,
    /// Statements in its `WITH` that write.
    pub writes: Vec<Stmt>,
    /// What is written in it that older servers don't know, with the version that it came with.
    pub newer: Vec<(&'static str, u32)>,
    /// Other expressions in it: of joins, grouping, order, lists of `VALUES`, subqueries in `FROM`.
    pub others: Vec<Expr>,
}

impl Expr {
    /// The expression and everything in it, outermost first; into queries too.
    pub fn walk<'e>(&'e self, visit: &mut dyn FnMut(&'e Self)) {
        visit(self);
        match self {
            Self::Call { args, .. } | Self::Op(_, args) | Self::Other(args) => {
                for part in args {
                    part.walk(visit);
                }
            }
            Self::Cast(part, _) | Self::IsNull(part) | Self::IsNotNull(part) => part.walk(visit),
            Self::InQuery(part, query) => {
                part.walk(visit);
                query.walk(visit);
            }
            Self::Query(query) => query.walk(visit),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::Column(_) => {}
        }
    }

    /// Whether any part of it is so.
    pub fn any(&self, mut is: impl FnMut(&Self) -> bool) -> bool {
        let mut found = false;
        self.walk(&mut |part| found |= is(part));
        found
    }

    /// The names of the columns in it, without what stands before them.
    pub fn columns(&self) -> Vec<&str> {
        let mut columns = Vec::new();
        self.walk(&mut |part| {
            if let Self::Column(path) = part {
                columns.extend(path.last().map(String::as_str));
            }
        });
        columns
    }

    /// Without the casts around it.
    pub fn bare(&self) -> &Self {
        match self {
            Self::Cast(inner, _) => inner.bare(),
            _ => self,
        }
    }

    /// A value that stands there as it is, perhaps with a cast or a sign.
    pub fn is_constant(&self) -> bool {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => true,
            Self::Cast(inner, _) => inner.is_constant(),
            Self::Op(operator, args) => {
                matches!(operator.as_str(), "-" | "+") && args.len() == 1 && args[0].is_constant()
            }
            _ => false,
        }
    }
}

impl Query {
    /// Every expression in it and in its parts.
    pub fn walk<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr)) {
        let columns = self.columns.iter().map(|(_, expr)| expr);
        columns.chain(&self.filter).chain(&self.others).for_each(|expr| expr.walk(visit));
    }
}
