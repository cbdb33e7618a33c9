//! What a database is made of: a text for every object that a user can create in it.
//!
//! Two databases with equal catalogs answer every statement alike, as far as definitions go: tables,
//! code, rights, comments. The texts hold no object ids and depend on no setting, so they can be
//! compared between servers of the same major version: a restored backup with what was backed up, a
//! rehearsed way back with the start, a deployed database with the rehearsal.
//!
//! Not here, because a copy within the server keeps it and a dump is not meant to: values of
//! sequences (see [`digest`](crate::digest)), statistics counters, subscriptions, the owner of an
//! extension, the recorded versions of collations. Roles, tablespaces and the settings of the
//! database itself belong to the server (see [`settings`](crate::settings)). What hangs on a table
//! of an extension counts as the extension's, as it does for `pg_dump`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use switchback_model::Result;

use crate::session::Session;

mod text;
mod versions;

/// Every definition of one database, by `kind schema.name`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    /// `table app.users`, `column app.users.email`, `owner of table app.users`, … each with its
    /// definition; names are quoted where SQL needs it.
    pub objects: BTreeMap<String, String>,
}

/// What happened to an object from one catalog to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Only the other one has it.
    Added,
    /// Only this one has it.
    Removed,
    /// Both have it, with different definitions.
    Changed,
}

/// One object in which two catalogs differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The key in [`Catalog::objects`].
    pub object: String,
    /// What happened to it.
    pub kind: Change,
    /// Its definition before, where it was there.
    pub before: Option<String>,
    /// Its definition after, where it is there.
    pub after: Option<String>,
}

/// The parts of the one query, which is one so that it sees one state of the database.
const PARTS: &[&str] = &[
    include_str!("relations.sql"),
    include_str!("columns.sql"),
    include_str!("attached.sql"),
    include_str!("routines.sql"),
    include_str!("types.sql"),
    include_str!("services.sql"),
    include_str!("rights.sql"),
];

/// What the server's own writers of definitions look at. Compiling the query would take longer than
/// running it.
const SETTINGS: &str = "set search_path = pg_catalog; set quote_all_identifiers = off; \
    set standard_conforming_strings = on; set jit = off";

impl Catalog {
    /// Reads the catalog of the session's database. Any role may: what it must not see (options of
    /// other people's user mappings) is left out.
    ///
    /// The settings it pins stay pinned in the session. Inside a transaction it sees what the
    /// transaction made.
    ///
    /// # Errors
    /// [`QUERY_FAILED`](switchback_model::code::QUERY_FAILED) where an object is dropped while it is
    /// read, [`CONNECTION_LOST`](switchback_model::code::CONNECTION_LOST).
    pub async fn read(session: &Session) -> Result<Self> {
        session.batch(SETTINGS).await?;
        let version: i32 =
            session.one("select current_setting('server_version_num')::int4", &[]).await?.get(0);
        let mut objects = BTreeMap::new();
        for row in session.rows(&query(version / 10_000), &[]).await? {
            let definition: Option<&str> = row.get(1);
            objects.insert(row.get(0), text::normal(definition.unwrap_or_default()));
        }
        Ok(Self { objects })
    }

    /// SHA-256 over all entries, in hexadecimal; equal digests mean equal catalogs.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for text in self.objects.iter().flat_map(|(key, definition)| [key, definition]) {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hex::encode(hash.finalize())
    }

    /// What differs from `self` (before) to `other` (after), sorted by object.
    pub fn diff(&self, other: &Self) -> Vec<Difference> {
        let keys: BTreeSet<_> = self.objects.keys().chain(other.objects.keys()).collect();
        let difference = |key: &String| {
            let (before, after) = (self.objects.get(key), other.objects.get(key));
            let kind = match (before, after) {
                (None, _) => Change::Added,
                (_, None) => Change::Removed,
                (before, after) if before == after => return None,
                _ => Change::Changed,
            };
            Some(Difference { object: key.clone(), kind, before: before.cloned(), after: after.cloned() })
        };
        keys.into_iter().filter_map(difference).collect()
    }

    /// Without the entries whose key begins with one of `kinds` as whole words, such as
    /// `tablespace of`.
    #[must_use]
    pub fn without(mut self, kinds: &[&str]) -> Self {
        let is = |key: &str, kind: &str| key.strip_prefix(kind).is_some_and(|rest| rest.starts_with(' '));
        self.objects.retain(|key, _| !kinds.iter().any(|kind| is(key, kind)));
        self
    }

    /// Without owners and privileges: what is left when a database is restored where its roles are
    /// not (`pg_restore --no-owner --no-acl`).
    #[must_use]
    pub fn without_owner_and_acl(self) -> Self {
        self.without(&["owner of", "acl of", "default privileges of", "large objects of"])
    }
}

/// The query for a major version: all parts over the same list of objects.
fn query(major: i32) -> String {
    let parts = PARTS.join("\nunion all\n");
    let sql = format!(
        "{}{}select key::text, definition::text from (\n{parts}\n) as objects(key, definition) where key is not null",
        include_str!("named.sql"),
        include_str!("acl_text.sql"),
    );
    versions::fill(&sql, major)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(entries: &[(&str, &str)]) -> Catalog {
        Catalog { objects: entries.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect() }
    }

    #[test]
    fn a_difference_is_added_removed_or_changed() {
        let before = catalog(&[("table a", "1"), ("table b", "1"), ("table c", "1")]);
        let after = catalog(&[("table b", "2"), ("table c", "1"), ("table d", "1")]);
        let found: Vec<_> = before.diff(&after).into_iter().map(|d| (d.object, d.kind)).collect();
        let expected =
            [("table a", Change::Removed), ("table b", Change::Changed), ("table d", Change::Added)];
        assert_eq!(found, expected.map(|(object, kind)| (object.to_owned(), kind)));
        assert_ne!(before.digest(), after.digest());
    }

    #[test]
    fn the_digest_knows_where_a_text_ends() {
        assert_ne!(catalog(&[("a", "bc")]).digest(), catalog(&[("ab", "c")]).digest());
    }

    #[test]
    fn owners_and_rights_can_be_left_out() {
        let entries = [("table owner", "1"), ("owner of table owner", "x"), ("acl of table owner", "y")];
        assert_eq!(catalog(&entries).without_owner_and_acl(), catalog(&entries[..1]));
    }

    #[test]
    fn every_version_gets_a_whole_query() {
        for major in 13..=18 {
            let sql = query(major);
            let open = sql.split('{').skip(1).find(|rest| !rest.starts_with("}'"));
            assert!(open.is_none(), "{major}: a placeholder is left: {open:?}");
        }
    }
}
