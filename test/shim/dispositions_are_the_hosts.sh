set -eu

for way in early sigaction signal sigset held interrupts sysv default ignore \
	hold back exec; do
	echo "$way"
	"$PROG" $way >plain
	LD_PRELOAD=$SHIM LEAKSHIM="out=$WORK/%p.%n.snap" "$PROG" $way >out
	diff -u plain out
	# The host's signals are the host's: nobody asked for a snapshot.
	[ -z "$(find . -name '*.snap')" ]
done
# Inherited from who started us, by a shell's trap.
trap '' USR2
"$PROG" inherited >plain
LD_PRELOAD=$SHIM LEAKSHIM="out=$WORK/%p.%n.snap" "$PROG" inherited >out
diff -u plain out
grep -q 'raised: ignored' out
# Python asks the C library.
query='import signal; print([signal.getsignal(s) for s in
	signal.valid_signals()], signal.pthread_sigmask(0, []))'
trap - USR2
/usr/bin/python3 -Ic "$query" >plain
LD_PRELOAD=$SHIM LEAKSHIM="out=$WORK/%p.%n.snap" /usr/bin/python3 -Ic "$query" \
	>out
diff -u plain out
