set -eu
. "$(dirname "${BASH_SOURCE[0]}")/lib_look.sh"

# compare LIST HOW WITH [ASK]: plain and preloaded, output and status alike.
compare()
{
	local plain=0 under=0
	rm -f ./*.snap status
	"$PROG" "$1" "$2" "$3" >plain 2>&1 || plain=$?
	[ $plain != 77 ] || exit 77
	under_shim on=exit,log=log "$PROG" "$@" >out 2>&1 || under=$?
	expect $plain $under "status with $*"
	diff -u plain out
}

for how in prctl seccomp tsync; do
	compare tight $how alone ask
	grep -q worked out
	compare trap $how alone ask
	compare errors $how alone ask
	compare tightest $how alone
	compare open $how alone ask
	compare clone $how alone ask
	compare open $how fork
	compare open $how threads ask
done
# Where files may be written and no process may be made, the thread writes.
compare clone prctl alone ask
expect 'WAY_HOST WAY_EXIT' "$(look 1.snap header.way) $(look 2.snap header.way)"
consistent 1.snap 2.snap
rows 2.snap >rows
expect '1000 1000000 1000 0' "$(row rows keep_after)" 'counted under a filter'
# Where none may be, that is said before.
rm -f log
compare tight prctl alone ask
[ -z "$(ls ./*.snap 2>/dev/null)" ]
grep -q 'no more snapshots, no status: a seccomp filter' log
# Other threads' filters are no matter to the helper.
compare open prctl threads ask "$WORK/1.snap"
expect WAY_HELPER "$(look 1.snap header.way)"
