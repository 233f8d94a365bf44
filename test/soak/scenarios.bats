# The ready soaks of scripts/soak as they are: with a planted leak each, which is
# found and weighed, and ten times clean. `make test-full` runs it.

load ../e2e/programs
load scenarios

setup() {
	cd "$BATS_TEST_TMPDIR"
}

teardown() {
	end_processes
}

@test "config: 72 bytes a packed answer, under one of four configurations" {
	soak 0 config --planted
	leaks config plant_leak_for_a_request 72
	# It names the configuration, and the others pass.
	result config '[run.config.rpartition("/")[2] for run in runs
			if run.outcome == "found"] == ["gzip.conf"]' \
		'sum(run.outcome == "clean" for run in runs) == 3' \
		'len(found) == 1'
	grep '^gzip.conf: found' config.said
}

@test "app: 56 bytes a SET of redis under mixed load" {
	soak 0 app --planted
	leaks app plant_leak_for_a_command 56
}

@test "reload: 136 bytes a reload of nginx, 200 times" {
	soak 0 reload --planted
	leaks reload plant_leak_for_a_reload 136
	result reload 'runs[0].units == 200' 'len(found) == 1'
}

@test "reload: one thread a reload of nginx, 200 times" {
	soak 0 reload-thread --planted
	loses_threads reload-thread plant_leak_a_thread
	result reload-thread 'found[0].delta_objects == 200'
}

@test "signal: 104 bytes a signal of a barrage" {
	soak 0 signal --planted
	result signal 'runs[0].units == 400' 'len(found) == 1'
	# None is lost: nginx's log has those that it took, and from whom.
	taken=$(grep -E 'SIG(HUP|USR1|WINCH|CHLD)\) received from' \
		out/signal/nginx/error.log |
		sed 's/.*received from \([0-9]*\).*/\1/' | sort | uniq -c |
		sort -rn | sed -n '1s/^ *\([0-9]*\) .*/\1/p')
	[ "$taken" -gt 100 ]
	result signal "found[0].live_bytes == 104 * $taken"
	leaks signal plant_leak_for_a_signal 104
}

# ten_clean NAME AT_ONCE: ten runs, so many of them at the same time.
ten_clean() {
	local i pids=() failed=0
	for i in {1..10}; do
		mkdir $i
		(cd $i && soak 0 "$1" && is_clean "$1") >$i/said 2>&1 3>&- &
		pids+=($!)
		[ $((i % $2)) -ne 0 ] || {
			wait_for_all "${pids[@]}"
			pids=()
		}
	done
	wait_for_all "${pids[@]}"
	[ $failed = 0 ]
}

wait_for_all() {
	local one
	for one; do
		wait $one || {
			failed=1
			cat */said
		}
	done
}

@test "config: ten clean runs" { ten_clean config 2; }
@test "app: ten clean runs" { ten_clean app 2; }
@test "reload: ten clean runs" { ten_clean reload 5; }
@test "signal: ten clean runs" { ten_clean signal 5; }
