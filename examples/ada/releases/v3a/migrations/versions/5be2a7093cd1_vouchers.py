"""vouchers

Revision ID: 5be2a7093cd1
Revises: 36cb5f812e94
Create Date: 2025-06-10 09:21:50.730248

"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = '5be2a7093cd1'
down_revision = '36cb5f812e94'
branch_labels = None
depends_on = None

def upgrade():
    op.create_table(
        'vouchers',
        sa.Column('code', sa.String(length=20), nullable=False),
        sa.Column('user_id', sa.Integer(), nullable=False),
        sa.Column('value', sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column(
            'issued_at', sa.DateTime(timezone=True),
            server_default=sa.text('now()'), nullable=False,
        ),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name='fk_vouchers_user_id_users'),
        sa.PrimaryKeyConstraint('code', name='pk_vouchers'),
    )
    op.create_index('ix_vouchers_user_id', 'vouchers', ['user_id'])


def downgrade():
    op.drop_table('vouchers')
