"""order statuses

Revision ID: 17a9d4e8b350
Revises: f5027bc9a46e
Create Date: 2025-04-28 15:41:02.094727

"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = '17a9d4e8b350'
down_revision = 'f5027bc9a46e'
branch_labels = None
depends_on = None

STATUSES = (
    (1, 'pending', 'Waiting for payment'),
    (2, 'paid', 'Paid'),
    (3, 'shipped', 'On its way'),
    (4, 'delivered', 'Delivered'),
    (5, 'cancelled', 'Cancelled'),
)


def upgrade():
    statuses = op.create_table(
        'order_statuses',
        sa.Column('id', sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column('code', sa.String(length=20), nullable=False),
        sa.Column('label', sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_order_statuses'),
        sa.UniqueConstraint('code', name='uq_order_statuses_code'),
    )
    op.bulk_insert(
        statuses,
        [{'id': id, 'code': code, 'label': label} for id, code, label in STATUSES],
    )
    op.add_column(
        'orders',
        sa.Column('status_id', sa.SmallInteger(), server_default=sa.text('1'), nullable=True),
    )
    # A status that is not in the table leaves NULL, and stops here at SET NOT NULL.
    # The trigger would call every order updated.
    op.execute('ALTER TABLE orders DISABLE TRIGGER orders_touch')
    op.execute("""
        UPDATE orders
        SET status_id = (SELECT id FROM order_statuses WHERE code = orders.status)
    """)
    op.execute('ALTER TABLE orders ENABLE TRIGGER orders_touch')
    op.alter_column('orders', 'status_id', nullable=False)
    op.create_foreign_key(
        'fk_orders_status_id_order_statuses',
        'orders', 'order_statuses', ['status_id'], ['id'],
    )
    op.create_index('ix_orders_status_id', 'orders', ['status_id'])
    op.drop_index('ix_orders_status', 'orders')
    op.drop_column('orders', 'status')


def downgrade():
    op.add_column(
        'orders',
        sa.Column(
            'status', sa.String(length=20), server_default=sa.text("'pending'"), nullable=False
        ),
    )
    op.execute('ALTER TABLE orders DISABLE TRIGGER orders_touch')
    op.execute("""
        UPDATE orders SET status = s.code FROM order_statuses s WHERE s.id = orders.status_id
    """)
    op.execute('ALTER TABLE orders ENABLE TRIGGER orders_touch')
    op.create_index('ix_orders_status', 'orders', ['status'])
    op.drop_column('orders', 'status_id')
    op.drop_table('order_statuses')
