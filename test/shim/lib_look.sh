# Sourced by drivers: what a snapshot says, read by code that is not ours.
# shellcheck shell=bash
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# look SNAPSHOT EXPRESSION...: of Python (test/e2e/decode_snapshot.py).
look()
{
	python3 -IB "$here/../e2e/decode_snapshot.py" "$@"
}

# under_shim OPTIONS COMMAND...: files are NUMBER.snap in the directory.
under_shim()
{
	LD_PRELOAD=$SHIM LEAKSHIM="out=$WORK/%n.snap,$1" "${@:2}"
}

# rows SNAPSHOT: "KIND FUNCTION LIVE-OBJECTS LIVE-BYTES ALLOCATED FREED" for
# each function that allocated, added up.
rows()
{
	"$LEAKDIFF" --csv "$1" | python3 -Ic '
import collections, csv, sys
sums = collections.defaultdict(lambda: [0, 0, 0, 0])
for row in csv.DictReader(sys.stdin):
    for i, key in enumerate(("live_objects_new", "live_bytes_new",
                             "alloc_objects", "free_objects")):
        sums[row["kind"], row["function"]][i] += int(row[key])
for (kind, name), numbers in sorted(sums.items()):
    print(kind, name, *numbers)'
}

# expect WANT GOT [WHAT]
expect()
{
	[ "$1" = "$2" ] && return
	echo "${3:-}: wanted '$1', got '$2'"
	return 1
}

# row FILE FUNCTION: its line of rows' output without the kind; "none".
row()
{
	sed -n "s/^heap $2 //p" "$1" | grep . || echo none
}

# consistent SNAPSHOT...: by leakshim's own check of what a snapshot promises.
consistent()
{
	"$LEAKDIFF" --verify "$@" >verify.out 2>&1 || {
		cat verify.out
		return 1
	}
}
