-- Types. Their constraints stand beside those of tables.
select o.key, case t.typtype
       when 'e' then 'enum (' || coalesce((select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder)
                                    from pg_enum e where e.enumtypid = t.oid), '') || ')'
       when 'd' then concat_ws(E'\n', 'domain over ' || format_type(t.typbasetype, t.typtypmod),
                               case when t.typnotnull then 'not null' end,
                               'default ' || pg_get_expr(t.typdefaultbin, 0),
                               case when t.typcollation <> b.typcollation then 'collation ' || k.name end)
       when 'c' then 'composite (' || coalesce((select string_agg(quote_ident(a.attname) || ' '
                                         || format_type(a.atttypid, a.atttypmod), ', ' order by a.attnum)
                                       from pg_attribute a
                                      where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped), '') || ')'
       when 'r' then (select concat_ws(E'\n', 'range of ' || format_type(r.rngsubtype, null),
                                       (select format('operator class %I.%I', n.nspname, q.opcname) from pg_opclass q
                                         join pg_namespace n on n.oid = q.opcnamespace where q.oid = r.rngsubopc),
                                       'collation ' || (select format('%I.%I', n.nspname, c.collname) from pg_collation c
                                         join pg_namespace n on n.oid = c.collnamespace where c.oid = r.rngcollation),
                                       format('canonical %s difference %s', r.rngcanonical, r.rngsubdiff),
                                       {multirange})
                        from pg_range r where r.rngtypid = t.oid)
       when 'm' then 'multirange'
       else case when not t.typisdefined then 'shell' else
            format('base input %s output %s receive %s send %s modifier %s %s analyze %s', t.typinput, t.typoutput,
                   t.typreceive, t.typsend, t.typmodin, t.typmodout, t.typanalyze)
            || format(E'\nlength %s by value %s align %s storage %s category %s preferred %s', t.typlen, t.typbyval,
                      t.typalign, t.typstorage, t.typcategory, t.typispreferred)
            || format(E'\ndefault %L element %s delimiter %s collatable %s subscript %s', t.typdefault,
                      format_type(nullif(t.typelem, 0), null), t.typdelim, t.typcollation <> 0, {subscript}) end
       end
  from named o join pg_type t on t.oid = o.objid and o.classid = 'pg_type'::regclass
  left join pg_type b on b.oid = t.typbasetype
  left join (select c.oid, format('%I.%I', n.nspname, c.collname) as name
               from pg_collation c join pg_namespace n on n.oid = c.collnamespace) k on k.oid = t.typcollation
 where o.own
union all
select o.key, format('provider %s deterministic %s encoding %s collate %s ctype %s locale %s rules %s',
                     c.collprovider, c.collisdeterministic, c.collencoding, c.collcollate, c.collctype,
                     {collation_locale}, {collation_rules})
  from named o join pg_collation c on c.oid = o.objid and o.classid = 'pg_collation'::regclass
 where o.own
union all
select o.key, format('%s to %s by %s default %s', pg_encoding_to_char(c.conforencoding),
                     pg_encoding_to_char(c.contoencoding), c.conproc, c.condefault)
  from named o join pg_conversion c on c.oid = o.objid and o.classid = 'pg_conversion'::regclass
 where o.own
union all
select o.key, format('returns %s by %s commutator %s negator %s restrict %s join %s merges %s hashes %s',
                     format_type(c.oprresult, null), c.oprcode, nullif(c.oprcom, 0)::regoperator,
                     nullif(c.oprnegate, 0)::regoperator, c.oprrest, c.oprjoin, c.oprcanmerge, c.oprcanhash)
  from named o join pg_operator c on c.oid = o.objid and o.classid = 'pg_operator'::regclass
 where o.own
union all
select o.key, format('for %s default %s storage %s family %I.%I', format_type(c.opcintype, null), c.opcdefault,
                     format_type(nullif(c.opckeytype, 0), null), n.nspname, f.opfname)
  from named o join pg_opclass c on c.oid = o.objid and o.classid = 'pg_opclass'::regclass
  join pg_opfamily f on f.oid = c.opcfamily join pg_namespace n on n.oid = f.opfnamespace
 where o.own
union all
select o.key, coalesce(
       (select string_agg(format('operator %s %s %s %s', a.amopstrategy, a.amopopr::regoperator, a.amoppurpose,
                                 (select format('%I.%I', n.nspname, f.opfname) from pg_opfamily f
                                    join pg_namespace n on n.oid = f.opfnamespace where f.oid = a.amopsortfamily)),
                          E'\n' order by a.amopstrategy, a.amopopr::regoperator::text)
          from pg_amop a where a.amopfamily = o.objid), '')
       || coalesce(
       (select string_agg(format(E'\nfunction %s (%s, %s) %s', p.amprocnum, format_type(p.amproclefttype, null),
                                 format_type(p.amprocrighttype, null), p.amproc::regprocedure), ''
                          order by p.amprocnum, format_type(p.amproclefttype, null),
                                   format_type(p.amprocrighttype, null))
          from pg_amproc p where p.amprocfamily = o.objid), '')
  from named o
 where o.own and o.classid = 'pg_opfamily'::regclass
union all
select o.key, format('type %s handler %s', a.amtype, a.amhandler)
  from named o join pg_am a on a.oid = o.objid and o.classid = 'pg_am'::regclass
 where o.own
