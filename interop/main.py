"""script/interop [TOOL…] [--faults] [--format text|json|md]: the real tools and Switchback, on the same history.

Without `--faults`, each tool takes an empty database through the history, and what is there afterwards
is compared. With `--faults`, each is hit in the middle of it, and what it is left in is looked at, then
what the command says that its user types next.
"""

import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "bench")]

from history import INVALID, MIDDLE, MIGRATIONS  # noqa: E402
from server import Server  # noqa: E402
from tools import TOOLS  # noqa: E402

LIMIT = 120


def say(text):
    print(f"interop: {text}", file=sys.stderr, flush=True)


class Run:
    """A tool at work, in a process group of its own, all it says in a file."""

    def __init__(self, words, folder, environment):
        self.log = open(folder / f"said-{time.monotonic_ns()}", "w+")
        self.process = subprocess.Popen([str(word) for word in words], cwd=folder, env={**os.environ, **environment},
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)

    def end(self):
        status = self.process.wait(timeout=LIMIT)
        self.log.seek(0)
        lines = [line.strip() for line in self.log.read().splitlines() if line.strip()]
        self.log.close()
        return status, lines


def said(status, lines):
    """The status, and for a failure the one line that says most."""
    if status == 0:
        return "0"
    if status < 0:
        return f"signal {-status}"
    telling = ("error", "Error", "already exists", "dirty", "stuck", "taken back", "refused", "partially")
    line = next((line for line in lines if line.startswith(("error[", "✗", "x "))), None)
    lines = [line for line in lines if not line.startswith("(Background on")]
    line = line or next((line for line in reversed(lines) if any(word in line for word in telling)), lines[-1] if lines else "")
    return f"{status}: {line[:160]}"


class Trial:
    def __init__(self, server, tool, folder, number):
        self.server, self.tool, self.folder = server, tool, folder
        self.database = f"trial{number}"
        server.sql("postgres", f"create database {self.database}")
        tool.lay_out(folder, server.tcp(self.database))

    def start(self, words=None):
        return Run(words or self.tool.words(), self.folder, self.tool.environment(self.server.tcp(self.database)))

    def where(self):
        """The target by the name that it has now: behind a fence it is another one."""
        names = self.server.sql("postgres", f"select datname from pg_database where datname = '{self.database}' or datname like '{self.database}\\_sb\\_%'")
        return names.splitlines()[0]

    def wait(self, what, condition):
        until = time.monotonic() + LIMIT
        while not condition():
            if time.monotonic() > until:
                raise SystemExit(f"interop: {self.tool.name}: not within {LIMIT} s: {what}")
            time.sleep(0.02)

    def middle(self, place):
        self.wait(place, lambda: self.server.sql("postgres", MIDDLE[place].format(database=self.database)) != "0")

    def goes_on(self):
        busy = f"select count(*) from pg_stat_activity where datname like '{self.database}%' and state = 'active' and backend_type = 'client backend'"
        return self.server.sql("postgres", busy) != "0"

    def state(self):
        database = self.where()
        there = self.server.sql(database, "select " + " || ',' || ".join(f"({probe})::int" for *_, probe in MIGRATIONS)).split(",")
        done = [n for n, one in enumerate(there, 1) if one == "1"]
        invalid = int(self.server.sql(database, INVALID))
        return {"history": self.tool.recorded(self.server, database), "schema": done, "invalid_indexes": invalid,
                "fenced": database != self.database}


def shown(state):
    done = state["schema"]
    schema = str(len(done)) if done == list(range(1, len(done) + 1)) else ",".join(map(str, done))
    text = f"history {state['history']}, schema {schema}"
    if state["invalid_indexes"]:
        text += ", an invalid index"
    return text + (", behind the fence" if state["fenced"] else "")


def complete(state):
    return state["schema"] == list(range(1, len(MIGRATIONS) + 1)) and state["history"] == len(MIGRATIONS) and not state["invalid_indexes"]


def killed(trial, place):
    run = trial.start()
    trial.middle(place)
    run.kill()
    return [said(*run.end())]


def crashed(trial, place):
    run = trial.start()
    trial.middle(place)
    trial.server.crash()
    return [said(*run.end())]


def twice(trial, place):
    run = trial.start()
    trial.middle(place)
    other = trial.start()
    ended = said(*run.end())
    return [ended, said(*other.end())]


FAULTS = [("kill -9", killed), ("server crash", crashed), ("two at once", twice)]


def hit(server, tool, fault, act, place, number):
    with tempfile.TemporaryDirectory(prefix="sb-interop-") as name:
        trial = Trial(server, tool, pathlib.Path(name), number)
        first = act(trial, place)
        time.sleep(0.5)
        goes_on = trial.goes_on()
        trial.wait("the server has ended what it was asked for", lambda: not trial.goes_on())
        left = trial.state()
        again = []
        for words in tool.again:
            if complete(trial.state()):
                break
            again.append(said(*trial.start(words).end()))
        after = trial.state()
        return {"tool": tool.name, "fault": fault, "in": place, "first": first, "statement_goes_on": goes_on, "left": left,
                "again": again, "after": after, "complete": complete(after)}


def faults(server, names):
    number, lines = 0, []
    for name in names:
        for fault, act in FAULTS:
            for place in MIDDLE:
                number += 1
                say(f"{name}: {fault} in {place}")
                lines.append(hit(server, TOOLS[name], fault, act, place, number))
                say(text(lines[-1:]))
    return lines


def plain(server, names):
    lines = []
    for number, name in enumerate(names):
        tool = TOOLS[name]
        say(name)
        with tempfile.TemporaryDirectory(prefix="sb-interop-") as folder:
            trial = Trial(server, tool, pathlib.Path(folder), f"_plain{number}")
            ended = said(*trial.start().end())
            after = trial.state()
            lines.append({"tool": tool.name, "first": [ended], "after": after, "complete": complete(after)})
    return lines


def markdown(lines):
    rows = ["| fault | in | tool | it ended with | the server went on | left | then | at last |", "|---|---|---|---|---|---|---|---|"]
    cell = lambda texts: "; ".join(texts).replace("|", "\\|") or "–"
    for one in sorted(lines, key=lambda one: (one["fault"], one["in"])):
        at_last = "complete" if one["complete"] else shown(one["after"])
        rows.append(f"| {one['fault']} | {one['in']} | {one['tool']} | {cell(one['first'])} | {'yes' if one['statement_goes_on'] else 'no'} "
                    f"| {shown(one['left'])} | {cell(one['again'])} | {at_last} |")
    return "\n".join(rows)


def text(lines):
    return "\n".join(
        f"{one['tool']}{': ' + one['fault'] + ' in ' + one['in'] if 'fault' in one else ''}\n    first: {'; '.join(one['first'])}\n"
        + (f"    left: {shown(one['left'])}{', a statement went on' if one['statement_goes_on'] else ''}\n    then: {'; '.join(one['again']) or '-'}\n" if "left" in one else "")
        + f"    at last: {'complete' if one['complete'] else shown(one['after'])}" for one in lines)


def main():
    parser = argparse.ArgumentParser(prog="script/interop", description="The real tools and Switchback, on the same history.")
    parser.add_argument("tools", nargs="*", metavar="TOOL", help=f"which: {', '.join(TOOLS)} (default: all that are installed)")
    parser.add_argument("--faults", action="store_true", help="kill -9, two at once, a server that crashes, each in the middle")
    parser.add_argument("--format", choices=["text", "json", "md"], default="text")
    options = parser.parse_args()
    unknown = set(options.tools) - set(TOOLS)
    if unknown:
        parser.error(f"there is no tool {', '.join(sorted(unknown))}; there are: {', '.join(TOOLS)}")
    names = [name for name in options.tools or TOOLS]
    missing = [name for name in names if not TOOLS[name].there()]
    if set(missing) & set(options.tools):
        parser.error(f"not installed: {', '.join(missing)}; try: script/bootstrap interop")
    for name in missing:
        say(f"left out, not installed: {name}")
    names = [name for name in names if name not in missing]
    for name in names:
        say(f"{TOOLS[name].name}: {TOOLS[name].version()}")
    with Server(tcp=True) as server:
        say(server.sql("postgres", "select version()").split(" on ")[0])
        lines = faults(server, names) if options.faults else plain(server, names)
    show = {"text": text, "md": markdown, "json": lambda lines: json.dumps(lines, indent=2)}
    print(show[options.format](lines))
    return 0 if options.faults or all(one["complete"] for one in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
