# Hosts whose main thread goes first, and hosts that hear no signal.

load programs

setup_file() {
	${CC:-cc} -O2 -g -pthread -Wall -Wextra -o "$BATS_FILE_TMPDIR/workers" \
		"$TOP/test/e2e/programs/workers.c"
}

setup() {
	workers=$BATS_FILE_TMPDIR/workers
	cd "$BATS_TEST_TMPDIR"
}

teardown() {
	end_processes
}

# The two workers' leak of test/e2e/programs/workers.c, and nothing else.
workers_leak_is_there() {
	report "$1"
	holds "heap[0].function == 'worker_leaks'" \
		"heap[0].live_objects_new == 200" \
		"heap[0].live_bytes_new == 200 * 321"
	lost_nothing "$1"
}

# main's stack is given back to nobody, but its thread is a zombie by now.
main_has_left() {
	grep -qs '^State:.*zombie' "/proc/$1/task/$1/status"
}

@test "a program whose main left by pthread_exit ends with its workers" {
	"$workers" leave 300 >plain
	start_tracked host "out=$PWD/snap.%n" "$workers" leave 300
	ends_with 0 $pid
	cmp plain host.out
	[ ! -s host.err ]
}

@test "such a program writes its snapshot of on=exit when the last one ends" {
	start_tracked host "out=$PWD/snap.%n,on=exit" "$workers" leave 300
	ends_with 0 $pid
	workers_leak_is_there snap.1
	[ ! -e snap.2 ]
}

@test "such a program gives snapshots after main has left" {
	start_tracked host "out=$PWD/snap.%n" "$workers" leave 0
	wait_until 10 grep -q 'at work' host.out
	wait_until 10 main_has_left $pid
	signal_snapshot $pid snap.1
	workers_leak_is_there snap.1
	bell_snapshot $pid
	[ "$snapshot" = "$PWD/snap.2" ]
	workers_leak_is_there snap.2
}

@test "SIGTERM ends such a program before its workers are done" {
	start_tracked host "out=$PWD/snap.%n" "$workers" leave 0
	wait_until 10 grep -q 'at work' host.out
	wait_until 10 main_has_left $pid
	kill -TERM $pid
	ends_with 143 $pid
	refute grep done host.out
}

@test "a threaded program that blocks every signal gives its snapshots" {
	start_tracked host "out=$PWD/snap.%n" "$workers" deaf 0
	wait_until 10 grep -q 'at work' host.out
	# All but SIGKILL, SIGSTOP and the C library's own two.
	grep '^SigBlk:.*fffffffe7ffbfeff$' /proc/$pid/status
	signal_snapshot $pid snap.1
	workers_leak_is_there snap.1
	bell_snapshot $pid
	[ "$snapshot" = "$PWD/snap.2" ]
	workers_leak_is_there snap.2
	signal_snapshot $pid snap.3
	kill -0 $pid
}

@test "a threaded program that blocks every signal ends as without the shim" {
	"$workers" deaf 300 >plain
	start_tracked host "out=$PWD/snap.%n" "$workers" deaf 300
	ends_with 0 $pid
	cmp plain host.out
	[ ! -s host.err ]
}
