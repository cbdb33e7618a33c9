//! What follows the target: slots, subscriptions, standbys.

use async_trait::async_trait;
use switchback_model::Result;
use switchback_model::units::Size;

use super::{Connection, Examination, Look, Site, as_superuser, psql, some_of};

pub(super) struct Replication;

#[async_trait(?Send)]
impl Examination for Replication {
    fn name(&self) -> &'static str {
        "replication"
    }

    fn connection(&self) -> Connection {
        Connection::Maintenance
    }

    async fn look(&self, site: &Site<'_>) -> Result<Vec<Look>> {
        let mut looks = slots(site).await?;
        looks.extend(subscriptions(site).await?);
        looks.extend(standbys(site).await?);
        if looks.is_empty() {
            looks.push(Look::good("replication", "no logical slot, no subscription, no standby"));
        }
        Ok(looks)
    }
}

/// A logical slot belongs to one database and stays with it: after a swap it follows the old one.
async fn slots(site: &Site<'_>) -> Result<Vec<Look>> {
    let sql =
        "select slot_name::text, active from pg_replication_slots where database = $1::text::name order by 1";
    let rows = site.admin()?.rows(sql, &[&site.name()]).await?;
    let look = |row: &switchback_postgres::Row| {
        let (slot, active): (String, bool) = (row.get(0), row.get(1));
        let state = if active { "in use" } else { "not in use" };
        let seen =
            format!("`{slot}` ({state}): after a swap it would follow the database that was swapped out");
        let sql = format!("select pg_drop_replication_slot('{slot}')");
        let cure = format!(
            "choose restore_point = \"down\", or, where nobody needs it: {}",
            psql(site, site.name(), &sql)
        );
        Look::needed(site.needs.swap, "logical replication slot", seen).cure(cure)
    };
    Ok(rows.iter().map(look).collect())
}

async fn subscriptions(site: &Site<'_>) -> Result<Option<Look>> {
    let sql = "select subname::text from pg_subscription s join pg_database d on d.oid = s.subdbid \
               where d.datname = $1::text::name order by 1";
    let rows = site.admin()?.rows(sql, &[&site.name()]).await?;
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    Ok(names.first().map(|first| {
        let name = switchback_postgres::session::ident(first);
        let seen = format!(
            "{}: they write into the target, and after a swap into the one that was swapped out",
            some_of(&names)
        );
        let cure = as_superuser(site, site.name(), &format!("alter subscription {name} disable"));
        Look::needed(site.needs.swap, "subscriptions", seen)
            .cure(format!("choose restore_point = \"down\", or stop and drop them: {cure}"))
    }))
}

/// Standbys follow a swap; a late one needs the WAL of the copy first. Lag is shown only to roles
/// that may see it.
async fn standbys(site: &Site<'_>) -> Result<Vec<Look>> {
    let sql = "select coalesce(nullif(application_name, ''), 'a standby'), \
               pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::int8 from pg_stat_replication \
               where not exists (select from pg_replication_slots s where s.active_pid = pid and s.slot_type = 'logical') \
               order by 1";
    let rows = site.admin()?.rows(sql, &[]).await?;
    let look = |row: &switchback_postgres::Row| {
        let name: String = row.get(0);
        let lag = row.get::<_, Option<i64>>(1).and_then(|bytes| u64::try_from(bytes).ok());
        let lag =
            lag.map_or_else(|| "its lag can't be seen".to_owned(), |bytes| format!("{} behind", Size(bytes)));
        Look::note(
            "standby",
            format!("`{name}`, {lag}: it follows every copy and swap, and has that WAL to replay"),
        )
    };
    Ok(rows.iter().map(look).collect())
}
