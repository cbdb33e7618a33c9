-- Data loss.

-- names drop-table
drop table if exists public."cities" restrict;
DROP TABLE nn, child_t;
DROP FOREIGN TABLE remote;
BEGIN; ALTER TABLE orders ADD COLUMN x int; DROP TABLE child_t; COMMIT;
DO $$ BEGIN DROP TABLE IF EXISTS child_t; END $$;
DO $$ BEGIN EXECUTE 'DROP TABLE child_t'; END $$;

-- names drop-table alone
DROP TABLE IF EXISTS somewhere.unseen;

-- silent drop-table
CREATE TABLE fresh (id bigint PRIMARY KEY); DROP TABLE public.fresh;
CREATE TEMP TABLE users (id int); DROP TABLE users;
CREATE TEMP TABLE scratch (id int); DROP TABLE pg_temp.scratch;
COMMENT ON TABLE users IS 'DROP TABLE users';

-- names drop-column
ALTER TABLE public."users" DROP bio;
alter table if exists only users add column x int, drop column if exists "bio" cascade;
DO $$ BEGIN ALTER TABLE users DROP COLUMN bio; END $$;
ALTER TABLE events DROP COLUMN user_id;
DO $$ BEGIN EXECUTE 'ALTER TABLE users DROP COLUMN bio'; END $$;

-- names drop-column alone
ALTER TABLE somewhere.unseen DROP COLUMN IF EXISTS c;

-- silent drop-column
CREATE TABLE fresh (id bigint PRIMARY KEY, n int); ALTER TABLE fresh DROP COLUMN n;
ALTER TABLE users ADD COLUMN x int; ALTER TABLE users DROP COLUMN x;

-- names drop-schema
drop schema if exists "legacy", shop cascade;
DROP SCHEMA legacy RESTRICT;
DO $$ BEGIN DROP SCHEMA legacy CASCADE; END $$;

-- names drop-database
drop database if exists "Other" with (force);
DROP DATABASE other (FORCE);
DROP DATABASE public_other;

-- names drop-cascade
drop type if exists public.status cascade;
ALTER TABLE users DROP COLUMN email CASCADE;
ALTER TABLE users DROP CONSTRAINT users_pkey CASCADE;
DROP FUNCTION touch() CASCADE;
DROP VIEW active_users CASCADE;
DROP SEQUENCE seq CASCADE;
DROP DOMAIN posint CASCADE;
DO $$ BEGIN DROP TABLE users CASCADE; END $$;

-- names drop-type
drop type if exists public."status", pair restrict;
DROP DOMAIN posint;
DO $$ BEGIN DROP TYPE pair; END $$;

-- silent drop-type
CREATE TYPE fresh AS ENUM ('a'); DROP TYPE fresh;

-- names drop-sequence
drop sequence if exists public."seq" cascade;
DROP SEQUENCE seq, other_seq;
DO $$ BEGIN DROP SEQUENCE seq; END $$;

-- names drop-extension
drop extension if exists "citext";
DROP EXTENSION citext, hstore RESTRICT;
DO $$ BEGIN DROP EXTENSION citext CASCADE; END $$;

-- names drop-materialized-view
drop materialized view if exists public."order_stats" cascade;
DROP MATERIALIZED VIEW order_stats, other_stats;
DO $$ BEGIN DROP MATERIALIZED VIEW order_stats; END $$;

-- names drop-owned
drop owned by "App", other cascade;
DROP OWNED BY CURRENT_USER;
DO $$ BEGIN DROP OWNED BY app; END $$;

-- names drop-role
drop user if exists "App";
DROP GROUP app, other;
DO $$ BEGIN DROP ROLE app; END $$;

-- names drop-tablespace
drop tablespace if exists "Fast";
DROP TABLESPACE fast;
DROP TABLESPACE IF EXISTS slow;

-- names drop-policy
drop policy if exists "docs_owner" on public.docs cascade;
BEGIN; DROP POLICY docs_owner ON docs; COMMIT;
DO $$ BEGIN DROP POLICY docs_owner ON docs; END $$;

-- names drop-publication
drop publication if exists "pub", other cascade;
DROP PUBLICATION pub RESTRICT;
DO $$ BEGIN DROP PUBLICATION pub; END $$;

-- names truncate
TRUNCATE TABLE ONLY public."cities" RESTART IDENTITY;
truncate orders, bag continue identity restrict;
DO $$ BEGIN TRUNCATE cities; END $$;
BEGIN; TRUNCATE events; COMMIT;

-- silent truncate
CREATE TEMP TABLE scratch (id int); TRUNCATE scratch;
CREATE TABLE fresh (id bigint PRIMARY KEY); TRUNCATE fresh;

-- names truncate-cascade
TRUNCATE TABLE public."users" RESTART IDENTITY CASCADE;
truncate orders, users cascade;
DO $$ BEGIN TRUNCATE users CASCADE; END $$;

-- names delete-without-where
delete from only public."items" as i;
DELETE FROM items USING users;
WITH gone AS (DELETE FROM items RETURNING *) SELECT count(*) FROM gone;
DO $$ BEGIN DELETE FROM items; END $$;
BEGIN; DELETE FROM items RETURNING id; COMMIT;

-- silent delete-without-where
DELETE FROM items WHERE id = 5;
CREATE TEMP TABLE scratch (id int); DELETE FROM scratch;

-- names delete-always-true
DELETE FROM items WHERE true;
delete from public.items where 1=1 or id > 5;
UPDATE items SET qty = 0 WHERE 'a' = 'a';
DELETE FROM items WHERE NOT false;
DELETE FROM items WHERE id = id OR true;
DO $$ BEGIN DELETE FROM items WHERE TRUE; END $$;

-- silent delete-always-true
DELETE FROM items WHERE 1 = 1 AND id = 5;
DELETE FROM items WHERE false;

-- names update-without-where
update only public."users" as u set (name, bio) = ('a', 'b');
UPDATE users SET email = u2.email FROM users u2;
WITH x AS (SELECT 1) UPDATE users SET age = age + 1;
WITH changed AS (UPDATE users SET age = 1 RETURNING id) SELECT * FROM changed;
DO $$ BEGIN UPDATE users SET age = 0; END $$;

-- silent update-without-where
UPDATE users SET age = 0 WHERE id = 5;
CREATE TABLE fresh (id bigint PRIMARY KEY, n int); UPDATE fresh SET n = 1;

-- names update-drops-values
update public."users" set name = 'x', bio = NULL where id = 5;
UPDATE users SET (name, bio) = ('a', NULL) WHERE id > 5;
DO $$ BEGIN UPDATE users SET bio = NULL WHERE id > 5; END $$;
UPDATE users SET bio = NULL::text WHERE id = 1;

-- silent update-drops-values
UPDATE users SET bio = '' WHERE id = 5;
ALTER TABLE users ADD COLUMN x int; UPDATE users SET x = NULL WHERE id = 5;

-- names drop-not-null
alter table only public."orders" alter "note" drop not null;
ALTER TABLE orders ADD COLUMN x int, ALTER COLUMN note DROP NOT NULL;
DO $$ BEGIN ALTER TABLE orders ALTER COLUMN note DROP NOT NULL; END $$;

-- names drop-default
alter table only public."items" alter "qty" drop default;
ALTER TABLE items ADD COLUMN x int, ALTER qty DROP DEFAULT;
DO $$ BEGIN ALTER TABLE items ALTER COLUMN qty DROP DEFAULT; END $$;

-- names drop-identity-or-expression
alter table public."gen" alter n drop identity if exists;
ALTER TABLE gen ALTER COLUMN b DROP EXPRESSION IF EXISTS, ADD COLUMN x int;
DO $$ BEGIN ALTER TABLE gen ALTER COLUMN n DROP IDENTITY; END $$;

-- names backfill-without-default-kept
UPDATE public.orders o SET note = coalesce(o.status, '') WHERE o.id > 0; ALTER TABLE "orders" DROP status;
ALTER TABLE orders ADD COLUMN state text; UPDATE orders SET state = upper(status); ALTER TABLE orders DROP COLUMN status;
BEGIN; UPDATE orders SET note = status WHERE status IS NOT NULL; ALTER TABLE orders ADD COLUMN x int, DROP COLUMN IF EXISTS status; COMMIT;

-- silent backfill-without-default-kept
UPDATE orders SET note = 'x' WHERE id > 0; ALTER TABLE orders DROP COLUMN status;
