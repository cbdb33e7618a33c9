"""tighter constraints

Revision ID: d94b17a3e06c
Revises: c6e0592b8f1d
Create Date: 2025-04-14 11:30:18.559902

"""
from alembic import op

# revision identifiers, used by Alembic.
revision = 'd94b17a3e06c'
down_revision = 'c6e0592b8f1d'
branch_labels = None
depends_on = None

def upgrade():
    op.alter_column('orders', 'placed_at', nullable=False)

    op.create_check_constraint('total', 'orders', 'total >= 0')
    op.create_check_constraint('quantity', 'order_items', 'quantity > 0')

    op.create_unique_constraint('uq_profiles_user_id', 'profiles', ['user_id'])
    op.drop_index('ix_profiles_user_id', 'profiles')

    op.create_foreign_key(
        'fk_order_items_product_id_products',
        'order_items', 'products', ['product_id'], ['id'],
    )
    op.drop_constraint('fk_sessions_user_id_users', 'sessions')
    op.create_foreign_key(
        'fk_sessions_user_id_users',
        'sessions', 'users', ['user_id'], ['id'], ondelete='CASCADE',
    )


def downgrade():
    op.drop_constraint('fk_sessions_user_id_users', 'sessions')
    op.create_foreign_key(
        'fk_sessions_user_id_users', 'sessions', 'users', ['user_id'], ['id']
    )
    op.drop_constraint('fk_order_items_product_id_products', 'order_items')

    op.create_index('ix_profiles_user_id', 'profiles', ['user_id'])
    op.drop_constraint('uq_profiles_user_id', 'profiles')

    op.drop_constraint('quantity', 'order_items', type_='check')
    op.drop_constraint('total', 'orders', type_='check')

    op.alter_column('orders', 'placed_at', nullable=True)
