"""initial shop

Revision ID: 8c1f0a2d6b34
Revises:
Create Date: 2025-02-03 09:12:40.118305

"""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision = '8c1f0a2d6b34'
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'countries',
        sa.Column('code', sa.String(length=2), nullable=False),
        sa.Column('name', sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint('code', name='pk_countries'),
        sa.UniqueConstraint('name', name='uq_countries_name')
    )
    op.bulk_insert(
        sa.table('countries', sa.column('code', sa.String()), sa.column('name', sa.String())),
        [
            {'code': code, 'name': name}
            for code, name in (
                ('AT', 'Austria'), ('BE', 'Belgium'), ('CH', 'Switzerland'),
                ('DE', 'Germany'), ('DK', 'Denmark'), ('ES', 'Spain'),
                ('FR', 'France'), ('IT', 'Italy'), ('NL', 'Netherlands'),
                ('PL', 'Poland'),
            )
        ],
    )
    op.create_table(
        'documents',
        sa.Column('id', sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column('name', sa.String(length=120), nullable=False),
        sa.Column('content', postgresql.OID(), nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_documents'),
        sa.UniqueConstraint('name', name='uq_documents_name')
    )
    op.create_table(
        'products',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('sku', sa.String(length=20), nullable=False),
        sa.Column('name', sa.String(length=120), nullable=False),
        sa.Column('category', postgresql.ENUM('book', 'game', 'tool', name='product_category'), nullable=False),
        sa.Column('price_cents', sa.Integer(), nullable=False),
        sa.Column('weight', sa.Numeric(precision=8, scale=3), nullable=True),
        sa.Column('attributes', postgresql.JSON(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint('id', name='pk_products'),
        sa.UniqueConstraint('sku', name='uq_products_sku')
    )
    op.create_table(
        'service_starts',
        sa.Column('id', sa.BigInteger(), nullable=False),
        sa.Column('release', sa.String(length=20), nullable=False),
        sa.Column('started_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_service_starts')
    )
    op.create_table(
        'users',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('email', sa.String(length=255), nullable=False),
        sa.Column('name', sa.String(length=120), nullable=False),
        sa.Column('phone', sa.String(length=40), nullable=True),
        sa.Column('country_code', sa.String(length=2), nullable=False),
        sa.Column('newsletter', sa.Boolean(), server_default=sa.text('false'), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
        sa.Column('fax', sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(['country_code'], ['countries.code'], name='fk_users_country_code_countries'),
        sa.PrimaryKeyConstraint('id', name='pk_users'),
        sa.UniqueConstraint('email', name='uq_users_email'),
        comment='Customers of the shop'
    )
    op.create_index('ix_users_name', 'users', ['name'])

    op.create_table(
        'orders',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('reference', sa.String(length=64), nullable=False, comment='Chosen by the client'),
        sa.Column('user_id', sa.Integer(), nullable=False),
        sa.Column('invoice_number', sa.BigInteger(), nullable=True),
        sa.Column('note', sa.Text(), nullable=True),
        sa.Column('total_cents', sa.Integer(), nullable=False),
        sa.Column('placed_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=True),
        sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
        sa.Column('status', sa.String(length=20), server_default=sa.text("'pending'"), nullable=False),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name='fk_orders_user_id_users'),
        sa.PrimaryKeyConstraint('id', name='pk_orders'),
        sa.UniqueConstraint('invoice_number', name='uq_orders_invoice_number'),
        sa.UniqueConstraint('reference', name='uq_orders_reference'),
        comment='One row for each order; an order is never deleted'
    )
    op.create_index('ix_orders_placed_at', 'orders', ['placed_at'])
    op.create_index('ix_orders_status', 'orders', ['status'])
    op.create_index('ix_orders_user_id', 'orders', ['user_id'])

    op.create_table(
        'profiles',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('user_id', sa.Integer(), nullable=False),
        sa.Column('bio', sa.Text(), nullable=True),
        sa.Column('birthday', sa.Date(), nullable=True),
        sa.Column('preferences', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column('tags', postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'::text[]"), nullable=False),
        sa.Column('avatar', sa.LargeBinary(), nullable=True),
        sa.Column('street', sa.String(length=120), nullable=True),
        sa.Column('postal_code', sa.String(length=12), nullable=True),
        sa.Column('city', sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name='fk_profiles_user_id_users'),
        sa.PrimaryKeyConstraint('id', name='pk_profiles')
    )
    op.create_index('ix_profiles_user_id', 'profiles', ['user_id'])

    op.create_table(
        'sessions',
        sa.Column('id', sa.UUID(), nullable=False),
        sa.Column('user_id', sa.Integer(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
        sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('data', postgresql.JSON(astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name='fk_sessions_user_id_users'),
        sa.PrimaryKeyConstraint('id', name='pk_sessions')
    )
    op.create_index('ix_sessions_expires_at', 'sessions', ['expires_at'])
    op.create_index('ix_sessions_user_id', 'sessions', ['user_id'])

    op.create_table(
        'order_items',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('order_id', sa.Integer(), nullable=False),
        sa.Column('line', sa.SmallInteger(), nullable=False),
        sa.Column('product_id', sa.Integer(), nullable=False),
        sa.Column('quantity', sa.Integer(), nullable=False),
        sa.Column('unit_price_cents', sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name='fk_order_items_order_id_orders'),
        sa.PrimaryKeyConstraint('id', name='pk_order_items'),
        sa.UniqueConstraint('order_id', 'line', name='uq_order_items_order_id_line')
    )


def downgrade():
    op.drop_table('order_items')
    op.drop_index('ix_sessions_user_id', 'sessions')
    op.drop_index('ix_sessions_expires_at', 'sessions')

    op.drop_table('sessions')
    op.drop_index('ix_profiles_user_id', 'profiles')

    op.drop_table('profiles')
    op.drop_index('ix_orders_user_id', 'orders')
    op.drop_index('ix_orders_status', 'orders')
    op.drop_index('ix_orders_placed_at', 'orders')

    op.drop_table('orders')
    op.drop_index('ix_users_name', 'users')

    op.drop_table('users')
    op.drop_table('service_starts')
    op.drop_table('products')
    op.execute('SELECT lo_unlink(content) FROM documents')
    op.drop_table('documents')
    op.drop_table('countries')
    op.execute('DROP TYPE product_category')
