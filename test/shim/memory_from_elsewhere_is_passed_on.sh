# 3 + 1 + 7 frees of unknown blocks, 5 + 1 blocks freed behind our back: the
# numbers of the program, and what is live is right all the same.
set -eu
. "$(dirname "${BASH_SOURCE[0]}")/lib_look.sh"
library=$(dirname "$PROG")/lib_elsewhere.so

"$PROG" "$library"
under_shim on=exit "$PROG" "$library"
expect '11 6' "$(look 1.snap losses.unknown_frees losses.implicit_frees |
	xargs)" 'unknown and implicit frees'
rows 1.snap >rows
expect '1 70000 1 0' "$(row rows keep_what_was_unknown)" kept
expect '0 0 10 10' "$(row rows lose_and_find)" lost
expect '1 4321 2 1' "$(row rows host_block)" 'from a namespace'
# The walk went through the other namespace's library.
"$LEAKDIFF" --csv 1.snap | grep host_block | grep elsewhere_call | grep -q main
consistent 1.snap
# Both are told.
"$LEAKDIFF" 1.snap >text
grep -q 'frees of blocks never seen: 11' text
grep -q 'blocks freed without our notice: 6' text
