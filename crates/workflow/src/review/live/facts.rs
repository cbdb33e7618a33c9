//! Sizes, sessions, slots, sequences: a query or two for each, over everything that is there.

use std::collections::{BTreeMap, HashMap};

use switchback_model::Result;
use switchback_postgres::Session;
use switchback_postgres::session::ident;
use switchback_review::{Fact, Live, LiveExtension, LiveSequence, LiveSlot, LiveTable, LiveTransaction};

use super::schema::{HELD, OWN};

/// A transaction that is open for so long is in the way of a lock.
const LONG: f64 = 5.0;
/// Sequences that are asked at once: each is locked (ACCESS SHARE) until the question is answered.
const AT_ONCE: usize = 200;
/// So many reads and writes since the statistics began are nothing.
const QUIET: u64 = 10_000;
/// One of so many tables is among the busiest.
const BUSIEST: usize = 5;

/// PostgreSQL manual, 20.1.3: what is set for a role in a database wins over what is set for the role,
/// and that over what is set for the database.
const SETTING: &str = "
    select substr(x, strpos(x, '=') + 1) from pg_db_role_setting s, unnest(s.setconfig) x
     where lower(split_part(x, '=', 1)) = $1
       and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
       and s.setrole in (0, (select oid from pg_roles where rolname = $2::text::name))
     order by s.setrole <> 0 desc, s.setdatabase <> 0 desc limit 1";

/// PostgreSQL manual, 53.26: an index that a failed build left behind. That of a partitioned table waits for
/// those of its partitions, and one that is being built will be valid.
const INVALID: &str = "
    select n.nspname || '.' || c.relname, tn.nspname || '.' || t.relname
      from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
      join pg_class t on t.oid = i.indrelid join pg_namespace tn on tn.oid = t.relnamespace
     where not i.indisvalid and c.relkind = 'i' and n.nspname !~ '^pg_'
       and not exists (select from pg_stat_progress_create_index p where p.index_relid = i.indexrelid)";

/// The server's own estimate costs nothing; to ask for the files of a table it opens the table. So that is
/// done for tables that the scripts name, with their partitions, and for none that somebody holds.
const SIZES: &str = "
    with recursive @HELD, block as materialized (select current_setting('block_size')::int8 as bytes),
    exact as (select c.oid from pg_class c where $1::text[] is null or c.relname = any ($1)
              union select i.inhrelid from pg_inherits i join exact e on e.oid = i.inhparent),
    indexes as materialized (select x.indrelid, sum(c.relpages)::int8 as pages
               from pg_index x join pg_class c on c.oid = x.indexrelid group by 1)
    select c.oid, n.nspname || '.' || c.relname, (select i.inhparent from pg_inherits i where i.inhrelid = c.oid
             and c.relispartition),
           (case when c.reltuples < 0 then pg_stat_get_live_tuples(c.oid) else c.reltuples end)::int8,
           case when e.oid is null or h.relation is not null then c.relpages * block.bytes
                else coalesce(pg_relation_size(c.oid), 0) end,
           case when e.oid is null or h.relation is not null
                then (c.relpages + coalesce(t.relpages, 0) + coalesce(x.pages, 0)) * block.bytes
                else coalesce(pg_total_relation_size(c.oid), 0) end,
           c.relnatts::int4, coalesce(s.seq_scan, 0) + coalesce(s.idx_scan, 0),
           coalesce(s.n_tup_ins, 0) + coalesce(s.n_tup_upd, 0) + coalesce(s.n_tup_del, 0)
      from block, pg_class c join pg_namespace n on n.oid = c.relnamespace
      left join pg_class t on t.oid = c.reltoastrelid left join indexes x on x.indrelid = c.oid
      left join pg_stat_user_tables s on s.relid = c.oid left join held h on h.relation = c.oid
      left join exact e on e.oid = c.oid
     where c.relkind in ('r', 'p', 'm') and @OWN";

/// Sessions of clients, and prepared transactions, which have no session.
const TRANSACTIONS: &str = "
    select a.pid::text, 'session ' || a.pid || ' of ' || coalesce(a.usename::text, '?')
             || coalesce(' (' || nullif(a.application_name, '') || ')', ''),
           extract(epoch from clock_timestamp() - a.xact_start)::int8, a.state like 'idle%',
           'SELECT pg_terminate_backend(' || a.pid || ')'
      from pg_stat_activity a
     where a.datname = current_database() and a.pid <> pg_backend_pid() and a.backend_type = 'client backend'
       and a.xact_start < clock_timestamp() - make_interval(secs => $1)
    union all
    select (select l.virtualtransaction from pg_locks l
             where l.locktype = 'transactionid' and l.transactionid = p.transaction and l.pid is null and l.granted),
           'the prepared transaction ' || quote_literal(p.gid) || ' of ' || p.owner,
           extract(epoch from clock_timestamp() - p.prepared)::int8, true,
           'ROLLBACK PREPARED ' || quote_literal(p.gid)
      from pg_prepared_xacts p
     where p.database = current_database() and p.prepared < clock_timestamp() - make_interval(secs => $1)
     order by 3 desc";

const LOCKS: &str = "
    select coalesce(l.pid::text, l.virtualtransaction), n.nspname || '.' || c.relname, array_agg(l.mode)
      from pg_locks l join pg_class c on c.oid = l.relation join pg_namespace n on n.oid = c.relnamespace
     where l.locktype = 'relation' and l.granted and c.relkind in ('r', 'p', 'm', 'f') and @OWN
       and l.database = (select oid from pg_database where datname = current_database())
       and l.pid is distinct from pg_backend_pid()
     group by 1, 2";

/// Whether there are sessions of others in the target of which only the name can be seen.
const UNSEEN: &str = "
    select current_user::text from pg_stat_activity a
     where a.datname = current_database() and a.usesysid is not null
       and not pg_has_role('pg_read_all_stats', 'usage') and not pg_has_role(a.usesysid, 'usage') limit 1";

const VACUUMS: &str = "
    select n.nspname || '.' || c.relname from pg_stat_activity a join pg_stat_progress_vacuum v on v.pid = a.pid
      join pg_class c on c.oid = v.relid join pg_namespace n on n.oid = c.relnamespace
     where a.backend_type = 'autovacuum worker' and v.datname = current_database()
       and a.query like '%(to prevent wraparound)%'";

/// Those that copy the server's files or its WAL answer no queries.
const STANDBYS: &str = "
    select coalesce(nullif(r.application_name, ''), 'process ' || r.pid) from pg_stat_replication r
     where not exists (select from pg_replication_slots s where s.active_pid = r.pid and s.slot_type = 'logical')
       and r.application_name not in ('pg_basebackup', 'pg_receivewal') order by 1";

const SLOTS: &str = "
    select s.slot_name::text, s.active, s.slot_type = 'logical',
           greatest(0, pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_receive_lsn()
                                            else pg_current_wal_lsn() end, s.restart_lsn))::int8
      from pg_replication_slots s where not s.temporary and s.restart_lsn is not null";

/// Those of 64 bits don't run out.
const SEQUENCES: &str = "
    with @HELD
    select n.nspname::text, c.relname::text, s.seqmax, tn.nspname || '.' || t.relname, a.attname::text,
           case a.atttypid when 'int2'::regtype then 32767 when 'int4'::regtype then 2147483647 end::int8,
           has_sequence_privilege(c.oid, 'SELECT')
      from pg_sequence s join pg_class c on c.oid = s.seqrelid join pg_namespace n on n.oid = c.relnamespace
      left join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = s.seqrelid and d.objsubid = 0
           and d.refclassid = 'pg_class'::regclass and d.refobjsubid > 0 and d.deptype in ('a', 'i')
      left join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
      left join pg_class t on t.oid = d.refobjid left join pg_namespace tn on tn.oid = t.relnamespace
      left join held h on h.relation = c.oid
     where s.seqincrement > 0 and not s.seqcycle and h.relation is null and @OWN
       and (s.seqmax < 9007199254740992 or a.atttypid in ('int2'::regtype, 'int4'::regtype))";

fn sql(query: &str) -> String {
    query.replace("@HELD", HELD).replace("@OWN", OWN)
}

fn number(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}

/// Version, extensions, and what a session of the role begins with.
pub(super) async fn server(session: &Session, role: &str, live: &mut Live) -> Result<()> {
    let row =
        session.one("select current_setting('server_version_num')::int4, current_user::text", &[]).await?;
    live.version_num = u32::try_from(row.get::<_, i32>(0)).ok();
    let own = row.get::<_, &str>(1) == role;
    let path = setting(session, role, own, "search_path").await?.unwrap_or_default();
    let there = "select array_agg(nspname::text) from pg_namespace";
    let there: Vec<String> = session.one(there, &[]).await?.get(0);
    let names = path.split(',').map(|name| name.trim().trim_matches('"'));
    let names = names.map(|name| if name == "$user" { role } else { name });
    live.search_path =
        names.filter(|name| there.iter().any(|known| known == name)).map(str::to_owned).collect();
    live.time_zone = setting(session, role, own, "timezone").await?;
    let versions = "select name::text, array_agg(version order by version), bool_and(superuser and not trusted) \
                    from pg_available_extension_versions group by 1";
    let known = session
        .rows(versions, &[])
        .await?
        .into_iter()
        .map(|row| (row.get(0), LiveExtension { versions: row.get(1), superuser: row.get(2) }));
    live.extensions = Some(known.collect());
    Ok(())
}

/// What a session of the role begins with; `own`: this session is one, and was told so.
async fn setting(session: &Session, role: &str, own: bool, name: &str) -> Result<Option<String>> {
    let set = if own { None } else { session.optional(SETTING, &[&name, &role]).await? };
    if let Some(row) = set {
        return Ok(row.get(0));
    }
    let begun = "select reset_val from pg_settings where lower(name) = $1";
    Ok(session.optional(begun, &[&name]).await?.and_then(|row| row.get(0)))
}

pub(super) async fn invalid_indexes(session: &Session) -> Result<BTreeMap<String, String>> {
    Ok(session.rows(INVALID, &[]).await?.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Tables with their sizes and how busy they are; exact where they are named. A partitioned table has those
/// of its partitions.
pub(super) async fn sizes(session: &Session, names: Option<&[String]>, live: &mut Live) -> Result<()> {
    let mut tables: HashMap<u32, (String, Option<u32>, LiveTable)> = HashMap::new();
    for row in session.rows(&sql(SIZES), &[&names]).await? {
        let table = LiveTable {
            rows: number(row.get(3)),
            bytes: number(row.get(4)),
            total_bytes: number(row.get(5)),
            attributes: u32::try_from(row.get::<_, i32>(6)).unwrap_or_default(),
            reads: number(row.get(7)),
            writes: number(row.get(8)),
            hot: false,
        };
        tables.insert(row.get(0), (row.get(1), row.get(2), table));
    }
    add_to_parents(&mut tables);
    live.tables = tables.into_values().map(|(name, _, table)| (name, table)).collect();
    mark_busiest(live);
    Ok(())
}

fn add_to_parents(tables: &mut HashMap<u32, (String, Option<u32>, LiveTable)>) {
    let leaves: Vec<(u32, LiveTable)> = tables
        .values()
        .filter_map(|(_, parent, table)| {
            parent.filter(|_| table.total_bytes > 0).map(|up| (up, table.clone()))
        })
        .collect();
    for (parent, leaf) in leaves {
        let mut next = Some(parent);
        while let Some((_, above, table)) = next.and_then(|oid| tables.get_mut(&oid)) {
            table.rows += leaf.rows;
            table.bytes += leaf.bytes;
            table.total_bytes += leaf.total_bytes;
            table.reads += leaf.reads;
            table.writes += leaf.writes;
            next = *above;
        }
    }
}

fn mark_busiest(live: &mut Live) {
    let mut busy: Vec<(u64, &mut LiveTable)> =
        live.tables.values_mut().map(|table| (table.reads + table.writes, table)).collect();
    let all: u64 = busy.iter().map(|(uses, _)| uses).sum();
    busy.sort_by_key(|(uses, _)| std::cmp::Reverse(*uses));
    for (uses, table) in busy.into_iter().take(BUSIEST) {
        table.hot = uses >= QUIET && uses >= all / 10;
    }
}

/// Transactions that have been open for a while, with what they have locked.
pub(super) async fn transactions(session: &Session, live: &mut Live) -> Result<()> {
    let open = session.rows(TRANSACTIONS, &[&LONG]).await?;
    let locks = if open.is_empty() { Vec::new() } else { session.rows(&sql(LOCKS), &[]).await? };
    live.transactions = open
        .iter()
        .map(|row| {
            let holder: Option<&str> = row.get(0);
            let held = locks.iter().filter(|lock| Some(lock.get::<_, &str>(0)) == holder);
            LiveTransaction {
                who: row.get(1),
                seconds: number(row.get(2)),
                idle: row.get::<_, Option<bool>>(3).unwrap_or_default(),
                end: row.get(4),
                holds: held.map(|lock| (lock.get(1), modes(&lock.get::<_, Vec<String>>(2)))).collect(),
            }
        })
        .collect();
    if let Some(row) = session.optional(UNSEEN, &[]).await? {
        let role: &str = row.get(0);
        let why = format!(
            "sessions of other roles are there, and not seen: GRANT pg_read_all_stats TO {}",
            ident(role)
        );
        live.unknown.insert(Fact::Sessions, why.clone());
        live.unknown.insert(Fact::Vacuum, why);
    }
    Ok(())
}

/// `AccessShareLock` as the manual writes it.
fn modes(server: &[String]) -> Vec<String> {
    let spaced = |mode: &String| {
        let mut words = String::new();
        for c in mode.trim_end_matches("Lock").chars() {
            if c.is_ascii_uppercase() && !words.is_empty() {
                words.push(' ');
            }
            words.push(c.to_ascii_uppercase());
        }
        words
    };
    server.iter().map(spaced).collect()
}

/// Standbys and slots.
pub(super) async fn replication(session: &Session, live: &mut Live) -> Result<()> {
    live.standbys = session.rows(STANDBYS, &[]).await?.iter().map(|row| row.get(0)).collect();
    for row in session.rows(SLOTS, &[]).await? {
        let slot = LiveSlot { active: row.get(1), logical: row.get(2), behind: number(row.get(3)) };
        live.slots.insert(row.get(0), slot);
    }
    let limit = "select setting::int8 from pg_settings where name = 'max_slot_wal_keep_size'";
    let limit = session.optional(limit, &[]).await?.map(|row| row.get::<_, i64>(0));
    live.slot_limit = limit.and_then(|mib| u64::try_from(mib).ok()).map(|mib| mib << 20);
    Ok(())
}

/// Tables that an anti-wraparound vacuum works on.
pub(super) async fn vacuum(session: &Session, live: &mut Live) -> Result<()> {
    live.wraparound_vacuums = session.rows(VACUUMS, &[]).await?.iter().map(|row| row.get(0)).collect();
    Ok(())
}

/// How far sequences are that could run out.
pub(super) async fn sequences(session: &Session, live: &mut Live) -> Result<()> {
    let known = session.rows(&sql(SEQUENCES), &[]).await?;
    let (readable, closed): (Vec<_>, Vec<_>) = known.iter().partition(|row| row.get::<_, bool>(6));
    if !closed.is_empty() {
        let why =
            format!("{} of them can't be read: GRANT SELECT ON ALL SEQUENCES IN SCHEMA …", closed.len());
        live.unknown.insert(Fact::Sequences, why);
    }
    for some in readable.chunks(AT_ONCE) {
        let asked = some.iter().enumerate().map(|(number, row)| {
            let name = format!("{}.{}", ident(row.get(0)), ident(row.get(1)));
            format!("select {number}::int4, last_value::int8 from {name} where is_called")
        });
        let asked: Vec<String> = asked.collect();
        for answer in session.rows(&asked.join(" union all "), &[]).await? {
            let at = usize::try_from(answer.get::<_, i32>(0)).unwrap_or_default();
            let Some(row) = some.get(at) else { continue };
            let owner: Option<String> = row.get(3);
            let sequence = LiveSequence {
                last: answer.get(1),
                max: row.get(2),
                owned_by: owner.zip(row.get(4)),
                column_max: row.get(5),
            };
            live.sequences.insert(format!("{}.{}", row.get::<_, &str>(0), row.get::<_, &str>(1)), sequence);
        }
    }
    Ok(())
}
