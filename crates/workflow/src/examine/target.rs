//! The target itself: what stands in the way of a migration or of the fence.

use async_trait::async_trait;
use switchback_model::Result;
use switchback_postgres::Row;
use switchback_postgres::fence;
use switchback_postgres::session::Session;

use super::{Connection, Examination, Look, Site, as_superuser, psql, some_of};

/// A transaction that is open for longer than this is worth a word.
const LONG: f64 = 60.0;
/// Connections that a run needs at most: dump and digests in parallel, and its own.
const HEADROOM: i64 = 10;

pub(super) struct Target;

#[async_trait(?Send)]
impl Examination for Target {
    fn name(&self) -> &'static str {
        "target"
    }

    fn connection(&self) -> Connection {
        Connection::Target
    }

    async fn look(&self, site: &Site<'_>) -> Result<Vec<Look>> {
        let mut looks = prepared(site).await?;
        looks.extend(transactions(site).await?);
        looks.extend(invalid_indexes(site).await?);
        looks.extend(unvalidated(site).await?);
        looks.extend(collation(site).await?);
        looks.extend(limits(site).await?);
        if looks.is_empty() {
            let seen = "no long or prepared transaction, no invalid index, no unvalidated constraint";
            looks.push(Look::good("target", seen));
        }
        Ok(looks)
    }
}

async fn prepared(site: &Site<'_>) -> Result<Vec<Look>> {
    let gids = fence::prepared(site.admin()?, site.name()).await?;
    let look = |gid: &String| {
        let sql = format!("rollback prepared '{}'", gid.replace('\'', "''"));
        let seen = format!("`{gid}` holds its locks until it is ended: no rename and no copy passes it");
        Look::bad("prepared transaction", seen)
            .cure(format!("ask its owner, then: {}", psql(site, site.name(), &sql)))
    };
    Ok(gids.iter().map(look).collect())
}

async fn transactions(site: &Site<'_>) -> Result<Vec<Look>> {
    let sql = "select pid, coalesce(usename::text, ''), application_name, coalesce(query, ''), \
               coalesce(extract(epoch from clock_timestamp() - xact_start), 0)::float8, coalesce(backend_type, '') \
               from pg_stat_activity where datname = $1::text::name and pid <> pg_backend_pid() \
               and (xact_start < clock_timestamp() - make_interval(secs => $2) or application_name = 'pg_dump' \
               or query like 'autovacuum: %(to prevent wraparound)') order by xact_start";
    let rows = site.admin()?.rows(sql, &[&site.name(), &LONG]).await?;
    Ok(rows.iter().map(|row| transaction(site, row)).collect())
}

fn transaction(site: &Site<'_>, row: &Row) -> Look {
    let (pid, user, application): (i32, String, String) = (row.get(0), row.get(1), row.get(2));
    let (query, seconds, kind): (String, f64, String) = (row.get(3), row.get(4), row.get(5));
    let end = psql(site, "postgres", &format!("select pg_terminate_backend({pid})"));
    if kind == "autovacuum worker" {
        let seen =
            format!("session {pid}: {query}; it does not give way to a migration that needs its table");
        return Look::note("vacuum against wraparound", seen).cure("let it finish before the run");
    }
    if application == "pg_dump" {
        let seen = format!(
            "session {pid} of role {user}: a migration would wait for it, and everybody else behind that"
        );
        return Look::note("running pg_dump", seen).cure(format!("let it finish, or: {end}"));
    }
    let query: String = query.chars().take(80).collect();
    let seen = format!("session {pid} of role {user} ({application}), open for {seconds:.0} s: {query}");
    Look::note("long transaction", seen).cure(end)
}

async fn invalid_indexes(site: &Site<'_>) -> Result<Option<Look>> {
    let sql = "select format('%I.%I', n.nspname, c.relname) from pg_index i join pg_class c on c.oid = i.indexrelid \
               join pg_namespace n on n.oid = c.relnamespace where not i.indisvalid and n.nspname !~ '^pg_' order by 1";
    let names = first_column(&site.target()?.rows(sql, &[]).await?);
    let seen = || {
        format!("{}: left by an interrupted CREATE INDEX CONCURRENTLY; they are not used", some_of(&names))
    };
    Ok(names.first().map(|first| {
        let sql = format!("reindex index concurrently {first}");
        Look::note("invalid indexes", seen()).cure(psql(site, site.name(), &sql))
    }))
}

/// One that is `NOT ENFORCED` (from 18 on) is meant to be so, and can't be validated.
async fn unvalidated(site: &Site<'_>) -> Result<Option<Look>> {
    let sql = "select format('alter table %I.%I validate constraint %I', n.nspname, c.relname, o.conname), \
               format('%I on %I.%I', o.conname, n.nspname, c.relname) from pg_constraint o \
               join pg_class c on c.oid = o.conrelid join pg_namespace n on n.oid = c.relnamespace \
               where not o.convalidated and coalesce(to_jsonb(o) ->> 'conenforced', 'true')::bool \
               and n.nspname !~ '^pg_' order by 2";
    let rows = site.target()?.rows(sql, &[]).await?;
    let names: Vec<String> = rows.iter().map(|row| row.get(1)).collect();
    Ok(rows.first().map(|first| {
        let seen = format!("{}: rows may break them already", some_of(&names));
        Look::note("unvalidated constraints", seen).cure(psql(site, site.name(), &first.get::<_, String>(0)))
    }))
}

/// The collations of the operating system may have changed under the indexes (PostgreSQL manual,
/// ALTER DATABASE, REFRESH COLLATION VERSION; from 15 on).
async fn collation(site: &Site<'_>) -> Result<Vec<Look>> {
    let mut looks = Vec::new();
    let admin = site.admin()?;
    let encoding = "select pg_encoding_to_char(encoding) from pg_database where datname = $1::text::name";
    let encoding: String = admin.one(encoding, &[&site.name()]).await?.get(0);
    if encoding == "SQL_ASCII" {
        looks.push(Look::note(
            "encoding",
            "SQL_ASCII: the server does not check what bytes a text is made of",
        ));
    }
    if site.identity()?.major() < 15 {
        return Ok(looks);
    }
    let sql = "select datcollversion, pg_database_collation_actual_version(oid) from pg_database \
               where datname = $1::text::name and datcollversion <> pg_database_collation_actual_version(oid)";
    if let Some(row) = admin.optional(sql, &[&site.name()]).await? {
        let (then, now): (String, String) = (row.get(0), row.get(1));
        let seen = format!(
            "made with collations {then}, and the system has {now}: indexes on text may be out of order"
        );
        let name = switchback_postgres::session::ident(site.name());
        let sql = format!("reindex database {name}; alter database {name} refresh collation version");
        looks.push(Look::note("collation version", seen).cure(psql(site, site.name(), &sql)));
    }
    Ok(looks)
}

async fn limits(site: &Site<'_>) -> Result<Vec<Look>> {
    let row = limits_of(site.admin()?, site.name()).await?;
    let (free, role, database): (i64, Option<i64>, Option<i64>) = (row.get(0), row.get(1), row.get(2));
    let mut looks = Vec::new();
    let mut low = |title: &str, free: i64, cure: String| {
        if free < HEADROOM {
            let seen = format!("{} left, and a run uses up to {HEADROOM}", free.max(0));
            looks.push(Look::note(title, seen).cure(cure));
        }
    };
    low("connections of the server", free, "raise max_connections, or let the application hold fewer".into());
    if let Some(free) = role {
        let sql = "alter role … connection limit -1";
        low("connections of the maintenance role", free, as_superuser(site, "postgres", sql));
    }
    if let Some(free) = database {
        let name = switchback_postgres::session::ident(site.name());
        let sql = format!("alter database {name} connection limit -1");
        low("connections of the target", free, psql(site, "postgres", &sql));
    }
    Ok(looks)
}

/// What is left of each limit. The counts of `pg_stat_database` are open to every role.
async fn limits_of(session: &Session, target: &str) -> Result<Row> {
    let sql = "select current_setting('max_connections')::int8 \
               - current_setting('superuser_reserved_connections')::int8 \
               - (select sum(numbackends) from pg_stat_database)::int8, \
               (select rolconnlimit::int8 - (select count(*) from pg_stat_activity where usesysid = r.oid) \
               from pg_roles r where rolname = current_user and rolconnlimit >= 0 and not rolsuper), \
               (select datconnlimit::int8 - (select coalesce(sum(numbackends), 0) from pg_stat_database where datid = d.oid)::int8 \
               from pg_database d where datname = $1::text::name and datconnlimit >= 0)";
    session.one(sql, &[&target]).await
}

fn first_column(rows: &[Row]) -> Vec<String> {
    rows.iter().map(|row| row.get(0)).collect()
}
