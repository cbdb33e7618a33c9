//! What belongs to a database and not to what is in it: a copy of the database loses it.
//!
//! `CREATE DATABASE … TEMPLATE` and a restore without `--create` both begin with a new database:
//! its owner is who made it, and connection limit, privileges, comment, `ALTER DATABASE … SET` and
//! `ALTER ROLE … IN DATABASE … SET` are gone. They stand in the server's shared catalogs, so they are
//! read and written from another database of the server. A rename keeps them all.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use switchback_model::{Failure, Result, code};
use tokio_postgres::Row;

use crate::session::{Session, ident, literal};

mod apply;
mod list;

/// How a comment begins that is the marker of an open run.
pub const MARKER: &str = "switchback:";
/// What the soft fence sets.
const READ_ONLY: &str = "default_transaction_read_only";

/// Settings by name, as the server stores them: a list is one text, its names quoted where needed.
pub type Settings = BTreeMap<String, String>;

/// One privilege on a database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Privilege {
    /// The role that has it; nothing for `PUBLIC`.
    pub grantee: Option<String>,
    /// `CONNECT`, `CREATE`, `TEMPORARY`.
    pub privilege: String,
    /// Whether the role may pass it on.
    pub grantable: bool,
    /// The role that gave it.
    pub grantor: String,
}

/// All of it. What stands after `settings_of_roles` can't be changed on a database that is there;
/// it is known so that a difference is seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseSettings {
    /// The role it belongs to.
    pub owner: String,
    /// How many may connect at once; -1 for no limit.
    pub connection_limit: i32,
    /// Whether anyone may connect.
    pub allow_connections: bool,
    /// Whether any role with `CREATEDB` may copy it.
    pub is_template: bool,
    /// Its comment, also where that is a [`MARKER`].
    pub comment: Option<String>,
    /// Its privileges, sorted; the default ones written out.
    pub privileges: Vec<Privilege>,
    /// `ALTER DATABASE … SET`.
    pub settings: Settings,
    /// `ALTER ROLE … IN DATABASE … SET`, by role.
    pub settings_of_roles: BTreeMap<String, Settings>,
    /// Where its files are by default.
    pub tablespace: String,
    /// `UTF8`.
    pub encoding: String,
    /// `LC_COLLATE`.
    pub collate: String,
    /// `LC_CTYPE`.
    pub ctype: String,
    /// `c` for the C library, `i` for ICU, `b` for the server's own; from PostgreSQL 15 on.
    pub locale_provider: Option<String>,
    /// The locale of ICU or of the server's own provider.
    pub locale: Option<String>,
    /// The provider's version that the indexes were built with.
    pub collation_version: Option<String>,
}

/// One row; what came with a later version is null before.
const DATABASE: &str = "select pg_get_userbyid(d.datdba) as owner, d.datconnlimit, d.datallowconn, d.datistemplate, \
    shobj_description(d.oid, 'pg_database') as comment, t.spcname::text as tablespace, \
    pg_encoding_to_char(d.encoding)::text as encoding, d.datcollate::text, d.datctype::text, \
    j.fields ->> 'datlocprovider' as provider, \
    coalesce(j.fields ->> 'datlocale', j.fields ->> 'daticulocale') as locale, \
    j.fields ->> 'datcollversion' as version \
    from pg_database d join pg_tablespace t on t.oid = d.dattablespace \
    cross join lateral (select to_jsonb(d) as fields) j where d.datname = $1";

const PRIVILEGES: &str = "select case when a.grantee <> 0 then pg_get_userbyid(a.grantee)::text end, a.privilege_type, \
    a.is_grantable, pg_get_userbyid(a.grantor)::text \
    from pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a where d.datname = $1";

const SETTINGS: &str = "select case when s.setrole <> 0 then pg_get_userbyid(s.setrole)::text end, \
    split_part(c, '=', 1), substr(c, strpos(c, '=') + 1) \
    from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase, unnest(s.setconfig) c where d.datname = $1";

impl DatabaseSettings {
    /// Reads them for `database`, from a session in any database of the server. Any role may.
    ///
    /// # Errors
    /// [`code::DATABASE_MISSING`]; those of a query.
    pub async fn read(session: &Session, database: &str) -> Result<Self> {
        let row = session.optional(DATABASE, &[&database]).await?.ok_or_else(|| missing(database))?;
        let mut settings = Self::of(&row);
        for row in session.rows(PRIVILEGES, &[&database]).await? {
            let [privilege, grantor] = [row.get(1), row.get(3)];
            settings.privileges.push(Privilege {
                grantee: row.get(0),
                privilege,
                grantable: row.get(2),
                grantor,
            });
        }
        settings.privileges.sort();
        for row in session.rows(SETTINGS, &[&database]).await? {
            let of = match row.get::<_, Option<String>>(0) {
                Some(role) => settings.settings_of_roles.entry(role).or_default(),
                None => &mut settings.settings,
            };
            of.insert(row.get(1), row.get(2));
        }
        Ok(settings)
    }

    fn of(row: &Row) -> Self {
        Self {
            owner: row.get::<_, &str>("owner").to_owned(),
            connection_limit: row.get("datconnlimit"),
            allow_connections: row.get("datallowconn"),
            is_template: row.get("datistemplate"),
            comment: row.get("comment"),
            privileges: Vec::new(),
            settings: Settings::new(),
            settings_of_roles: BTreeMap::new(),
            tablespace: row.get("tablespace"),
            encoding: row.get("encoding"),
            collate: row.get("datcollate"),
            ctype: row.get("datctype"),
            locale_provider: row.get("provider"),
            locale: row.get("locale"),
            collation_version: row.get("version"),
        }
    }

    /// The same, but that nobody may connect but superusers and these roles.
    #[must_use]
    pub fn closed_but_to(&self, roles: &[String]) -> Self {
        let is_connect = |privilege: &Privilege| privilege.privilege == "CONNECT";
        let kept =
            |privilege: &Privilege| privilege.grantee.as_ref().is_some_and(|grantee| roles.contains(grantee));
        let mut privileges = self.privileges.clone();
        privileges.retain(|privilege| !is_connect(privilege) || kept(privilege));
        for role in roles {
            if !privileges
                .iter()
                .any(|privilege| is_connect(privilege) && privilege.grantee.as_ref() == Some(role))
            {
                privileges.push(Privilege {
                    grantee: Some(role.clone()),
                    privilege: "CONNECT".to_owned(),
                    grantable: false,
                    grantor: self.owner.clone(),
                });
            }
        }
        privileges.sort();
        Self { privileges, ..self.clone() }
    }

    /// The same without what a fence may have done to a database that was `before`: who could connect
    /// can, what the fence gave to `roles` is gone, and new sessions may write again.
    #[must_use]
    pub fn unfenced(mut self, before: &Self, roles: &[String]) -> Self {
        let given = |privilege: &Privilege| {
            privilege.privilege == "CONNECT"
                && privilege.grantee.as_ref().is_some_and(|grantee| roles.contains(grantee))
        };
        self.privileges.retain(|privilege| !given(privilege));
        let connect = before.privileges.iter().filter(|privilege| privilege.privilege == "CONNECT");
        self.privileges.extend(connect.cloned());
        self.privileges.sort();
        self.privileges.dedup();
        self.settings.remove(READ_ONLY);
        let read_only = before.settings.get_key_value(READ_ONLY);
        self.settings.extend(read_only.map(|(name, value)| (name.clone(), value.clone())));
        self
    }

    /// The same on the files of another database: where they are and how its texts are written and
    /// sorted, which no statement changes on a database that is there.
    #[must_use]
    pub fn on_files_of(self, other: &Self) -> Self {
        let other = other.clone();
        Self {
            tablespace: other.tablespace,
            encoding: other.encoding,
            collate: other.collate,
            ctype: other.ctype,
            locale_provider: other.locale_provider,
            locale: other.locale,
            collation_version: other.collation_version,
            ..self
        }
    }

    /// What differs from `self` to `other`, one sentence each. Markers of a run are no difference.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let mut compare = |what: &str, before: String, after: String| {
            if before != after {
                found.push(format!("{what} is {after}, was {before}"));
            }
        };
        compare("owner", self.owner.clone(), other.owner.clone());
        compare("connection limit", self.connection_limit.to_string(), other.connection_limit.to_string());
        compare("allow connections", self.allow_connections.to_string(), other.allow_connections.to_string());
        compare("is template", self.is_template.to_string(), other.is_template.to_string());
        if !is_marker(self.comment.as_deref()) && !is_marker(other.comment.as_deref()) {
            compare("comment", shown(self.comment.as_ref()), shown(other.comment.as_ref()));
        }
        compare("tablespace", self.tablespace.clone(), other.tablespace.clone());
        compare("encoding", self.encoding.clone(), other.encoding.clone());
        compare("collate", self.collate.clone(), other.collate.clone());
        compare("ctype", self.ctype.clone(), other.ctype.clone());
        compare(
            "locale provider",
            shown(self.locale_provider.as_ref()),
            shown(other.locale_provider.as_ref()),
        );
        compare("locale", shown(self.locale.as_ref()), shown(other.locale.as_ref()));
        let versions = [self, other].map(|settings| shown(settings.collation_version.as_ref()));
        let [before, after] = versions;
        compare("collation version", before, after);
        found.extend(self.differing_settings(other));
        found.extend(self.differing_privileges(other));
        found
    }

    /// Values are not shown: an application may keep a secret in a setting of its own.
    fn differing_settings(&self, other: &Self) -> Vec<String> {
        let (before, after) = (self.all_settings(), other.all_settings());
        let mut found = Vec::new();
        for (name, value) in &before {
            match after.get(name) {
                None => found.push(format!("setting {name} is missing")),
                Some(now) if now != value => found.push(format!("setting {name} has another value")),
                Some(_) => {}
            }
        }
        found.extend(
            after
                .keys()
                .filter(|name| !before.contains_key(*name))
                .map(|name| format!("setting {name} is new")),
        );
        found
    }

    fn all_settings(&self) -> BTreeMap<String, &String> {
        let of_roles = self.settings_of_roles.iter().flat_map(|(role, settings)| {
            settings.iter().map(move |(name, value)| (format!("{name} of role {role}"), value))
        });
        self.settings.iter().map(|(name, value)| (name.clone(), value)).chain(of_roles).collect()
    }

    fn differing_privileges(&self, other: &Self) -> Vec<String> {
        let lost = self.privileges.iter().filter(|privilege| !other.privileges.contains(privilege));
        let new = other.privileges.iter().filter(|privilege| !self.privileges.contains(privilege));
        lost.map(|privilege| format!("{privilege} is missing"))
            .chain(new.map(|privilege| format!("{privilege} is new")))
            .collect()
    }
}

impl std::fmt::Display for Privilege {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let grantee = self.grantee.as_deref().unwrap_or("PUBLIC");
        let option = if self.grantable { " with grant option" } else { "" };
        write!(f, "privilege {} of {grantee}{option} (by {})", self.privilege, self.grantor)
    }
}

/// The comment on a database of the server.
///
/// # Errors
/// [`code::DATABASE_MISSING`]; those of a query.
pub async fn read_comment(session: &Session, database: &str) -> Result<Option<String>> {
    let sql = "select shobj_description(oid, 'pg_database') from pg_database where datname = $1";
    let row = session.optional(sql, &[&database]).await?.ok_or_else(|| missing(database))?;
    Ok(row.get(0))
}

/// Writes the comment on a database of the server, or removes it. Its owner and superusers may.
///
/// # Errors
/// Those of a query; a missing database and a missing right are two of them.
pub async fn write_comment(session: &Session, database: &str, comment: Option<&str>) -> Result<()> {
    session.batch(&comment_statement(database, comment)).await
}

fn comment_statement(database: &str, comment: Option<&str>) -> String {
    let text = comment.map_or_else(|| "null".to_owned(), literal);
    format!("comment on database {} is {text}", ident(database))
}

/// Whether a comment is the marker of a run.
pub fn is_marker(comment: Option<&str>) -> bool {
    comment.is_some_and(|comment| comment.starts_with(MARKER))
}

fn shown(value: Option<&String>) -> String {
    value.map_or_else(|| "not set".to_owned(), |value| format!("`{value}`"))
}

fn missing(database: &str) -> Failure {
    Failure::new(code::DATABASE_MISSING, format!("there is no database `{database}` on the server"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn privilege(grantee: &str, privilege: &str) -> Privilege {
        let [privilege, grantor] = [privilege, "owner"].map(str::to_owned);
        Privilege { grantee: Some(grantee.to_owned()), privilege, grantable: false, grantor }
    }

    #[test]
    fn what_a_fence_took_comes_back_and_what_was_set_meanwhile_stays() {
        let mut before = DatabaseSettings { owner: "owner".to_owned(), ..DatabaseSettings::default() };
        before.privileges = vec![privilege("app", "CONNECT"), privilege("app", "TEMPORARY")];
        let roles = ["migrator".to_owned()];
        assert_eq!(before.closed_but_to(&roles).unfenced(&before, &roles), before);

        let mut fenced = before.closed_but_to(&roles);
        fenced.settings.insert(READ_ONLY.to_owned(), "on".to_owned());
        fenced.settings.insert("work_mem".to_owned(), "9MB".to_owned());
        fenced.privileges.push(privilege("late", "CREATE"));
        let found = fenced.unfenced(&before, &roles);
        assert_eq!(
            before.differences(&found),
            ["setting work_mem is new", "privilege CREATE of late (by owner) is new"]
        );
    }
}
