"""The migrations that reviews are measured on: a folder that was named, real histories, or made ones."""

import os
import pathlib
import random
import shutil
import subprocess

from measure import ROOT, say

# Public histories at fixed commits: repository, commit, folder. They are fetched, never kept in ours.
HISTORIES = [
    ("rust-lang/crates.io", "57fa000662f511321daa61e6769f190ea0e80771", "migrations"),
    ("LemmyNet/lemmy", "439734dd638a2c06a2f907beab7dcf4646e88f86", "migrations"),
    ("concourse/concourse", "95872ce1a3af6fc0c4ab7f23658ec81f3e778d7c", "atc/db/migration/migrations"),
    ("element-hq/matrix-authentication-service", "682b8d26d3b3666b6652490f66618ab3d640fa5d", "crates/storage-pg/migrations"),
    ("legendaSVD/mattermost", "b24f322ebce36b9d20e777f99a0d8d747ae40202", "server/channels/db/migrations/postgres"),
    ("gobitfly/eth2-beaconchain-explorer", "fd4838987939d83198dd87db1a54d37513184d23", "db/migrations"),
    ("supabase/auth", "bc32168e13fdc928c98b449fc76bc3fdb9a293c5", "migrations"),
    ("bcgov/cas-ggircs", "84a7cf64a803f1b20f6285596c34cd3ce35264fc", "deploy"),
    ("bcgov/cas-ggircs", "84a7cf64a803f1b20f6285596c34cd3ce35264fc", "revert"),
]
HOST = "https://github.com"
KEPT = ROOT / ".cache/review-corpus"
SEED = 20_240_711


def corpus(folder):
    """The root of the files, and what they are. What has to be made is made in the folder."""
    named = os.environ.get("REVIEW_CORPUS")
    if named:
        return pathlib.Path(named).resolve(), f"of {named}"
    if fetched():
        return KEPT, f"real histories of {len({repository for repository, _, _ in HISTORIES})} projects"
    seed = int(os.environ.get("REVIEW_SEED", SEED))
    made = folder / "made"
    make(made, seed)
    return made, f"made by the seed {seed}"


def fetched():
    """Whether all histories are there now. One that can't be had is given up at once: so can't the others."""
    for number, (repository, commit, path) in enumerate(HISTORIES):
        here = KEPT / f"{number}-{repository.rpartition('/')[2]}"
        if here.is_dir():
            continue
        say(f"fetching {path} of {repository}")
        if not fetch(repository, commit, path, here):
            say("that can't be fetched here; REVIEW_CORPUS=DIR names a folder with real migrations instead")
            return False
    return True


def fetch(repository, commit, path, here):
    copy = here.with_suffix(".git-copy")
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(parents=True)
    quiet = {"cwd": copy, "check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL,
             "env": {**os.environ, "GIT_TERMINAL_PROMPT": "0"}}
    try:
        subprocess.run(["git", "init", "--quiet"], **quiet)
        subprocess.run(["git", "fetch", "--depth=1", "--filter=blob:none", f"{HOST}/{repository}", commit], timeout=120, **quiet)
        subprocess.run(["git", "checkout", "FETCH_HEAD", "--", path], timeout=300, **quiet)
    except (subprocess.SubprocessError, OSError):
        shutil.rmtree(copy, ignore_errors=True)
        return False
    for file in copy.rglob("*"):
        if file.is_file() and file.suffix != ".sql":
            file.unlink()
    (copy / path).rename(here)
    shutil.rmtree(copy)
    return True


# How often something is done, as counted in real histories.
WEIGHTS = {
    "column": 30, "index": 24, "comment": 20, "table": 10, "constraint": 9, "alter": 9, "rows": 12,
    "function": 7, "view": 6, "trigger": 3, "drop": 4, "update": 4, "type": 2, "block": 2,
}
TYPES = ["bigint", "integer", "text", "boolean not null default false", "timestamptz not null default now()", "jsonb",
         "varchar(255)", "uuid", "numeric(12, 2)", "text not null default ''"]


def make(root, seed, migrations=1_150):
    """Migrations up and down, as many and as long as real ones: most have a statement or two, few are long."""
    chance = random.Random(seed)
    tables = {"accounts": ["id", "name"]}
    for number in range(1, migrations + 1):
        statements = min(150, max(1, round(chance.lognormvariate(0.75, 1.3))))
        up, down = [], []
        for _ in range(statements):
            kind = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            forward, back = MAKERS[kind](chance, tables, f"{number}_{len(up)}")
            up.append(forward)
            down.insert(0, back)
        here = root / f"{20_150_101_000_000 + number}_{kind}_{number}"
        here.mkdir(parents=True)
        own = chance.random() < 0.15
        for name, words in (("up", up), ("down", down)):
            text = ";\n\n".join(filter(None, words)) + ";\n"
            (here / f"{name}.sql").write_text(f"-- {kind} {number}\nBEGIN;\n\n{text}\nCOMMIT;\n" if own else text)


def some(chance, tables):
    """A table, and one of its columns."""
    table = chance.choice(list(tables)[-200:])
    return table, chance.choice(tables[table])


def table(chance, tables, name):
    other, _ = some(chance, tables)
    columns = [f"field_{number}" for number in range(chance.randint(2, 14))]
    lines = ["id bigserial primary key"] + [f"{column} {chance.choice(TYPES)}" for column in columns]
    lines.append(f"owner_id bigint references {other} (id) on delete cascade")
    tables[f"table_{name}"] = ["id", *columns]
    return "CREATE TABLE table_%s (\n    %s\n)" % (name, ",\n    ".join(lines)), f"DROP TABLE IF EXISTS table_{name}"


def column(chance, tables, name):
    of, _ = some(chance, tables)
    tables[of].append(f"added_{name}")
    return f"ALTER TABLE {of} ADD COLUMN added_{name} {chance.choice(TYPES)}", f"ALTER TABLE {of} DROP COLUMN added_{name}"


def index(chance, tables, name):
    of, by = some(chance, tables)
    unique = chance.choice(["", "", "", "UNIQUE "])
    where = chance.choice(["", "", f" WHERE {by} IS NOT NULL"])
    return f"CREATE {unique}INDEX idx_{name} ON {of} ({by}){where}", f"DROP INDEX idx_{name}"


def comment(chance, tables, name):
    of, by = some(chance, tables)
    return f"COMMENT ON COLUMN {of}.{by} IS 'What {name} holds: said in one sentence, as it should be.'", ""


def constraint(chance, tables, name):
    of, by = some(chance, tables)
    other, _ = some(chance, tables)
    what = chance.choice([f"CHECK ({by} IS NOT NULL)", f"UNIQUE ({by})", f"FOREIGN KEY ({by}) REFERENCES {other} (id)"])
    return f"ALTER TABLE {of} ADD CONSTRAINT made_{name} {what}", f"ALTER TABLE {of} DROP CONSTRAINT made_{name}"


def alter(chance, tables, name):
    of, by = some(chance, tables)
    return chance.choice([
        (f"ALTER TABLE {of} ALTER COLUMN {by} SET NOT NULL", f"ALTER TABLE {of} ALTER COLUMN {by} DROP NOT NULL"),
        (f"ALTER TABLE {of} ALTER COLUMN {by} TYPE bigint", f"ALTER TABLE {of} ALTER COLUMN {by} TYPE integer"),
        (f"ALTER TABLE {of} ALTER COLUMN {by} SET DEFAULT '{name}'", f"ALTER TABLE {of} ALTER COLUMN {by} DROP DEFAULT"),
    ])


def rows(chance, tables, name):
    of, by = some(chance, tables)
    values = ",\n    ".join(f"({number}, 'value {number} of {name}')" for number in range(chance.choice([1, 1, 1, 2, 5, 40])))
    return f"INSERT INTO {of} (id, {by}) VALUES\n    {values}", f"DELETE FROM {of} WHERE id < 40"


def body(chance, tables, name):
    of, by = some(chance, tables)
    branch = (f"    IF NEW.{by} IS DISTINCT FROM OLD.{by} THEN\n"
              f"        UPDATE {of} SET {by} = NEW.{by} WHERE id = NEW.id AND {by} IS NULL;\n    END IF;\n")
    return "BEGIN\n" + branch * min(90, max(1, round(chance.lognormvariate(1.2, 1.2)))) + "    RETURN NEW;\nEND;"


def function(chance, tables, name):
    text = body(chance, tables, name)
    return (f"CREATE OR REPLACE FUNCTION run_{name}() RETURNS trigger LANGUAGE plpgsql AS $$\n{text}\n$$",
            f"DROP FUNCTION run_{name}()")


def view(chance, tables, name):
    (one, by), (two, _) = some(chance, tables), some(chance, tables)
    columns = ",\n    ".join(f"a.{by} AS column_{number}" for number in range(chance.randint(1, 30)))
    return (f"CREATE VIEW view_{name} AS\nSELECT\n    {columns}\nFROM {one} a\nLEFT JOIN {two} b ON b.id = a.id\nWHERE a.{by} IS NOT NULL",
            f"DROP VIEW view_{name}")


def trigger(chance, tables, name):
    of, _ = some(chance, tables)
    return (f"CREATE TRIGGER at_{name} AFTER UPDATE ON {of} FOR EACH ROW EXECUTE FUNCTION touch()",
            f"DROP TRIGGER at_{name} ON {of}")


def drop(chance, tables, name):
    of, by = some(chance, tables)
    if by == "id":
        return f"DROP INDEX IF EXISTS old_{name}", ""
    tables[of].remove(by)
    return f"ALTER TABLE {of} DROP COLUMN {by}", f"ALTER TABLE {of} ADD COLUMN {by} text"


def update(chance, tables, name):
    of, by = some(chance, tables)
    return f"UPDATE {of} SET {by} = DEFAULT WHERE {by} IS NULL AND id < 1000", ""


def kind(chance, tables, name):
    return f"CREATE TYPE kind_{name} AS ENUM ('one', 'two', 'three')", f"DROP TYPE kind_{name}"


def block(chance, tables, name):
    of, by = some(chance, tables)
    return (f"DO $$\nBEGIN\n    IF NOT EXISTS (SELECT 1 FROM pg_indexes WHERE indexname = 'late_{name}') THEN\n"
            f"        CREATE INDEX late_{name} ON {of} ({by});\n    END IF;\nEND\n$$", f"DROP INDEX IF EXISTS late_{name}")


MAKERS = {
    "column": column, "index": index, "comment": comment, "table": table, "constraint": constraint, "alter": alter,
    "rows": rows, "function": function, "view": view, "trigger": trigger, "drop": drop, "update": update, "type": kind,
    "block": block,
}
