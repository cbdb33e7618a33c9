-- Partitions and inheritance.

-- names attach-partition-scan
alter table public."events" attach partition public.events_2025 for values from ('2025-01-01') to (maxvalue);
ALTER TABLE IF EXISTS logs ATTACH PARTITION events_2025 DEFAULT;
DO $$ BEGIN ALTER TABLE logs ATTACH PARTITION events_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01'); END $$;
ALTER TABLE events_2025 ADD CONSTRAINT c CHECK (id > 0); ALTER TABLE events ATTACH PARTITION events_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');

-- silent attach-partition-scan
CREATE TABLE logs_2026 (LIKE logs INCLUDING ALL); ALTER TABLE logs ATTACH PARTITION logs_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');

-- names attach-partition-default-scan
ALTER TABLE public."events" ATTACH PARTITION events_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
create table if not exists "E26" partition of events for values from ('2026-01-01') to ('2027-01-01');
DO $$ BEGIN CREATE TABLE e26 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01'); END $$;

-- silent attach-partition-default-scan
CREATE TABLE logs_2026 PARTITION OF logs FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');

-- names create-partition-of-locks-parent
create table public."L26" partition of public.logs for values from ('2026-01-01') to ('2027-01-01');
CREATE TABLE IF NOT EXISTS logs_x PARTITION OF logs DEFAULT;
DO $$ BEGIN CREATE TABLE logs_2026 PARTITION OF logs FOR VALUES FROM ('2026-01-01') TO ('2027-01-01'); END $$;
CREATE TABLE logs_2026 PARTITION OF logs FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY RANGE (at);

-- silent create-partition-of-locks-parent
CREATE TABLE p (id bigint, at date) PARTITION BY RANGE (at); CREATE TABLE p1 PARTITION OF p DEFAULT;

-- names detach-partition-blocking
alter table only public.events detach partition public."events_2024";
DO $$ BEGIN ALTER TABLE logs DETACH PARTITION logs_2024; END $$;
BEGIN; ALTER TABLE logs DETACH PARTITION logs_2024; COMMIT;

-- silent detach-partition-blocking
ALTER TABLE logs DETACH PARTITION logs_2024 CONCURRENTLY;
ALTER TABLE logs DETACH PARTITION logs_2024 FINALIZE;

-- names drop-partition
drop table if exists public."events_2024" cascade;
DROP TABLE cities, logs_2024;
DO $$ BEGIN DROP TABLE logs_2024; END $$;

-- silent drop-partition
DROP TABLE cities;

-- names alter-inherit
alter table only public."child_t" inherit parent_t;
ALTER TABLE child_t ADD COLUMN y int, INHERIT parent_t;
DO $$ BEGIN ALTER TABLE child_t NO INHERIT parent_t; END $$;
