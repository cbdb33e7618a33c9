//! What a backup says of itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use switchback_model::{Failure, Result, code};

use super::{blocking, files};
use crate::digest::{DataFacts, SequenceFacts};
use crate::server::Identity;
use crate::settings::DatabaseSettings;

/// The layout that this version writes; a newer one is refused.
pub const FORMAT: u32 = 1;

pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const SUM: &str = "manifest.sha256";
pub(super) const PROOF: &str = "proof.json";
pub(super) const MARK: &str = "damaged.json";
pub(super) const DUMP: &str = "dump";
pub(super) const CATALOG: &str = "catalog.json";
pub(super) const ROLES: &str = "roles.sql";

/// A backup's own description: the last file to be written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`] of the version that wrote it.
    pub format: u32,
    /// Its name: time (UTC), database, six digits that make it unique.
    pub id: String,
    /// When its snapshot was taken, by the server's clock (RFC 3339, UTC).
    pub made_at: String,
    /// What the person or run that made it wants to be remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The revision that the target was at when the dump began, as its migrator said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Vec<String>>,
    /// What it is a backup of.
    pub target: Target,
    /// The view of the data that it holds.
    pub snapshot: SnapshotFacts,
    /// The version of `pg_dump` that wrote it.
    pub pg_dump: String,
    /// How long the dump took, in milliseconds.
    pub dumped_in_ms: u64,
    /// Every other file, by its path in the folder.
    pub files: BTreeMap<String, FileFacts>,
    /// The roles of the server, and whether they could be read whole.
    pub roles: Roles,
    /// Digest of the catalog; the catalog itself is `catalog.json`.
    pub catalog: String,
    /// The data as the snapshot saw it; sequences as they were before the dump began.
    pub facts: DataFacts,
    /// Sequences that moved while the dump ran, as they were after it: a dump holds a sequence's value
    /// of the moment it was read, for sequences obey no snapshot.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub moved: BTreeMap<String, SequenceFacts>,
    /// Materialized views: a dump holds their query, never their rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub materialized_views: Vec<String>,
    /// What belongs to the database and is not in the dump.
    pub settings: DatabaseSettings,
    /// The restore that proved it; nothing where none was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
}

/// The database that was backed up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Host name, address or socket folder, as the URL has it.
    pub host: String,
    /// The database.
    pub database: String,
    /// Which server it was.
    pub server: Identity,
    /// `UTF8`, …
    pub encoding: String,
    /// `LC_COLLATE`.
    pub collate: String,
    /// `LC_CTYPE`.
    pub ctype: String,
    /// `c` (libc), `i` (ICU) or `b` (built in, from PostgreSQL 17 on).
    pub provider: String,
    /// The provider's locale, where it is not libc's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Tailoring of an ICU locale (from PostgreSQL 16 on).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icu_rules: Option<String>,
    /// What every new database has and this one has not (`schema public`): a dump says nothing of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<String>,
}

/// The snapshot that dump, digests and catalog were read in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotFacts {
    /// What `pg_export_snapshot` called it.
    pub id: String,
    /// The transactions it sees (`pg_current_snapshot`, or its older name).
    pub transactions: String,
    /// The server's position in its write-ahead log when it was taken.
    pub wal_position: String,
}

/// The roles that objects of the database may belong to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles {
    /// All but PostgreSQL's own.
    pub names: Vec<String>,
    /// The superuser that the server was made with.
    pub bootstrap: String,
    /// Why there is no `roles.sql`; nothing where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_readable: Option<String>,
}

/// A file of the backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// A restore that was compared with what the dump's snapshot saw, and was equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// When, by the scratch server's clock (RFC 3339, UTC).
    pub at: String,
    /// The scratch server's version.
    pub server_version: String,
    /// How long `pg_restore` took, in milliseconds.
    pub restored_in_ms: u64,
    /// What was found to be equal.
    pub compared: Compared,
    /// What is worth knowing and is no difference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// SHA-256 of the manifest that was proven, for a proof beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_sha256: Option<String>,
}

/// How much was compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Tables and leaf partitions, by row count and digest.
    pub tables: u64,
    /// The rows in them.
    pub rows: u64,
    /// Sequences, by value and whether it was handed out.
    pub sequences: u64,
    /// Large objects, by digest.
    pub large_objects: u64,
    /// Whether settings, grants and owner of the database were put back and compared.
    pub settings: bool,
}

impl Manifest {
    /// Reads the manifest of a backup and checks its own checksum; other files are not looked at.
    ///
    /// # Errors
    /// [`code::BACKUP_DAMAGED`], saying what is wrong with it.
    pub fn read(folder: &Path) -> Result<Self> {
        let damaged = |why: String| damaged(folder, [why]);
        let text =
            fs::read(folder.join(MANIFEST)).map_err(|error| damaged(format!("{MANIFEST}: {error}")))?;
        let sums =
            fs::read_to_string(folder.join(SUM)).map_err(|error| damaged(format!("{SUM}: {error}")))?;
        if sums != sum_line(&text) {
            return Err(damaged(format!("{MANIFEST} is not what {SUM} says")));
        }
        let format = serde_json::from_slice::<Format>(&text)
            .map_err(|error| damaged(format!("{MANIFEST}: {error}")))?;
        if format.format != FORMAT {
            let why = format!("its format is {}, and this version reads {FORMAT}", format.format);
            return Err(damaged(why).hint("use the version of switchback that made it, or a newer one"));
        }
        serde_json::from_slice(&text).map_err(|error| damaged(format!("{MANIFEST}: {error}")))
    }

    /// Writes the manifest and its checksum, synced.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let failed =
            |error: std::io::Error| super::io(code::BACKUP_FAILED, "the manifest can't be written", &error);
        let text = json(self)?;
        files::write(&folder.join(SUM), sum_line(&text).as_bytes()).map_err(failed)?;
        files::write(&folder.join(MANIFEST), &text).map_err(failed)
    }

    /// Reads every file and checks that it is there, whole, and what it was, and that there is none
    /// besides.
    ///
    /// # Errors
    /// [`code::BACKUP_DAMAGED`], naming each file and what is wrong with it.
    pub async fn check_files(&self, folder: &Path) -> Result<()> {
        let root = folder.to_owned();
        let found = blocking(move || {
            let failed = |error: std::io::Error| damaged(&root, [error.to_string()]);
            files::hash_all(&root, files::Then::Look).map_err(failed)
        });
        let mut found = found.await?;
        found.retain(|name, _| !is_said_of_it(name));
        let names: std::collections::BTreeSet<_> = self.files.keys().chain(found.keys()).collect();
        let wrong: Vec<_> =
            names.into_iter().filter_map(|name| wrong(name, self.files.get(name), found.get(name))).collect();
        if wrong.is_empty() { Ok(()) } else { Err(damaged(folder, wrong)) }
    }

    /// Bytes of all its files.
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|file| file.bytes).sum()
    }

    /// The major of the server it was made from.
    pub fn major(&self) -> u16 {
        self.target.server.major()
    }
}

/// Whether a file is said of a backup and no part of it. A crash may leave one half written.
fn is_said_of_it(name: &str) -> bool {
    [MANIFEST, SUM, PROOF, MARK].contains(&name.strip_suffix(".new").unwrap_or(name))
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

fn wrong(name: &str, expected: Option<&FileFacts>, found: Option<&FileFacts>) -> Option<String> {
    match (expected, found) {
        (Some(_), None) => Some(format!("{name} is missing")),
        (None, Some(_)) => Some(format!("{name} is not part of it")),
        (Some(expected), Some(found)) if expected.bytes != found.bytes => {
            Some(format!("{name} has {} bytes instead of {}", found.bytes, expected.bytes))
        }
        (Some(expected), Some(found)) if expected.sha256 != found.sha256 => {
            Some(format!("{name} is not what it was (its SHA-256 differs)"))
        }
        _ => None,
    }
}

/// [`code::BACKUP_DAMAGED`] with each reason.
pub(super) fn damaged(folder: &Path, why: impl IntoIterator<Item = String>) -> Failure {
    let why: Vec<_> = why.into_iter().collect();
    let first = why.first().cloned().unwrap_or_default();
    let message = format!("the backup in {} is damaged: {first}", folder.display());
    let more = why.into_iter().skip(1);
    more.fold(Failure::new(code::BACKUP_DAMAGED, message), Failure::cause)
        .hint("take another backup; `switchback backup list` shows which ones are whole")
}

/// A line for `sha256sum -c`.
fn sum_line(manifest: &[u8]) -> String {
    format!("{}  {MANIFEST}\n", files::sha256(manifest))
}

pub(super) fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    let failed =
        |error| Failure::new(code::INTERNAL, "a description can't be written as JSON").because(&error);
    let mut text = serde_json::to_vec_pretty(value).map_err(failed)?;
    text.push(b'\n');
    Ok(text)
}

/// The manifest's SHA-256, as it stands on disk: it stands for the whole backup, for the manifest
/// holds the sums of all other files.
///
/// # Errors
/// [`code::BACKUP_DAMAGED`].
pub fn checksum(folder: &Path) -> Result<String> {
    let text =
        fs::read(folder.join(MANIFEST)).map_err(|error| damaged(folder, [format!("{MANIFEST}: {error}")]))?;
    Ok(files::sha256(&text))
}

/// `20260102T030405Z-ada-1f3c99`: a plain file name that names time and database. (Two of one second
/// are told apart by the end; which one is the newer is said by [`Manifest::made_at`].)
pub(super) fn id_of(time: &str, database: &str, unique: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    let database: String = database.chars().take(40).map(plain).collect();
    let mut id = format!("{time}-{database}-");
    // Writing to a text can't fail.
    let _ = write!(id, "{}", unique.get(..6).unwrap_or(unique));
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_plain_name() {
        assert_eq!(id_of("20260102T030405Z", "a/b ä", "1f3c99"), "20260102T030405Z-a_b__-1f3c99");
    }

    #[test]
    fn says_what_is_wrong_with_a_file() {
        let file = |bytes, sum: &str| FileFacts { bytes, sha256: sum.to_owned() };
        assert_eq!(wrong("a", Some(&file(1, "x")), Some(&file(1, "x"))), None);
        assert!(wrong("a", Some(&file(1, "x")), None).unwrap().contains("missing"));
        assert!(wrong("a", None, Some(&file(1, "x"))).unwrap().contains("not part"));
        assert!(
            wrong("a", Some(&file(1, "x")), Some(&file(2, "x"))).unwrap().contains("2 bytes instead of 1")
        );
        assert!(wrong("a", Some(&file(1, "x")), Some(&file(1, "y"))).unwrap().contains("SHA-256"));
    }
}
