set -eu
. "$(dirname "${BASH_SOURCE[0]}")/lib_look.sh"

each=$("$PROG")
expect "$each" "$(under_shim on=exit "$PROG")"
consistent 1.snap
"$LEAKDIFF" --csv 1.snap | EACH=$each python3 -Ic '
import collections, csv, os, sys
each, rows = int(os.environ["EACH"]), collections.defaultdict(lambda: [0] * 4)
for row in csv.DictReader(sys.stdin):
    kind = row["kind"]
    # create() is in between.
    names = [row["function"]]
    if kind == "thread":
        names = [n for n in ("start_joined", "start_cancelled",
                 "start_detached", "start_self_detached") if n in str(row)]
    for name in names:
        for i, key in enumerate(("live_objects_new", "alloc_objects",
                                 "free_objects", "live_bytes_new")):
            rows[kind, name][i] += int(row[key])
bad = 0
for name in ("start_joined", "start_cancelled", "start_detached",
             "start_self_detached"):
    bad |= rows["thread", name] != [0, each, each, 0]
for name in ("remember", "free_and_allocate"):
    bad |= rows["heap", name] != [0, 4 * each, 4 * each, 0]
print(each, dict(rows)) if bad else None
sys.exit(bad)'
lost=$(look 1.snap '[(name, getattr(losses, name)) for name in (
	"dropped_allocs", "dropped_frees", "implicit_frees",
	"threads_untracked", "late_calls") if getattr(losses, name)]')
expect '[]' "$lost" losses
# The loader's block for the thread-local storage of our own helper, which ends
# before or after the last of the program's threads.
[ "$(look 1.snap losses.unknown_frees)" -le 1 ]
