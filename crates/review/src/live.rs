//! What is known of the target's data and of its server. All of it may be missing.

use std::collections::BTreeMap;

use serde::Deserialize;
use switchback_sql::Relation;

/// What is known of the target.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Live {
    /// By name with schema.
    pub tables: BTreeMap<String, LiveTable>,
    /// Indexes that are not valid, with their schema.
    pub invalid_indexes: Vec<String>,
    /// The server's version number: 140002.
    pub version_num: Option<u32>,
    /// Extensions that could be made there.
    pub available_extensions: Option<Vec<String>>,
    /// The longest transaction that is open, in seconds, and who has it.
    pub longest_transaction: Option<(u64, String)>,
    /// Tables that an anti-wraparound vacuum works on.
    pub wraparound_vacuums: Vec<String>,
    /// Standbys that answer queries, by name.
    pub hot_standbys: Vec<String>,
    /// Bytes that are free where the data is.
    pub free_bytes: Option<u64>,
    /// Replication slots and how many bytes behind each is.
    pub slots: BTreeMap<String, u64>,
    /// The role that runs migrations owns, or may alter, only these; nothing: it may do everything.
    pub owned_tables: Option<Vec<String>>,
    /// Whether that role may create objects in these schemas.
    pub creatable_schemas: Option<Vec<String>>,
    /// Revisions that are applied, by their script's path.
    pub applied: Vec<String>,
    /// Checksums of applied scripts that the tool recorded, by path, where they differ from the files.
    pub edited: Vec<String>,
    /// Sequences: last value and the greatest that fits (of the sequence and of its column).
    pub sequences: BTreeMap<String, (i64, i64)>,
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
    /// Reads and writes a second since the statistics began.
    pub reads_per_second: f64,
    /// See `reads_per_second`.
    pub writes_per_second: f64,
    /// It is among the busiest.
    pub hot: bool,
}

impl Live {
    /// A table, by its name with or without `public`.
    pub fn table(&self, name: &Relation) -> Option<&LiveTable> {
        let schema = name.schema.as_deref().unwrap_or("public");
        self.tables.get(&format!("{schema}.{}", name.name)).or_else(|| self.tables.get(&name.name))
    }
}
