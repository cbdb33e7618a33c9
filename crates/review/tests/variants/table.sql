-- Every hazard of a statement by its plainest example: `-- names RULE`, and the statements on one line.

-- names add-fk-validated
ALTER TABLE orders ADD CONSTRAINT orders_user_fk FOREIGN KEY (user_id) REFERENCES users (id);

-- names add-column-inline-fk
ALTER TABLE orders ADD COLUMN home_id bigint REFERENCES cities (id);

-- names add-check-validated
ALTER TABLE orders ADD CONSTRAINT total_pos CHECK (total > 0);

-- names add-column-inline-check
ALTER TABLE orders ADD COLUMN qty int CHECK (qty > 0);

-- names add-unique-constraint
ALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE (email);

-- names add-column-inline-unique
ALTER TABLE orders ADD COLUMN ref text UNIQUE;

-- names add-primary-key
ALTER TABLE orders ADD PRIMARY KEY (id);

-- names add-pk-using-index-nullable
ALTER TABLE orders ADD CONSTRAINT orders_pkey PRIMARY KEY USING INDEX orders_ref_idx;

-- names add-exclusion-constraint
ALTER TABLE orders ADD CONSTRAINT no_overlap EXCLUDE USING gist (period WITH &&);

-- names set-not-null
ALTER TABLE orders ALTER COLUMN user_id SET NOT NULL;

-- names validate-in-same-transaction
BEGIN; ALTER TABLE orders ADD CONSTRAINT t_pos CHECK (total > 0) NOT VALID; ALTER TABLE orders VALIDATE CONSTRAINT t_pos; COMMIT;

-- names not-valid-never-validated
ALTER TABLE orders ADD CONSTRAINT u_fk FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID;

-- names alter-domain-add-constraint
ALTER DOMAIN plain_int ADD CONSTRAINT lt CHECK (VALUE < 100000);

-- names alter-domain-set-not-null
ALTER DOMAIN plain_int SET NOT NULL;

-- names create-domain-with-constraint
CREATE DOMAIN us_zip AS text CHECK (VALUE ~ '^\d{5}$');

-- names drop-foreign-key
ALTER TABLE items DROP CONSTRAINT items_user_id_fkey;

-- names drop-constraint
ALTER TABLE items DROP CONSTRAINT items_qty_check;

-- names drop-primary-key
ALTER TABLE nn DROP CONSTRAINT nn_pkey;

-- names fk-on-delete-cascade
ALTER TABLE orders ADD CONSTRAINT o_fk FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE NOT VALID;

-- names fk-type-mismatch
ALTER TABLE users ADD CONSTRAINT age_fk FOREIGN KEY (age) REFERENCES cities (id) NOT VALID;

-- names fk-without-key
ALTER TABLE items ADD CONSTRAINT name_fk FOREIGN KEY (qty) REFERENCES users (age) NOT VALID;

-- names fk-without-index
CREATE TABLE invoices (id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users (id));

-- names multiple-fks-in-one-transaction
BEGIN; ALTER TABLE orders ADD CONSTRAINT a_fk FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID; ALTER TABLE orders ADD CONSTRAINT b_fk FOREIGN KEY (city_id) REFERENCES cities (id) NOT VALID; COMMIT;

-- names type-change-rewrite
ALTER TABLE users ALTER COLUMN age TYPE bigint;

-- names type-change-narrowing
ALTER TABLE users ALTER COLUMN bio TYPE varchar(20) USING substr(bio, 1, 20);

-- names type-change-lossy
ALTER TABLE users ALTER COLUMN amount TYPE int;

-- names type-change-using
ALTER TABLE users ALTER COLUMN meta TYPE jsonb USING coalesce(meta, '{}');

-- names type-change-rebuilds-index
ALTER TABLE users ALTER COLUMN name TYPE varchar(50) COLLATE "C";

-- names type-change-timestamp-timezone
ALTER TABLE users ALTER COLUMN created_at TYPE timestamptz;

-- names add-column-volatile-default
ALTER TABLE users ADD COLUMN token uuid DEFAULT gen_random_uuid();

-- names add-column-serial
ALTER TABLE orders ADD COLUMN n bigserial;

-- names add-column-identity
ALTER TABLE orders ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY;

-- names add-column-generated-stored
ALTER TABLE users ADD COLUMN lname text GENERATED ALWAYS AS (lower(name)) STORED;

-- names add-column-constrained-domain
ALTER TABLE orders ADD COLUMN k posint DEFAULT 1;

-- names set-logged-unlogged
ALTER TABLE cities SET UNLOGGED;

-- names set-access-method
ALTER TABLE cities SET ACCESS METHOD heap;

-- names set-tablespace
ALTER TABLE users SET TABLESPACE pg_default;

-- names vacuum-full
VACUUM FULL users;

-- names cluster
CLUSTER users USING users_name_idx;

-- names create-table-as
CREATE TABLE users_copy AS SELECT * FROM users;

-- names create-index-blocking
CREATE INDEX users_age_idx ON users (age);

-- names drop-index-blocking
DROP INDEX users_name_idx;

-- names reindex-blocking
REINDEX TABLE users;

-- names concurrently-in-transaction
BEGIN; CREATE INDEX CONCURRENTLY i ON users (age); COMMIT;

-- names concurrently-drop-in-transaction
BEGIN; DROP INDEX CONCURRENTLY users_name_idx; COMMIT;

-- names concurrently-on-partitioned
CREATE INDEX CONCURRENTLY ev_idx ON events (id);

-- names concurrently-unguarded
CREATE INDEX CONCURRENTLY users_bio_idx ON users (bio);

-- names concurrently-if-not-exists-invalid
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_bio_idx ON users (bio);

-- names unique-index-data-dependent
CREATE UNIQUE INDEX CONCURRENTLY users_bio_u ON users (bio);

-- names hash-index
CREATE INDEX CONCURRENTLY h ON users USING hash (email);

-- names wide-index
CREATE INDEX CONCURRENTLY w ON orders (user_id, city_id, status, created_at);

-- names duplicate-index
CREATE INDEX CONCURRENTLY users_email2_idx ON users (email);

-- names redundant-index
CREATE INDEX CONCURRENTLY gen_id_idx ON gen (id);

-- names replacing-index
DROP INDEX CONCURRENTLY users_email_idx; CREATE INDEX CONCURRENTLY users_email_idx ON users (email, id);

-- names index-on-volatile-expression
CREATE INDEX CONCURRENTLY fx ON users (f_add(age, 1));

-- names refresh-matview-blocking
REFRESH MATERIALIZED VIEW order_stats;

-- names refresh-matview-concurrently
REFRESH MATERIALIZED VIEW CONCURRENTLY order_stats;

-- names refresh-matview-without-key
DROP INDEX order_stats_idx; REFRESH MATERIALIZED VIEW CONCURRENTLY order_stats;

-- names alter-index-set-tablespace
ALTER INDEX users_name_idx SET TABLESPACE pg_default;

-- names attach-partition-scan
ALTER TABLE events ATTACH PARTITION events_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');

-- names attach-partition-default-scan
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');

-- names create-partition-of-locks-parent
CREATE TABLE events_2027 PARTITION OF events FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');

-- names detach-partition-blocking
ALTER TABLE events DETACH PARTITION events_2024;

-- names drop-partition
DROP TABLE events_2024;

-- names alter-inherit
ALTER TABLE child_t INHERIT parent_t;

-- names create-trigger
CREATE TRIGGER o_touch BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch();

-- names drop-trigger
DROP TRIGGER users_touch ON users;

-- names disable-trigger
ALTER TABLE users DISABLE TRIGGER ALL;

-- names create-rule
CREATE RULE r AS ON DELETE TO cities DO INSTEAD NOTHING;

-- names replace-view-function
CREATE OR REPLACE VIEW active_users AS SELECT id, email, name FROM users;

-- names drop-view
DROP VIEW active_users;

-- names drop-function
DROP FUNCTION f_add(int, int);

-- names function-volatility-change
ALTER FUNCTION f_add(int, int) VOLATILE;

-- names function-missing-volatility
CREATE FUNCTION g1(a int) RETURNS int LANGUAGE sql AS 'SELECT a';

-- names unchecked-dynamic-sql
DO $$ BEGIN EXECUTE 'ALTER TABLE ' || 'users' || ' ADD COLUMN dyn int'; END $$;

-- names ddl-in-do-block
DO $$ BEGIN ALTER TABLE users ALTER COLUMN email SET NOT NULL; DROP TABLE child_t; END $$;

-- names drop-table
DROP TABLE child_t;

-- names drop-column
ALTER TABLE users DROP COLUMN bio;

-- names drop-schema
DROP SCHEMA legacy CASCADE;

-- names drop-database
DROP DATABASE other;

-- names drop-cascade
DROP TABLE users CASCADE;

-- names drop-type
DROP TYPE pair;

-- names drop-sequence
DROP SEQUENCE seq;

-- names drop-extension
DROP EXTENSION citext CASCADE;

-- names drop-materialized-view
DROP MATERIALIZED VIEW order_stats;

-- names drop-owned
DROP OWNED BY app;

-- names drop-role
DROP ROLE app;

-- names drop-tablespace
DROP TABLESPACE ts1;

-- names drop-policy
DROP POLICY docs_owner ON docs;

-- names drop-publication
DROP PUBLICATION pub;

-- names truncate
TRUNCATE cities;

-- names truncate-cascade
TRUNCATE users CASCADE;

-- names delete-without-where
DELETE FROM items;

-- names delete-always-true
DELETE FROM items WHERE 1 = 1;

-- names update-without-where
UPDATE users SET email = lower(email);

-- names update-drops-values
UPDATE users SET bio = NULL WHERE id > 10;

-- names drop-not-null
ALTER TABLE orders ALTER COLUMN note DROP NOT NULL;

-- names drop-default
ALTER TABLE items ALTER COLUMN qty DROP DEFAULT;

-- names drop-identity-or-expression
ALTER TABLE gen ALTER COLUMN b DROP EXPRESSION;

-- names backfill-without-default-kept
UPDATE orders SET note = status WHERE id > 0; ALTER TABLE orders DROP COLUMN status;

-- names rename-column
ALTER TABLE users RENAME COLUMN email TO mail;

-- names rename-table
ALTER TABLE users RENAME TO people;

-- names rename-schema
ALTER SCHEMA legacy RENAME TO old;

-- names rename-object
ALTER VIEW active_users RENAME TO live_users;

-- names rename-enum-value
ALTER TYPE status RENAME VALUE 'done' TO 'finished';

-- names enum-value-order
ALTER TYPE status ADD VALUE 'late';

-- names enum-value-used-in-transaction
BEGIN; ALTER TYPE status ADD VALUE 'x1'; UPDATE users SET st = 'x1' WHERE id = 1; COMMIT;

-- names enum-value-in-transaction-old-pg version=11
BEGIN; ALTER TYPE status ADD VALUE 'x2'; COMMIT;

-- names enum-no-down
ALTER TYPE status ADD VALUE 'x3' BEFORE 'done';

-- names set-schema
ALTER TABLE users SET SCHEMA legacy;

-- names add-required-column
ALTER TABLE orders ADD COLUMN must text NOT NULL;

-- names set-default-change
ALTER TABLE items ALTER COLUMN qty SET DEFAULT 5;

-- names new-write-restriction
ALTER TABLE orders ADD CONSTRAINT st CHECK (status IN ('a','b')) NOT VALID;

-- names change-function-signature
DROP FUNCTION f_add(int, int); CREATE FUNCTION f_add(a bigint, b bigint) RETURNS bigint LANGUAGE sql AS 'SELECT a + b';

-- names alter-owner
ALTER TABLE users OWNER TO app;

-- names column-order-dependence
INSERT INTO cities VALUES (1000, 'x');

-- names select-star-in-view
CREATE VIEW v_all AS SELECT * FROM users;

-- names missing-lock-timeout
ALTER TABLE users ADD COLUMN x1 int;

-- names missing-statement-timeout
CREATE INDEX CONCURRENTLY users_age2_idx ON users (age);

-- names missing-idle-timeout
BEGIN; ALTER TABLE users ADD COLUMN x2 int; COMMIT;

-- names timeout-order
SET lock_timeout = '1h'; SET statement_timeout = '5s'; ALTER TABLE users ADD COLUMN x3 int;

-- names set-without-local
BEGIN; SET lock_timeout = '2s'; ALTER TABLE users ADD COLUMN x4 int; COMMIT;

-- names statement-after-access-exclusive
BEGIN; ALTER TABLE users ADD COLUMN x5 int; SELECT count(*) FROM orders; COMMIT;

-- names ddl-and-dml-in-one-transaction
BEGIN; ALTER TABLE users ADD COLUMN x6 text; UPDATE users SET x6 = email WHERE id > 0; COMMIT;

-- names multiple-alter-table
ALTER TABLE orders ALTER COLUMN user_id SET NOT NULL; ALTER TABLE orders ALTER COLUMN city_id SET NOT NULL;

-- names wide-lock-window
BEGIN; ALTER TABLE users ADD COLUMN x7 int; ALTER TABLE orders ADD COLUMN x8 int; COMMIT;

-- names deadlock-order
BEGIN; LOCK TABLE items IN ACCESS EXCLUSIVE MODE; LOCK TABLE users IN ACCESS EXCLUSIVE MODE; COMMIT;

-- names explicit-lock-table
BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE; COMMIT;

-- names lock-upgrade
BEGIN; SELECT count(*) FROM users; ALTER TABLE users ADD COLUMN x9 int; COMMIT;

-- names transaction-nesting
BEGIN; BEGIN; SELECT 1; COMMIT; COMMIT;

-- names uncommitted-transaction
BEGIN; ALTER TABLE users ADD COLUMN x10 int;

-- names not-allowed-in-transaction
BEGIN; VACUUM users; COMMIT;

-- names missing-guard
CREATE TABLE fresh (id bigint PRIMARY KEY); CREATE INDEX CONCURRENTLY fresh_i ON users (age);

-- names if-exists-hides-drift
CREATE TABLE IF NOT EXISTS users (id int);

-- names unbatched-backfill
INSERT INTO cities SELECT id + 100000, email FROM users;

-- names alter-system
ALTER SYSTEM SET work_mem = '64MB';

-- names alter-database-or-role-set
ALTER ROLE app SET search_path = legacy;

-- names session-replication-role
SET session_replication_role = replica;

-- names autovacuum-disabled
ALTER TABLE users SET (autovacuum_enabled = false);

-- names analyze-missing
CREATE INDEX CONCURRENTLY le ON users (lower(email));

-- names char-type
CREATE TABLE c1 (id bigint PRIMARY KEY, code char(4));

-- names varchar-limit
CREATE TABLE c2 (id bigint PRIMARY KEY, name varchar(40));

-- names int-primary-key
CREATE TABLE c3 (id int PRIMARY KEY);

-- names int-foreign-key-or-column
CREATE TABLE c4 (id bigint PRIMARY KEY, n int, m smallint);

-- names timestamp-without-timezone
CREATE TABLE c5 (id bigint PRIMARY KEY, at timestamp);

-- names json-type
ALTER TABLE users ADD COLUMN props json;

-- names money-type
CREATE TABLE c6 (id bigint PRIMARY KEY, price money);

-- names float-type
CREATE TABLE c7 (id bigint PRIMARY KEY, price real);

-- names timetz-type
CREATE TABLE c8 (id bigint PRIMARY KEY, t timetz);

-- names xml-or-hstore-type
CREATE TABLE c9 (id bigint PRIMARY KEY, x xml);

-- names serial-type
CREATE TABLE c10 (id bigserial PRIMARY KEY);

-- names identity-by-default
CREATE TABLE c11 (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY);

-- names create-enum
CREATE TYPE color AS ENUM ('red', 'blue');

-- names missing-primary-key
CREATE TABLE c12 (a bigint, b text);

-- names table-inheritance
CREATE TABLE c13 (x int) INHERITS (parent_t);

-- names unlogged-table
CREATE UNLOGGED TABLE c14 (id bigint PRIMARY KEY);

-- names identifier-too-long
CREATE TABLE a_table_whose_name_is_far_longer_than_the_sixty_three_bytes_that_postgres_keeps (id bigint PRIMARY KEY);

-- names identifier-needs-quotes
CREATE TABLE "Order" (id bigint PRIMARY KEY, "select" int);

-- names unnamed-constraint
ALTER TABLE orders ADD CHECK (total > 1) NOT VALID;

-- names unqualified-object
CREATE TABLE c15 (id bigint PRIMARY KEY);

-- names data-alignment
CREATE TABLE c16 (a boolean, id bigint PRIMARY KEY, b boolean, c bigint);

-- names nullable-fk-or-boolean
CREATE TABLE c17 (id bigint PRIMARY KEY, active boolean);

-- names missing-comment
CREATE TABLE c18 (id bigint PRIMARY KEY, secret_sauce text);

-- names required-columns
CREATE TABLE c19 (id bigint PRIMARY KEY);

-- names duplicate-column-assignment
UPDATE users SET email = 'a', email = 'b' WHERE id = 1;

-- names null-comparison
DELETE FROM items WHERE qty = NULL;

-- names not-in-subquery
DELETE FROM items WHERE user_id NOT IN (SELECT user_id FROM orders);

-- names security-definer-search-path
CREATE FUNCTION sd() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';

-- names grant-to-public
GRANT ALL ON users TO PUBLIC;

-- names revoke
REVOKE SELECT ON users FROM app;

-- names role-locked-out
ALTER ROLE app NOLOGIN;

-- names disable-rls
ALTER TABLE docs DISABLE ROW LEVEL SECURITY;

-- names enable-rls-without-policy
ALTER TABLE cities ENABLE ROW LEVEL SECURITY;

-- names policy-always-true
CREATE POLICY p_all ON docs USING (true);

-- names restrictive-policy
CREATE POLICY p_r ON docs AS RESTRICTIVE USING (id > 10);

-- names policy-uncached-function
CREATE POLICY p_f ON docs USING (owner = current_setting('app.user'));

-- names create-extension
CREATE EXTENSION pg_trgm;

-- names superuser-statement
COPY cities FROM PROGRAM 'cat /dev/null';

-- names plaintext-secret
ALTER ROLE app PASSWORD 'hunter2';

-- names security-definer-view
CREATE VIEW dv AS SELECT * FROM docs;

-- names alter-default-privileges
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;

-- names replica-identity
ALTER TABLE users REPLICA IDENTITY NOTHING;

-- names publication-without-identity
ALTER PUBLICATION pub ADD TABLE parent_t;

-- names publication-change
ALTER PUBLICATION pub DROP TABLE users;

-- names published-table-ddl
ALTER TABLE users ADD COLUMN x11 int;

-- names sequence-restart
ALTER SEQUENCE seq RESTART WITH 1;

-- names sequence-int-exhaustion
CREATE SEQUENCE s2 AS integer CYCLE;

-- names sequence-owner-lost
ALTER SEQUENCE gen_s_seq OWNED BY NONE;

-- names drop-blocked
ALTER TABLE users DROP COLUMN email;
