set -eu
"$PROG" >plain
LD_PRELOAD=$SHIM LEAKSHIM="out=$WORK/%n.snap" "$PROG" "$WORK/1.snap" >out
diff -u plain out
[ -e 1.snap ]
