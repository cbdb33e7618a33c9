"""A proven backup against the same by hand: dump, then restore into another database.

By hand nothing is compared afterwards; that is what ours does in the time between.
"""

import os
import pathlib
import shutil
import tempfile

from measure import SWITCHBACK, line, paired, peak, run, say, seconds


def configuration(folder, server, database, scratch):
    (folder / "migrations").mkdir(exist_ok=True)
    (folder / "switchback.toml").write_text(
        f"""[migrations]
tool = "alembic"

[environments.production]
database_url = "{server.url(database)}"
scratch_url = "{server.url('postgres') if scratch else ''}"

[environments.production.backup]
directory = "backups"
jobs = 2
"""
    )


def ours(folder):
    def once():
        took = seconds(lambda: run([SWITCHBACK, "backup", "create"], cwd=folder))
        shutil.rmtree(folder / "backups")
        return took

    return once


def by_hand(server, database, folder):
    dump = folder / "by-hand"

    def once():
        def both():
            run([server.program("pg_dump"), "-Fd", "-j2", "-f", dump, "-d", server.url(database)])
            server.sql("postgres", "create database by_hand template template0")
            run([server.program("pg_restore"), "-j2", "-d", server.url("by_hand"), dump])

        took = seconds(both)
        server.drop("by_hand")
        shutil.rmtree(dump)
        return took

    return once


def bench(server, options):
    lines = []
    for size in options.sizes:
        database, real = server.shop(size)
        say(f"backup of {real / 1e6:,.0f} MB")
        with tempfile.TemporaryDirectory(prefix="sb-bench-backup-") as name:
            folder = pathlib.Path(name)
            other = by_hand(server, database, folder)
            configuration(folder, server, database, scratch=True)
            mine, theirs = paired(options.runs, ours(folder), other)
            lines.append(line("backup", f"proven backup, {size} MB, scratch databases on the same server", "s", mine, theirs,
                              "pg_dump -Fd -j2 + pg_restore -j2", bar=1.35))
            configuration(folder, server, database, scratch=False)
            mine, theirs = paired(max(1, options.runs // 2), ours(folder), other)
            lines.append(line("backup", f"proven backup, {size} MB, private cluster (made and ended)", "s", mine, theirs,
                              "pg_dump -Fd -j2 + pg_restore -j2"))
            status, memory = peak([SWITCHBACK, "backup", "create"], cwd=folder, env=dict(os.environ))
            if status != 0:
                raise SystemExit("backup create failed")
            lines.append(line("backup", f"peak memory of Switchback, {size} MB", "MiB", memory / 2**20, None, None, bar=64))
        server.drop(database)
    return lines
