"""The way back by swap against the runbook's: dropdb, createdb, pg_restore.

Timed from the decision to the moment where the database takes connections under its own name again:
for ours from `run.unwinding` to the end of the fence's undo, as the journal has it.
"""

import datetime
import json
import pathlib
import shutil
import statistics
import tempfile

from measure import SWITCHBACK, line, run, say, seconds

CONFIGURATION = """[migrations]
tool = "sql"
directory = "sql"

[environments.production]
database_url = "{url}"
scratch_url = "{scratch}"
restore_point = "clone"

[environments.production.backup]
directory = "backups"

[[validations]]
name = "never true"
sql = "select false"
expect = true
"""


def project(folder, server, database):
    (folder / "sql").mkdir(exist_ok=True)
    (folder / "sql/0001_nickname.up.sql").write_text("alter table users add column nickname text;\n")
    (folder / "sql/0001_nickname.down.sql").write_text("alter table users drop column nickname;\n")
    text = CONFIGURATION.format(url=server.url(database), scratch=server.url("postgres"))
    (folder / "switchback.toml").write_text(text)


def when(event):
    return datetime.datetime.fromisoformat(event["at"])


def swapped(folder, server, database):
    """Seconds from the decision to accepting connections."""
    out = run([SWITCHBACK, "--yes", "deploy", "--format", "jsonl"], (4,), cwd=folder)
    events = [json.loads(text) for text in out.splitlines()]
    turned = next(event for event in events if event["kind"] == "run.unwinding")
    lifted = next(event for event in events if event["kind"] == "step.undo_finished" and event["step"] == "fence")
    server.sql(database, "select 1")
    for found in server.sql("postgres", f"select datname from pg_database where datname like '{database}\\_%'").split():
        server.drop(found)
    shutil.rmtree(folder / "backups")
    return (when(lifted) - when(turned)).total_seconds()


def by_hand(server, database, dump):
    """The runbook's rollback, and the first connection after it."""

    def rollback():
        run([server.program("dropdb"), "--maintenance-db", server.url("postgres"), database])
        run([server.program("createdb"), "--maintenance-db", server.url("postgres"), database])
        run([server.program("pg_restore"), "-j2", "-d", server.url(database), dump])
        server.sql(database, "select 1")

    return seconds(rollback)


def bench(server, options):
    lines = []
    for size in options.sizes:
        database, real = server.shop(size)
        say(f"way back of {real / 1e6:,.0f} MB")
        with tempfile.TemporaryDirectory(prefix="sb-bench-way-back-") as name:
            folder = pathlib.Path(name)
            project(folder, server, database)
            dump = folder / "by-hand"
            run([server.program("pg_dump"), "-Fd", "-j2", "-f", dump, "-d", server.url(database)])
            ours, theirs = [], []
            for _ in range(options.runs):
                ours.append(swapped(folder, server, database))
                theirs.append(by_hand(server, database, dump))
        server.drop(database)
        mine, other = statistics.median(ours), statistics.median(theirs)
        lines.append(line("way-back", f"swap, {size} MB", "s", mine, None, None, bar=1))
        lines.append(line("way-back", f"against the runbook, {size} MB", "s", mine, other, "dropdb, createdb, pg_restore -j2"))
    return lines
