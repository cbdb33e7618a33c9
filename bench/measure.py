"""Time, memory, medians, and the line that says whether a bar holds."""

import collections
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Where cargo was told to build; a relative folder is meant from the repository, where script/bench builds.
TARGET = ROOT / os.environ.get("CARGO_TARGET_DIR", "target")
SWITCHBACK = os.environ.get("SWITCHBACK", str(TARGET / "release/switchback"))


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def seconds(run):
    """How long a call took."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def paired(runs, ours, other):
    """Both sides by turns, so that what else the machine does hits both; the medians."""
    mine, theirs = [], []
    for _ in range(runs):
        mine.append(ours())
        theirs.append(other())
    return statistics.median(mine), statistics.median(theirs)


def run(words, expect=(0,), **options):
    """Runs a program that must end with one of these statuses; its standard output."""
    done = subprocess.run([str(word) for word in words], text=True, capture_output=True, **options)
    if done.returncode not in expect:
        raise SystemExit(f"{words} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def peak(words, **options):
    """Runs the program; the most memory that it itself (not its children) had, in bytes."""
    child = subprocess.Popen([str(word) for word in words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    highest = 0

    def watch():
        nonlocal highest
        while child.poll() is None:
            try:
                status = pathlib.Path(f"/proc/{child.pid}/status").read_text()
            except (FileNotFoundError, ProcessLookupError):
                return
            marks = [line for line in status.splitlines() if line.startswith("VmHWM")]
            if marks:
                highest = max(highest, int(marks[0].split()[1]) * 1024)
            time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    child.wait()
    watcher.join()
    return child.returncode, highest


Usage = collections.namedtuple("Usage", "cpu memory wall")


def usage(words, cwd):
    """What a program took as a whole process that may find what it looks for: seconds of processors, the
    most memory, seconds. The memory is never less than what we have when it begins."""
    begin = time.perf_counter()
    child = subprocess.Popen([str(word) for word in words], cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    wall = time.perf_counter() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 1):
        raise SystemExit(f"bench: {' '.join(map(str, words[:6]))} … ended with {child.returncode}")
    return Usage(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, wall)


def line(bench, measure, unit, ours, other, other_name, bar=None, better="less"):
    """One line of the result. `bar` is held against the ratio; without another side, against ours."""
    ratio = None
    if other:
        ratio = ours / other if better == "less" else other / ours
    held = ratio if ratio is not None else ours
    holds = None
    if bar is not None:
        holds = held <= bar if better == "less" else held >= bar
    return {
        "bench": bench, "measure": measure, "unit": unit, "ours": round(ours, 4),
        "other": None if other is None else round(other, 4), "other_name": other_name,
        "ratio": None if ratio is None else round(ratio, 3), "bar": bar, "holds": holds,
    }
