"""Fills an empty database, always with the same rows:

python -m app.seed --users 20000 --orders 200000
"""

import argparse
import sys

from sqlalchemy import text

from . import create_app, revisions
from .models import db

PRODUCTS = """
INSERT INTO products (id, sku, name, category, price, weight, attributes)
SELECT p, 'ADA-' || lpad(p::text, 5, '0'), 'Product ' || p,
       (ARRAY['book', 'game', 'tool'])[1 + p % 3]::product_category,
       (199 + (p * 1373) % 9000) / 100.0, (p * 37 % 2500) / 1000.0,
       json_build_object('colour', (ARRAY['red', 'green', 'blue'])[1 + p % 3], 'pages', p * 11)
FROM generate_series(1, 50) p
"""

# One customer in fifty has the phone of the one before.
USERS = """
INSERT INTO users (id, email, name, phone, country_code, newsletter, created_at, loyalty_points)
SELECT u,
       'customer.' || u || '@example.org',
       'Customer ' || lpad(u::text, 6, '0'),
       CASE WHEN u % 20 <> 19 THEN '+49151' || n END,
       (ARRAY['AT','BE','CH','DE','DK','ES','FR','IT','NL','PL'])[1 + u % 10],
       u % 5 = 0,
       timestamptz '2023-01-01 00:00+00' + u * interval '1111 seconds',
       u % 13 * 10
FROM generate_series(1, :users) u,
     LATERAL (SELECT lpad((CASE WHEN u % 50 = 7 THEN u - 1 ELSE u END)::text, 7, '0') AS n) phone
"""

PROFILES = """
INSERT INTO profiles (id, user_id, bio, birthday, preferences, tags, avatar)
SELECT u, u,
       CASE WHEN u % 4 = 0 THEN repeat('Likes product ' || u % 50 || '. ', 1 + u % 5) END,
       date '1950-01-01' + u % 18000,
       jsonb_build_object('theme', (ARRAY['light', 'dark'])[1 + u % 2], 'page_size', 10 + u % 40),
       CASE WHEN u % 6 = 0 THEN ARRAY['early', 'wholesale'] ELSE '{}' END,
       CASE WHEN u % 100 = 0 THEN decode(repeat(md5(u::text), 8), 'hex') END
FROM generate_series(1, :users) u
"""

# One customer in forty has told no address.
ADDRESSES = """
INSERT INTO addresses (profile_id, street, postal_code, city)
SELECT u, 'Street ' || u % 997 || ', ' || 1 + u % 80,
       lpad((u * 7 % 100000)::text, 5, '0'), 'Town ' || u % 211
FROM generate_series(1, :users) u WHERE u % 40 <> 3
ORDER BY u
"""

# Each order has one product, every second one more.
ORDERS = """
INSERT INTO orders (id, reference, user_id, invoice_number, note, total,
                    placed_at, updated_at, status_id)
SELECT o, 'seed-' || o, 1 + (o::bigint * 7919) % :users,
       CASE WHEN o % 5 > 0 THEN 100000 + o END,
       CASE WHEN o % 10 = 0 THEN 'Leave it at the door ' || o % 90 END,
       (1 + o % 3) * first.price + CASE WHEN o % 2 = 0 THEN second.price ELSE 0 END,
       timestamptz '2024-01-01 00:00+00' + o * interval '97 seconds',
       timestamptz '2024-01-02 00:00+00' + o * interval '97 seconds',
       1 + o % 5
FROM generate_series(1, :orders) o
JOIN products first ON first.id = 1 + o % 50
JOIN products second ON second.id = 1 + (o + 17) % 50
ORDER BY o
"""

ORDER_ITEMS = """
INSERT INTO order_items (order_id, line, product_id, quantity, unit_price)
SELECT o, line, p.id, CASE line WHEN 1 THEN 1 + o % 3 ELSE 1 END, p.price
FROM generate_series(1, :orders) o
CROSS JOIN generate_series(1, 2) line
JOIN products p ON p.id = 1 + (o + CASE line WHEN 1 THEN 0 ELSE 17 END) % 50
WHERE line = 1 OR o % 2 = 0
ORDER BY o, line
"""

# One session in three is for a long time; the others have expired.
SESSIONS = """
INSERT INTO sessions (id, user_id, created_at, expires_at, data)
SELECT md5('session ' || s)::uuid, 1 + s % :users, created,
       created + CASE WHEN s % 3 = 0 THEN interval '100 years' ELSE interval '1 day' END,
       json_build_object('cart', json_build_array(1 + s % 50))
FROM generate_series(1, :users / 2) s,
     LATERAL (SELECT timestamptz '2024-06-01 00:00+00' + s * interval '61 seconds' AS created) c
"""

DOCUMENTS = """
INSERT INTO documents (name, content)
SELECT name, lo_from_bytea(oid, convert_to(repeat(name || E'\\n', lines), 'UTF8'))
FROM (VALUES (910001::oid, 'Terms', 4000), (910002::oid, 'Returns', 300)) d (oid, name, lines)
"""

SEQUENCES = """
SELECT setval(pg_get_serial_sequence(t, 'id'), n)
FROM (SELECT 'products' AS t, max(id) AS n FROM products
      UNION ALL SELECT 'users', max(id) FROM users
      UNION ALL SELECT 'profiles', max(id) FROM profiles
      UNION ALL SELECT 'orders', max(id) FROM orders) s
WHERE n IS NOT NULL
"""

INVOICES = "SELECT setval('invoice_number_seq', 100000 + :orders)"

GRANTS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'ada_reporting') THEN
        GRANT USAGE ON SCHEMA public TO ada_reporting;
        GRANT SELECT ON orders, order_items, products, customer_totals, monthly_orders
            TO ada_reporting;
        GRANT SELECT (id, country_code, created_at) ON users TO ada_reporting;
    END IF;
END
$$
"""

STEPS = [
    PRODUCTS, USERS, PROFILES, ADDRESSES, ORDERS, ORDER_ITEMS, SESSIONS,
    DOCUMENTS, SEQUENCES, INVOICES, GRANTS, "REFRESH MATERIALIZED VIEW monthly_orders",
]


def main():
    parser = argparse.ArgumentParser(prog="python -m app.seed")
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--orders", type=int, default=200_000)
    options = parser.parse_args()
    if options.users < 10 or options.orders < 1:
        parser.error("at least 10 users and 1 order")

    with create_app().app_context():
        if revisions.current() != revisions.expected():
            sys.exit("the database is not at this release's revision; run: flask db upgrade")
        if db.session.scalar(text("SELECT EXISTS (SELECT FROM users)")):
            sys.exit("the database has users already; nothing was done")
        for step in STEPS:
            wanted = {n: v for n, v in vars(options).items() if f":{n}" in step}
            db.session.execute(text(step), wanted)
        db.session.commit()
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
    print(f"{options.users} users, {options.orders} orders")


if __name__ == "__main__":
    main()
