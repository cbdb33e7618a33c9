//! Our small tree of a statement: what the lock model and the rules of a review are written against.
//!
//! It says what a statement does to which objects, in the server's own normal form (`int`, `integer`
//! and `int4` are one type), and nothing of how it was spelled. Nobody else sees the parser's tree.
//! What is not told apart here is [`Stmt::Other`].

#![expect(clippy::struct_excessive_bools, reason = "words of a statement that stand there or don't")]

mod expr;
mod table;

pub use expr::{Expr, Query};
pub use table::{
    Action, ActionKind, Column, Constraint, ConstraintKind, ForeignKey, Identity, Key, OnDelete, Partition,
    ReplicaIdentity, TriggerChoice,
};

use crate::statement::Relation;

/// A type, by the name that the server's catalog has for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Type {
    /// The schema, where one is written and it is not `pg_catalog`.
    pub schema: Option<String>,
    /// `int4`, `varchar`, `timestamptz`, `bpchar` (for `char`), …; `serial`, `bigserial` and
    /// `smallserial` also where `serial4`, `serial8` or `serial2` is written.
    pub name: String,
    /// `varchar(20)`: 20. `numeric(10,2)`: 10 and 2.
    pub modifiers: Vec<i64>,
    /// An array of it.
    pub array: bool,
}

/// What kind of object a statement drops, renames, alters or comments on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// A table.
    Table,
    /// A foreign table.
    ForeignTable,
    /// A column of a relation.
    Column,
    /// A constraint of a relation.
    Constraint,
    /// A constraint of a domain.
    DomainConstraint,
    /// An attribute of a composite type.
    Attribute,
    /// An index.
    Index,
    /// A view.
    View,
    /// A materialised view.
    MaterializedView,
    /// A sequence.
    Sequence,
    /// A schema.
    Schema,
    /// A database.
    Database,
    /// A type.
    Type,
    /// A domain.
    Domain,
    /// A function.
    Function,
    /// A procedure.
    Procedure,
    /// An aggregate.
    Aggregate,
    /// A trigger of a relation.
    Trigger,
    /// An event trigger.
    EventTrigger,
    /// A rule of a relation.
    Rule,
    /// A policy of a relation.
    Policy,
    /// An extension.
    Extension,
    /// A publication.
    Publication,
    /// A subscription.
    Subscription,
    /// A role.
    Role,
    /// A tablespace.
    Tablespace,
    /// A collation.
    Collation,
    /// Extended statistics.
    Statistics,
    /// Anything else.
    Other,
}

/// What begins, ends or parts a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transaction {
    /// `BEGIN`, `START TRANSACTION`.
    Begin,
    /// `COMMIT`, `END`.
    Commit,
    /// `ROLLBACK`, `ABORT`.
    Rollback,
    /// `SAVEPOINT`, `RELEASE`, `ROLLBACK TO`.
    Savepoint,
    /// `PREPARE TRANSACTION`.
    Prepare,
    /// `COMMIT PREPARED`, `ROLLBACK PREPARED`.
    EndPrepared,
}

/// `CREATE TABLE`, in any of its forms.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateTable {
    /// Its name.
    pub name: Relation,
    /// Nobody else sees it.
    pub temporary: bool,
    /// Emptied after a crash.
    pub unlogged: bool,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// A foreign table.
    pub foreign: bool,
    /// Its columns, with their own constraints.
    pub columns: Vec<Column>,
    /// The constraints that stand beside the columns.
    pub constraints: Vec<Constraint>,
    /// `INHERITS`.
    pub inherits: Vec<Relation>,
    /// `PARTITION OF`.
    pub partition_of: Option<Partition>,
    /// `PARTITION BY`: the strategy (`range`, `list`, `hash`) and the columns of the key, an expression as
    /// an empty name.
    pub partition_by: Option<(String, Vec<String>)>,
    /// `LIKE`.
    pub like: Vec<Relation>,
    /// `AS SELECT`, `SELECT INTO`.
    pub query: Option<Box<Query>>,
    /// `WITH NO DATA`.
    pub no_data: bool,
    /// `WITH (…)`: names in lower case and values.
    pub options: Vec<(String, String)>,
}

/// `CREATE INDEX`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateIndex {
    /// Its name, where one is given.
    pub name: Option<String>,
    /// On what.
    pub table: Relation,
    /// `ON ONLY`.
    pub only: bool,
    /// Without keeping writers out.
    pub concurrently: bool,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// `UNIQUE`.
    pub unique: bool,
    /// `btree`, `gin`, …
    pub method: String,
    /// Its key: columns and expressions.
    pub keys: Vec<Key>,
    /// A part of the key has a collation, an operator class or an order of its own.
    pub special: bool,
    /// `INCLUDE`.
    pub include: Vec<String>,
    /// `WHERE`.
    pub filter: Option<Expr>,
    /// `NULLS NOT DISTINCT`.
    pub nulls_not_distinct: bool,
    /// `TABLESPACE`.
    pub tablespace: Option<String>,
}

/// `CREATE FUNCTION`, `CREATE PROCEDURE`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateFunction {
    /// Its name.
    pub name: Relation,
    /// `CREATE PROCEDURE`.
    pub procedure: bool,
    /// `OR REPLACE`.
    pub replace: bool,
    /// The types of what goes in.
    pub arguments: Vec<Type>,
    /// What it gives; nothing where that is written as `OUT` arguments or a table.
    pub returns: Option<Type>,
    /// In lower case.
    pub language: String,
    /// `immutable`, `stable`, `volatile`, where it is written.
    pub volatility: Option<String>,
    /// `SECURITY DEFINER`.
    pub security_definer: bool,
    /// The variables of its `SET` clauses, in lower case.
    pub sets: Vec<String>,
    /// Its body, where that is a text, and the byte of the statement at which that begins.
    pub body: Option<(String, usize)>,
}

/// `CREATE VIEW`, `CREATE MATERIALIZED VIEW`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateView {
    /// Its name.
    pub name: Relation,
    /// `OR REPLACE`.
    pub replace: bool,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// A materialised view.
    pub materialized: bool,
    /// `WITH NO DATA`.
    pub no_data: bool,
    /// Nobody else sees it.
    pub temporary: bool,
    /// What it shows.
    pub query: Box<Query>,
    /// `WITH (…)`: names in lower case and values.
    pub options: Vec<(String, String)>,
}

/// `CREATE TRIGGER`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateTrigger {
    /// Its name.
    pub name: String,
    /// On what.
    pub table: Relation,
    /// `OR REPLACE`.
    pub replace: bool,
    /// What it calls.
    pub function: Relation,
    /// `FOR EACH ROW`.
    pub row: bool,
    /// `CREATE CONSTRAINT TRIGGER`.
    pub constraint: bool,
}

/// `CREATE POLICY`, `ALTER POLICY`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// On what.
    pub table: Relation,
    /// It was there before.
    pub alter: bool,
    /// `AS RESTRICTIVE`.
    pub restrictive: bool,
    /// `USING`.
    pub using: Option<Expr>,
    /// `WITH CHECK`.
    pub check: Option<Expr>,
}

/// `GRANT`, `REVOKE` of privileges or of roles.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grant {
    /// `REVOKE`.
    pub revoke: bool,
    /// In lower case; empty: all of them.
    pub privileges: Vec<String>,
    /// `Column` stands for relations too; `Role`: the membership in roles.
    pub kind: Option<ObjectKind>,
    /// The objects, where they have names of relations.
    pub relations: Vec<Relation>,
    /// `ALL TABLES IN SCHEMA …`.
    pub all_in_schema: bool,
    /// `public` for everybody.
    pub to: Vec<String>,
}

/// `CREATE PUBLICATION`, `ALTER PUBLICATION`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Publication {
    /// Its name.
    pub name: String,
    /// It was there before.
    pub alter: bool,
    /// `FOR ALL TABLES`.
    pub all_tables: bool,
    /// Tables that are added, or set.
    pub adds: Vec<Relation>,
    /// Tables that are taken out.
    pub drops: Vec<Relation>,
    /// `SET TABLE`: those that are not named are taken out.
    pub sets: bool,
}

/// `CREATE SEQUENCE`, `ALTER SEQUENCE`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sequence {
    /// Its name.
    pub name: Relation,
    /// It was there before.
    pub alter: bool,
    /// `AS`.
    pub of: Option<Type>,
    /// `RESTART`, with a value or without.
    pub restart: bool,
    /// `CYCLE`.
    pub cycle: bool,
    /// `INCREMENT`, `MINVALUE`, `MAXVALUE`, `START`: whichever are written, in lower case.
    pub changes: Vec<String>,
    /// `OWNED BY`: the column's parts; `none` where it belongs to nothing any more.
    pub owned_by: Option<Vec<String>>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Stmt {
    /// What begins, ends or parts a transaction.
    Transaction(Transaction),
    /// `SET`, `RESET`, `SET LOCAL`; `value` is nothing for `DEFAULT` and `RESET`.
    Set {
        /// In lower case; `all`: `RESET ALL`.
        name: String,
        /// As text.
        value: Option<String>,
        /// Until the transaction ends.
        local: bool,
    },
    /// `CREATE TABLE`, `CREATE TABLE AS`, `SELECT INTO`.
    CreateTable(Box<CreateTable>),
    /// `ALTER TABLE`, `ALTER INDEX`, `ALTER VIEW`, … with actions.
    AlterTable {
        /// What it is called in the statement.
        kind: ObjectKind,
        /// On what.
        table: Relation,
        /// `IF EXISTS`.
        if_exists: bool,
        /// `ONLY`.
        only: bool,
        /// What is done, in the order written.
        actions: Vec<Action>,
    },
    /// `ALTER TABLE ALL IN TABLESPACE …`.
    MoveAll {
        /// Tables, indexes, materialised views.
        kind: ObjectKind,
    },
    /// `CREATE INDEX`.
    CreateIndex(Box<CreateIndex>),
    /// `REINDEX`.
    Reindex {
        /// `Table`, `Index`, `Schema`, `Database`.
        kind: ObjectKind,
        /// The table or index.
        name: Option<Relation>,
        /// Without keeping writers out.
        concurrently: bool,
    },
    /// `DROP …`.
    Drop {
        /// Of what.
        kind: ObjectKind,
        /// The objects. For triggers, rules and policies the relation on which they are.
        names: Vec<Relation>,
        /// The names of triggers, rules, policies; else nothing.
        parts: Vec<String>,
        /// `IF EXISTS`.
        if_exists: bool,
        /// `CASCADE`.
        cascade: bool,
        /// `DROP INDEX CONCURRENTLY`.
        concurrently: bool,
        /// The types of a function's arguments, one list an object; empty where none are written.
        arguments: Vec<Option<Vec<Type>>>,
    },
    /// `DROP OWNED`.
    DropOwned {
        /// Whose.
        roles: Vec<String>,
        /// `CASCADE`.
        cascade: bool,
    },
    /// `… RENAME TO …`, `… RENAME COLUMN … TO …`, `ALTER TYPE … RENAME VALUE` is [`Stmt::AlterEnum`].
    Rename {
        /// Of what.
        kind: ObjectKind,
        /// The object, or the relation that it belongs to.
        relation: Relation,
        /// The part's old name: of a column, a constraint, a trigger, …
        part: Option<String>,
        /// The new name.
        to: String,
        /// `IF EXISTS`.
        if_exists: bool,
    },
    /// `… SET SCHEMA …`.
    SetSchema {
        /// Of what.
        kind: ObjectKind,
        /// The object.
        name: Relation,
        /// Where to.
        schema: String,
    },
    /// `… OWNER TO …`; of tables it is an action.
    Owner {
        /// Of what.
        kind: ObjectKind,
        /// The object.
        name: Relation,
        /// The new owner.
        role: String,
    },
    /// `TRUNCATE`.
    Truncate {
        /// The tables.
        tables: Vec<Relation>,
        /// Those of them that are meant without their children (`ONLY`).
        only: Vec<Relation>,
        /// `CASCADE`.
        cascade: bool,
        /// `RESTART IDENTITY`.
        restart: bool,
    },
    /// `INSERT`.
    Insert {
        /// Into what.
        table: Relation,
        /// The columns that are named.
        columns: Vec<String>,
        /// Where the rows come from; nothing: `DEFAULT VALUES`.
        source: Option<Box<Query>>,
        /// `ON CONFLICT`.
        on_conflict: bool,
    },
    /// `UPDATE`.
    Update {
        /// Of what.
        table: Relation,
        /// Columns and what they become.
        assignments: Vec<(String, Expr)>,
        /// `FROM`, and what is read in subqueries.
        reads: Vec<Relation>,
        /// `WHERE`.
        filter: Option<Expr>,
        /// Statements in its `WITH` that write.
        writes: Vec<Stmt>,
    },
    /// `DELETE`.
    Delete {
        /// From what.
        table: Relation,
        /// `USING`, and what is read in subqueries.
        reads: Vec<Relation>,
        /// `WHERE`.
        filter: Option<Expr>,
        /// Statements in its `WITH` that write.
        writes: Vec<Stmt>,
    },
    /// `MERGE`.
    Merge {
        /// Into what.
        table: Relation,
        /// What is read.
        reads: Vec<Relation>,
        /// Statements in its `WITH` that write.
        writes: Vec<Stmt>,
    },
    /// `SELECT`, `VALUES`, `TABLE`.
    Select(Box<Query>),
    /// `COPY`.
    Copy {
        /// Of what; nothing for a query.
        table: Option<Relation>,
        /// `FROM`.
        from: bool,
        /// `PROGRAM`.
        program: bool,
        /// A file of the server.
        file: bool,
    },
    /// `CREATE VIEW`, `CREATE MATERIALIZED VIEW`.
    CreateView(CreateView),
    /// `REFRESH MATERIALIZED VIEW`.
    Refresh {
        /// Which.
        name: Relation,
        /// Without keeping readers out.
        concurrently: bool,
        /// `WITH NO DATA`.
        no_data: bool,
    },
    /// `CREATE FUNCTION`, `CREATE PROCEDURE`.
    CreateFunction(Box<CreateFunction>),
    /// `ALTER FUNCTION`, `ALTER PROCEDURE`, with options.
    AlterFunction {
        /// Which.
        name: Relation,
        /// `volatility`, `security`, `strict`, `set`, …: what is changed, and the value where it is a word.
        /// `security` and `strict` are `true` or `false`, `set` has the variable.
        changes: Vec<(String, String)>,
    },
    /// `CREATE TRIGGER`.
    CreateTrigger(CreateTrigger),
    /// `CREATE EVENT TRIGGER`, `ALTER EVENT TRIGGER`.
    EventTrigger {
        /// Its name.
        name: String,
    },
    /// `CREATE RULE`.
    CreateRule {
        /// Its name.
        name: String,
        /// On what.
        table: Relation,
        /// `OR REPLACE`.
        replace: bool,
        /// `INSTEAD`.
        instead: bool,
    },
    /// `CREATE TYPE … AS ENUM`.
    CreateEnum {
        /// Its name.
        name: Relation,
        /// Its labels.
        labels: Vec<String>,
    },
    /// `CREATE TYPE`, any other.
    CreateType {
        /// Its name.
        name: Relation,
        /// The columns of a composite type.
        columns: Vec<Column>,
    },
    /// `ALTER TYPE … ADD VALUE`, `ALTER TYPE … RENAME VALUE`.
    AlterEnum {
        /// Which.
        name: Relation,
        /// The label that is renamed.
        old: Option<String>,
        /// The new label.
        new: String,
        /// `BEFORE`, `AFTER`.
        placed: bool,
        /// `IF NOT EXISTS`.
        if_not_exists: bool,
    },
    /// `ALTER TYPE` of a composite type: as on a table.
    AlterType {
        /// Which.
        name: Relation,
        /// What is done.
        actions: Vec<Action>,
    },
    /// `CREATE DOMAIN`.
    CreateDomain {
        /// Its name.
        name: Relation,
        /// What it is made of.
        base: Type,
        /// `NOT NULL`, `CHECK`.
        constraints: Vec<Constraint>,
    },
    /// `ALTER DOMAIN`.
    AlterDomain {
        /// Which.
        name: Relation,
        /// What is done: `SetNotNull`, `DropNotNull`, `AddConstraint`, `ValidateConstraint`,
        /// `DropConstraint`, `SetDefault`, `DropDefault`.
        action: ActionKind,
    },
    /// `CREATE SEQUENCE`, `ALTER SEQUENCE`.
    Sequence(Box<Sequence>),
    /// `CREATE SCHEMA`.
    CreateSchema {
        /// Its name.
        name: String,
        /// `IF NOT EXISTS`.
        if_not_exists: bool,
    },
    /// `CREATE EXTENSION`.
    CreateExtension {
        /// Its name.
        name: String,
        /// `IF NOT EXISTS`.
        if_not_exists: bool,
        /// `VERSION`.
        version: Option<String>,
    },
    /// `ALTER EXTENSION … UPDATE`, …
    AlterExtension {
        /// Its name.
        name: String,
    },
    /// `CREATE LANGUAGE`.
    CreateLanguage {
        /// Its name.
        name: String,
    },
    /// `CREATE STATISTICS`.
    CreateStatistics {
        /// On what.
        table: Option<Relation>,
    },
    /// `CREATE POLICY`, `ALTER POLICY`.
    Policy(Box<Policy>),
    /// `GRANT`, `REVOKE`.
    Grant(Grant),
    /// `ALTER DEFAULT PRIVILEGES`.
    DefaultPrivileges(Grant),
    /// `CREATE ROLE`, `ALTER ROLE`; a password is never kept.
    Role {
        /// Its name.
        name: String,
        /// It was there before.
        alter: bool,
        /// The options' names, in lower case.
        options: Vec<String>,
        /// A password stands in the statement as a text.
        password: bool,
    },
    /// `ALTER ROLE … SET`.
    RoleSet {
        /// The role; nothing: `ALL`.
        role: Option<String>,
        /// The variable.
        variable: String,
    },
    /// `ALTER DATABASE … SET`.
    DatabaseSet {
        /// The database.
        database: String,
        /// The variable.
        variable: String,
    },
    /// `DROP ROLE`.
    DropRole {
        /// Which.
        names: Vec<String>,
    },
    /// `CREATE DATABASE`, `ALTER DATABASE` with options.
    Database {
        /// Its name.
        name: String,
        /// It is made by the statement.
        create: bool,
        /// `SET TABLESPACE`.
        tablespace: bool,
    },
    /// `CREATE TABLESPACE`.
    CreateTablespace {
        /// Its name.
        name: String,
    },
    /// `ALTER SYSTEM`.
    AlterSystem {
        /// The variable.
        variable: String,
    },
    /// `LOCK TABLE`.
    Lock {
        /// The tables.
        tables: Vec<Relation>,
        /// How.
        mode: crate::locks::Mode,
        /// `NOWAIT`.
        nowait: bool,
    },
    /// `VACUUM`.
    Vacuum {
        /// Empty: all.
        tables: Vec<Relation>,
        /// `FULL`.
        full: bool,
        /// `ANALYZE`.
        analyze: bool,
    },
    /// `ANALYZE`.
    Analyze {
        /// Which; none: all.
        tables: Vec<Relation>,
        /// Those of them that are meant without their children (`ONLY`, PostgreSQL 18).
        only: Vec<Relation>,
    },
    /// `CLUSTER`.
    Cluster {
        /// Nothing: every table that was clustered before.
        table: Option<Relation>,
    },
    /// `COMMENT ON`.
    Comment {
        /// On what kind.
        kind: ObjectKind,
        /// The object; of a column its relation.
        name: Relation,
        /// The column.
        part: Option<String>,
    },
    /// `CREATE PUBLICATION`, `ALTER PUBLICATION`.
    Publication(Publication),
    /// `CREATE SUBSCRIPTION`, `ALTER SUBSCRIPTION`.
    Subscription {
        /// Its name.
        name: String,
        /// It was there before.
        alter: bool,
        /// A password stands in its connection.
        password: bool,
    },
    /// `CREATE FOREIGN DATA WRAPPER`, `CREATE SERVER`, `CREATE USER MAPPING`.
    Foreign {
        /// A password stands among its options.
        password: bool,
    },
    /// `DO`.
    Do {
        /// In lower case.
        language: String,
        /// What is run, and the byte of the statement at which that begins.
        body: (String, usize),
    },
    /// `CALL`.
    Call {
        /// What.
        name: Relation,
    },
    /// `DISCARD ALL`, and others.
    Discard {
        /// `ALL`.
        all: bool,
    },
    /// Right by the grammar, but nested so deeply that nobody looked into it: nothing is known of it.
    Unread,
    /// Anything else.
    Other,
}
