# What lives at the end is what the functions named keep_* kept; nothing of
# those named free_* or failures_* is left.
set -eu
. "$(dirname "${BASH_SOURCE[0]}")/lib_look.sh"
"$PROG"
LD_PRELOAD=$SHIM LEAKSHIM="out=$WORK/%n.snap,on=exit" "$PROG"
"$LEAKDIFF" 1.snap --csv >rows.csv
python3 - <<'PYTHON'
import csv, sys

live = {}
for row in csv.DictReader(open("rows.csv")):
    if row["kind"] == "heap":
        name = row["function"]
        objects, size = live.get(name, (0, 0))
        live[name] = (objects + int(row["live_objects_new"]),
                      size + int(row["live_bytes_new"]))
want = {
    "keep_after_failed_realloc": (1, 1000),
    "keep_after_failed_reallocarray": (1, 2000),
    "keep_grown": (1, 100000),
    "keep_from_null": (1, 3000),
    "keep_aligned": (1, 5000),
    "free_by_realloc_zero": (0, 0),
    "free_of_zero_sizes": (0, 0),
    "free_of_each_aligned": (0, 0),
    "free_sized_after_realloc": (0, 0),
}
bad = {k: (live.get(k), v) for k, v in want.items() if live.get(k, (0, 0)) != v}
left = {k: v for k, v in live.items() if k.startswith(("failures", "free_")) and v[0]}
print("differ (got, want):", bad, "left:", left)
sys.exit(bool(bad or left))
PYTHON
# A record that stayed would go with the next block of that address: told so.
expect 0 "$(look 1.snap 'losses.implicit_frees + losses.unknown_frees')" losses
