# Hostile surroundings: limits, roots, descriptors, a system without /proc. The
# program must not notice, and what can be written is.

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

# --- descriptors ------------------------------------------------------

@test "a program that closed every descriptor is asked, and stays closed" {
	local how
	for how in from range; do
		track "out=$PWD/%p.%n" "$steps" leak:5x10 touch:ready.$how \
			closeall:$how sleep:300 closeall:$how pause
		wait_for_file ready.$how
		path=$("$LEAKSHIM_BIN" snapshot $pid)
		[ "$path" = "$PWD/$pid.1" ]
		[ "$(held "$path" leak_here)" = '5 50' ]
		sleep 0.4
		# Our files never were its own: it would have left with 95.
		kill -0 $pid
		[ -z "$(ls /proc/$pid/fd)" ]
	done
}

@test "the same with threads" {
	track "out=$PWD/%p.%n" "$steps" threads:3 leak:5x10 closeall:range \
		"touch:$PWD/ready" pause
	wait_for_file ready
	path=$("$LEAKSHIM_BIN" snapshot $pid)
	[ "$(held "$path" leak_here)" = '5 50' ]
	[ -z "$(ls /proc/$pid/fd)" ]
}

@test "a program that may open no file is asked" {
	# The writer has a table of its own, and the limit is the process's: it
	# closes all it has first.
	track "out=$PWD/%p.%n" "$steps" leak:5x10 touch:ready files:3 pause
	wait_for_file ready
	path=$("$LEAKSHIM_BIN" snapshot $pid)
	[ "$(held "$path" leak_here)" = '5 50' ]
}

# --- limits -----------------------------------------------------------

@test "a limit of the size of files fails a snapshot, not the program" {
	track "out=$PWD/%p.%n" "$steps" leak:5x10 fsize:200 touch:ready \
		sleep:1000 leak:1x1 touch:alive pause
	wait_for_file ready
	# Not even a status can be written.
	kill -USR2 $pid
	wait_for_file alive
	kill -0 $pid
	[ ! -e $pid.1 ]
	[ -z "$(find . -name '.leakshim*')" ]
	# Nor at its exit, where its own thread writes.
	tracked "out=$PWD/%p.%n,on=exit" "$steps" leak:5x10 fsize:200 exit:3 ||
		[ $? -eq 3 ]
	[ -z "$(find . -name '*.1')" ]
}

@test "whatever the limit of address space, the program gets what it needs" {
	# From less than the loader needs to plenty: at each limit under which
	# it works plainly it works under us, as soon as our own are there too.
	local limit plain under ours=0
	for limit in 3000 5000 8000 12000 16000 24000 32000 48000 64000 96000 \
		128000 192000 256000 512000; do
		plain=0 under=0
		(ulimit -v $limit && exec "$steps" leak:100x64 \
			churn:1000x5000 leak:2x300000 exit:3) 2>plain.err ||
			plain=$?
		(ulimit -v $limit && LD_PRELOAD=$SHIM exec "$steps" \
			leak:100x64 churn:1000x5000 leak:2x300000 exit:3) \
			2>err || under=$?
		echo "$limit: $plain $under $(cat err)"
		# 127: the loader could not map us or libc.
		[ $under -eq $plain ] || [ $under -eq 127 ] ||
			{ [ $plain -eq 3 ] && [ $under -eq 99 ] &&
				[ $limit -le 32000 ]; }
		[ $under -ne 3 ] || ours=$((ours + 1))
	done
	[ $ours -ge 8 ]
}

@test "a limit of address space that comes later stops us, not the program" {
	track "out=$PWD/%p.%n,log=$PWD/log" "$steps" leak:100x64 \
		memory:1000000 churn:1000x100 leak:200x64 touch:ready pause
	wait_for_file ready
	# There is no memory for a snapshot any more.
	run "$LEAKSHIM_BIN" snapshot --timeout 5 $pid
	[ "$status" -ne 0 ]
	kill -0 $pid
}

# --- roots and rights -------------------------------------------------

@test "a program in another root is asked, and writes there" {
	need_root 'changes the root'
	mkdir -m 755 root root/tmp root/out
	track "out=$PWD/%p.%n" "$steps" leak:5x10 touch:ready chroot:root pause
	wait_for_file ready
	wait_until 5 test -e "/proc/$pid/root/out"
	wait_until 5 has_root "$PWD/root"
	kill -USR2 $pid
	# Nothing of out= is there: the fallback is in its root's /tmp.
	wait_for_file root/tmp/leakshim-0/$pid.1
	[ "$(held root/tmp/leakshim-0/$pid.1 leak_here)" = '5 50' ]
	[ "$(stat -c %a root/tmp/leakshim-0/$pid.1)" = 600 ]
}

has_root() {
	[ "$(readlink "/proc/$pid/root")" = "$1" ]
}

@test "a program that may not be dumped is asked" {
	track "out=$PWD/%p.%n" "$steps" leak:5x10 undumpable touch:ready pause
	wait_for_file ready
	kill -USR2 $pid
	wait_for_file $pid.1
	[ "$(held $pid.1 leak_here)" = '5 50' ]
	"$LEAKDIFF" --verify $pid.1
}

@test "a program that may not be dumped and is nobody is asked" {
	need_root 'changes its user'
	open_test_directory
	mkdir -m 1777 open
	track "out=$PWD/open/%p.%n" "$steps" leak:5x10 touch:ready \
		setuid:$NOBODY undumpable "touch:$PWD/open/set" pause
	wait_for_file open/set
	# /proc/PID is root's now.
	[ "$(stat -c %u /proc/$pid/maps)" = 0 ]
	kill -USR2 $pid
	wait_for_file open/$pid.1
	[ "$(held open/$pid.1 leak_here)" = '5 50' ]
	[ "$(stat -c '%u %a' open/$pid.1)" = "$NOBODY 600" ]
}

@test "without /proc a program is tracked and asked" {
	need_root 'mounts'
	unshare -m true 2>/dev/null || skip 'no mount namespace to be had'
	start host unshare -m sh -c 'mount -t tmpfs none /proc || exit 9
		LD_PRELOAD=$1 LEAKSHIM=out=$2/%n exec "$3" threads:2 leak:5x10 \
			"touch:$2/ready" pause' sh "$SHIM" "$PWD" "$steps"
	wait_for_file ready
	kill -USR2 $pid
	wait_for_file 1
	[ "$(held 1 leak_here)" = '5 50' ]
	"$LEAKDIFF" --verify 1
	[ "$(look 1 header.start_ticks header.pid_namespace | xargs)" = '0 0' ]
	# It goes by no name: nobody else could know of it.
	rm -f "/run/user/$(id -u)/leakshim/0-$pid" \
		"/tmp/leakshim-$(id -u)/0-$pid"
}

# --- secure-exec ------------------------------------------------------

@test "a program with another's rights is untouched" {
	need_root 'makes a set-user-ID program'
	open_test_directory
	cp "$(command -v id)" suid
	chown $NOBODY suid
	chmod 4755 suid
	mkdir -m 1777 open
	# Where set-user-ID is ignored there is nothing to see.
	[ "$(./suid -u)" = $NOBODY ] || skip 'set-user-ID has no effect here'
	LD_PRELOAD=$SHIM LEAKSHIM=out=$PWD/open/%e.%n,on=exit ./suid -u \
		>out 2>err
	[ "$(cat out)" = $NOBODY ]
	[ -z "$(ls open)" ]
	# The loader itself says that it ignores us, or nothing.
	refute grep '^leakshim' err
}

@test "the names that a program or its host has are no paths" {
	mkdir in
	cd in
	# %e of a program that calls itself so, and of one whose file is named
	# after what a shell would run.
	(exec -a '../../evil' env LD_PRELOAD="$SHIM" \
		LEAKSHIM=out=%e.%n.snap,on=exit "$steps" leak:1x1)
	cp "$steps" '.. evil%n;'
	LD_PRELOAD=$SHIM LEAKSHIM=out=%e.%n.snap,on=exit './.. evil%n;' leak:1x1
	[ "$(ls -A | sort | tr '\n' '|')" = \
		'.. evil%n;|.. evil%n;.1.snap|steps.1.snap|' ]
	[ -z "$(find .. -maxdepth 1 -name '*evil*')" ]
}

@test "a fallback directory that is another's trap is not used" {
	need_root 'changes its user'
	open_test_directory
	# Whoever made /tmp/leakshim-UID first is not its owner: no file.
	mkdir -m 777 root root/tmp
	ln -s /nowhere root/tmp/leakshim-0
	track "out=/missing/%p.%n" "$steps" leak:5x10 touch:ready chroot:root \
		pause
	wait_for_file ready
	rm -rf "/tmp/leakshim-0/$pid."*
	wait_until 5 has_root "$PWD/root"
	kill -USR2 $pid
	wait_until 5 sh -c "! kill -0 $pid 2>/dev/null || sleep 0.5"
	kill -0 $pid
	[ "$(readlink root/tmp/leakshim-0)" = /nowhere ]
	rm root/tmp/leakshim-0
	mkdir -m 700 root/tmp/leakshim-0
	chown $NOBODY root/tmp/leakshim-0
	kill -USR2 $pid
	sleep 0.5
	kill -0 $pid
	[ -z "$(ls root/tmp/leakshim-0)" ]
}
