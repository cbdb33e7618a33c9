"""sql"""
import textwrap

import sqlalchemy as sa
from alembic import op
from sqlalchemy import column, table, text
from sqlalchemy.sql import func

revision = "05"
down_revision = ("04")

TABLE = "users"
COLUMNS = ["a", "b"]
WHERE = """
    WHERE a IS NULL
"""

users = table("users", column("id", sa.Integer()), column("name", sa.String()), column("active", sa.Boolean()))
logs = sa.table("logs", sa.column("id", sa.Integer()), schema="s")


def upgrade():
    op.execute("UPDATE users SET a = 1")
    op.execute('UPDATE users ' "SET a = 'x' "
               'WHERE b = 2')
    op.execute("UPDATE " + TABLE + " SET a = 1" + WHERE)
    op.execute(f"UPDATE {TABLE} SET {COLUMNS[0]} = 2 {WHERE}")
    op.execute("UPDATE %s SET a = %d" % (TABLE, 3))
    op.execute("UPDATE {} SET {name} = 4".format(TABLE, name="a"))
    op.execute(text("DELETE FROM users WHERE a = 5"))
    op.execute(sa.text(textwrap.dedent("""
        INSERT INTO users (a)
        SELECT b FROM others;
        DELETE FROM others
    """)))
    op.execute("ALTER TABLE users DROP COLUMN " + ", DROP COLUMN ".join(COLUMNS))
    sql = "CREATE VIEW v AS SELECT 1"
    op.execute(sqltext=sql)
    sql = sql.replace("v AS", "w AS")
    sql += " AS x"
    op.execute(sql)
    for name in COLUMNS:
        op.execute(f"ALTER TABLE users ADD COLUMN {name} int")
    for old, new in (("c", "d"), ("e", "f")):
        op.execute(f"ALTER TABLE users RENAME COLUMN {old} TO {new}")
    op.execute(users.update().values(active=True))
    op.execute(users.update().where(users.c.id == 5).values({"name": "x"}))
    op.execute(sa.update(users).where(users.c.name.is_(None)).where(users.c.id > 3).values(name=func.lower("A")))
    op.execute(users.delete())
    op.execute(sa.delete(logs).where(logs.c.id == op.inline_literal(7)))
    op.execute(sa.insert(users).values(id=1, name="y"))
    op.bulk_insert(users, [{"id": 1, "name": "a", "active": True}])
    op.execute(sa.schema.CreateSequence(sa.Sequence("numbers")))
    op.execute(sa.schema.DropSequence(sa.Sequence("numbers")))
    op.execute(sa.schema.CreateSchema("shop"))
    op.execute(sa.schema.DropSchema("shop", cascade=True))


def downgrade():
    bind = op.get_bind()
    context = op.get_context()
    if context.dialect.name == "sqlite":
        op.execute("PRAGMA foreign_keys = 0")
    elif context.dialect.name in ("postgresql", "cockroachdb"):
        op.execute("SELECT 1")
    else:
        raise NotImplementedError
    if bind is not None and not TABLE:
        op.execute("SELECT 2")
    op.execute("SELECT 'it''s', $$a 'b'$$, E'\\n'")
    op.execute(r"SELECT '\d+'")
