set -eu
. "$(dirname "${BASH_SOURCE[0]}")/lib_look.sh"

"$PROG" >/dev/null
calls=$(under_shim on=exit,keep=1000 "$PROG")
last=$(ls -v ./*.snap | tail -n 1)
[ "$(ls ./*.snap | wc -l)" -ge 3 ]
consistent ./*.snap
rows "$last" >rows
expect "0 0 $calls $calls" "$(row rows work)" work
expect '200 200000 200 0' "$(row rows keep)" kept
expect 0 "$(look "$last" 'losses.dropped_allocs + losses.dropped_frees +
	losses.unknown_frees + losses.implicit_frees +
	losses.reentrant_calls')" losses
