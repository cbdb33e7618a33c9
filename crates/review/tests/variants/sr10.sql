-- Security and privileges.

-- names security-definer-search-path
create or replace function public."Sd"() returns trigger language plpgsql security definer as $$ begin return new; end $$;
CREATE PROCEDURE p() LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
ALTER FUNCTION f_add(int, int) SECURITY DEFINER;
CREATE FUNCTION g() RETURNS int LANGUAGE sql STABLE EXTERNAL SECURITY DEFINER SET work_mem = '1MB' AS 'SELECT 1';

-- silent security-definer-search-path
CREATE FUNCTION g() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT 1';
CREATE FUNCTION g() RETURNS int LANGUAGE sql SECURITY INVOKER AS 'SELECT 1';

-- names grant-to-public
grant select on public."users" to public;
GRANT ALL PRIVILEGES ON ALL TABLES IN SCHEMA public TO app;
GRANT CREATE ON SCHEMA legacy TO PUBLIC, app;
DO $$ BEGIN GRANT ALL ON users TO PUBLIC; END $$;
GRANT ALL ON SCHEMA public TO app WITH GRANT OPTION;

-- silent grant-to-public
GRANT SELECT, INSERT ON users TO app;

-- names revoke
revoke all privileges on public."users" from public cascade;
REVOKE GRANT OPTION FOR SELECT (email) ON users FROM app;
REVOKE admins FROM app;
REVOKE USAGE ON SCHEMA legacy FROM app;
DO $$ BEGIN REVOKE SELECT ON users FROM app; END $$;

-- names role-locked-out
ALTER USER app WITH NOLOGIN;
alter role "app" password null;
ALTER ROLE app WITH LOGIN VALID UNTIL '2027-01-01';
ALTER ROLE app CONNECTION LIMIT 0;
DO $$ BEGIN ALTER ROLE app NOLOGIN; END $$;

-- names disable-rls
alter table if exists public."docs" disable row level security;
ALTER TABLE docs ADD COLUMN x int, DISABLE ROW LEVEL SECURITY;
ALTER TABLE docs NO FORCE ROW LEVEL SECURITY;
ALTER TABLE docs FORCE ROW LEVEL SECURITY;
DO $$ BEGIN ALTER TABLE docs DISABLE ROW LEVEL SECURITY; END $$;

-- names enable-rls-without-policy
alter table only public."cities" enable row level security;
ALTER TABLE cities ADD COLUMN x int, ENABLE ROW LEVEL SECURITY;
DO $$ BEGIN ALTER TABLE cities ENABLE ROW LEVEL SECURITY; END $$;

-- silent enable-rls-without-policy
BEGIN; CREATE POLICY p ON cities USING (id > 5); ALTER TABLE cities ENABLE ROW LEVEL SECURITY; COMMIT;

-- names policy-always-true
create policy "P" on public.docs for select to public using ((true));
ALTER POLICY docs_owner ON docs USING (1 = 1);
CREATE POLICY p ON docs FOR INSERT WITH CHECK (true);

-- silent policy-always-true
CREATE POLICY p ON docs USING (owner = 'a');

-- names restrictive-policy
create policy "P" on public."docs" as restrictive for update to app using (id > 5) with check (id > 5);
ALTER POLICY docs_owner ON docs USING (owner = 'a' AND id > 5);
DO $$ BEGIN CREATE POLICY p ON docs AS RESTRICTIVE USING (false); END $$;

-- names policy-uncached-function
create policy p on docs using (owner = current_setting('app.user', true)::text);
CREATE POLICY p ON docs FOR SELECT USING (auth.uid() = id);
ALTER POLICY docs_owner ON docs USING (owner = current_setting('app.user'));

-- silent policy-uncached-function
CREATE POLICY p ON docs USING (owner = (SELECT current_setting('app.user')));

-- names create-extension
create extension if not exists "uuid-ossp" with schema public cascade;
CREATE EXTENSION hstore VERSION '1.8';
DO $$ BEGIN CREATE EXTENSION IF NOT EXISTS pg_trgm; END $$;

-- names superuser-statement
COPY users TO PROGRAM 'gzip';
COPY users FROM '/tmp/users.csv' WITH (FORMAT csv);
CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION touch();
CREATE FUNCTION g() RETURNS int LANGUAGE c AS 'lib', 'g';
ALTER ROLE app SUPERUSER;
CREATE LANGUAGE plpython3u;

-- names plaintext-secret
create user "App" with encrypted password 'hunter2' login;
CREATE USER MAPPING FOR app SERVER s OPTIONS (user 'a', password 'hunter2');
CREATE SUBSCRIPTION s CONNECTION 'host=a user=b password=hunter2' PUBLICATION p;
DO $$ BEGIN CREATE ROLE app LOGIN PASSWORD 'hunter2'; END $$;
ALTER USER app WITH PASSWORD 'hunter2' VALID UNTIL '2030-01-01';

-- silent plaintext-secret
ALTER ROLE app PASSWORD NULL;
CREATE TABLE c (id bigint PRIMARY KEY, password text);

-- names security-definer-view
create or replace view public."V" as select id from only docs d where id > 5;
CREATE VIEW v WITH (security_barrier) AS SELECT id FROM docs JOIN users USING (id);
CREATE VIEW v AS WITH x AS (SELECT * FROM docs) SELECT id FROM x;

-- silent security-definer-view version=15
CREATE VIEW v WITH (security_invoker = true) AS SELECT id FROM docs;
CREATE VIEW v AS SELECT id FROM users;

-- names alter-default-privileges
alter default privileges for role app in schema legacy revoke execute on functions from public;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON SEQUENCES TO app;
DO $$ BEGIN ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO app; END $$;
