set -eu
"$PROG" >plain || exit $?
LD_PRELOAD=$SHIM LEAKSHIM="out=$WORK/%p.%n.snap,keep=3" "$PROG" >out
diff -u plain out
