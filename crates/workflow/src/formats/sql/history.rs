//! The history: one table in the target, one line a script that is applied.

use switchback_model::Result;
use switchback_postgres::session::{Session, literal};

use super::folder::{Folder, Migration, bytes, checksum, order};
use crate::formats::Difference;

/// The table, as SQL and messages name it.
pub(super) const TABLE: &str = "public.switchback_migrations";

const CREATE: &str = "create table public.switchback_migrations (\
    version text primary key, name text not null, checksum text not null, \
    applied_at timestamp with time zone not null default pg_catalog.now())";

/// Asks for every line; nothing where there is no table.
pub(super) const ALL: &str = "select version, checksum from public.switchback_migrations";
/// Asks whether the table is there: a line or none.
pub(super) const EXISTS: &str =
    "select 1 where pg_catalog.to_regclass('public.switchback_migrations') is not null";

/// A script that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Applied {
    pub(super) version: String,
    pub(super) checksum: String,
}

impl Applied {
    /// Lines of [`ALL`], oldest version first.
    pub(super) fn of(rows: Vec<Vec<String>>) -> Vec<Self> {
        let row = |row: Vec<String>| {
            let mut row = row.into_iter();
            Self { version: row.next().unwrap_or_default(), checksum: row.next().unwrap_or_default() }
        };
        let mut applied: Vec<Self> = rows.into_iter().map(row).collect();
        applied.sort_by(|a, b| order(&a.version).cmp(&order(&b.version)));
        applied
    }

    /// What the target's history says, oldest first.
    pub(super) async fn read(session: &Session) -> Result<Vec<Self>> {
        if session.optional(EXISTS, &[]).await?.is_none() {
            return Ok(Vec::new());
        }
        let rows = session.rows(ALL, &[]).await?;
        Ok(Self::of(rows.iter().map(|row| vec![row.get(0), row.get(1)]).collect()))
    }
}

/// The statements that write down that a script was applied.
pub(super) fn added(migration: &Migration, exists: bool) -> Result<Vec<String>> {
    let checksum = checksum(&bytes(&migration.up)?);
    let insert = format!(
        "insert into {TABLE} (version, name, checksum) values ({}, {}, {})",
        literal(&migration.version),
        literal(&migration.name),
        literal(&checksum)
    );
    Ok(if exists { vec![insert] } else { vec![CREATE.to_owned(), insert] })
}

/// The statements that take a line back. With its last line the table goes, so that the way back from
/// the first migration leaves nothing.
pub(super) fn removed(version: &str, last: bool) -> Vec<String> {
    if last {
        return vec![format!("drop table {TABLE}")];
    }
    vec![format!("delete from {TABLE} where version operator(pg_catalog.=) {}", literal(version))]
}

/// The statements that make the history say that these scripts, and no others, are applied.
pub(super) fn stamped(migrations: &[Migration], exists: bool) -> Result<Vec<String>> {
    let mut statements = if exists { Vec::new() } else { vec![CREATE.to_owned()] };
    let versions: Vec<_> = migrations.iter().map(|migration| literal(&migration.version)).collect();
    statements.push(format!(
        "delete from {TABLE} where not (version operator(pg_catalog.=) any (array[{}]::pg_catalog.text[]))",
        versions.join(", ")
    ));
    for migration in migrations {
        let insert = added(migration, true)?.concat();
        statements.push(format!(
            "{insert} on conflict (version) do update set name = excluded.name, checksum = excluded.checksum"
        ));
    }
    Ok(statements)
}

/// Where the history and the files differ: the oldest first.
pub(super) fn differences(applied: &[Applied], folder: &Folder) -> Result<Vec<Difference>> {
    let mut found = Vec::new();
    for line in applied {
        match folder.migrations.iter().find(|migration| migration.version == line.version) {
            None => found.push(Difference::NoFile { version: line.version.clone() }),
            Some(migration) if checksum(&bytes(&migration.up)?) != line.checksum => {
                found.push(Difference::Edited { file: migration.up.clone() });
            }
            Some(_) => {}
        }
    }
    if let Some(newest) = applied.last() {
        let below =
            folder.migrations.iter().filter(|migration| order(&migration.version) < order(&newest.version));
        let missing = below.filter(|migration| !applied.iter().any(|line| line.version == migration.version));
        found.extend(missing.map(|migration| Difference::PassedOver {
            file: migration.up.clone(),
            newest: newest.version.clone(),
        }));
    }
    Ok(found)
}
