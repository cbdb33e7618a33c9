"""One set-based check against the loop that runbooks hold: one query a user through SQLAlchemy."""

import json
import pathlib
import statistics
import tempfile

from measure import SWITCHBACK, line, run, say, seconds

USERS = 200_000
NAME = "users have profiles"
QUERY = f"""
[[validations]]
name = "{NAME}"
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


def validate(folder, *names):
    return run([SWITCHBACK, "validate", *names, "--format", "json"], (0, 1), cwd=folder)


def alone(folder):
    """How long the one check takes: its query, without the wait for a session and without our start."""
    checks = json.loads(validate(folder, NAME))["checks"]
    assert [(check["name"], check["ok"]) for check in checks] == [(NAME, True)], checks
    return max(1, checks[0]["ms"]) / 1000


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
        runs = max(5, options.runs)
        # By itself: beside the built-in checks it would be timed together with their share of the cores.
        check = statistics.median(alone(folder) for _ in range(runs))
        whole = statistics.median(seconds(lambda: validate(folder)) for _ in range(runs))
        say(f"one query a user, {USERS:,} users: this takes a minute or two")
        other = seconds(loop(server.url(database, "+psycopg2" if has("psycopg2") else "+psycopg")))
    server.drop(database)
    return [
        line("validate", f"{NAME}: the check by itself", "s", check, other,
             "one query a user, SQLAlchemy", bar=500, better="more"),
        line("validate", "the whole of `validate`: the program's start, all facts, every built-in check", "s", whole, other,
             "one query a user, SQLAlchemy", better="more"),
    ]


def has(module):
    import importlib.util

    return importlib.util.find_spec(module) is not None
