-- Locks, transactions, timeouts.

-- names missing-lock-timeout
alter table only public."users" add column x int;
DROP INDEX CONCURRENTLY i; LOCK TABLE users IN EXCLUSIVE MODE;
SET lock_timeout = 0; ALTER TABLE users ADD COLUMN x int;
BEGIN; SET LOCAL lock_timeout = '1s'; COMMIT; ALTER TABLE users ADD COLUMN x int;
SET lock_timeout = '1s'; RESET lock_timeout; ALTER TABLE users ADD COLUMN x int;
SET lock_timeout TO DEFAULT; CREATE TRIGGER t BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();

-- silent missing-lock-timeout
SET lock_timeout = '2s'; ALTER TABLE users ADD COLUMN x int;
BEGIN; SET LOCAL lock_timeout TO 2000; ALTER TABLE users ADD COLUMN x int; COMMIT;
SELECT set_config('lock_timeout', '2s', false); ALTER TABLE users ADD COLUMN x int;
CREATE TABLE fresh (id bigint PRIMARY KEY);

-- names missing-statement-timeout
create index concurrently i on public.users (age);
ALTER TABLE orders VALIDATE CONSTRAINT c;
SET statement_timeout = 0; UPDATE users SET age = 1;

-- silent missing-statement-timeout
SET statement_timeout = '1h'; CREATE INDEX CONCURRENTLY i ON users (age);

-- names missing-idle-timeout
start transaction; alter table public.users add x int; commit;
BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE; COMMIT;
BEGIN; SET LOCAL lock_timeout = '1s'; DROP TABLE child_t; COMMIT;

-- silent missing-idle-timeout
SET idle_in_transaction_session_timeout = '5s'; BEGIN; ALTER TABLE users ADD COLUMN x int; COMMIT;

-- names timeout-order
SET statement_timeout = 1000; SET lock_timeout = '5s'; ALTER TABLE users ADD COLUMN x int;
BEGIN; SET LOCAL lock_timeout TO '1min'; SET LOCAL statement_timeout TO '30s'; ALTER TABLE users ADD COLUMN x int; COMMIT;
SET lock_timeout = '5s'; SET statement_timeout = '5s'; ALTER TABLE users ADD COLUMN x int;

-- silent timeout-order
SET lock_timeout = '2s'; SET statement_timeout = '5min'; ALTER TABLE users ADD COLUMN x int;

-- names set-without-local
BEGIN; SET SESSION statement_timeout TO 5000; ALTER TABLE users ADD COLUMN x int; COMMIT;
BEGIN; SET search_path TO legacy, public; SELECT 1; COMMIT;

BEGIN; SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; SET timezone = 'UTC'; COMMIT;

-- silent set-without-local
BEGIN; SET LOCAL lock_timeout = '2s'; ALTER TABLE users ADD COLUMN x int; COMMIT;

-- names statement-after-access-exclusive
START TRANSACTION; ALTER TABLE public."users" ADD x int; SELECT * FROM orders WHERE id > 5 ORDER BY total; END;
BEGIN; TRUNCATE cities; INSERT INTO cities SELECT id, email FROM users; COMMIT;
BEGIN; DROP TRIGGER users_touch ON users; CREATE INDEX i ON orders (total); COMMIT;

-- silent statement-after-access-exclusive
BEGIN; ALTER TABLE users ADD COLUMN x int; COMMENT ON COLUMN users.x IS 'y'; COMMIT;
BEGIN; ALTER TABLE users ADD COLUMN x int; COMMIT; SELECT count(*) FROM orders;
ALTER TABLE users ADD COLUMN x int; SELECT count(*) FROM orders;

-- names ddl-and-dml-in-one-transaction
START TRANSACTION; ALTER TABLE public."users" ADD x int, ADD y int; UPDATE ONLY users SET x = age; END;
BEGIN; ALTER TABLE users ADD COLUMN x int; WITH u AS (SELECT id FROM users) UPDATE users SET x = 1 FROM u WHERE u.id = users.id; COMMIT;
BEGIN; ALTER TABLE orders ADD COLUMN x int; DELETE FROM orders WHERE total IS NULL; COMMIT;
DO $$ BEGIN ALTER TABLE users ADD COLUMN x int; UPDATE users SET x = 1; END $$;

-- names ddl-and-dml-in-one-transaction wrapped
ALTER TABLE users ADD COLUMN x int; UPDATE users SET x = 1;

-- silent ddl-and-dml-in-one-transaction
BEGIN; ALTER TABLE users ADD COLUMN x int; COMMIT; UPDATE users SET x = 1;
BEGIN; CREATE TABLE fresh (id bigint PRIMARY KEY, n int); INSERT INTO fresh (id) VALUES (1); UPDATE fresh SET n = 1; COMMIT;

-- names multiple-alter-table
alter table orders alter user_id set not null; alter table public."orders" alter city_id set not null;
ALTER TABLE users ALTER age TYPE bigint; ALTER TABLE ONLY users ALTER owner_id TYPE numeric;
BEGIN; ALTER TABLE orders ADD CHECK (total > 0); ALTER TABLE orders ADD CHECK (id > 0); COMMIT;

-- silent multiple-alter-table
ALTER TABLE orders ALTER user_id SET NOT NULL, ALTER city_id SET NOT NULL;

-- names wide-lock-window
START TRANSACTION; ALTER TABLE users DROP CONSTRAINT users_pkey CASCADE; ALTER TABLE public."orders" ADD x int; END;
BEGIN; DROP TABLE child_t; TRUNCATE cities; COMMIT;
DO $$ BEGIN ALTER TABLE users ADD COLUMN x int; ALTER TABLE orders ADD COLUMN y int; END $$;

-- names wide-lock-window wrapped
ALTER TABLE users ADD COLUMN x int; ALTER TABLE orders ADD COLUMN y int;

-- silent wide-lock-window
BEGIN; ALTER TABLE users ADD COLUMN x int; COMMIT; BEGIN; ALTER TABLE orders ADD COLUMN y int; COMMIT;
BEGIN; CREATE TABLE fresh (id bigint PRIMARY KEY); ALTER TABLE fresh ADD COLUMN n int; ALTER TABLE users ADD COLUMN x int; COMMIT;

-- names deadlock-order
BEGIN; ALTER TABLE items ADD COLUMN x int; ALTER TABLE users ADD COLUMN x int; COMMIT;
BEGIN; ALTER TABLE users ADD COLUMN x int; ALTER TABLE orders ADD COLUMN x int; COMMIT; /* next file */ BEGIN; ALTER TABLE orders ADD COLUMN y int; ALTER TABLE users ADD COLUMN y int; COMMIT;
BEGIN; LOCK TABLE nv IN EXCLUSIVE MODE; LOCK users; COMMIT;

-- silent deadlock-order
BEGIN; LOCK TABLE users IN ACCESS SHARE MODE; LOCK TABLE orders IN ACCESS SHARE MODE; COMMIT;

-- names explicit-lock-table
BEGIN; LOCK public."users"; COMMIT;
begin; lock table only users, orders in share row exclusive mode nowait; commit;
DO $$ BEGIN LOCK TABLE users IN EXCLUSIVE MODE; END $$;
BEGIN; LOCK TABLE users IN SHARE MODE; COMMIT;

-- silent explicit-lock-table
BEGIN; LOCK TABLE users IN ACCESS SHARE MODE; COMMIT;

-- names lock-upgrade
BEGIN; UPDATE users SET age = 1 WHERE id = 1; ALTER TABLE public."users" ADD COLUMN x int; COMMIT;
BEGIN; INSERT INTO cities (id) VALUES (1); TRUNCATE cities; COMMIT;
BEGIN; LOCK TABLE users IN SHARE MODE; ALTER TABLE users ADD x int; COMMIT;

-- silent lock-upgrade
BEGIN; SELECT count(*) FROM users; COMMIT; ALTER TABLE users ADD COLUMN x int;

-- names transaction-nesting
START TRANSACTION; BEGIN WORK; SELECT 1; END;
SELECT 1; COMMIT;
BEGIN; SELECT 1; COMMIT; ROLLBACK;

-- names transaction-nesting wrapped
BEGIN; SELECT 1; COMMIT;

-- silent transaction-nesting
BEGIN; SAVEPOINT a; SELECT 1; RELEASE a; COMMIT; BEGIN; SELECT 2; COMMIT;

-- names uncommitted-transaction
START TRANSACTION; SELECT 1;
BEGIN; SELECT 1; COMMIT; BEGIN; ALTER TABLE users ADD COLUMN x int;
BEGIN; SAVEPOINT a; SELECT 1; RELEASE a;

-- silent uncommitted-transaction
BEGIN; SELECT 1; END;
BEGIN; SELECT 1; ROLLBACK;

-- names not-allowed-in-transaction
START TRANSACTION; CREATE DATABASE other; COMMIT;
BEGIN; ALTER SYSTEM SET work_mem = '64MB'; COMMIT;
BEGIN; REINDEX SCHEMA public; COMMIT;
BEGIN; DROP TABLESPACE fast; COMMIT;
BEGIN; DROP DATABASE other; COMMIT;
BEGIN; CREATE SUBSCRIPTION s CONNECTION 'host=a' PUBLICATION p; COMMIT;
DO $$ BEGIN VACUUM users; END $$;
BEGIN; REINDEX DATABASE; COMMIT;
BEGIN; CLUSTER; COMMIT;

-- names not-allowed-in-transaction wrapped
VACUUM ANALYZE users;

-- silent not-allowed-in-transaction
BEGIN; ANALYZE users; COMMIT;
BEGIN; CLUSTER users USING users_name_idx; COMMIT;

-- names missing-guard
CREATE TABLE fresh (id bigint PRIMARY KEY); CREATE INDEX CONCURRENTLY i ON users (age);
ALTER TABLE users ADD COLUMN x int; DROP INDEX CONCURRENTLY users_name_idx;
DROP TABLE child_t; CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON users (age);

-- silent missing-guard
CREATE TABLE IF NOT EXISTS fresh (id bigint PRIMARY KEY); CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON users (age);

-- names if-exists-hides-drift
create table if not exists public."users" (id bigint primary key);
CREATE INDEX IF NOT EXISTS users_name_idx ON users (age);
ALTER TABLE users ADD COLUMN IF NOT EXISTS email int;

-- names unbatched-backfill
insert into public.cities (id, name) select id, email from users u join orders o using (id);
UPDATE users SET bio = email WHERE bio IS NULL;
DELETE FROM orders WHERE created_at < now() - interval '1 year';
DO $$ BEGIN UPDATE users SET bio = email WHERE bio IS NULL; END $$;

-- silent unbatched-backfill
UPDATE users SET bio = email WHERE id BETWEEN 1 AND 1000;
INSERT INTO cities (id, name) VALUES (1, 'a');
UPDATE users SET bio = 'x' WHERE id = 5;

-- names alter-system
alter system set shared_buffers to '1GB';
ALTER SYSTEM RESET ALL;
ALTER SYSTEM RESET work_mem;

-- names alter-database-or-role-set
alter role all set statement_timeout = 5;
ALTER USER app IN DATABASE ada SET work_mem TO '64MB';
ALTER DATABASE ada SET timezone TO 'UTC';
ALTER ROLE app RESET ALL;
DO $$ BEGIN ALTER ROLE app SET search_path = legacy; END $$;

-- names session-replication-role
set local session_replication_role to 'replica';
SET SESSION session_replication_role = 'replica';
SELECT set_config('session_replication_role', 'replica', true);
DO $$ BEGIN SET LOCAL session_replication_role = replica; END $$;

-- silent session-replication-role
SET session_replication_role = origin;
SET session_replication_role TO DEFAULT;

-- names autovacuum-disabled
alter table if exists public."users" set (fillfactor = 70, autovacuum_enabled = off);
CREATE TABLE fresh (id bigint PRIMARY KEY) WITH (autovacuum_enabled = 'false');
ALTER TABLE users SET (toast.autovacuum_enabled = false);
DO $$ BEGIN ALTER TABLE users SET (autovacuum_enabled = 0); END $$;

-- silent autovacuum-disabled
ALTER TABLE users SET (autovacuum_enabled = true);
ALTER TABLE users SET (autovacuum_enabled = false); UPDATE users SET age = 1 WHERE id = 1; ALTER TABLE users RESET (autovacuum_enabled);

-- names analyze-missing
create index concurrently i on public.users (upper(bio));
CREATE TABLE copy AS SELECT * FROM users;
CREATE INDEX CONCURRENTLY i ON users ((age + 1), bio);

-- silent analyze-missing
CREATE INDEX CONCURRENTLY i ON users (upper(bio)); ANALYZE users;
