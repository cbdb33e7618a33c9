//! Error codes: one line here, one page in `codes/`.
//!
//! The page is what `switchback explain CODE` prints. A code never changes its meaning and is
//! never used again for another one.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::exit::Exit;

/// What is known of a code.
#[derive(Debug)]
pub struct CodeEntry {
    /// `SB0101`.
    pub id: &'static str,
    /// The exit status of a command that ends with this code.
    pub exit: Exit,
    /// The page, in Markdown; its first line is the title.
    pub page: &'static str,
}

/// A stable error code.
#[derive(Clone, Copy)]
pub struct Code(&'static CodeEntry);

impl Code {
    /// `SB0101`.
    pub fn id(self) -> &'static str {
        self.0.id
    }

    /// The exit status of a command that ends with this code.
    pub fn exit(self) -> Exit {
        self.0.exit
    }

    /// The page, in Markdown.
    pub fn page(self) -> &'static str {
        self.0.page
    }

    /// The code with this id, whatever its case.
    pub fn find(id: &str) -> Option<Self> {
        ALL.iter().copied().find(|code| code.id().eq_ignore_ascii_case(id))
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Code {}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl JsonSchema for Code {
    fn schema_name() -> Cow<'static, str> {
        "Code".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^SB[0-9]{4}$" })
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

impl<'de> Deserialize<'de> for Code {
    /// A code that this version does not know (a newer journal) reads as [`UNKNOWN`].
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        Ok(Self::find(&id).unwrap_or(UNKNOWN))
    }
}

macro_rules! codes {
    ($($name:ident = $id:literal, $exit:ident;)*) => {
        $(
            #[doc = concat!("See `codes/", $id, ".md`.")]
            pub const $name: Code = Code(&CodeEntry {
                id: $id,
                exit: Exit::$exit,
                page: include_str!(concat!("codes/", $id, ".md")),
            });
        )*
        /// Every code, in the order of the table.
        pub const ALL: &[Code] = &[$($name),*];
    };
}

codes! {
    // 00: the program itself
    UNKNOWN = "SB0001", Stuck;
    INTERNAL = "SB0002", Stuck;
    INTERRUPTED = "SB0003", Interrupted;
    USAGE = "SB0004", Usage;
    // 01: configuration
    CONFIG_NOT_FOUND = "SB0101", Usage;
    CONFIG_INVALID = "SB0102", Usage;
    CONFIG_UNKNOWN_KEY = "SB0103", Usage;
    VARIABLE_UNSET = "SB0104", Usage;
    ENVIRONMENT_UNKNOWN = "SB0105", Usage;
    CONFIG_EXISTS = "SB0106", Usage;
    STATE_FOLDER = "SB0107", Usage;
    // 02: the server and its programs
    SERVER_UNREACHABLE = "SB0201", Usage;
    LOGIN_REFUSED = "SB0202", Usage;
    DATABASE_MISSING = "SB0203", Usage;
    PROGRAM_MISSING = "SB0204", Usage;
    PROGRAM_TOO_OLD = "SB0205", Usage;
    URL_INVALID = "SB0206", Usage;
    QUERY_FAILED = "SB0207", TakenBack;
    CONNECTION_LOST = "SB0208", TakenBack;
    CLUSTER_START = "SB0209", Usage;
    TLS = "SB0210", Usage;
    // 03: gates and refusals
    PREFLIGHT = "SB0301", Refused;
    GATE_MISSING = "SB0302", Refused;
    TARGET_LEASED = "SB0303", Refused;
    RUN_OPEN = "SB0304", Refused;
    NOTHING_TO_RESUME = "SB0305", Refused;
    WINDOW_CLOSED = "SB0306", Refused;
    RUN_UNKNOWN = "SB0307", Usage;
    NOTHING_TO_DO = "SB0308", Done;
    PLAN_CHANGED = "SB0309", Refused;
    WRITES_WOULD_BE_LOST = "SB0310", Refused;
    RELEASE_UNFIT = "SB0311", Refused;
    DIGEST_UNKNOWN = "SB0312", Refused;
    // 04: migrations
    MIGRATOR_MISSING = "SB0401", Usage;
    MIGRATIONS_NOT_FOUND = "SB0402", Usage;
    MIGRATION_UNREADABLE = "SB0403", Usage;
    TWO_HEADS = "SB0404", Usage;
    REVISION_UNKNOWN = "SB0405", Usage;
    REVISION_DUPLICATE = "SB0406", Usage;
    REVISION_CYCLE = "SB0407", Usage;
    MIGRATION_FAILED = "SB0408", TakenBack;
    REVISION_UNCHANGED = "SB0409", TakenBack;
    REVISION_DIFFERS = "SB0410", TakenBack;
    MIGRATION_TIMEOUT = "SB0411", TakenBack;
    HISTORY_DIFFERS = "SB0412", Refused;
    SCRIPT_REFUSED = "SB0413", Usage;
    INDEX_INVALID = "SB0414", TakenBack;
    FIX_UNPROVEN = "SB0415", NotFine;
    // 05: the target in a run
    FENCE = "SB0501", TakenBack;
    RESTORE_POINT = "SB0502", TakenBack;
    SWAP = "SB0503", Stuck;
    METADATA = "SB0504", Stuck;
    VALIDATION_FAILED = "SB0505", TakenBack;
    CATALOG_DIFFERS = "SB0506", TakenBack;
    WAY_BACK_NEEDS_WORD = "SB0507", Stuck;
    LEASE_LOST = "SB0508", Stuck;
    OTHER_SERVER = "SB0509", Stuck;
    // 06: backups
    BACKUP_FAILED = "SB0601", TakenBack;
    BACKUP_DIFFERS = "SB0602", TakenBack;
    BACKUP_UNKNOWN = "SB0603", Usage;
    BACKUP_DAMAGED = "SB0604", NotFine;
    RESTORE_FAILED = "SB0605", TakenBack;
    RESTORE_LOSES = "SB0606", Refused;
    RESTORE_OTHER_REVISION = "SB0607", Refused;
    RESTORE_REFUSED = "SB0608", Refused;
    // 07: stuck
    STUCK = "SB0701", Stuck;
    UNDO_FAILED = "SB0702", Stuck;
    JOURNAL_DAMAGED = "SB0703", Stuck;
    JOURNAL_WRITE = "SB0704", Stuck;
    EFFECT_UNCLEAR = "SB0705", Stuck;
    RECORD_DAMAGED = "SB0706", Refused;
    LEDGER_DAMAGED = "SB0707", NotFine;
    // 08: service, code, health
    SERVICE = "SB0801", TakenBack;
    SERVICE_BLOCKED = "SB0802", Refused;
    HEALTH = "SB0803", TakenBack;
    LOG_MATCH = "SB0804", TakenBack;
    CODE_DIRTY = "SB0805", Refused;
    RELEASE_UNKNOWN = "SB0806", Usage;
    CODE_SWITCH = "SB0807", TakenBack;
    MAINTENANCE = "SB0808", TakenBack;
    SMOKE_FAILED = "SB0809", TakenBack;
    COMMAND_FAILED = "SB0810", TakenBack;
    COMMAND_TIMEOUT = "SB0811", TakenBack;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_every_page_starts_with_its_code() {
        let mut seen = std::collections::BTreeSet::new();
        for code in ALL {
            assert!(seen.insert(code.id()), "{code} stands twice");
            let title = format!("# {code}: ");
            assert!(code.page().starts_with(&title), "{code}: page must start with {title:?}");
        }
    }

    #[test]
    fn every_page_is_registered() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/codes");
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let id = name.trim_end_matches(".md");
            assert!(Code::find(id).is_some(), "{name} is no code of the table");
        }
    }
}
