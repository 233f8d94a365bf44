"""check_json.py SCHEMA FILE...: is each a report as doc/leakdiff.schema.json
says, and does it add up?

The schema lets programs meet members that are newer than they are. Here nothing
may be there that it does not describe.
"""
import json
import sys

import jsonschema

AMOUNTS = ("delta_bytes", "delta_objects", "live_bytes_old", "live_bytes_new",
           "live_objects_old", "live_objects_new", "alloc_bytes",
           "alloc_objects", "free_bytes", "free_objects")


def close(schema):
    if isinstance(schema, dict):
        if "properties" in schema:
            schema["additionalProperties"] = False
        for value in schema.values():
            close(value)
    elif isinstance(schema, list):
        for value in schema:
            close(value)


def check_rows(report, process, kind, hidden):
    rows = process[kind]
    total = process["totals"][kind]
    tallies = process[hidden].values()
    for name in ("delta_bytes", "delta_objects"):
        assert (sum(row[name] for row in rows)
                + sum(tally[name] for tally in tallies)
                == total[name]), (kind, name)
    for unit in ("bytes", "objects"):
        assert (sum(row[f"live_{unit}_new"] for row in rows)
                + sum(tally[f"live_{unit}"] for tally in tallies)
                == total[f"live_{unit}_new"]), (kind, unit)
    if not sum(tally["sites"] for tally in tallies):
        for name in AMOUNTS:
            assert sum(row[name] for row in rows) == total[name], name
    for row in rows:
        frames = [report["frames"][i] for i in row["stack"]]
        blamed = frames[row["blamed"]]
        for name in ("function", "file", "line", "module"):
            assert row[name] == blamed[name], (row["id"], name)
        check_series(process, row)
        if row.get("ages"):
            ages = row["ages"]
            assert all(a["min_s"] <= a["max_s"] for a in ages)
            assert all(a["max_s"] <= b["min_s"] + 1
                       for a, b in zip(ages, ages[1:]))


def check_series(process, row):
    for values in row.get("series", {}).values():
        assert len(values) == len(process["points_s"])
    if "series" in row:
        new = row["live_bytes_new"] if "stack" in row else row["bytes_new"]
        assert is_thinned(process) or row["series"]["bytes"][-1] == new


def is_thinned(process):
    return len(process["points_s"]) < len(process["snapshots"])


def check(report):
    for process in report["processes"]:
        check_rows(report, process, "heap", "hidden")
        check_rows(report, process, "thread", "hidden_threads")
        live = process["snapshots"][-1]["live_bytes"]
        assert live in (None, process["totals"]["heap"]["live_bytes_new"])
        ledger = {row["line"]: row for row in process["ledger"]}
        for row in ledger.values():
            check_series(process, row)
        if ledger:
            rss = ledger.pop("rss")
            assert rss["bytes_new"] == sum(row["bytes_new"]
                                           for row in ledger.values())
    used = {i for process in report["processes"]
            for kind in ("heap", "thread") for row in process[kind]
            for i in row["stack"]}
    # Each frame is in some stack: those of the fleet are rows too.
    assert used == set(range(len(report["frames"])))


def refuse(constant):
    raise ValueError(f"{constant} is no JSON")


with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)
close(schema)
validator = jsonschema.Draft202012Validator(schema)
for path in sys.argv[2:]:
    with open(path, encoding="utf-8") as file:
        report = json.load(file, parse_constant=refuse)
    errors = sorted(validator.iter_errors(report), key=lambda e: e.json_path)
    for error in errors[:5]:
        print(f"{path}: {error.json_path}: {error.message[:300]}")
    if errors:
        sys.exit(1)
    check(report)
