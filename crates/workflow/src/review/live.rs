//! What the target says of itself, for a review: one look, which only reads, and answers to the
//! questions that findings ask.

use std::time::Duration;

use switchback_model::Result;
use switchback_postgres::Session;
use switchback_review::{Live, LiveTable, Raw};

/// How long an answer may take; what takes longer stays open.
const ANSWER: Duration = Duration::from_secs(5);

/// Tables with their sizes. A partitioned table has no size of its own.
const TABLES: &str = "
    select n.nspname || '.' || c.relname, greatest(c.reltuples, 0)::bigint, pg_relation_size(c.oid),
           pg_total_relation_size(c.oid), c.relnatts::int4
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema')
       and n.nspname not like 'pg\\_toast%'";

/// PostgreSQL manual, 53.26: an index that a failed build left behind.
const INVALID: &str = "
    select n.nspname || '.' || c.relname from pg_index i join pg_class c on c.oid = i.indexrelid
      join pg_namespace n on n.oid = c.relnamespace where not i.indisvalid and n.nspname not like 'pg\\_%'";

const LONGEST: &str = "
    select extract(epoch from clock_timestamp() - xact_start)::bigint,
           format('session %s of %s (%s)', pid, usename, application_name)
      from pg_stat_activity
     where xact_start is not null and pid <> pg_backend_pid() and datname = current_database()
     order by xact_start limit 1";

/// The server's major version.
///
/// # Errors
/// Those of [`Session`].
pub async fn version(session: &Session) -> Result<u32> {
    let number: i32 = session.one("select current_setting('server_version_num')::int4", &[]).await?.get(0);
    Ok(u32::try_from(number / 10_000).unwrap_or_default())
}

/// Looks at the target.
///
/// # Errors
/// Those of [`Session`].
pub async fn look(session: &Session) -> Result<Live> {
    let mut live = Live::default();
    for row in session.rows(TABLES, &[]).await? {
        let number = |index: usize| u64::try_from(row.get::<_, i64>(index)).unwrap_or_default();
        let table = LiveTable {
            rows: number(1),
            bytes: number(2),
            total_bytes: number(3),
            attributes: u32::try_from(row.get::<_, i32>(4)).unwrap_or_default(),
            ..LiveTable::default()
        };
        live.tables.insert(row.get(0), table);
    }
    live.invalid_indexes = session.rows(INVALID, &[]).await?.iter().map(|row| row.get(0)).collect();
    live.longest_transaction = session
        .optional(LONGEST, &[])
        .await?
        .map(|row| (u64::try_from(row.get::<_, i64>(0)).unwrap_or_default(), row.get(1)));
    Ok(live)
}

/// Asks the target what findings want to know of it, and puts the answers behind their reasons. A
/// question that can't be answered in time, or at all, stays open, and that is said.
///
/// # Errors
/// Those of [`Session`], where the limit of time can't be set.
pub async fn answer(session: &Session, raw: &mut [Raw]) -> Result<()> {
    session
        .batch(&format!(
            "set statement_timeout = {}; set default_transaction_read_only = on",
            ANSWER.as_millis()
        ))
        .await?;
    for found in raw {
        let Some(question) = &found.question else { continue };
        let row = session.optional(&question.sql, &[]).await;
        let number = row.ok().flatten().and_then(|row| row.try_get::<_, i64>(0).ok());
        let said = match number {
            Some(0) => question.none.clone(),
            Some(number) => question.some.replace("{n}", &number.to_string()),
            None => "it gave no answer".to_owned(),
        };
        found.finding.why = format!("{}; the target says: {said}", found.finding.why);
    }
    Ok(())
}
