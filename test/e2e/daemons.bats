# Programs that leave the ground the shim stood on: they fork, change directory
# and user, close every descriptor; and the ground itself: directories that
# can't be written, full disks, planted links.

load helpers

setup_file() {
	build_host steps
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	steps=$BATS_FILE_TMPDIR/steps
	mounts=()
}

teardown() {
	cd /
	end_hosts
	for each in "${mounts[@]}"; do
		umount "$each" || umount -l "$each"
	done
}

# mount_tmpfs DIRECTORY OPTIONS: unmounted by teardown.
mount_tmpfs() {
	mkdir "$1"
	mount -t tmpfs -o "$2" leakshim-test "$1" 2>/dev/null ||
		skip 'tmpfs can not be mounted here'
	mounts+=("$PWD/$1")
}

# --- daemons ----------------------------------------------------------

@test "a daemon without directory and descriptors writes where asked to" {
	track out=snap.%p.%n "$steps" leak:100x64 daemon \
		"pid:$PWD/pid" pause
	wait_for_file pid
	daemon=$(cat pid)
	adopt $daemon
	[ "$(readlink /proc/$daemon/cwd)" = / ]
	kill -USR2 $daemon
	wait_for_file snap.$daemon.1
	[ "$(held snap.$daemon.1 leak_here)" = '100 6400' ]
	[ "$("$LEAKSHIM_BIN" snapshot $daemon)" = "$PWD/snap.$daemon.2" ]
	# It had three descriptors and still has.
	[ "$(ls /proc/$daemon/fd | xargs)" = '0 1 2' ]
}

@test "a daemon with threads writes where asked to" {
	track out=snap.%p.%n "$steps" daemon threads:2 leak:9x10 \
		"pid:$PWD/pid" pause
	wait_for_file pid
	daemon=$(cat pid)
	adopt $daemon
	[ -e "$("$LEAKSHIM_BIN" snapshot $daemon)" ]
	[ "$(look snap.$daemon.1 header.way)" = WAY_HELPER ]
	[ "$(held snap.$daemon.1 leak_here)" = '9 90' ]
}

@test "interval= goes on in a daemon" {
	track out=snap.%p.%n,interval=1s "$steps" daemon "pid:$PWD/pid" pause
	wait_for_file pid
	daemon=$(cat pid)
	adopt $daemon
	wait_for_file snap.$daemon.2
	[ "$(look snap.$daemon.2 header.trigger)" = TRIGGER_INTERVAL ]
}

@test "a daemon that dropped its privileges writes where it still may" {
	need_root 'changes its user'
	open_test_directory
	mkdir -m 1777 open
	track "out=$PWD/open/%p.%n.snap" "$steps" leak:5x10 setuid:$NOBODY \
		pause
	wait_until 5 user_is $NOBODY
	path=$("$LEAKSHIM_BIN" snapshot $pid)
	[ "$path" = "$PWD/open/$pid.1.snap" ]
	[ "$(stat -c '%u %a' "$path")" = "$NOBODY 600" ]
	[ "$(held "$path" leak_here)" = '5 50' ]
	[ "$(status_of $pid out_note)" = '' ]
}

@test "a daemon that may no longer write there goes to /tmp, and says so" {
	need_root 'changes its user'
	open_test_directory
	mkdir -m 700 closed
	track "out=$PWD/closed/%p.%n.snap" "$steps" leak:5x10 setuid:$NOBODY \
		pause
	wait_until 5 user_is $NOBODY
	path=$("$LEAKSHIM_BIN" snapshot $pid)
	[ "$path" = "/tmp/leakshim-$NOBODY/$pid.1.snap" ]
	[ "$(held "$path" leak_here)" = '5 50' ]
	rm "$path"
	[[ $(status_of $pid out_note) == *closed*'permission denied'* ]]
	[ -z "$(ls -A closed)" ]
}

user_is() {
	grep -q "^Uid:.$1.$1.$1" "/proc/$pid/status"
}

# --- directories that can't be written --------------------------------

# in_fallback PATH: it is ours, and goes with the test.
in_fallback() {
	[[ $1 == "/tmp/leakshim-$(id -u)/"* ]]
	[ -e "$1" ]
	[ "$(stat -c %a "${1%/*}")" = 700 ]
	rm "$1"
}

@test "no place to write at all: that is told at the start" {
	need_root 'mounts'
	unshare -m true 2>/dev/null || skip 'no mount namespace to be had'
	# The shim may lie in /tmp itself: it is carried over by descriptor.
	unshare -m sh -c 'mount -t tmpfs -o size=4m none /tmp &&
		cat >/tmp/shim.so && mount -o remount,ro /tmp && cd /tmp &&
		LD_PRELOAD=/tmp/shim.so /bin/true' <"$SHIM" 2>err ||
		skip 'tmpfs can not be mounted here'
	grep -q "no snapshot can be written, not in /tmp/leakshim-0/ either" err
}

@test "a read-only directory: /tmp is used, told at start and in the status" {
	need_root 'mounts a file system'
	mount_tmpfs ro size=64k,ro
	track "out=$PWD/ro/x.%p.%n" "$steps" touch:ready pause
	wait_for_file ready
	grep -q "^leakshim: cannot write in '$PWD/ro': read-only" host.err
	grep -q "/tmp/leakshim-$(id -u)/" host.err
	path=$("$LEAKSHIM_BIN" snapshot $pid)
	[[ $path == */x.$pid.1 ]]
	in_fallback "$path"
	[[ $(status_of $pid out_note) == *read-only* ]]
}

@test "a directory that is not there: the same" {
	track "out=$PWD/none/x.%p.%n" "$steps" touch:ready pause
	wait_for_file ready
	grep -q "^leakshim: cannot write in '$PWD/none': no such" host.err
	in_fallback "$("$LEAKSHIM_BIN" snapshot $pid)"
}

@test "a directory that vanishes: /tmp is used, and the status says why" {
	mkdir there
	track "out=$PWD/there/x.%p.%n" "$steps" touch:ready pause
	wait_for_file ready
	[ ! -s host.err ]
	path=$("$LEAKSHIM_BIN" snapshot $pid)
	[ "$path" = "$PWD/there/x.$pid.1" ]
	rm -r there
	in_fallback "$("$LEAKSHIM_BIN" snapshot $pid)"
	[[ $(status_of $pid out_note) == *"$PWD/there"*'no such'* ]]
	# Nothing on descriptor 2 after the start.
	[ ! -s host.err ]
	# When it is back, it is used again.
	mkdir there
	path=$("$LEAKSHIM_BIN" snapshot $pid)
	[[ $path == "$PWD/there/x.$pid."* ]]
	[ "$(status_of $pid out_note)" = '' ]
}

@test "a full disk keeps the last good file and counts the loss" {
	need_root 'mounts a file system'
	mount_tmpfs disk size=256k
	track "out=$PWD/disk/%n.snap" "$steps" leak:10x10 touch:ready pause
	wait_for_file ready
	"$LEAKSHIM_BIN" snapshot $pid
	cp disk/1.snap before
	# dd ends by the error that fills the disk.
	dd if=/dev/zero of=disk/ballast bs=4k 2>/dev/null || [ $? = 1 ]
	run "$LEAKSHIM_BIN" snapshot $pid
	[ "$status" -eq 5 ]
	[[ $output == *'could not write a snapshot'*'no space left'* ]]
	cmp before disk/1.snap
	[ "$(ls -A disk | xargs)" = '1.snap ballast' ]
	"$LEAKSHIM_BIN" status $pid >status
	grep -q '^last error .*no space left' status
	grep -q '1 snapshots that could not be written' status
	kill -0 $pid
	rm disk/ballast
	path=$("$LEAKSHIM_BIN" snapshot $pid)
	[ "$path" = "$PWD/disk/2.snap" ]
	[ "$(look disk/2.snap losses.snapshot_failures)" -eq 1 ]
	[ "$(status_of $pid error)" = '' ]
}

# --- names ------------------------------------------------------------

@test "a snapshot is for its owner only, whatever the umask" {
	track "out=$PWD/%n.snap" "$steps" umask:0 touch:ready wait:go \
		umask:777 touch:done pause
	wait_for_file ready
	"$LEAKSHIM_BIN" snapshot $pid
	touch go
	wait_for_file done
	"$LEAKSHIM_BIN" snapshot $pid
	[ "$(stat -c %a 1.snap 2.snap | xargs)" = '600 600' ]
}

@test "an existing file is never replaced" {
	echo mine >1.snap
	mkdir 2.snap
	mkfifo 3.snap
	track out=%n.snap "$steps" touch:ready pause
	wait_for_file ready
	[ "$("$LEAKSHIM_BIN" snapshot $pid)" = "$PWD/4.snap" ]
	[ "$(cat 1.snap)" = mine ]
	[ -d 2.snap ]
	[ -p 3.snap ]
}

@test "without %n in out= the first file has that very name" {
	track out=snap "$steps" touch:ready pause
	wait_for_file ready
	[ "$("$LEAKSHIM_BIN" snapshot $pid)" = "$PWD/snap" ]
	[ "$("$LEAKSHIM_BIN" snapshot $pid)" = "$PWD/snap.1" ]
	[ "$(look snap header.sequence)" -eq 1 ]
	[ "$(look snap.1 header.sequence)" -eq 2 ]
}

@test "a link at the name is never followed" {
	echo mine >victim
	ln -s victim 1.snap
	ln -s nowhere 2.snap
	track out=%n.snap "$steps" touch:ready pause
	wait_for_file ready
	[ "$("$LEAKSHIM_BIN" snapshot $pid)" = "$PWD/3.snap" ]
	[ "$(cat victim)" = mine ]
	[ ! -e nowhere ]
	[ -L 1.snap ]
	[ -L 2.snap ]
}

@test "a link at the temporary name is never followed" {
	track out=%n.snap "$steps" touch:ready pause
	wait_for_file ready
	echo mine >victim
	for i in 0 1 2; do
		ln -s victim ".leakshim.$pid.$i.tmp"
		ln -s nowhere ".leakshim.$pid.$((i + 3)).tmp"
	done
	[ "$("$LEAKSHIM_BIN" snapshot $pid)" = "$PWD/1.snap" ]
	[ "$(cat victim)" = mine ]
	[ ! -e nowhere ]
	[ ! -L 1.snap ]
}

# refused CALL...: runs the host under strace, which makes these calls fail with
# EINVAL, as where the kernel or the file system does not know them.
refused() {
	command -v strace >/dev/null || skip 'there is no strace'
	strace -o /dev/null true 2>/dev/null ||
		skip 'processes can not be traced here'
	strace -f -qq -o /dev/null "${@/#/--inject=}" \
		-E LD_PRELOAD="$SHIM" -E LEAKSHIM=out=%n.snap,on=exit \
		"$steps" leak:4x10
	[ "$(held 2.snap leak_here)" = '4 40' ]
	[ "$(cat 1.snap)" = mine ]
	[ "$(ls -A | xargs)" = '1.snap 2.snap held.csv' ]
}

@test "nothing is replaced where renameat2 is not known" {
	echo mine >1.snap
	refused renameat2:error=EINVAL
}

@test "nothing is replaced where links are not known either" {
	echo mine >1.snap
	# The third way ends in a rename without flags: only the first calls
	# fail, one for each name that is tried.
	refused renameat2:error=EINVAL:when=1..2 linkat:error=EPERM
}

@test "two runs with the same pid keep both runs' files" {
	need_root 'makes a pid namespace'
	unshare -pf --mount-proc true 2>/dev/null ||
		skip 'no pid namespace can be made here'
	for run in 1 2; do
		unshare -pf --mount-proc env LD_PRELOAD="$SHIM" \
			LEAKSHIM=out=%p.%n.snap,on=exit \
			"$steps" leak:${run}x10
	done
	[ "$(ls ./*.snap | xargs)" = './1.1.snap ./1.2.snap' ]
	[ "$(held 1.1.snap leak_here)" = '1 10' ]
	[ "$(held 1.2.snap leak_here)" = '2 20' ]
	# Each is the first of its process.
	[ "$(look 1.1.snap header.pid header.sequence | xargs)" = '1 1' ]
	[ "$(look 1.2.snap header.pid header.sequence | xargs)" = '1 1' ]
}

@test "a process in a pid namespace is asked from outside" {
	need_root 'makes a pid namespace'
	unshare -pf --mount-proc true 2>/dev/null ||
		skip 'no pid namespace can be made here'
	start host unshare -pf --mount-proc --kill-child env \
		LD_PRELOAD="$SHIM" LEAKSHIM=out=%p.%n.snap \
		"$steps" leak:3x10 touch:ready pause
	wait_for_file ready
	inner=$(pgrep -P $pid)
	path=$("$LEAKSHIM_BIN" snapshot "$inner")
	[ -e "$path" ]
	name=$(stat -Lc %i "/proc/$inner/ns/pid")-1
	[ "$(held 1.1.snap leak_here)" = '3 30' ]
	# TERM is nothing to the first process of a namespace.
	kill -KILL $pid
	rm -f {/run/user/"$(id -u)"/leakshim,/tmp/leakshim-"$(id -u)"}/"$name"
}

# --- families ---------------------------------------------------------

@test "forked children have their own files, the inherited is marked" {
	track out=%p.%n.snap "$steps" leak:100x64 forked:child_ready leak:1x7 \
		touch:ready pause
	wait_for_file ready
	child=$(pgrep -P $pid)
	adopt "$child"
	wait_for_file child_ready
	wait_until 10 "$LEAKSHIM_BIN" status --no-refresh "$child"
	path=$("$LEAKSHIM_BIN" snapshot "$child")
	[ "$path" = "$PWD/$child.1.snap" ]
	[ "$("$LEAKSHIM_BIN" snapshot $pid)" = "$PWD/$pid.1.snap" ]
	[ "$(look "$path" 'header.pid == '$child 'header.parent_pid == '$pid \
		'header.fork_wall_ns > header.start_wall_ns' | xargs)" = \
		'True True True' ]
	[ "$(held "$path" leak_here)" = '100 6400' ]
	[ "$(held "$path" leak_slowly)" = '3000 3072000' ]
	[ "$(look "$path" 'sum(sites.inherited_bytes)')" -ge 6400 ]
	[ "$(look "$path" 'sum(sites.inherited_bytes)')" -lt 3072000 ]
	[ "$(look "$path" '[sites.inherited_objects[i] for i in
		range(len(nodes)) if sites.live_bytes[i] == 6400]')" = '[100]' ]
	# Not of the parent.
	[ "$(held $pid.1.snap leak_here)" = '101 6407' ]
	[ "$(held $pid.1.snap leak_slowly)" = '0 0' ]
	[ "$(look $pid.1.snap 'sum(sites.inherited_bytes)' \
		header.fork_wall_ns | xargs)" = '0 0' ]
}

@test "on=exit: a child that was short and small writes nothing" {
	tracked out=%n.snap,on=exit "$steps" fork leak:10x10
	[ "$(ls ./*.snap | xargs)" = ./1.snap ]
	[ "$(look 1.snap header.fork_wall_ns)" -eq 0 ]
	rm 1.snap
	tracked out=%n.snap,on=exit "$steps" fork slow:2000x1024
	[ "$(ls ./*.snap | xargs)" = './1.snap ./2.snap' ]
	rm ./*.snap
	tracked out=%n.snap,on=exit "$steps" fork sleep:1500
	[ "$(ls ./*.snap | xargs)" = './1.snap ./2.snap' ]
}

@test "a chain of exec goes on being tracked" {
	track out=%p.%n.snap sh -c "exec env $steps leak:5x10 exec leak:6x10 \
		exec leak:7x10 touch:ready pause"
	wait_for_file ready
	path=$("$LEAKSHIM_BIN" snapshot $pid)
	[ "$(held "$path" leak_here)" = '7 70' ]
	[[ $(look "$path" header.exe) == */steps ]]
}

@test "children of vfork do nothing" {
	tracked out=%n.snap,on=exit "$steps" vfork leak:5x10
	[ "$(ls ./*.snap | xargs)" = ./1.snap ]
	[ "$(held 1.snap leak_here)" = '5 50' ]
}

@test "a program started by posix_spawn is tracked for itself" {
	tracked 'out=%e.%n.snap,on=exit' "$steps" leak:5x10 spawn:/bin/true
	[ "$(held steps.1.snap leak_here)" = '5 50' ]
	[ ! -e steps.2.snap ]
	[ "$(look true.1.snap header.exe)" = "$(readlink -f /bin/true)" ]
}

@test "a shell pipeline under the shim prints and returns what it would" {
	cat >pipeline <<-'SH'
		set -o pipefail
		seq 1000 | sed s/9/nine/ | sort -r | sed -n 300p
		echo "status ${PIPESTATUS[*]}"
		(exit 3)
		echo $?
		ls /nowhere
		echo $?
		cat <(echo a) - <<<b | tr ab xy
		exit 42
	SH
	LC_ALL=C bash pipeline >plain.out 2>plain.err || plain=$?
	mkdir snaps
	LC_ALL=C tracked "out=$PWD/snaps/%e.%p.%n" bash pipeline \
		>out 2>err || under=$?
	[ "$plain" -eq 42 ]
	[ "$under" -eq 42 ]
	cmp plain.out out
	cmp plain.err err
	[ -z "$(ls snaps)" ]
}
