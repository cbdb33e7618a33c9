union all
    select pid, command, relid::int8, type,
           case when bytes_total > 0 then bytes_processed else tuples_processed end, bytes_total,
           case when bytes_total > 0 then 'bytes' else 'tuples' end
    from pg_stat_progress_copy where datname = any ($1::text[])
