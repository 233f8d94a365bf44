# Programs in containers, asked from outside: their pid, their users and their
# root are others there. And files that are not under their path any more.

bats_require_minimum_version 1.5.0
load helpers

setup_file() {
	build_host steps
	# As an image has it: only what the program needs.
	image=$BATS_FILE_TMPDIR/image
	local file
	mkdir -p "$image"/{mnt,proc,tmp,out,run}
	chmod 1777 "$image/tmp" "$image/out"
	for file in $(ldd "$BATS_FILE_TMPDIR/steps" "$SHIM" |
		grep -o '/[^ :]*' | sort -u); do
		[ "$file" != "$SHIM" ] && [ "${file##*/}" != steps ] || continue
		mkdir -p "$image${file%/*}"
		cp -L "$file" "$image$file"
	done
	cp "$SHIM" "$image/mnt"
	# Its path is in that root alone.
	mv "$BATS_FILE_TMPDIR/steps" "$image/mnt/app"
	# One with a library of its own.
	cd "$BATS_FILE_TMPDIR"
	cat >grow.c <<-'C'
		#include <stdlib.h>
		void *volatile kept;
		void leak_in_library(void);
		void leak_in_library(void)
		{
			for (int i = 0; i < 3; i++)
				kept = malloc(1000);
		}
	C
	cat >grower.c <<-'C'
		#include <fcntl.h>
		#include <unistd.h>
		void leak_in_library(void);
		int main(void)
		{
			leak_in_library();
			creat("/tmp/ready", 0600);
			for (;;)
				pause();
		}
	C
	${CC:-cc} -g -fPIC -shared -Wl,-soname,libgrow.so \
		-o "$image/mnt/libgrow.so" grow.c
	${CC:-cc} -g -o "$image/mnt/grower" grower.c "$image/mnt/libgrow.so" \
		-Wl,-rpath,/mnt
	chmod -R a+rX "$image"
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	need_root 'makes namespaces'
	unshare -pmf true 2>/dev/null || skip 'no namespaces can be made here'
	open_test_directory
	as=() ask=() program=/mnt/app leaker=leak_here
}

teardown() {
	local one
	# The first process of a namespace heeds KILL alone.
	for one in $(cat hosts 2>/dev/null); do
		kill -KILL "$one" 2>/dev/null || [ $? = 1 ] # has ended
	done
	end_hosts
}

nobody=(setpriv --reuid $NOBODY --regid $NOBODY --clear-groups)

# A rootless container is of the user who makes it.
rootless() {
	as=("${nobody[@]}")
	"${as[@]}" unshare -Urpmf true 2>/dev/null ||
		skip 'no user namespaces can be made here'
}

# contain FLAGS OPTIONS STEP...: a container from the image, in ./root. Sets
# `inner`, its pid as we see it.
contain() {
	local flags=$1 options=$2
	shift 2
	if [ ! -d root ]; then
		cp -a "$BATS_FILE_TMPDIR/image" root
		[ ${#as[@]} -eq 0 ] || chown -R $NOBODY root
	fi
	start host "${as[@]}" unshare $flags --kill-child $PYTHON -IB \
		"$TOP/test/e2e/enter_root.py" "$PWD/root" \
		LD_PRELOAD=/mnt/libleakshim.so \
		LEAKSHIM="out=/out/%p.%n.snap${options:+,$options}" \
		$program "$@" touch:/tmp/ready pause
	echo $pid >>hosts
	wait_for_file root/tmp/ready
	inner=$pid
	while pgrep -P $inner >/dev/null; do
		inner=$(pgrep -P $inner)
	done
	echo "$inner" >>hosts
	[ "$(cat host.err)" = '' ]
}

# The companion, by who asks.
shim() {
	"${ask[@]}" "$LEAKSHIM_BIN" "$@"
}

diff_of() {
	"${ask[@]}" "$LEAKDIFF" "$@"
}

json() {
	$PYTHON -Ic "import json, sys
it = json.load(sys.stdin)
print($1)"
}

# names FILE: leakdiff knows who allocated there, and has nothing to say.
names() {
	diff_of "$1" --csv >names.csv 2>names.err
	cat names.err
	[ "$(csv_sum names.csv live_bytes_new heap $leaker)" = 3000 ]
	[ ! -s names.err ]
}

# --- every verb ---------------------------------------------------------------

# every_verb NUMBER: what it is in its own namespace.
every_verb() {
	local there=/proc/$inner/root path url
	shim status --json $inner >status.json
	[ "$(json 'it["process"], it["pid"], it["live_bytes"], it["out"]' \
		<status.json)" = "$inner $1 3000 $there/out/$1.%n.snap" ]
	shim status $inner >status
	grep -q "^process  *$inner ($1 in its own namespace)  /mnt/app$" status
	grep -qF " $there/out/$1.%n.snap" status
	# Without a question, too.
	shim status --no-refresh $inner >status
	grep -qF " $there/out/$1.%n.snap" status

	shim doctor $inner >doctor
	grep -q "its pid there is $1, its files are below $there" doctor
	grep -q 'it is tracked, by libleakshim.so' doctor
	refute grep -qE '^(blind|warning)' doctor

	shim list >list 2>list.err
	grep -qE "^ *$inner +on .* /mnt/app$" list
	# What is in no container is not this one's to speak of.
	refute grep -qE "process ($inner|$(cat host.pid)):" list.err
	[ "$(shim list --json | json "[p['pid'] for p in it['processes']
		if p['process'] == $inner]")" = "[$1]" ]

	shim monitor -n 1 $inner 2>monitor | tail -n 1 >monitor.row
	grep -q 'live heap 2.9 KiB' monitor
	grep -q " $inner " monitor.row

	shim mark $inner 'said outside'
	path=$(shim snapshot $inner)
	[ "$path" = "$there/out/$1.1.snap" ]
	[ "$(stat -c %a "$path")" = 600 ]
	names "$path"
	diff_of "$path" | grep -q '^mark .*: said outside$'

	[ "$(shim dump $inner)" = "$there/out/$1.2.dump" ]
	diff_of dump "$there/out/$1.2.dump" >dump 2>dump.err
	grep -q leak_here dump
	[ ! -s dump.err ]
	shim dump -o "$mine/dump" $inner
	[ -s "$mine/dump" ]
	[ "$(stat -c '%u %a' "$mine/dump")" = "$("${ask[@]}" id -u) 600" ]
	[ ! -e root/out/$1.3.dump ]

	start serve "${ask[@]}" "$LEAKSHIM_BIN" serve --listen 127.0.0.1:0 \
		$inner
	wait_until 20 grep -q 'serving on' serve.err
	url=$(sed -n 's,.*\(http://[^ ]*[^/ ]\)/*$,\1,p' serve.err)
	wait_until 20 curl -sf -o heap "$url/debug/pprof/heap?debug=1"
	grep -q 'leak_here' heap
	# Where its threads are, who may trace them. Their libc may be another
	# than ours: only what is in that root says their names.
	if [ ${#ask[@]} -eq 0 ]; then
		curl -sf -o threads "$url/debug/pprof/goroutine?debug=2"
		cat threads
		grep -q 'step_pause' threads
		grep -q 'main.*host_steps.c' threads
	fi
	kill $pid

	# The signal goes by the pid that we see.
	"${ask[@]}" kill -USR2 $inner
	wait_for_file root/out/$1.2.snap
	kill -0 $inner
}

# asked_by_root FLAGS NUMBER
asked_by_root() {
	mkdir mine
	mine=$PWD/mine
	contain "$1" '' leak:3x1000
	echo $pid >host.pid
	every_verb "$2"
}

@test "a process in pid and mount namespaces with its own root is asked from outside" {
	asked_by_root -pmf 1
}

@test "one in a namespace within a namespace is asked from the outermost" {
	asked_by_root '-pmf --kill-child unshare -pmf' 1
	[ "$(grep -c NSpid "/proc/$inner/status")" = 1 ]
	[ "$(sed -n 's/^NSpid:\s*//p' "/proc/$inner/status" | wc -w)" = 3 ]
}

@test "a rootless container is asked by root" {
	rootless
	asked_by_root -Urpmf 1
}

@test "a rootless container is asked by its user" {
	rootless
	ask=("${nobody[@]}")
	mkdir mine
	chown $NOBODY mine
	mine=$PWD/mine
	contain -Urpmf '' leak:3x1000
	echo $pid >host.pid
	every_verb 1
}

@test "a container with threads has its helper asked, by its number here" {
	contain -pmf '' threads:3 leak:3x1000
	local helper
	shim status --json $inner >status.json
	helper=$(json 'it["helper"]' <status.json)
	[ "$helper" -gt 1 ]
	[ "$helper" -lt 20 ]
	names "$(shim snapshot $inner)"
}

@test "one that waits in a container is started from outside" {
	contain -pmf start=off leak:2x1000
	run shim snapshot $inner
	[ "$status" -eq 3 ]
	shim start $inner
	[ "$(shim status --json $inner | json 'it["state"]')" = on ]
	[ "$(shim snapshot $inner)" = "/proc/$inner/root/out/1.1.snap" ]
}

@test "a process that goes to another root after we took hold of it is found" {
	# Between: the one that makes the container, which is not tracked yet.
	cp -a "$BATS_FILE_TMPDIR/image" root
	mkfifo gate
	start host unshare -pmf --kill-child bash -c '
		read -r <gate
		exec "$@"' bash $PYTHON -IB "$TOP/test/e2e/enter_root.py" \
		"$PWD/root" LD_PRELOAD=/mnt/libleakshim.so \
		LEAKSHIM=out=/out/%n.snap /mnt/app leak:3x1000 \
		touch:/tmp/ready pause
	wait_until 10 pgrep -P $pid
	inner=$(pgrep -P $pid)
	echo $pid $inner >hosts
	start monitor "$LEAKSHIM_BIN" monitor --interval 1 -n 30 $inner
	wait_until 20 test -s monitor.out
	echo >gate
	wait_for_file root/tmp/ready
	wait_until 20 grep -q '2.9 KiB' monitor.out
}

@test "what is not tracked in a container is said to be that" {
	local path
	contain -pmf '' leak:3x1000
	rm -f root/tmp/ready
	start other unshare -pmf --kill-child $PYTHON -IB \
		"$TOP/test/e2e/enter_root.py" "$PWD/root" /mnt/app \
		touch:/tmp/ready pause
	echo $pid >>hosts
	wait_for_file root/tmp/ready
	path=$(pgrep -P $pid)
	echo "$path" >>hosts
	# It is number 1 as well. A status file of a number 1 before it, as where
	# its pid was given out again, is not its own; but in another root the
	# clock may be another, so that nothing is removed there.
	local left
	left=root/tmp/leakshim-0/$(stat -Lc %i "/proc/$path/ns/pid")-1
	cp -p "root/tmp/leakshim-0/$(stat -Lc %i "/proc/$inner/ns/pid")-1" \
		"$left"
	run shim snapshot $path
	[ "$status" -eq 3 ]
	[[ $output == *"process $path is not tracked"* ]]
	[ -e "$left" ]
}

# --- a root of its own, and nothing else ----------------------------------------

@test "a daemon started in a root by chroot is asked and named" {
	cp -a "$BATS_FILE_TMPDIR/image" root
	start host unshare -m $PYTHON -Ic '
import os, subprocess
subprocess.run(["mount", "-t", "proc", "none", "root/proc"], check=True)
os.chroot("root")
os.chdir("/")
os.execve("/mnt/app", ["app", "leak:3x1000", "touch:/tmp/ready", "pause"],
          {"LD_PRELOAD": "/mnt/libleakshim.so", "LEAKSHIM": "out=/out/%n"})'
	wait_for_file root/tmp/ready
	[ "$(shim status --json $pid | json 'it["pid"]')" = $pid ]
	[ "$(shim snapshot $pid)" = "/proc/$pid/root/out/1" ]
	names "/proc/$pid/root/out/1"
}

# --- files that are gone ---------------------------------------------------------

# Between two snapshots; both are named.
gone_is_named() {
	local one two
	one=$(shim snapshot $inner)
	eval "$1"
	two=$(shim snapshot $inner)
	names "$one"
	names "$two"
}

@test "a program that was removed in its container is named while it runs" {
	contain -pmf '' leak:3x1000
	gone_is_named 'rm root/mnt/app'
	# Also first seen after it went.
	names "$(shim snapshot $inner)"
	cp root/out/1.1.snap kept.snap
	kill -KILL $inner
	wait_for_end $inner
	# Its end is the file's.
	"$LEAKDIFF" kept.snap --csv >names.csv 2>names.err
	grep -q "'/mnt/app': No such file or directory" names.err
	[ "$(csv_sum names.csv live_bytes_new heap leak_here)" = 0 ]
	[ "$(csv_sum names.csv live_bytes_new heap)" = 3000 ]
}

@test "a program that was replaced in its container is named as it was" {
	contain -pmf '' leak:3x1000
	gone_is_named 'cp /bin/true new && mv new root/mnt/app'
}

@test "a library that is in the container alone is named, also when it was replaced" {
	program=/mnt/grower leaker=leak_in_library
	contain -pmf ''
	gone_is_named 'cp root/mnt/libleakshim.so new &&
		mv new root/mnt/libgrow.so'
	rm root/mnt/libgrow.so
	names "$(shim snapshot $inner)"
}

@test "who may not look at mappings has the names of files that are there" {
	rootless
	ask=("${nobody[@]}")
	program=/mnt/grower leaker=leak_in_library
	contain -Urpmf ''
	names "$(shim snapshot $inner)"
	# Of the program, too, when it is gone; of a library not.
	rm root/mnt/grower root/mnt/libgrow.so
	diff_of "$(shim snapshot $inner)" >out 2>names.err
	grep -q "'/mnt/libgrow.so': No such file or directory" names.err
	[ "$(wc -l <names.err)" -eq 1 ]
	grep -q 'libgrow.so+0x' out
	grep -q 'main .*/grower.c:' out
}

@test "a program with the same path here is not mistaken for that there" {
	contain -pmf '' leak:3x1000
	# Another build, whose names are others.
	${CC:-cc} -O1 -g -D_GNU_SOURCE -Dleak_here=wrong_here -o other \
		"$TOP/test/e2e/host_steps.c" -pthread
	ask=(unshare -m sh -c 'mount -t tmpfs none /mnt &&
		cp other /mnt/app && exec "$@"' sh)
	names "$("$LEAKSHIM_BIN" snapshot $inner)"
}

@test "debug files in a container's root are found by build-id" {
	local id
	contain -pmf '' # for ./root
	kill -KILL $inner
	rm root/tmp/ready
	cd root
	id=$(readelf -n mnt/app | sed -n 's/.*Build ID: //p')
	mkdir -p "usr/lib/debug/.build-id/${id:0:2}"
	objcopy --only-keep-debug mnt/app \
		"usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug"
	strip --strip-all mnt/app
	cd ..
	contain -pmf '' leak:3x1000
	gone_is_named 'rm root/mnt/app'
	grep -q host_steps.c names.csv
}

@test "what a container puts in the way of names holds nobody up" {
	contain -pmf '' leak:3x1000
	local path
	path=$(shim snapshot $inner)
	rm root/mnt/app
	mkfifo root/mnt/app
	names "$path"
	rm root/mnt/app
	ln -s /dev/zero root/mnt/app
	names "$path"
}

@test "outside of containers, too, a removed program is named while it runs" {
	cp "$BATS_FILE_TMPDIR/image/mnt/app" goes
	track "out=$PWD/%n.snap" ./goes leak:3x1000 touch:ready pause
	wait_for_file ready
	inner=$pid
	gone_is_named 'rm goes'
	# By its user as well.
	"$LEAKDIFF" --sysroot / 1.snap >out 2>names.err
	grep -q "goes': No such file or directory" names.err
}

@test "a file with another build-id in the process's place gives no name" {
	cp "$BATS_FILE_TMPDIR/image/mnt/app" goes
	track "out=$PWD/%n.snap" ./goes leak:3x1000 touch:ready pause
	wait_for_file ready
	shim snapshot $pid
	kill $pid
	wait_for_end $pid
	rm goes
	"$LEAKDIFF" 1.snap >out 2>names.err
	grep -q "goes': No such file or directory" names.err
	refute grep -q leak_here out
}
