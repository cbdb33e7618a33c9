//! SQLAlchemy's types by the names that the server has for them.

use switchback_sql::Relation;
use switchback_sql::ast::{Stmt, Type};

use super::value::{Object, Value};

/// SQLAlchemy's names that are not the server's in lower case. What is not here is: `JSONB`, `INET`,
/// `TSVECTOR`.
const NAMES: &[(&str, &str)] = &[
    ("integer", "int4"),
    ("int", "int4"),
    ("biginteger", "int8"),
    ("bigint", "int8"),
    ("smallinteger", "int2"),
    ("smallint", "int2"),
    ("string", "varchar"),
    ("unicode", "varchar"),
    ("nvarchar", "varchar"),
    ("autostring", "varchar"),
    ("unicodetext", "text"),
    ("char", "bpchar"),
    ("nchar", "bpchar"),
    ("boolean", "bool"),
    ("decimal", "numeric"),
    ("float", "float8"),
    ("double", "float8"),
    ("double_precision", "float8"),
    ("real", "float4"),
    ("largebinary", "bytea"),
    ("blob", "bytea"),
    ("pickletype", "bytea"),
    ("uuidtype", "uuid"),
    ("guid", "uuid"),
    ("timestampaware", "timestamptz"),
    ("tstzrange", "tstzrange"),
];

/// Types of the server whose name SQLAlchemy writes in capitals, or with a capital.
const SAME: &[&str] = &[
    "varchar",
    "text",
    "numeric",
    "date",
    "interval",
    "json",
    "jsonb",
    "uuid",
    "bytea",
    "inet",
    "cidr",
    "macaddr",
    "macaddr8",
    "money",
    "oid",
    "regclass",
    "regconfig",
    "tsvector",
    "tsquery",
    "hstore",
    "citext",
    "bit",
    "point",
    "int4range",
    "int8range",
    "numrange",
    "daterange",
    "tsrange",
    "int4multirange",
    "int8multirange",
    "nummultirange",
    "datemultirange",
    "tsmultirange",
    "tstzmultirange",
    "ltree",
    "lquery",
    "ltxtquery",
    "xml",
    "geometry",
    "geography",
];

/// What a column's type is.
#[derive(Clone, Debug, Default)]
pub(super) struct Typed {
    pub(super) of: Type,
    pub(super) collation: Option<String>,
    /// An enum that `create_table` makes with the table, with its labels.
    pub(super) made: Option<(Relation, Vec<String>)>,
    /// It can be seen what it is.
    pub(super) exact: bool,
}

/// Reads a type, called or not.
pub(super) fn read(value: &Value) -> Typed {
    match value {
        Value::Object(object) if !object.attribute => called(object),
        Value::Name(_) | Value::Unknown(_) => plain(value.class(), value.called(), &[], None),
        Value::Class(class) => named(&class.name, false),
        _ => named(value.called(), false),
    }
}

fn called(object: &Object) -> Typed {
    match &*object.name {
        "with_variant" => return variant(object),
        // A class of the file or of the application, called.
        "()" => return object.receiver.as_ref().map_or_else(Typed::default, read),
        "Enum" | "ENUM" => return an_enum(object),
        "ARRAY" => return array(object),
        "DOMAIN" => return domain(object),
        _ => {}
    }
    plain(&object.name, &object.name, &object.args, Some(object))
}

/// `a.with_variant(b, "postgresql")`.
fn variant(object: &Object) -> Typed {
    let ours = object.args.iter().skip(1).filter_map(Value::as_text).any(|text| text.text == "postgresql");
    let base = object.receiver.as_ref();
    let chosen = if ours { object.args.first() } else { base };
    chosen.map_or_else(Typed::default, read)
}

fn named(name: &str, exact: bool) -> Typed {
    let name = if name.is_empty() { "unknown" } else { name };
    Typed { of: Type { name: name.to_owned(), ..Type::default() }, exact, ..Typed::default() }
}

fn plain(class: &str, written: &str, args: &[Value], object: Option<&Object>) -> Typed {
    let lower = class.to_ascii_lowercase();
    let name = NAMES.iter().find(|(theirs, _)| *theirs == lower).map(|(_, ours)| *ours);
    let name = name.or_else(|| SAME.iter().copied().find(|same| *same == lower));
    let name = name.or_else(|| timed(&lower, object));
    let Some(name) = name else { return named(written.rsplit('.').next().unwrap_or(written), false) };
    let mut typed = named(name, true);
    typed.of.modifiers = modifiers(name, args, object);
    if let Some(object) = object {
        typed.collation = object.named("collation").and_then(Value::as_text).map(|text| text.text.clone());
        narrow(&mut typed, &lower, object);
    }
    typed
}

/// Times, with or without a zone.
fn timed(lower: &str, object: Option<&Object>) -> Option<&'static str> {
    let first = object.and_then(|object| object.args.first());
    let zone = object.is_some_and(|object| object.is("timezone")) || first.is_some_and(Value::is_true);
    Some(match (lower, zone) {
        ("datetime" | "timestamp", false) => "timestamp",
        ("datetime" | "timestamp", true) => "timestamptz",
        ("time", false) => "time",
        ("time", true) => "timetz",
        ("uuidtype", _) => "uuid",
        _ => return None,
    })
}

/// What a class is called with changes the type itself.
fn narrow(typed: &mut Typed, lower: &str, object: &Object) {
    let number = |name: &str| object.arg(0, name).and_then(whole);
    match lower {
        // PostgreSQL manual, 8.1.3: `float(1)` to `float(24)` is `real`.
        "float" if number("precision").is_some_and(|digits| digits <= 24) => typed.of.name = "float4".into(),
        "uuid" if matches!(object.named("native_uuid"), Some(Value::Bool(false))) => {
            typed.of = Type { name: "bpchar".into(), modifiers: vec![32], ..Type::default() };
        }
        "bit" if object.is("varying") => typed.of.name = "varbit".into(),
        _ => {}
    }
}

fn modifiers(name: &str, args: &[Value], object: Option<&Object>) -> Vec<i64> {
    let arg = |place: usize, names: &[&str]| {
        let named = || names.iter().find_map(|name| object?.named(name));
        args.get(place).or_else(named).and_then(whole)
    };
    let list = match name {
        "varchar" | "bit" | "varbit" => vec![arg(0, &["length"])],
        // The server's grammar gives `char` its length 1.
        "bpchar" => vec![arg(0, &["length"]).or(Some(1))],
        "numeric" => vec![arg(0, &["precision"]), arg(1, &["scale"])],
        "timestamp" | "timestamptz" | "time" | "timetz" => vec![arg(1, &["precision"])],
        _ => Vec::new(),
    };
    list.into_iter().map_while(|number| number).collect()
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(digits) => digits.parse().ok(),
        _ => None,
    }
}

fn array(object: &Object) -> Typed {
    let inner = object.arg(0, "item_type").map_or_else(Typed::default, read);
    Typed { of: Type { array: true, ..inner.of.clone() }, ..inner }
}

fn domain(object: &Object) -> Typed {
    let name = object.arg(0, "name").and_then(Value::as_text);
    let mut typed = named(name.map_or("", |text| &text.text), name.is_some());
    typed.of.schema = schema(object);
    typed
}

fn schema(object: &Object) -> Option<String> {
    object.named("schema").and_then(Value::as_text).map(|text| text.text.clone())
}

/// The name and labels of an enum.
pub(super) fn enum_of(object: &Object) -> Option<(Relation, Vec<String>)> {
    let class = object.args.first().and_then(|first| match first {
        Value::Class(class) => Some(class),
        _ => None,
    });
    let name = object.named("name").and_then(Value::as_text).map(|text| text.text.clone());
    // The name of the class in lower case is SQLAlchemy's own.
    let name = name.or_else(|| class.map(|class| class.name.to_lowercase()))?;
    let labels = match class {
        Some(class) => class.members.iter().map(|(label, _)| label.clone()).collect(),
        None => object.args.iter().filter_map(Value::as_text).map(|text| text.text.clone()).collect(),
    };
    Some((Relation { schema: schema(object), name }, labels))
}

fn an_enum(object: &Object) -> Typed {
    let found = enum_of(object);
    let native = !matches!(object.named("native_enum"), Some(Value::Bool(false)));
    if !native {
        return as_text(object, found);
    }
    let Some((relation, labels)) = found else { return named("unknown", false) };
    let mut typed = named(&relation.name, !object.open);
    typed.of.schema.clone_from(&relation.schema);
    let made = !matches!(object.named("create_type"), Some(Value::Bool(false)));
    typed.made = made.then_some((relation, labels));
    typed
}

/// Not a type of the server's: a text as long as the longest label.
fn as_text(object: &Object, found: Option<(Relation, Vec<String>)>) -> Typed {
    let labels = found.map(|(_, labels)| labels).unwrap_or_default();
    let labels = if labels.is_empty() {
        object.args.iter().filter_map(Value::as_text).map(|text| text.text.clone()).collect()
    } else {
        labels
    };
    let longest = labels.iter().map(|label| label.chars().count()).max().unwrap_or_default();
    let length = object.named("length").and_then(whole).or_else(|| i64::try_from(longest).ok());
    let mut typed = named("varchar", true);
    typed.of.modifiers = length.into_iter().collect();
    typed
}

/// `CREATE TYPE … AS ENUM`.
pub(super) fn create_enum((name, labels): (Relation, Vec<String>)) -> Stmt {
    Stmt::CreateEnum { name, labels }
}

/// Whether SQLAlchemy counts a column of this type itself, if it is the only one of a primary key, and
/// with which of the server's types.
pub(super) fn serial(of: &Type) -> Option<&'static str> {
    match of.name.as_str() {
        "int4" => Some("serial"),
        "int8" => Some("bigserial"),
        "int2" => Some("smallserial"),
        _ => None,
    }
}
