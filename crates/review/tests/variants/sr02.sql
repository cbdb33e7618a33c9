-- Table rewrites.

-- names type-change-rewrite
alter table public."users" alter "age" set data type int8;
ALTER TABLE users ALTER age TYPE numeric(10), ALTER bio TYPE varchar(5);
ALTER TABLE ONLY shop."Order" ALTER COLUMN n TYPE bigint;
DO $$ BEGIN IF true THEN ALTER TABLE users ALTER COLUMN age TYPE bigint; END IF; END $$;
BEGIN; ALTER TABLE users ALTER COLUMN amount TYPE numeric(12, 4); COMMIT;
ALTER TABLE users ALTER COLUMN age TYPE text;
ALTER TABLE events ALTER COLUMN user_id TYPE numeric;
ALTER TABLE IF EXISTS users ALTER COLUMN meta TYPE jsonb USING meta::jsonb;
ALTER TABLE users ALTER COLUMN st TYPE text;

-- names type-change-narrowing
ALTER TABLE users ALTER COLUMN bio TYPE char(10);
ALTER TABLE items ALTER qty TYPE smallint;

-- silent type-change-rewrite
ALTER TABLE users ALTER COLUMN name TYPE varchar;
ALTER TABLE users ALTER COLUMN name SET DATA TYPE character varying(60);
ALTER TABLE users ALTER COLUMN bio TYPE varchar;
ALTER TABLE users ALTER COLUMN name TYPE text USING name::text;
ALTER TABLE users ALTER COLUMN amount TYPE numeric;
ALTER TABLE users ALTER COLUMN amount TYPE decimal(20, 2);
ALTER TABLE users ALTER COLUMN addr TYPE inet;
ALTER TABLE users ALTER COLUMN nick TYPE text;
ALTER TABLE users ALTER COLUMN points TYPE int;
ALTER TABLE users ALTER COLUMN age TYPE integer;
SET TIME ZONE 'UTC'; ALTER TABLE users ALTER COLUMN created_at TYPE timestamptz;
ALTER TABLE users ALTER COLUMN seen_at TYPE timestamptz(6);
CREATE TABLE fresh (id bigint PRIMARY KEY, n int); ALTER TABLE fresh ALTER n TYPE bigint;

-- names type-change-narrowing
alter table "users" alter column "name" type varchar(10);
ALTER TABLE users ALTER amount SET DATA TYPE numeric(8, 2);
ALTER TABLE items ALTER COLUMN qty TYPE smallint USING qty::smallint;
DO $$ BEGIN ALTER TABLE users ALTER COLUMN bio TYPE varchar(100); END $$;
ALTER TABLE users ALTER COLUMN owner_id TYPE int;

-- silent type-change-narrowing
ALTER TABLE users ALTER COLUMN name TYPE varchar(51);
ALTER TABLE users ALTER COLUMN amount TYPE numeric(11, 2);

-- names type-change-lossy
alter table public.users alter amount type bigint;
ALTER TABLE users ALTER COLUMN created_at TYPE date;
ALTER TABLE users ALTER COLUMN amount TYPE numeric(10, 1);
ALTER TABLE users ALTER COLUMN amount TYPE float8, ADD COLUMN x int;
DO $$ BEGIN ALTER TABLE users ALTER COLUMN seen_at TYPE timestamptz(0); END $$;
ALTER TABLE users ALTER COLUMN seen_at TYPE date USING seen_at::date;

-- silent type-change-lossy
ALTER TABLE users ALTER COLUMN age TYPE bigint;

-- names type-change-using
alter table users alter column bio set data type int using length(bio);
ALTER TABLE "users" ALTER age TYPE text USING CASE WHEN age > 5 THEN 'old' ELSE 'young' END;
DO $$ BEGIN ALTER TABLE users ALTER COLUMN meta TYPE jsonb USING to_jsonb(meta); END $$;

-- silent type-change-using
ALTER TABLE users ALTER COLUMN name TYPE text USING name::text;
ALTER TABLE users ALTER COLUMN name TYPE text USING name;
ALTER TABLE users ALTER COLUMN name TYPE text USING CAST(name AS text);

-- names type-change-rebuilds-index
ALTER TABLE users ALTER COLUMN email TYPE text COLLATE "C";
alter table public.users alter name type text collate pg_catalog."C";
DO $$ BEGIN ALTER TABLE users ALTER COLUMN name TYPE varchar(50) COLLATE "de_DE"; END $$;

-- silent type-change-rebuilds-index
ALTER TABLE users ALTER COLUMN bio TYPE text COLLATE "C";
ALTER TABLE users ALTER COLUMN name TYPE text;

-- names type-change-timestamp-timezone
alter table users alter created_at set data type timestamp with time zone;
ALTER TABLE users ALTER COLUMN created_at TYPE timestamptz USING created_at AT TIME ZONE 'Europe/Berlin';
ALTER TABLE "users" ALTER seen_at TYPE timestamp;
DO $$ BEGIN ALTER TABLE users ALTER COLUMN created_at TYPE timestamptz; END $$;

-- silent type-change-timestamp-timezone
SET timezone = 'UTC'; ALTER TABLE users ALTER COLUMN created_at TYPE timestamptz;
SET LOCAL TIME ZONE 'UTC'; ALTER TABLE users ALTER COLUMN age TYPE bigint;

-- names add-column-volatile-default
alter table only users add if not exists token uuid not null default uuid_generate_v4();
ALTER TABLE users ADD COLUMN a int, ADD COLUMN r float8 DEFAULT random();
ALTER TABLE public.users ADD COLUMN t timestamptz DEFAULT clock_timestamp();
ALTER TABLE users ADD COLUMN t text DEFAULT 'x' || substr(md5(random()::text), 1, 5);
ALTER TABLE users ADD COLUMN n bigint DEFAULT nextval('seq');
DO $$ BEGIN ALTER TABLE users ADD COLUMN token uuid DEFAULT pg_catalog.gen_random_uuid(); END $$;
ALTER TABLE users ADD COLUMN token text DEFAULT gen_random_uuid()::text;
ALTER TABLE users ADD COLUMN t timestamp DEFAULT (timeofday())::timestamp;

-- silent add-column-volatile-default
ALTER TABLE users ADD COLUMN t timestamptz DEFAULT now() + interval '1 day';
ALTER TABLE users ADD COLUMN t timestamptz DEFAULT CURRENT_TIMESTAMP, ADD COLUMN d date DEFAULT CURRENT_DATE;
ALTER TABLE users ADD COLUMN j jsonb DEFAULT '{}'::jsonb NOT NULL;
ALTER TABLE users ADD COLUMN s int DEFAULT f_add(1, 2);
ALTER TABLE users ALTER COLUMN bio SET DEFAULT gen_random_uuid();
CREATE TABLE fresh (id uuid DEFAULT gen_random_uuid() PRIMARY KEY); ALTER TABLE fresh ADD COLUMN t uuid DEFAULT gen_random_uuid();

-- names add-column-serial
ALTER TABLE orders ADD n serial;
alter table if exists public.orders add column if not exists n smallserial not null, add column x int;
ALTER TABLE orders ADD COLUMN n serial8 UNIQUE;
DO $$ BEGIN ALTER TABLE orders ADD COLUMN n SERIAL4; END $$;

-- silent add-column-serial
CREATE TABLE fresh (id bigserial PRIMARY KEY);

-- names add-column-identity
ALTER TABLE orders ADD n int GENERATED BY DEFAULT AS IDENTITY (START WITH 5);
alter table "orders" add column if not exists n bigint generated always as identity primary key;
DO $$ BEGIN ALTER TABLE orders ADD COLUMN x int, ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY; END $$;

-- silent add-column-identity
ALTER TABLE orders ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;

-- names add-column-generated-stored
ALTER TABLE users ADD l int GENERATED ALWAYS AS (length(bio)) STORED NOT NULL;
alter table only public.users add column if not exists v tsvector generated always as (to_tsvector('english', bio)) stored;
DO $$ BEGIN ALTER TABLE users ADD COLUMN x int, ADD COLUMN l int GENERATED ALWAYS AS (age * 2) STORED; END $$;

-- silent add-column-generated-stored
CREATE TABLE fresh (id bigint PRIMARY KEY, d bigint GENERATED ALWAYS AS (id * 2) STORED);

-- silent add-column-generated-stored version=18
ALTER TABLE users ADD COLUMN l int GENERATED ALWAYS AS (age * 2) VIRTUAL;

-- names add-column-constrained-domain
ALTER TABLE orders ADD k public.posint;
alter table only "orders" add column if not exists k posint not null default 5, add column x int;
DO $$ BEGIN ALTER TABLE orders ADD COLUMN k posint DEFAULT 1; END $$;

-- silent add-column-constrained-domain
ALTER TABLE orders ADD COLUMN k plain_int DEFAULT 1;

-- names set-logged-unlogged alone
alter table public."cities" set logged;

-- silent set-logged-unlogged
ALTER TABLE cities SET LOGGED;

-- names set-logged-unlogged
ALTER TABLE IF EXISTS ONLY "cities" SET UNLOGGED;
ALTER TABLE cities ADD COLUMN x int, SET UNLOGGED;
DO $$ BEGIN ALTER TABLE cities SET UNLOGGED; END $$;

-- names set-access-method
alter table if exists "cities" set access method columnar;
ALTER TABLE cities ADD COLUMN x int, SET ACCESS METHOD heap;
ALTER MATERIALIZED VIEW order_stats SET ACCESS METHOD heap2;

-- names set-tablespace
alter table only users set tablespace "Fast";
ALTER TABLE ALL IN TABLESPACE pg_default SET TABLESPACE fast NOWAIT;
ALTER TABLE users SET (fillfactor = 70), SET TABLESPACE fast;
ALTER MATERIALIZED VIEW order_stats SET TABLESPACE fast;

-- names vacuum-full
VACUUM FULL;
vacuum (full, analyze) public.users, orders;
VACUUM FULL FREEZE VERBOSE users;
VACUUM (FULL true) users;

-- silent vacuum-full
VACUUM (FULL false) users;
VACUUM (ANALYZE) users;

-- names cluster
CLUSTER;
CLUSTER VERBOSE users;
cluster (verbose) public."users" using users_name_idx;
CLUSTER users_name_idx ON users;

-- names create-table-as
CREATE UNLOGGED TABLE c AS TABLE users;
SELECT * INTO c FROM users WHERE id > 5;
create table if not exists public."C" as with u as (select * from users) select u.* from u;
DO $$ BEGIN CREATE TABLE c AS SELECT id FROM users; END $$;

-- silent create-table-as
CREATE TEMP TABLE c AS SELECT * FROM users WHERE id = 1;
CREATE TABLE c AS SELECT * FROM users WITH NO DATA;
CREATE TABLE c (LIKE users);
CREATE TABLE c AS SELECT 1 AS id;
