-- Owners, privileges, comments, labels of everything above, and large objects.
select 'owner of ' || key, quote_ident(pg_get_userbyid(owner)) from named where own and owner is not null
union all
-- No privileges written down means the default ones. Equal lists are taken apart once.
select 'acl of ' || o.key, coalesce(a.text, 'none')
  from (select key, own, coalesce(acl, acldefault(acl_type, owner))::text as acl,
               coalesce(initprivs, acldefault(acl_type, owner))::text as initial
          from named where owner is not null and acl_type is not null) as o
  join acl_text a on a.acl = o.acl
  join acl_text i on i.acl = o.initial
 where o.own or a.text is distinct from i.text
union all
-- The privileges of columns are never null and default, but they may be empty.
select 'acl of column ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname) || '.' || quote_ident(t.attname), a.text
  from (select a.attrelid, a.attname, a.attnum, a.attacl::text as acl, i.initprivs::text as initial
          from pg_attribute a
          left join pg_init_privs i on i.classoid = 'pg_class'::regclass and i.objoid = a.attrelid
                                   and i.objsubid = a.attnum
         where a.attacl is not null and not a.attisdropped) as t
  join pg_class c on c.oid = t.attrelid
  join pg_namespace n on n.oid = c.relnamespace and n.nspname !~ '^pg_temp'
  join acl_text a on a.acl = t.acl
 where a.text is not null and t.acl is distinct from t.initial
union all
select format('default privileges of %I%s on %s', pg_get_userbyid(d.defaclrole),
              (select ' in schema ' || quote_ident(n.nspname) from pg_namespace n where n.oid = d.defaclnamespace),
              d.defaclobjtype), coalesce(a.text, 'none')
  from pg_default_acl d join acl_text a on a.acl = d.defaclacl::text
union all
select 'comment on ' || case when d.objsubid = 0 then o.key else 'column ' || o.name || '.' || quote_ident(a.attname) end,
       d.description
  from named o join pg_description d on d.classoid = o.classid and d.objoid = o.objid
  left join pg_attribute a on a.attrelid = d.objoid and a.attnum = d.objsubid and d.objsubid > 0
 where o.own
union all
select format('security label %s of ', s.provider)
       || case when s.objsubid = 0 then o.key else 'column ' || o.name || '.' || quote_ident(a.attname) end, s.label
  from named o join pg_seclabel s on s.classoid = o.classid and s.objoid = o.objid
  left join pg_attribute a on a.attrelid = s.objoid and a.attnum = s.objsubid and s.objsubid > 0
 where o.own
union all
-- `DEPENDS ON EXTENSION`.
select 'dependency of ' || o.key, string_agg('extension ' || quote_ident(e.extname), ', ' order by e.extname)
  from named o join pg_depend d on d.classid = o.classid and d.objid = o.objid and d.deptype = 'x'
  join pg_extension e on e.oid = d.refobjid
 where o.own and d.refclassid = 'pg_extension'::regclass
 group by o.key
union all
-- There may be millions, so one entry for all of the same owner and privileges.
select format('large objects of %I with acl %s', pg_get_userbyid(l.lomowner), coalesce(a.text, 'none')),
       count(*) || ', ids ' || sum(hashtextextended(l.oid::text, 0))
  from pg_largeobject_metadata l
  join acl_text a on a.acl = coalesce(l.lomacl, acldefault('L', l.lomowner))::text
 group by l.lomowner, a.text
union all
select 'comment on large object ' || d.objoid, d.description
  from pg_description d where d.classoid = 'pg_largeobject'::regclass
