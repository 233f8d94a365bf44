# The ready soaks of scripts/soak, with few units of work; test/soak/scenarios.bats
# has them whole.

load programs
load ../soak/scenarios

setup() {
	cd "$BATS_TEST_TMPDIR"
}

teardown() {
	end_processes
}

need_nginx() {
	[ -x /usr/sbin/nginx ] || skip 'no nginx'
}

@test "a leak of 136 bytes a reload of nginx is found, and told per reload" {
	need_nginx
	soak 0 reload --planted -- --iterations 16 --warmup 3 --snapshot-every 2
	leaks reload plant_leak_for_a_reload 136
	result reload 'found[0].unit == "reload"' 'runs[0].units == 16' \
		'found[0].delta_objects == 16' 'len(found) == 1'
	grep 'leak: plant_leak_for_a_reload .*+136 B per reload' reload.said
	grep 'found plant_leak_for_a_reload at the first place' reload.said
}

@test "one thread a reload of nginx is found, with the exact count" {
	need_nginx
	soak 0 reload-thread --planted -- --iterations 16 --warmup 3 \
		--snapshot-every 2
	loses_threads reload-thread plant_leak_a_thread
}

@test "nginx that only reloads is clean" {
	need_nginx
	soak 0 reload -- --iterations 16 --warmup 3 --snapshot-every 2
	is_clean reload
}

@test "a leak of 56 bytes a SET of redis is found, and told per SET" {
	soak 0 app --planted -- --iterations 10 --warmup 4 --snapshot-every 1
	leaks app plant_leak_for_a_command 56
	result app 'found[0].unit == "SET"' 'runs[0].units == 10000' \
		'found[0].delta_objects == 10000'
}

@test "a soak that finds no planted leak says so" {
	need_nginx
	cp -R "$TOP/scripts/soak" soak
	sed -i 's/LEAKSHIM_PLANT=reload:136/LEAKSHIM_PLANT=none/' soak/run
	status=0
	LEAKSHIM_BIN=$LEAKSHIM_BIN soak/run --planted reload -- --iterations 8 \
		--warmup 1 --snapshot-every 1 >said 2>&1 3>&- || status=$?
	cat said
	[ $status = 1 ]
	grep 'reload: the planted leak was not found (status 0)' said
	# Nor does a leak count that is another.
	sed -i 's/LEAKSHIM_PLANT=none/LEAKSHIM_PLANT=thread/' soak/run
	status=0
	LEAKSHIM_BIN=$LEAKSHIM_BIN soak/run --planted reload -- --iterations 8 \
		--warmup 1 --snapshot-every 1 >said 2>&1 3>&- || status=$?
	cat said
	[ $status = 1 ]
	grep 'reload: the planted leak was not found (status 1)' said
}

@test "SIGTERM to the soaks ends the one that runs, with its report" {
	cat >leakshim <<-'SH'
		#!/bin/sh
		trap 'echo reported; exit 4' TERM
		touch up
		while :; do sleep 0.1; done
	SH
	chmod +x leakshim
	LEAKSHIM_BIN=$PWD/leakshim "$TOP/scripts/soak/run" app reload \
		>said 2>&1 3>&- &
	local run=$! status=0
	wait_until 20 test -e up
	kill -TERM $run
	wait $run || status=$?
	cat said
	[ $status = 143 ]
	grep reported said
	grep 'app: ended by a signal (status 4)' said
	! grep reload said
}

@test "the soaks can be run once more into the same directory" {
	printf '#!/bin/sh\nmkdir "$4"; echo "$4" >>dirs\n' >leakshim
	chmod +x leakshim
	for time in 1 2 3; do
		LEAKSHIM_BIN=$PWD/leakshim "$TOP/scripts/soak/run" --out out app
	done
	[ "$(cat dirs)" = "$PWD/out/app
$PWD/out/app.2
$PWD/out/app.3" ]
}
