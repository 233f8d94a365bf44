# scripts/demo, as a newcomer starts it.

load programs

# What a demo that went wrong would leave running: all of it lives there.
processes_below() {
	local link
	for link in /proc/[0-9]*/cwd; do
		case $(readlink "$link" 2>/dev/null) in
		"$1"*) echo "${link%/cwd}" ;;
		esac
	done
}

@test "the demo names the planted leak and leaves nothing behind" {
	mkdir "$BATS_TEST_TMPDIR/tmp"
	# From anywhere.
	cd /
	TMPDIR=$BATS_TEST_TMPDIR/tmp "$TOP/scripts/demo" \
		>"$BATS_TEST_TMPDIR/out" 2>&1 3>&- || {
		cat "$BATS_TEST_TMPDIR/out"
		false
	}
	cd "$BATS_TEST_TMPDIR"
	cat out
	grep -q '^Live heap grew by .* was allocated in session_remember ' out
	# The first site of the report is the leak's, marked at its function.
	sed -n '/^Heap sites by growth/,$p' out | grep -m 1 '^      > ' |
		grep -q '> session_remember .*demo_server\.c:[0-9]'
	[ -z "$(ls -A tmp)" ]
	[ -z "$(processes_below "$PWD/tmp")" ]
	# Its status file went with the server.
	[ -z "$(grep -lsx "exe=$BUILD/test/demo/demo_server" \
		"/run/user/$(id -u)/leakshim/"* "/tmp/leakshim-$(id -u)/"*)" ]
}
