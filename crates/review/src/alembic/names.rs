//! Names of Alembic and SQLAlchemy, and of what is known to do nothing to a database.

use std::rc::Rc;

use super::text::Text;
use super::value::{Given, Object, Value};

/// The rest of the name of something of Alembic's `op`.
pub(super) fn of_op(name: &str) -> Option<&str> {
    name.strip_prefix("alembic.op.")
        .or_else(|| name.strip_prefix("op."))
        .or_else(|| name.strip_prefix("alembic.context."))
}

/// `op.get_bind().dialect.name` and the like: it is PostgreSQL that a revision is read for.
pub(super) fn is_dialect_name(object: &Value, name: &str) -> bool {
    let before = match object {
        Value::Object(object) if object.attribute => &*object.name,
        Value::Name(before) => before.rsplit('.').next().unwrap_or_default(),
        Value::Unknown(before) => before,
        _ => "",
    };
    (name == "name" && matches!(before, "dialect" | "engine"))
        || (name == "dialect_name" && !before.is_empty())
}

/// Calls that give one of their arguments, or a value of our own.
pub(super) fn gives(name: &str, given: &Given) -> Option<Value> {
    let last = name.rsplit('.').next().unwrap_or_default();
    let first = given.args.first();
    if of_op(name).is_some() {
        return if matches!(last, "f" | "inline_literal") { first.cloned() } else { None };
    }
    match last {
        "quoted_name" | "dedent" | "cleandoc" => first.cloned(),
        "str" if name == "str" => first.filter(|value| value.as_text().is_some()).cloned(),
        "list" | "tuple" | "set" | "sorted" | "reversed" if name == last => {
            first.filter(|value| value.items().is_some()).cloned()
        }
        "dict" if name == last && given.args.is_empty() => {
            let pairs = given.named.iter();
            Some(Value::dict(
                pairs.map(|(key, value)| (Value::text(Text::of(key, 0)), value.clone())).collect(),
            ))
        }
        _ => None,
    }
}

/// Whether a value is a connection, a session, or Alembic's `op` itself.
pub(super) fn is_connection(value: &Value) -> bool {
    match value {
        Value::Object(object) => is_connection_made(object),
        Value::Name(name) => matches!(&**name, "alembic.op" | "op"),
        _ => false,
    }
}

fn is_connection_made(object: &Rc<Object>) -> bool {
    let root = object.root();
    let by_op = of_op(object.origin()).is_some_and(|name| matches!(name, "get_bind" | "get_context"));
    let passes = [&*object.name, &*root.name].iter().all(|name| {
        matches!(*name, "get_bind" | "get_context" | "bind" | "connection" | "connect" | "begin" | "engine")
            || matches!(*name, "execution_options" | "begin_nested" | "cursor" | "impl")
    });
    let session = matches!(&*root.name, "Session" | "sessionmaker" | "scoped_session" | "()");
    (by_op && passes)
        || (session && root.args.iter().chain(root.named.iter().map(|(_, value)| value)).any(is_bind))
}

fn is_bind(value: &Value) -> bool {
    value.as_object().is_some_and(|object| of_op(object.origin()) == Some("get_bind"))
}

/// What files call a connection.
pub(super) fn is_called_connection(value: &Value) -> bool {
    let name = value.called().rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    ["conn", "connection", "session", "bind", "cursor", "cur", "engine", "db", "database"]
        .contains(&name.as_str())
        || name.ends_with("_conn")
        || name.ends_with("_session")
}

/// Packages and functions that change no database by being called.
const HARMLESS: &[&str] = &[
    "sqlalchemy",
    "sqlmodel",
    "sqlalchemy_utils",
    "geoalchemy2",
    "alembic",
    "logging",
    "time",
    "datetime",
    "uuid",
    "os",
    "sys",
    "json",
    "re",
    "pathlib",
    "typing",
    "warnings",
    "itertools",
    "functools",
    "collections",
    "textwrap",
    "random",
    "string",
    "math",
    "decimal",
    "enum",
    "hashlib",
    "secrets",
    "copy",
    "operator",
    "contextlib",
    "dataclasses",
    "inspect",
    "io",
    "csv",
    "pprint",
    "traceback",
    "urllib",
    "base64",
    "print",
    "len",
    "range",
    "enumerate",
    "zip",
    "sorted",
    "isinstance",
    "hasattr",
    "getattr",
    "setattr",
    "int",
    "float",
    "bool",
    "str",
    "repr",
    "next",
    "iter",
    "any",
    "all",
    "map",
    "filter",
    "open",
    "min",
    "max",
    "sum",
    "type",
    "super",
    "globals",
    "locals",
    "logger",
    "log",
    "tqdm",
    "rich",
    "click",
    "dict",
    "list",
    "set",
    "tuple",
    "format",
    "vars",
    "id",
    "abs",
    "round",
    "reversed",
    "input",
    "callable",
    "structlog",
];

/// Whether a call of something by its dotted name changes no database.
pub(super) fn is_harmless(name: &str) -> bool {
    let first = name.split('.').next().unwrap_or_default();
    HARMLESS.contains(&first)
}

/// Methods that look at a database and change nothing.
pub(super) fn only_looks(name: &str) -> bool {
    matches!(
        name,
        "inspect"
            | "Session"
            | "sessionmaker"
            | "scoped_session"
            | "from_engine"
            | "Inspector"
            | "reflect"
            | "Table"
            | "MetaData"
            | "isinstance"
            | "hasattr"
            | "getattr"
            | "print"
            | "automap_base"
            | "prepare"
            | "info"
            | "debug"
            | "bool"
            | "type"
    ) || name.starts_with("get_")
        || name.starts_with("has_")
        || name.starts_with("is_")
}
