# leakshim monitor on live programs.

bats_require_minimum_version 1.5.0
load helpers

setup_file() {
	build_host maps -static
	build_host steps
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	steps=$BATS_FILE_TMPDIR/steps
	maps=$BATS_FILE_TMPDIR/maps
}

teardown() {
	end_hosts
}

# The program of host_maps.c, which does what `order` says.
start_maps() {
	mkfifo host.in
	# Opened for both, so that neither end waits for the other.
	exec 7<>host.in
	start host "${1:-$maps}"
	host=$pid
	order map
	order unmap
}

order() {
	: >host.out
	echo "$*" >&7
	wait_until 20 grep -qsx "done $*" host.out
}

# In the background: output in watch.out, told in watch.err. Sets pid.
watch() {
	start watch env --default-signal=INT "$LEAKSHIM_BIN" monitor "$@"
	watch=$pid
}

# lines N: of the monitor's output are there.
lines() {
	[ "$(wc -l <watch.out)" -ge "$1" ]
}

# of_looks EXPRESSION: Python, true of `looks`, the JSON objects in watch.out,
# and `changes`, those of all of them.
of_looks() {
	$PYTHON -I - "$1" <<'PY'
import json, sys
with open("watch.out") as file:
    # The last line may be in the making.
    looks = [json.loads(line) for line in file if line.endswith("\n")]
changes = [one for look in looks for one in look.get("changes") or []]
def total(key):
    return sum(one["delta"][key] for one in changes)
if not eval(f"({sys.argv[1]})"):
    print("not true:", sys.argv[1])
    print(json.dumps(changes[-5:], indent=1))
    sys.exit(1)
PY
}

two_more_looks() {
	local now
	now=$(wc -l <watch.out)
	wait_until 20 lines $((now + 2))
}

kib_of_status() {
	sed -n "s/^$2:[^0-9]*\([0-9]*\).*/\1/p" "/proc/$1/status"
}

# --- values ---------------------------------------------------------------

@test "monitor's values are those of /proc" {
	start_maps
	order grow 5000000
	order open 7
	kill -STOP $host
	wait_until 20 grep -q '^State:.T' /proc/$host/status
	"$LEAKSHIM_BIN" monitor -n 1 --json $host >watch.out 2>told
	of_looks "looks[0]['rss_bytes'] == $(kib_of_status $host VmRSS) * 1024"
	of_looks "looks[0]['swap_bytes'] == $(kib_of_status $host VmSwap) * 1024"
	of_looks "looks[0]['threads'] == $(kib_of_status $host Threads)"
	of_looks "looks[0]['descriptors'] == $(ls /proc/$host/fd | wc -l)"
	of_looks "looks[0]['start_ticks'] == $(started_at $host)"
	of_looks "looks[0]['pss_bytes'] == $(sed -n \
		's/^Pss: *\([0-9]*\) .*/\1/p' /proc/$host/smaps_rollup) * 1024"
	of_looks "looks[0]['rss_bytes'] > 5000000 and len(looks) == 1"
	of_looks "looks[0]['live_bytes'] is None"
	"$LEAKSHIM_BIN" monitor -n 1 --csv $host >csv
	[ "$(csv_sum csv rss_bytes)" = \
		$(($(kib_of_status $host VmRSS) * 1024)) ]
}

@test "growth is followed, and its rate is told at the end" {
	start_maps
	watch -i 100ms --json $host
	wait_until 20 lines 1
	order grow 20000000
	two_more_looks
	kill -TERM $watch
	ends_with 0 $watch
	of_looks "looks[-1]['rss_bytes'] - looks[0]['rss_bytes'] > 19 << 20"
	of_looks "looks[-1]['minor_faults'] > looks[0]['minor_faults']"
	of_looks "looks[0]['cpu_percent'] is None"
	of_looks "all(look['cpu_percent'] >= 0 for look in looks[1:])"
	of_looks "all(look['schema_version'] == 1 for look in looks)"
	grep -qE "^leakshim: process $host 'maps': [0-9]+ looks in .*: RSS \
.* to [0-9.]+ MiB \(\+[0-9.]+ [GT]iB/h\), USS " watch.err
}

@test "CSV has as many fields in each row as in its header" {
	start_maps
	printf 'a,"b\nc\n' >app.log
	for options in '' --smaps '--log app.log' '--smaps --log app.log'; do
		watch -i 50ms --csv $options $host
		wait_until 20 lines 10
		[[ $options != *smaps* ]] ||
			wait_until 20 grep -q 'no difference' watch.out
		order heap 100000
		order map
		two_more_looks
		order unmap
		kill -TERM $watch
		ends_with 0 $watch
		$PYTHON -I - <<'PY'
import csv
rows = list(csv.reader(open("watch.out", newline=""), strict=True))
assert len(rows) > 5 and rows[0][:3] == ["time", "pid", "name"], rows
assert {len(row) for row in rows} == {len(rows[0])}, rows
if "change" in rows[0]:
    assert "no difference" in [row[3] for row in rows], rows
if rows[0][-1] == "log":
    assert rows[1][-1] == 'a,"b\nc', rows[1]
PY
	done
}

@test "a table has a header every twenty rows" {
	start_maps
	watch -i 50ms -n 45 $host
	ends_with 0 $watch
	[ "$(grep -c '^UTC  *PID  *RSS  *PSS ' watch.out)" = 3 ]
	[ "$(grep -cE "^[0-9:]{8} +$host " watch.out)" = 45 ]
}

@test "the live heap of a tracked process is fresh with a helper" {
	track out=%n.snap "$steps" threads:1 leak:1000x1000 touch:ready pause
	wait_for_file ready
	"$LEAKSHIM_BIN" monitor -n 1 --json $pid >watch.out
	of_looks "looks[0]['live_bytes'] == $(status_of $pid live_bytes)"
	of_looks "looks[0]['live_objects'] >= 1000"
	of_looks "looks[0]['live_age_seconds'] == 0"
	# Asking makes no snapshot.
	[ ! -e 1.snap ]
}

@test "one without a helper is asked at most every five seconds" {
	track out=%n.snap "$steps" leak:10x1000 touch:ready wait:go \
		leak:1000x1000 touch:grown pause
	wait_for_file ready
	watch -i 50ms --json $pid
	wait_until 20 lines 1
	touch go
	wait_for_file grown
	two_more_looks
	kill -TERM $watch
	ends_with 0 $watch
	# Known, but of an earlier look.
	of_looks "looks[0]['live_age_seconds'] == 0"
	of_looks "looks[-1]['live_bytes'] == looks[0]['live_bytes'] or
		looks[-1]['live_age_seconds'] < 1"
	# When each fresh one was taken; the clocks may differ a little.
	$PYTHON -I - <<'PY'
import datetime, json
looks = [json.loads(line) for line in open("watch.out")]
fresh = [datetime.datetime.strptime(look["time"], "%Y-%m-%dT%H:%M:%S.%fZ")
         for look in looks if look["live_age_seconds"] == 0]
assert len(looks) > len(fresh) > 0
assert all((b - a).total_seconds() > 4.5 for a, b in zip(fresh, fresh[1:]))
PY
}

# --- ends -----------------------------------------------------------------

@test "monitor ends as the process ends, whatever the interval" {
	start_maps
	watch -i 1h $host
	wait_until 20 lines 2
	kill -KILL $host
	ends_with 0 $watch
	grep -qx "leakshim: process $host 'maps' has ended" watch.err
	grep -q "^leakshim: process $host 'maps': 1 look: RSS [0-9.]* .iB" watch.err
}

@test "SIGINT and SIGTERM end it with a summary" {
	start_maps
	for signal in INT TERM; do
		watch -i 1h $host
		wait_until 20 lines 2
		kill -$signal $watch
		ends_with 0 $watch
		grep -q "^leakshim: process $host 'maps': 1 look: RSS [0-9.]* .iB" watch.err
		refute grep -q 'has ended' watch.err
	done
}

@test "a name means all that have it, and each ends for itself" {
	cp "$steps" many_of_me
	start one ./many_of_me touch:one pause
	one=$pid
	start two ./many_of_me touch:two pause
	two=$pid
	wait_for_file one
	wait_for_file two
	watch -i 100ms --json many_of_me
	wait_until 20 lines 4
	of_looks "[look['pid'] for look in looks[:4]] ==
		sorted([$one, $two]) * 2"
	kill -KILL $one
	wait_until 20 grep -q "process $one 'many_of_me' has ended" watch.err
	two_more_looks
	of_looks "[look['pid'] for look in looks[-2:]] == [$two, $two]"
	kill -0 $watch
	kill -KILL $two
	ends_with 0 $watch
	[ "$(grep -c 'many_of_me.: [0-9]* looks in ' watch.err)" = 2 ]
}

@test "a process whose main thread has ended is followed through others" {
	start host "$steps" threads:1 touch:ready wait:go leave
	wait_for_file ready
	host=$pid
	watch -i 100ms --json $host
	wait_until 20 lines 1
	touch go
	wait_until 20 grep -q '^State:.Z' /proc/$host/status
	two_more_looks
	of_looks "looks[-1]['rss_bytes'] > 0 and looks[-1]['pss_bytes'] > 0"
	kill -TERM $watch
	ends_with 0 $watch
}

@test "what can't be watched is an error" {
	run -3 "$LEAKSHIM_BIN" monitor no_such_program
	[ "$output" = "leakshim: no process is called 'no_such_program'" ]
	run -3 "$LEAKSHIM_BIN" monitor 2147483646
	[ "$output" = 'leakshim: no such process: 2147483646' ]
	start_maps
	run -3 "$LEAKSHIM_BIN" monitor --log . $host
	[ "$output" = "leakshim: cannot read '.': Is a directory" ]
	run -5 bash -c '"$1" monitor -n 1 "$2" >/dev/full' - \
		"$LEAKSHIM_BIN" $host
	[ "$output" = 'leakshim: cannot write: No space left on device' ]
}

@test "of another user's process what everybody may see is shown" {
	need_root 'another user'
	start_maps
	open_test_directory
	cp "$LEAKSHIM_BIN" leakshim
	nobody=(setpriv --reuid $NOBODY --regid $NOBODY --clear-groups
		./leakshim monitor -n 2 -i 50ms)
	"${nobody[@]}" --json $host >watch.out 2>told
	of_looks "looks[1]['rss_bytes'] == $(kib_of_status $host VmRSS) * 1024"
	of_looks "looks[1]['pss_bytes'] is None"
	of_looks "looks[1]['uss_bytes'] is None"
	# Told once.
	[ "$(grep -cx "leakshim: no PSS and USS of process $host: Permission \
denied" told)" = 1 ]
	run -3 "${nobody[@]}" --smaps $host
	[[ $output == "leakshim: cannot read the mappings of process $host: \
Permission denied"* ]]
	run -3 "${nobody[@]:0:8}" --pmap -o saved $host
	[ ! -e saved ]
}

# --- mappings -------------------------------------------------------------

@test "an inserted mapping is one added region, and a removed one goes" {
	start_maps
	watch -i 100ms --smaps --json $host
	wait_until 20 lines 2
	of_looks "looks[0]['changes'] is None and looks[1]['changes'] == []"
	order map
	two_more_looks
	of_looks "len(changes) == 1 and changes[0]['change'] == 'added'"
	of_looks "changes[0]['after']['start'] == '200000000000'"
	of_looks "changes[0]['before'] is None"
	of_looks "changes[0]['delta']['size_bytes'] == 65536"
	order split
	two_more_looks
	of_looks "len(changes) == 2 and changes[1]['change'] == 'changed'"
	of_looks "changes[1]['after']['mappings'] == 3"
	of_looks "changes[1]['delta']['size_bytes'] == 0"
	order unmap
	two_more_looks
	# Three mappings by now.
	of_looks "[one['change'] for one in changes[2:]] == ['removed'] * 3"
	of_looks "total('size_bytes') == 0"
}

@test "growth of the heap is one changed region with its deltas" {
	start_maps
	order heap 100000
	watch -i 100ms --smaps --json $host
	wait_until 20 lines 2
	order heap 1048576
	two_more_looks
	# A look in the middle of it sees two parts.
	of_looks "len(changes) in (1, 2) and all(
		(one['change'], one['kind'], one['path'],
		 one['before']['mappings'], one['after']['mappings']) ==
		('changed', 'heap', '[heap]', 1, 1) for one in changes)"
	of_looks "{total('size_bytes'), total('rss_bytes'), total('pss_bytes'),
		total('uss_bytes')} == {1048576}"
	of_looks "looks[-1]['kinds']['heap']['rss_bytes'] -
		looks[0]['kinds']['heap']['rss_bytes'] == total('rss_bytes')"
	kill -TERM $watch
	ends_with 0 $watch
	watch -i 50ms --smaps $host
	wait_until 20 grep -q ' no difference$' watch.out
	order heap 1048576
	wait_until 20 grep -qE '^  changed +\+[0-9]+ +\+[0-9]+ +\+[0-9]+ +\+[0-9]+ +0  heap +[0-9a-f]+-[0-9a-f]+ rw-p \[heap\] \(was ' \
		watch.out
}

@test "with thousands of mappings the interval widens, and says so" {
	start_maps
	order many 20000
	watch -i 50ms -n 2 --smaps $host
	ends_with 0 $watch
	grep -qE '^leakshim: looking every [0-9.]+ m?s, not every 50\.0 ms: a look takes [0-9]+ ms of processor time, and may take 5% of a core$' \
		watch.err
	grep -qE ': 200[0-9][0-9] mappings, no difference$' watch.out
}

# --- a saved list of mappings -----------------------------------------------

# rollup KEY: of the kernel, in bytes.
rollup() {
	echo $(($(sed -n "s/^$1: *\([0-9]*\) kB/\1/p" \
		"/proc/$host/smaps_rollup") * 1024))
}

# column NAME total|rows: of saved.csv.
column() {
	if [ "$2" = total ]; then
		$PYTHON -Ic 'import csv, sys
print([row[sys.argv[1]] for row in csv.DictReader(open("saved.csv"))
       if row["kind"] == "total"][0])' "$1"
	else
		echo $(($(csv_sum saved.csv "$1") - $(column "$1" total)))
	fi
}

@test "the totals of saved mappings are smaps_rollup's to the byte" {
	# Static: of its pages it shares none with a program that comes or goes.
	start_maps
	order grow 3000000
	order heap 70000
	order many 100
	# A third of a page each: what the kernel rounds in the rows.
	order share 2
	kill -STOP $host
	wait_until 20 grep -q '^State:.T' /proc/$host/status
	"$LEAKSHIM_BIN" monitor --pmap --csv -o saved.csv $host
	for pair in rss:Rss pss:Pss shared_clean:Shared_Clean \
		shared_dirty:Shared_Dirty private_clean:Private_Clean \
		private_dirty:Private_Dirty anonymous:Anonymous swap:Swap \
		swap_pss:SwapPss; do
		[ "$(column "${pair%:*}_bytes" total)" = \
			"$(rollup "${pair#*:}")" ]
		[[ $pair == *pss:* ]] ||
			[ "$(column "${pair%:*}_bytes" rows)" = \
				"$(rollup "${pair#*:}")" ]
	done
	[ "$(column pss_bytes rows)" -lt "$(rollup Pss)" ]
	[ "$(column uss_bytes rows)" = \
		$(($(rollup Private_Clean) + $(rollup Private_Dirty))) ]
	# One row a mapping, the header and the total.
	[ "$(wc -l <saved.csv)" = $(($(wc -l </proc/$host/maps) + 2)) ]
	"$LEAKSHIM_BIN" monitor --pmap $host >saved.txt
	[ "$(awk '$1 == "total" { print $3 * 1024 }' saved.txt)" = \
		"$(rollup Rss)" ]
	"$LEAKSHIM_BIN" monitor --pmap --json $host >watch.out
	of_looks "looks[0]['total']['pss_bytes'] == $(rollup Pss)"
	of_looks "looks[0]['moved'] is False"
	of_looks "sum(one['rss_bytes'] for one in looks[0]['mappings']) ==
		$(rollup Rss)"
}

@test "the rows of saved mappings add up to what pmap says" {
	command -v pmap || skip 'no pmap here'
	start_maps
	order grow 3000000
	kill -STOP $host
	wait_until 20 grep -q '^State:.T' /proc/$host/status
	"$LEAKSHIM_BIN" monitor --pmap --csv -o saved.csv $host
	pmap -X $host >pmap.txt
	# The columns have their names in the second line; the last has no
	# address, permission, offset, device and inode before its sums.
	for pair in Size:size Rss:rss Pss:pss Anonymous:anonymous; do
		at=$(sed -n 2p pmap.txt | tr -s ' ' '\n' | sed '/^$/d' |
			grep -nx "${pair%:*}" | cut -d: -f1)
		[ "$(column "${pair#*:}_bytes" rows)" = $(($(tail -n 1 pmap.txt |
			awk -v at=$((at - 5)) '{ print $at }') * 1024)) ]
	done
}

# --- the log ----------------------------------------------------------------

@test "the last matching lines stand beside each look, across a rotation" {
	start_maps
	printf 'GC 1\nother\nGC 2\nGC 3\n' >app.log
	watch -i 100ms --json --log app.log --grep '^GC' --lines 2 $host
	wait_until 20 lines 1
	of_looks "looks[0]['log'] == ['GC 2', 'GC 3']"
	mv app.log app.log.1
	echo 'GC 4' >>app.log.1
	echo 'GC 5' >app.log
	two_more_looks
	of_looks "looks[-1]['log'] == ['GC 4', 'GC 5']"
	echo 'GC after a cut' >app.log
	two_more_looks
	of_looks "looks[-1]['log'] == ['GC 5', 'GC after a cut']"
}

@test "with mappings the log's lines stand beside changes only" {
	start_maps
	printf 'request \033[2J\0 one\n' >app.log
	watch -i 100ms --smaps --log app.log $host
	wait_until 20 grep -q 'no difference' watch.out
	order map
	wait_until 20 grep -q '^  added ' watch.out
	two_more_looks
	kill -TERM $watch
	ends_with 0 $watch
	[ "$(grep -cxF '  | request \x1b[2J\x00 one' watch.out)" = 2 ]
	refute grep -q $'\033' watch.out
}

@test "a log that is not there yet is told and waited for" {
	start_maps
	watch -i 100ms --json --log app.log $host
	wait_until 20 lines 2
	echo here >app.log
	two_more_looks
	of_looks "looks[0]['log'] == [] and looks[-1]['log'] == ['here']"
	[ "$(grep -cx "leakshim: 'app.log' is not there yet: waiting for it" \
		watch.err)" = 1 ]
}
