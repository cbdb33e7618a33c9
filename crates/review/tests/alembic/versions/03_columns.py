"""columns"""
import sqlalchemy as sa
from alembic import op

revision: str = "03"
down_revision: str = "02"

table = "users"


def _added(name, of=sa.Integer()):
    op.add_column(table, sa.Column(name, of, nullable=False, server_default="0"))


def upgrade() -> None:
    op.add_column(table, sa.Column("id", sa.Integer(), primary_key=True))
    op.add_column(table, sa.Column("a", sa.Integer(), sa.ForeignKey("b.id", name="fk", ondelete="CASCADE")))
    op.add_column(table, sa.Column("c", sa.Text(), unique=True, comment="it's"), schema="s")
    op.add_column(table, sa.Column("d", sa.Text(), index=True), if_not_exists=True)
    op.add_column("users", sa.Column("e", sa.Text(), index=True), schema="s")
    _added("f")
    _added("g", of=sa.BigInteger())
    op.drop_column("users", "h", schema="s")
    op.drop_column(table_name="users", column_name="h", if_exists=True)
    op.alter_column("users", "a", nullable=False)
    op.alter_column("users", "a", existing_type=sa.Integer(), nullable=True, schema="s")
    op.alter_column("users", "a", type_=sa.BigInteger(), existing_type=sa.Integer(), postgresql_using="a::bigint")
    op.alter_column("users", "a", type_=sa.String(30, collation="C"), existing_type=sa.String(20), existing_nullable=False)
    op.alter_column("users", "a", server_default=None)
    op.alter_column("users", "a", server_default="x")
    op.alter_column("users", "a", server_default=sa.text("now()"))
    op.alter_column("users", "a", new_column_name="b")
    op.alter_column("users", "a", comment="c")
    op.alter_column("users", "a", server_default=sa.Identity())
    op.alter_column("users", "a", server_default=None, existing_server_default=sa.Identity())
    op.alter_column(
        "users", "a", type_=sa.Text(), nullable=False, server_default="y", comment=None, new_column_name="z",
        existing_type=sa.Integer(),
    )


def downgrade() -> None:
    with op.batch_alter_table("users", schema="s") as batch_op:
        batch_op.add_column(sa.Column("x", sa.Integer(), nullable=True))
        batch_op.drop_column("y")
        batch_op.alter_column("z", existing_type=sa.Integer(), nullable=False)
        batch_op.alter_column("z", new_column_name="w")
        batch_op.create_index(batch_op.f("ix"), ["x"], unique=True)
        batch_op.drop_index("ix2")
        batch_op.create_foreign_key("fk", "others", ["x"], ["id"], ondelete="SET NULL", referent_schema="t")
        batch_op.create_check_constraint("ck", "x > 0")
        batch_op.create_unique_constraint("uq", ["x", "w"])
        batch_op.create_primary_key("pk", ["x"])
        batch_op.drop_constraint("ck", type_="check")
