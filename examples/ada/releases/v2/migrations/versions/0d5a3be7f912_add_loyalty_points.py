"""add loyalty points

Revision ID: 0d5a3be7f912
Revises: b27e94d0c5a1
Create Date: 2025-04-07 08:31:05.902114

"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = '0d5a3be7f912'
down_revision = 'b27e94d0c5a1'
branch_labels = None
depends_on = None

def upgrade():
    op.add_column(
        'users',
        sa.Column('loyalty_points', sa.Integer(), server_default=sa.text('0'), nullable=False),
    )
    op.execute("""
        UPDATE users SET loyalty_points = 10 * o.orders
        FROM (SELECT user_id, count(*) AS orders FROM orders
              WHERE status = 'delivered' GROUP BY user_id) o
        WHERE o.user_id = users.id
    """)


def downgrade():
    op.drop_column('users', 'loyalty_points')
