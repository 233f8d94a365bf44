# Loaded by the tests of real programs: processes, waiting, reports.
#
# Every wait has a limit. Every process that was made by `start`, or that
# `adopt` was told of, is gone after `end_processes`, which belongs into each
# file's teardown.

# Never the python3 of PATH, which may be a shell script.
PYTHON=/usr/bin/python3

# start NAME COMMAND...: in the background; sets `pid`. NAME.out and NAME.err
# get its output, NAME.in is its standard input if it exists. Descriptor 3 is
# bats' own: a process that kept it open would keep bats waiting.
start() {
	local name=$BATS_TEST_TMPDIR/$1 input=/dev/null
	shift
	[ ! -e "$name.in" ] || input=$name.in
	"$@" <"$input" >"$name.out" 2>"$name.err" 3>&- &
	pid=$!
	adopt $pid
}

# As start, under the shim: start_tracked NAME OPTIONS COMMAND...
start_tracked() {
	local name=$1 options=$2
	shift 2
	start "$name" env LD_PRELOAD="$SHIM" LEAKSHIM="$options" "$@"
}

# tracked OPTIONS COMMAND...: in the foreground, at most a minute.
tracked() {
	local options=$1
	shift
	timeout -k 5 60 env LD_PRELOAD="$SHIM" LEAKSHIM="$options" "$@" 3>&-
}

# A pid is remembered with its start time: it may be another's by the end.
started_at() {
	sed -n 's/.*) //p' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

# adopt PID...: processes that were not made by `start`, such as daemons.
adopt() {
	local one
	for one; do
		echo "$one $(started_at "$one")" >>"$BATS_TEST_TMPDIR/processes"
	done
}

is_adopted() {
	[ -n "$2" ] && [ "$(started_at "$1")" = "$2" ]
}

end_processes() {
	local list=$BATS_TEST_TMPDIR/processes one at left
	[ -e "$list" ] || return 0
	while read -r one at; do
		is_adopted "$one" "$at" && kill "$one" 2>/dev/null
	done <"$list"
	for left in {1..30}; do
		left=
		while read -r one at; do
			is_adopted "$one" "$at" && ! is_zombie "$one" &&
				left=1
		done <"$list"
		[ -n "$left" ] || return 0
		sleep 0.1
	done
	while read -r one at; do
		is_adopted "$one" "$at" && kill -KILL "$one" 2>/dev/null
	done <"$list"
	return 0
}

# A process whose main thread left by pthread_exit shows as one too, but is
# none: it has other threads.
is_zombie() {
	grep -qs '^State:.*zombie' "/proc/$1/status" &&
		[ "$(ls "/proc/$1/task" 2>/dev/null | wc -l)" -le 1 ]
}

is_gone() {
	[ ! -e "/proc/$1" ] || is_zombie "$1"
}

# wait_until SECONDS COMMAND...: the limit is for what never comes. Nothing is
# told of how long it takes, and a machine may be slow: it is a minute at least.
wait_until() {
	local end=$((SECONDS + ($1 < 60 ? 60 : $1)))
	shift
	until "$@"; do
		if [ $SECONDS -gt $end ]; then
			echo "in vain: $*"
			return 1
		fi
		sleep 0.05
	done
}

wait_for_file() {
	wait_until "${2:-20}" test -e "$1"
}

wait_for_end() {
	wait_until "${2:-20}" is_gone "$1"
}

# ends_with STATUS PID: of a process made by `start`.
ends_with() {
	local status=0
	wait_for_end "$2"
	wait "$2" || status=$?
	echo "ended with $status"
	[ $status -eq "$1" ]
}

# signal_snapshot PID FILE [SIGNAL]
signal_snapshot() {
	kill "-${3:-USR2}" "$1"
	wait_for_file "$2"
}

# bell_snapshot PID: sets `snapshot` to the path.
bell_snapshot() {
	snapshot=$("$LEAKSHIM_BIN" snapshot --timeout 20 "$1")
	[ -s "$snapshot" ]
}

# status_of PID KEY: one value of `leakshim status --json`.
status_of() {
	"$LEAKSHIM_BIN" status --json "$1" |
		$PYTHON -Ic 'import json, sys
print(json.load(sys.stdin)[sys.argv[1]])' "$2"
}

# report OLD NEW, or SNAP: makes report.csv, which `holds` looks into.
report() {
	"$LEAKDIFF" --csv "$@" >"$BATS_TEST_TMPDIR/report.csv"
}

# holds EXPRESSION...: each is true of the last report (report.py).
holds() {
	$PYTHON -I "$TOP/test/e2e/report.py" "$BATS_TEST_TMPDIR/report.csv" "$@"
}

# lost_nothing SNAP: every allocation and every free was recorded as it was.
lost_nothing() {
	local lost
	lost=$($PYTHON -I "$TOP/test/e2e/decode_snapshot.py" "$1" \
		'[(name, getattr(losses, name)) for name in (
			"dropped_allocs", "dropped_frees", "unknown_frees",
			"implicit_frees", "depot_overflows", "map_failures",
			"snapshot_failures", "threads_untracked", "late_calls",
			"thinning_shift", "disabled_because")
		if getattr(losses, name)]')
	[ "$lost" = '[]' ] || {
		echo "$1 lost $lost"
		return 1
	}
}

# refute COMMAND...: a plain `! command` can't fail a test.
refute() {
	if "$@"; then
		echo "should have failed: $*"
		return 1
	fi
}

# free_port: for a server that can't be told to take any. Not of those that the
# kernel gives out: a client beside us would get it before the server does.
free_port() {
	$PYTHON -Ic 'import random, socket
low = int(open("/proc/sys/net/ipv4/ip_local_port_range").read().split()[0])
while True:
    s = socket.socket()
    try:
        s.bind(("127.0.0.1", random.randrange(10240, low)
                if low > 20000 else 0))
        break
    except OSError:
        pass
print(s.getsockname()[1])'
}
