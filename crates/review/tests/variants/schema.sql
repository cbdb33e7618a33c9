-- What stands there already, for every variant in this folder.
CREATE SCHEMA legacy;
CREATE SCHEMA shop;
CREATE TABLE legacy.t (id bigint PRIMARY KEY);
CREATE EXTENSION citext;
CREATE TYPE status AS ENUM ('new', 'done');
CREATE TYPE pair AS (a int, b int);
CREATE DOMAIN plain_int AS integer;
CREATE DOMAIN posint AS integer CHECK (VALUE > 0);
CREATE SEQUENCE seq;
CREATE TABLE cities (id bigint PRIMARY KEY, name text);
CREATE TABLE users (
    id bigint PRIMARY KEY,
    email text NOT NULL,
    name varchar(50),
    age int,
    bio text,
    nick citext,
    meta text,
    amount numeric(10, 2),
    addr cidr,
    points plain_int,
    st status,
    owner_id bigint,
    created_at timestamp DEFAULT now(),
    seen_at timestamptz
);
CREATE UNIQUE INDEX users_email_idx ON users (email);
CREATE INDEX users_name_idx ON users (name);
CREATE TABLE orders (
    id bigint NOT NULL,
    ref bigint,
    user_id bigint,
    city_id bigint,
    total numeric,
    note text NOT NULL,
    status text,
    period tstzrange,
    created_at timestamptz
);
CREATE UNIQUE INDEX orders_id_idx ON orders (id);
CREATE UNIQUE INDEX orders_ref_idx ON orders (ref);
CREATE INDEX orders_user_idx ON orders (user_id);
CREATE TABLE items (
    id bigint PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users (id),
    qty int DEFAULT 1 CONSTRAINT items_qty_check CHECK (qty > 0)
);
CREATE INDEX items_user_idx ON items (user_id);
CREATE TABLE nn (id bigint CONSTRAINT nn_pkey PRIMARY KEY, v text);
CREATE TABLE nv (user_id bigint REFERENCES users (id));
CREATE TABLE bag (k bigint, v text);
CREATE UNIQUE INDEX bag_k_idx ON bag (k);
CREATE TABLE gen (
    id bigint,
    a int,
    b int GENERATED ALWAYS AS (a + 1) STORED,
    n bigint GENERATED ALWAYS AS IDENTITY,
    s serial,
    PRIMARY KEY (id, a)
);
CREATE TABLE shop."Order" (id bigint PRIMARY KEY, "userId" bigint, "Total" numeric(10, 2), code varchar(20), n int);
CREATE TABLE parent_t (x int);
CREATE TABLE child_t (x int);
CREATE TABLE events (id bigint, at date, user_id bigint) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE events_def PARTITION OF events DEFAULT;
CREATE TABLE events_2025 (id bigint, at date, user_id bigint);
CREATE TABLE logs (id bigint, at date) PARTITION BY RANGE (at);
CREATE TABLE logs_2024 PARTITION OF logs FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE docs (id bigint PRIMARY KEY, owner text);
ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
CREATE POLICY docs_owner ON docs USING (owner = (SELECT current_user));
CREATE VIEW active_users AS SELECT id, email, name FROM users;
CREATE MATERIALIZED VIEW order_stats AS SELECT user_id, count(*) AS n FROM orders GROUP BY user_id;
CREATE UNIQUE INDEX order_stats_idx ON order_stats (user_id);
CREATE FUNCTION f_add(a int, b int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a + b';
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER users_touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();
CREATE PUBLICATION pub FOR TABLE users;
