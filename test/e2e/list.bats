# leakshim list: all tracked processes, and no others.

load helpers

setup_file() {
	build_host steps
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	steps=$BATS_FILE_TMPDIR/steps
}

teardown() {
	end_hosts
}

# listed PID KEY: of `leakshim list --json`; fails if it is not there.
listed() {
	"$LEAKSHIM_BIN" list --json | $PYTHON -Ic 'import json, sys
pid, key = int(sys.argv[1]), sys.argv[2]
print([row[key] for row in json.load(sys.stdin)["processes"]
       if row["process"] == pid][0])' "$1" "$2"
}

@test "list has tracked processes and leaves others out" {
	track out=%n.snap "$steps" leak:100x1000 touch:ready pause
	tracked=$pid
	start other "$steps" touch:ready2 pause
	wait_for_file ready
	wait_for_file ready2
	"$LEAKSHIM_BIN" snapshot $tracked
	[ "$(listed $tracked state)" = on ]
	[ "$(listed $tracked exe)" = "$steps" ]
	[ "$(listed $tracked sequence)" = 1 ]
	[ "$(listed $tracked snapshot)" = "$PWD/1.snap" ]
	[ "$(listed $tracked live_bytes)" -ge 100000 ]
	refute listed $pid state
	"$LEAKSHIM_BIN" list >table
	grep -qE "^ *$tracked  on  +exact .* number 1, (now|.* ago) +$steps\$" table
	refute grep -qE "^ *$pid " table
}

@test "list does not ask, and sweeps what killed processes left" {
	track '' "$steps" touch:ready pause
	wait_for_file ready
	wait_until 10 listed $pid state
	[ "$(listed $pid live_bytes)" = None ]
	file=/run/user/$(id -u)/leakshim/$(stat -Lc %i /proc/self/ns/pid)-$pid
	[ -e "$file" ] || file=/tmp/leakshim-$(id -u)/${file##*/}
	[ -e "$file" ]
	kill -KILL $pid
	ends_with 137 $pid
	refute listed $pid state
	[ ! -e "$file" ]
}

@test "a program executed without the shim is no longer listed" {
	track '' sh -c 'until [ -e go ]; do sleep 0.1; done
		exec env -u LD_PRELOAD sleep 60'
	wait_until 10 listed $pid state
	: >go
	wait_until 10 cmp -s "/proc/$pid/exe" "$(type -P sleep)"
	refute listed $pid state
	run "$LEAKSHIM_BIN" snapshot $pid
	[ "$status" -eq 3 ]
	[[ $output == *'has executed another program, in which libleakshim.so is not loaded' ]]
}

@test "list finds processes whose files are in another mount namespace" {
	need_root 'mounts in a namespace'
	mkdir -p "/tmp/leakshim-$(id -u)"
	start host unshare -m sh -c "
		mount -t tmpfs -o mode=700 none '/tmp/leakshim-$(id -u)' &&
		{ [ ! -d /run/user ] || mount -t tmpfs none /run/user; } &&
		LD_PRELOAD=$SHIM exec $steps touch:ready pause"
	wait_for_file ready
	wait_until 10 listed $pid state
	[ "$(listed $pid exe)" = "$steps" ]
	[[ $(listed $pid out) == "/proc/$pid/root/"* ]]
	[ -z "$(find /tmp/leakshim-"$(id -u)" -name "*-$pid")" ]
}

@test "no tracked process is said on standard error, and is no failure" {
	need_root 'a pid namespace of our own'
	unshare -pf --mount-proc "$LEAKSHIM_BIN" list >out 2>err
	[ ! -s out ]
	[ "$(cat err)" = 'leakshim: there is no tracked process' ]
	unshare -pf --mount-proc "$LEAKSHIM_BIN" list --json >out 2>err
	[ "$($PYTHON -Ic 'import json
print(json.load(open("out"))["processes"])')" = '[]' ]
}

@test "a /proc of another pid namespace is told, and nobody is signalled" {
	need_root 'a pid namespace of our own'
	run unshare -pf --kill-child "$LEAKSHIM_BIN" list
	[ "$status" -eq 5 ]
	[[ $output == 'leakshim: /proc is not that of our pid namespace'* ]]
	# Its number means a process there as well as one here.
	track '' "$steps" touch:ready pause
	wait_for_file ready
	wait_until 10 listed $pid state
	run unshare -pf --kill-child "$LEAKSHIM_BIN" snapshot $pid
	[ "$status" -eq 3 ]
	[[ $output == 'leakshim: /proc is not that of our pid namespace'* ]]
	# What needs no look goes on.
	unshare -pf --kill-child "$LEAKSHIM_BIN" run -q --then-report \
		"$steps" leak:100x10 2>report
	cat report
	grep -q '(1000 B, 100 objects) was allocated in leak_here' report
}

@test "a user sees no processes of others" {
	need_root 'another user'
	command -v setpriv >/dev/null || skip 'no setpriv'
	open_test_directory
	track '' "$steps" touch:ready pause
	wait_for_file ready
	wait_until 10 listed $pid state
	setpriv --reuid $NOBODY --regid $NOBODY --clear-groups \
		"$LEAKSHIM_BIN" list >table 2>err
	refute grep -qE "^ *$pid " table
	# Nor is anything said about them.
	refute grep -qv 'there is no tracked process' err
}
