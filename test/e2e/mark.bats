# leakshim mark, and marks from inside by leakshim.h.

bats_require_minimum_version 1.5.0
load helpers

setup_file() {
	build_host steps
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	steps=$BATS_FILE_TMPDIR/steps
}

teardown() {
	rm -f "$(status_path)".[0-9]*
	end_hosts
}

# Path of the status file of $pid, there or not.
status_path() {
	local name
	name=$(stat -Lc %i /proc/self/ns/pid)-$pid
	if [ -d "/run/user/$(id -u)/leakshim" ]; then
		echo "/run/user/$(id -u)/leakshim/$name"
	else
		echo "/tmp/leakshim-$(id -u)/$name"
	fi
}

# marks SNAPSHOT: a line each, as Python writes the bytes.
marks() {
	look "$1" '"\n".join(str(mark.text) for mark in marks)'
}

# snap: takes a snapshot of $pid, prints its path.
snap() {
	"$LEAKSHIM_BIN" snapshot $pid
}

@test "marks are in all later snapshots, with their time, in order" {
	track out=%n.snap "$steps" leak:10x10 touch:ready pause
	wait_for_file ready
	snap
	before=$(date +%s%N)
	"$LEAKSHIM_BIN" mark $pid 'reload 1'
	"$LEAKSHIM_BIN" mark $pid 'reload 2'
	after=$(date +%s%N)
	snap
	snap
	[ "$(look 1.snap 'len(marks)')" = 0 ]
	[ "$(marks 2.snap)" = "b'reload 1'
b'reload 2'" ]
	[ "$(marks 3.snap)" = "$(marks 2.snap)" ]
	look 2.snap 'marks[0].wall_ns' 'marks[1].wall_ns' >times
	[ "$(sort -n times)" = "$(cat times)" ]
	[ "$before" -le "$(head -n 1 times)" ]
	[ "$(tail -n 1 times)" -le "$after" ]
	[ "$(look 2.snap 'header.start_monotonic_ns < marks[0].monotonic_ns <
		header.monotonic_ns')" = True ]
	"$LEAKDIFF" 1.snap 3.snap | grep -c '^mark .* UTC: reload [12]$' |
		grep -qx 2
	"$LEAKDIFF" --json 1.snap 2.snap 3.snap >json
	$PYTHON -I - <<-'PY'
	import json
	process, = json.load(open("json"))["processes"]
	marks = process["marks"]
	assert [mark["text"] for mark in marks] == ["reload 1", "reload 2"], marks
	first, last = (process["snapshots"][i]["elapsed_s"] for i in (0, 1))
	assert first < marks[0]["elapsed_s"] <= marks[1]["elapsed_s"] < last
	PY
}

@test "a program with threads takes marks, and one that blocks all signals" {
	track out=%n.snap "$steps" threads:3 block touch:ready pause
	wait_for_file ready
	"$LEAKSHIM_BIN" mark $pid threaded
	snap
	[ "$(marks 1.snap)" = "b'threaded'" ]
}

@test "askers at once are all answered, and no mark is lost" {
	track out=%n.snap "$steps" touch:ready pause
	wait_for_file ready
	for i in {1..20}; do
		"$LEAKSHIM_BIN" mark $pid "at once $i" &
		askers[i]=$!
	done
	for i in {1..20}; do
		wait "${askers[i]}"
	done
	snap
	[ "$(marks 1.snap | sort -u | wc -l)" -eq 20 ]
	[ -z "$(ls "$(status_path)".[0-9]* 2>/dev/null)" ]
}

@test "a name marks every process of it" {
	cp "$steps" twice.named
	track out=a.%n.snap ./twice.named touch:ready pause
	wait_for_file ready
	first=$pid
	track out=b.%n.snap ./twice.named touch:ready2 pause
	wait_for_file ready2
	"$LEAKSHIM_BIN" mark twice.named both
	snap
	pid=$first snap
	[ "$(marks a.1.snap)$(marks b.1.snap)" = "b'both'b'both'" ]
}

@test "any text comes back as it was, and is harmless in reports" {
	track out=%n.snap "$steps" touch:ready pause
	wait_for_file ready
	"$LEAKSHIM_BIN" mark $pid $'\e[31m\n\t%41 =\x7f'
	"$LEAKSHIM_BIN" mark $pid $'caf\xc3\xa9 \xff'
	"$LEAKSHIM_BIN" mark $pid "$(printf %255s x)"
	snap
	look 1.snap 'marks[0].text == b"\x1b[31m\n\t%41 =\x7f"' \
		'marks[1].text == b"caf\xc3\xa9 \xff"' \
		'len(marks[2].text)' | xargs | grep -qx 'True True 255'
	"$LEAKDIFF" 1.snap >report
	grep -qF ': \x1b[31m\n\t%41 =\x7f' report
	grep -qF $': caf\xc3\xa9 \\xff' report
	run ! grep -q $'[\x01-\x09\x0b-\x1f\x7f]' report
	"$LEAKDIFF" --json 1.snap | $PYTHON -I -c 'import json, sys
marks = json.load(sys.stdin)["processes"][0]["marks"]
assert marks[0]["text"] == "\x1b[31m\n\t%41 =\x7f", marks'
}

@test "the last 256 are kept, and what fell out is counted" {
	track out=%n.snap "$steps" touch:ready pause
	wait_for_file ready
	for i in {1..258}; do
		"$LEAKSHIM_BIN" mark $pid "m$i"
	done
	snap
	[ "$(look 1.snap 'len(marks)' 'marks[0].text' 'marks[255].text' \
		'losses.marks_lost' | xargs)" = '256 m3 m258 2' ]
	"$LEAKDIFF" 1.snap | grep -q 'marks that found no room'
}

@test "a forked child has no marks of its parent" {
	track out=%p.%n.snap "$steps" touch:ready wait:go childless \
		fork touch:forked pause
	wait_for_file ready
	"$LEAKSHIM_BIN" mark $pid parent
	touch go
	wait_for_file forked
	snap
	[ "$(marks $pid.1.snap)" = "b'parent'" ]
	for file in *.snap; do
		[ "$file" = $pid.1.snap ] || [ "$(marks "$file")" = '' ]
	done
}

@test "a program that changed its user takes marks" {
	need_root 'setuid'
	open_test_directory
	mkdir -m 777 out
	track "out=$PWD/out/%n.snap" "$steps" setuid:$NOBODY touch:out/ready \
		pause
	wait_for_file out/ready
	"$LEAKSHIM_BIN" mark $pid dropped
	snap
	[ "$(marks out/1.snap)" = "b'dropped'" ]
}

@test "a dormant program takes marks" {
	track out=%n.snap,start=off "$steps" touch:ready pause
	wait_for_file ready
	"$LEAKSHIM_BIN" mark $pid early
	"$LEAKSHIM_BIN" start $pid
	snap
	[ "$(marks 1.snap)" = "b'early'" ]
}

# --- hostile requests --------------------------------------------------

# ring TOKEN: for the request that lies there; the program must live on.
ring() {
	$PYTHON -IB "$TOP/test/e2e/ring_bell.py" $pid "${2:-5}" "$1"
	kill -0 $pid
}

@test "requests that break the rules do nothing and harm nobody" {
	track out=%n.snap "$steps" touch:ready pause
	wait_for_file ready
	request=$(status_path)
	good=$'leakshim-request 1\nmark=hostile\n'
	umask 077
	ring 1 # there is none
	ring 1 4
	printf %s "$good" >target
	ln -s "$PWD/target" "$request.2"
	ring 2
	mkfifo "$request.3"
	ring 3
	mkdir "$request.4"
	ring 4
	printf %s "${good%?}" >"$request.5" # cut off
	ring 5
	: >"$request.6"
	ring 6
	{ printf %s "$good" && yes '#=#' | head -c 5000; } >"$request.7"
	ring 7
	printf %s "$good" >"$request.8"
	chmod 644 "$request.8"
	ring 8
	printf %s "$good" >"$request.9"
	ln "$request.9" "$request.10"
	ring 9
	rm "$request.10"
	head -c 3000 /dev/urandom >"$request.11"
	ring 11
	ring 11 4
	printf 'leakshim-request 1\nmark=a%%00b\n' >"$request.12"
	ring 12
	printf 'leakshim-request 1\ncontents=100000\n' >"$request.13"
	ring 13 4
	# Nothing was taken, so nothing was removed.
	[ "$(ls -d "$request".[0-9]* | wc -l)" -eq 11 ]
	rmdir "$request.4"
	snap
	[ "$(look 1.snap 'len(marks)')" = 0 ]
	[ ! -e 1.dump ]
	# And a good one still works.
	ring 9
	[ ! -e "$request.9" ]
	snap
	[ "$(marks 2.snap)" = "b'hostile'" ]
}

@test "a request that its process does not take is told and removed" {
	track out=%n.snap "$steps" touch:ready pause
	wait_for_file ready
	# As with a shim that knows no requests: the file is taken away before
	# the process looks, by a directory that it may not enter any more.
	request=$(status_path)
	kill -STOP $pid
	"$LEAKSHIM_BIN" mark $pid late --timeout 60 2>err &
	asker=$!
	for i in {1..500}; do
		[ -z "$(ls "$request".[0-9]* 2>/dev/null)" ] || break
		sleep 0.01
	done
	chmod 644 "$request".[0-9]*
	kill -CONT $pid
	ends_with 5 $asker
	grep -q 'answered, but did not take the request' err
	[ -z "$(ls "$request".[0-9]* 2>/dev/null)" ]
}

# --- from inside ---------------------------------------------------------

@test "leakshim.h works in C and C++, linked in any way, and alone" {
	cat >inside.c <<-'C'
	#include <errno.h>
	#include <stdio.h>
	#include "leakshim.h"
	int
	main(void)
	{
		errno = 42;
		leakshim_mark("from inside");
		leakshim_snapshot();
		if (errno != 42)
			return 1;
		printf("%d\n", leakshim_present());
		return 0;
	}
	C
	cp inside.c inside.cc
	flags="-O2 -Wall -Wextra -Wundef -Werror -I$TOP/preload"
	for build in "${CC:-cc} $flags" "${CC:-cc} $flags -fno-pie -no-pie" \
		"${CC:-cc} $flags -O0" "${CXX:-c++} $flags" \
		"${CXX:-c++} $flags -fno-pie -no-pie -flto" \
		"${CC:-cc} $flags -std=c99 -pedantic"; do
		case $build in
		"${CXX:-c++}"*) $build -o inside inside.cc ;;
		*) $build -o inside inside.c ;;
		esac
		[ "$(./inside)" = 0 ]
		[ "$(tracked out=%n.snap ./inside)" = 1 ]
		[ "$(marks 1.snap)" = "b'from inside'" ]
		[ "$(look 1.snap header.trigger)" = TRIGGER_INSIDE ]
		rm 1.snap
	done
	${CC:-cc} $flags -static -o inside inside.c
	[ "$(tracked out=%n.snap ./inside)" = 0 ]
	[ ! -e 1.snap ]
}
