//! Expressions.

use pg_query::Node as Wrapped;
use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::node::Node;
use pg_query::protobuf::{
    AConst, AExpr, AExprKind, BoolExpr, BoolExprType, BoolTestType, BooleanTest, CaseExpr, FuncCall,
    JsonExprOp, MinMaxOp, MultiAssignRef, NullTest, NullTestType, SqlValueFunctionOp, SubLink, SubLinkType,
};

use crate::ast::{Expr, Query};
use crate::statement::Relation;

use super::query::Scope;
use super::{names, types};

/// An expression in which no names of common table expressions can stand.
pub(super) fn of(node: &Node) -> Expr {
    Scope::default().expr(node)
}

/// One that may be there.
pub(super) fn optional(node: Option<&Wrapped>) -> Option<Expr> {
    names::node(node).map(of)
}

impl Scope<'_> {
    pub(super) fn expr(&self, node: &Node) -> Expr {
        match node {
            Node::AConst(constant) => self::constant(constant),
            Node::ColumnRef(column) => Expr::Column(names::inner(&column.fields).filter_map(field).collect()),
            Node::FuncCall(call) => self.call(call),
            Node::TypeCast(cast) => {
                Expr::Cast(Box::new(self.one(cast.arg.as_deref())), types::of(cast.type_name.as_ref()))
            }
            Node::AExpr(operator) => self.operator(operator),
            Node::BoolExpr(bool) => self.bool(bool),
            Node::NullTest(test) => self.null_test(test),
            Node::BooleanTest(test) => self.boolean_test(test),
            Node::SubLink(link) => self.link(link),
            Node::SelectStmt(select) => Expr::Query(Box::new(self.query(select))),
            Node::CoalesceExpr(call) => named("coalesce", self.all(&call.args)),
            Node::MinMaxExpr(call) => named(min_max(call.op()), self.all(&call.args)),
            Node::SqlvalueFunction(call) => named(value_function(call.op()), Vec::new()),
            Node::CollateClause(collate) => {
                Expr::Op("collate".into(), vec![self.one(collate.arg.as_deref())])
            }
            Node::NamedArgExpr(argument) => self.one(argument.arg.as_deref()),
            Node::ResTarget(target) => self.one(target.val.as_deref()),
            Node::MultiAssignRef(assigned) => self.assigned(assigned),
            Node::AStar(_) => Expr::Column(vec!["*".into()]),
            node if json_name(node).is_some() => {
                Expr::Op(json_name(node).unwrap_or_default().to_owned(), self.json(node))
            }
            node => Expr::Other(self.parts(node)),
        }
    }

    /// All of a list.
    pub(super) fn all(&self, nodes: &[Wrapped]) -> Vec<Expr> {
        names::inner(nodes).map(|node| self.expr(node)).collect()
    }

    /// One that may be there.
    pub(super) fn optional(&self, node: Option<&Wrapped>) -> Option<Expr> {
        names::node(node).map(|node| self.expr(node))
    }

    /// `(a, b) = (x, y)` comes as one source for both, of which each has its part; of a query nobody can
    /// tell.
    fn assigned(&self, assigned: &MultiAssignRef) -> Expr {
        let source = assigned.source.as_deref();
        let part = match names::node(source) {
            Some(Node::RowExpr(row)) => {
                usize::try_from(assigned.colno - 1).ok().and_then(|part| row.args.get(part))
            }
            _ => None,
        };
        self.one(part.or(source))
    }

    fn one(&self, node: Option<&Wrapped>) -> Expr {
        self.optional(node).unwrap_or_else(|| Expr::Other(Vec::new()))
    }

    /// What stands in expressions that are not told apart.
    fn parts(&self, node: &Node) -> Vec<Expr> {
        match node {
            Node::CaseExpr(case) => self.case(case),
            Node::AArrayExpr(array) => self.all(&array.elements),
            Node::RowExpr(row) => self.all(&row.args),
            Node::List(list) => self.all(&list.items),
            Node::GroupingFunc(grouping) => self.all(&grouping.args),
            Node::GroupingSet(set) => self.all(&set.content),
            Node::SortBy(sort) => self.optional(sort.node.as_deref()).into_iter().collect(),
            Node::AIndirection(value) => {
                self.optional(value.arg.as_deref()).into_iter().chain(self.all(&value.indirection)).collect()
            }
            Node::AIndices(indices) => [&indices.lidx, &indices.uidx]
                .into_iter()
                .filter_map(|index| self.optional(index.as_deref()))
                .collect(),
            Node::XmlExpr(xml) => self.all(&xml.named_args).into_iter().chain(self.all(&xml.args)).collect(),
            Node::XmlSerialize(xml) => self.optional(xml.expr.as_deref()).into_iter().collect(),
            Node::WindowDef(window) => self.window(window),
            node => self.json(node),
        }
    }

    fn json(&self, node: &Node) -> Vec<Expr> {
        let value = |value: Option<&pg_query::protobuf::JsonValueExpr>| {
            value.and_then(|value| self.optional(value.raw_expr.as_deref())).into_iter().collect::<Vec<_>>()
        };
        match node {
            Node::JsonValueExpr(json) => value(Some(json)),
            Node::JsonFuncExpr(json) => {
                let mut parts = value(json.context_item.as_deref());
                parts.extend(self.optional(json.pathspec.as_deref()));
                parts
            }
            Node::JsonObjectConstructor(json) => self.all(&json.exprs),
            Node::JsonArrayConstructor(json) => self.all(&json.exprs),
            Node::JsonKeyValue(pair) => {
                self.optional(pair.key.as_deref()).into_iter().chain(value(pair.value.as_deref())).collect()
            }
            Node::JsonIsPredicate(json) => self.optional(json.expr.as_deref()).into_iter().collect(),
            Node::JsonObjectAgg(json) => {
                json.arg.iter().flat_map(|pair| self.json(&Node::JsonKeyValue(pair.clone()))).collect()
            }
            Node::JsonArrayAgg(json) => value(json.arg.as_deref()),
            Node::JsonScalarExpr(json) => self.optional(json.expr.as_deref()).into_iter().collect(),
            Node::JsonSerializeExpr(json) => value(json.expr.as_deref()),
            Node::JsonParseExpr(json) => value(json.expr.as_deref()),
            _ => Vec::new(),
        }
    }

    fn case(&self, case: &CaseExpr) -> Vec<Expr> {
        let mut parts: Vec<_> = self.optional(case.arg.as_deref()).into_iter().collect();
        for arm in names::inner(&case.args) {
            if let Node::CaseWhen(arm) = arm {
                parts.extend(self.optional(arm.expr.as_deref()));
                parts.extend(self.optional(arm.result.as_deref()));
            }
        }
        parts.extend(self.optional(case.defresult.as_deref()));
        parts
    }

    /// A call. Its filter, order and window are no arguments: with them it is a part among parts.
    fn call(&self, call: &FuncCall) -> Expr {
        let mut args = self.all(&call.args);
        if call.agg_star {
            args.push(Expr::Column(vec!["*".into()]));
        }
        let function = Expr::Call { name: names::catalogued(&call.funcname), args };
        let mut more = self.all(&call.agg_order);
        more.extend(self.optional(call.agg_filter.as_deref()));
        more.extend(call.over.as_deref().map(|window| self.window(window)).unwrap_or_default());
        if more.is_empty() {
            return function;
        }
        more.insert(0, function);
        Expr::Other(more)
    }

    pub(super) fn window(&self, window: &pg_query::protobuf::WindowDef) -> Vec<Expr> {
        let mut parts = self.all(&window.partition_clause);
        parts.extend(self.all(&window.order_clause));
        parts
    }

    fn operator(&self, operator: &AExpr) -> Expr {
        let name = names::words(&operator.name).pop().unwrap_or_default().to_ascii_lowercase();
        let left = self.optional(operator.lexpr.as_deref());
        let args = |right: Vec<Expr>| left.into_iter().chain(right).collect::<Vec<_>>();
        let right = names::node(operator.rexpr.as_deref());
        let one = || right.map(|node| self.expr(node)).into_iter().collect::<Vec<_>>();
        let list = || match right {
            Some(Node::List(list)) => self.all(&list.items),
            _ => one(),
        };
        let op = |word: &str, args| Expr::Op(word.to_owned(), args);
        match operator.kind() {
            AExprKind::AexprOpAny => op(&format!("{name} any"), args(one())),
            AExprKind::AexprOpAll => op(&format!("{name} all"), args(one())),
            AExprKind::AexprDistinct => op("is distinct from", args(one())),
            AExprKind::AexprNotDistinct => op("is not distinct from", args(one())),
            AExprKind::AexprNullif => named("nullif", args(one())),
            AExprKind::AexprIn => perhaps_not(name == "<>", op("in", args(list()))),
            AExprKind::AexprLike => perhaps_not(name.starts_with('!'), op("like", args(one()))),
            AExprKind::AexprIlike => perhaps_not(name.starts_with('!'), op("ilike", args(one()))),
            AExprKind::AexprSimilar => perhaps_not(name.starts_with('!'), op("similar to", args(one()))),
            AExprKind::AexprBetween => op("between", args(list())),
            AExprKind::AexprNotBetween => perhaps_not(true, op("between", args(list()))),
            AExprKind::AexprBetweenSym => op("between symmetric", args(list())),
            AExprKind::AexprNotBetweenSym => perhaps_not(true, op("between symmetric", args(list()))),
            _ => Expr::Op(name, args(one())),
        }
    }

    fn bool(&self, bool: &BoolExpr) -> Expr {
        let name = match bool.boolop() {
            BoolExprType::OrExpr => "or",
            BoolExprType::NotExpr => "not",
            _ => "and",
        };
        Expr::Op(name.into(), self.all(&bool.args))
    }

    fn null_test(&self, test: &NullTest) -> Expr {
        let tested = Box::new(self.one(test.arg.as_deref()));
        match test.nulltesttype() {
            NullTestType::IsNotNull => Expr::IsNotNull(tested),
            _ => Expr::IsNull(tested),
        }
    }

    fn boolean_test(&self, test: &BooleanTest) -> Expr {
        let name = match test.booltesttype() {
            BoolTestType::IsNotTrue => "is not true",
            BoolTestType::IsFalse => "is false",
            BoolTestType::IsNotFalse => "is not false",
            BoolTestType::IsUnknown => "is unknown",
            BoolTestType::IsNotUnknown => "is not unknown",
            _ => "is true",
        };
        Expr::Op(name.into(), vec![self.one(test.arg.as_deref())])
    }

    /// A query in an expression. `= ANY` is `IN`, and `<> ALL` is `NOT IN` (manual, 9.23).
    fn link(&self, link: &SubLink) -> Expr {
        let query = Box::new(self.linked(link));
        let Some(tested) = self.optional(link.testexpr.as_deref()) else { return Expr::Query(query) };
        let operator = names::words(&link.oper_name).pop().unwrap_or_else(|| "=".into());
        let word = match (link.sub_link_type(), operator.as_str()) {
            (SubLinkType::AnySublink, "=") => return Expr::InQuery(Box::new(tested), query),
            (SubLinkType::AllSublink, "<>") => {
                return perhaps_not(true, Expr::InQuery(Box::new(tested), query));
            }
            (SubLinkType::AllSublink, _) => "all",
            _ => "any",
        };
        Expr::Op(format!("{operator} {word}"), vec![tested, Expr::Query(query)])
    }

    fn linked(&self, link: &SubLink) -> Query {
        match names::node(link.subselect.as_deref()) {
            Some(Node::SelectStmt(select)) => self.query(select),
            _ => Query::default(),
        }
    }
}

fn perhaps_not(not: bool, expr: Expr) -> Expr {
    if not { Expr::Op("not".into(), vec![expr]) } else { expr }
}

fn named(name: &str, args: Vec<Expr>) -> Expr {
    Expr::Call { name: Relation::named(name), args }
}

fn field(node: &Node) -> Option<String> {
    match node {
        Node::AStar(_) => Some("*".into()),
        node => names::text(node),
    }
}

fn constant(constant: &AConst) -> Expr {
    match &constant.val {
        Some(Val::Ival(number)) => Expr::Number(number.ival.to_string()),
        Some(Val::Fval(number)) => Expr::Number(number.fval.clone()),
        Some(Val::Boolval(value)) => Expr::Bool(value.boolval),
        Some(Val::Sval(text)) => Expr::Text(text.sval.clone()),
        Some(Val::Bsval(bits)) => Expr::Text(bits.bsval.clone()),
        None => Expr::Null,
    }
}

fn min_max(op: MinMaxOp) -> &'static str {
    if op == MinMaxOp::IsLeast { "least" } else { "greatest" }
}

/// What SQL itself says of JSON.
fn json_name(node: &Node) -> Option<&'static str> {
    Some(match node {
        Node::JsonObjectConstructor(_) => "json_object",
        Node::JsonArrayConstructor(_) | Node::JsonArrayQueryConstructor(_) => "json_array",
        Node::JsonObjectAgg(_) => "json_objectagg",
        Node::JsonArrayAgg(_) => "json_arrayagg",
        Node::JsonIsPredicate(_) => "is json",
        Node::JsonScalarExpr(_) => "json_scalar",
        Node::JsonSerializeExpr(_) => "json_serialize",
        Node::JsonParseExpr(_) => "json",
        Node::JsonFuncExpr(json) => match json.op() {
            JsonExprOp::JsonExistsOp => "json_exists",
            JsonExprOp::JsonQueryOp => "json_query",
            _ => "json_value",
        },
        _ => return None,
    })
}

fn value_function(op: SqlValueFunctionOp) -> &'static str {
    match op {
        SqlValueFunctionOp::SvfopCurrentDate => "current_date",
        SqlValueFunctionOp::SvfopCurrentTime | SqlValueFunctionOp::SvfopCurrentTimeN => "current_time",
        SqlValueFunctionOp::SvfopLocaltime | SqlValueFunctionOp::SvfopLocaltimeN => "localtime",
        SqlValueFunctionOp::SvfopLocaltimestamp | SqlValueFunctionOp::SvfopLocaltimestampN => {
            "localtimestamp"
        }
        SqlValueFunctionOp::SvfopCurrentRole => "current_role",
        SqlValueFunctionOp::SvfopCurrentUser => "current_user",
        SqlValueFunctionOp::SvfopUser => "user",
        SqlValueFunctionOp::SvfopSessionUser => "session_user",
        SqlValueFunctionOp::SvfopCurrentCatalog => "current_catalog",
        SqlValueFunctionOp::SvfopCurrentSchema => "current_schema",
        _ => "current_timestamp",
    }
}
