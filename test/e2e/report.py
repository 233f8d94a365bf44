"""report.py FILE EXPRESSION...: is every expression true of leakdiff's CSV?

An expression is Python. It sees `heap`, `threads` and `ledger`, the rows in
the file's order; a row has an attribute per column, counts as integers, what
was worked out of them (rates, confidence) as floats or None, `stack` as a
list, innermost first; named(rows, RE) are those whose function matches as a
whole; total(rows, COLUMN) adds up.
"""
import csv
import re
import sys
from types import SimpleNamespace

TEXT = ("kind", "function", "file", "module", "stack", "verdict", "process")
REAL = ("confidence", "bytes_per_hour", "objects_per_hour", "eta_hours")


def take(record):
    row = {k: v if k in TEXT else
           (float(v) if v else None) if k in REAL else int(v or 0)
           for k, v in record.items()}
    row["stack"] = row["stack"].split(";")
    return SimpleNamespace(**row)


def show(name, rows):
    print(f"{len(rows)} {name} rows")
    for r in rows[:12]:
        print(f"  {r.function or '?'} {r.delta_bytes:+} B"
              f" {r.delta_objects:+} of {r.live_objects_new}"
              f" ({r.module}) {';'.join(r.stack[:6])}")


def named(rows, pattern):
    return [r for r in rows if re.fullmatch(pattern, r.function)]


def total(rows, column):
    return sum(getattr(r, column) for r in rows)


with open(sys.argv[1], newline="", encoding="utf-8",
          errors="surrogateescape") as file:
    rows = [take(record) for record in csv.DictReader(file)]
heap, threads, ledger = ([r for r in rows if r.kind == kind]
                         for kind in ("heap", "thread", "ledger"))
false = [text for text in sys.argv[2:] if not eval(text)]
for text in false:
    print("not so:", text)
if false:
    show("heap", heap)
    show("thread", threads)
    sys.exit(1)
