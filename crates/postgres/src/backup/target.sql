-- What has to be known of a database to make another one like it, besides what is in a dump.
-- Columns of pg_database that not every version has are read through jsonb.
select pg_encoding_to_char(d.encoding) as encoding,
       d.datcollate::text as collate,
       d.datctype::text as ctype,
       coalesce(j ->> 'datlocprovider', 'c') as provider,
       coalesce(j ->> 'datlocale', j ->> 'daticulocale') as locale,
       j ->> 'daticurules' as icu_rules,
       array_remove(array[
           case when not exists (select from pg_namespace where nspname = 'public') then 'schema public' end,
           case when not exists (select from pg_extension where extname = 'plpgsql') then 'extension plpgsql' end
       ], null) as dropped,
       (select rolname::text from pg_roles where oid = 10) as bootstrap,
       -- The superuser that the server was made with (oid 10) is pinned: no dependency speaks of it.
       array(select r.rolname::text
               from pg_roles r
              where r.rolname !~ '^pg_'
                and (r.oid = d.datdba
                     or r.oid in (select s.setrole from pg_db_role_setting s where s.setdatabase = d.oid)
                     or r.oid in (select s.refobjid
                                    from pg_shdepend s
                                   where s.refclassid = 'pg_authid'::regclass
                                     and (s.dbid = d.oid
                                          or s.dbid = 0 and s.classid = 'pg_database'::regclass and s.objid = d.oid))
                     or r.oid = 10 and (exists (select from pg_class where relowner = 10 and oid >= 16384)
                                        or exists (select from pg_proc where proowner = 10 and oid >= 16384)
                                        or exists (select from pg_type where typowner = 10 and oid >= 16384)
                                        or exists (select from pg_namespace where nspowner = 10 and oid >= 16384)
                                        or exists (select from pg_largeobject_metadata where lomowner = 10)))
              order by 1) as roles,
       array(select format('%I.%I', n.nspname, c.relname)
               from pg_class c
               join pg_namespace n on n.oid = c.relnamespace
              where c.relkind = 'S' and c.relpersistence <> 't'
                and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
              order by 1) as sequences,
       array(select format('%I.%I', n.nspname, c.relname)
               from pg_class c
               join pg_namespace n on n.oid = c.relnamespace
              where c.relkind = 'm'
              order by 1) as materialized_views,
       pg_current_snapshot()::text as transactions,
       case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end::text as wal_position,
       to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as made_at,
       to_char(now() at time zone 'UTC', 'YYYYMMDD"T"HH24MISS"Z"') as compact
  from pg_database d, to_jsonb(d) j
 where d.datname = current_database()
