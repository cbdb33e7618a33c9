"""tables"""
import enum

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, ForeignKey, Integer
from sqlalchemy.dialects import postgresql as pg

revision = "01"
down_revision = None

SCHEMA = "shop"


class Colour(enum.Enum):
    red = 1
    green = 2


def upgrade():
    op.create_table(
        "plain",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plain")),
        sa.UniqueConstraint("name", name="uq_plain"),
        sa.CheckConstraint("name <> ''", name="named"),
    )
    op.create_table(
        "columns",
        Column("id", Integer, primary_key=True),
        Column("plain_id", Integer, ForeignKey("plain.id", ondelete="CASCADE"), index=True),
        Column("code", sa.Text, unique=True, comment="as printed"),
        Column("both", sa.Text, unique=True, index=True),
        Column("a", sa.BigInteger, sa.Identity(always=True)),
        Column("b", sa.Integer, sa.Computed("plain_id * 2", persisted=True)),
        Column("c", sa.String(5, collation="C"), server_default="x"),
        Column("d", sa.Integer, server_default=sa.text("0")),
        Column("e", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        Column("f", sa.Boolean, server_default=sa.false()),
        Column("g", sa.Boolean(), server_default=sa.sql.expression.true()),
        Column("h", pg.UUID(as_uuid=True), server_default=sa.text("gen_random_uuid()")),
        Column("i", sa.DateTime, server_default=sa.func.current_timestamp()),
        Column("j", pg.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb")),
        schema=SCHEMA,
        comment="with everything",
    )
    op.create_table("big", sa.Column("id", sa.BigInteger(), primary_key=True), prefixes=["UNLOGGED"])
    op.create_table("small", sa.Column("id", sa.SmallInteger(), primary_key=True), prefixes=["TEMPORARY"])
    op.create_table("own", sa.Column("id", sa.Integer(), autoincrement=False, primary_key=True))
    op.create_table(
        "child",
        sa.Column("id", sa.Integer(), sa.ForeignKey("plain.id"), primary_key=True),
        sa.Column("other", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["other"], ["shop.columns.id"], name="fk_other", ondelete="SET NULL", deferrable=True, initially="DEFERRED"
        ),
    )
    op.create_table(
        "pairs",
        sa.Column("a", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("b", sa.Integer(), primary_key=True),
        sa.Column("c", sa.Integer(), primary_key=True),
    )
    op.create_table(
        "keyed",
        sa.Column("id", sa.Integer()),
        sa.Column("n", sa.Integer(), sa.CheckConstraint("n > 0", name="positive")),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_table(
        "measured",
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("kind", sa.Enum("x", "y", name="kind", schema="shop")),
        sa.Column("colour", sa.Enum(Colour)),
        sa.Column("again", pg.ENUM("x", "y", name="other_kind", create_type=False)),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_table("nothing")
    op.create_table_comment("plain", "plain things")
    op.drop_table_comment("plain")


def downgrade():
    op.drop_table("nothing")
    op.drop_table("plain", schema="shop", if_exists=True)
    op.rename_table("columns", "more_columns", schema=SCHEMA)
    op.execute("DROP TYPE shop.kind")
