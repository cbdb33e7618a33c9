"""The tools: how each is given the history, called, and asked how far it says that it is.

Each is set up as its own documentation says for a history with an index that is built concurrently.
"""

import pathlib
import subprocess
import sys

from history import MIGRATIONS
from measure import ROOT, SWITCHBACK

CACHE = ROOT / ".cache/interop"
NODE = CACHE / "node_modules/.bin"


class Tool:
    name = None
    program = None
    version_words = ["--version"]
    table = None
    again = [None]  # What is typed after the fault: the same command.

    def there(self):
        return pathlib.Path(self.program).exists()

    def version(self):
        done = subprocess.run([str(self.program), *self.version_words], text=True, capture_output=True, cwd="/")
        return (done.stdout + done.stderr).strip().splitlines()[0]

    def environment(self, url):
        return {"DATABASE_URL": url}

    def recorded(self, server, database):
        """How many migrations its history says are done."""
        if server.sql(database, f"select to_regclass('{self.table}') is not null") != "t":
            return 0
        return int(server.sql(database, f"select count(*) from {self.table}"))


class Alembic(Tool):
    name = "Alembic"
    program = pathlib.Path(sys.prefix) / "bin/alembic"

    def lay_out(self, folder, _url):
        (folder / "versions").mkdir(parents=True)
        (folder / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s\n")
        # As its documentation has it for autocommit_block().
        (folder / "env.py").write_text(
            "import os\nfrom alembic import context\nfrom sqlalchemy import create_engine\n"
            "with create_engine(os.environ['DATABASE_URL'].replace('postgres:', 'postgresql+psycopg:')).connect() as connection:\n"
            "    context.configure(connection=connection, transaction_per_migration=True)\n"
            "    with context.begin_transaction():\n        context.run_migrations()\n")
        for n, (name, statements, leaves, _) in enumerate(MIGRATIONS, 1):
            calls = "".join(f"        op.execute({text!r})\n" for text in statements)
            block = "op.get_context().autocommit_block()" if leaves else "nullcontext()"
            (folder / f"versions/{n:04}_{name}.py").write_text(
                f"from contextlib import nullcontext\nfrom alembic import op\nrevision = '{n:04}'\n"
                f"down_revision = {None if n == 1 else f'{n - 1:04}'!r}\n\n\ndef upgrade():\n    with {block}:\n{calls}")

    def words(self):
        return [self.program, "upgrade", "head"]

    def recorded(self, server, database):
        if server.sql(database, "select to_regclass('alembic_version') is not null") != "t":
            return 0
        return int(server.sql(database, "select coalesce(max(version_num), '0') from alembic_version"))


class Dbmate(Tool):
    name = "dbmate"
    program = NODE / "dbmate"
    table = "schema_migrations"

    def lay_out(self, folder, _url):
        (folder / "db/migrations").mkdir(parents=True)
        for n, (name, statements, leaves, _) in enumerate(MIGRATIONS, 1):
            option = " transaction:false" if leaves else ""
            text = f"-- migrate:up{option}\n" + ";\n".join(statements) + ";\n\n-- migrate:down\n"
            (folder / f"db/migrations/{20260101000000 + n}_{name}.sql").write_text(text)

    def environment(self, url):
        return {"DATABASE_URL": url + "?sslmode=disable"}

    def words(self):
        return [self.program, "--no-dump-schema", "up"]


class NodePgMigrate(Tool):
    name = "node-pg-migrate"
    program = NODE / "node-pg-migrate"
    table = "pgmigrations"

    def version(self):
        import json

        return json.loads((CACHE / "node_modules/node-pg-migrate/package.json").read_text())["version"]

    def lay_out(self, folder, _url):
        (folder / "migrations").mkdir(parents=True)
        for n, (name, statements, leaves, _) in enumerate(MIGRATIONS, 1):
            calls = "".join(f"  pgm.sql({text!r});\n" for text in statements)
            leave = "  pgm.noTransaction();\n" if leaves else ""
            (folder / f"migrations/{1767225600000 + n}_{name}.js").write_text(
                f"exports.up = (pgm) => {{\n{leave}{calls}}};\nexports.down = false;\n")

    def words(self):
        return [self.program, "up", "--migrations-dir", "migrations"]


class Sqlx(Tool):
    name = "sqlx"
    program = CACHE / "sqlx/bin/sqlx"
    table = "_sqlx_migrations"

    def lay_out(self, folder, _url):
        (folder / "migrations").mkdir(parents=True)
        for n, (name, statements, leaves, _) in enumerate(MIGRATIONS, 1):
            text = ("-- no-transaction\n" if leaves else "") + ";\n".join(statements) + ";\n"
            (folder / f"migrations/{20260101000000 + n}_{name}.sql").write_text(text)

    def words(self):
        return [self.program, "migrate", "run"]

    def recorded(self, server, database):
        if server.sql(database, "select to_regclass('_sqlx_migrations') is not null") != "t":
            return 0
        rows = server.sql(database, "select count(*) filter (where success), count(*) filter (where not success) from _sqlx_migrations")
        done, begun = map(int, rows.split("|"))
        return f"{done}, one as failed" if begun else done


class Up(Tool):
    name = "Switchback, `up`"
    program = SWITCHBACK
    table = "switchback_migrations"

    def lay_out(self, folder, url):
        (folder / "migrations").mkdir(parents=True)
        for n, (name, statements, _, _) in enumerate(MIGRATIONS, 1):
            (folder / f"migrations/{n:04}_{name}.up.sql").write_text(";\n".join(statements) + ";\n")
        (folder / "switchback.toml").write_text(
            "[migrations]\ntool = \"sql\"\ndirectory = \"migrations\"\n\n[environments.production]\ndatabase_url = \"${DATABASE_URL}\"\n"
            "restore_point = \"clone\"\n\n[environments.production.backup]\ndirectory = \"backups\"\n")

    def words(self):
        return [self.program, "--yes", "up"]


class Deploy(Up):
    """A run: what was interrupted is gone on with; what was taken back is tried again."""

    name = "Switchback, `deploy`"

    def words(self):
        return [self.program, "--yes", "deploy"]

    @property
    def again(self):
        return [[self.program, "--yes", "resume"], None]


class Abort(Deploy):
    """The same, and the person decides to go back."""

    name = "Switchback, `deploy` and `abort`"

    @property
    def again(self):
        return [[self.program, "--yes", "abort"], None]


TOOLS = {"alembic": Alembic(), "dbmate": Dbmate(), "node-pg-migrate": NodePgMigrate(), "sqlx": Sqlx(),
         "up": Up(), "deploy": Deploy(), "abort": Abort()}
