//! What is known of the target and of its server. All of it may be missing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use switchback_sql::Relation;
use switchback_sql::schema::Schema;

/// What is known of the target.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Live {
    /// Its tables, columns, constraints, indexes, …, where they were read: then what the pending scripts
    /// meet is this, and not what the earlier files tell.
    #[serde(skip)]
    pub schema: Option<Schema>,
    /// By name with schema.
    pub tables: BTreeMap<String, LiveTable>,
    /// Where names without a schema are looked for; empty: in `public`.
    pub search_path: Vec<String>,
    /// The time zone of a session that sets none.
    pub time_zone: Option<String>,
    /// Indexes that a failed build left behind, by name with schema, and their table.
    pub invalid_indexes: BTreeMap<String, String>,
    /// The server's version number: 140002.
    pub version_num: Option<u32>,
    /// Extensions that could be made there.
    pub extensions: Option<BTreeMap<String, LiveExtension>>,
    /// Transactions that have been open for a while, the oldest first.
    pub transactions: Vec<LiveTransaction>,
    /// Tables that an anti-wraparound vacuum works on.
    pub wraparound_vacuums: Vec<String>,
    /// Standbys that follow the server, by name.
    pub standbys: Vec<String>,
    /// Bytes that are free where the data is.
    pub free_bytes: Option<u64>,
    /// Replication slots.
    pub slots: BTreeMap<String, LiveSlot>,
    /// So many bytes of WAL are kept for a slot at most (`max_slot_wal_keep_size`).
    pub slot_limit: Option<u64>,
    /// The role that runs migrations, and what it may do.
    pub role: Option<LiveRole>,
    /// Schemas of the target, and what that role lacks in each: `CREATE`, `USAGE`, `ownership`.
    pub schemas: Option<BTreeMap<String, Vec<String>>>,
    /// Tables, views, sequences, types and functions (`public.f()`) of others, and what that role lacks.
    pub lacks: BTreeMap<String, LiveLack>,
    /// Scripts that were changed after they were applied, by path.
    pub edited: BTreeSet<String>,
    /// Scripts that are not applied though a newer one is, by path, and the newer one's version.
    pub passed_over: BTreeMap<String, String>,
    /// Scripts that nobody asked about and that are not applied, by path: they run before what is asked.
    pub before: BTreeSet<String>,
    /// Versions that are applied, and of which there is no file.
    pub without_file: Vec<String>,
    /// Sequences, by name with schema.
    pub sequences: BTreeMap<String, LiveSequence>,
    /// What could not be found out, and why, with what to do about it.
    pub unknown: BTreeMap<Fact, String>,
}

/// What a target is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// What is in its catalog.
    Schema,
    /// How large tables are.
    Sizes,
    /// Who has a transaction open.
    Sessions,
    /// How much room is left on its disk.
    Disk,
    /// Standbys and replication slots.
    Replication,
    /// What vacuum works on.
    Vacuum,
    /// What the role that runs migrations may do.
    Rights,
    /// How far sequences are.
    Sequences,
    /// Extensions, the version, settings.
    Server,
    /// Which scripts are applied.
    History,
}

impl Fact {
    /// A finding tells that it is not known, where that matters.
    pub fn is_told(self) -> bool {
        matches!(self, Self::Disk | Self::Sessions | Self::Vacuum | Self::Rights)
    }

    /// As people are told.
    pub fn words(self) -> &'static str {
        match self {
            Self::Schema => "what is in its catalog",
            Self::Sizes => "how large its tables are",
            Self::Sessions => "who has a transaction open",
            Self::Disk => "how much room is left on its disk",
            Self::Replication => "its standbys and replication slots",
            Self::Vacuum => "what vacuum works on",
            Self::Rights => "what the role may do",
            Self::Sequences => "how far its sequences are",
            Self::Server => "its extensions and settings",
            Self::History => "which scripts are applied",
        }
    }
}

/// What is known of a table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LiveTable {
    /// Rows, about.
    pub rows: u64,
    /// Bytes of the table alone.
    pub bytes: u64,
    /// Bytes with indexes and TOAST.
    pub total_bytes: u64,
    /// Columns, with those that were dropped.
    pub attributes: u32,
    /// How often it was read since the statistics began.
    pub reads: u64,
    /// How many rows were written since the statistics began.
    pub writes: u64,
    /// It is among the busiest.
    pub hot: bool,
}

/// What the role that runs migrations lacks on an object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LiveLack {
    /// Who owns it.
    pub owner: String,
    /// `ownership`, `INSERT`, `REFERENCES`, …
    pub lacks: Vec<String>,
}

/// An extension that could be made.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LiveExtension {
    /// Versions for which there are files.
    pub versions: Vec<String>,
    /// Only a superuser can make it.
    pub superuser: bool,
}

/// A transaction that is open.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LiveTransaction {
    /// Whose: `session 4711 of app (psql)`, `the prepared transaction x`.
    pub who: String,
    /// For how long.
    pub seconds: u64,
    /// It does nothing.
    pub idle: bool,
    /// The statement that ends it.
    pub end: String,
    /// Tables that it has locked, by name with schema, and the modes: `ACCESS SHARE`.
    pub holds: BTreeMap<String, Vec<String>>,
}

/// A replication slot.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LiveSlot {
    /// Bytes of WAL that are kept for it.
    pub behind: u64,
    /// Somebody reads from it.
    pub active: bool,
    /// It decodes changes.
    pub logical: bool,
}

/// A role.
#[expect(clippy::struct_excessive_bools, reason = "attributes that a role has or has not")]
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LiveRole {
    /// Its name.
    pub name: String,
    /// It may do everything.
    pub superuser: bool,
    /// It may make roles.
    pub creates_roles: bool,
    /// It may make databases.
    pub creates_databases: bool,
    /// It may make schemas, publications and trusted extensions in the target.
    pub creates_in_database: bool,
}

/// A sequence of numbers that could run out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LiveSequence {
    /// The last number that it gave.
    pub last: i64,
    /// Its own end.
    pub max: i64,
    /// The table and the column that it belongs to.
    pub owned_by: Option<(String, String)>,
    /// The greatest number that the column can have.
    pub column_max: Option<i64>,
}

impl Live {
    /// A table, by its name with or without a schema.
    pub fn table(&self, name: &Relation) -> Option<&LiveTable> {
        self.key(name).and_then(|key| self.tables.get(&key)).or_else(|| self.tables.get(&name.name))
    }

    /// The name with its schema.
    pub fn key(&self, name: &Relation) -> Option<String> {
        let within = |schema: &str| format!("{schema}.{}", name.name);
        if let Some(schema) = &name.schema {
            return Some(within(schema));
        }
        let mut path = self.search_path.iter().map(|schema| within(schema));
        path.find(|key| self.tables.contains_key(key)).or_else(|| {
            let first = self.search_path.first().map_or("public", String::as_str);
            Some(within(first))
        })
    }
}
