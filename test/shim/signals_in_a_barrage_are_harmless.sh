# As plain, and asked for snapshots all the while; each of which is whole.
set -eu
. "$(dirname "${BASH_SOURCE[0]}")/lib_look.sh"

expect 'missing 0, spoilt 0' "$("$PROG")" plain
expect 'missing 0, spoilt 0' "$(under_shim on=exit,keep=1000 "$PROG" ask)" shim
count=$(ls ./*.snap | wc -l)
[ "$count" -ge 3 ] || expect 'some snapshots' "$count"
consistent ./*.snap
last=$(ls -v ./*.snap | tail -n 1)
rows "$last" >rows
expect '0 0' "$(row rows work | cut -d' ' -f1,2)" 'what is left'
expect '0 0' "$(row rows on_signal | cut -d' ' -f1,2)" 'of the handlers'
expect 0 "$(look "$last" 'losses.dropped_allocs + losses.dropped_frees +
	losses.unknown_frees + losses.implicit_frees')" losses
