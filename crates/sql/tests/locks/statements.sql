-- Foreign keys and other constraints.
alter table orders add constraint o_fk foreign key (user_id) references users (id);
alter table orders add constraint o_fk foreign key (user_id) references users (id) not valid;
alter table orders validate constraint later_fk;
alter table orders validate constraint later;
alter table orders validate constraint orders_user_id_fkey;
alter table orders add column home_id bigint references cities (id);
alter table orders add column home_id bigint default 1 references cities (id);
alter table orders add constraint pos check (total > 0);
alter table orders add constraint pos check (total > 0) not valid;
alter table orders add column q integer check (q > 0);
alter table users add constraint users_bio_key unique (name);
alter table orders add column ref text unique;
alter table orders add primary key (id);
alter table orders add constraint orders_pkey primary key using index orders_id_idx;
alter table orders add constraint orders_pkey primary key using index orders_null_idx;
alter table users add constraint users_email_key unique using index users_email_idx;
alter table cities add constraint no_overlap exclude using btree (id with =);
alter table orders alter column user_id set not null;
alter table users alter column proven set not null;
alter table cities alter column name set not null;
alter table orders alter column id drop not null;
alter table orders drop constraint orders_user_id_fkey;
alter table items drop constraint items_qty_check;
alter table users drop constraint users_pkey cascade;
alter table cities drop constraint cities_pkey cascade;
alter table orders rename constraint later to later_still;
alter table orders alter constraint orders_user_id_fkey deferrable;
alter domain plain_int add constraint lt check (value < 100000);
alter domain plain_int add constraint lt check (value < 100000) not valid;
alter domain plain_int set not null;
create table invoices (id bigint primary key, user_id bigint references users (id), city_id bigint references cities);
create table invoices (like users, n integer);
-- Types.
alter table users alter column age type bigint;
alter table users alter column name type text;
alter table users alter column name type varchar(100);
alter table users alter column name type varchar(20);
alter table users alter column name type varchar(100) collate "C";
alter table users alter column name type varchar;
alter table users alter column bio type varchar(20);
alter table users alter column bio type varchar;
alter table users alter column bio type citext;
alter table users alter column bio type bpchar;
alter table users alter column amount type numeric(12, 2);
alter table users alter column amount type numeric(12, 3);
alter table users alter column amount type numeric;
alter table users alter column amount type integer;
alter table users alter column free type numeric(30, 2);
alter table users alter column address type inet;
alter table users alter column since type timestamptz;
alter table users alter column since type timestamp(3);
alter table users alter column since type timestamp(6);
alter table users alter column since type timestamptz(3);
alter table users alter column since type timestamptz using since at time zone 'UTC';
alter table users alter column seen type timestamptz(5);
alter table users alter column seen type timestamptz(1);
alter table users alter column flags type varbit;
alter table users alter column flags type bit(8) using flags;
alter table users alter column bits type varbit(16);
alter table users alter column bits type varbit(4);
alter table users alter column doc type text;
alter table users alter column st type text;
alter table users alter column k type integer;
alter table users alter column k type posint;
alter table users alter column age type plain_int;
alter table users alter column age type oid;
alter table users alter column span type interval(5);
alter table users alter column span type interval;
alter table users alter column code type char(8);
alter table users alter column code type text;
alter table users alter column tags type varchar(20)[];
alter table users alter column tags type text[];
alter table users alter column tags type varchar[];
alter table users alter column part_of type bigint;
alter table users alter column part_of type plain_int;
alter table users alter column free type numeric using free::numeric;
alter table users alter column age type integer using age + 1;
alter table users alter column name type text using name::varchar::text;
alter table orders alter column user_id type integer;
alter table users alter column ci type citext;
-- New columns.
alter table users add column n1 integer;
alter table users add column n1 integer not null default 5;
alter table users add column n1 timestamptz default now();
alter table users add column n1 text default current_user;
alter table users add column n1 uuid default gen_random_uuid();
alter table users add column n1 timestamptz default clock_timestamp();
alter table users add column n1 double precision default random();
alter table users add column n1 integer default stable_one();
alter table users add column n1 integer default volatile_one();
alter table users add column n1 bigserial;
alter table users add column n1 bigint generated always as identity;
alter table users add column n1 text generated always as (lower(name)) stored;
alter table orders add column n1 posint default 1;
alter table orders add column n1 posint;
alter table orders add column n1 plain_int default 1;
alter table events add column n1 integer;
alter table parent_t add column n1 integer default volatile_one();
alter table only child_t add column n1 integer;
alter table orders add column a integer, alter column total type numeric(20, 5), add constraint f foreign key (city_id) references cities;
alter table orders alter column note set statistics 100, alter column note set default 'x';
-- Tables as a whole.
alter table lone_t set unlogged;
alter table cities set logged;
alter table fast set logged;
alter table cities set (autovacuum_enabled = false);
alter table cities set (fillfactor = 70, user_catalog_table = true);
alter table cities reset (fillfactor);
alter table cities alter column name set statistics 500;
alter table cities alter column name set storage external;
-- since 14
alter table cities alter column name set compression pglz;
alter table cities alter column name set (n_distinct = 5);
alter table cities alter column name set default 'x';
alter table events alter column id set default 1;
alter table items alter column qty drop default;
alter table gen alter column b drop expression;
alter table gen alter column c drop identity;
alter table gen alter column c set generated by default;
alter table orders alter column id add generated by default as identity;
alter table cities replica identity nothing;
alter table cities replica identity full;
alter table cities enable row level security;
alter table cities force row level security;
alter table users disable trigger all;
alter table users enable trigger users_touch;
alter table cities cluster on cities_pkey;
alter table cities owner to postgres;
alter table users drop column ci;
alter table orders drop column user_id;
alter table events drop column city_id;
alter table users drop column email cascade;
alter table users rename column bio to story;
alter table events rename column id to number;
alter table users rename to people;
alter table cities set schema other;
alter table child_t no inherit parent_t;
alter table lone_t inherit parent_t;
-- Partitions.
alter table events attach partition events_2025 for values from ('2025-01-01') to ('2026-01-01');
alter table logs attach partition logs_1 for values from ('2026-01-01') to ('2027-01-01');
alter table logs attach partition logs_2 for values from ('2027-01-01') to ('2028-01-01');
create table logs_3 partition of logs for values from ('2026-01-01') to ('2027-01-01');
alter table events attach partition events_2026 for values from ('2026-01-01') to ('2027-01-01');
create table events_2027 partition of events for values from ('2027-01-01') to ('2028-01-01');
create table parts_3 partition of parts for values in (3);
alter table events detach partition events_2024;
alter table parts detach partition parts_1;
-- since 14
alter table parts detach partition parts_1 concurrently;
drop table events_2024;
drop table parts;
alter table events add constraint e_check check (id > 0);
alter table events add constraint e_fk foreign key (id) references users (id);
alter table parts add unique (a);
alter table parts add primary key (a);
alter table parts alter column b type varchar(5);
alter table parts drop column b;
create table kid (z integer) inherits (parent_t);
-- Indexes.
create index users_age_idx on users (age);
create index users_age_idx on only users (age);
create index on events (city_id);
create index on only events (city_id);
create index concurrently users_age_idx on users (age);
drop index users_name_idx;
drop index events_id_idx;
drop index concurrently users_name_idx;
reindex table cities;
reindex table lone_t;
reindex index users_name_idx;
reindex table events;
reindex table concurrently users;
alter index users_name_idx set (fillfactor = 50);
alter index users_name_idx rename to other;
alter index users_name_idx set (deduplicate_items = off);
cluster cities using cities_pkey;
vacuum full cities;
vacuum cities;
analyze cities;
-- Rows.
truncate cities, orders, events;
truncate users cascade;
truncate parent_t;
update orders set status = 'b';
update orders set user_id = 21 where id = 2;
update users set id = 1000 where id = 21;
delete from items;
delete from users where id = 21;
insert into items values (1000, 1, 1);
insert into items select id + 2000, user_id, 1 from orders;
select count(*) from users;
select * from of_view where id = 1;
select * from users where id = 1 for update;
select * from events;
lock table users;
lock table parent_t in share mode;
lock table of_view in access exclusive mode;
-- Views, triggers, policies and the rest.
create view v2 as select * from of_view;
create or replace view active_users as select id, email, 1 as n from users;
create materialized view m2 as select * from orders;
refresh materialized view stats;
refresh materialized view concurrently stats;
refresh materialized view stats with no data;
drop view of_view;
drop view active_users cascade;
drop materialized view stats;
alter view of_view set (security_barrier = true);
alter view of_view rename to other_view;
create trigger t2 before update on orders for each row execute function touch();
create trigger t2 before update on events for each row execute function touch();
create trigger t2 after update on events execute function touch();
drop trigger users_touch on users;
alter trigger users_touch on users rename to touched;
create rule r as on delete to cities do instead nothing;
create policy p2 on users using (true);
alter policy own on cities using (false);
drop policy own on cities;
comment on table users is 'x';
comment on column users.age is 'x';
comment on constraint items_qty_check on items is 'x';
comment on trigger users_touch on users is 'x';
create statistics s1 on id, age from users;
grant select on users to public;
alter publication pub add table users;
alter publication pub drop table gen;
create publication pub2 for table parent_t;
create publication pub3 for all tables;
alter sequence seq restart with 5;
alter sequence seq owned by users.age;
drop sequence seq;
drop table lone_t;
drop table items;
drop table users cascade;
drop table parent_t cascade;
drop table cities cascade;
drop type mood cascade;
drop domain plain_int cascade;
drop extension citext;
alter type mood add value 'new';
alter type mood rename value 'ok' to 'fine';
create table users_copy as select * from users;
create table if not exists users (id integer);
-- What versions may do in other ways.
alter table cities alter column name drop not null;
alter table events alter column at drop not null;
alter table parent_t alter column x set not null;
alter table only parent_t alter column x set not null;
alter table events alter column city_id set not null;
alter table lone_t alter column x set not null;
alter table parent_t add primary key (x);
alter table parent_t add unique (x);
alter table parent_t add constraint pu unique using index parent_x;
alter table parent_t add constraint pf foreign key (x) references users (id);
analyze parent_t;
analyze events;
alter table logs add unique (at);
alter table parts add constraint pf foreign key (a) references users (id);
alter table events_2024 add primary key (id);
alter table events_2024 add unique (id);
alter table events add primary key (id, at);
alter table events add unique (id, at);
alter table lone_t add primary key (y);
alter table events owner to postgres;
alter table events replica identity full;
alter table events disable trigger all;
alter table events_2024 disable trigger all;
create trigger t after insert on events for each row execute function touch();
create trigger t after insert on events execute function touch();
alter trigger users_touch on users rename to x;
alter table parts alter column a set default 5;
alter table events detach partition events_def;
alter table logs detach partition logs_def;
alter table orders alter constraint orders_user_id_fkey not deferrable;
alter table events alter constraint events_city_id_fkey deferrable;
alter table events drop constraint events_city_id_fkey;
alter table events validate constraint events_city_id_fkey;
alter table events alter column id add generated always as identity;
alter table events alter column id type integer;
create table regions_3 partition of regions for values in (3);
alter table regions detach partition regions_1;
drop table regions;
drop table regions_1;
alter table regions drop column city;
alter table gen alter column b type bigint;
alter table gen drop column b;
alter table users alter column bio type text collate "C";
alter index users_low_idx alter column 1 set statistics 100;
truncate only parent_t;
alter domain plain_int drop not null;
alter domain posint drop constraint posint_check;
alter type mood rename to humour;
alter table users add column n1 mood default 'ok';
copy cities to '/dev/null';
alter extension citext update;
alter materialized view stats rename to stats_too;
alter view active_users rename to v;
alter view active_users rename column id to number;
alter view active_users alter column id set default 5;
create or replace view active_users as select id, email, age from users;
alter table orders add constraint c2 check (total > 0), add constraint c3 check (id > 0) not valid;
create table n (like gen including all);
create table n (a integer constraint given not null);
revoke select on users from public;
grant select (id, email) on users to public;
grant usage on sequence seq to public;
grant select on all tables in schema public to public;
create rule r2 as on insert to lone_t do also notify done;
alter table cities disable row level security;
-- until 17
alter table parts set unlogged;
-- until 17
alter table events set logged;
-- until 17
create unlogged table n (a integer) partition by range (a);
-- What came with 14.
-- since 14
create or replace trigger users_touch before update on users for each row execute function touch();
-- since 14
create statistics s2 on (age + 1) from users;
-- since 14
alter table users add column n1 int4multirange;
-- since 14
create table n (like gen including compression);
-- since 14
select date_bin('1 hour', since, timestamp '2001-01-01') from users;
-- since 14
select string_to_table('a,b', ',');
-- since 14
select unistr('a');
-- since 14
select distinct email from users group by distinct email;
-- since 14
set local idle_session_timeout = 0;
-- since 14
set local default_toast_compression = 'pglz';
-- since 14
reindex index events_id_idx;
-- since 14
reindex (tablespace pg_default) table cities;
-- since 14
create procedure p(out a integer) language sql as 'select 1';
-- since 14
create function f() returns integer language sql return 1;
-- since 14
create function f() returns integer language sql begin atomic select 1; end;
-- since 14
select 1 as one from users join orders using (id) as u;
-- What came with 15.
-- since 15
merge into items using users on items.user_id = users.id when matched then update set qty = 2 when not matched then do nothing;
-- since 15
create unique index users_nd on users (age) nulls not distinct;
-- since 15
alter table users add constraint nd unique nulls not distinct (age);
-- since 15
-- perhaps
alter table cities set access method heap;
-- since 15
-- perhaps
alter materialized view stats set access method heap;
-- since 15
create view v with (security_invoker = true) as select id from users;
-- since 15
alter view active_users set (security_invoker = true);
-- since 15
alter table orders add constraint f foreign key (user_id) references users (id) on delete set null (user_id);
-- since 15
create publication pub4 for tables in schema public;
-- since 15
alter publication pub add tables in schema other;
-- since 15
alter publication pub set table users where (id > 5);
-- since 15
alter publication pub set table users (id, age);
-- since 15
grant set on parameter work_mem to public;
-- since 15
create unlogged sequence seq9;
-- since 15
alter sequence seq set unlogged;
-- since 15
alter table users add column n1 numeric(3, -1);
-- since 15
alter table users add column n1 numeric(2, 5);
-- since 15
select regexp_like('a', 'b');
-- since 15
select regexp_count('a', 'b');
-- since 15
select regexp_instr('a', 'b');
-- since 15
select regexp_substr('a', 'b');
-- since 15
cluster events using events_id_idx;
-- What came with 16.
-- since 16
create table n (a text storage external);
-- since 16
alter table users add column n1 text storage external;
-- since 16
alter table cities alter column name set storage default;
-- since 16
update cities set area = 0x10 where id = 1;
-- since 16
update cities set area = 1_000 where id = 1;
-- since 16
alter table users add constraint j check (ci is not json);
-- since 16
select json_array(1, 2);
-- since 16
select json_object('a': 1);
-- since 16
select json_arrayagg(id) from cities;
-- since 16
select json_objectagg(id: name) from cities;
-- since 16
select any_value(id) from cities;
-- since 16
select array_shuffle(array[1]);
-- since 16
select array_sample(array[1], 1);
-- since 16
select random_normal();
-- since 16
select system_user;
-- since 16
grant pg_read_all_stats to pg_signal_backend with inherit true;
-- since 16
select * from (select 1 as one);
-- since 16
create statistics on id, age from users;
-- since 16
reindex database;
-- What came with 17.
-- since 17
alter table gen alter column b set expression as (a * 3);
-- since 17
merge into items using users on items.user_id = users.id when not matched by source then delete;
-- since 17
merge into items using users on items.user_id = users.id when matched then delete returning items.id;
-- since 17
alter table events add column n1 bigint generated always as identity;
-- since 17
alter table parts set access method heap;
-- since 17
-- perhaps
alter table cities set access method default;
-- since 17
alter table users alter column age set statistics default;
-- since 17
alter table events add constraint ex exclude using btree (id with =, at with =);
-- since 17
alter domain plain_int add constraint nn not null;
-- since 17
grant maintain on users to public;
-- since 17
set local transaction_timeout = 0;
-- since 17
select random(1, 10);
-- since 17
select to_bin(5);
-- since 17
select to_oct(5);
-- since 17
select uuid_extract_timestamp(gen_random_uuid());
-- since 17
select uuid_extract_version(gen_random_uuid());
-- since 17
select json_scalar(1);
-- since 17
select json_value('{}', '$.a');
-- since 17
select json_exists('{}', '$.a');
-- since 17
select json_query('{}', '$.a');
-- since 17
select * from json_table('[]', '$[*]' columns (a integer)) j;
-- What came with 18.
-- since 18
alter table users add column n1 text generated always as (lower(name)) virtual;
-- since 18
alter table users add column n1 text generated always as (lower(name));
-- since 18
alter table events add column n1 integer generated always as (id::integer) virtual;
-- since 18
create table n (a integer, b integer generated always as (a * 2) virtual);
-- since 18
alter table orders add constraint nn not null user_id not valid;
-- since 18
alter table orders add constraint nn not null user_id;
-- since 18
alter table users add constraint nn not null proven;
-- since 18
alter table parent_t add constraint nn not null x;
-- since 18
alter table parent_t add constraint nn not null x not valid;
-- since 18
alter table parent_t add constraint nn not null x no inherit;
-- since 18
alter table events add constraint nn not null city_id;
-- since 18
alter table events add constraint nn not null city_id not valid;
-- since 18
create table n (a integer, constraint nn not null a);
-- since 18
alter table orders add constraint c check (total > 0) not enforced;
-- since 18
alter table orders add constraint f foreign key (user_id) references users (id) not enforced;
-- since 18
alter table orders alter constraint orders_user_id_fkey not enforced;
-- since 18
alter table orders alter constraint orders_user_id_fkey enforced;
-- since 18
alter table events add constraint e_fk foreign key (id) references users (id) not valid;
-- since 18
alter table events add constraint e_fk foreign key (id) references users (id) not enforced;
-- since 18
alter table events alter constraint events_city_id_fkey not enforced;
-- since 18
alter table stays add constraint s unique (room, during without overlaps);
-- since 18
alter table stays add primary key (room, during without overlaps);
-- since 18
update cities set name = 'x' returning old.name, new.name;
-- since 18
analyze only parent_t;
-- since 18
analyze only events;
-- since 18
vacuum only parent_t;
-- since 18
select uuidv7();
-- since 18
select uuidv4();
-- since 18
select casefold('A');
-- since 18
select array_sort(array[1]);
-- since 18
select array_reverse(array[1]);
-- since 18
select crc32('a');
-- since 18
select gamma(5);
-- On what only 18 can have.
-- ground 18
alter table aged validate constraint aged_later;
-- ground 18
alter table aged alter column a set not null;
-- ground 18
alter table aged alter constraint aged_later no inherit;
-- ground 18
alter table aged drop constraint aged_later;
-- ground 18
alter table aged alter column a drop not null;
-- ground 18
alter table quarters validate constraint quarters_later;
-- ground 18
alter table quarters drop constraint quarters_later;
-- ground 18
alter table quarters alter constraint quarters_later not enforced;
-- ground 18
alter table quarters detach partition quarters_1;
-- ground 18
create table quarters_3 partition of quarters for values in (3);
-- ground 18
alter table quarters drop column town;
-- ground 18
drop table quarters;
-- ground 18
alter table virt alter column b set expression as (a * 3);
-- ground 18
alter table virt alter column b type bigint;
-- ground 18
alter table virt alter column b set not null;
-- ground 18
alter table virt drop column b;
-- ground 18
alter table virt add constraint v check (b > 0);
-- ground 18
insert into virt values (2);
-- ground 18
alter table loose alter constraint loose_fk enforced;
-- ground 18
alter table loose drop constraint loose_fk;
-- ground 18
alter table loose drop constraint loose_check;
-- ground 18
insert into loose values (1, 2);
-- ground 18
delete from towns where id = 2;
-- ground 18
drop table loose;
