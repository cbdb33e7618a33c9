"""town in profiles

Revision ID: 83d6f1b70e4c
Revises: 36cb5f812e94
Create Date: 2025-06-10 11:02:36.188450

"""
from alembic import op

# revision identifiers, used by Alembic.
revision = '83d6f1b70e4c'
down_revision = '36cb5f812e94'
branch_labels = None
depends_on = None

def upgrade():
    # The greeting needs the town; profiles are written anew with it.
    op.execute('''
        CREATE TABLE profiles_new (
            id serial,
            user_id integer NOT NULL,
            bio text,
            birthday date,
            preferences jsonb DEFAULT '{}'::jsonb NOT NULL,
            tags text[] DEFAULT '{}'::text[] NOT NULL,
            avatar bytea,
            town varchar(80)
        )
    ''')
    op.execute('''
        INSERT INTO profiles_new
        SELECT p.id, p.user_id, p.bio, p.birthday, p.preferences, p.tags, p.avatar, a.city
        FROM profiles p JOIN addresses a ON a.profile_id = p.id
    ''')
    op.drop_constraint('fk_addresses_profile_id_profiles', 'addresses')
    op.drop_table('profiles')
    op.rename_table('profiles_new', 'profiles')
    op.execute('ALTER SEQUENCE profiles_new_id_seq RENAME TO profiles_id_seq')
    op.create_primary_key('pk_profiles', 'profiles', ['id'])
    op.create_unique_constraint('uq_profiles_user_id', 'profiles', ['user_id'])
    op.create_foreign_key(
        'fk_profiles_user_id_users', 'profiles', 'users', ['user_id'], ['id']
    )
    op.create_foreign_key(
        'fk_addresses_profile_id_profiles', 'addresses', 'profiles', ['profile_id'], ['id']
    )


def downgrade():
    op.drop_column('profiles', 'town')
