"""reporting and archive

Revision ID: b27e94d0c5a1
Revises: 8c1f0a2d6b34
Create Date: 2025-02-17 14:05:22.640917

"""
from alembic import op

# revision identifiers, used by Alembic.
revision = 'b27e94d0c5a1'
down_revision = '8c1f0a2d6b34'
branch_labels = None
depends_on = None


def upgrade():
    # Invoice numbers go on over all orders; no column owns the sequence.
    op.execute('CREATE SEQUENCE invoice_number_seq AS bigint START 100000')

    op.execute("""
        CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.updated_at := now();
            RETURN NEW;
        END
        $$
    """)
    op.execute("""
        CREATE TRIGGER orders_touch BEFORE UPDATE ON orders
        FOR EACH ROW EXECUTE FUNCTION touch_updated_at()
    """)

    op.execute("""
        CREATE VIEW customer_totals AS
        SELECT user_id, count(*) AS orders, sum(total_cents) AS total_cents
        FROM orders
        GROUP BY user_id
    """)
    op.execute("""
        CREATE MATERIALIZED VIEW monthly_orders AS
        SELECT date_trunc('month', placed_at AT TIME ZONE 'UTC')::date AS month,
               count(*) AS orders,
               count(DISTINCT user_id) AS customers
        FROM orders
        GROUP BY 1
    """)
    op.execute('CREATE UNIQUE INDEX ix_monthly_orders_month ON monthly_orders (month)')

    # Rows that leave the shop are kept here.
    op.execute('CREATE SCHEMA archive')


def downgrade():
    op.execute('DROP SCHEMA archive')
    op.execute('DROP MATERIALIZED VIEW monthly_orders')
    op.execute('DROP VIEW customer_totals')
    op.execute('DROP TRIGGER orders_touch ON orders')
    op.execute('DROP FUNCTION touch_updated_at()')
    op.execute('DROP SEQUENCE invoice_number_seq')
