-- Columns, without their order; and their order as an entry of its own, so that a difference in
-- nothing but order is seen as such.
select 'column ' || o.name || '.' || quote_ident(a.attname), concat_ws(E'\n',
       format_type(a.atttypid, a.atttypmod),
       case when a.attnotnull then 'not null' end,
       case when a.attgenerated = '' then 'default ' || d.text
            else 'generated ' || case a.attgenerated when 'v' then 'virtual ' else '' end || d.text end,
       case a.attidentity when 'a' then 'identity always' when 'd' then 'identity by default' end,
       case when a.attcollation <> t.typcollation
            then 'collation ' || (select quote_ident(n.nspname) || '.' || quote_ident(k.collname) from pg_collation k
                                   join pg_namespace n on n.oid = k.collnamespace where k.oid = a.attcollation) end,
       'compression ' || nullif({compression}, ''),
       case when a.attstorage <> t.typstorage then 'storage ' || a.attstorage::text end,
       'statistics ' || nullif(a.attstattarget, -1),
       'options ' || nullif(array_to_string(array(select unnest(a.attoptions) order by 1), ', '), ''),
       case when a.attfdwoptions is not null then 'options ' || {hidden_options:a.attfdwoptions} end,
       -- A restored partition is attached; it does not matter which columns it brought along.
       case when a.attinhcount > 0 and not c.relispartition
            then case when a.attislocal then 'inherited and local' else 'inherited' end end)
  from named_ref o
  join pg_class c on c.oid = o.objid and c.relkind in ('r', 'p', 'f', 'v', 'm', 'c')
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  join pg_type t on t.oid = a.atttypid
  left join (select adrelid, adnum, pg_get_expr(adbin, adrelid) as text from pg_attrdef) d
         on d.adrelid = a.attrelid and d.adnum = a.attnum
union all
select 'column order of ' || o.key, string_agg(quote_ident(a.attname), ', ' order by a.attnum)
  from named_ref o
  join pg_class c on c.oid = o.objid and c.relkind in ('r', 'p', 'f', 'v', 'm', 'c')
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
 group by o.key
