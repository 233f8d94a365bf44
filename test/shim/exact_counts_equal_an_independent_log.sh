# Every site's counts and bytes equal the program's own log, to the unit: with
# malloc as it comes, and with one arena and no thread caches, where an address
# that one thread frees is at once another's (so the order of records and real
# calls matters). On a busy machine a thread may be off its processor for longer
# than others wait for what it holds. That is told, and tried once more.
set -eu

check() {
	local try
	for try in 1 2 3; do
		if count "$@"; then
			return
		elif [ "$(told)" = 0 ]; then
			echo 'and no loss was told'
			return 1
		fi
		echo "$(told) losses were told, try $try"
	done
	return 1
}

told() {
	"$LEAKDIFF" 1.snap --json | python3 -c '
import json, sys
losses = json.load(sys.stdin)["processes"][0]["losses"]
print(sum(losses[name] for name in
          ("dropped_allocs", "dropped_frees", "settle_timeouts")))'
}

count() {
	rm -f 1.snap
	LD_PRELOAD=$SHIM LEAKSHIM="out=$WORK/%n.snap,on=exit" \
		env "$@" >/dev/null &&
		"$LEAKDIFF" 1.snap --csv >rows.csv &&
		compare
}

compare() {
	python3 - <<'PYTHON'
import collections, csv, sys

want = {}
for row in csv.reader(open("log")):
    want[row[0]] = [int(n) for n in row[1:]]
got = collections.defaultdict(lambda: [0, 0, 0, 0])
live = collections.defaultdict(lambda: [0, 0])
for row in csv.DictReader(open("rows.csv")):
    if row["kind"] != "heap":
        continue
    name = row["function"]
    for i, key in enumerate(
        ("alloc_objects", "alloc_bytes", "free_objects", "free_bytes")
    ):
        got[name][i] += int(row[key])
    live[name][0] += int(row["live_objects_new"])
    live[name][1] += int(row["live_bytes_new"])
bad = 0
for name, numbers in want.items():
    still = [numbers[0] - numbers[2], numbers[1] - numbers[3]]
    if got[name] != numbers or live[name] != still:
        print(f"{name}: logged {numbers} live {still},"
              f" shim {got[name]} live {live[name]}")
        bad += 1
total = sum(n[0] + n[2] for n in want.values())
print(f"{len(want)} sites, {total} events, {bad} differ")
sys.exit(bad != 0 or total < 1000)
PYTHON
}

# More threads than there are stripes of their own.
check "$PROG" log "${EXACT_CALLS:-10000000}" 12
check MALLOC_ARENA_MAX=1 GLIBC_TUNABLES=glibc.malloc.tcache_count=0 \
	"$PROG" log 3000000 4
