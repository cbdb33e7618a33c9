"""order channel

Revision ID: ac17f39d5e60
Revises: 36cb5f812e94
Create Date: 2025-06-11 10:33:27.406981

"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = 'ac17f39d5e60'
down_revision = '36cb5f812e94'
branch_labels = None
depends_on = None

def upgrade():
    op.add_column(
        'orders',
        sa.Column(
            'channel', sa.String(length=20), server_default=sa.text("'web'"), nullable=False
        ),
    )


def downgrade():
    op.drop_column('orders', 'channel')
