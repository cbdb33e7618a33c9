"""normalise contacts

Revision ID: e18f6d20c7b9
Revises: d94b17a3e06c
Create Date: 2025-04-22 09:05:41.882063

"""
from alembic import op

# revision identifiers, used by Alembic.
revision = 'e18f6d20c7b9'
down_revision = 'd94b17a3e06c'
branch_labels = None
depends_on = None

# 0151/…, 0049-151-… and +49 151 … all become +49151…
PHONE = """
    regexp_replace(regexp_replace(regexp_replace(
        phone, '[^0-9+]', '', 'g'), '^00', '+'), '^0', '+49')
"""


def upgrade():
    # What the customers wrote is kept where it changes.
    op.execute(f"""
        CREATE TABLE archive.users_contact AS
        SELECT id AS user_id, email, phone FROM users
        WHERE email <> lower(email) OR phone <> {PHONE}
    """)
    op.execute(f"""
        UPDATE users SET email = lower(email), phone = {PHONE}
        WHERE email <> lower(email) OR phone <> {PHONE}
    """)
    op.create_check_constraint('email', 'users', 'email = lower(email)')


def downgrade():
    op.drop_constraint('email', 'users', type_='check')
    # Only what nobody has changed since goes back to how it was written.
    op.execute("""
        UPDATE users SET email = kept.email
        FROM archive.users_contact kept
        WHERE kept.user_id = users.id AND users.email = lower(kept.email)
    """)
    op.execute(f"""
        UPDATE users SET phone = kept.phone
        FROM (SELECT user_id, phone, {PHONE} AS normal FROM archive.users_contact) kept
        WHERE kept.user_id = users.id AND users.phone = kept.normal
    """)
    op.execute('DROP TABLE archive.users_contact')
