"""unique phones

Revision ID: 72c49e05fa18
Revises: 5be2a7093cd1
Create Date: 2025-06-12 16:38:09.514772

"""
from alembic import op

# revision identifiers, used by Alembic.
revision = '72c49e05fa18'
down_revision = '5be2a7093cd1'
branch_labels = None
depends_on = None

def upgrade():
    # Who has told a phone gets ten points, and logs in with it from now on.
    op.execute('UPDATE users SET loyalty_points = loyalty_points + 10 WHERE phone IS NOT NULL')
    op.create_unique_constraint('uq_users_phone', 'users', ['phone'])


def downgrade():
    op.drop_constraint('uq_users_phone', 'users')
    op.execute('UPDATE users SET loyalty_points = loyalty_points - 10 WHERE phone IS NOT NULL')
