-- Compatibility with running application code.

-- names rename-column
ALTER TABLE public."users" RENAME email TO "Mail";
alter table if exists only users rename column email to mail;
ALTER VIEW active_users RENAME COLUMN email TO mail;
DO $$ BEGIN ALTER TABLE users RENAME COLUMN email TO mail; END $$;
ALTER MATERIALIZED VIEW order_stats RENAME COLUMN n TO m;

-- names rename-column alone
ALTER TABLE a.b RENAME c TO d;

-- silent rename-column
CREATE TABLE fresh (id bigint PRIMARY KEY, n int); ALTER TABLE fresh RENAME n TO m;
ALTER TABLE users RENAME CONSTRAINT users_pkey TO users_pk;
ALTER TABLE users ADD COLUMN x int; ALTER TABLE users RENAME COLUMN x TO y;

-- names rename-table
alter table if exists public."users" rename to "People";
DO $$ BEGIN ALTER TABLE users RENAME TO people; END $$;
BEGIN; ALTER TABLE users RENAME TO users_old; ALTER TABLE cities RENAME TO users; COMMIT;

-- silent rename-table
CREATE TABLE fresh (id bigint PRIMARY KEY); ALTER TABLE fresh RENAME TO other;
ALTER INDEX users_name_idx RENAME TO other;

-- names rename-schema
alter schema "legacy" rename to "Old";
DO $$ BEGIN ALTER SCHEMA legacy RENAME TO old; END $$;
BEGIN; ALTER SCHEMA shop RENAME TO store; COMMIT;

-- names rename-object
ALTER TABLE users RENAME CONSTRAINT users_pkey TO "U";
alter sequence if exists public.seq rename to seq2;
ALTER TYPE status RENAME TO state;
ALTER FUNCTION f_add(int, int) RENAME TO f_plus;
ALTER MATERIALIZED VIEW order_stats RENAME TO stats;
ALTER DOMAIN posint RENAME TO positive;
ALTER TYPE pair RENAME ATTRIBUTE a TO c;
DO $$ BEGIN ALTER VIEW active_users RENAME TO live_users; END $$;
ALTER TRIGGER users_touch ON users RENAME TO t2;
ALTER POLICY docs_owner ON docs RENAME TO p;

-- names rename-enum-value
alter type public."status" rename value 'new' to 'fresh';
DO $$ BEGIN ALTER TYPE status RENAME VALUE 'new' TO 'fresh'; END $$;
BEGIN; ALTER TYPE status RENAME VALUE 'done' TO 'x'; COMMIT;

-- names enum-value-order
alter type public."status" add value if not exists 'late';
ALTER TYPE status ADD VALUE 'x';
DO $$ BEGIN ALTER TYPE status ADD VALUE 'x'; END $$;

-- silent enum-value-order
ALTER TYPE status ADD VALUE 'x' AFTER 'new';

-- names enum-value-used-in-transaction
START TRANSACTION; ALTER TYPE public.status ADD VALUE IF NOT EXISTS 'x' BEFORE 'new'; ALTER TABLE users ALTER st SET DEFAULT 'x'; COMMIT;
BEGIN; ALTER TYPE status ADD VALUE 'x'; INSERT INTO users (id, email, st) VALUES (1, 'a', 'x'); COMMIT;
DO $$ BEGIN ALTER TYPE status ADD VALUE 'x'; UPDATE users SET st = 'x' WHERE id = 1; END $$;
BEGIN; ALTER TYPE status ADD VALUE 'x'; SELECT 1 FROM users WHERE st = 'x'::status; COMMIT;

BEGIN; CREATE TYPE fresh AS ENUM ('a'); ALTER TYPE fresh ADD VALUE 'x'; CREATE TABLE t (f fresh DEFAULT 'x'); COMMIT;

-- silent enum-value-used-in-transaction version=17
BEGIN; CREATE TYPE fresh AS ENUM ('a'); ALTER TYPE fresh ADD VALUE 'x'; CREATE TABLE t (f fresh DEFAULT 'x'); COMMIT;
DO $$ BEGIN CREATE TYPE fresh AS ENUM ('a'); ALTER TYPE fresh ADD VALUE 'x'; CREATE TABLE t (f fresh DEFAULT 'x'); END $$;

-- silent enum-value-used-in-transaction
ALTER TYPE status ADD VALUE 'x'; UPDATE users SET st = 'x' WHERE id = 1;
BEGIN; ALTER TYPE status ADD VALUE 'x'; UPDATE users SET st = 'new' WHERE id = 1; COMMIT;

-- names enum-value-in-transaction-old-pg version=11
BEGIN; ALTER TYPE status ADD VALUE IF NOT EXISTS 'x' AFTER 'new'; COMMIT;
DO $$ BEGIN ALTER TYPE status ADD VALUE 'x'; END $$;

-- names enum-no-down
alter type public."status" add value if not exists 'x' after 'new';
ALTER TYPE status ADD VALUE 'x';
DO $$ BEGIN ALTER TYPE status ADD VALUE 'x'; END $$;

-- silent enum-no-down
CREATE TYPE fresh AS ENUM ('a'); ALTER TYPE fresh ADD VALUE 'b';

-- names set-schema
alter table if exists public."users" set schema "legacy";
ALTER VIEW active_users SET SCHEMA legacy;
ALTER FUNCTION f_add(int, int) SET SCHEMA legacy;
ALTER TYPE status SET SCHEMA legacy;
ALTER SEQUENCE seq SET SCHEMA legacy;
ALTER EXTENSION citext SET SCHEMA legacy;
DO $$ BEGIN ALTER TABLE users SET SCHEMA legacy; END $$;

-- names add-required-column
ALTER TABLE public."orders" ADD must int NOT NULL;
alter table if exists only orders add column a int, add column if not exists must text not null check (must <> '');
DO $$ BEGIN ALTER TABLE orders ADD COLUMN must text NOT NULL; END $$;
ALTER TABLE orders ADD COLUMN must text NOT NULL DEFAULT NULL;
ALTER TABLE bag ADD COLUMN id bigint PRIMARY KEY;

-- names add-required-column alone
ALTER TABLE a.b ADD COLUMN c uuid NOT NULL;

-- silent add-required-column
ALTER TABLE orders ADD COLUMN must text NOT NULL DEFAULT '';
ALTER TABLE orders ADD COLUMN must bigserial NOT NULL;
ALTER TABLE orders ADD COLUMN must bigint NOT NULL GENERATED ALWAYS AS IDENTITY;
ALTER TABLE orders ADD COLUMN must text;
CREATE TABLE fresh (id bigint PRIMARY KEY); ALTER TABLE fresh ADD COLUMN must text NOT NULL;

-- names set-default-change
alter table only public."items" alter "qty" set default 7;
ALTER TABLE items ADD COLUMN x int, ALTER qty SET DEFAULT 7;
DO $$ BEGIN ALTER TABLE items ALTER COLUMN qty SET DEFAULT 7; END $$;

-- names new-write-restriction
alter table public."orders" add check (status <> '') not valid;
ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES users NOT VALID;
ALTER TABLE orders ALTER COLUMN total SET NOT NULL;
DO $$ BEGIN ALTER TABLE orders ADD CONSTRAINT c CHECK (total > 0) NOT VALID; END $$;

-- silent new-write-restriction
ALTER TABLE users ADD CONSTRAINT u UNIQUE USING INDEX users_email_idx;

-- names change-function-signature
DROP FUNCTION IF EXISTS public.f_add(integer, integer); CREATE OR REPLACE FUNCTION public."f_add"(a int, b int, c int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a';
BEGIN; DROP FUNCTION f_add; CREATE FUNCTION f_add(a text) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'; COMMIT;

-- names alter-owner
alter table if exists public."users" owner to current_user;
ALTER FUNCTION f_add(int, int) OWNER TO app;
ALTER SCHEMA legacy OWNER TO "App";
REASSIGN OWNED BY app TO other;
ALTER VIEW active_users OWNER TO app;
ALTER SEQUENCE seq OWNER TO app;
ALTER TYPE status OWNER TO app;
ALTER DATABASE ada OWNER TO app;
DO $$ BEGIN ALTER TABLE users OWNER TO app; END $$;

-- names column-order-dependence
insert into public."cities" select id, email from users where id = 5;
INSERT INTO cities VALUES (1, 'a'), (2, 'b') ON CONFLICT DO NOTHING;
WITH x AS (SELECT 1, 'a') INSERT INTO cities TABLE x;
DO $$ BEGIN INSERT INTO cities VALUES (1, 'a'); END $$;

-- silent column-order-dependence
INSERT INTO cities (id, name) VALUES (1, 'a');
INSERT INTO cities DEFAULT VALUES;

-- names select-star-in-view
create or replace view public."V" as select u.* from users u;
CREATE MATERIALIZED VIEW v AS SELECT *, 1 AS one FROM users;
CREATE VIEW v AS WITH x AS (SELECT id FROM users) SELECT * FROM users;

-- silent select-star-in-view
CREATE VIEW v AS SELECT count(*) FROM users;
