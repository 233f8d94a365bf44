# Sourced by the runners: how a suite reports.
#
# A suite is a file of lines in $RESULTS_DIR: `pass NAME`, `fail NAME REASON`,
# `skip NAME REASON`. scripts/test adds the suites up. A suite that ran nothing
# has failed: a runner that finds no tests must not look like one that passed.

BUILD=${BUILD:-build}
case $BUILD in
/*) ;;
*) BUILD=$PWD/$BUILD ;;
esac
RESULTS_DIR=${RESULTS_DIR:-$BUILD/results}

# own_world ARGUMENTS...: starts this runner again, with the same arguments,
# where it meets no other suite (scripts/in-world), and ends as it does. Where
# there are no worlds it goes on here.
own_world()
{
	local world inside
	if [ -n "${IN_WORLD:-}" ] || ! scripts/in-world --possible; then
		return 0
	fi
	world=$(mktemp -d "${TMPDIR:-/tmp}/leakshim-world.XXXXXX") || exit
	trap 'rm -rf "$world"' EXIT
	mkdir -p "$RESULTS_DIR"
	export BUILD RESULTS_DIR
	# A shell acts on a signal once what it runs in front has ended, which
	# would be all tests. What it starts beside it would ignore SIGINT.
	IN_WORLD=1 scripts/in-world "$world" env --default-signal=INT,QUIT \
		"scripts/${0##*/}" "$@" <&0 &
	inside=$!
	trap 'kill -KILL $inside; exit 130' INT TERM
	wait $inside
	exit
}

suite_begin()
{
	SUITE=$1
	RESULTS=$RESULTS_DIR/$SUITE
	mkdir -p "$RESULTS_DIR"
	: >"$RESULTS"
	SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/leakshim-$SUITE.XXXXXX")
	trap 'rm -rf "$SCRATCH"' EXIT
	trap 'exit 130' INT TERM
}

# Daemons under test drop privileges and still write into their scratch
# directory, so the way there must be open.
scratch_dir()
{
	chmod 755 "$SCRATCH"
	mktemp -d "$SCRATCH/XXXXXX"
}

pass()
{
	echo "pass $1" >>"$RESULTS"
	[ "${QUIET:-0}" = 1 ] || echo "ok   $SUITE/$1"
}

# fail NAME REASON [FILE]: FILE's end is shown.
fail()
{
	echo "fail $1 $2" >>"$RESULTS"
	echo "FAIL $SUITE/$1: $2"
	if [ -n "${3:-}" ] && [ -s "$3" ]; then
		tail -n 40 "$3" | sed 's/^/     | /'
	fi
}

# A skip without a reason is a failure.
skip()
{
	if [ -z "$2" ]; then
		fail "$1" 'skipped without a reason'
		return
	fi
	echo "skip $1 $2" >>"$RESULTS"
	echo "skip $SUITE/$1: $2"
}

# explanation LINE FILE: the comments below a failing line of TAP.
explanation()
{
	awk -v want="$1" '$0 == want { on = 1; next }
		on && !/^#/ { exit } on' "$2" >"$SCRATCH/why"
	echo "$SCRATCH/why"
}

count()
{
	grep -c "^$1 " "$RESULTS" || [ $? = 1 ] # 1: none
}

# Prints the suite's line; the status is the suite's.
suite_end()
{
	if ! [ -s "$RESULTS" ]; then
		fail "$SUITE" 'no tests were run'
	fi
	echo "$SUITE: $(count pass) passed, $(count fail) failed," \
		"$(count skip) skipped"
	[ "$(count fail)" -eq 0 ]
}

# npm_packages DIR: what DIR's lock file lists, into DIR/node_modules, unless it
# is there already. No package's scripts run.
npm_packages()
{
	local seen=$1/node_modules/.leakshim-lock
	cmp -s "$1/package-lock.json" "$seen" && return
	(cd "$1" && npm ci --ignore-scripts --no-audit --no-fund \
		--loglevel=error >&2) &&
		cp "$1/package-lock.json" "$seen"
}
