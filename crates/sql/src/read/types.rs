//! Names of types, as the server's catalog has them.

use pg_query::Node as Wrapped;
use pg_query::protobuf::TypeName;
use pg_query::protobuf::node::Node;

use crate::ast::Type;

use super::{expr, names};
use crate::ast::Expr;

/// A type that may be there.
pub(super) fn of(name: Option<&TypeName>) -> Type {
    name.map(self::name).unwrap_or_default()
}

/// A type. Words of the grammar come as names of `pg_catalog`: `int` as `int4`, `char` as `bpchar`.
pub(super) fn name(name: &TypeName) -> Type {
    let relation = names::catalogued(&name.names);
    Type {
        modifiers: modifiers(&relation.name, &name.typmods),
        name: if relation.schema.is_none() { serial(relation.name) } else { relation.name },
        schema: relation.schema,
        array: !name.array_bounds.is_empty(),
    }
}

/// The words for `serial` are no names of types: the grammar gives them as they are written.
fn serial(name: String) -> String {
    match name.as_str() {
        "serial2" => "smallserial".into(),
        "serial4" => "serial".into(),
        "serial8" => "bigserial".into(),
        _ => name,
    }
}

/// The numbers in brackets. Of an interval the first says which fields it has (`YEAR TO MONTH`), as a
/// set of bits that nobody here asks for: only its precision is kept.
fn modifiers(name: &str, nodes: &[Wrapped]) -> Vec<i64> {
    let skipped = usize::from(name == "interval");
    names::inner(nodes).skip(skipped).filter_map(number).collect()
}

fn number(node: &Node) -> Option<i64> {
    match expr::of(node) {
        Expr::Number(digits) => digits.parse().ok(),
        Expr::Op(sign, args) if sign == "-" => match args.as_slice() {
            [Expr::Number(digits)] => digits.parse().ok().map(|number: i64| -number),
            _ => None,
        },
        _ => None,
    }
}
