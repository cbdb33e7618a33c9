//! What `CONCURRENTLY` leaves behind: looked at from a second session, before and after.
//!
//! Such a statement is several transactions; where it fails, an index stays that is not valid. One
//! that this very statement made is dropped again. Any other is named and left alone: it may be
//! somebody else's, at work at this moment.

use switchback_model::{Failure, Result, code};
use switchback_postgres::ScriptSession;
use switchback_postgres::session::{Session, ident};
use switchback_sql::{Relation, Statement};

/// An index as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Index {
    oid: u32,
    /// As it stands in SQL.
    name: String,
    /// Its name alone.
    short: String,
    valid: bool,
}

/// The looks at one statement.
pub(super) struct Watch<'a> {
    looks: &'a Session,
    /// The name that the statement gives, where it makes an index.
    makes: Option<String>,
    /// The table, where it is known; else every index that is not valid is looked at.
    table: Option<u32>,
    before: Vec<Index>,
}

const COLUMNS: &str = "select c.oid, format('%I.%I', n.nspname, c.relname), c.relname::text, i.indisvalid \
    from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace";

impl<'a> Watch<'a> {
    /// The look before.
    ///
    /// # Errors
    /// [`code::INDEX_INVALID`] where an index of that name stands there and is not valid.
    pub(super) async fn begin(
        looks: &'a Session,
        session: &ScriptSession,
        statement: &Statement,
    ) -> Result<Self> {
        let (makes, table) = match statement {
            Statement::CreateIndex { name, table, .. } => (name.clone(), oid(session, table).await),
            _ => (None, None),
        };
        let mut watch = Self { looks, makes, table, before: Vec::new() };
        watch.before = watch.look().await?;
        let named = |index: &&Index| !index.valid && Some(&index.short) == watch.makes.as_ref();
        match watch.before.iter().find(named) {
            None => Ok(watch),
            Some(index) => Err(in_the_way(&index.name)),
        }
    }

    /// The look after a success.
    ///
    /// # Errors
    /// [`code::INDEX_INVALID`].
    pub(super) async fn succeeded(&self) -> Result<()> {
        match self.left().await?.first() {
            None => Ok(()),
            Some(index) => {
                let message =
                    format!("the index {} is not valid, although the server reported no error", index.name);
                Err(Failure::new(code::INDEX_INVALID, message).hint(drop_it(&index.name)))
            }
        }
    }

    /// The look after a failure; what was found and done, a sentence each, and what is left to type.
    pub(super) async fn failed(&self, session: &ScriptSession) -> (Vec<String>, Vec<String>) {
        let (mut said, mut hints) = (Vec::new(), Vec::new());
        let left = match self.left().await {
            Ok(left) => left,
            Err(failure) => {
                said.push(format!(
                    "whether it left an index that is not valid could not be looked at: {failure}"
                ));
                hints.push(
                    "psql -c 'select indexrelid::regclass from pg_index where not indisvalid'".to_owned(),
                );
                Vec::new()
            }
        };
        for index in left {
            let ours = Some(&index.short) == self.makes.as_ref();
            if ours && session.run(&format!("drop index concurrently {}", index.name)).await.is_ok() {
                said.push(format!("it left the index {} not valid; that was dropped again", index.name));
            } else {
                said.push(format!(
                    "it left the index {} not valid: writes pay for it, queries don't use it",
                    index.name
                ));
                hints.push(drop_it(&index.name));
            }
        }
        (said, hints)
    }

    /// Indexes that are not valid now and were not there, or valid, before.
    async fn left(&self) -> Result<Vec<Index>> {
        let now = self.look().await?;
        Ok(now.into_iter().filter(|index| !index.valid && !self.before.contains(index)).collect())
    }

    async fn look(&self) -> Result<Vec<Index>> {
        let rows = match self.table {
            Some(table) => self.looks.rows(&format!("{COLUMNS} where i.indrelid = $1"), &[&table]).await?,
            None => self.looks.rows(&format!("{COLUMNS} where not i.indisvalid"), &[]).await?,
        };
        let index = |row: &switchback_postgres::Row| Index {
            oid: row.get(0),
            name: row.get(1),
            short: row.get(2),
            valid: row.get(3),
        };
        Ok(rows.iter().map(index).collect())
    }
}

/// The table as the script's own search path finds it.
async fn oid(session: &ScriptSession, table: &Relation) -> Option<u32> {
    let schema = table.schema.as_ref().map(|schema| ident(schema) + ".").unwrap_or_default();
    let name = switchback_postgres::session::literal(&(schema + &ident(&table.name)));
    let rows = session.texts(&format!("select pg_catalog.to_regclass({name})::pg_catalog.oid")).await.ok()?;
    rows.first()?.first()?.parse().ok()
}

fn in_the_way(name: &str) -> Failure {
    let message = format!("the index {name} is there already, and is not valid: an earlier try left it");
    Failure::new(code::INDEX_INVALID, message).hint(drop_it(name))
}

fn drop_it(name: &str) -> String {
    format!("look at it, then: psql -c 'drop index concurrently {name}'")
}
