//! The statements of each of Alembic's operations, in the order in which it sends them (`alembic/ddl`,
//! `alembic/operations/toimpl.py`).

use std::rc::Rc;

use switchback_sql::Relation;
use switchback_sql::ast::{
    Action, ActionKind, Constraint, ConstraintKind, CreateIndex, CreateTable, ForeignKey, ObjectKind, Stmt,
};
use switchback_sql::read::read;

use super::expression::{condition, key, nothing};
use super::table::{self, Base, Defined};
use super::text::stand_in;
use super::value::{Object, Value};
use super::{dml, types};

/// The statements of a call of an operation, and whether all of it could be seen; no statements where
/// the operation is not known.
pub(super) fn of(object: &Object, batch: Option<&Object>, name: &str) -> (Option<Vec<Stmt>>, bool) {
    let call = Call::new(object, batch);
    let all = statements(&call, name);
    (all, call.base.exact.get())
}

/// `CREATE TABLE` of a table that is made by itself.
pub(super) fn create_of_table(made: &Rc<Object>) -> Option<Stmt> {
    let call = Call::new(made, None);
    create_table(&call)?.into_iter().find(|stmt| matches!(stmt, Stmt::CreateTable(_)))
}

/// A call of an operation. One of `batch_alter_table` has its table from there.
struct Call<'a> {
    object: &'a Object,
    batch: Option<&'a Object>,
    base: Base,
    /// Where a call that is not of a batch has the table among its arguments.
    table_at: usize,
}

impl<'a> Call<'a> {
    fn new(object: &'a Object, batch: Option<&'a Object>) -> Self {
        let table_at = usize::from(
            object.name.contains("constraint")
                || matches!(
                    &*object.name,
                    "create_foreign_key" | "create_primary_key" | "create_index" | "drop_index"
                ),
        );
        let base = Base::new(object.range.start);
        base.saw(!object.open);
        Self { object, batch, base, table_at }
    }

    /// An argument by the place it has where the table is one of them, or by one of its names.
    fn arg(&self, place: usize, names: &[&str]) -> Option<&'a Value> {
        let shift = usize::from(self.batch.is_some() && place > self.table_at);
        let placed = if self.batch.is_some() && place == self.table_at {
            None
        } else {
            self.object.args.get(place - shift)
        };
        placed.or_else(|| names.iter().find_map(|name| self.object.named(name)))
    }

    fn name(&self, place: usize, names: &[&str]) -> Option<String> {
        self.arg(place, names).and_then(|value| self.base.name(value))
    }

    /// The table it is about.
    fn table(&self) -> Option<Relation> {
        let schema =
            |object: &Object, name: &str| object.named(name).and_then(|schema| self.base.name(schema));
        if let Some(batch) = self.batch {
            let name = batch.arg(0, "table_name").and_then(|name| self.base.name(name))?;
            return Some(Relation { schema: schema(batch, "schema"), name });
        }
        let name = self.name(self.table_at, &["table_name", "source_table", "source", "old_table_name"])?;
        let named = schema(self.object, "schema").or_else(|| schema(self.object, "source_schema"));
        Some(Relation { schema: named, name })
    }

    fn action(&self, kind: ActionKind) -> Option<Stmt> {
        Some(alter(self.table()?, kind))
    }

    fn add(&self, kind: ConstraintKind) -> Option<Stmt> {
        let name = self.arg(0, &["constraint_name", "name"]);
        let constraint = table::with_name(&self.base, self.object, kind, name);
        self.action(ActionKind::AddConstraint(Box::new(constraint)))
    }
}

fn alter(table: Relation, kind: ActionKind) -> Stmt {
    let actions = vec![Action { at: 0, kind }];
    Stmt::AlterTable { kind: ObjectKind::Table, table, if_exists: false, only: false, actions }
}

/// The statements of an operation, in Alembic's order; nothing where it is not known.
fn statements(call: &Call<'_>, name: &str) -> Option<Vec<Stmt>> {
    let one = |stmt: Option<Stmt>| stmt.map(|stmt| vec![stmt]);
    match name {
        "create_table" => create_table(call),
        "drop_table" => one(call.table().map(|table| drop_of(ObjectKind::Table, table, call.object))),
        "rename_table" => rename_table(call).map(|stmt| vec![stmt]),
        "add_column" => add_column(call),
        "drop_column" => one(drop_column(call)),
        "alter_column" => alter_column(call),
        "create_index" => one(create_index(call)),
        "drop_index" => one(drop_index(call)),
        "create_foreign_key" => one(create_foreign_key(call)),
        "create_check_constraint" => {
            let check = call.arg(2, &["condition"]).map_or_else(nothing, condition);
            one(call.add(ConstraintKind::Check(check)))
        }
        "create_unique_constraint" => {
            let columns = call.base.names(call.arg(2, &["columns"]));
            one(call.add(ConstraintKind::Unique { columns, using_index: None }))
        }
        "create_primary_key" => {
            let columns = call.base.names(call.arg(2, &["columns", "cols"]));
            one(call.add(ConstraintKind::Primary { columns, using_index: None }))
        }
        "create_exclude_constraint" => one(call.add(ConstraintKind::Exclude)),
        "drop_constraint" => one(drop_constraint(call)),
        "create_table_comment" | "drop_table_comment" => {
            one(call.table().map(|name| Stmt::Comment { kind: ObjectKind::Table, name, part: None }))
        }
        "bulk_insert" => {
            let given = call.object.arg(0, "table")?;
            let table = dml::table(given).unwrap_or_else(|| {
                call.base.saw(false);
                Relation::named(&stand_in(given.called()))
            });
            one(Some(dml::bulk(table, call.object.arg(1, "rows"))))
        }
        _ => None,
    }
}

fn rename_table(call: &Call<'_>) -> Option<Stmt> {
    let to = call.name(1, &["new_table_name"])?;
    Some(Stmt::Rename { kind: ObjectKind::Table, relation: call.table()?, part: None, to, if_exists: false })
}

fn create_table(call: &Call<'_>) -> Option<Vec<Stmt>> {
    let name = call.table()?;
    let mut columns = Vec::new();
    let mut table = CreateTable {
        name: name.clone(),
        if_not_exists: call.object.is("if_not_exists"),
        ..CreateTable::default()
    };
    let from = usize::from(!call.object.args.is_empty());
    for item in &call.object.args[from..] {
        match item {
            Value::Object(object) if &*object.name == "Column" => {
                columns.push(table::column(&call.base, object));
            }
            Value::Object(object) if table::standing(&call.base, object).is_some() => {
                table.constraints.extend(table::standing(&call.base, object));
            }
            // Neither of these is part of the table's statement.
            Value::Name(_) => {}
            Value::Object(object) if matches!(&*object.name, "MetaData" | "Index") => {}
            _ => call.base.saw(false),
        }
    }
    settle(&mut columns, &mut table.constraints);
    prefixes(call, &mut table);
    options(call, &mut table);
    Some(assemble(call, table, columns))
}

/// Keys make their columns `NOT NULL`, and count them.
fn settle(columns: &mut [Defined], constraints: &mut Vec<Constraint>) {
    for constraint in constraints.iter() {
        match &constraint.kind {
            ConstraintKind::Primary { columns: keys, .. } => {
                for column in columns.iter_mut().filter(|column| keys.contains(&column.column.name)) {
                    column.primary = true;
                    column.settle();
                }
            }
            ConstraintKind::Foreign(key) => {
                columns
                    .iter_mut()
                    .filter(|one| key.columns.contains(&one.column.name))
                    .for_each(Defined::refers);
            }
            _ => {}
        }
    }
    let keys: Vec<String> =
        columns.iter().filter(|one| one.primary).map(|one| one.column.name.clone()).collect();
    let has_key = constraints.iter().any(|one| matches!(one.kind, ConstraintKind::Primary { .. }));
    for column in columns.iter_mut() {
        column.count(keys.len() == 1);
    }
    if !has_key && !keys.is_empty() {
        constraints.insert(0, Constraint::bare(ConstraintKind::Primary { columns: keys, using_index: None }));
    }
}

/// `prefixes=["TEMPORARY"]`.
fn prefixes(call: &Call<'_>, table: &mut CreateTable) {
    for prefix in call.base.names(call.object.named("prefixes")) {
        for word in prefix.split_whitespace() {
            table.temporary |= word.eq_ignore_ascii_case("temp") || word.eq_ignore_ascii_case("temporary");
            table.unlogged |= word.eq_ignore_ascii_case("unlogged");
        }
    }
}

/// `postgresql_partition_by`, `postgresql_inherits`, `postgresql_with`.
fn options(call: &Call<'_>, table: &mut CreateTable) {
    if let Some(by) = call.object.named("postgresql_partition_by").and_then(Value::as_text) {
        match read(&format!("create table t () partition by {}", by.text)) {
            Ok(Stmt::CreateTable(read)) => table.partition_by = read.partition_by,
            _ => call.base.saw(false),
        }
    }
    let inherits = call.base.names(call.object.named("postgresql_inherits"));
    table.inherits = inherits.iter().map(|name| Relation::named(name)).collect();
    if let Some(Value::Dict(with)) = call.object.named("postgresql_with") {
        let pair = |(name, value): &(Value, Value)| {
            let text = match value {
                Value::Text(text) => text.text.clone(),
                Value::Number(number) => number.to_string(),
                Value::Bool(value) => value.to_string(),
                _ => return None,
            };
            Some((name.as_text()?.text.to_lowercase(), text))
        };
        table.options = with.pairs.iter().filter_map(pair).collect();
    }
}

/// Enums first, then the table, its indexes, and comments.
fn assemble(call: &Call<'_>, mut table: CreateTable, mut columns: Vec<Defined>) -> Vec<Stmt> {
    let name = table.name.clone();
    let mut before: Vec<Stmt> = Vec::new();
    let (mut indexes, mut comments) = (Vec::new(), Vec::new());
    if call.object.named("comment").is_some_and(|comment| !comment.is_none()) {
        comments.push(Stmt::Comment { kind: ObjectKind::Table, name: name.clone(), part: None });
    }
    for column in &mut columns {
        let made = column.typed.made.take().map(types::create_enum);
        before.extend(made.filter(|made| !before.contains(made)));
        table.constraints.append(&mut column.constraints);
        beside(&name, column, &mut table.constraints, &mut indexes);
        comments.extend(commented(&name, column));
    }
    table.columns = columns.into_iter().map(|one| one.column).collect();
    before.push(Stmt::CreateTable(Box::new(table)));
    before.extend(indexes);
    before.extend(comments);
    before
}

fn commented(table: &Relation, column: &Defined) -> Option<Stmt> {
    let part = Some(column.column.name.clone());
    column.comment.then(|| Stmt::Comment { kind: ObjectKind::Column, name: table.clone(), part })
}

/// `unique=True`, `index=True`.
fn beside(table: &Relation, column: &Defined, constraints: &mut Vec<Constraint>, indexes: &mut Vec<Stmt>) {
    let name = &column.column.name;
    if column.index {
        indexes.push(Stmt::CreateIndex(Box::new(CreateIndex {
            name: Some(format!("ix_{}_{name}", labelled(table))),
            table: table.clone(),
            unique: column.unique,
            method: "btree".into(),
            keys: vec![switchback_sql::ast::Key::Column(name.clone())],
            ..CreateIndex::default()
        })));
    } else if column.unique {
        let unique = ConstraintKind::Unique { columns: vec![name.clone()], using_index: None };
        constraints.push(Constraint { at: column.column.at, ..Constraint::bare(unique) });
    }
}

/// A table in the name of an index that SQLAlchemy gives.
fn labelled(table: &Relation) -> String {
    table.schema.as_ref().map_or_else(|| table.name.clone(), |schema| format!("{schema}_{}", table.name))
}

fn add_column(call: &Call<'_>) -> Option<Vec<Stmt>> {
    let table = call.table()?;
    let object = match call.arg(1, &["column"])? {
        Value::Object(object) if &*object.name == "Column" => object,
        _ => return None,
    };
    let mut made = table::column(&call.base, object);
    made.count(true);
    let (mut constraints, mut indexes) = (std::mem::take(&mut made.constraints), Vec::new());
    beside(&table, &made, &mut constraints, &mut indexes);
    let comment = commented(&table, &made);
    let column = made.column;
    let mut all = vec![alter(
        table.clone(),
        ActionKind::AddColumn { column: Box::new(column), if_not_exists: call.object.is("if_not_exists") },
    )];
    let add = |one| alter(table.clone(), ActionKind::AddConstraint(Box::new(one)));
    all.extend(constraints.into_iter().map(add));
    all.extend(indexes);
    all.extend(comment);
    Some(all)
}

fn drop_column(call: &Call<'_>) -> Option<Stmt> {
    let name = call.name(1, &["column_name"])?;
    call.action(ActionKind::DropColumn { name, if_exists: call.object.is("if_exists"), cascade: false })
}

/// The type first, then `NOT NULL`, the default, the comment, and the name last.
fn alter_column(call: &Call<'_>) -> Option<Vec<Stmt>> {
    let (table, column) = (call.table()?, call.name(1, &["column_name"])?);
    let object = call.object;
    let mut kinds = Vec::new();
    if let Some(to) = object.named("type_").filter(|of| !of.is_none()) {
        let to = types::read(to);
        call.base.saw(to.exact);
        let using = object.named("postgresql_using").filter(|using| !using.is_none()).map(condition);
        kinds.push(ActionKind::AlterType {
            column: column.clone(),
            to: to.of,
            collation: to.collation,
            using,
        });
    }
    match object.named("nullable") {
        Some(Value::Bool(true)) => kinds.push(ActionKind::DropNotNull { column: column.clone() }),
        Some(Value::Bool(false)) => kinds.push(ActionKind::SetNotNull { column: column.clone() }),
        Some(value) if !value.is_none() => call.base.saw(false),
        _ => {}
    }
    kinds.extend(changed_default(object, &column));
    let mut all: Vec<_> = kinds.into_iter().map(|kind| alter(table.clone(), kind)).collect();
    if object.named("comment").is_some_and(|comment| !matches!(comment, Value::Bool(false))) {
        all.push(Stmt::Comment { kind: ObjectKind::Column, name: table.clone(), part: Some(column.clone()) });
    }
    let to = object.named("new_column_name").or(object.named("name")).filter(|to| !to.is_none());
    if let Some(to) = to.and_then(|to| call.base.name(to)) {
        all.push(Stmt::Rename {
            kind: ObjectKind::Column,
            relation: table,
            part: Some(column),
            to,
            if_exists: false,
        });
    }
    (call.object.open || !all.is_empty() || !object.named.is_empty()).then_some(all)
}

fn changed_default(object: &Object, column: &str) -> Option<ActionKind> {
    let column = column.to_owned();
    let was = object.named("existing_server_default").map_or("", Value::class);
    match object.named("server_default")? {
        Value::Bool(false) => None,
        Value::None if was == "Identity" => Some(ActionKind::DropIdentity { column }),
        Value::None => Some(ActionKind::DropDefault { column }),
        Value::Object(made) if &*made.name == "Identity" && was == "Identity" => {
            Some(ActionKind::SetIdentity { column, restart: false })
        }
        Value::Object(made) if &*made.name == "Identity" => Some(ActionKind::AddIdentity { column }),
        value => table::default(value).map(|value| ActionKind::SetDefault { column, value }),
    }
}

fn create_index(call: &Call<'_>) -> Option<Stmt> {
    let object = call.object;
    let keys = call.arg(2, &["columns"]);
    let keys = keys.map_or(&[][..], |keys| keys.items().unwrap_or(std::slice::from_ref(keys)));
    let (keys, special): (Vec<_>, Vec<_>) = keys.iter().map(key).unzip();
    let text = |name: &str| object.named(name).and_then(Value::as_text).map(|text| text.text.clone());
    Some(Stmt::CreateIndex(Box::new(CreateIndex {
        name: call.name(0, &["index_name", "name"]),
        table: call.table()?,
        only: false,
        concurrently: object.is("postgresql_concurrently"),
        if_not_exists: object.is("if_not_exists"),
        unique: object.is("unique") || call.arg(4, &["unique"]).is_some_and(Value::is_true),
        method: text("postgresql_using").map_or_else(|| "btree".into(), |method| method.to_lowercase()),
        keys,
        include: call.base.names(object.named("postgresql_include")),
        filter: object.named("postgresql_where").filter(|filter| !filter.is_none()).map(condition),
        nulls_not_distinct: object.is("postgresql_nulls_not_distinct"),
        tablespace: text("postgresql_tablespace"),
        special: special.contains(&true) || object.named("postgresql_ops").is_some(),
    })))
}

fn drop_index(call: &Call<'_>) -> Option<Stmt> {
    let name = call.name(0, &["index_name", "name"])?;
    let from = call.batch.unwrap_or(call.object);
    let schema = from.named("schema").and_then(|schema| call.base.name(schema));
    let object = call.object;
    Some(drop(
        ObjectKind::Index,
        Relation { schema, name },
        object.is("if_exists"),
        object.is("postgresql_concurrently"),
    ))
}

fn create_foreign_key(call: &Call<'_>) -> Option<Stmt> {
    let name = call.name(2, &["referent_table", "referent"])?;
    let schema = call.object.named("referent_schema").and_then(|schema| call.base.name(schema));
    let on_delete = match call.arg(6, &["ondelete"]) {
        Some(_) if call.object.named("ondelete").is_some() => table::on_delete(call.object),
        _ => switchback_sql::ast::OnDelete::default(),
    };
    call.add(ConstraintKind::Foreign(ForeignKey {
        columns: call.base.names(call.arg(3, &["local_cols"])),
        table: Relation { schema, name },
        referenced: call.base.names(call.arg(4, &["remote_cols"])),
        on_delete,
    }))
}

fn drop_constraint(call: &Call<'_>) -> Option<Stmt> {
    let name = call.name(0, &["constraint_name", "name"])?;
    call.action(ActionKind::DropConstraint { name, if_exists: call.object.is("if_exists"), cascade: false })
}

/// `DROP` of what an operation names.
pub(super) fn drop_of(kind: ObjectKind, name: Relation, object: &Object) -> Stmt {
    drop(kind, name, object.is("if_exists"), false)
}

fn drop(kind: ObjectKind, name: Relation, if_exists: bool, concurrently: bool) -> Stmt {
    let arguments = Vec::new();
    Stmt::Drop {
        kind,
        names: vec![name],
        parts: Vec::new(),
        if_exists,
        cascade: false,
        concurrently,
        arguments,
    }
}
