-- Constraints: scans and blocking validation.

-- names add-fk-validated
alter table "public"."orders" add foreign key ("user_id") references "public"."users";
ALTER TABLE IF EXISTS ONLY Orders ADD CONSTRAINT "Fk" FOREIGN KEY (user_id) REFERENCES Users (id) ON UPDATE CASCADE NOT DEFERRABLE;
ALTER TABLE shop."Order" ALTER n SET DEFAULT 0, ADD CONSTRAINT f FOREIGN KEY ("userId") REFERENCES users (id);
DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = 'f') THEN ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES users (id); END IF; END $$;
BEGIN; SET LOCAL lock_timeout = '2s'; ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (user_id, city_id) REFERENCES gen (id, a) MATCH FULL; COMMIT;
DO LANGUAGE plpgsql $body$ BEGIN BEGIN ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users; EXCEPTION WHEN duplicate_object THEN NULL; END; END $body$;

-- names add-fk-validated alone
ALTER TABLE a.b ADD CONSTRAINT c FOREIGN KEY (d) REFERENCES e.f (g) INITIALLY DEFERRED;

-- silent add-fk-validated
CREATE TABLE fresh (id bigint PRIMARY KEY, user_id bigint REFERENCES users (id)); ALTER TABLE fresh ADD FOREIGN KEY (id) REFERENCES users (id);
ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT f;

-- names add-column-inline-fk
ALTER TABLE orders ADD home_id bigint REFERENCES cities;
alter table only public."orders" add column if not exists home_id bigint default 5 references cities (id) on delete set null;
ALTER TABLE orders ADD COLUMN x int, ADD COLUMN home_id bigint CONSTRAINT home_fk REFERENCES cities (id);
DO $$ BEGIN ALTER TABLE orders ADD COLUMN home_id bigint REFERENCES cities; END $$;

-- silent add-column-inline-fk
CREATE TABLE fresh (id bigint PRIMARY KEY); ALTER TABLE fresh ADD COLUMN home_id bigint REFERENCES fresh (id);
ALTER TABLE orders ADD COLUMN home_id bigint;

-- names add-check-validated
ALTER TABLE "orders" ADD CHECK (total IS NOT NULL);
alter table if exists public.orders add constraint c check (total between 1 and 5) no inherit;
BEGIN; ALTER TABLE orders ALTER note DROP NOT NULL, ADD CONSTRAINT c CHECK (char_length(note) < 10); COMMIT;
ALTER TABLE events ADD CONSTRAINT c CHECK (id > 0);
DO $$ BEGIN ALTER TABLE orders ADD CONSTRAINT c CHECK (total > 0); EXCEPTION WHEN OTHERS THEN NULL; END $$;

-- silent add-check-validated
ALTER TABLE orders ADD CONSTRAINT c CHECK (total > 0) NOT VALID;
CREATE TEMPORARY TABLE scratch (n int); ALTER TABLE scratch ADD CHECK (n > 0);

-- names add-column-inline-check
ALTER TABLE orders ADD COLUMN IF NOT EXISTS qty int DEFAULT 1 NOT NULL CHECK (qty > 0);
ALTER TABLE public.orders ADD qty int CONSTRAINT q CHECK (qty < 5 AND total > qty);
alter table orders add column a int, add column b text check (b <> '');
DO $$ BEGIN ALTER TABLE orders ADD COLUMN qty int CHECK (qty > 0); END $$;

-- silent add-column-inline-check
CREATE TABLE fresh (id bigint PRIMARY KEY, qty int CHECK (qty > 0));

-- names add-unique-constraint
ALTER TABLE users ADD UNIQUE (email, name);
alter table only "users" add constraint "U" unique nulls not distinct (email);
ALTER TABLE users ADD COLUMN q int, ADD CONSTRAINT u UNIQUE (bio) INCLUDE (age) DEFERRABLE;
DO $$ BEGIN ALTER TABLE public.users ADD CONSTRAINT u UNIQUE (bio); END $$;
START TRANSACTION; ALTER TABLE users ADD CONSTRAINT u UNIQUE (bio) WITH (fillfactor = 70); COMMIT;

-- silent add-unique-constraint
ALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE USING INDEX users_email_idx;
CREATE TABLE fresh (id bigint PRIMARY KEY, n int, UNIQUE (n)); ALTER TABLE fresh ADD UNIQUE (id, n);

-- names add-column-inline-unique
ALTER TABLE orders ADD ref text CONSTRAINT r UNIQUE;
alter table if exists public.orders add column if not exists "Ref" uuid null unique;
DO $$ BEGIN ALTER TABLE orders ADD COLUMN a int, ADD COLUMN ref text UNIQUE; END $$;

-- silent add-column-inline-unique
CREATE TABLE fresh (id bigint PRIMARY KEY, ref text UNIQUE);

-- names add-primary-key
ALTER TABLE public.bag ADD CONSTRAINT "Bag_pk" PRIMARY KEY (k);
ALTER TABLE bag ADD COLUMN id bigserial PRIMARY KEY;
alter table only bag alter v set not null, add primary key (k, v);
ALTER TABLE bag ADD COLUMN id uuid DEFAULT gen_random_uuid() PRIMARY KEY;
BEGIN; ALTER TABLE nn DROP CONSTRAINT nn_pkey; ALTER TABLE nn ADD PRIMARY KEY (id, v); COMMIT;
DO $$ BEGIN ALTER TABLE bag ADD PRIMARY KEY (k); END $$;

-- silent add-primary-key
ALTER TABLE bag ADD CONSTRAINT bag_pkey PRIMARY KEY USING INDEX bag_k_idx;
CREATE TABLE fresh (id bigint); ALTER TABLE fresh ADD PRIMARY KEY (id);

-- names add-pk-using-index-nullable
ALTER TABLE bag ADD CONSTRAINT bag_pkey PRIMARY KEY USING INDEX bag_k_idx;
alter table only public.bag add primary key using index bag_k_idx not deferrable;
CREATE UNIQUE INDEX CONCURRENTLY bag_v_idx ON bag (v); ALTER TABLE bag ADD CONSTRAINT p PRIMARY KEY USING INDEX bag_v_idx;

-- silent add-pk-using-index-nullable
ALTER TABLE orders ADD CONSTRAINT orders_pkey PRIMARY KEY USING INDEX orders_id_idx;

-- names add-exclusion-constraint
ALTER TABLE public.orders ADD EXCLUDE USING gist (user_id WITH =, period WITH &&);
alter table orders add constraint "x" exclude using gist (period with &&) where (status <> 'void') deferrable;
DO $$ BEGIN ALTER TABLE orders ADD CONSTRAINT x EXCLUDE (id WITH =); END $$;

-- silent add-exclusion-constraint
CREATE TABLE fresh (id bigint PRIMARY KEY, p tstzrange, EXCLUDE USING gist (p WITH &&));

-- names set-not-null
ALTER TABLE "public".orders ALTER "user_id" SET NOT NULL;
alter table if exists only orders alter column total set not null, alter column status set not null;
DO $$ BEGIN PERFORM 1; ALTER TABLE orders ALTER COLUMN user_id SET NOT NULL; END $$;
BEGIN; UPDATE orders SET user_id = 0 WHERE user_id IS NULL; ALTER TABLE orders ALTER user_id SET NOT NULL; COMMIT;
ALTER TABLE events ALTER COLUMN user_id SET NOT NULL;
ALTER TABLE orders ADD CONSTRAINT c CHECK (user_id IS NOT NULL) NOT VALID; ALTER TABLE orders ALTER COLUMN user_id SET NOT NULL;

-- names set-not-null version=18
ALTER TABLE orders ADD CONSTRAINT nn NOT NULL user_id;

-- silent set-not-null
ALTER TABLE orders ADD CONSTRAINT c CHECK ((user_id IS NOT NULL)) NOT VALID; /* next file */ ALTER TABLE orders VALIDATE CONSTRAINT c; /* next file */ ALTER TABLE orders ALTER user_id SET NOT NULL;
ALTER TABLE users ALTER COLUMN email SET NOT NULL;
ALTER TABLE gen ALTER COLUMN a SET NOT NULL;
CREATE TABLE fresh (id bigint PRIMARY KEY, n int); ALTER TABLE fresh ALTER n SET NOT NULL;

-- silent set-not-null version=18
ALTER TABLE orders ADD CONSTRAINT nn NOT NULL user_id NOT VALID;

-- names validate-in-same-transaction
BEGIN; ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID; ALTER TABLE public.orders VALIDATE CONSTRAINT f; COMMIT;
START TRANSACTION; ALTER TABLE "orders" ADD CONSTRAINT "C" CHECK (total > 0) NOT VALID, VALIDATE CONSTRAINT "C"; END;
DO $$ BEGIN ALTER TABLE orders ADD CONSTRAINT c CHECK (total > 0) NOT VALID; ALTER TABLE orders VALIDATE CONSTRAINT c; END $$;

-- names validate-in-same-transaction wrapped
ALTER TABLE orders ADD CONSTRAINT c CHECK (total > 0) NOT VALID; ALTER TABLE orders VALIDATE CONSTRAINT c;

-- silent validate-in-same-transaction
BEGIN; ALTER TABLE orders ADD CONSTRAINT c CHECK (total > 0) NOT VALID; COMMIT; BEGIN; ALTER TABLE orders VALIDATE CONSTRAINT c; COMMIT;
ALTER TABLE orders ADD CONSTRAINT c CHECK (total > 0) NOT VALID; ALTER TABLE orders VALIDATE CONSTRAINT c;

-- names not-valid-never-validated
alter table "orders" add check (total > 0) not valid;
BEGIN; ALTER TABLE public.orders ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES users NOT VALID; COMMIT;
ALTER TABLE orders ADD CONSTRAINT c CHECK (total > 0) NOT VALID; ALTER TABLE orders VALIDATE CONSTRAINT other;

-- silent not-valid-never-validated
ALTER TABLE orders ADD CONSTRAINT c CHECK (total > 0) NOT VALID; /* next file */ ALTER TABLE public.orders VALIDATE CONSTRAINT c;

-- names alter-domain-add-constraint
alter domain public."plain_int" add check (value > 0);
BEGIN; ALTER DOMAIN plain_int ADD CONSTRAINT c CHECK (VALUE BETWEEN 1 AND 5); COMMIT;
DO $$ BEGIN ALTER DOMAIN plain_int ADD CONSTRAINT c CHECK (VALUE > 0); END $$;

-- silent alter-domain-add-constraint
CREATE DOMAIN fresh AS int; ALTER DOMAIN fresh ADD CHECK (VALUE > 0);
ALTER DOMAIN plain_int ADD CONSTRAINT c CHECK (VALUE > 0) NOT VALID;

-- names alter-domain-set-not-null
alter domain "plain_int" set not null;
ALTER DOMAIN public.posint SET NOT NULL;
DO $$ BEGIN ALTER DOMAIN plain_int SET NOT NULL; END $$;

-- silent alter-domain-set-not-null
ALTER DOMAIN plain_int DROP NOT NULL;

-- names create-domain-with-constraint
create domain "Zip" text not null;
CREATE DOMAIN public.zip AS varchar(5) DEFAULT '' CONSTRAINT five CHECK (length(VALUE) = 5);
DO $$ BEGIN CREATE DOMAIN zip AS text CHECK (VALUE <> ''); END $$;

-- silent create-domain-with-constraint
CREATE DOMAIN zip AS varchar(5) DEFAULT '';

-- names drop-foreign-key
alter table public."items" drop constraint if exists items_user_id_fkey cascade;
ALTER TABLE ONLY items DROP CONSTRAINT items_user_id_fkey, ADD COLUMN x int;
DO $$ BEGIN ALTER TABLE nv DROP CONSTRAINT nv_user_id_fkey; END $$;

-- names drop-constraint
alter table "items" drop constraint if exists "items_qty_check";
ALTER TABLE items DROP CONSTRAINT items_qty_check RESTRICT, ALTER qty DROP DEFAULT;
DO $$ BEGIN ALTER TABLE items DROP CONSTRAINT items_qty_check; END $$;

-- names drop-constraint alone
ALTER TABLE a.b DROP CONSTRAINT IF EXISTS c;

-- silent drop-constraint
CREATE TABLE fresh (id bigint PRIMARY KEY, n int CONSTRAINT c CHECK (n > 0)); ALTER TABLE fresh DROP CONSTRAINT c;

-- names drop-primary-key
alter table if exists public.nn drop constraint if exists "nn_pkey" cascade;
ALTER TABLE users ADD COLUMN x int, DROP CONSTRAINT users_pkey CASCADE;
DO $$ BEGIN ALTER TABLE shop."Order" DROP CONSTRAINT "Order_pkey"; END $$;

-- silent drop-primary-key
ALTER TABLE items DROP CONSTRAINT items_qty_check;

-- names fk-on-delete-cascade
alter table orders add foreign key (user_id) references users on delete cascade on update no action not valid;
ALTER TABLE orders ADD COLUMN c bigint REFERENCES cities (id) ON DELETE CASCADE;
DO $$ BEGIN ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES "users" (id) MATCH FULL ON DELETE CASCADE; END $$;

-- silent fk-on-delete-cascade
CREATE TABLE fresh (id bigint PRIMARY KEY, user_id bigint REFERENCES users ON DELETE CASCADE);
ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE SET NULL ON UPDATE CASCADE NOT VALID;

-- names fk-type-mismatch
CREATE TABLE fresh (id bigint PRIMARY KEY, user_id int REFERENCES users (id));
ALTER TABLE orders ADD COLUMN c integer REFERENCES cities;
CREATE TABLE fresh (id bigint PRIMARY KEY, who smallint, FOREIGN KEY (who) REFERENCES public.users);

-- silent fk-type-mismatch
CREATE TABLE fresh (id bigint PRIMARY KEY, user_id int8 REFERENCES users (id));
CREATE TABLE p (c varchar(20) PRIMARY KEY); CREATE TABLE fresh (id bigint PRIMARY KEY, c varchar(20) REFERENCES p);

-- names fk-without-key
CREATE TABLE fresh (id bigint PRIMARY KEY, who text, foreign key (who) references public."users" (name));
ALTER TABLE items ADD COLUMN bag bigint REFERENCES bag;
ALTER TABLE ONLY items ADD FOREIGN KEY (id, user_id) REFERENCES users (id, owner_id) MATCH FULL;
CREATE TABLE fresh (id bigint, up bigint REFERENCES fresh);
DROP INDEX bag_k_idx; /* next file */ ALTER TABLE items ADD FOREIGN KEY (id) REFERENCES bag (k);
DO $$ BEGIN ALTER TABLE items ADD FOREIGN KEY (qty) REFERENCES users (age); END $$;

-- silent fk-without-key
ALTER TABLE items ADD FOREIGN KEY (id) REFERENCES bag (k);
ALTER TABLE items ADD FOREIGN KEY (id) REFERENCES never_seen;
ALTER TABLE items ADD FOREIGN KEY (id) REFERENCES bag (never_seen);
ALTER TABLE bag ADD UNIQUE (v); /* next file */ ALTER TABLE items ADD COLUMN v text REFERENCES bag (v);
ALTER TABLE gen ADD COLUMN x int, ADD FOREIGN KEY (a, id) REFERENCES gen (a, id);
CREATE TABLE fresh (id bigint, up bigint REFERENCES fresh (id), UNIQUE (id));
CREATE TABLE fresh AS SELECT * FROM users; ALTER TABLE items ADD FOREIGN KEY (id) REFERENCES fresh (id);
CREATE TABLE fresh () INHERITS (users); ALTER TABLE items ADD FOREIGN KEY (id) REFERENCES fresh (id);
SELECT add_keys(); ALTER TABLE items ADD COLUMN bag bigint REFERENCES bag;
CALL add_keys(); ALTER TABLE items ADD COLUMN bag bigint REFERENCES bag;

-- names fk-without-index
CREATE TABLE "Fresh" (id bigint PRIMARY KEY, user_id bigint, FOREIGN KEY (user_id) REFERENCES users);
ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (city_id) REFERENCES cities (id) NOT VALID;
ALTER TABLE orders ADD COLUMN c bigint REFERENCES cities (id);

-- silent fk-without-index
CREATE TABLE fresh (id bigint PRIMARY KEY, user_id bigint REFERENCES users (id)); CREATE INDEX ON fresh (user_id);
ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID;
CREATE TABLE fresh (user_id bigint REFERENCES users (id), n int, PRIMARY KEY (user_id, n));

-- names multiple-fks-in-one-transaction
ALTER TABLE orders ADD CONSTRAINT a FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID, ADD CONSTRAINT b FOREIGN KEY (city_id) REFERENCES cities (id) NOT VALID;
START TRANSACTION; ALTER TABLE public.orders ADD FOREIGN KEY (user_id) REFERENCES users NOT VALID; ALTER TABLE nn ADD COLUMN c bigint REFERENCES cities; END;
DO $$ BEGIN ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users NOT VALID; ALTER TABLE orders ADD FOREIGN KEY (city_id) REFERENCES cities NOT VALID; END $$;

-- silent multiple-fks-in-one-transaction
BEGIN; ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users NOT VALID; COMMIT; BEGIN; ALTER TABLE orders ADD FOREIGN KEY (city_id) REFERENCES cities NOT VALID; COMMIT;
