-- Triggers, rules, views, functions.

-- names create-trigger
create or replace trigger "T" after insert or delete on public."orders" for each statement execute procedure touch();
CREATE CONSTRAINT TRIGGER t AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.id > 5) EXECUTE FUNCTION touch();
DO $$ BEGIN CREATE TRIGGER t BEFORE UPDATE OF note ON orders FOR EACH ROW EXECUTE FUNCTION touch(); END $$;

-- silent create-trigger
CREATE TABLE fresh (id bigint PRIMARY KEY); CREATE TRIGGER t BEFORE UPDATE ON fresh FOR EACH ROW EXECUTE FUNCTION touch();

-- names drop-trigger
drop trigger if exists "users_touch" on public."users" cascade;
BEGIN; DROP TRIGGER users_touch ON users RESTRICT; COMMIT;
DO $$ BEGIN DROP TRIGGER IF EXISTS users_touch ON users; END $$;

-- names disable-trigger
alter table only public."users" disable trigger users_touch;
ALTER TABLE users ADD COLUMN x int, DISABLE TRIGGER USER;
DO $$ BEGIN ALTER TABLE users DISABLE TRIGGER ALL; END $$;

-- silent disable-trigger
ALTER TABLE users ENABLE TRIGGER users_touch;

-- names create-rule
create or replace rule "R" as on insert to public.cities where new.id > 5 do also select 1;
CREATE RULE r AS ON UPDATE TO cities DO INSTEAD (DELETE FROM cities; SELECT 1);
DO $$ BEGIN CREATE RULE r AS ON DELETE TO cities DO INSTEAD NOTHING; END $$;

-- names replace-view-function
create or replace function public."f_add"(a int, b int) returns int language sql immutable as $$ select a - b $$;
CREATE OR REPLACE PROCEDURE p() LANGUAGE sql AS 'SELECT 1';
CREATE OR REPLACE VIEW public.active_users AS SELECT id, email, name FROM users WHERE age > 5;
DO $$ BEGIN CREATE OR REPLACE VIEW active_users AS SELECT id, email, name FROM users; END $$;

-- names drop-view
drop view if exists public."active_users" cascade;
DROP VIEW active_users, other_view;
DO $$ BEGIN DROP VIEW active_users; END $$;

-- silent drop-view
CREATE VIEW v AS SELECT 1 AS a; DROP VIEW v;

-- names drop-function
drop function if exists public."f_add";
DROP PROCEDURE p(int);
DROP ROUTINE f_add(int, int) CASCADE;
DROP AGGREGATE my_sum(int);
DO $$ BEGIN DROP FUNCTION f_add(int, int); END $$;

-- names function-volatility-change
alter function public.f_add(int, int) stable;
ALTER ROUTINE f_add STABLE COST 5;
CREATE OR REPLACE FUNCTION f_add(a int, b int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT a + b';
DO $$ BEGIN ALTER FUNCTION f_add(int, int) VOLATILE; END $$;

-- silent function-volatility-change
ALTER FUNCTION f_add(int, int) COST 5;

-- names function-missing-volatility
create or replace function "G"(x text) returns text language plpgsql as $$ begin return x; end $$;
CREATE FUNCTION g(a int) RETURNS TABLE (b int) LANGUAGE sql PARALLEL SAFE AS 'SELECT a';
CREATE FUNCTION g(a int) RETURNS int RETURN a + 1;

-- silent function-missing-volatility
CREATE FUNCTION g(a int) RETURNS int LANGUAGE sql STABLE AS 'SELECT a';
CREATE PROCEDURE g() LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';

-- names unchecked-dynamic-sql
DO $$ DECLARE r record; BEGIN FOR r IN SELECT tablename FROM pg_tables LOOP EXECUTE format('ALTER TABLE %I ADD COLUMN x int', r.tablename); END LOOP; END $$;
do language plpgsql 'begin execute concat(''DROP TABLE '', ''users''); end';
DO $$ DECLARE q text := 'DROP TABLE users'; BEGIN EXECUTE q; END $$;

-- silent unchecked-dynamic-sql
DO $$ BEGIN RAISE NOTICE 'EXECUTE nothing'; END $$;

-- names ddl-in-do-block
do $$ begin if exists (select 1 from pg_tables where tablename = 'child_t') then drop table child_t; end if; end $$;
DO $outer$ BEGIN BEGIN DROP INDEX users_name_idx; EXCEPTION WHEN undefined_table THEN NULL; END; END $outer$ LANGUAGE plpgsql;
DO $$ DECLARE i int; BEGIN FOR i IN 1..3 LOOP CREATE INDEX ON users (age); END LOOP; END $$;
DO $$ BEGIN EXECUTE 'ALTER TABLE users ALTER COLUMN age TYPE bigint'; END $$;
