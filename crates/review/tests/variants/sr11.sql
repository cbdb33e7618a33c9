-- Replication and sequences.

-- names replica-identity
alter table if exists public."users" replica identity full;
ALTER TABLE users ADD COLUMN x int, REPLICA IDENTITY NOTHING;
DO $$ BEGIN ALTER TABLE users REPLICA IDENTITY FULL; END $$;

-- silent replica-identity
ALTER TABLE users REPLICA IDENTITY DEFAULT;
ALTER TABLE users REPLICA IDENTITY USING INDEX users_email_idx;

-- names publication-without-identity
create publication "P" for table users, public.parent_t;
ALTER PUBLICATION pub SET TABLE users, parent_t;
ALTER PUBLICATION pub ADD TABLE ONLY parent_t WHERE (x > 5);

-- silent publication-without-identity
ALTER PUBLICATION pub ADD TABLE cities;

-- names publication-change
alter publication "pub" add table cities;
ALTER PUBLICATION pub SET TABLE users, cities;
ALTER PUBLICATION pub SET TABLE ONLY users;
DO $$ BEGIN ALTER PUBLICATION pub DROP TABLE users; END $$;

-- names published-table-ddl
alter table public."users" add x int;
ALTER TABLE users DROP COLUMN bio;
DO $$ BEGIN ALTER TABLE users RENAME COLUMN bio TO biography; END $$;

-- silent published-table-ddl
ALTER TABLE orders ADD COLUMN x int;

-- names sequence-restart
alter sequence if exists public."seq" restart;
SELECT setval('seq', 1);
SELECT pg_catalog.setval('public.seq', 5, false);
ALTER TABLE gen ALTER COLUMN n RESTART WITH 1;
ALTER SEQUENCE seq MINVALUE 5 RESTART 5;
DO $$ BEGIN PERFORM setval('seq', 1); END $$;

-- silent sequence-restart
SELECT setval('seq', (SELECT max(id) FROM users));

-- names sequence-int-exhaustion
alter sequence public."seq" cycle;
CREATE SEQUENCE s AS smallint CYCLE;
CREATE SEQUENCE IF NOT EXISTS s MAXVALUE 100 CYCLE;

-- silent sequence-int-exhaustion
CREATE SEQUENCE s AS bigint;
CREATE SEQUENCE s;

-- names sequence-owner-lost
alter sequence if exists public."gen_s_seq" owned by none;
DO $$ BEGIN ALTER SEQUENCE gen_s_seq OWNED BY NONE; END $$;

-- silent sequence-owner-lost
CREATE SEQUENCE s; CREATE TABLE c (id bigint PRIMARY KEY DEFAULT nextval('s')); ALTER SEQUENCE s OWNED BY c.id;
