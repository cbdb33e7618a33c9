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
            Stmt::Sequence(Box::new(switchback_sql::ast::Sequence { name, ..Default::default() }))
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
