//! What a statement does, as far as running it depends on that.
//!
//! The type is ours: nobody else sees the parser's tree.

use pg_query::protobuf::node::Node;
use pg_query::protobuf::{
    AlterSubscriptionStmt, AlterTableStmt, CopyStmt, DropStmt, IndexStmt, ReindexStmt, TransactionStmt,
};
use pg_query::protobuf::{
    AlterSubscriptionType, AlterTableType, DefElem, DiscardMode, ObjectType, RangeVar, ReindexObjectType,
    TransactionStmtKind,
};

use crate::grammar;
use crate::lexer::{Kind, Mentions, tokens};

#[cfg(test)]
mod tests;

/// A name with its schema, where one is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Relation {
    /// The schema.
    pub schema: Option<String>,
    /// The name.
    pub name: String,
}

impl Relation {
    /// A name without a schema.
    pub fn named(name: &str) -> Self {
        Self { schema: None, name: name.to_owned() }
    }

    /// Whether both are one relation where names without a schema are in `public`.
    pub fn same(&self, other: &Self) -> bool {
        let schema = self.schema.as_deref().unwrap_or("public");
        self.name == other.name && schema == other.schema.as_deref().unwrap_or("public")
    }
}

impl std::fmt::Display for Relation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// What a statement does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// `BEGIN`, `START TRANSACTION`.
    Begin,
    /// `COMMIT`, `END`.
    Commit,
    /// `ROLLBACK`, `ABORT`.
    Rollback,
    /// `SAVEPOINT`, `RELEASE`, `ROLLBACK TO`.
    Savepoint,
    /// `PREPARE TRANSACTION`.
    PrepareTransaction,
    /// `COMMIT PREPARED`, `ROLLBACK PREPARED`.
    EndPrepared,
    /// `CREATE INDEX`.
    CreateIndex {
        /// Its name, where one is given.
        name: Option<String>,
        /// On what.
        table: Relation,
        /// Without keeping writers out.
        concurrently: bool,
    },
    /// `DROP INDEX`.
    DropIndex {
        /// Without keeping writers out.
        concurrently: bool,
    },
    /// `REINDEX`.
    Reindex {
        /// A schema, a database, its system catalogs.
        many: bool,
        /// Without keeping writers out.
        concurrently: bool,
    },
    /// `ALTER TABLE … DETACH PARTITION`.
    DetachPartition {
        /// Without keeping writers out.
        concurrently: bool,
    },
    /// `ALTER TYPE … ADD VALUE`: the value can't be used before it is committed.
    AddEnumValue,
    /// `VACUUM`.
    Vacuum,
    /// `CLUSTER`.
    Cluster {
        /// Every table that was clustered before.
        all: bool,
    },
    /// `REFRESH MATERIALIZED VIEW`.
    Refresh {
        /// Without keeping readers out.
        concurrently: bool,
    },
    /// `CREATE DATABASE`, `DROP DATABASE`, `ALTER DATABASE … SET TABLESPACE`.
    Database,
    /// `CREATE TABLESPACE`, `DROP TABLESPACE`.
    Tablespace,
    /// `ALTER SYSTEM`.
    AlterSystem,
    /// `CREATE SUBSCRIPTION`.
    CreateSubscription {
        /// It makes a slot on the publisher.
        slot: bool,
    },
    /// `ALTER SUBSCRIPTION`.
    AlterSubscription {
        /// It asks the publisher for its tables.
        refreshes: bool,
    },
    /// `DROP SUBSCRIPTION`.
    DropSubscription,
    /// `DISCARD ALL`.
    DiscardAll,
    /// `COPY … FROM stdin`.
    CopyIn,
    /// `COPY … TO stdout`.
    CopyOut,
    /// `DO`, `CALL`: what runs may end the transaction.
    Code,
    /// Anything else.
    Other,
}

/// Whether a statement may stand in a transaction block (`PreventInTransactionBlock` in the server's
/// source).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Block {
    /// It may.
    #[default]
    Possible,
    /// The server refuses it there.
    Impossible,
    /// It depends on what is in the database: a partitioned table, a procedure that commits.
    Depends,
}

/// A statement that the server would not understand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// In the server's words.
    pub message: String,
    /// The byte of the statement at which it stops making sense.
    pub at: usize,
}

impl Statement {
    /// Reads the text of one statement, without its semicolon.
    ///
    /// # Errors
    /// A [`Mistake`], where the server's grammar does not know it.
    pub fn read(text: &str) -> Result<Self, Mistake> {
        grammar::check(text)?;
        if !needs_tree(text) {
            return Ok(Self::Other);
        }
        match grammar::tree(text) {
            Some(node) => Ok(Self::of(&node)),
            // What is not read to its end must not be taken for harmless.
            None if leaves(text) => {
                Err(Mistake { message: "an expression that is nested too deeply".into(), at: 0 })
            }
            None => Ok(Self::Other),
        }
    }

    /// Whether it may stand in a transaction block.
    pub fn in_block(&self) -> Block {
        match self {
            Self::CreateIndex { concurrently: true, .. }
            | Self::DropIndex { concurrently: true }
            | Self::Reindex { many: true, .. }
            | Self::Reindex { concurrently: true, .. }
            | Self::DetachPartition { concurrently: true }
            | Self::Cluster { all: true }
            | Self::CreateSubscription { slot: true }
            | Self::AlterSubscription { refreshes: true }
            | Self::EndPrepared
            | Self::Vacuum
            | Self::Database
            | Self::Tablespace
            | Self::AlterSystem
            | Self::DiscardAll => Block::Impossible,
            Self::Reindex { .. } | Self::Cluster { .. } | Self::DropSubscription | Self::Code => {
                Block::Depends
            }
            _ => Block::Possible,
        }
    }

    /// Whether the text has one of the words of which each statement that [`Block::Impossible`] is said of
    /// has one: a quick look, for most scripts have none.
    pub fn may_leave_block(text: &str) -> bool {
        const WORDS: Mentions = Mentions::of(&[
            "concurrently",
            "reindex",
            "cluster",
            "subscription",
            "prepared",
            "vacuum",
            "database",
            "tablespace",
            "system",
            "discard",
        ]);
        WORDS.any_in(text)
    }

    /// Whether it begins, ends or parts a transaction.
    pub fn controls_transaction(&self) -> bool {
        matches!(
            self,
            Self::Begin
                | Self::Commit
                | Self::Rollback
                | Self::Savepoint
                | Self::PrepareTransaction
                | Self::EndPrepared
        )
    }

    /// Whether an index may be left behind that is not valid, where it fails.
    pub fn builds_concurrently(&self) -> bool {
        matches!(
            self,
            Self::CreateIndex { concurrently: true, .. }
                | Self::DropIndex { concurrently: true }
                | Self::Reindex { concurrently: true, .. }
        )
    }

    fn of(node: &Node) -> Self {
        match node {
            Node::TransactionStmt(transaction) => Self::transaction(transaction),
            Node::IndexStmt(index) => Self::index(index),
            Node::DropStmt(drop) if drop.remove_type == ObjectType::ObjectIndex as i32 => {
                Self::drop_index(drop)
            }
            Node::ReindexStmt(reindex) => Self::reindex(reindex),
            Node::AlterTableStmt(alter) => Self::alter_table(alter),
            // Without a new value's neighbour and with an old one it renames.
            Node::AlterEnumStmt(alter) if alter.old_val.is_empty() => Self::AddEnumValue,
            Node::VacuumStmt(vacuum) if vacuum.is_vacuumcmd => Self::Vacuum,
            Node::ClusterStmt(cluster) => Self::Cluster { all: cluster.relation.is_none() },
            Node::RefreshMatViewStmt(refresh) => Self::Refresh { concurrently: refresh.concurrent },
            Node::CreatedbStmt(_) | Node::DropdbStmt(_) => Self::Database,
            Node::AlterDatabaseStmt(alter) if has(&alter.options, "tablespace") => Self::Database,
            Node::CreateTableSpaceStmt(_) | Node::DropTableSpaceStmt(_) => Self::Tablespace,
            Node::AlterSystemStmt(_) => Self::AlterSystem,
            Node::CreateSubscriptionStmt(create) => Self::CreateSubscription {
                slot: !is_off(&create.options, "connect") && !is_off(&create.options, "create_slot"),
            },
            Node::AlterSubscriptionStmt(alter) => Self::alter_subscription(alter),
            Node::DropSubscriptionStmt(_) => Self::DropSubscription,
            Node::DiscardStmt(discard) if discard.target == DiscardMode::DiscardAll as i32 => {
                Self::DiscardAll
            }
            Node::CopyStmt(copy) => Self::copy(copy),
            Node::DoStmt(_) | Node::CallStmt(_) => Self::Code,
            _ => Self::Other,
        }
    }

    fn transaction(transaction: &TransactionStmt) -> Self {
        match transaction.kind() {
            TransactionStmtKind::TransStmtBegin | TransactionStmtKind::TransStmtStart => Self::Begin,
            TransactionStmtKind::TransStmtCommit => Self::Commit,
            TransactionStmtKind::TransStmtRollback => Self::Rollback,
            TransactionStmtKind::TransStmtPrepare => Self::PrepareTransaction,
            TransactionStmtKind::TransStmtCommitPrepared | TransactionStmtKind::TransStmtRollbackPrepared => {
                Self::EndPrepared
            }
            _ => Self::Savepoint,
        }
    }

    fn index(index: &IndexStmt) -> Self {
        Self::CreateIndex {
            name: Some(index.idxname.clone()).filter(|name| !name.is_empty()),
            table: relation(index.relation.as_ref()),
            concurrently: index.concurrent,
        }
    }

    fn drop_index(drop: &DropStmt) -> Self {
        Self::DropIndex { concurrently: drop.concurrent }
    }

    fn reindex(reindex: &ReindexStmt) -> Self {
        let one = [ReindexObjectType::ReindexObjectIndex, ReindexObjectType::ReindexObjectTable];
        let concurrently = has(&reindex.params, "concurrently") && !is_off(&reindex.params, "concurrently");
        Self::Reindex { many: !one.contains(&reindex.kind()), concurrently }
    }

    fn alter_table(alter: &AlterTableStmt) -> Self {
        let detached = alter.cmds.iter().find_map(|command| match &command.node {
            Some(Node::AlterTableCmd(command)) if command.subtype() == AlterTableType::AtDetachPartition => {
                command.def.as_ref()?.node.as_ref()
            }
            _ => None,
        });
        match detached {
            Some(Node::PartitionCmd(partition)) => {
                Self::DetachPartition { concurrently: partition.concurrent }
            }
            _ => Self::Other,
        }
    }

    fn alter_subscription(alter: &AlterSubscriptionStmt) -> Self {
        let refreshes = match alter.kind() {
            AlterSubscriptionType::AlterSubscriptionRefresh => true,
            AlterSubscriptionType::AlterSubscriptionSetPublication
            | AlterSubscriptionType::AlterSubscriptionAddPublication
            | AlterSubscriptionType::AlterSubscriptionDropPublication => !is_off(&alter.options, "refresh"),
            _ => false,
        };
        Self::AlterSubscription { refreshes }
    }

    fn copy(copy: &CopyStmt) -> Self {
        match (copy.is_from, copy.filename.is_empty() && !copy.is_program) {
            (true, true) => Self::CopyIn,
            (false, true) => Self::CopyOut,
            _ => Self::Other,
        }
    }
}

fn relation(range: Option<&RangeVar>) -> Relation {
    let (schema, name) =
        range.map(|range| (range.schemaname.clone(), range.relname.clone())).unwrap_or_default();
    Relation { schema: Some(schema).filter(|schema| !schema.is_empty()), name }
}

fn option<'n>(options: &'n [pg_query::Node], name: &str) -> Option<&'n DefElem> {
    options.iter().find_map(|option| match &option.node {
        Some(Node::DefElem(option)) if option.defname.eq_ignore_ascii_case(name) => Some(&**option),
        _ => None,
    })
}

fn has(options: &[pg_query::Node], name: &str) -> bool {
    option(options, name).is_some()
}

/// Whether an option is given and switched off, in any of the server's spellings (`defGetBoolean`).
fn is_off(options: &[pg_query::Node], name: &str) -> bool {
    let value = option(options, name).and_then(|option| option.arg.as_ref()?.node.as_ref());
    match value {
        Some(Node::Integer(number)) => number.ival == 0,
        Some(Node::String(word)) => is_off_word(&word.sval),
        // `off` is no word of the grammar, so it is read as the name of a type.
        Some(Node::TypeName(name)) => name.names.iter().any(|name| match &name.node {
            Some(Node::String(word)) => is_off_word(&word.sval),
            _ => false,
        }),
        _ => false,
    }
}

fn is_off_word(word: &str) -> bool {
    ["false", "off"].iter().any(|off| word.eq_ignore_ascii_case(off))
}

/// Beginnings of statements whose tree is needed. The tree of a query can be very deep, and says
/// nothing that running it depends on.
const TREES: &[&[&str]] = &[
    &["create", "index"],
    &["create", "unique"],
    &["create", "database"],
    &["create", "tablespace"],
    &["create", "subscription"],
    &["drop"],
    &["alter"],
    &["reindex"],
    &["vacuum"],
    &["cluster"],
    &["refresh"],
    &["discard"],
    &["copy"],
    &["do"],
    &["call"],
    &["begin"],
    &["start"],
    &["commit"],
    &["end"],
    &["rollback"],
    &["abort"],
    &["savepoint"],
    &["release"],
    &["prepare"],
];

fn needs_tree(text: &str) -> bool {
    let mut words = tokens(text).filter(|token| !token.is_comment());
    let mut next = || {
        let word = words.next().filter(|token| token.kind == Kind::Word)?;
        Some(word.of(text).to_ascii_lowercase())
    };
    let (first, second) = (next().unwrap_or_default(), next().unwrap_or_default());
    TREES.iter().any(|beginning| match beginning {
        [one] => first == *one,
        [one, two] => first == *one && second == *two,
        _ => false,
    })
}

/// Whether a word stands in it that takes statements out of their transaction.
fn leaves(text: &str) -> bool {
    tokens(text).any(|token| token.kind == Kind::Word && token.of(text).eq_ignore_ascii_case("concurrently"))
}
