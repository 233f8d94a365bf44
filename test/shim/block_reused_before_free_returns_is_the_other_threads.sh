set -eu
. "$(dirname "${BASH_SOURCE[0]}")/lib_look.sh"
lib=$(dirname "$PROG")/lib_hands_blocks_on.so

LD_PRELOAD=$lib "$PROG"
LD_PRELOAD="$SHIM $lib" LEAKSHIM="out=$WORK/%n.snap,on=exit" "$PROG"
consistent 1.snap
rows 1.snap >rows
expect '1 777 1 0' "$(row rows kept_of_the_freed)" freed
expect '1 777 1 0' "$(row rows kept_of_the_moved)" moved
expect '1 5000 1 0' "$(row rows kept_after_the_move)" grown
expect '0 0 2 2' "$(row rows main)" 'the first two'
expect 0 "$(look 1.snap 'losses.implicit_frees + losses.unknown_frees')" losses
