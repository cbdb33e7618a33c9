create extension if not exists citext;
create type mood as enum ('ok', 'sad');
create domain plain_int as integer;
create domain posint as integer check (value > 0);
create function stable_one() returns integer language sql stable as 'select 1';
create function volatile_one() returns integer language plpgsql as $$ begin return 1; end $$;
create schema other;
create function touch() returns trigger language plpgsql as $$ begin return new; end $$;
create table cities (id bigint primary key, name text not null, area numeric(10, 2));
create table users (
    id bigint primary key, email varchar(50), name varchar(50), age integer, bio text, amount numeric(10, 2),
    free numeric, address cidr, since timestamp, seen timestamptz(3), flags bit(8), bits varbit(8), doc xml,
    st mood, k plain_int, span interval(3), code char(4), tags varchar(10)[], ci text, proven integer,
    loose integer, part_of integer constraint part_small check (part_of < 1000000), city bigint,
    constraint proven_there check (proven is not null and proven > -1));
create unique index users_email_idx on users (email);
create index users_name_idx on users (name);
create index users_low_idx on users (lower(bio));
create index users_since_idx on users (since);
create index users_partial_idx on users (free) where free > 0;
create table orders (
    id bigint not null, user_id bigint, city_id bigint references cities (id), total numeric(8, 2), note text default '',
    status text, constraint orders_user_id_fkey foreign key (user_id) references users (id));
create unique index orders_id_idx on orders (id);
create unique index orders_null_idx on orders (user_id, city_id);
alter table orders add constraint later check (total > -1) not valid;
alter table orders add constraint later_fk foreign key (user_id) references users (id) not valid;
create table items (
    id bigint primary key, user_id bigint references users (id) on delete cascade, qty integer default 1,
    constraint items_qty_check check (qty > 0));
create table events (id bigint not null, at timestamp not null, city_id bigint references cities (id)) partition by range (at);
create index events_id_idx on events (id);
create table events_2024 partition of events for values from ('2024-01-01') to ('2025-01-01');
create table events_def partition of events default;
create table events_2025 (id bigint not null, at timestamp not null, city_id bigint);
create index events_2025_id on events_2025 (id);
create table events_2026 (
    id bigint not null, at timestamp not null, city_id bigint,
    constraint in_2026 check (at >= '2026-01-01' and at < '2027-01-01'));
create index events_2026_id on events_2026 (id);
create table logs (at date not null, line text) partition by range (at);
create table logs_1 (at date not null, line text, constraint in_1 check (at >= '2026-01-01' and at < '2027-01-01'));
create table logs_def partition of logs default;
alter table logs_def add constraint not_1 check (at < '2026-01-01' or at >= '2027-01-01');
create table logs_2 (at date not null, line text);
create table parts (a integer, b text) partition by list (a);
create table parts_1 partition of parts for values in (1);
create table parts_2 partition of parts for values in (2);
create table parent_t (x integer);
create table child_t (y integer) inherits (parent_t);
create table lone_t (x integer, y integer);
create view active_users as select id, email from users where loose > 0;
create view of_view as select id from active_users;
create materialized view stats as select status, count(*) as n from orders group by status;
create unique index stats_idx on stats (status);
create trigger users_touch before update on users for each row execute function touch();
create policy own on cities using (true);
create unlogged table fast (id integer);
create sequence seq;
create table gen (a integer, b integer generated always as (a * 2) stored, c integer generated always as identity);
create publication pub for table gen;
create table towns (id bigint primary key);
create unique index parent_x on parent_t (x);
create table stays (room int4range, during daterange);
create table aged (a integer, b integer);
create table regions (id bigint, city bigint) partition by list (id);
create table regions_1 partition of regions for values in (1);
-- since 18
alter table aged add constraint aged_later not null a not valid;
-- since 18
create table quarters (id bigint, town bigint) partition by list (id);
-- since 18
create table quarters_1 partition of quarters for values in (1);
-- since 18
alter table quarters add constraint quarters_later foreign key (town) references towns (id) not valid;
-- since 18
create table virt (a integer, b integer generated always as (a * 2) virtual);
-- since 18
create table loose (a integer constraint loose_check check (a < 100) not enforced, b bigint constraint loose_fk references towns (id) not enforced);
insert into cities values (1, 'a', 1), (2, 'b', 2);
insert into users (id, email, name, age, bio, amount, free, address, since, seen, flags, bits, st, k, span, code, tags, ci, proven, loose, part_of)
    select n, n || '@x', 'n' || n, n, 'bio', 1.5, 2.5, '10.0.0.0/8', now(), now(), b'00000000', b'01', 'ok', n, '1 s', 'ab', array['x'], 'c', n, n, n from generate_series(1, 21) n;
insert into orders select n, n, 1, 5, 'x', 'new' from generate_series(1, 20) n;
insert into items select n, n, 1 from generate_series(1, 10) n;
insert into events values (1, '2024-05-05', 1), (2, '1999-01-01', 1);
insert into events_2025 values (1, '2025-05-05', 1);
insert into events_2026 values (1, '2026-05-05', 1);
insert into parts values (1, 'a'), (2, 'b');
insert into parent_t values (1);
insert into child_t values (1, 1);
insert into lone_t values (1, 1);
insert into fast values (1);
insert into gen values (1);
insert into logs_1 values ('2026-05-05');
insert into logs_2 values ('2027-05-05');
insert into logs_def values ('1999-01-01');
insert into towns values (1), (2);
insert into stays values ('[1,2)', '[2026-01-01,2026-01-02)');
insert into aged values (1, 1);
insert into regions values (1, 1);
-- since 18
insert into virt values (1);
-- since 18
insert into loose values (1, 1);
-- since 18
insert into quarters values (1, 1);
