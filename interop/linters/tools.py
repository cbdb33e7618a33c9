"""The linters: how each is called, and how its answer is read. Every rule that can be switched on is."""

import json
import subprocess


class Tool:
    name = program = None
    version_words = ["--version"]

    def __init__(self, path, rules):
        self.path = path.absolute()
        self.rules = rules  # The names of its own rules, as far as the map has them.

    def version(self):
        return self.call(self.version_words).strip().splitlines()[0]

    def call(self, words, cwd="/"):
        done = subprocess.run([str(self.path), *words], text=True, capture_output=True, cwd=cwd, timeout=300)
        self.complaint = done.stderr
        return done.stdout or done.stderr

    def said(self, block, path):
        """The names of its rules that it says of the file; nothing where it can't read that."""
        raise NotImplementedError


def document(text):
    """The first JSON document in a text."""
    starts = [at for at in (text.find("{"), text.find("[")) if at >= 0]
    try:
        return json.JSONDecoder().raw_decode(text[min(starts):])[0] if starts else None
    except json.JSONDecodeError:
        return None


class Squawk(Tool):
    name, program = "squawk", "python/bin/squawk"

    def said(self, block, path):
        included = [word for rule in self.rules if rule != "syntax-error" for word in ("-i", rule)]
        wrapped = ["--assume-in-transaction"] if block.wrapped else []
        out = self.call(["--reporter", "json", "--pg-version", block.version, *included, *wrapped, str(path)])
        found = {one["rule_name"] for one in document(out) or []}
        return None if "syntax-error" in found and block.rule != "syntax-error" else found


PGSAFE = """required-columns = ["created_at"]
[rules]
require-primary-key = true
require-not-null = true
require-comment = true
require-if-exists = true
forbid-nullable-fk = true
unchecked-do-block = true
require-schema-qualified = true
[naming]
table = "^[a-z][a-z0-9_]*s$"
column = "^[a-z][a-z0-9_]*$"
[forbidden-types]
timestamp = "timestamptz"
char = "text"
money = "numeric"
"""


class Pgsafe(Tool):
    name, program = "pgsafe", "bin/pgsafe"

    def said(self, block, path):
        config = path.parent / "pgsafe.toml"
        config.write_text(PGSAFE)
        wrapped = ["--in-transaction"] if block.wrapped else []
        out = document(self.call(["--format", "json", "--config", str(config), *wrapped, str(path)]))
        if out is None or any("error" in one for one in out["files"]):
            return None
        return {found["rule_id"] for one in out["files"] for found in one["findings"]}


class Eugene(Tool):
    name, program = "eugene", "bin/eugene"

    def said(self, block, path):
        out = document(self.call(["lint", "--format", "json", "--accept-failures", str(path)]))
        return None if out is None else codes(out)


def codes(node):
    """Whatever stands under `id` of a lint's or hint's entry."""
    if isinstance(node, dict):
        own = {node["id"]} if isinstance(node.get("id"), str) and node["id"][1:].isdigit() else set()
        return own.union(*map(codes, node.values())) if node else own
    if isinstance(node, list):
        return set().union(*map(codes, node)) if node else set()
    return set()


class DieselGuard(Tool):
    name, program = "diesel-guard", "bin/diesel-guard"

    def said(self, block, path):
        config, metadata = path.parent / "diesel-guard.toml", path.parent / "metadata.toml"
        config.write_text(f'framework = "diesel"\npostgres_version = {block.version}\n')
        metadata.write_text(f"run_in_transaction = {str(block.wrapped).lower()}\n")
        out = document(self.call(["check", "--format", "json", str(path)], cwd=path.parent))
        return None if out is None else {found["check_name"] for one in out for found in one["violations"]}


# Nothing is too small to be spoken of. It has no word for a transaction that the runner begins.
SAFE_MIGRATE = """tier1_threshold_rows = 0
tier2_threshold_rows = 0
assume_pg_version = {version}
"""


class SafeMigrate(Tool):
    """Reads the schema's file before the other, as this program does, and no more of a database."""

    name, program = "safe-migrate", "bin/safe-migrate"

    def said(self, block, path):
        config = path.parent / "safe-migrate.toml"
        config.write_text(SAFE_MIGRATE.format(version=max(int(block.version), 14) * 10_000))
        words = ["--no-cache", "--config", str(config), "--dir", str(path.parent)]
        out = document(self.call(["lint-chain", "--json", *words], cwd=path.parent))
        if out is None:
            return None
        heard = [found for found in out["violations"] if found["location"]["file"] == str(path)]
        # Said of a statement that it doesn't know, UPDATE among them.
        named = {found["rule_id"] for found in heard if "opaque unsupported SQL" not in found["reason"]}
        return named or (None if heard else set())


class Switchback(Tool):
    name = "switchback"

    def review(self, block, path, *more):
        out = document(self.call(["review", "--format", "json", "--server-version", block.version, *more, str(path)]))
        return {found["rule"] for found in out["findings"]}

    def said(self, block, path):
        return self.review(block, path, "--all-rules")

    def said_by_default(self, block, path):
        return self.review(block, path)


OTHERS = [Squawk, Eugene, Pgsafe, DieselGuard, SafeMigrate]
