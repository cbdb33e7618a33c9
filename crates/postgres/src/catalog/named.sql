-- Every object with its kind, name, owner and privileges. `own` is what the user made: not part of
-- the server, not part of an extension. Of the others only those are here whose privileges were
-- changed since (pg_init_privs): a dump carries that too. From 16384 on, object ids are the user's.
with ns as (
    select oid, quote_ident(nspname) as name, nspname !~ '^pg_' and nspname <> 'information_schema' as own
      from pg_namespace
     where nspname !~ '^pg_(toast|temp)'
), member as materialized (
    select classid, objid from pg_depend
     where refclassid = 'pg_extension'::regclass and deptype = 'e' and objsubid = 0
), extension_table(objid) as (
    -- Relations of extensions, row types without a name of their own among them.
    select objid from member where classid = 'pg_class'::regclass
    union all
    select t.typrelid from member m join pg_type t on t.oid = m.objid where m.classid = 'pg_type'::regclass
), every(classid, objid, kind, name, owner, acl, acl_type, own, relation) as (
    select 'pg_namespace'::regclass::oid, s.oid, 'schema', ns.name, s.nspowner, s.nspacl, 'n'::"char", ns.own, null::oid
      from pg_namespace s join ns on ns.oid = s.oid
    union all
    select 'pg_class'::regclass, c.oid,
           case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
                          when 'f' then 'foreign table' when 'i' then 'index' when 'I' then 'index'
                          when 'c' then 'type' else 'table' end,
           ns.name || '.' || quote_ident(c.relname), case when c.relkind not in ('i', 'I', 'c') then c.relowner end,
           c.relacl, (case when c.relkind = 'S' then 's' else 'r' end)::"char", ns.own,
           coalesce(i.indrelid, c.oid)
      from pg_class c join ns on ns.oid = c.relnamespace left join pg_index i on i.indexrelid = c.oid
     where c.relpersistence <> 't' and (ns.own or c.relacl is not null)
    union all
    select 'pg_proc'::regclass, p.oid,
           case p.prokind when 'a' then 'aggregate' when 'p' then 'procedure' else 'function' end,
           ns.name || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')',
           p.proowner, p.proacl, 'f', ns.own, null
      from pg_proc p join ns on ns.oid = p.pronamespace
     where ns.own or p.proacl is not null
    union all
    -- Arrays follow their element type, and the row type of a relation follows the relation.
    select 'pg_type'::regclass, t.oid, case t.typtype when 'd' then 'domain' else 'type' end,
           ns.name || '.' || quote_ident(t.typname), t.typowner, t.typacl, 'T', ns.own, null
      from pg_type t join ns on ns.oid = t.typnamespace
      left join pg_class c on c.oid = t.typrelid
     where (ns.own or t.typacl is not null) and coalesce(c.relkind, 'c') = 'c'
       and not exists (select from pg_type e where e.typarray = t.oid)
    union all
    select 'pg_language'::regclass, oid, 'language', quote_ident(lanname), lanowner, lanacl, 'l', oid >= 16384, null
      from pg_language
    union all
    select 'pg_foreign_data_wrapper'::regclass, oid, 'foreign data wrapper', quote_ident(fdwname), fdwowner,
           fdwacl, 'F', oid >= 16384, null
      from pg_foreign_data_wrapper
    union all
    select 'pg_foreign_server'::regclass, oid, 'server', quote_ident(srvname), srvowner, srvacl, 'S', oid >= 16384, null
      from pg_foreign_server
    union all
    -- No command gives an extension to another role, and no dump says whose it is.
    select 'pg_extension'::regclass, oid, 'extension', quote_ident(extname), null, null, null, true, null
      from pg_extension
    union all
    select 'pg_event_trigger'::regclass, oid, 'event trigger', quote_ident(evtname), evtowner, null, null, true, null
      from pg_event_trigger
    union all
    select 'pg_publication'::regclass, oid, 'publication', quote_ident(pubname), pubowner, null, null, true, null
      from pg_publication
    union all
    select 'pg_am'::regclass, oid, 'access method', quote_ident(amname), null, null, null, oid >= 16384, null
      from pg_am
    union all
    select 'pg_cast'::regclass, oid, 'cast',
           '(' || format_type(castsource, null) || ' AS ' || format_type(casttarget, null) || ')',
           null, null, null, true, null
      from pg_cast where oid >= 16384
    union all
    select 'pg_transform'::regclass, t.oid, 'transform',
           'for ' || format_type(t.trftype, null) || ' language ' || quote_ident(l.lanname), null, null, null, true, null
      from pg_transform t join pg_language l on l.oid = t.trflang
    union all
    select 'pg_constraint'::regclass, k.oid, 'constraint',
           quote_ident(k.conname) || ' on '
           || coalesce(n.name || '.' || quote_ident(c.relname), 'domain ' || m.name || '.' || quote_ident(t.typname)),
           null, null, null,
           not exists (select from member m where m.classid = 'pg_type'::regclass and m.objid = k.contypid), k.conrelid
      from pg_constraint k
      left join pg_class c on c.oid = k.conrelid
      left join ns n on n.oid = c.relnamespace and n.own
      left join pg_type t on t.oid = k.contypid
      left join ns m on m.oid = t.typnamespace and m.own
     where n.oid is not null or m.oid is not null
    union all
    select 'pg_trigger'::regclass, g.oid, 'trigger',
           quote_ident(g.tgname) || ' on ' || ns.name || '.' || quote_ident(c.relname), null, null, null, true, g.tgrelid
      from pg_trigger g join pg_class c on c.oid = g.tgrelid join ns on ns.oid = c.relnamespace and ns.own
     where not g.tgisinternal
    union all
    select 'pg_rewrite'::regclass, r.oid, 'rule',
           quote_ident(r.rulename) || ' on ' || ns.name || '.' || quote_ident(c.relname), null, null, null, true, r.ev_class
      from pg_rewrite r join pg_class c on c.oid = r.ev_class join ns on ns.oid = c.relnamespace and ns.own
     where r.rulename <> '_RETURN'
    union all
    select 'pg_policy'::regclass, p.oid, 'policy',
           quote_ident(p.polname) || ' on ' || ns.name || '.' || quote_ident(c.relname), null, null, null, true, p.polrelid
      from pg_policy p join pg_class c on c.oid = p.polrelid join ns on ns.oid = c.relnamespace and ns.own
    union all
    select 'pg_statistic_ext'::regclass, s.oid, 'statistics', ns.name || '.' || quote_ident(s.stxname), s.stxowner,
           null, null, true, s.stxrelid
      from pg_statistic_ext s join ns on ns.oid = s.stxnamespace and ns.own
    union all
    select 'pg_collation'::regclass, c.oid, 'collation', ns.name || '.' || quote_ident(c.collname), c.collowner,
           null, null, true, null
      from pg_collation c join ns on ns.oid = c.collnamespace and ns.own
    union all
    select 'pg_conversion'::regclass, c.oid, 'conversion', ns.name || '.' || quote_ident(c.conname), c.conowner,
           null, null, true, null
      from pg_conversion c join ns on ns.oid = c.connamespace and ns.own
    union all
    select 'pg_operator'::regclass, o.oid, 'operator',
           ns.name || '.' || o.oprname || '(' || coalesce(format_type(nullif(o.oprleft, 0), null), 'none') || ', '
           || coalesce(format_type(nullif(o.oprright, 0), null), 'none') || ')', o.oprowner, null, null, true, null
      from pg_operator o join ns on ns.oid = o.oprnamespace and ns.own
    union all
    select 'pg_opclass'::regclass, o.oid, 'operator class',
           ns.name || '.' || quote_ident(o.opcname) || ' using ' || quote_ident(a.amname), o.opcowner, null, null, true, null
      from pg_opclass o join ns on ns.oid = o.opcnamespace and ns.own join pg_am a on a.oid = o.opcmethod
    union all
    select 'pg_opfamily'::regclass, o.oid, 'operator family',
           ns.name || '.' || quote_ident(o.opfname) || ' using ' || quote_ident(a.amname), o.opfowner, null, null, true, null
      from pg_opfamily o join ns on ns.oid = o.opfnamespace and ns.own join pg_am a on a.oid = o.opfmethod
    union all
    select 'pg_ts_config'::regclass, c.oid, 'text search configuration', ns.name || '.' || quote_ident(c.cfgname),
           c.cfgowner, null, null, true, null
      from pg_ts_config c join ns on ns.oid = c.cfgnamespace and ns.own
    union all
    select 'pg_ts_dict'::regclass, d.oid, 'text search dictionary', ns.name || '.' || quote_ident(d.dictname),
           d.dictowner, null, null, true, null
      from pg_ts_dict d join ns on ns.oid = d.dictnamespace and ns.own
    union all
    select 'pg_ts_parser'::regclass, p.oid, 'text search parser', ns.name || '.' || quote_ident(p.prsname),
           null, null, null, true, null
      from pg_ts_parser p join ns on ns.oid = p.prsnamespace and ns.own
    union all
    select 'pg_ts_template'::regclass, t.oid, 'text search template', ns.name || '.' || quote_ident(t.tmplname),
           null, null, null, true, null
      from pg_ts_template t join ns on ns.oid = t.tmplnamespace and ns.own
), named as materialized (
    select e.classid, e.objid, e.kind, e.name, e.kind || ' ' || e.name as key, e.owner, e.acl, e.acl_type,
           i.initprivs, e.own and m.objid is null and x.objid is null as own
      from every e
      left join member m on m.classid = e.classid and m.objid = e.objid
      left join extension_table x on x.objid = e.relation
      left join pg_init_privs i on i.classoid = e.classid and i.objoid = e.objid and i.objsubid = 0
     where (e.own and m.objid is null and x.objid is null) or e.acl::text is distinct from i.initprivs::text
), named_ref(classid, objid, key, name) as (
    -- The relations among them, for everything that hangs on one.
    select classid, objid, key, name from named where own and classid = 'pg_class'::regclass
)
