//! What a call does to a database: operations of Alembic's, and what is sent through connections.

use std::ops::Range;
use std::rc::Rc;

use switchback_sql::Relation;
use switchback_sql::ast::{ObjectKind, Stmt};

use super::python::Id;
use super::reader::Reader;
use super::statements::{self, create_of_table, drop_of};
use super::text::{bind, bind_of_driver};
use super::value::{Given, Object, Value};
use super::{What, dml, names, types};

impl Reader<'_> {
    /// What a call does to a database, where it does something.
    pub(super) fn effect(&mut self, value: Value, id: Id) -> Value {
        let Value::Object(object) = &value else {
            return value;
        };
        let object = object.clone();
        if let Some(name) = names::of_op(&object.callee) {
            self.operation(&object, name, None);
            return value;
        }
        if let Some(Value::Object(batch)) = &object.receiver
            && names::of_op(&batch.callee) == Some("batch_alter_table")
        {
            let batch = batch.clone();
            if &*object.name == "f" {
                return object.args.first().cloned().unwrap_or(value);
            }
            self.operation(&object, &object.name.clone(), Some(&batch));
            return value;
        }
        self.elsewhere(&object, id);
        value
    }

    fn operation(&mut self, object: &Rc<Object>, name: &str, batch: Option<&Object>) {
        if !self.spend(Value::Object(object.clone()).size()) {
            return self.gave_up(object.range.clone());
        }
        match name {
            "execute" | "execute_if" => {
                return self.run(object, object.args.first().or(object.named("sqltext")));
            }
            "get_bind" | "get_context" | "batch_alter_table" | "f" | "is_offline_mode" | "get_x_argument" => {
                return;
            }
            _ if names::is_bookkeeping(name) => return,
            _ => {}
        }
        let (made, exact) = statements::of(object, batch, name);
        let Some(made) = made else {
            let nameless = name == "drop_constraint" && object.args.first().is_some_and(Value::is_none);
            let why = if nameless {
                "`drop_constraint` has no name to go by".to_owned()
            } else {
                format!("what `{}` does is known only when it runs", self.snippet(&object.range))
            };
            return self.emit(&object.range, name, What::Unread(why), false);
        };
        for stmt in made {
            self.emit(&object.range, name, What::Statement(stmt), exact);
        }
    }

    /// A piece of the file, short.
    pub(super) fn snippet(&self, range: &Range<usize>) -> String {
        let source = self.source.get(range.clone()).unwrap_or_default();
        let line = source.lines().next().unwrap_or_default();
        let short: String = line.chars().take(60).collect();
        if short.len() < source.len() { format!("{short}…") } else { short }
    }

    /// SQL that is run, as text or as an object.
    fn run(&mut self, object: &Rc<Object>, sql: Option<&Value>) {
        let range = &object.range;
        let sql = sql.map(|sql| match sql {
            // `text(…).bindparams(…)` and the like is the text.
            Value::Object(made) if matches!(&*made.root().name, "text" | "DDL") => {
                made.root().args.first().unwrap_or(sql)
            }
            sql => sql,
        });
        match sql {
            Some(Value::Text(text)) if self.spend(text.cost()) => {
                let given = object.args.len() > 1 || object.named("parameters").is_some();
                let raw = given && (&*object.name == "exec_driver_sql" || text.text.contains('%'));
                let text = if raw { bind_of_driver(&bind(text)) } else { bind(text) };
                let exact = text.exact;
                self.emit(range, "execute", What::Sql(text), exact);
            }
            Some(value) => {
                let made = schema_object(value).or_else(|| dml::statement(value));
                let unread = || {
                    What::Unread(format!("what `{}` runs is known only when it runs", self.snippet(range)))
                };
                let (what, exact) =
                    made.map_or_else(|| (unread(), false), |(stmt, exact)| (What::Statement(stmt), exact));
                self.emit(range, "execute", what, exact);
            }
            None => {}
        }
    }

    /// Connections, sessions, enums and tables have methods that change a database.
    fn elsewhere(&mut self, object: &Rc<Object>, id: Id) {
        let sql = object.args.first().or(object.named("statement"));
        match &*object.name {
            "execute" | "exec_driver_sql" | "scalar" | "scalars" | "executemany" | "exec"
                if object.receiver.is_some() =>
            {
                let receiver = object.receiver.as_ref().unwrap_or(&Value::None);
                let readable = sql.is_some_and(|sql| {
                    sql.as_text().is_some()
                        || dml::statement(sql).is_some()
                        || sql.as_object().is_some_and(|one| &*one.root().name == "text")
                });
                if readable || names::is_connection(receiver) || names::is_called_connection(receiver) {
                    self.run(object, sql);
                }
            }
            "create" | "drop" if object.receiver.is_some() => self.by_itself(object),
            "commit" | "flush" if self.source.contains(".query(") => {
                if object.receiver.as_ref().is_some_and(is_session) {
                    let why =
                        "what was changed in objects of the session is known only when it runs".to_owned();
                    self.emit(&object.range, "execute", What::Unread(why), false);
                }
            }
            "update" | "delete" if dml::of_session(object).is_some() => {
                if let Some(stmt) = dml::of_session(object) {
                    self.emit(&object.range, "execute", What::Statement(stmt), false);
                }
            }
            "add"
            | "add_all"
            | "merge"
            | "bulk_save_objects"
            | "bulk_insert_mappings"
            | "bulk_update_mappings"
            | "create_all"
            | "drop_all"
                if object
                    .receiver
                    .as_ref()
                    .is_some_and(|one| names::is_connection(one) || names::is_called_connection(one))
                    || object.name.ends_with("_all")
                        && object.receiver.is_some()
                        && &*object.name != "add_all" =>
            {
                let why = format!(
                    "which statements `{}` sends is known only when it runs",
                    self.snippet(&object.range)
                );
                self.emit(&object.range, "execute", What::Unread(why), false);
            }
            _ => {
                let given = object.args.iter().chain(object.named.iter().map(|(_, value)| value));
                let given: Vec<Value> = given.cloned().collect();
                if !names::is_harmless(object.origin()) && !names::only_looks(&object.name) {
                    self.handed_out(&Given { args: given, ..Given::default() }, id);
                }
            }
        }
    }

    /// `sa.Enum(…).create(bind)`, `.drop(bind)`.
    fn by_itself(&mut self, object: &Rc<Object>) {
        let Some(Value::Object(made)) = &object.receiver else { return };
        let stmt = match (&*made.name, &*object.name) {
            ("Enum" | "ENUM", "create") => types::enum_of(made).map(types::create_enum),
            ("Enum" | "ENUM", _) => {
                types::enum_of(made).map(|(name, _)| drop_of(ObjectKind::Type, name, object))
            }
            ("Sequence", _) => sequence(made, object),
            ("Table" | "table", "drop") => {
                dml::table(&Value::Object(made.clone())).map(|name| drop_of(ObjectKind::Table, name, object))
            }
            ("Table", _) => create_of_table(made),
            ("Index", _) => None,
            _ => return,
        };
        let what = stmt.map_or_else(
            || {
                What::Unread(format!(
                    "what `{}` does is known only when it runs",
                    self.snippet(&object.range)
                ))
            },
            What::Statement,
        );
        let exact =
            !matches!(what, What::Unread(_)) && (&*object.name == "drop" || types::labels_are_known(made));
        self.emit(&object.range, &object.name.clone(), what, exact);
    }

    /// Somebody else gets the connection: what they do with it stands elsewhere.
    pub(super) fn handed_out(&mut self, given: &Given, id: Id) {
        let all = given.args.iter().chain(given.named.iter().map(|(_, value)| value));
        if all.into_iter().any(names::is_connection) {
            let range = self.tree.range(id);
            let why =
                format!("`{}` gets the connection, and what it does stands elsewhere", self.snippet(&range));
            self.emit(&range, "", What::Unread(why), false);
        }
    }

    /// What is called was made by a call itself.
    pub(super) fn dropped_to(&mut self, made: &Value, id: Id) {
        if let Value::Object(object) = made {
            let args = object.args.clone();
            self.handed_out(&Given { args, ..Given::default() }, id);
        }
    }

    /// A statement that is only a call of something imported: it is there for what it does.
    pub(super) fn dropped(&mut self, value: &Value) {
        let Value::Object(object) = value else { return };
        let silent =
            object.receiver.is_some() || names::is_harmless(&object.callee) || !object.callee.contains('.');
        if !silent && self.found.last().is_none_or(|last| last.range != object.range) {
            let why = format!("what `{}` does stands elsewhere", self.snippet(&object.range));
            self.emit(&object.range.clone(), "", What::Unread(why), false);
        }
    }
}

fn sequence(made: &Object, object: &Object) -> Option<Stmt> {
    let name = made.arg(0, "name")?.as_text()?.text.clone();
    let schema = made.named("schema").and_then(Value::as_text).map(|text| text.text.clone());
    let name = Relation { schema, name };
    Some(match &*object.name {
        "create" | "CreateSequence" => {
            Stmt::Sequence(switchback_sql::ast::Sequence { name, ..Default::default() })
        }
        _ => drop_of(ObjectKind::Sequence, name, object),
    })
}

fn is_session(value: &Value) -> bool {
    value.called().ends_with("session") || names::is_connection(value)
}

/// `CreateSequence(…)`, `DropSchema(…)`: statements of SQLAlchemy's `schema`.
fn schema_object(value: &Value) -> Option<(Stmt, bool)> {
    let object = value.as_object()?;
    let first = object.args.first();
    let stmt = match &*object.name {
        "CreateSequence" | "DropSequence" => sequence(first?.as_object()?, object)?,
        "CreateSchema" => {
            let name = first?.as_text()?.text.clone();
            Stmt::CreateSchema { name, if_not_exists: object.is("if_not_exists") }
        }
        "DropSchema" => {
            let name = Relation::named(&first?.as_text()?.text);
            let mut stmt = drop_of(ObjectKind::Schema, name, object);
            if let Stmt::Drop { cascade, .. } = &mut stmt {
                *cascade = object.is("cascade");
            }
            stmt
        }
        "CreateTable" => create_of_table(first?.as_object()?)?,
        "DropTable" => drop_of(ObjectKind::Table, dml::table(first?)?, object),
        _ => return None,
    };
    Some((stmt, !object.open))
}
<<<<<<< HEAD
=======

fn create_of_table(made: &Rc<Object>) -> Option<Stmt> {
    let call = Call::new(made, None);
    create_table(&call)?.into_iter().find(|stmt| matches!(stmt, Stmt::CreateTable(_)))
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
            let table = call.object.arg(0, "table").and_then(dml::table)?;
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
                columns.push(table::column(&call.base, object))
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
    columns.iter_mut().for_each(|column| column.count(keys.len() == 1));
    if !has_key && !keys.is_empty() {
        constraints.insert(0, unnamed(ConstraintKind::Primary { columns: keys, using_index: None }));
    }
}

fn unnamed(kind: ConstraintKind) -> Constraint {
    Constraint { at: 0, name: None, kind, not_valid: false, not_enforced: false, deferrable: false }
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
    before.push(Stmt::CreateTable(table));
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
        indexes.push(Stmt::CreateIndex(CreateIndex {
            name: Some(format!("ix_{}_{name}", labelled(table))),
            table: table.clone(),
            unique: column.unique,
            method: "btree".into(),
            keys: vec![switchback_sql::ast::Key::Column(name.clone())],
            ..CreateIndex::default()
        }));
    } else if column.unique {
        let unique = ConstraintKind::Unique { columns: vec![name.clone()], using_index: None };
        constraints.push(Constraint { at: column.column.at, ..unnamed(unique) });
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
        ActionKind::AddColumn { column, if_not_exists: call.object.is("if_not_exists") },
    )];
    all.extend(constraints.into_iter().map(|one| alter(table.clone(), ActionKind::AddConstraint(one))));
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
    let text = |name: &str| object.named(name).and_then(Value::as_text).map(|text| text.text.clone());
    let (keys, special): (Vec<_>, Vec<_>) = match keys {
        Some(Value::List(list)) => list.items.iter().map(key).unzip(),
        Some(one) => [key(one)].into_iter().unzip(),
        None => (Vec::new(), Vec::new()),
    };
    Some(Stmt::CreateIndex(CreateIndex {
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
        special: object.named("postgresql_ops").is_some() || special.contains(&true),
    }))
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
>>>>>>> w-review
