"""archive expired sessions

Revision ID: 36cb5f812e94
Revises: 17a9d4e8b350
Create Date: 2025-05-05 07:52:14.360289

"""
from alembic import op

# revision identifiers, used by Alembic.
revision = '36cb5f812e94'
down_revision = '17a9d4e8b350'
branch_labels = None
depends_on = None

def upgrade():
    op.execute('CREATE TABLE archive.sessions (LIKE public.sessions)')
    op.execute("""
        WITH expired AS (
            DELETE FROM public.sessions WHERE expires_at < now() RETURNING *
        )
        INSERT INTO archive.sessions SELECT * FROM expired
    """)


def downgrade():
    # Sessions of customers who have left since stay away.
    op.execute("""
        INSERT INTO public.sessions
        SELECT s.* FROM archive.sessions s JOIN public.users u ON u.id = s.user_id
    """)
    op.execute('DROP TABLE archive.sessions')
