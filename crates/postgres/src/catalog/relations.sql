-- Schemas and extensions: their identity; owner and privileges stand in entries of their own.
select key, 'schema' from named where own and kind = 'schema'
union all
select o.key, format('version %s in schema %I%s', e.extversion, n.nspname,
                     case when e.extconfig is null then '' else ', with '
                          || (select count(*) from unnest(e.extconfig)) || ' configuration tables' end)
  from named o join pg_extension e on e.oid = o.objid join pg_namespace n on n.oid = e.extnamespace
 where o.kind = 'extension'
union all
-- Tables of every sort.
select o.key, concat_ws(E'\n',
       case c.relpersistence when 'u' then 'unlogged' end,
       case c.relkind when 'p' then 'partition by ' || pg_get_partkeydef(c.oid) end,
       (select string_agg((case when c.relispartition then 'partition of ' else 'inherits ' end) || p.inhparent::regclass
                          || case when {detach_pending} then ' (detach pending)' else '' end, ', ' order by p.inhseqno)
          from pg_inherits p where p.inhrelid = c.oid),
       pg_get_expr(c.relpartbound, c.oid),
       'of type ' || format_type(nullif(c.reloftype, 0), null),
       'access method ' || (select amname from pg_am a where a.oid = c.relam),
       'with ' || nullif(array_to_string(array(select unnest(c.reloptions) order by 1), ', '), ''),
       'toast with ' || nullif(array_to_string(array(select unnest(t.reloptions) order by 1), ', '), ''),
       case c.relreplident when 'n' then 'replica identity nothing' when 'f' then 'replica identity full'
                           when 'i' then 'replica identity using an index' end,
       case when c.relrowsecurity then 'row security' end,
       case when c.relforcerowsecurity then 'row security forced' end,
       (select format('server %I options (%s)', s.srvname, {hidden_options:f.ftoptions})
          from pg_foreign_table f join pg_foreign_server s on s.oid = f.ftserver where f.ftrelid = c.oid))
  from named_ref o join pg_class c on c.oid = o.objid
  left join pg_class t on t.oid = c.reltoastrelid
 where c.relkind in ('r', 'p', 'f')
union all
select o.key, concat_ws(E'\n', pg_get_viewdef(c.oid),
       'with ' || nullif(array_to_string(array(select unnest(c.reloptions) order by 1), ', '), ''),
       case when c.relkind = 'm' then 'access method ' || (select amname from pg_am a where a.oid = c.relam) end,
       case when not c.relispopulated then 'without data' end)
  from named_ref o join pg_class c on c.oid = o.objid
 where c.relkind in ('v', 'm')
union all
select o.key, concat_ws(E'\n',
       format('%s start %s increment %s min %s max %s cache %s%s', format_type(s.seqtypid, null), s.seqstart,
              s.seqincrement, s.seqmin, s.seqmax, s.seqcache, case when s.seqcycle then ' cycle' else '' end),
       case c.relpersistence when 'u' then 'unlogged' end,
       'owned by ' || (select format('%I.%I.%I', n.nspname, t.relname, a.attname)
                              || case d.deptype when 'i' then ' as identity' else '' end
                         from pg_depend d join pg_class t on t.oid = d.refobjid
                         join pg_namespace n on n.oid = t.relnamespace
                         join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
                        where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.objsubid = 0
                          and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')))
  from named_ref o join pg_class c on c.oid = o.objid join pg_sequence s on s.seqrelid = o.objid
union all
select 'tablespace of ' || o.key, quote_ident(s.spcname)
  from named_ref o join pg_class c on c.oid = o.objid join pg_tablespace s on s.oid = c.reltablespace
