"""check_formats.py LEAKDIFF [OPTIONS...] -- FILE...: do all formats tell the
same numbers?

FILES are snapshots of one process in order. LEAKDIFF writes every format, and
each is read here by itself: text by its totals, CSV with csv, JSON with json,
folded stacks by the line, pprof by `go tool pprof -raw`. With --series and the
independent decoder each snapshot's sites are held against its own trailer.
"""
import csv
import io
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
COLUMNS = ("alloc_objects", "alloc_bytes", "free_objects", "free_bytes",
           "live_objects", "live_bytes")

leakdiff = sys.argv[1]
split = sys.argv.index("--")
options, files = sys.argv[2:split], sys.argv[split + 1:]
SELECTS = ("--focus", "--ignore", "--min-bytes", "--top", "--suppressions",
           "--sort", "--baseline", "--by")
is_selected = any(o.split("=")[0] in SELECTS for o in options)
is_grouped = any(o.split("=")[0] == "--by" for o in options)


def run(*args):
    done = subprocess.run([leakdiff, *args, *files], capture_output=True)
    assert done.returncode == 0, (args, done.stderr)
    return done.stdout


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text.decode())))


def total(rows, column, **where):
    return sum(int(r[column]) for r in rows
               if all(r[k] == v for k, v in where.items()))


def same(what, a, b):
    assert a == b, f"{what}: {a} is not {b}"


report = json.loads(run("--json", *options))
process, = report["processes"]
totals = process["totals"]

# --- CSV and JSON: rows, and what is hidden besides

# CSV has a row each for what is suppressed and accepted, and none for what the
# user left out.
MERGED = {"[suppressed]": "suppressed",
          "[accepted by the baseline]": "baseline"}

table = rows_of(run("--csv", *options))
for kind, hidden in (("heap", "hidden"), ("thread", "hidden_threads")):
    mine = [r for r in table if r["kind"] == kind
            and r["function"] not in MERGED]
    for r in table:
        if r["kind"] == kind and r["function"] in MERGED:
            tally = process[hidden][MERGED[r["function"]]]
            same(f"{kind} {r['function']}", int(r["delta_bytes"]),
                 tally["delta_bytes"])
            same(f"{kind} {r['function']}", int(r["live_objects_new"]),
                 tally["live_objects"])
    same("rows", len(mine), len(process[kind]))
    for column in totals[kind]:
        same(f"{kind} {column}", total(mine, column),
             sum(r[column] for r in process[kind]))
    same(f"order of {kind}", [(r["function"], r["stack"]) for r in mine],
         [(r["function"],
           ";".join([report["frames"][i]["function"].replace(";", ",")
                     for i in r["stack"]] + ["[truncated]"] * r["truncated"]))
          for r in process[kind]])
    for unit in ("bytes", "objects"):
        for csv_name, name in ((f"delta_{unit}",) * 2,
                               (f"live_{unit}_new", f"live_{unit}")):
            same(f"{kind} {csv_name}", totals[kind][csv_name],
                 total(mine, csv_name)
                 + sum(t[name] for t in process[hidden].values()))
    if report["mode"] == "trend":
        same("verdicts", [r["verdict"] for r in mine],
             [r["verdict"]["kind"] for r in process[kind]])
same("ledger", [(r["function"], int(r["delta_bytes"])) for r in table
                if r["kind"] == "ledger"],
     [(r["line"], r["delta_bytes"]) for r in process["ledger"]])
if not is_selected:
    for kind in totals:
        for column in totals[kind]:
            same(f"{kind} {column}", total(table, column, kind=kind),
                 totals[kind][column])

# --- text: counts of objects stand in full

if not is_selected:
    text = run("--text", "--top", "0", *options).decode()
    part = re.search(r"^Heap sites.*?^total (.*?)(?:\n\n|\Z)", text,
                     re.M | re.S)
    assert part, text
    count = f"{totals['heap']['live_objects_new']:,} object"
    assert count in part.group(1), (count, part.group(1))

# --- folded stacks

if not is_grouped:
    is_two = len(files) > 1
    for kind, unit, more in (("heap", "bytes", ()),
                             ("thread", "objects", ("--threads",))):
        sums = [0, 0]
        for line in run("--folded", *more, *options).decode().splitlines():
            match = re.fullmatch(r"(\S.*?) (\d+) (\d+)" if is_two
                                 else r"(\S.*?) (\d+)", line)
            assert match, line
            sums = [a + int(b) for a, b in
                    zip(sums, match.groups()[1:] if is_two
                        else (0, match.group(2)))]
        same(f"folded {kind}", sums, [totals[kind][f"live_{unit}_old"],
                                      totals[kind][f"live_{unit}_new"]])
    whole = rows_of(run("--csv"))
    growth = sum(max(0, int(r["delta_bytes"])) for r in whole
                 if r["kind"] == "heap")
    same("folded growth", growth,
         sum(int(line.rsplit(" ", 1)[1]) for line in
             run("--folded", "--growth-only", *options).decode().splitlines()))

# --- pprof


def pprof(*args):
    """{is base: sums by sample type}"""
    with tempfile.TemporaryDirectory() as home:
        path = os.path.join(home, "p.pb.gz")
        run("--pprof", "-o", path, *args, *options)
        raw = subprocess.run(
            ["go", "tool", "pprof", "-raw", "-symbolize=none", path],
            env={**os.environ, "HOME": home}, capture_output=True, check=True,
        ).stdout.decode()
    body = raw.split("\nSamples:\n")[1].split("\nLocations\n")[0].splitlines()
    types = [t.split("[")[0] for t in body[0].split()]
    samples = []
    for line in body[1:]:
        if re.match(r" *-?\d", line):
            samples.append([list(map(int, line.split(":")[0].split())), False])
        else:
            assert "pprof::base:[true]" in line, line
            samples[-1][1] = True
    return {base: dict(zip(types, map(sum, zip(*(v for v, b in samples
                                                  if b == base)))))
            for base in (False, True)}


if not is_grouped:
    heap = pprof()
    names = (("inuse_space/bytes", "live_bytes"),
             ("inuse_objects/count", "live_objects"))
    for name, column in names:
        same(f"pprof {name}", heap[False].get(name, 0),
             totals["heap"][f"{column}_new"])
        same(f"pprof base {name}", -heap[True].get(name, 0),
             totals["heap"][f"{column}_old"])
    for name, column in (("alloc_space/bytes", "alloc_bytes"),
                         ("alloc_objects/count", "alloc_objects")):
        same(f"pprof {name}", heap[False].get(name, 0)
             + heap[True].get(name, 0), totals["heap"][column])
    threads = pprof("--threads")
    same("pprof threads", threads[False].get("threadcreate/count", 0),
         totals["thread"]["live_objects_new"])
    grown = pprof("--growth-only")
    same("growth has no base", grown[True], {})
    same("pprof growth", grown[False].get("inuse_space/bytes", 0), growth)

# --- the series, against each snapshot by itself

series = rows_of(run("--series", *[o for o in options
                                   if o.startswith("--no-")]))
seen = {r["snapshot"] for r in series}
same("snapshots of the series", seen, set(files))
keys = [(r["snapshot"], r["kind"], r["site"], r["function"]) for r in series]
same("keys of the series", len(keys), len(set(keys)))
for i, file in enumerate(files):
    want = subprocess.run(
        [sys.executable, "-IB", os.path.join(HERE, "decode_snapshot.py"), file,
         *(f"trailer.{column}" for column in COLUMNS)],
        capture_output=True, check=True).stdout.split()
    for column, value in zip(COLUMNS, want):
        same(f"series {file} {column}", int(value),
             total(series, column, snapshot=file, kind="heap"))
    same(f"snapshot {file}", process["snapshots"][i]["live_bytes"],
         total(series, "live_bytes", snapshot=file, kind="heap"))
    same(f"threads of {file}",
         total(series, "live_objects", snapshot=file, kind="thread"),
         totals["thread"]["live_objects_new"] if i == len(files) - 1 else
         totals["thread"]["live_objects_old"] if i == 0 else
         total(series, "live_objects", snapshot=file, kind="thread"))
if not is_selected:
    last = {r["site"]: r for r in series if r["snapshot"] == files[-1]}
    for row in process["heap"] + process["thread"]:
        if row["id"] in last:
            same("name", last[row["id"]]["function"], row["function"])
    assert last.keys() >= {r["id"] for r in process["heap"]
                           if r["live_bytes_new"]}
