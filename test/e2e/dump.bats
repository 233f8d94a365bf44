# leakshim dump, and leakdiff dump of what it writes.

bats_require_minimum_version 1.5.0
load helpers

setup_file() {
	build_host steps
	build_host typed
	build_host churn
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	steps=$BATS_FILE_TMPDIR/steps
}

teardown() {
	end_hosts
}

# totals CSV: "BLOCKS BYTES" of the rows.
totals() {
	$PYTHON -I - "$1" <<'PY'
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1])))
assert len({row["address"] for row in rows}) == len(rows)
print(len(rows), sum(int(row["size"]) for row in rows))
PY
}

# of_function CSV FUNCTION: the same of what it allocated.
of_function() {
	awk -F, -v f="$2" '$5 == f { n++; s += $2 } END { print n + 0, s + 0 }' \
		"$1"
}

dump_equals_snapshot() {
	wait_for_file ready
	snapshot=$("$LEAKSHIM_BIN" snapshot $pid)
	dump=$("$LEAKSHIM_BIN" dump $pid)
	[ -f "$dump" ]
	"$LEAKDIFF" dump "$dump" --csv -o blocks.csv
	wanted=$(look "$snapshot" 'sum(sites.live_objects)' \
		'sum(sites.live_bytes)' | xargs)
	[ "$(totals blocks.csv)" = "$wanted" ]
	[ "$(look "$dump" 'len(blocks.address_delta)' 'sum(blocks.size)' |
		xargs)" = "$wanted" ]
	[ "$(look "$dump" block_totals.blocks block_totals.bytes |
		xargs)" = "$wanted" ]
	[ "$(look "$dump" trailer.live_objects trailer.live_bytes |
		xargs)" = "$wanted" ]
	[ "$(of_function blocks.csv leak_here)" = "$1" ]
	# It is a snapshot as well.
	[ "$(held "$dump" leak_here)" = "$1" ]
	# Read by protobuf's own decoder.
	zcat "$dump" | protoc --decode=leakshim.v1.Snapshot \
		--proto_path="$TOP/proto" snapshot.proto | grep -q '^blocks {'
}

@test "count and sum are the snapshot's, of a program of one thread" {
	track out=%n.snap "$steps" leak:1000x123 churn:10x10 touch:ready pause
	dump_equals_snapshot '1000 123000'
	[ "$(look "$dump" header.way)" = WAY_CLONE ]
}

@test "count and sum are the snapshot's, of a program with threads" {
	track out=%n.snap "$steps" threads:3 leak:20000x40 touch:ready pause
	dump_equals_snapshot '20000 800000'
}

@test "a block has its address, size, age and site" {
	track out=%n.snap "$steps" leak:1x4321 sleep:2100 leak:1x8765 \
		touch:ready pause
	wait_for_file ready
	"$LEAKSHIM_BIN" dump -o it.dump $pid
	"$LEAKDIFF" dump it.dump --csv >csv
	$PYTHON -I - $pid <<'PY'
import csv, sys
heap = [line.split()[0].split("-") for line in open(f"/proc/{sys.argv[1]}/maps")
        if "[heap]" in line][0]
rows = {row["size"]: row for row in csv.DictReader(open("csv"))
        if row["function"] == "leak_here"}
old, new = rows["4321"], rows["8765"]
assert set(rows) == {"4321", "8765"}
assert int(old["age_s"]) - int(new["age_s"]) in (2, 3), (old, new)
for row in old, new:
    assert int(heap[0], 16) <= int(row["address"], 16) < int(heap[1], 16)
    stack = row["stack"].split(";")
    assert stack[0] == "leak_here" and "main" in stack, row
    assert row["type"] == row["contents"] == ""
PY
	# Oldest first.
	"$LEAKDIFF" dump it.dump --json --top 1000 | $PYTHON -I -c 'import json, sys
dump = json.load(sys.stdin)
ages = [block["age_s"] for block in dump["oldest"]]
assert ages == sorted(ages, reverse=True) and len(ages) == dump["blocks"]
assert sum(site["bytes"] for site in dump["sites"]) == dump["bytes"]'
}

@test "contents are the blocks' first bytes, and tell C++ types" {
	track out=%n.snap "$BATS_FILE_TMPDIR/typed"
	wait_until 20 grep -q ready host.out
	"$LEAKSHIM_BIN" dump --contents 24 -o it.dump $pid 2>err
	grep -q 'first 24 bytes of every block' err
	grep -q 'what is secret' err
	"$LEAKDIFF" dump it.dump --csv >csv
	$PYTHON -I - <<'PY'
import collections, csv
rows = list(csv.DictReader(open("csv")))
types = collections.Counter(row["type"] for row in rows)
wanted = {"Plain": 7, "Derived": 5, "Holder<int>": 4, "Virtual": 3,
          "std::runtime_error": 1}
assert {name: types[name] for name in wanted} == wanted, types
secret = [row for row in rows
          if bytes.fromhex(row["contents"]).startswith(b"the password is ")]
assert len(secret) == 1 and secret[0]["type"] == "", secret
for row in rows:
    assert len(row["contents"]) == 2 * min(int(row["size"]), 24), row
PY
	"$LEAKDIFF" dump it.dump | grep -q ' 5 .* s  Derived$'
	"$LEAKDIFF" dump it.dump --no-symbols >text
	run ! grep -q Derived text
	# Without contents there are none in the file, and no types.
	plain=$("$LEAKSHIM_BIN" dump $pid 2>err)
	[ ! -s err ]
	[ "$(look "$plain" 'sum(blocks.contents_length)' \
		'len(blocks.contents)' | xargs)" = '0 0' ]
	zcat "$plain" >raw
	run ! grep -q password raw
	"$LEAKDIFF" dump "$plain" >text
	run ! grep -q Types text
}

@test "contents that no system call may read are refused, and kill nobody" {
	[ "$(uname -m)" = x86_64 ] || skip 'the number of a system call'
	# process_vm_readv kills; or is an error, as in some containers.
	for verdict in 0x80000000 0x50001; do
		rm -f ready *.dump
		track out=%n.snap $PYTHON -I -c "import ctypes, signal, struct
libc = ctypes.CDLL(None)
code = b''.join(struct.pack('HBBI', *one) for one in (
    (0x20, 0, 0, 0), (0x15, 0, 1, 310), (6, 0, 0, $verdict),
    (6, 0, 0, 0x7fff0000)))
code = ctypes.create_string_buffer(code)
program = struct.pack('HxxxxxxP', 4, ctypes.addressof(code))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, program) == 0
open('ready', 'w')
while True: signal.pause()"
		wait_for_file ready
		run "$LEAKSHIM_BIN" dump --contents 8 $pid
		echo "$output"
		[ "$status" -eq 5 ]
		[[ $output == "leakshim: process $pid could not write a dump: contents can't be read: process_vm_readv is refused"* ]]
		[ -z "$(ls *.dump 2>/dev/null)" ]
		"$LEAKSHIM_BIN" dump $pid
		kill $pid
		ends_with 143 $pid
	done
}

@test "memory that other threads free and unmap meanwhile is no harm" {
	track out=%n.snap "$BATS_FILE_TMPDIR/churn"
	wait_until 20 grep -q ready host.out
	for i in {1..8}; do
		"$LEAKSHIM_BIN" dump -t 20 --contents 256 -o churn.$i $pid
		[ "$(look churn.$i block_totals.blocks block_totals.bytes |
			xargs)" = "$(look churn.$i trailer.live_objects \
			trailer.live_bytes | xargs)" ]
		"$LEAKDIFF" dump churn.$i --csv -o csv
	done
	kill -0 $pid
	kill -TERM $pid
	ends_with 0 $pid
}

@test "a dump is private, replaces nothing, and is not among what keep= counts" {
	track out=%n.snap,keep=3 "$steps" leak:10x10 touch:ready pause
	wait_for_file ready
	: >1.dump
	[ "$("$LEAKSHIM_BIN" dump $pid)" = "$PWD/2.dump" ]
	[ "$("$LEAKSHIM_BIN" dump $pid)" = "$PWD/3.dump" ]
	[ "$(stat -c %a 2.dump)" = 600 ]
	[ ! -s 1.dump ]
	for i in 1 2 3 4; do
		"$LEAKSHIM_BIN" snapshot $pid
	done
	[ "$(ls *.snap | wc -l)" -eq 3 ]
	[ "$(ls *.dump | wc -l)" -eq 3 ]
	# Directories are read without them.
	"$LEAKDIFF" . | grep -q '^snapshots 3 '
	: >there
	run "$LEAKSHIM_BIN" dump -o there $pid
	[ "$status" -eq 5 ]
	[ "$output" = "leakshim: cannot create 'there': File exists" ]
	[ ! -s there ]
	# Nothing was written to be left.
	run "$LEAKSHIM_BIN" dump -o nowhere/x $pid
	[ "$status" -eq 5 ]
	[ "$output" = "leakshim: cannot create 'nowhere/x': No such file or directory" ]
	[ "$(ls *.dump | wc -l)" -eq 3 ]
	run "$LEAKSHIM_BIN" dump -o - $pid
	[ "$status" -eq 2 ]
	[ ! -e - ]
	[ "$("$LEAKSHIM_BIN" dump -o mine $pid)" = mine ]
	[ "$(stat -c %a mine)" = 600 ]
	# Where it is anyway.
	rm 1.dump
	[ "$("$LEAKSHIM_BIN" dump -o 1.dump $pid)" = 1.dump ]
	[ -s 1.dump ]
}

@test "a program that is killed while it is dumped leaves nothing" {
	track out=%n.snap "$steps" leak:3000000x16 touch:ready pause
	wait_for_file ready
	"$LEAKSHIM_BIN" dump --contents 16 $pid >answer 2>&1 3>&- &
	asker=$!
	wait_until 10 compgen -G '.leakshim*' >/dev/null
	kill -KILL $pid
	ends_with 137 $pid
	# Told by the writer, or seen.
	wait $asker || status=$?
	[ $status -eq 3 ] || [ $status -eq 5 ]
	wait_until 5 eval '! compgen -G ".leakshim*"' >/dev/null
	[ ! -e 1.dump ]
}

@test "a dump that could not be moved is said to be where it is" {
	need_root 'a file system of our own'
	track out=%n.snap "$steps" leak:2000x10 touch:ready pause
	wait_for_file ready
	mkdir small
	run unshare -m sh -c "mount -t tmpfs -o size=4k none small &&
		'$LEAKSHIM_BIN' dump -o small/x $pid"
	[ "$status" -eq 5 ]
	echo "$output"
	[[ $output == *"'small/x': No space left on device; the dump is '"*"$PWD/1.dump'" ]]
	[ -s 1.dump ]
}

@test "askers at once get a dump each" {
	track out=%n.snap "$steps" leak:1000x10 touch:ready pause
	wait_for_file ready
	for i in 1 2 3 4; do
		"$LEAKSHIM_BIN" dump --contents $i -o asked.$i $pid 2>/dev/null &
		askers[i]=$!
	done
	for i in 1 2 3 4; do
		wait "${askers[i]}"
		[ "$(look asked.$i block_totals.contents_limit)" = $i ]
	done
}

@test "a dump that can't be written is told, and leaves nothing behind" {
	# A snapshot's name is as long as one may be, a dump's longer.
	name=$(printf %255s '' | tr ' ' x)
	track "out=$PWD/$name" "$steps" leak:10x10 touch:ready pause
	wait_for_file ready
	run "$LEAKSHIM_BIN" dump $pid
	[ "$status" -eq 5 ]
	echo "$output"
	[[ $output == "leakshim: process $pid could not write a dump: cannot give the dump its name: name too long"* ]]
	[ -z "$(find . -name '.leakshim*' -o -name 'x*')" ]
	"$LEAKSHIM_BIN" snapshot $pid
	[ -s "$name" ]
}

@test "a dump goes where snapshots go if out= can't be written" {
	mkdir gone
	track "out=$PWD/gone/it.%p.%n.snap" "$steps" leak:10x10 touch:ready \
		pause
	wait_for_file ready
	rmdir gone
	dump=$("$LEAKSHIM_BIN" dump $pid)
	[ "$dump" = "/tmp/leakshim-$(id -u)/it.$pid.1.dump" ]
	rm "$dump"
}

@test "a dormant process has nothing to dump" {
	track out=%n.snap,start=off "$steps" touch:ready pause
	wait_for_file ready
	run "$LEAKSHIM_BIN" dump $pid
	[ "$status" -eq 3 ]
	[[ $output == *'is dormant'* ]]
}

@test "a dump of a sample says so" {
	track out=%n.snap,sample=64K,seed=1 "$steps" leak:20000x1000 \
		touch:ready pause
	wait_for_file ready
	dump=$("$LEAKSHIM_BIN" dump $pid)
	"$LEAKDIFF" dump "$dump" >text
	grep -q '^counted .* sample' text
	rows=$("$LEAKDIFF" dump "$dump" --csv | grep -c ',leak_here,')
	[ "$rows" -gt 200 ]
	[ "$rows" -lt 400 ]
}

@test "a truncated dump is told, and the blocks before the cut are listed" {
	track out=%n.snap "$steps" leak:30000x10 touch:ready pause
	wait_for_file ready
	dump=$("$LEAKSHIM_BIN" dump $pid)
	head -c $(($(stat -c %s "$dump") / 2)) "$dump" >cut.dump
	"$LEAKDIFF" dump cut.dump --csv >csv 2>err
	grep -q "warning: 'cut.dump' is truncated" err
	read -r blocks bytes <<<"$(totals csv)"
	[ "$blocks" -gt 1000 ]
	[ "$blocks" -lt 30000 ]
	[ "$bytes" -ge $((10 * blocks)) ]
}

@test "sites at one line are told apart by their callers" {
	cat >alike.c <<'C'
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
__attribute__((noipa)) static void *add(void) { return malloc(1000); }
__attribute__((noipa)) static void red(void) { *(char *volatile *)add() = 0; }
__attribute__((noipa)) static void blue(void) { *(char *volatile *)add() = 0; }
__attribute__((noipa)) static void *alone(void) { return malloc(500); }
int main(void)
{
	red();
	blue();
	*(char *volatile *)alone() = 0;
	close(creat("ready", 0600));
	for (;;)
		pause();
}
C
	${CC:-cc} -O1 -g -fno-builtin -o alike alike.c
	track out=%n.snap ./alike
	wait_for_file ready
	dump=$("$LEAKSHIM_BIN" dump $pid)
	"$LEAKDIFF" dump "$dump" >text
	cat text
	grep -qE '  add alike\.c:4 \(alike\) < red alike\.c:5$' text
	grep -qE '  add alike\.c:4 \(alike\) < blue alike\.c:6$' text
	[ "$(grep -cE '  alone alike\.c:7 \(alike\)$' text)" -ge 1 ]
}

@test "the JSON has each call stack once, and no more than ten sites unasked" {
	track out=%n.snap "$steps" leak:2000x10 touch:ready pause
	wait_for_file ready
	dump=$("$LEAKSHIM_BIN" dump $pid)
	for top in '' '--top=1' '--top=1000'; do
		"$LEAKDIFF" dump "$dump" --json $top >json
		$PYTHON -I - "${top#--top=}" <<'PY'
import json, sys
dump = json.load(open("json"))
top = int(sys.argv[1] or 10)
assert len(dump["oldest"]) == min(top, dump["blocks"])
assert len(dump["sites"]) == min(top, dump["sites_count"])
sites = [site["site"] for site in dump["sites"] + dump["other_sites"]]
assert len(set(sites)) == len(sites)
assert all(site["stack"] for site in dump["sites"] + dump["other_sites"])
assert {block["site"] for block in dump["oldest"]} <= set(sites)
assert all("stack" not in block for block in dump["oldest"])
PY
	done
	[ "$("$LEAKDIFF" dump "$dump" --json --top 1000 | wc -c)" -lt 300000 ]
}

@test "a comparison of dumps says that they are not of one moment" {
	track out=%n.snap "$steps" leak:20x10 touch:ready pause
	wait_for_file ready
	old=$("$LEAKSHIM_BIN" dump $pid)
	new=$("$LEAKSHIM_BIN" dump $pid)
	plain=$("$LEAKSHIM_BIN" snapshot $pid)
	"$LEAKDIFF" "$old" "$new" | grep -q '^  dumps are not of one moment: '
	"$LEAKDIFF" "$old" "$plain" | grep -q '^  the old file is a dump, '
	run "$LEAKDIFF" "$plain"
	[[ $output != *'of one moment'* ]]
}
