"""What Switchback itself costs: between the steps of a run, at its start, in memory."""

import json
import pathlib
import statistics
import tempfile

from measure import SWITCHBACK, line, paired, peak, run, seconds

MIGRATIONS = 20


def project(folder, server, database):
    (folder / "sql").mkdir()
    for number in range(1, MIGRATIONS + 1):
        (folder / f"sql/{number:04}_step.up.sql").write_text(f"create table step_{number} (id int primary key);\n")
        (folder / f"sql/{number:04}_step.down.sql").write_text(f"drop table step_{number};\n")
    (folder / "switchback.toml").write_text(
        f"""[migrations]
tool = "sql"
directory = "sql"

[environments.production]
database_url = "{server.url(database)}"
scratch_url = "{server.url('postgres')}"
restore_point = "clone"

[environments.production.backup]
directory = "backups"
"""
    )


def between_steps(events):
    """Milliseconds a step that are neither the step's work nor its second look."""
    steps = [event for event in events if event["kind"] == "step.finished"]
    whole = events[-1]["durations"]["total_ms"]
    return (whole - sum(step["ms"] for step in steps)) / len(steps)


def deploy(folder, server):
    server.drop("overhead")
    server.sql("postgres", "create database overhead")
    out = run([SWITCHBACK, "--yes", "deploy", "--format", "jsonl"], cwd=folder)
    return [json.loads(text) for text in out.splitlines()]


def bench(server, options):
    with tempfile.TemporaryDirectory(prefix="sb-bench-overhead-") as name:
        folder = pathlib.Path(name)
        project(folder, server, "overhead")
        costs = [between_steps(deploy(folder, server)) for _ in range(options.runs)]
        status = lambda: seconds(lambda: run([SWITCHBACK, "status"], (0, 1), cwd=folder))
        psql = lambda: seconds(lambda: run([server.program("psql"), "-X", "-d", server.url("overhead"), "-c", "select 1"]))
        ours, theirs = paired(max(15, options.runs), status, psql)
        server.drop("overhead")
        server.sql("postgres", "create database overhead")
        code, memory = peak([SWITCHBACK, "--yes", "deploy"], cwd=folder)
        if code != 0:
            raise SystemExit("the deploy failed")
        for found in server.sql("postgres", "select datname from pg_database where datname like 'overhead%'").split():
            server.drop(found)
    return [
        line("overhead", f"the engine's own, a step (of {MIGRATIONS} migrations and their run)", "ms",
             statistics.median(costs), None, None, bar=20),
        line("overhead", "status", "s", ours, theirs, "psql -c 'select 1'", bar=3),
        line("overhead", "peak memory of a deploy", "MiB", memory / 2**20, None, None, bar=64),
    ]
