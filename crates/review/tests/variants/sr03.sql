-- Indexes.

-- names create-index-blocking
create unique index if not exists "I" on public."users" using btree (lower(email) desc nulls last) where age > 5;
CREATE INDEX ON users (age) INCLUDE (bio);
BEGIN; SET LOCAL lock_timeout = '1s'; CREATE INDEX i ON ONLY users (age); COMMIT;
DO $$ BEGIN CREATE INDEX i ON users (age); END $$;
CREATE INDEX i ON events (user_id);
CREATE INDEX i ON users USING gin (to_tsvector('english', bio));
CREATE INDEX i ON order_stats (n);
CREATE INDEX i ON shop."Order" ("userId");

-- names create-index-blocking alone
CREATE INDEX i ON somewhere.unseen (x);

-- silent create-index-blocking
CREATE INDEX CONCURRENTLY i ON users (age);
CREATE MATERIALIZED VIEW m AS SELECT 1 AS a; CREATE UNIQUE INDEX ON m (a);
CREATE TABLE fresh (id bigint PRIMARY KEY, n int); CREATE INDEX ON public.fresh (n);
CREATE TABLE fresh AS SELECT * FROM users WITH NO DATA; CREATE INDEX ON fresh (id);
SELECT 1 AS a INTO fresh; CREATE INDEX ON fresh (a);

-- names drop-index-blocking
drop index if exists public."users_name_idx" cascade;
DROP INDEX users_name_idx, users_email_idx RESTRICT;
DO $$ BEGIN DROP INDEX users_name_idx; END $$;
BEGIN; DROP INDEX users_name_idx; COMMIT;

-- names drop-index-blocking alone
DROP INDEX IF EXISTS never_seen;

-- silent drop-index-blocking
DROP INDEX CONCURRENTLY IF EXISTS users_name_idx;
CREATE TABLE fresh (id bigint PRIMARY KEY, n int); CREATE INDEX i ON fresh (n); DROP INDEX i;

-- names reindex-blocking
REINDEX INDEX public.users_name_idx;
reindex (verbose) schema public;
REINDEX DATABASE;
REINDEX (TABLESPACE fast) TABLE "users";
REINDEX SYSTEM ada;

-- silent reindex-blocking
REINDEX INDEX CONCURRENTLY users_name_idx;
REINDEX (CONCURRENTLY) TABLE users;
REINDEX (CONCURRENTLY true, VERBOSE) TABLE users;

-- names concurrently-in-transaction
START TRANSACTION; CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON users (age); COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE; REINDEX INDEX CONCURRENTLY users_name_idx; END;
BEGIN WORK; REINDEX (CONCURRENTLY) TABLE users; COMMIT WORK;
DO $$ BEGIN CREATE INDEX CONCURRENTLY i ON users (age); END $$;

-- names concurrently-in-transaction wrapped
create index concurrently on users (age);

-- names concurrently-in-transaction
BEGIN; ALTER TABLE logs DETACH PARTITION logs_2024 CONCURRENTLY; COMMIT;

-- silent concurrently-in-transaction
BEGIN; SELECT 1; COMMIT; CREATE INDEX CONCURRENTLY i ON users (age);

-- names concurrently-drop-in-transaction
begin transaction; drop index concurrently if exists public.users_name_idx; commit;
DO $$ BEGIN DROP INDEX CONCURRENTLY users_name_idx; END $$;

-- names concurrently-drop-in-transaction wrapped
DROP INDEX CONCURRENTLY "users_name_idx";

-- silent concurrently-drop-in-transaction
DROP INDEX CONCURRENTLY users_name_idx;

-- names concurrently-on-partitioned
create unique index concurrently if not exists i on public."events" (id, at);
CREATE INDEX CONCURRENTLY ON events USING brin (at);
CREATE TABLE p (id bigint, at date) PARTITION BY LIST (at); CREATE INDEX CONCURRENTLY i ON p (id);

-- silent concurrently-on-partitioned
CREATE INDEX CONCURRENTLY i ON events_2024 (id);
CREATE INDEX i ON ONLY events (id);

-- names concurrently-unguarded
create unique index concurrently "I" on public.users (bio);
CREATE INDEX CONCURRENTLY i ON users USING gin (to_tsvector('english', bio));

-- silent concurrently-unguarded
DROP INDEX CONCURRENTLY IF EXISTS i; CREATE INDEX CONCURRENTLY i ON users (bio);

-- names concurrently-if-not-exists-invalid
create unique index concurrently if not exists "I" on public.users (bio);
CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY users (bio) WHERE age > 1;

-- silent concurrently-if-not-exists-invalid
DROP INDEX CONCURRENTLY IF EXISTS i; CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON users (bio);

-- names unique-index-data-dependent
CREATE UNIQUE INDEX u ON public."users" (lower(bio));
create unique index concurrently if not exists u on users (bio, age) where age > 1;
DO $$ BEGIN CREATE UNIQUE INDEX u ON users (bio) NULLS NOT DISTINCT; END $$;

-- silent unique-index-data-dependent
CREATE TABLE fresh (id bigint PRIMARY KEY, n int); CREATE UNIQUE INDEX ON fresh (n);
CREATE UNIQUE INDEX CONCURRENTLY u ON users (id, bio);

-- names hash-index
create index concurrently on public.users using HASH (bio);
CREATE TABLE fresh (id bigint PRIMARY KEY, n text); CREATE INDEX ON fresh USING hash (n);
CREATE INDEX h ON users USING hash (lower(email)) WHERE age > 1;

-- names wide-index
CREATE INDEX CONCURRENTLY w ON public.orders (user_id, city_id, lower(status), created_at);
create index w on orders using btree (id, user_id, city_id, total, note);
CREATE TABLE fresh (a int, b int, c int, d int); CREATE INDEX ON fresh (a, b, c, d);

-- silent wide-index
CREATE UNIQUE INDEX CONCURRENTLY w ON orders (user_id, city_id, status, created_at);
CREATE INDEX CONCURRENTLY w ON orders (user_id, city_id) INCLUDE (status, created_at);

-- names duplicate-index
CREATE INDEX CONCURRENTLY i ON public.users USING btree (name);
create index concurrently "I" on users (name asc nulls last);
CREATE INDEX CONCURRENTLY i ON users (id);

-- silent duplicate-index
CREATE INDEX CONCURRENTLY i ON users (name) WHERE age > 1;
CREATE INDEX CONCURRENTLY i ON users USING hash (name);
CREATE INDEX CONCURRENTLY i ON users (name text_pattern_ops);

-- names redundant-index
CREATE INDEX CONCURRENTLY i ON public.gen USING btree (id);
CREATE INDEX CONCURRENTLY a ON users (age, bio); CREATE INDEX CONCURRENTLY b ON users (age);
CREATE TABLE fresh (a int, b int, PRIMARY KEY (a, b)); CREATE INDEX ON fresh (a);

-- silent redundant-index
CREATE INDEX CONCURRENTLY i ON gen (a);
CREATE UNIQUE INDEX CONCURRENTLY i ON gen (id);

-- names replacing-index
DROP INDEX IF EXISTS public.users_name_idx; CREATE INDEX users_name_idx ON users (name, age);
DROP INDEX CONCURRENTLY users_name_idx; CREATE INDEX CONCURRENTLY users_name_idx2 ON users (name, age);
BEGIN; DROP INDEX users_email_idx; CREATE UNIQUE INDEX users_email_idx ON users (lower(email)); COMMIT;

-- silent replacing-index
CREATE INDEX CONCURRENTLY users_name2 ON users (name, age); DROP INDEX CONCURRENTLY users_name_idx;

-- names index-on-volatile-expression
CREATE INDEX CONCURRENTLY i ON public.users ((f_add(age, 1) + 2));
create unique index concurrently i on users (age) where f_add(age, 1) > 5;
CREATE INDEX CONCURRENTLY i ON users (legacy.norm(email));

-- silent index-on-volatile-expression
CREATE INDEX CONCURRENTLY i ON users (lower(email), (coalesce(age, 0)));
CREATE INDEX CONCURRENTLY i ON users (date_trunc('day', created_at), md5(bio));

-- names refresh-matview-blocking
refresh materialized view public."order_stats" with data;
DO $$ BEGIN REFRESH MATERIALIZED VIEW order_stats; END $$;
REFRESH MATERIALIZED VIEW order_stats WITH NO DATA;

-- silent refresh-matview-blocking
REFRESH MATERIALIZED VIEW CONCURRENTLY order_stats;
CREATE MATERIALIZED VIEW m AS SELECT 1 AS a WITH NO DATA; REFRESH MATERIALIZED VIEW m;

-- names refresh-matview-concurrently
refresh materialized view concurrently public.order_stats;
REFRESH MATERIALIZED VIEW CONCURRENTLY order_stats WITH DATA;
DO $$ BEGIN REFRESH MATERIALIZED VIEW CONCURRENTLY order_stats; END $$;

-- names refresh-matview-without-key
create materialized view m as select 1 as a; refresh materialized view concurrently public."m";
CREATE MATERIALIZED VIEW m AS SELECT 1 AS a; CREATE INDEX ON m (a); /* next file */ REFRESH MATERIALIZED VIEW CONCURRENTLY m WITH DATA;
CREATE MATERIALIZED VIEW m AS SELECT 1 AS a; CREATE UNIQUE INDEX ON m (a) WHERE a > 0; REFRESH MATERIALIZED VIEW CONCURRENTLY m;

-- silent refresh-matview-without-key
REFRESH MATERIALIZED VIEW CONCURRENTLY order_stats;
REFRESH MATERIALIZED VIEW CONCURRENTLY never_seen;
CREATE MATERIALIZED VIEW m AS SELECT 1 AS a; CREATE UNIQUE INDEX ON m (a); ALTER MATERIALIZED VIEW m RENAME TO n; /* next file */ REFRESH MATERIALIZED VIEW CONCURRENTLY n;

-- names alter-index-set-tablespace
alter index if exists public."users_name_idx" set tablespace fast;
ALTER INDEX ALL IN TABLESPACE pg_default OWNED BY app SET TABLESPACE fast;
DO $$ BEGIN ALTER INDEX users_name_idx SET TABLESPACE fast; END $$;
