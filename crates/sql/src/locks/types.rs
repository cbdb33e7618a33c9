//! Changes of a column's type: which are free, which build indexes again, which write the table anew.
//!
//! The server asks whether the new value is the old one, byte for byte
//! (`ATColumnChangeRequiresRewrite`): a cast without a function (`pg_cast.castmethod` is `b`), a length
//! that only grows (the support functions of `varchar`, `numeric`, `varbit`, times). An index stays if
//! its operator class and collation do (`CheckIndexCompatible`).

use super::Place;
use crate::ast::{Expr, Type};
use crate::schema::MadeKind;

/// What a change of a type costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// The catalog alone is changed.
    Nothing,
    /// Rows stay as they are, indexes on the column are built again.
    IndexRebuild,
    /// It is not known: the old type isn't, or nobody knows what one of the types is made of.
    Unknown,
    /// Every row is written anew, and every index built again.
    Rewrite,
}

/// A column's type with its collation.
#[derive(Clone, Copy, Debug)]
pub struct Typed<'a> {
    /// The type; nothing where it is not known.
    pub of: Option<&'a Type>,
    /// `COLLATE`; nothing is the type's own.
    pub collation: Option<&'a str>,
}

/// What a change of a column's type costs, with its `USING` where one is written.
pub fn change(
    place: Place<'_>,
    column: &str,
    from: Typed<'_>,
    to: Typed<'_>,
    using: Option<&Expr>,
) -> Change {
    let Some(target) = to.of else { return Change::Unknown };
    let Some(steps) = steps(column, using) else { return Change::Rewrite };
    let Some(old) = from.of else { return Change::Unknown };
    let mut change = Change::Nothing;
    let mut now = old;
    for step in steps.into_iter().chain([target]) {
        change = change.max(one(place, now, step, 0));
        now = step;
    }
    if from.collation == to.collation { change } else { change.max(Change::IndexRebuild) }
}

/// The types through which `USING` goes, if it is the column with casts and nothing else.
fn steps<'a>(column: &str, using: Option<&'a Expr>) -> Option<Vec<&'a Type>> {
    let mut steps = Vec::new();
    let Some(mut expr) = using else { return Some(steps) };
    while let Expr::Cast(inner, of) = expr {
        steps.push(of);
        expr = inner;
    }
    steps.reverse();
    matches!(expr, Expr::Column(path) if path.last().is_some_and(|last| last == column)).then_some(steps)
}

/// Domains over domains are not followed further.
const DEEPEST_DOMAIN: usize = 32;

fn one(place: Place<'_>, from: &Type, to: &Type, depth: usize) -> Change {
    if place.schema.is_same_type(from, to) {
        return Change::Nothing;
    }
    if depth > DEEPEST_DOMAIN {
        return Change::Unknown;
    }
    let made = |of: &Type| if of.array { None } else { place.schema.made_type(of).map(|made| &made.kind) };
    match (made(from), made(to)) {
        (_, Some(MadeKind::Domain(_, true))) => Change::Rewrite,
        (Some(MadeKind::Domain(base, _)), _) => one(place, base, to, depth + 1),
        (_, Some(MadeKind::Domain(base, false))) => one(place, from, base, depth + 1),
        (Some(_), _) if is_own(&to.name) => Change::Rewrite,
        (_, Some(_)) if is_own(&from.name) => Change::Rewrite,
        (Some(_), Some(_)) => Change::Rewrite,
        _ => between_own(place, from, to),
    }
}

/// Whether both are of one type, whatever their limits.
fn is_one_type(place: Place<'_>, from: &Type, to: &Type) -> bool {
    let bare = |of: &Type| Type { modifiers: Vec::new(), ..of.clone() };
    place.schema.is_same_type(&bare(from), &bare(to))
}

/// Between types of the server, or those of extensions.
fn between_own(place: Place<'_>, from: &Type, to: &Type) -> Change {
    if from.array || to.array {
        return arrays(place, from, to);
    }
    if from.name == to.name {
        let same = is_one_type(place, from, to);
        return if same { length(to, &from.modifiers) } else { Change::Unknown };
    }
    let (from_name, to_name) = (from.name.as_str(), to.name.as_str());
    let known = |name: &str| is_own(name) || name == "citext";
    if !known(from_name) || !known(to_name) {
        return Change::Unknown;
    }
    if matches!((from_name, to_name), ("timestamp", "timestamptz") | ("timestamptz", "timestamp")) {
        let same = if place.utc { Change::IndexRebuild } else { Change::Rewrite };
        return same.max(length(to, &[]));
    }
    if !same_bytes(from_name, to_name) {
        return Change::Rewrite;
    }
    let index = if same_order(from_name, to_name) { Change::Nothing } else { Change::IndexRebuild };
    // A limit goes on through a cast between these two.
    let limit = if same_order(from_name, to_name) { from.modifiers.as_slice() } else { &[] };
    index.max(length(to, limit))
}

/// Arrays carry the type of their elements in every value, and a wider limit is asked of each element.
fn arrays(place: Place<'_>, from: &Type, to: &Type) -> Change {
    let same = is_one_type(place, from, to);
    match same {
        true if to.modifiers.is_empty() || to.modifiers == from.modifiers => Change::Nothing,
        false if !is_own(&from.name) && !is_own(&to.name) => Change::Unknown,
        _ => Change::Rewrite,
    }
}

/// Whether values of one are values of the other (`pg_cast.castmethod` is `b`).
fn same_bytes(from: &str, to: &str) -> bool {
    const OID: &[&str] = &[
        "oid",
        "regclass",
        "regproc",
        "regprocedure",
        "regoper",
        "regoperator",
        "regtype",
        "regconfig",
        "regdictionary",
        "regrole",
        "regnamespace",
        "regcollation",
    ];
    let oid = |name: &str| OID.contains(&name);
    match (from, to) {
        ("text" | "varchar" | "citext", "text" | "varchar" | "citext" | "bpchar")
        | ("xml", "text" | "varchar" | "bpchar")
        | ("bit", "varbit")
        | ("varbit", "bit")
        | ("cidr", "inet") => true,
        ("int4", to) => oid(to),
        (from, "int4") => oid(from),
        (from, to) => oid(from) && (to == "oid" || from == "oid" && oid(to)),
    }
}

/// Whether both are compared by the same operators, so that a foreign key need not be proven again.
pub(super) fn compares_alike(from: &Type, to: &Type) -> bool {
    from.array == to.array && (from.name == to.name || same_order(&from.name, &to.name))
}

/// Whether the default operator class of indexes is the same for both.
fn same_order(from: &str, to: &str) -> bool {
    match (from, to) {
        ("text" | "varchar", "text" | "varchar") | ("cidr", "inet") => true,
        (from, to) => {
            let oid = |name: &str| name == "oid" || name.starts_with("reg");
            oid(from) && oid(to)
        }
    }
}

/// What the limits of the new type cost, for values that kept to the old ones.
fn length(to: &Type, old: &[i64]) -> Change {
    let new = to.modifiers.as_slice();
    if new == old {
        return Change::Nothing;
    }
    let free = match to.name.as_str() {
        _ if new.is_empty() => true,
        "varchar" | "varbit" => matches!((old, new), ([old], [new]) if old <= new),
        "numeric" => match (precision_and_scale(old), precision_and_scale(new)) {
            (Some((old, old_scale)), Some((new, new_scale))) => old <= new && old_scale == new_scale,
            _ => false,
        },
        "time" | "timetz" | "timestamp" | "timestamptz" | "interval" => match (old, new) {
            (_, [new]) if *new >= FINEST => true,
            ([old], [new]) => old <= new,
            _ => false,
        },
        name if !is_own(name) => return Change::Unknown,
        _ => false,
    };
    if free { Change::Nothing } else { Change::Rewrite }
}

/// No time has more digits behind its point.
const FINEST: i64 = 6;

fn precision_and_scale(modifiers: &[i64]) -> Option<(i64, i64)> {
    match modifiers {
        [precision] => Some((*precision, 0)),
        [precision, scale] => Some((*precision, *scale)),
        _ => None,
    }
}

/// Whether it is one of the server's own types, by the name that its catalog has for it.
pub fn is_own(name: &str) -> bool {
    OWN.contains(&name)
}

const OWN: &[&str] = &[
    "bit",
    "bool",
    "box",
    "bpchar",
    "bytea",
    "char",
    "cid",
    "cidr",
    "circle",
    "date",
    "datemultirange",
    "daterange",
    "float4",
    "float8",
    "inet",
    "int2",
    "int4",
    "int4multirange",
    "int4range",
    "int8",
    "int8multirange",
    "int8range",
    "interval",
    "json",
    "jsonb",
    "jsonpath",
    "line",
    "lseg",
    "macaddr",
    "macaddr8",
    "money",
    "name",
    "numeric",
    "nummultirange",
    "numrange",
    "oid",
    "oidvector",
    "path",
    "pg_lsn",
    "pg_snapshot",
    "point",
    "polygon",
    "record",
    "regclass",
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
    "text",
    "tid",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "trigger",
    "tsmultirange",
    "tsquery",
    "tsrange",
    "tstzmultirange",
    "tstzrange",
    "tsvector",
    "txid_snapshot",
    "uuid",
    "varbit",
    "varchar",
    "void",
    "xid",
    "xid8",
    "xml",
    "serial",
    "serial2",
    "serial4",
    "serial8",
    "bigserial",
    "smallserial",
];
