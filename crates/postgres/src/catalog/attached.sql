-- What hangs on a table: constraints, indexes, triggers, rules, policies, statistics.
-- A foreign key that a partition has from its parent is not dumped: it comes with the parent's.
select o.key, concat_ws(E'\n', pg_get_constraintdef(k.oid),
       case when not k.convalidated then 'not validated' end,
       case when k.coninhcount > 0 and not coalesce(c.relispartition, false)
            then case when k.conislocal then 'inherited and local' else 'inherited' end end)
  from named o join pg_constraint k on k.oid = o.objid and o.classid = 'pg_constraint'::regclass
  left join pg_class c on c.oid = k.conrelid
 where o.own and not (k.contype = 'f' and k.conparentid <> 0) and k.contype <> 't'
union all
select o.key, concat_ws(E'\n', pg_get_indexdef(i.indexrelid),
       case when not i.indisvalid then 'not valid' end,
       case when not i.indisready then 'not ready' end,
       case when not i.indislive then 'not live' end,
       case when i.indisclustered then 'clustered' end,
       case when i.indisreplident then 'replica identity' end,
       'attached to ' || (select p.inhparent::regclass::text from pg_inherits p where p.inhrelid = i.indexrelid),
       'statistics ' || (select string_agg(a.attnum || ': ' || a.attstattarget, ', ' order by a.attnum)
                           from pg_attribute a where a.attrelid = i.indexrelid and a.attstattarget >= 0))
  from named_ref o join pg_index i on i.indexrelid = o.objid
union all
select o.key, pg_get_triggerdef(g.oid) || E'\nenabled ' || g.tgenabled::text
  from named o join pg_trigger g on g.oid = o.objid and o.classid = 'pg_trigger'::regclass
 where o.own
union all
-- `DISABLE TRIGGER ALL` also stops the triggers that enforce foreign keys.
select 'foreign key triggers of ' || o.key, string_agg(t.tgenabled::text, '' order by t.tgtype)
  from named o join pg_trigger t on t.tgconstraint = o.objid and o.classid = 'pg_constraint'::regclass
 where o.own and t.tgisinternal
 group by o.key having bool_or(t.tgenabled <> 'O')
union all
select o.key, pg_get_ruledef(r.oid) || E'\nenabled ' || r.ev_enabled::text
  from named o join pg_rewrite r on r.oid = o.objid and o.classid = 'pg_rewrite'::regclass
 where o.own
union all
select o.key, concat_ws(E'\n',
       case when p.polpermissive then 'permissive' else 'restrictive' end || ' for ' || p.polcmd::text || ' to '
       || (select string_agg(case r when 0 then 'public' else quote_ident(pg_get_userbyid(r)) end, ', ' order by
                             pg_get_userbyid(r)) from unnest(p.polroles) r),
       'using ' || pg_get_expr(p.polqual, p.polrelid),
       'with check ' || pg_get_expr(p.polwithcheck, p.polrelid))
  from named o join pg_policy p on p.oid = o.objid and o.classid = 'pg_policy'::regclass
 where o.own
union all
select o.key, concat_ws(E'\n', pg_get_statisticsobjdef(s.oid), 'statistics ' || nullif(s.stxstattarget, -1))
  from named o join pg_statistic_ext s on s.oid = o.objid and o.classid = 'pg_statistic_ext'::regclass
 where o.own
