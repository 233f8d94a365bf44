set -eu

"$PROG" >plain
LD_PRELOAD=$SHIM LEAKSHIM="out=$WORK/%p.%n.snap" "$PROG" ask >out
diff -u plain out
# It was asked, and not only its children were there.
[ "$(ls ./*.snap | wc -l)" -ge 5 ]
