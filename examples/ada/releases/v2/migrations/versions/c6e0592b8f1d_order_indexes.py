"""order indexes

Revision ID: c6e0592b8f1d
Revises: a3d81c6f70b5
Create Date: 2025-04-14 10:44:59.207336

"""
from alembic import op

# revision identifiers, used by Alembic.
revision = 'c6e0592b8f1d'
down_revision = 'a3d81c6f70b5'
branch_labels = None
depends_on = None

def upgrade():
    op.create_index('ix_orders_user_id_placed_at', 'orders', ['user_id', 'placed_at'])
    op.drop_index('ix_orders_user_id', 'orders')
    op.create_index('ix_order_items_product_id', 'order_items', ['product_id'])
    op.drop_index('ix_users_name', 'users')


def downgrade():
    op.create_index('ix_users_name', 'users', ['name'])
    op.drop_index('ix_order_items_product_id', 'order_items')
    op.create_index('ix_orders_user_id', 'orders', ['user_id'])
    op.drop_index('ix_orders_user_id_placed_at', 'orders')
