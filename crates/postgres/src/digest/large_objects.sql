-- Large objects in groups of 500: first and last id of each, and the bytes of one group.
select min(oid) as first, max(oid) as last,
       pg_table_size('pg_largeobject') / count(*) over () as bytes
  from (select oid, (row_number() over (order by oid) - 1) / 500 as portion from pg_largeobject_metadata) as listed
 group by portion
