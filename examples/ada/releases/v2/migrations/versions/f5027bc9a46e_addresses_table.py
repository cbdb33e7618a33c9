"""addresses table

Revision ID: f5027bc9a46e
Revises: e18f6d20c7b9
Create Date: 2025-04-24 13:17:26.471595

"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = 'f5027bc9a46e'
down_revision = 'e18f6d20c7b9'
branch_labels = None
depends_on = None

def upgrade():
    op.create_table(
        'addresses',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('profile_id', sa.Integer(), nullable=False),
        sa.Column('street', sa.String(length=120), nullable=True),
        sa.Column('postal_code', sa.String(length=12), nullable=True),
        sa.Column('city', sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(
            ['profile_id'], ['profiles.id'], name='fk_addresses_profile_id_profiles'
        ),
        sa.PrimaryKeyConstraint('id', name='pk_addresses'),
        sa.UniqueConstraint('profile_id', name='uq_addresses_profile_id'),
    )
    op.execute("""
        INSERT INTO addresses (profile_id, street, postal_code, city)
        SELECT id, street, postal_code, city FROM profiles
        WHERE num_nonnulls(street, postal_code, city) > 0
        ORDER BY id
    """)
    op.drop_column('profiles', 'street')
    op.drop_column('profiles', 'postal_code')
    op.drop_column('profiles', 'city')


def downgrade():
    op.add_column('profiles', sa.Column('street', sa.String(length=120), nullable=True))
    op.add_column('profiles', sa.Column('postal_code', sa.String(length=12), nullable=True))
    op.add_column('profiles', sa.Column('city', sa.String(length=80), nullable=True))
    op.execute("""
        UPDATE profiles SET street = a.street, postal_code = a.postal_code, city = a.city
        FROM addresses a WHERE a.profile_id = profiles.id
    """)
    op.drop_table('addresses')
