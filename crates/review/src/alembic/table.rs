//! `sa.Column` and constraints as SQLAlchemy's compiler for PostgreSQL writes them.

use std::cell::Cell;

use switchback_sql::Relation;
use switchback_sql::ast::{Column, Constraint, ConstraintKind, Expr, ForeignKey, Identity, OnDelete};

use super::expression::{condition, nothing, read_value};
use super::strings;
use super::types::{self, Typed};
use super::value::{Object, Value};

/// Where a statement begins in the file, and whether everything in it could be seen.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) start: usize,
    pub(super) exact: Cell<bool>,
}

impl Base {
    pub(super) fn new(start: usize) -> Self {
        Self { start, exact: Cell::new(true) }
    }

    /// The byte of the statement at which something stands. What was made elsewhere in the file stands
    /// where it is used.
    fn at(&self, object: &Object) -> usize {
        object.range.start.saturating_sub(self.start)
    }

    /// A name.
    pub(super) fn name(&self, value: &Value) -> Option<String> {
        let (name, exact) = strings::name(value)?;
        self.saw(exact);
        Some(name)
    }

    pub(super) fn saw(&self, exact: bool) {
        self.exact.set(self.exact.get() && exact);
    }

    /// A list of names; one alone is a list too.
    pub(super) fn names(&self, value: Option<&Value>) -> Vec<String> {
        match value {
            Some(Value::List(list)) => list.items.iter().filter_map(|item| self.name(item)).collect(),
            Some(Value::None) | None => Vec::new(),
            Some(one) => self.name(one).into_iter().collect(),
        }
    }
}

/// A column with what SQLAlchemy writes beside it.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "words of a column that stand there or don't")]
pub(super) struct Defined {
    pub(super) column: Column,
    pub(super) typed: Typed,
    pub(super) primary: bool,
    /// It may be counted by the server if it is the only column of a primary key; `Some(true)`: it is in
    /// any case.
    auto: Option<bool>,
    pub(super) unique: bool,
    pub(super) index: bool,
    pub(super) comment: bool,
    /// Foreign keys at the column, which SQLAlchemy writes beside it; checks stay where they are.
    pub(super) constraints: Vec<Constraint>,
    nullable: Option<bool>,
}

/// Reads `sa.Column(…)`.
pub(super) fn column(base: &Base, object: &Object) -> Defined {
    let mut made = Defined::default();
    made.column.at = base.at(object);
    made.column.name = object.arg(0, "name").and_then(|name| base.name(name)).unwrap_or_default();
    made.primary = object.is("primary_key");
    made.unique = object.is("unique");
    made.index = object.is("index");
    made.comment = object.named("comment").is_some_and(|comment| !comment.is_none());
    made.nullable = object.named("nullable").and_then(super::eval::truth);
    let of = object.args.get(1).filter(|arg| !is_item(arg)).or(object.named("type_"));
    made.typed = of.map(types::read).unwrap_or_default();
    base.saw(made.typed.exact && !object.open);
    made.column.of = made.typed.of.clone();
    made.column.collation.clone_from(&made.typed.collation);
    made.column.default = object.named("server_default").and_then(default);
    for item in object.args.iter().filter_map(Value::as_object) {
        take(base, &mut made, item);
    }
    if let Some(Value::Object(item)) = object.named("server_default") {
        take(base, &mut made, item);
    }
    made.auto = automatic(&made, object);
    made.settle();
    made
}

/// Whether an argument of a column is not its type.
fn is_item(value: &Value) -> bool {
    matches!(
        value.class(),
        "ForeignKey"
            | "Identity"
            | "Computed"
            | "CheckConstraint"
            | "Sequence"
            | "DefaultClause"
            | "FetchedValue"
            | "ColumnDefault"
    )
}

fn take(base: &Base, made: &mut Defined, item: &Object) {
    match &*item.name {
        "ForeignKey" => {
            let mut key = foreign_key(base, item);
            key.1.columns = vec![made.column.name.clone()];
            made.constraints.push(constraint(base, item, ConstraintKind::Foreign(key.1), key.0));
        }
        "CheckConstraint" => made.column.constraints.extend(standing(base, item)),
        "Identity" => {
            let always = item.is("always") || item.args.first().is_some_and(Value::is_true);
            made.column.identity = Some(if always { Identity::Always } else { Identity::ByDefault });
            made.column.default = None;
        }
        "Computed" => {
            made.column.generated = Some(item.args.first().map_or_else(nothing, condition));
            made.column.generated_virtual = matches!(item.named("persisted"), Some(Value::Bool(false)));
            made.column.default = None;
        }
        _ => {}
    }
}

/// `Column._validate_autoincrement` of SQLAlchemy: whether the column counts as a key of its own.
fn automatic(made: &Defined, object: &Object) -> Option<bool> {
    let asked = match object.named("autoincrement") {
        None => None,
        Some(Value::Bool(asked)) => Some(*asked),
        Some(Value::Text(text)) if text.text == "auto" => None,
        Some(_) => Some(false),
    };
    let foreign = made.constraints.iter().any(|one| matches!(one.kind, ConstraintKind::Foreign(_)));
    let given =
        made.column.default.is_some() || object.named("default").is_some_and(|value| !value.is_none());
    match asked {
        Some(false) => None,
        _ if types::serial(&made.column.of).is_none() || made.column.of.array => None,
        _ if made.column.identity.is_some() || made.column.generated.is_some() => None,
        Some(true) => Some(true),
        None => (!foreign && !given).then_some(false),
    }
}

impl Defined {
    /// What `NOT NULL` is when it is known whether the column is part of the key.
    pub(super) fn settle(&mut self) {
        self.column.not_null = !self.nullable.unwrap_or(!self.primary);
    }

    /// The only column of a primary key is counted by the server, where nothing speaks against it.
    pub(super) fn count(&mut self, alone: bool) {
        let counts = self.primary && (self.auto == Some(true) || (alone && self.auto.is_some()));
        if let Some(serial) = types::serial(&self.column.of).filter(|_| counts) {
            self.column.of.name = serial.to_owned();
        }
    }

    /// A foreign key that stands beside the columns speaks against counting too.
    pub(super) fn refers(&mut self) {
        self.auto = self.auto.filter(|asked| *asked);
    }
}

/// A default of the server: plain texts are values, anything else is SQL.
pub(super) fn default(value: &Value) -> Option<Expr> {
    match value {
        Value::None | Value::Bool(false) => None,
        Value::Object(object) if matches!(&*object.name, "Identity" | "Computed" | "FetchedValue") => None,
        Value::Object(object) if &*object.name == "DefaultClause" => object.args.first().and_then(default),
        Value::Number(number) => Some(Expr::Text(number.to_string())),
        value => Some(read_value(value)),
    }
}

fn constraint(base: &Base, object: &Object, kind: ConstraintKind, name: Option<String>) -> Constraint {
    let deferred = object.named("initially").and_then(Value::as_text);
    Constraint {
        at: base.at(object),
        name,
        kind,
        not_valid: object.is("postgresql_not_valid"),
        not_enforced: false,
        no_inherit: false,
        deferrable: object.is("deferrable")
            || deferred.is_some_and(|text| text.text.eq_ignore_ascii_case("deferred")),
    }
}

/// A constraint with what the arguments of a call say of it.
pub(super) fn with_name(
    base: &Base,
    object: &Object,
    kind: ConstraintKind,
    name: Option<&Value>,
) -> Constraint {
    constraint(base, object, kind, name.and_then(|name| base.name(name)))
}

/// `ON DELETE`.
pub(super) fn on_delete(object: &Object) -> OnDelete {
    let said = object.named("ondelete").and_then(Value::as_text).map(|text| text.text.to_ascii_uppercase());
    match said.as_deref().map(str::trim) {
        Some("CASCADE") => OnDelete::Cascade,
        Some(said) if said.starts_with("SET") => OnDelete::Set,
        _ => OnDelete::Refuse,
    }
}

/// `schema.table.column`, apart.
fn reference(base: &Base, value: &Value) -> (Relation, Option<String>) {
    if let Value::Object(object) = value
        && let Expr::Column(mut path) = read_value(value)
    {
        path.pop();
        let name = path.pop().unwrap_or_default();
        return (Relation { schema: path.pop(), name }, Some((*object.name).to_owned()));
    }
    let Some(text) = base.name(value) else { return (Relation::default(), None) };
    let mut parts = text.rsplitn(3, '.');
    let (last, table, schema) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    match table {
        Some(table) => {
            (Relation { schema: schema.map(str::to_owned), name: table.to_owned() }, Some(last.to_owned()))
        }
        None => (Relation::named(last), None),
    }
}

fn foreign_key(base: &Base, object: &Object) -> (Option<String>, ForeignKey) {
    let (table, column) = object.args.first().map(|to| reference(base, to)).unwrap_or_default();
    let name = object.named("name").and_then(|name| base.name(name));
    let key = ForeignKey {
        table,
        referenced: column.into_iter().collect(),
        on_delete: on_delete(object),
        columns: Vec::new(),
    };
    (name, key)
}

/// A constraint that stands beside the columns of a table.
pub(super) fn standing(base: &Base, object: &Object) -> Option<Constraint> {
    let columns = || object.args.iter().flat_map(|arg| base.names(Some(arg))).collect::<Vec<_>>();
    let kind = match &*object.name {
        "PrimaryKeyConstraint" => ConstraintKind::Primary { columns: columns(), using_index: None },
        "UniqueConstraint" => ConstraintKind::Unique { columns: columns(), using_index: None },
        "CheckConstraint" => ConstraintKind::Check(object.arg(0, "sqltext").map_or_else(nothing, condition)),
        "ForeignKeyConstraint" => ConstraintKind::Foreign(standing_key(base, object)),
        "ExcludeConstraint" => ConstraintKind::Exclude,
        _ => return None,
    };
    let named = match &*object.name {
        "ForeignKeyConstraint" => object.arg(2, "name"),
        "CheckConstraint" => object.arg(1, "name"),
        _ => object.named("name"),
    };
    Some(with_name(base, object, kind, named))
}

fn standing_key(base: &Base, object: &Object) -> ForeignKey {
    let targets = object.arg(1, "refcolumns").and_then(Value::items).unwrap_or_default();
    let targets: Vec<_> = targets.iter().map(|target| reference(base, target)).collect();
    ForeignKey {
        columns: base.names(object.arg(0, "columns")),
        table: targets.first().map(|(table, _)| table.clone()).unwrap_or_default(),
        referenced: targets.into_iter().filter_map(|(_, column)| column).collect(),
        on_delete: on_delete(object),
    }
}
