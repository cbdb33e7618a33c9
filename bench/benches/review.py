"""Reading migrations: Switchback's review beside other linters, as whole processes.

What counts is the time of processors (user and system), since others use the machine too. The files are
those of REVIEW_CORPUS (a folder with migrations in SQL), else real histories that `corpus.py` fetches,
else ones it makes by a seed; the first line of the output says which.
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile

import corpus
from measure import ROOT, SWITCHBACK, line, run, say, usage

NEEDS_SERVER = False

MIB = 1 << 20
# Where linters are looked for besides PATH; script/bench says how they get there.
TOOLS = ROOT / ".cache/linters"
INSTALL = {
    "squawk": "pip install --target .cache/linters squawk-cli==2.70.0",
    "eugene": "cargo install --locked --root .cache/linters --version 0.8.3 eugene",
}


def bench(_server, options):
    lines = []
    with tempfile.TemporaryDirectory(prefix="sb-bench-review-") as name:
        folder = pathlib.Path(name)
        lines += histories(folder, options)
        lines += long_files(folder, options)
        lines += one_file(folder, max(15, options.runs))
    return lines


def ours(*words):
    return [SWITCHBACK, "review", *words, "--format", "json"]


def tool(name):
    """The linter's program, or nothing."""
    named = os.environ.get(name.upper())
    found = named or shutil.which(name, path=f"{TOOLS}/bin:{os.environ.get('PATH', '')}")
    if not found:
        say(f"there is no {name}, so ours is measured alone; to have it: {INSTALL[name]}")
    return found


def cpu(words, cwd):
    return lambda: usage(words, cwd).cpu


def histories(folder, options):
    """All files in one call, every default rule on."""
    root, what = corpus.corpus(folder)
    files = sorted(str(path.relative_to(root)) for path in root.rglob("*.sql"))
    size = sum((root / path).stat().st_size for path in files)
    what = f"{len(files):,} files, {size / 1e6:.2f} MB, {what}"
    say(what)
    runs = max(5, options.runs)
    ours_all = ours(".")
    lines = []
    squawk, eugene = tool("squawk"), tool("eugene")
    if squawk:
        mine, theirs = turns(runs, cpu(ours_all, root), cpu([squawk, "--reporter", "json", *files], root))
        lines.append(line("review", f"CPU, {what}", "s", mine, theirs, "squawk", bar=0.7))
    if eugene:
        # It ends at the first file that it can't read, so both get those that it can.
        kept = folder / "kept"
        readable(eugene, root, files, kept)
        known = sorted(str(path.relative_to(kept)) for path in kept.rglob("*.sql"))
        mine, theirs = turns(runs, cpu(ours_all, kept), cpu(linted(eugene, known), kept))
        lines.append(line("review", f"CPU, the {len(known):,} of them that eugene can read", "s", mine, theirs, "eugene", bar=1.0))
    if not squawk and not eugene:
        mine = statistics.median(usage(ours_all, root).cpu for _ in range(runs))
        lines.append(line("review", f"CPU, {what}", "s", mine, None, None))
    memory = usage(ours_all, root).memory
    lines.append(line("review", "most memory over all files", "MiB", memory / MIB, None, None, bar=32))
    return lines


def turns(runs, ours, other):
    """As `paired`, with the first turn of each left out: it reads the files from the disk."""
    ours(), other()
    mine, theirs = zip(*((ours(), other()) for _ in range(runs)))
    return statistics.median(mine), statistics.median(theirs)


def linted(eugene, files):
    """Its call. Files of many histories have no order by their names, without which it would read none."""
    return [eugene, "lint", "--sort-mode", "none", "-f", "json", *files]


def readable(eugene, root, files, kept):
    """Copies the files that eugene can read."""
    for path in files:
        (kept / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / path, kept / path)
    for path in refused(eugene, kept, files):
        (kept / path).unlink()


def refused(eugene, kept, files):
    """Those that eugene can't read, found by halves: of one that it can, it writes a document."""
    done = subprocess.run(linted(eugene, files), cwd=kept, capture_output=True, text=True, check=False)
    read = sum(line.startswith('  "name": ') for line in done.stdout.splitlines())
    if read == len(files):
        return []
    if len(files) == 1:
        return files
    middle = len(files) // 2
    return refused(eugene, kept, files[:middle]) + refused(eugene, kept, files[middle:])


def long_files(folder, options):
    """One file of 20 MB, and how the time grows with the number of statements."""
    here = folder / "long"
    here.mkdir()
    lines = []
    large = here / "large.sql"
    written(large, statements(1 << 40), 20_000_000)
    used = usage(ours(large), here)
    lines.append(line("review", "one file of 20 MB: CPU", "s", used.cpu, None, None))
    lines.append(line("review", "one file of 20 MB: most memory", "MiB", used.memory / MIB, None, None))
    took = {}
    for number in (10_000, 100_000):
        script = here / f"{number}.sql"
        written(script, statements(number))
        took[number] = statistics.median(usage(ours(script), here).cpu for _ in range(options.runs))
    # Ten times as many statements; what is above ten is not linear.
    lines.append(line("review", "one file, 100,000 statements: CPU", "s", took[100_000], took[10_000], "10,000 statements", bar=12))
    return lines


def statements(number):
    """A script in one transaction, as long ones are: tables, and what is done to them."""
    yield "BEGIN;\n"
    for one in range(number // 5):
        yield f"CREATE TABLE long_{one} (id bigint PRIMARY KEY, total numeric(12, 2) NOT NULL, note text);\n"
        yield f"CREATE INDEX long_{one}_note ON long_{one} (note);\n"
        yield f"ALTER TABLE orders_{one % 500} ADD COLUMN extra_{one} integer;\n"
        yield f"INSERT INTO long_{one} VALUES (1, 10.5, 'a note that says something about {one}');\n"
        yield f"UPDATE orders_{one % 500} SET extra_{one} = 1 WHERE id = {one};\n"
    yield "COMMIT;\n"


def written(path, texts, most=None):
    size = 0
    with open(path, "w") as file:
        for text in texts:
            size += file.write(text)
            if most and size >= most:
                break


def one_file(folder, runs):
    """What somebody waits for who has changed one file of a long history."""
    root, what = folder / "history", "the last of 1,000 files"
    corpus.make(root / "migrations", corpus.SEED, migrations=500)
    git = lambda *words: run(["git", "-c", "user.name=bench", "-c", "user.email=bench@example.invalid", *words], cwd=root)
    git("init", "--quiet", "--initial-branch=main")
    git("add", ".")
    git("commit", "--quiet", "-m", "history")
    newest = root / "migrations/99999999999999_newest"
    newest.mkdir()
    (newest / "up.sql").write_text("ALTER TABLE accounts ADD COLUMN age integer;\nCREATE INDEX ON accounts (age);\n")
    took = lambda *words: statistics.median(usage(ours(*words), root).wall * 1000 for _ in range(runs))
    flat = flattened(root / "migrations", folder / "flat")
    lines = [
        ("one new file, its folder alone beside it", took(newest / "up.sql")),
        (f"{what}, all in one folder", took(flat)),
        (f"{what}, by --base", took("--base", "main", "migrations")),
    ]
    return [line("review", f"{measure}: wall", "ms", wall, None, None, bar=20) for measure, wall in lines]


def flattened(migrations, here):
    """The same files beside each other in one folder; the last one."""
    here.mkdir()
    last = None
    for path in sorted(migrations.glob("*/*.sql")):
        last = here / f"{path.parent.name}.{path.name}"
        shutil.copy(path, last)
    return last
