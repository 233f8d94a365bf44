# Over 200 seeds the mean of the estimates is within 2 % of the truth, for each
# site's live bytes and objects and for its cumulative allocations.
set -eu
runs=${SAMPLED_RUNS:-200}
for seed in $(seq 1 "$runs"); do
	LD_PRELOAD=$SHIM \
		LEAKSHIM="out=$WORK/$seed.snap,on=exit,sample=64K,seed=$seed" \
		"$PROG"
	"$LEAKDIFF" "$seed.snap" --csv >"$seed.csv"
done
python3 - "$runs" <<'PYTHON'
import csv, sys

runs = int(sys.argv[1])
want = {  # live bytes, live objects, allocated objects
    "small_site": (20000 * 100, 20000, 40000),
    "middle_site": (2000 * 3000, 2000, 2000),
    "large_site": (50 * 200000, 50, 50),
}
sums = {name: [0, 0, 0] for name in want}
for seed in range(1, runs + 1):
    for row in csv.DictReader(open(f"{seed}.csv")):
        if row["function"] in sums:
            s = sums[row["function"]]
            s[0] += int(row["live_bytes_new"])
            s[1] += int(row["live_objects_new"])
            s[2] += int(row["alloc_objects"])
bad = False
for name, numbers in want.items():
    for have, truth in zip(sums[name], numbers):
        off = have / runs / truth - 1
        print(f"{name}: {off:+.2%}")
        bad |= abs(off) > 0.02
sys.exit(bad)
PYTHON
