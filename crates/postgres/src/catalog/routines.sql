-- Functions and procedures as the server writes them; aggregates by their pieces.
select o.key, pg_get_functiondef(p.oid)
  from named o join pg_proc p on p.oid = o.objid and o.classid = 'pg_proc'::regclass
 where o.own and p.prokind <> 'a'
union all
select o.key, concat_ws(E'\n',
       pg_get_function_arguments(p.oid) || ' returns ' || pg_get_function_result(p.oid),
       format('kind %s direct %s parallel %s', a.aggkind, a.aggnumdirectargs, p.proparallel),
       format('step %s final %s %s %s combine %s serial %s deserial %s', a.aggtransfn, a.aggfinalfn,
              a.aggfinalextra, a.aggfinalmodify, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn),
       format('moving step %s inverse %s final %s %s %s', a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn,
              a.aggmfinalextra, a.aggmfinalmodify),
       'sort operator ' || nullif(a.aggsortop, 0)::regoperator,
       format('state %s %s start %L', format_type(a.aggtranstype, null), a.aggtransspace, a.agginitval),
       format('moving state %s %s start %L', format_type(nullif(a.aggmtranstype, 0), null), a.aggmtransspace,
              a.aggminitval))
  from named o join pg_proc p on p.oid = o.objid and o.classid = 'pg_proc'::regclass
  join pg_aggregate a on a.aggfnoid = p.oid
 where o.own
union all
select o.key, format('function %s enabled %s on %s %s', e.evtfoid::regproc, e.evtenabled, e.evtevent, e.evttags)
  from named o join pg_event_trigger e on e.oid = o.objid and o.classid = 'pg_event_trigger'::regclass
 where o.own
union all
select o.key, format('trusted %s handler %s inline %s validator %s', l.lanpltrusted, l.lanplcallfoid::regproc,
                     l.laninline::regproc, l.lanvalidator::regproc)
  from named o join pg_language l on l.oid = o.objid and o.classid = 'pg_language'::regclass
 where o.own
union all
select o.key, format('function %s context %s method %s', nullif(c.castfunc, 0)::regprocedure, c.castcontext,
                     c.castmethod)
  from named o join pg_cast c on c.oid = o.objid and o.classid = 'pg_cast'::regclass
 where o.own
union all
select o.key, format('from sql %s to sql %s', nullif(t.trffromsql, 0)::regprocedure, nullif(t.trftosql, 0)::regprocedure)
  from named o join pg_transform t on t.oid = o.objid and o.classid = 'pg_transform'::regclass
 where o.own
