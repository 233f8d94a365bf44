# When a snapshot is written, and by whom.

load helpers

setup_file() {
	build_host steps
	build_host ring
	build_host destructor
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	steps=$BATS_FILE_TMPDIR/steps
	ring=$BATS_FILE_TMPDIR/ring
}

teardown() {
	end_hosts
	# A group that stays (a process of it is still ending) fails no test:
	# rmdir says so.
	[ -z "${group:-}" ] || rmdir "$group" ||
		echo "$group stays"
}

thread_count() {
	ls "/proc/$1/task" | wc -l
}

# exits STEP STATUS [BYTES]: that way out leaves one snapshot, with everything.
exits() {
	rm -f ./*.snap
	run tracked out=%n.snap,on=exit "$steps" leak:100x64 churn:10x32 "$1"
	[ "$status" -eq "$2" ]
	[ "$output" = '' ]
	[ "$(ls ./*.snap)" = ./1.snap ]
	[ "$(held 1.snap leak_here)" = '100 6400' ]
	[ "$(held 1.snap churn_here)" = '0 0' ]
	[ "$(look 1.snap header.trigger truncated | xargs)" = \
		'TRIGGER_EXIT False' ]
}

# --- on demand --------------------------------------------------------

@test "SIGUSR2 makes a snapshot of a program with one thread" {
	track out=%n.snap "$steps" leak:100x64 touch:ready pause
	wait_for_file ready
	kill -USR2 $pid
	wait_for_file 1.snap
	[ "$(look 1.snap header.trigger header.way header.pid)" = \
		"$(printf 'TRIGGER_SIGNAL\nWAY_CLONE\n%s' $pid)" ]
	[ "$(held 1.snap leak_here)" = '100 6400' ]
	kill -USR2 $pid
	wait_for_file 2.snap
	[ "$(look 2.snap header.sequence)" = 2 ]
	[ "$(thread_count $pid)" -eq 1 ]
	[ ! -s host.err ]
}

@test "SIGUSR2 makes a snapshot of a program with threads" {
	track out=%n.snap "$steps" threads:3 leak:100x64 touch:ready pause
	wait_for_file ready
	kill -USR2 $pid
	wait_for_file 1.snap
	[ "$(look 1.snap header.trigger header.way)" = \
		"$(printf 'TRIGGER_SIGNAL\nWAY_HELPER')" ]
	[ "$(held 1.snap leak_here)" = '100 6400' ]
	[ "$(look 1.snap 'sum(thread_sites.running)')" -eq 3 ]
	# Ours is the fifth.
	[ "$(thread_count $pid)" -eq 5 ]
}

@test "where a process can't be cloned the handler writes" {
	command -v strace >/dev/null || skip 'there is no strace'
	strace -o /dev/null true 2>/dev/null ||
		skip 'processes can not be traced here'
	start host strace -f -qq -o /dev/null --inject=clone:error=EPERM \
		-E LD_PRELOAD="$SHIM" -E LEAKSHIM=out=%n.snap \
		"$steps" leak:100x64 "pid:$PWD/pid" pause
	wait_for_file pid
	adopt "$(cat pid)"
	kill -USR2 "$(cat pid)"
	wait_for_file 1.snap
	[ "$(look 1.snap header.trigger header.way | xargs)" = \
		'TRIGGER_SIGNAL WAY_HOST' ]
	[ "$(held 1.snap leak_here)" = '100 6400' ]
	kill -0 "$(cat pid)"
}

@test "a program does not notice that it was asked" {
	# No SIGCHLD, no child to wait for, no handler of its own that ran.
	track out=%n.snap "$steps" take:17 take:10 touch:ready wait:go \
		childless taken
	wait_for_file ready
	kill -USR2 $pid
	wait_for_file 1.snap
	touch go
	ends_with 0 $pid
	[ "$(cat host.out)" = 'taken 0' ]
	[ ! -s host.err ]
}

@test "the bell makes a snapshot and its path is printed" {
	track out=%n.snap "$steps" leak:100x64 touch:ready pause
	wait_for_file ready
	path=$("$LEAKSHIM_BIN" snapshot $pid)
	[ "$path" = "$PWD/1.snap" ]
	[ "$(look "$path" header.trigger header.way)" = \
		"$(printf 'TRIGGER_BELL\nWAY_CLONE')" ]
	[ "$(held "$path" leak_here)" = '100 6400' ]
	[ "$("$LEAKSHIM_BIN" snapshot $pid)" = "$PWD/2.snap" ]
	[ -e 2.snap ]
}

@test "the bell of a program with threads is answered by the helper" {
	track out=%n.snap "$steps" threads:2 touch:ready block pause
	wait_for_file ready
	path=$("$LEAKSHIM_BIN" snapshot $pid)
	[ "$(look "$path" header.trigger header.way)" = \
		"$(printf 'TRIGGER_BELL\nWAY_HELPER')" ]
}

@test "everybody who asks at the same time is answered" {
	local asker askers=() i
	track out=%n.snap "$steps" leak:100x64 touch:ready pause
	wait_for_file ready
	for i in 1 2 3 4 5 6 7 8; do
		"$LEAKSHIM_BIN" snapshot $pid >asked.$i 3>&- &
		askers+=($!)
	done
	for asker in "${askers[@]}"; do
		wait "$asker"
	done
	for i in 1 2 3 4 5 6 7 8; do
		[ -e "$(cat asked.$i)" ]
	done
}

@test "a signal that the program waits for is the program's" {
	track out=%n.snap "$steps" touch:ready sigwait:12 sigwait:12 taken \
		touch:done pause
	wait_for_file ready
	wait_until 5 signal_is_gone
	[ "$(status_of $pid signal_note)" = 'waited for by the program' ]
	kill -USR2 $pid
	sleep 0.1
	kill -USR2 $pid
	wait_for_file done
	[ "$(cat host.out)" = 'taken 2' ]
	[ ! -e 1.snap ]
	# The bell is another.
	[ "$("$LEAKSHIM_BIN" snapshot $pid)" = "$PWD/1.snap" ]
}

signal_is_gone() {
	[ "$(status_of $pid signal)" = 0 ]
}

@test "ledger=deep asks the allocator of a program with one thread" {
	track out=%n.snap,ledger=deep "$steps" leak:1000x1024 touch:ready pause
	wait_for_file ready
	kill -USR2 $pid
	wait_for_file 1.snap
	[ "$(look 1.snap ledger.deep.malloc_used_bytes)" -ge 1024000 ]
}

# --- by itself --------------------------------------------------------

@test "interval= fires in an idle program with one thread" {
	track out=%n.snap,interval=1s "$steps" leak:100x64 pause
	wait_for_file 2.snap
	[ "$(look 2.snap header.trigger)" = TRIGGER_INTERVAL ]
	[ "$(held 2.snap leak_here)" = '100 6400' ]
	apart=$(($(look 2.snap header.monotonic_ns) - \
		$(look 1.snap header.monotonic_ns)))
	[ $apart -ge 900000000 ]
	# A second, not a minute: it may be late on a slow machine.
	[ $apart -le 20000000000 ]
}

@test "interval= fires in a program with threads" {
	track out=%n.snap,interval=1s "$steps" threads:2 leak:100x64 pause
	wait_for_file 2.snap
	[ "$(look 2.snap header.trigger header.way)" = \
		"$(printf 'TRIGGER_INTERVAL\nWAY_HELPER')" ]
}

@test "interval= does not keep a program from ending" {
	run timeout 10 env LD_PRELOAD="$SHIM" LEAKSHIM=interval=1h \
		"$steps" leak:1x1 exit:7
	[ "$status" -eq 7 ]
}

@test "on=exit writes when main returns" {
	exits sleep:1 0
}

@test "on=exit writes at exit()" {
	exits exit:3 3
}

@test "on=exit writes at quick_exit()" {
	exits quick_exit:4 4
}

@test "on=exit writes at _exit() and _Exit()" {
	exits _exit:5 5
	exits _Exit:6 6
}

@test "on=exit writes when a thread calls exit()" {
	exits thread_exit:8 8
}

@test "on=exit writes nothing for a program that is killed" {
	track out=%n.snap,on=exit "$steps" leak:1x1 kill:15
	ends_with 143 $pid
	[ ! -e 1.snap ]
}

@test "what an atexit handler freed is not live at exit" {
	tracked out=%n.snap,on=exit "$steps" atexit leak:2x100
	[ "$(held 1.snap keep_until_exit)" = '0 0' ]
	[ "$(held 1.snap leak_here)" = '2 200' ]
	[ "$(csv_sum held.csv alloc_bytes heap keep_until_exit)" = 123456 ]
}

@test "what an at_quick_exit handler freed is not live at quick_exit" {
	tracked out=%n.snap,on=exit "$steps" atexit:quick quick_exit:0
	[ "$(held 1.snap keep_until_exit)" = '0 0' ]
	[ "$(csv_sum held.csv free_bytes heap keep_until_exit)" = 123456 ]
}

@test "what an atexit handler freed is not live when our thread is the last" {
	tracked out=%n.snap,on=exit "$steps" atexit leak:2x100 unjoined:1 leave
	[ "$(held 1.snap keep_until_exit)" = '0 0' ]
	[ "$(held 1.snap leak_here)" = '2 200' ]
}

@test "what a static destructor freed is not live at exit" {
	tracked out=%n.snap,on=exit "$BATS_FILE_TMPDIR/destructor"
	"$LEAKDIFF" 1.snap --csv -o csv
	[ "$(held 1.snap '(anonymous namespace)::leak_beside()')" = '1 1000' ]
	# Of all blocks of that size: allocated and freed.
	[ "$(look 1.snap '[sites.live_bytes[i] for i in
		range(len(sites.flags)) if sites.alloc_bytes[i] == 654321]')" \
		= '[0]' ]
}

@test "on=grow:4M writes when the live heap has grown by that" {
	# 5 MB each: noticed at the latest a thousand blocks after the 4 MiB.
	track out=%n.snap,on=grow:4M "$steps" leak:5000x1024 wait:1.snap \
		leak:5000x1024 wait:2.snap touch:done pause
	wait_for_file done
	[ "$(look 1.snap header.trigger)" = TRIGGER_GROW ]
	first=$(look 1.snap trailer.live_bytes)
	second=$(look 2.snap trailer.live_bytes)
	[ "$first" -ge $((4 << 20)) ]
	[ "$first" -le $((6 << 20)) ]
	# Each thread's last 64 KiB (LKS_NET_BYTES) may be unreported.
	[ $((second - first)) -ge $(((4 << 20) - (128 << 10))) ]
	[ ! -e 3.snap ]
}

@test "on=grow does not fire for what is freed again" {
	tracked out=%n.snap,on=grow:1M "$steps" churn:100000x1024
	[ ! -e 1.snap ]
}

# make_group BYTES: sets group, a memory cgroup with that limit, or skips.
make_group() {
	local path name
	# Pids are those of a namespace, groups are not.
	name=$(stat -Lc %i /proc/self/ns/pid)-$$
	path=$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)
	if [ -n "$path" ]; then
		group=/sys/fs/cgroup/memory${path%/}/leakshim-test-$name
		mkdir "$group" 2>/dev/null &&
			echo "$1" >"$group/memory.limit_in_bytes" && return
	else
		path=$(sed -n 's/^0:://p' /proc/self/cgroup)
		group=/sys/fs/cgroup${path%/}/leakshim-test-$name
		# A group with processes of its own can't hand the controller
		# down, so the new one stands beside ours.
		[ "${path%/}" = '' ] || group=${group%/*/*}/leakshim-test-$name
		mkdir "$group" 2>/dev/null && echo "$1" \
			>"$group/memory.max" 2>/dev/null && return
	fi
	# It may never have been made: then there is nothing to remove.
	[ ! -d "$group" ] || rmdir "$group"
	group=
	skip 'no memory cgroup can be made here'
}

@test "on=limit:50% writes when half of the cgroup's memory is used" {
	make_group $((64 << 20))
	cat >in_group <<-'SH'
		echo $$ >"$1/cgroup.procs" && shift && exec "$@"
	SH
	start host sh in_group "$group" env LD_PRELOAD="$SHIM" \
		LEAKSHIM=out=%n.snap,on=limit:50% \
		"$steps" slow:10x100000 touch:small wait:go \
		slow:500x100000 pause
	wait_for_file small
	sleep 1.5
	[ ! -e 1.snap ]
	touch go
	wait_for_file 1.snap
	[ "$(look 1.snap header.trigger header.memory_limit_bytes)" = \
		"$(printf 'TRIGGER_LIMIT\n%s' $((64 << 20)))" ]
	# Once, not again and again while it stays above.
	sleep 2
	[ ! -e 2.snap ]
	# The group can be removed when nobody is in it.
	kill -KILL $pid
	ends_with 137 $pid
}

# --- dormant ----------------------------------------------------------

@test "start=off is dormant until the first SIGUSR2" {
	track out=%n.snap,start=off "$steps" leak:50x100 touch:ready \
		wait:go leak:7x1000 touch:done pause
	wait_for_file ready
	[ "$(status_of $pid state)" = dormant ]
	kill -USR2 $pid
	wait_until 5 state_is on
	touch go
	wait_for_file done
	path=$("$LEAKSHIM_BIN" snapshot $pid)
	[ "$(held "$path" leak_here)" = '7 7000' ]
}

@test "start=off leaves dormancy by the bell's START" {
	track out=%n.snap,start=off "$steps" leak:50x100 touch:ready \
		wait:go leak:7x1000 touch:done pause
	wait_for_file ready
	[ "$(status_of $pid state)" = dormant ]
	"$ring" $pid "$(status_of $pid bell)" 3 77
	wait_until 5 state_is on
	touch go
	wait_for_file done
	path=$("$LEAKSHIM_BIN" snapshot $pid)
	[ "$(held "$path" leak_here)" = '7 7000' ]
}

@test "what was dormant tells how long, and counts its time from the start" {
	track out=%n.snap,start=off,sample=1 "$steps" leak:50x100 \
		touch:ready wait:go leak:7x1000 touch:done pause
	wait_for_file ready
	kill -USR2 $pid
	wait_until 5 state_is on
	touch go
	wait_for_file done
	path=$("$LEAKSHIM_BIN" snapshot $pid)
	[ "$(look "$path" '0 < header.late_ns < header.start_monotonic_ns')" \
		= True ]
	run "$LEAKDIFF" "$path"
	[[ $output == *"every allocation since tracking began"* ]]
	[[ $output == *"What the numbers lack"*"what was allocated in the "*\
" before tracking began is not counted"* ]]
}

@test "start=off writes nothing by itself" {
	tracked out=%n.snap,start=off,interval=1s,on=exit \
		"$steps" leak:50x100 sleep:2500
	[ ! -e 1.snap ]
}

state_is() {
	[ "$(status_of $pid state)" = "$1" ]
}
