"""wide order item ids

Revision ID: a3d81c6f70b5
Revises: 91b7e2c45d08
Create Date: 2025-04-09 17:02:11.748820

"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = 'a3d81c6f70b5'
down_revision = '91b7e2c45d08'
branch_labels = None
depends_on = None

def upgrade():
    op.alter_column('order_items', 'id', type_=sa.BigInteger(), existing_type=sa.Integer())
    op.execute('ALTER SEQUENCE order_items_id_seq AS bigint')


def downgrade():
    op.execute('ALTER SEQUENCE order_items_id_seq AS integer')
    op.alter_column('order_items', 'id', type_=sa.Integer(), existing_type=sa.BigInteger())
