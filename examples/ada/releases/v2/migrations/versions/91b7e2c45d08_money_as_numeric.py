"""money as numeric

Revision ID: 91b7e2c45d08
Revises: 4f60c8a1d3e7
Create Date: 2025-04-09 16:20:33.015478

"""
from alembic import op

# revision identifiers, used by Alembic.
revision = '91b7e2c45d08'
down_revision = '4f60c8a1d3e7'
branch_labels = None
depends_on = None

COLUMNS = (
    ('products', 'price_cents', 'price'),
    ('orders', 'total_cents', 'total'),
    ('order_items', 'unit_price_cents', 'unit_price'),
)


def upgrade():
    drop_view()
    for table, cents, money in COLUMNS:
        op.execute(f"""
            ALTER TABLE {table}
            ALTER COLUMN {cents} TYPE numeric(12, 2) USING {cents} / 100.0
        """)
        op.alter_column(table, cents, new_column_name=money)
    op.execute("""
        CREATE VIEW customer_totals AS
        SELECT user_id, count(*) AS orders, sum(total) AS total
        FROM orders
        GROUP BY user_id
    """)
    grant_again()


def downgrade():
    drop_view()
    for table, cents, money in COLUMNS:
        op.alter_column(table, money, new_column_name=cents)
        op.execute(f"""
            ALTER TABLE {table}
            ALTER COLUMN {cents} TYPE integer USING ({cents} * 100)::integer
        """)
    op.execute("""
        CREATE VIEW customer_totals AS
        SELECT user_id, count(*) AS orders, sum(total_cents) AS total_cents
        FROM orders
        GROUP BY user_id
    """)
    grant_again()


def drop_view():
    """A view pins the types of its columns; who may read it goes with it."""
    op.execute("""
        CREATE TEMPORARY TABLE kept_grants AS
        SELECT DISTINCT privilege_type, grantee::regrole::text AS role
        FROM pg_class, aclexplode(relacl)
        WHERE oid = 'customer_totals'::regclass AND grantee NOT IN (0, relowner)
    """)
    op.execute('DROP VIEW customer_totals')


def grant_again():
    op.execute("""
        DO $$
        DECLARE
            kept record;
        BEGIN
            FOR kept IN SELECT * FROM kept_grants LOOP
                EXECUTE 'GRANT ' || kept.privilege_type
                    || ' ON customer_totals TO ' || kept.role;
            END LOOP;
        END
        $$
    """)
    op.execute('DROP TABLE kept_grants')
