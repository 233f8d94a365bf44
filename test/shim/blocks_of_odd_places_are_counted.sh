set -eu
. "$(dirname "${BASH_SOURCE[0]}")/lib_look.sh"

"$PROG"
under_shim on=exit "$PROG"
consistent 1.snap
rows 1.snap >rows
for name in constructor:501 resolver:502 thread_local_destructor:503 \
	key_destructor:504 destructor:506; do
	expect "1 ${name#*:} 2 1" "$(row rows "kept_by_${name%:*}")" "$name"
done
expect '1 505 1 0' "$(row rows kept_by_atexit)" atexit
# Before libc has its environment, and with it our options: told, not counted.
expect none "$(row rows kept_before_constructors)"
expect 1 "$(look 1.snap losses.early_calls)" early
expect 0 "$(look 1.snap losses.late_calls)" 'stacks lost at the end of threads'
