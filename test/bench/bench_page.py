"""Tables as Markdown, and their place in doc/BENCHMARKS.md: each part of the
benchmark owns what stands between its two comments there, and nothing else is
touched."""
import json
import os
import re

from bench_run import BUILD, TOP

PAGE = os.path.join(TOP, "doc/BENCHMARKS.md")
# Targets are kept from run to run, since parts can be run one by one.
KEPT = os.path.join(BUILD, "bench/targets.json")


def table(head, rows):
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(["| " + " | ".join(head) + " |",
                      "|---" * len(head) + "|"] + lines)


def ratio(spread, rounds):
    """`1.43 (1.40-1.49)`; how many rounds, where fewer than all."""
    if spread is None:
        return "-"
    text = f"{short(spread.median)} ({short(spread.low)}-{short(spread.high)})"
    if spread.count == 1:
        text = short(spread.median)
    return text if spread.count == rounds else f"{text} x{spread.count}"


def spread_of(spread, digits=1):
    return (f"{spread.median:.{digits}f} "
            f"({spread.low:.{digits}f}-{spread.high:.{digits}f})")


def short(number):
    return f"{number:.2f}" if abs(number) < 9.995 else f"{number:.0f}"


def mib(count):
    if count is None:
        return "-"
    return f"{count / 2**20:.1f}" if abs(count) < 2**26 else f"{count / 2**20:.0f}"


def kib(count):
    return "-" if not count else f"{count / 1024:.0f}"


class Target:
    """What DESIGN's table asks for; met is None where it can't be said."""

    def __init__(self, what, wanted, measured, met):
        self.row = [what, wanted, measured,
                    "-" if met is None else "yes" if met else "**no**"]


def remember_targets(part, targets):
    try:
        with open(KEPT) as file:
            kept = json.load(file)
    except (OSError, ValueError):
        kept = {}
    kept[part] = [target.row for target in targets]
    os.makedirs(os.path.dirname(KEPT), exist_ok=True)
    with open(KEPT, "w") as file:
        json.dump(kept, file)
    return kept


def targets_table(rows):
    return table(["what", "target", "measured", "met"], rows)


def put(name, text):
    """Replaces the block `name` of the page."""
    with open(PAGE) as file:
        page = file.read()
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
    pattern = re.escape(begin) + ".*?" + re.escape(end)
    if len(re.findall(pattern, page, re.S)) != 1:
        raise SystemExit(f"bench: {PAGE} has no place for '{name}'")
    page = re.sub(pattern, lambda _: f"{begin}{text}\n{end}", page, flags=re.S)
    with open(PAGE + ".new", "w") as file:
        file.write(page)
    os.replace(PAGE + ".new", PAGE)
