-- Histories and files.

-- names type-change-rechecks-constraint
alter table public."items" alter "qty" set data type bigint;
ALTER TABLE items ADD COLUMN x int, ALTER COLUMN user_id TYPE numeric;
DO $$ BEGIN ALTER TABLE items ALTER qty TYPE bigint; END $$;

-- names type-change-drops-statistics
alter table public."users" alter "age" type bigint;
ALTER TABLE ONLY users ALTER COLUMN amount TYPE int;
BEGIN; ALTER TABLE users ALTER age TYPE bigint; COMMIT;

-- silent type-change-drops-statistics
ALTER TABLE users ALTER age TYPE bigint; ANALYZE users;

-- names drop-blocked
drop table if exists public."cities", users restrict;
DROP VIEW active_users; DROP TABLE items, nv; CREATE VIEW v AS SELECT id FROM users; /* next file */ DROP TABLE users;
ALTER TABLE orders DROP user_id;
DROP TYPE status;
DROP DOMAIN plain_int;
ALTER TABLE gen DROP COLUMN a;
CREATE TABLE t (id int PRIMARY KEY, up int REFERENCES t); ALTER TABLE t DROP COLUMN id;
DROP SCHEMA shop;
CREATE VIEW v AS SELECT * FROM events_2024; DROP TABLE events;

-- silent drop-blocked
DROP TABLE users CASCADE;
DROP TABLE parent_t, child_t;
DROP VIEW active_users; DROP TABLE items, nv, users;
DROP TABLE events;
CREATE TABLE t (id int PRIMARY KEY, up int REFERENCES t); DROP TABLE t;
ALTER TABLE users DROP COLUMN bio;
ALTER TABLE users DROP COLUMN st; DROP TYPE status;
ALTER TABLE gen DROP COLUMN b, DROP COLUMN a;
DROP TABLE never_seen;
DROP SCHEMA never_seen;
DO $$ BEGIN IF true THEN DROP TABLE users; END IF; END $$;
ALTER TABLE items DROP CONSTRAINT an_unknown_name, DROP CONSTRAINT items_user_id_fkey; ALTER TABLE nv DROP CONSTRAINT other_name; DROP VIEW active_users; DROP TABLE users;
SELECT drop_views('users'); DROP TABLE users;
DROP VIEW parent_t;

-- names type-change-blocked-by-view
alter table public."users" alter "email" type varchar(99);
ALTER TABLE orders ALTER COLUMN user_id TYPE numeric;
ALTER TABLE gen ALTER COLUMN a TYPE bigint;
DO $$ BEGIN ALTER TABLE users ALTER COLUMN email TYPE varchar(9); END $$;

-- silent type-change-blocked-by-view
DROP VIEW active_users; ALTER TABLE users ALTER COLUMN email TYPE varchar(99);
ALTER TABLE users ALTER COLUMN bio TYPE varchar(99);

-- names cached-plan-breakage
alter table public."users" alter age type bigint;
ALTER TABLE users DROP bio;
ALTER TABLE users ADD COLUMN x int, DROP COLUMN age;

-- names drop-table-with-fks
drop table if exists public."items";
DROP TABLE nn, nv;
DO $$ BEGIN DROP TABLE items CASCADE; END $$;

-- silent drop-table-with-fks
DROP TABLE nn;

-- names drop-recreate-table-force
drop table if exists public."cities" cascade; create table public.cities (id bigint primary key);
DROP TABLE cities; CREATE TABLE IF NOT EXISTS cities (id bigint PRIMARY KEY);
DROP TABLE IF EXISTS cities; CREATE TABLE cities AS SELECT 1 AS id;
BEGIN; DROP TABLE nn, cities; SELECT 1; CREATE UNLOGGED TABLE cities (id bigint PRIMARY KEY); COMMIT;

-- names migration-chain-conflict
ALTER TABLE users ADD COLUMN email text;
DROP TABLE child_t; ALTER TABLE child_t ADD COLUMN y int;
CREATE TABLE users (id bigint PRIMARY KEY);
ALTER TABLE users DROP COLUMN nothing_like_it;
ALTER TABLE users RENAME COLUMN email TO mail; UPDATE users SET email = 'a' WHERE id = 1;
CREATE INDEX CONCURRENTLY users_name_idx ON users (bio);
DROP INDEX CONCURRENTLY no_such_idx; DROP INDEX CONCURRENTLY users_name_idx; DROP INDEX CONCURRENTLY users_name_idx;
ALTER TABLE users ALTER COLUMN nothing_like_it SET NOT NULL;
CREATE INDEX CONCURRENTLY i ON users (nothing_like_it);
DROP VIEW active_users; DROP VIEW active_users;
CREATE TYPE status AS ENUM ('x');

-- silent migration-chain-conflict
ALTER TABLE users ADD COLUMN IF NOT EXISTS email text;
CREATE TABLE IF NOT EXISTS users (id bigint PRIMARY KEY);
DROP TABLE IF EXISTS no_such;
CREATE TABLE legacy.users (id bigint PRIMARY KEY);
ALTER TABLE users RENAME COLUMN email TO mail; UPDATE users SET mail = 'a' WHERE id = 1;

-- names unsupported-on-target-version version=13
ALTER TABLE logs DETACH PARTITION logs_2024 CONCURRENTLY;
CREATE FUNCTION g() RETURNS int STABLE RETURN 1;
MERGE INTO users u USING cities c ON u.id = c.id WHEN MATCHED THEN DELETE;
CREATE TABLE c (id bigint PRIMARY KEY, n int, UNIQUE NULLS NOT DISTINCT (n));
REINDEX (TABLESPACE fast) TABLE users;
CREATE VIEW v WITH (security_invoker = true) AS SELECT 1 AS a;

-- names unsupported-on-target-version version=15
ALTER TABLE orders ADD CONSTRAINT nn NOT NULL user_id NOT VALID;
CREATE TABLE c (id bigint PRIMARY KEY, d bigint GENERATED ALWAYS AS (id * 2));
SELECT count(*) FROM (SELECT 1);
ALTER TABLE gen ALTER COLUMN b SET EXPRESSION AS (a + 2);
SELECT JSON_ARRAYAGG(id) FROM users;

-- names syntax-error
ALTER TABEL users ADD COLUMN x int;
CREATE TABLE c (id bigint PRIMARY KEY,);
ALTER TABLE users ADD COLUMN `x` int;
CREATE TABLE c (id int AUTO_INCREMENT);
SELECT 'never closed;
DROP TABLE IF EXISTS;
ALTER TABLE users MODIFY COLUMN name varchar(10);
ALTER TABLE <%= schema %>.t ADD COLUMN x int;
CREATE TABLE c (id int) ENGINE=InnoDB DEFAULT CHARSET=utf8;
CREATE FUNCTION g() RETURNS int LANGUAGE sql AS $$ SELECT 1;

-- names unresolved-placeholder
ALTER TABLE :schema.t ADD COLUMN x int;
ALTER TABLE {{ .Schema }}.t ADD COLUMN x int;
ALTER TABLE ${schema}.t ADD COLUMN x int;
ALTER TABLE {{ index .Options "Namespace" }}.t ADD COLUMN x int;
ALTER TABLE %(schema)s.t ADD COLUMN x int;
ALTER TABLE __SCHEMA__.t ADD COLUMN ${column} int;

-- silent unresolved-placeholder
SELECT '{{ not one }}' AS "a", 'x'::text, '${no}';
SELECT id::bigint, ARRAY[1,2,3][1:2] FROM users;

-- names psql-only-syntax
\i other.sql
\set ON_ERROR_STOP on
\copy users FROM 'users.csv' csv

-- names empty-migration
SELECT 1; /* next file */ /* nothing */
SELECT 1; /* next file */ ;
SELECT 1; /* next file */ /* DROP TABLE users; */ ;;

-- names unused-suppression
/* switchback: allow drop-table because it is old */ SELECT 1;

-- names suppression-without-reason
/* switchback: allow drop-table */ DROP TABLE child_t;

-- names naming-convention
create table public."Foo" (id bigint primary key);
CREATE TABLE foo (id bigint PRIMARY KEY);
ALTER TABLE users RENAME TO person;
