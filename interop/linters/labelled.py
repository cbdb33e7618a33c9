"""The labelled SQL: each block with the rule that it is about, and whether that must be named."""

import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "crates/review/src/rules"
TESTS = ROOT / "crates/review/tests"


@dataclasses.dataclass
class Block:
    name: str  # group/rule/bad/1
    rule: str
    bad: bool
    sql: str
    schema: str = ""
    wrapped: bool = False
    version: str = "15"

    def folder(self, under):
        return under / self.name.replace("/", "__")

    def write(self, under):
        """Its file, with its schema as the one before it."""
        folder = self.folder(under)
        folder.mkdir(parents=True)
        if self.schema:
            (folder / "0001_schema.sql").write_text(self.schema)
        path = folder / "0002_it.sql"
        # By a directive of dbmate's, whose runner begins a transaction: a comment for the others.
        path.write_text("-- migrate:up\n" + self.sql if self.wrapped else self.sql)
        return path


def sections(text):
    """The blocks of SQL of a page, by their sections: settings and text."""
    found, section, fence = {}, "", None
    for line in text.splitlines():
        if fence is None and line.startswith("```"):
            fence = (line[3:].split(), [])
        elif fence is not None and line.startswith("```"):
            found.setdefault(section, []).append((fence[0], "\n".join(fence[1]) + "\n"))
            fence = None
        elif fence is not None:
            fence[1].append(line)
        elif line.startswith("## "):
            section = line[3:]
    return found


def pages():
    for path in sorted(RULES.glob("*/*.md")):
        rule = path.stem.replace("_", "-")
        found = sections(path.read_text())
        known = "Facts" in found or "Catalog" in found
        schema = "".join(text for _, text in found.get("Schema", []))
        for section in ("Bad", "Good"):
            for number, (settings, sql) in enumerate(found.get(section, []), 1):
                # Several files, Python, or one query of several statements: nothing that these linters are told.
                if "-- file:" in sql or {"python", "one-query"} & set(settings):
                    continue
                # What is known of a live database, which is asked of nobody here.
                if known and "healthy" not in settings:
                    continue
                version = next((word[8:] for word in settings if word.startswith("version=")), "15")
                name = f"{path.parent.name}/{rule}/{section.lower()}/{number}"
                yield Block(name, rule, section == "Bad", sql, schema, "wrapped" in settings, version)


def table():
    """The plainest example of every hazard."""
    schema, rule, version = (TESTS / "variants/schema.sql").read_text(), None, "15"
    for line in (TESTS / "variants/table.sql").read_text().splitlines():
        asked = re.match(r"-- names (\S+)(?: version=(\d+))?$", line)
        if asked:
            rule, version = asked[1], asked[2] or "15"
        elif line and rule and not line.startswith("--"):
            yield Block(f"table/{rule}/bad/1", rule, True, line + "\n", schema, False, version)


def harmless():
    """The first sixteen of the cases that must be silent: those that linters are known to warn of."""
    text = (TESTS / "harmless.rs").read_text()
    schema = re.search(r'const SCHEMA: &str = "(.*?)";', text, re.S)[1]
    cases = re.findall(r'\b(?:case|known)\(\s*"([^"]+)",\s*&\[(.*?)\],?\s*\),\n', text, re.S)
    for title, files in cases[:16]:
        parts = re.findall(r'"([^"]*)"', files)
        name = "harmless/" + title.replace(",", "").replace(" ", "-") + "/good/1"
        yield Block(name, title, False, "".join(part + "\n" for part in parts), schema)


# They speak of what a project has configured, or of how a tool sends a file.
OF_A_PROJECT = {"required-columns", "naming-convention", "names-database", "multi-statement-implicit-transaction"}


def blocks():
    """Those that a linter can be asked about: Switchback knows PostgreSQL 13 and newer."""
    every = (*table(), *pages(), *harmless())
    return [block for block in every if int(block.version) >= 13 and block.rule not in OF_A_PROJECT]
