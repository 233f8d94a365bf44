# Same output as plain; every snapshot holds what it promises; and what the
# plugins kept is each one's own, although the one was where the other is.
set -eu
. "$(dirname "${BASH_SOURCE[0]}")/lib_look.sh"

"$PROG" >plain
grep -q 'same address: 1' plain || {
	echo 'plugins were not mapped at the same address'
	exit 77
}
under_shim on=exit,keep=1000 "$PROG" ask >out
cmp plain out
[ "$(ls ./*.snap | wc -l)" -gt 3 ] || ls
consistent ./*.snap
last=$(ls -v ./*.snap | tail -n 1)
times=$(sed -n 's/ times$//p' plain)
# 20 in turns, and three threads, two of which begin with the first.
one=$((10 + 2 * ((times + 1) / 2) + times / 2))
two=$((20 + 3 * times - one))
rows "$last" >rows
python3 - $one $two rows <<'PYTHON'
import sys
one, two = int(sys.argv[1]), int(sys.argv[2])
got = {words[1]: [int(word) for word in words[2:]]
       for words in map(str.split, open(sys.argv[3]))}
kept, churned = ([got[f"plugin_{n}_{what}"] for n in ("one", "two")]
                 for what in ("keeps", "churns"))
bad = (kept[0][:2] != [one, 111 * one] or kept[1][:2] != [two, 222 * two]
       or [row[2] for row in churned] != [10 * one, 10 * two]
       or churned[0][0] + churned[1][0] != 0)
print(got, one, two)
sys.exit(bad)
PYTHON
expect "0 0" "$(row rows plugin_one_begins | cut -d' ' -f1,2)" constructor
lost=$(look "$last" '[(name, getattr(losses, name)) for name in (
	"dropped_allocs", "dropped_frees", "unknown_frees", "implicit_frees",
	"modules_unknown") if getattr(losses, name)]')
expect '[]' "$lost" losses
