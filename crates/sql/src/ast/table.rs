//! Tables: their columns, constraints, and what is done to them.

use super::{Expr, Type};
use crate::statement::Relation;

/// A column as it is defined.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Column {
    /// The byte of the statement at which it stands.
    pub at: usize,
    /// Its name.
    pub name: String,
    /// Its type.
    pub of: Type,
    /// `COLLATE`.
    pub collation: Option<String>,
    /// `NOT NULL`, or part of a primary key that is written at the column.
    pub not_null: bool,
    /// `DEFAULT`.
    pub default: Option<Expr>,
    /// `GENERATED … AS IDENTITY`.
    pub identity: Option<Identity>,
    /// `GENERATED ALWAYS AS (…) STORED`; `VIRTUAL` where `generated_virtual`.
    pub generated: Option<Expr>,
    /// `VIRTUAL`, or neither that nor `STORED`.
    pub generated_virtual: bool,
    /// `STORAGE`.
    pub storage: bool,
    /// `CHECK`, `UNIQUE`, `PRIMARY KEY`, `REFERENCES` at the column.
    pub constraints: Vec<Constraint>,
}

/// Who fills an identity column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// `ALWAYS`: the server.
    Always,
    /// `BY DEFAULT`: whoever inserts, if they do.
    ByDefault,
}

/// A constraint.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    /// The byte of the statement at which it stands.
    pub at: usize,
    /// Its name, where one is given.
    pub name: Option<String>,
    /// What it demands.
    pub kind: ConstraintKind,
    /// `NOT VALID`: existing rows are not looked at.
    pub not_valid: bool,
    /// `NOT ENFORCED`.
    pub not_enforced: bool,
    /// `NO INHERIT`.
    pub no_inherit: bool,
    /// `DEFERRABLE`.
    pub deferrable: bool,
}

impl Constraint {
    /// One without a name and without any of the words that may follow it.
    pub fn bare(kind: ConstraintKind) -> Self {
        Self {
            at: 0,
            name: None,
            kind,
            not_valid: false,
            not_enforced: false,
            no_inherit: false,
            deferrable: false,
        }
    }
}

/// What a constraint demands.
#[derive(Clone, Debug, PartialEq)]
pub enum ConstraintKind {
    /// `CHECK`.
    Check(Expr),
    /// `NOT NULL` as a constraint with a name (PostgreSQL 18), or of a domain.
    NotNull {
        /// Empty for a domain.
        column: String,
    },
    /// `PRIMARY KEY`.
    Primary {
        /// Empty at a column and with `using_index`.
        columns: Vec<String>,
        /// `USING INDEX`.
        using_index: Option<String>,
    },
    /// `UNIQUE`.
    Unique {
        /// Empty at a column and with `using_index`.
        columns: Vec<String>,
        /// `USING INDEX`.
        using_index: Option<String>,
    },
    /// `EXCLUDE`.
    Exclude,
    /// `FOREIGN KEY`, `REFERENCES`.
    Foreign(ForeignKey),
}

/// A foreign key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForeignKey {
    /// Empty at a column.
    pub columns: Vec<String>,
    /// What it points to.
    pub table: Relation,
    /// Empty: its primary key.
    pub referenced: Vec<String>,
    /// `ON DELETE`.
    pub on_delete: OnDelete,
}

/// What becomes of rows whose row is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDelete {
    /// `NO ACTION`, `RESTRICT`.
    #[default]
    Refuse,
    /// `CASCADE`.
    Cascade,
    /// `SET NULL`, `SET DEFAULT`.
    Set,
}

/// A part of an index' key.
#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    /// A column.
    Column(String),
    /// An expression.
    Expr(Expr),
}

/// `PARTITION OF`, `ATTACH PARTITION`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Partition {
    /// Of which table; of `ATTACH` the partition.
    pub table: Relation,
    /// `DEFAULT`.
    pub default: bool,
    /// `range`, `list`, `hash`; empty for `DEFAULT`.
    pub strategy: String,
    /// The values of `FROM` and then `TO`, of `IN`, or of `WITH`: constants without quotes, `minvalue`,
    /// `maxvalue`; any other expression is empty.
    pub bounds: Vec<String>,
}

/// What is done to a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// The byte of the statement at which it stands, as near as is known.
    pub at: usize,
    /// What it is.
    pub kind: ActionKind,
}

/// Triggers, chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TriggerChoice {
    /// One.
    Named(String),
    /// `USER`: those that people made.
    User,
    /// `ALL`: those of foreign keys too.
    All,
}

/// How rows are known to a subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplicaIdentity {
    /// By the primary key.
    Default,
    /// By the whole row.
    Full,
    /// Not at all.
    Nothing,
    /// By an index.
    Index(String),
}

/// What is done to a table, an index, a view, a composite type, a domain.
#[derive(Clone, Debug, PartialEq)]
pub enum ActionKind {
    /// `ADD COLUMN`.
    AddColumn {
        /// The column.
        column: Box<Column>,
        /// `IF NOT EXISTS`.
        if_not_exists: bool,
    },
    /// `DROP COLUMN`.
    DropColumn {
        /// Its name.
        name: String,
        /// `IF EXISTS`.
        if_exists: bool,
        /// `CASCADE`.
        cascade: bool,
    },
    /// `ALTER COLUMN … TYPE`.
    AlterType {
        /// The column.
        column: String,
        /// The new type.
        to: Type,
        /// `COLLATE`.
        collation: Option<String>,
        /// `USING`.
        using: Option<Expr>,
    },
    /// `SET DEFAULT`; for a domain the column is empty.
    SetDefault {
        /// The column.
        column: String,
        /// The default.
        value: Expr,
    },
    /// `DROP DEFAULT`.
    DropDefault {
        /// The column.
        column: String,
    },
    /// `SET NOT NULL`.
    SetNotNull {
        /// The column.
        column: String,
    },
    /// `DROP NOT NULL`.
    DropNotNull {
        /// The column.
        column: String,
    },
    /// `DROP EXPRESSION`.
    DropExpression {
        /// The column.
        column: String,
    },
    /// `SET EXPRESSION`.
    SetExpression {
        /// The column.
        column: String,
    },
    /// `ADD GENERATED … AS IDENTITY`.
    AddIdentity {
        /// The column.
        column: String,
    },
    /// `SET GENERATED …`, `RESTART`.
    SetIdentity {
        /// The column.
        column: String,
        /// `RESTART`.
        restart: bool,
    },
    /// `DROP IDENTITY`.
    DropIdentity {
        /// The column.
        column: String,
    },
    /// `SET STATISTICS`.
    SetStatistics,
    /// `SET STORAGE`.
    SetStorage,
    /// `SET COMPRESSION`.
    SetCompression,
    /// `ALTER COLUMN … SET (…)`, `RESET (…)`.
    ColumnOptions,
    /// `ADD CONSTRAINT`.
    AddConstraint(Box<Constraint>),
    /// `ALTER CONSTRAINT`.
    AlterConstraint {
        /// Its name.
        name: String,
        /// `ENFORCED`, `NOT ENFORCED`; nothing where neither is written.
        enforced: Option<bool>,
    },
    /// `VALIDATE CONSTRAINT`.
    ValidateConstraint {
        /// Its name.
        name: String,
    },
    /// `DROP CONSTRAINT`.
    DropConstraint {
        /// Its name.
        name: String,
        /// `IF EXISTS`.
        if_exists: bool,
        /// `CASCADE`.
        cascade: bool,
    },
    /// `SET LOGGED`.
    SetLogged,
    /// `SET UNLOGGED`.
    SetUnlogged,
    /// `SET TABLESPACE`.
    SetTablespace,
    /// `SET ACCESS METHOD`.
    SetAccessMethod,
    /// `CLUSTER ON`, `SET WITHOUT CLUSTER`.
    ClusterOn,
    /// `SET (…)`, of relations: names in lower case and values.
    SetOptions(Vec<(String, String)>),
    /// `RESET (…)`.
    ResetOptions(Vec<String>),
    /// `ENABLE TRIGGER`, also `REPLICA` and `ALWAYS`.
    EnableTrigger(TriggerChoice),
    /// `DISABLE TRIGGER`.
    DisableTrigger(TriggerChoice),
    /// `ENABLE RULE`, `DISABLE RULE`.
    SwitchRule,
    /// `ENABLE ROW LEVEL SECURITY`.
    EnableRls,
    /// `DISABLE ROW LEVEL SECURITY`.
    DisableRls,
    /// `FORCE`, `NO FORCE ROW LEVEL SECURITY`.
    ForceRls {
        /// `FORCE`.
        force: bool,
    },
    /// `REPLICA IDENTITY`.
    ReplicaIdentity(ReplicaIdentity),
    /// `OWNER TO`.
    Owner {
        /// The new one.
        role: String,
    },
    /// `ATTACH PARTITION`.
    Attach(Partition),
    /// `DETACH PARTITION`.
    Detach {
        /// Which.
        partition: Relation,
        /// `CONCURRENTLY`.
        concurrently: bool,
        /// `FINALIZE`.
        finalize: bool,
    },
    /// `INHERIT`.
    Inherit(Relation),
    /// `NO INHERIT`.
    NoInherit(Relation),
    /// `OF`, `NOT OF`.
    OfType,
    /// Anything else.
    Other,
}
