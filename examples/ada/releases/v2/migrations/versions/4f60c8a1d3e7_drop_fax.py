"""drop fax

Revision ID: 4f60c8a1d3e7
Revises: 0d5a3be7f912
Create Date: 2025-04-07 08:58:47.330651

"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = '4f60c8a1d3e7'
down_revision = '0d5a3be7f912'
branch_labels = None
depends_on = None

def upgrade():
    # The numbers are kept, so that the way back has them.
    op.execute("""
        CREATE TABLE archive.users_fax AS
        SELECT id AS user_id, fax FROM users WHERE fax IS NOT NULL
    """)
    op.drop_column('users', 'fax')


def downgrade():
    op.add_column('users', sa.Column('fax', sa.String(length=40), nullable=True))
    op.execute("""
        UPDATE users SET fax = kept.fax
        FROM archive.users_fax kept WHERE kept.user_id = users.id
    """)
    op.execute('DROP TABLE archive.users_fax')
