"""One set-based check against the loop that runbooks hold: one query a user through SQLAlchemy."""

import json
import pathlib
import statistics
import tempfile

from measure import SWITCHBACK, line, run, say, seconds

USERS = 200_000
QUERY = """
[[validations]]
name = "users have profiles"
sql = "select count(*) from users u left join profiles p on p.user_id = u.id where p.id is null"
expect = 0
"""


def loop(url):
    import sqlalchemy as sa
    from sqlalchemy.orm import Session, declarative_base, relationship

    base = declarative_base()

    class Profile(base):
        __tablename__ = "profiles"
        id = sa.Column(sa.BigInteger, primary_key=True)
        user_id = sa.Column(sa.ForeignKey("users.id"))

    class User(base):
        __tablename__ = "users"
        id = sa.Column(sa.BigInteger, primary_key=True)
        profile = relationship(Profile, uselist=False)

    def once():
        with Session(sa.create_engine(url)) as session:
            for user in session.query(User).yield_per(1000):
                assert user.profile is not None

    return once


def bench(server, options):
    from benches import backup

    database, _ = server.shop(USERS // 900 + 1)
    server.sql(database, f"delete from orders where user_id > {USERS}; delete from profiles where user_id > {USERS};"
                         f"delete from users where id > {USERS}; vacuum analyze")
    with tempfile.TemporaryDirectory(prefix="sb-bench-validate-") as name:
        folder = pathlib.Path(name)
        backup.configuration(folder, server, database, scratch=False)
        with open(folder / "switchback.toml", "a") as file:
            file.write(QUERY)
        checks, whole = [], []
        for _ in range(max(5, options.runs)):
            out = []
            whole.append(seconds(lambda: out.append(run([SWITCHBACK, "validate", "--format", "json"], (0, 1), cwd=folder))))
            found = [check for check in json.loads(out[0])["checks"] if check["name"] == "users have profiles"]
            assert found and found[0]["ok"], out[0]
            checks.append(found[0]["ms"] / 1000)
        say(f"one query a user, {USERS:,} users: this takes a minute or two")
        other = seconds(loop(server.url(database, "+psycopg2" if has("psycopg2") else "+psycopg")))
    server.drop(database)
    return [
        line("validate", "users have profiles: the check", "s", statistics.median(checks), other,
             "one query a user, SQLAlchemy", bar=500, better="more"),
        line("validate", "the whole of `validate`, every built-in check with it", "s", statistics.median(whole), other,
             "one query a user, SQLAlchemy", better="more"),
    ]


def has(module):
    import importlib.util

    return importlib.util.find_spec(module) is not None
