# The parent writes at its exit, the child never; and what the child freed and
# allocated is nothing to the parent.
set -eu
LD_PRELOAD=$SHIM LEAKSHIM="out=$WORK/%p.%n.snap,on=exit" "$PROG" >out
[ "$(cat out)" = 'status 4' ]
[ "$(ls ./*.snap | wc -l)" = 1 ]
"$LEAKDIFF" ./*.snap --csv >rows.csv
! grep -q 3000000 rows.csv
"$LEAKDIFF" ./*.snap | grep -q 'frees of blocks' && exit 1
exit 0
