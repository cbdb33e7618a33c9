"""script/bench [NAME…] [--format json] [--sizes 100,1000] [--runs N]: side by side, in one run.

A bench is a file in `benches/` with a function `bench(server, options)` that gives lines; one that says
`NEEDS_SERVER = False` gets none. A machine is noisy and a ratio much less so: both sides take turns, medians are compared.
"""

import argparse
import contextlib
import importlib
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from measure import say  # noqa: E402
from server import Server  # noqa: E402


def known():
    return sorted(path.stem.replace("_", "-") for path in (HERE / "benches").glob("[a-z]*.py"))


def table(lines):
    heads = ("bench", "measure", "ours", "other", "ratio", "bar", "holds")
    rows = [heads]
    for one in lines:
        shown = lambda value, unit=one["unit"]: "" if value is None else f"{value:,.3f} {unit}".strip()
        other = "" if one["other"] is None else f"{shown(one['other'])} ({one['other_name']})"
        holds = {None: "", True: "yes", False: "NO"}[one["holds"]]
        ratio = "" if one["ratio"] is None else f"{one['ratio']:,.2f}"
        rows.append((one["bench"], one["measure"], shown(one["ours"]), other, ratio, str(one["bar"] or ""), holds))
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def main():
    parser = argparse.ArgumentParser(prog="script/bench", description="Measures side by side in one run.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(known())} (default: all)")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    parser.add_argument("--sizes", default="100,1000", help="sizes of databases in MB (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="turns of each side (default: %(default)s)")
    options = parser.parse_args()
    options.sizes = [int(size) for size in options.sizes.split(",")]
    unknown = set(options.names) - set(known())
    if unknown:
        parser.error(f"there is no bench {', '.join(sorted(unknown))}; there are: {', '.join(known())}")
    lines = []
    benches = {name: importlib.import_module(f"benches.{name.replace('-', '_')}") for name in options.names or known()}
    needs_server = any(getattr(bench, "NEEDS_SERVER", True) for bench in benches.values())
    with Server() if needs_server else contextlib.nullcontext() as server:
        for name, bench in benches.items():
            say(f"{name} …")
            lines.extend(bench.bench(server, options))
    print(json.dumps(lines, indent=2) if options.format == "json" else table(lines))
    # A bar that is not held is an answer, not an accident: 1, as for every check of the project.
    return 1 if any(one["holds"] is False for one in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
