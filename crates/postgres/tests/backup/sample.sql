create schema app;
create type app.mood as enum ('sad', 'ok', 'happy');
create domain app.email as text check (value ~ '@');
create table app.users (
    id bigint generated always as identity primary key,
    email app.email unique not null,
    mood app.mood default 'ok',
    tags text[], profile jsonb, raw json, picture bytea,
    balance numeric, ratio double precision, seen timestamptz,
    shout text generated always as (upper(email::text)) stored
);
insert into app.users (email, mood, tags, profile, raw, picture, balance, ratio, seen)
select 'user' || n || '@example.org', (array['sad', 'ok', 'happy'])[1 + n % 3]::app.mood,
       array['a', 'b' || n, null], jsonb_build_object('n', n), '{"b": 1,  "a": 2}',
       decode(md5(n::text), 'hex'), n / 7.0, n / 3.0::float8, timestamptz '2024-02-29 12:00 UTC' + n * interval '1 hour'
  from generate_series(1, 500) n;
create table app.orders (id serial primary key, user_id bigint references app.users, placed date not null, note text)
;
create table app.events (at date not null, what text) partition by range (at);
create table app.events_2024 partition of app.events for values from ('2024-01-01') to ('2025-01-01');
create table app.events_rest partition of app.events default;
insert into app.events select date '2024-06-01' + n, 'event ' || n from generate_series(1, 400) n;
insert into app.orders (user_id, placed, note)
select n, date '2024-01-01' + n, 'a note with ''quotes'' and \backslashes' || n from generate_series(1, 300) n;
select setval('app.orders_id_seq', 4711);
create sequence app.countdown increment -3 minvalue -1000 maxvalue 0 start -1;
create materialized view app.moods as select mood, count(*) as users from app.users group by mood;
create unique index on app.moods (mood);
create view app.happy as select email from app.users where mood = 'happy';
create function app.touch() returns trigger language plpgsql as $$ begin new.note := coalesce(new.note, ''); return new; end $$;
create trigger touch before insert or update on app.orders for each row execute function app.touch();
create unlogged table app.cache (k text, v text);
insert into app.cache values ('k', 'v');
comment on table app.users is 'People';
select lo_from_bytea(424242, decode(repeat('c0ffee', 5000), 'hex'));
select lo_from_bytea(424243, 'another one');
alter table app.users enable row level security;
create policy mine on app.users for select using (email = current_user);
