# At the memory cap: allocated less freed is live, at each site to the unit,
# and the estimates are near the truth.
set -eu
LD_PRELOAD=$SHIM LEAKSHIM="out=$WORK/%n.snap,on=exit,memory=8M" "$PROG"
"$LEAKDIFF" 1.snap --csv >rows.csv
"$LEAKDIFF" 1.snap | grep -i '1 block of\|2^'
python3 - <<'PYTHON'
import csv, sys

want = {"all_kept": (600000, 600000), "a_fifth_kept": (600000, 120000)}
bad = 0
for row in csv.DictReader(open("rows.csv")):
    if row["kind"] != "heap":
        continue
    for unit in ("objects", "bytes"):
        live = int(row[f"alloc_{unit}"]) - int(row[f"free_{unit}"])
        bad += live != int(row[f"live_{unit}_new"])
    if row["function"] in want:
        allocated, live = want.pop(row["function"])
        print(row["function"], row["alloc_objects"], row["live_objects_new"])
        bad += abs(int(row["alloc_objects"]) / allocated - 1) > 0.1
        bad += abs(int(row["live_objects_new"]) / live - 1) > 0.1
sys.exit(bad or bool(want))
PYTHON
