# A library that loads before us forks in its constructor, after our tables
# were made by its first malloc: the child goes by its own pid, and all of its
# blocks are there.
set -eu
pid=$(LD_PRELOAD=$SHIM LEAKSHIM="out=$WORK/%p.%n.snap,on=exit" "$PROG")
ls
"$LEAKDIFF" "$pid.1.snap" --csv >rows.csv
grep '^heap,leak,2000000,2000,' rows.csv
"$LEAKDIFF" "$pid.1.snap" | grep "pid $pid "
