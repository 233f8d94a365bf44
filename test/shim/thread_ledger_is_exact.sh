set -eu
"$PROG"
LD_PRELOAD=$SHIM LEAKSHIM="out=$WORK/%n.snap,on=exit" "$PROG"
"$LEAKDIFF" 1.snap --csv >rows.csv
python3 - <<'PYTHON'
import csv, sys

want = {  # still held, created, released
    "start_running": (3, 3, 0),
    "start_forgotten": (5, 5, 0),
    "start_joined": (0, 40, 40),
    "start_detached": (0, 40, 40),
    "start_c11": (2, 4, 2),
}
got = {}
for row in csv.DictReader(open("rows.csv")):
    if row["kind"] == "thread":
        old = got.get(row["function"], (0, 0, 0))
        got[row["function"]] = tuple(
            a + int(row[k]) for a, k in
            zip(old, ("live_objects_new", "alloc_objects", "free_objects")))
        held = int(row["live_objects_new"])
        if int(row["live_bytes_new"]) != held * (8 << 20):
            print("stack bytes", row)
            sys.exit(1)
print(got)
sys.exit(got != want)
PYTHON
