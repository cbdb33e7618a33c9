-- $1 the target's names, $2 whether its size is wanted, $3 from where WAL is counted, $4 seconds
-- after which a transaction is long. Locks are looked at only where somebody waits.
select json_build_object(
  'waiters', coalesce((select json_agg(w) from (
    select a.pid, a.usename as role, a.application_name as application, left(a.query, 600) as statement,
           l.mode, l.locktype, l.relation::int8 as relation,
           case when l.relation < 16384 then l.relation::regclass::text end as built_in,
           extract(epoch from clock_timestamp() - coalesce(@WAITSTART@, a.query_start)) * 1000 as waited_ms,
           (select json_agg(b) from (
              select p.pid, s.usename as role, s.application_name as application,
                     case when p.pid = 0
                          then (select string_agg(gid, ', ') from pg_prepared_xacts where database = a.datname)
                          else left(s.query, 600) end as statement
              from (select distinct pid from unnest(pg_blocking_pids(a.pid)) pid) p
              left join pg_stat_activity s on s.pid = p.pid
              order by p.pid limit 10) b) as blockers
    from pg_stat_activity a
    left join lateral (select * from pg_locks l where l.pid = a.pid and not l.granted limit 1) l on true
    where a.datname = any ($1::text[]) and a.wait_event_type = 'Lock'
    order by waited_ms desc nulls last limit 30) w), '[]'),
  'long', coalesce((select json_agg(t) from (
    select pid, datname as database, usename as role, application_name as application,
           left(query, 600) as statement,
           extract(epoch from clock_timestamp() - xact_start) * 1000 as open_ms
    from pg_stat_activity
    where xact_start < clock_timestamp() - make_interval(secs => $4::float8) and pid <> pg_backend_pid()
      and backend_type = 'client backend' and application_name not like 'switchback %'
    union all
    select 0, database, owner, 'prepared', gid, extract(epoch from clock_timestamp() - prepared) * 1000
    from pg_prepared_xacts where prepared < clock_timestamp() - make_interval(secs => $4::float8)
    order by open_ms desc limit 10) t), '[]'),
  'replicas', coalesce((select json_agg(r) from (
    select application_name as name, state,
           case when pg_is_in_recovery() then null
                else pg_wal_lsn_diff(pg_current_wal_insert_lsn(),
                                     coalesce(replay_lsn, flush_lsn, write_lsn, sent_lsn)) end as lag_bytes,
           extract(epoch from coalesce(replay_lag, flush_lag, write_lag)) * 1000 as lag_ms
    from pg_stat_replication where state is distinct from 'backup' order by application_name, pid) r), '[]'),
  'commands', coalesce((select json_agg(c) from (
    select pid, command, relid::int8 as relation, phase,
           case when phase like '%scanning table%' or tuples_total = 0 then blocks_done else tuples_done end as done,
           case when phase like '%scanning table%' or tuples_total = 0 then blocks_total else tuples_total end as total,
           case when phase like '%scanning table%' or tuples_total = 0 then 'blocks' else 'tuples' end as unit
    from pg_stat_progress_create_index where datname = any ($1::text[])
    union all
    select pid, 'VACUUM', relid::int8, phase,
           case when phase = 'vacuuming heap' then heap_blks_vacuumed else heap_blks_scanned end, heap_blks_total, 'blocks'
    from pg_stat_progress_vacuum where datname = any ($1::text[])
    union all
    select pid, command, relid::int8, phase, heap_blks_scanned, heap_blks_total, 'blocks'
    from pg_stat_progress_cluster where datname = any ($1::text[])
    union all
    select pid, 'ANALYZE', relid::int8, phase, sample_blks_scanned, sample_blks_total, 'blocks'
    from pg_stat_progress_analyze where datname = any ($1::text[])
    union all
    select pid, 'BASE BACKUP', null, phase, backup_streamed, coalesce(backup_total, 0), 'bytes'
    from pg_stat_progress_basebackup
    @COPY@) c), '[]'),
  'wal_position', case when pg_is_in_recovery() then null else pg_current_wal_insert_lsn()::text end,
  'wal_bytes', case when pg_is_in_recovery() then null
    else pg_wal_lsn_diff(pg_current_wal_insert_lsn(), coalesce($3::text::pg_lsn, pg_current_wal_insert_lsn())) end,
  'database_bytes', (
    select pg_database_size(d.oid) from pg_database d
    where $2::bool and d.datname = any ($1::text[])
      and (has_database_privilege(d.oid, 'connect') or pg_has_role('pg_read_all_stats', 'usage'))
    order by length(d.datname) desc limit 1),
  'sessions', (
    select count(*) from pg_stat_activity
    where datname = any ($1::text[]) and usesysid is not null
      and coalesce(backend_type, 'client backend') = 'client backend'
      and application_name not like 'switchback %')
)::text
