-- Every relation of the user that holds data, with its size, or why its data is not digested.
-- Partitioned parents hold no rows themselves. A dump carries rows of an extension's table only
-- where the extension registered it (pg_extension.extconfig), and only those that meet the
-- condition registered with it (PostgreSQL manual, 38.17.3).
select relation.name,
       relation.kind,
       relation.left_out,
       coalesce(relation.condition, '') as condition,
       relation.is_heap,
       case when relation.left_out is null and relation.kind <> 'S'
            then coalesce(pg_relation_size(relation.oid) / current_setting('block_size')::int8, 0) else 0
       end as blocks,
       case when relation.left_out is null and relation.kind <> 'S'
            then coalesce(pg_table_size(relation.oid), 0) else 0
       end as bytes
  from (select c.oid,
               format('%I.%I', n.nspname, c.relname) as name,
               c.relkind::text as kind,
               a.amname is not distinct from 'heap' as is_heap,
               e.extcondition[array_position(e.extconfig, c.oid)] as condition,
               case when c.relkind = 'f' then 'a foreign table: its rows are on another server'
                    when c.relkind = 'm' and not c.relispopulated then 'a materialized view without data'
                    when e.oid is not null and array_position(e.extconfig, c.oid) is null
                    then format('it belongs to extension %I, which makes it anew', e.extname)
               end as left_out
          from pg_class c
          join pg_namespace n on n.oid = c.relnamespace
          left join pg_am a on a.oid = c.relam
          left join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = c.oid and d.objsubid = 0
                               and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
          left join pg_extension e on e.oid = d.refobjid
         where c.relkind in ('r', 'm', 'f', 'S')
           and c.relpersistence <> 't'
           and n.nspname !~ '^pg_' and n.nspname <> 'information_schema') as relation
 order by bytes desc, relation.name
