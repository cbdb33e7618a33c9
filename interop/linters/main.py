"""Runs the linters and Switchback over the labelled SQL, and writes what each says as a page."""

import argparse
import collections
import concurrent.futures
import fnmatch
import pathlib
import re
import tempfile

import labelled
import tools

# So many examples of one difference are named.
MANY = 40
HERE = pathlib.Path(__file__).parent


def rows(name):
    lines = (HERE / name).read_text().splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def meant():
    """Ours, by what another linter calls it."""
    return {(tool, theirs): set(ours.split()) for tool, theirs, ours in rows("rules.tsv")}


class Reason:
    """Why a difference is one, for the blocks whose names fit."""

    def __init__(self, tool, rule, blocks, text):
        self.tool, self.rule, self.blocks, self.text = tool, rule, blocks, text
        self.found = []

    def fits(self, tool, rule, block):
        return self.tool in ("*", tool) and fnmatch.fnmatch(rule, self.rule) and any(
            fnmatch.fnmatch(block.name, blocks) for blocks in self.blocks.split()
        )


def ask(linters, ours, blocks, under):
    """What each says of each block: by the block's name, then the linter's; nothing where it can't read it."""
    paths = {block.name: block.write(under) for block in blocks}

    def one(block):
        path, said = paths[block.name], {}
        for tool in linters:
            said[tool.name] = tool.said(block, path)
        said[ours.name] = ours.said(block, path)
        said["default"] = ours.said_by_default(block, path)
        return block.name, said

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return dict(pool.map(one, blocks))


def word(block, tool, said, meaning):
    """`named`, `else`, `silent`, `unread`."""
    if said is None:
        return "unread"
    ours = lambda rule: {rule} if tool == "switchback" else meaning.get((tool, rule), set())
    if any(block.rule in ours(rule) for rule in said):
        return "named"
    return "else" if said else "silent"


def cell(counts):
    total = sum(counts.values())
    if not total:
        return ""
    if counts["named"] == total:
        return f"**{total}**"
    words = [f"{counts['named']}/{total}"]
    words += [f"{counts[kind]} {kind}" for kind in ("else", "unread") if counts[kind]]
    return ", ".join(words) if counts["named"] or len(words) > 1 else "–"


def difference(block, tool, said, own, meaning):
    """Rules of another linter that spoke where none of ours that mean the same did."""
    if said is None:
        return []
    return [rule for rule in sorted(said) if not (meaning.get((tool, rule), set()) & own)]


def false_alarms(blocks, said, tool, noise):
    """Blocks that must be silent, and of which something is said that is more than a matter of taste."""
    spoke = lambda block: {rule for rule in said[block.name][tool] or () if (tool, rule) not in noise}
    return sum(bool(spoke(block)) for block in blocks)


# Taste and timeouts: what is off by default here too, and what their own authors call opt-in.
TASTE = {
    "missing-lock-timeout", "missing-statement-timeout", "missing-idle-timeout", "missing-guard",
    "unqualified-object", "varchar-limit", "int-foreign-key-or-column", "timestamp-without-timezone",
    "serial-type", "missing-comment", "required-columns", "naming-convention", "identifier-needs-quotes",
    "nullable-fk-or-boolean", "unnamed-constraint", "create-enum", "enum-value-order", "enum-no-down",
    "set-default-change", "new-write-restriction",
}


# Rules of others that are about taste, whatever else they meet.
OF_TASTE = re.compile(
    r"prefer-|require-(?!concurrent)|forbid|naming-|Idempotency|CharType|TimestampType|CreateTable|AddJsonColumn"
    r"|ShortInteger|E3|E9|W13|ban-char|UnnamedConstraint"
)


def page(blocks, said, linters, meaning, reasons, unexplained):
    names = ["switchback", *(tool.name for tool in linters)]
    noise = {key for key, ours in meaning.items() if ours <= TASTE or OF_TASTE.match(key[1])}
    bad = [block for block in blocks if block.bad]
    harmless = [block for block in blocks if block.name.startswith("harmless/")]
    good = [block for block in blocks if not block.bad and block not in harmless]
    counts = collections.defaultdict(lambda: collections.defaultdict(collections.Counter))
    for block in bad:
        for name in names:
            counts[block.rule][name][word(block, name, said[block.name][name], meaning)] += 1
    whole = {name: sum((counts[rule][name] for rule in counts), collections.Counter()) for name in names}
    hazards = [block for block in bad if block.name.startswith("table/")]
    plain = {
        name: sum(word(block, name, said[block.name][name], meaning) == "named" for block in hazards)
        for name in names
    }
    lines = [
        "# The same SQL, given to other linters",
        "",
        "Made by `script/linters`: the examples of this program's own rules (what a page calls Bad must be named, what it"
        " calls Good must not), the plainest example of each hazard, and sixteen statements that do no harm and that"
        " linters are known to warn of. The labels are this program's own: its own column says that its pages are true,"
        " the others say what a user of that linter hears of the same hazard. Every rule that a linter lets one switch"
        " on is on; the target is PostgreSQL 15, where an example asks for no other; the schema stands in a file before,"
        " which only this program and safe-migrate read. None is given a database: examples that need facts of a live"
        " one, which this program has with `-e`, are left out, and safe-migrate, which is made for a snapshot of the"
        " target, would know more with it.",
        "",
        "| linter | version | plainest examples named | examples named | said something else | silent | can't read | Good flagged | harmless flagged |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    versions = {tool.name: tool.version().split()[-1] for tool in linters} | {"switchback": "this tree"}
    for name in names:
        total = whole[name]
        column = "default" if name == "switchback" else name
        wrong = f"{false_alarms(good, said, column, noise)} of {len(good)}"
        if name == "switchback":
            # A page's Good promises the silence of its own rule.
            wrong = f"{sum(block.rule in said[block.name][name] for block in good)} of {len(good)}"
        lines.append(
            f"| {name} | {versions[name]} | {plain[name]} of {len(hazards)} | {total['named']} of {len(bad)} | {total['else']}"
            f" | {total['silent']} | {total['unread']} | {wrong} | {false_alarms(harmless, said, column, noise)} of {len(harmless)} |"
        )
    absent = [tool.name for tool in tools.OTHERS if tool.name not in names]
    if absent:
        lines += ["", f"Not asked this time, because they were not installed: {', '.join(absent)}."]
    lines += [
        "",
        "*Can't read*: the linter gives up, or says of the example's statements only that it doesn't know them, as"
        " safe-migrate does of `UPDATE`.",
        "",
        "*Good flagged*: of this program, by the rule whose page it is; of the others, by any rule but those of taste,"
        " timeouts and guards. A Good example may well have another hazard than that of its page, so that theirs is no"
        " count of false alarms; the sixteen are. Nothing of taste counts there for anybody.",
        "",
        "## Rule by rule",
        "",
        "How many of a rule's examples are named: **all**, or some of all; `else`: the linter says something, but not that.",
        "",
        "| rule | " + " | ".join(names) + " |",
        "|---|" + "---|" * len(names),
    ]
    for rule in counts:
        lines.append(f"| {rule} | " + " | ".join(cell(counts[rule][name]) for name in names) + " |")
    lines += ["", "## What another names and this program does not", ""]
    lines += ["Each with its reason, by the linter's rule and the example.", ""]
    by_text = collections.defaultdict(lambda: collections.defaultdict(list))
    for reason in reasons:
        for tool, rule, block in reason.found:
            by_text[reason.text][f"{tool} `{rule}`"].append(f"`{block.name}`")
    for text, spoke in by_text.items():
        lines.append(f"- {text}")
        for who, which in sorted(spoke.items()):
            more = f" and {len(which) - MANY} more" if len(which) > MANY else ""
            lines.append(f"    - {who}: {', '.join(which[:MANY])}{more}")
    if unexplained:
        lines += ["", "### Without a reason yet", ""]
        lines += [f"- {tool} `{rule}`: `{block.name}`" for tool, rule, block in unexplained]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="script/linters")
    for name in ("tools", "switchback", "page"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    asked = parser.parse_args()
    meaning = meant()
    of = lambda tool: sorted(theirs for name, theirs in meaning if name == tool.name)
    found = [(tool, asked.tools / tool.program) for tool in tools.OTHERS]
    linters = [tool(path, of(tool)) for tool, path in found if path.exists()]
    ours = tools.Switchback(asked.switchback, [])
    blocks = labelled.blocks()
    with tempfile.TemporaryDirectory() as under:
        said = ask(linters, ours, blocks, pathlib.Path(under))
    reasons = [Reason(*row) for row in rows("differences.tsv")]
    unexplained = []
    for block in blocks:
        for tool in linters:
            for rule in difference(block, tool.name, said[block.name][tool.name], said[block.name]["switchback"], meaning):
                known = next((reason for reason in reasons if reason.fits(tool.name, rule, block)), None)
                (known.found if known else unexplained).append((tool.name, rule, block))
    asked.page.parent.mkdir(parents=True, exist_ok=True)
    asked.page.write_text(page(blocks, said, linters, meaning, reasons, unexplained))
    missed = [block.name for block in blocks if block.bad and block.rule not in said[block.name]["switchback"]]
    for name in missed:
        print(f"not named by Switchback: {name}")
    for tool, rule, block in unexplained:
        print(f"no reason for {tool} {rule}: {block.name}")
    print(f"{len(blocks)} blocks, {len(linters)} other linters, {len(missed)} missed, {len(unexplained)} without a reason")
    raise SystemExit(1 if missed or unexplained else 0)


if __name__ == "__main__":
    main()
