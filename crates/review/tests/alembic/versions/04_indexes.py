"""indexes and constraints"""
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ExcludeConstraint

revision = "04"
down_revision = "03"


def upgrade():
    op.create_index("ix_a", "t", ["a"])
    op.create_index("ix_b", "t", ["a", "b"], unique=True, schema="s")
    op.create_index(op.f("ix_c"), "t", [sa.text("lower(a)"), "b"], postgresql_using="gin")
    op.create_index("ix_d", "t", ["a"], postgresql_where=sa.text("a IS NOT NULL"), if_not_exists=True)
    op.create_index("ix_e", "t", [sa.text("a DESC NULLS LAST")], postgresql_include=["b"])
    op.create_index("ix_f", "t", ["a"], unique=True, postgresql_nulls_not_distinct=True)
    op.create_index(index_name="ix_g", table_name="t", columns=["a"], postgresql_ops={"a": "text_pattern_ops"})
    op.create_index("ix_h", "t", [sa.func.lower(sa.column("a"))])
    op.create_index("ix_k", "t", [sa.column("a").desc(), sa.desc(sa.column("b")), sa.column("c").asc()])
    with op.get_context().autocommit_block():
        op.create_index("ix_i", "t", ["a"], postgresql_concurrently=True)
        op.drop_index("ix_j", table_name="t", postgresql_concurrently=True, if_exists=True)
    op.create_foreign_key("fk_a", "t", "u", ["a"], ["id"])
    op.create_foreign_key(
        "fk_b", "t", "u", ["a", "b"], ["c", "d"], ondelete="CASCADE", onupdate="CASCADE", source_schema="s",
        referent_schema="r", deferrable=True, postgresql_not_valid=True,
    )
    op.create_check_constraint("ck_a", "t", "a > 0 and b < 5")
    op.create_check_constraint("ck_b", "t", sa.column("a", sa.Integer()) > 5, schema="s", postgresql_not_valid=True)
    op.create_check_constraint("ck_c", "t", sa.and_(sa.column("a") != None, sa.column("b", sa.Integer()).in_([1, 2])))  # noqa: E711
    op.create_unique_constraint("uq_a", "t", ["a", "b"], schema="s")
    op.create_unique_constraint("uq_b", "t", ["a"], deferrable=True, initially="DEFERRED")
    op.create_primary_key("pk_a", "t", ["a", "b"])
    op.create_exclude_constraint("ex_a", "t", ("a", "&&"), ("b", "="), using="gist", where=sa.text("a IS NOT NULL"))


def downgrade():
    op.drop_constraint("fk_a", "t", type_="foreignkey")
    op.drop_constraint("fk_b", "t", schema="s")
    op.drop_constraint("uq_a", table_name="t", type_="unique", if_exists=True)
    op.drop_index("ix_a")
    op.drop_index("ix_b", "t", schema="s")
    op.drop_index(op.f("ix_c"), table_name="t", if_exists=True)
