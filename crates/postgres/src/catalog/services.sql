-- Foreign data, publications, text search.
select o.key, format('handler %s validator %s options (%s)', nullif(w.fdwhandler, 0)::regproc,
                     nullif(w.fdwvalidator, 0)::regproc, {hidden_options:w.fdwoptions})
  from named o join pg_foreign_data_wrapper w on w.oid = o.objid and o.classid = 'pg_foreign_data_wrapper'::regclass
 where o.own
union all
select o.key, format('wrapper %I type %L version %L options (%s)', w.fdwname, s.srvtype, s.srvversion,
                     {hidden_options:s.srvoptions})
  from named o join pg_foreign_server s on s.oid = o.objid and o.classid = 'pg_foreign_server'::regclass
  join pg_foreign_data_wrapper w on w.oid = s.srvfdw
 where o.own
union all
-- The view hides options that the role must not see; the table itself is for superusers.
select format('user mapping for %I on server %I', u.usename, u.srvname),
       'options (' || {hidden_options:u.umoptions} || ')'
  from pg_user_mappings u
union all
select o.key, concat_ws(E'\n',
       format('all tables %s insert %s update %s delete %s truncate %s by root %s', p.puballtables, p.pubinsert,
              p.pubupdate, p.pubdelete, p.pubtruncate, p.pubviaroot),
       {publication_generated},
       (select string_agg(r.prrelid::regclass::text || {publication_part}, E'\n' order by r.prrelid::regclass::text)
          from pg_publication_rel r where r.prpubid = p.oid),
       {publication_schemas})
  from named o join pg_publication p on p.oid = o.objid and o.classid = 'pg_publication'::regclass
 where o.own
union all
select o.key, concat_ws(E'\n', 'parser ' || format('%I.%I', n.nspname, p.prsname),
       (select string_agg(m.line, E'\n' order by m.line)
          from (select t.alias || ': ' || string_agg(m.mapdict::regdictionary::text, ', ' order by m.mapseqno) as line
                  from pg_ts_config_map m join ts_token_type(c.cfgparser) t on t.tokid = m.maptokentype
                 where m.mapcfg = c.oid group by t.alias) m))
  from named o join pg_ts_config c on c.oid = o.objid and o.classid = 'pg_ts_config'::regclass
  join pg_ts_parser p on p.oid = c.cfgparser join pg_namespace n on n.oid = p.prsnamespace
 where o.own
union all
select o.key, format('template %I.%I options %s', n.nspname, t.tmplname, d.dictinitoption)
  from named o join pg_ts_dict d on d.oid = o.objid and o.classid = 'pg_ts_dict'::regclass
  join pg_ts_template t on t.oid = d.dicttemplate join pg_namespace n on n.oid = t.tmplnamespace
 where o.own
union all
select o.key, format('start %s token %s end %s headline %s types %s', p.prsstart, p.prstoken, p.prsend,
                     p.prsheadline, p.prslextype)
  from named o join pg_ts_parser p on p.oid = o.objid and o.classid = 'pg_ts_parser'::regclass
 where o.own
union all
select o.key, format('init %s lexize %s', t.tmplinit, t.tmpllexize)
  from named o join pg_ts_template t on t.oid = o.objid and o.classid = 'pg_ts_template'::regclass
 where o.own
