# leakshim soak: small programs that leak as much as is known, and those that
# crash, hang or do nothing wrong.

bats_require_minimum_version 1.5.0
load helpers

setup_file() {
	build_host drip
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	drip=$BATS_FILE_TMPDIR/drip
	# Fifty units of work, as fast as they can be asked for.
	fifty='{"kind": "signal", "signals": "RTMIN+1", "count": 50}'
	# Before that its signal would kill it.
	up='grep -q "drip: up" {out}/target.log'
	# All of them are done: none is pending, and it waits for the next.
	idle='until [ $(grep -cE "^(State:.S|ShdPnd:.0+$)" \
		/proc/$LEAKSHIM_PID/status) = 2 ]; do sleep 0.01; done'
	idle=${idle//\\$'\n'/}
}

teardown() {
	end_hosts
	if [ -d out ]; then
		cat out/soak.log out/*/soak.log 2>/dev/null || [ $? = 1 ]
	fi
}

# soak STATUS OPTION...: one into out/; its words are in `output`.
soak() {
	local wanted=$1
	shift
	run --separate-stderr timeout -k 5 60 "$LEAKSHIM_BIN" soak --out out \
		--settle 0 --ready "$up" --before-snapshot "$idle" "$@" 3>&-
	echo "$output"
	echo "$stderr"
	[ "$status" -eq "$wanted" ]
}

# found EXPRESSION...: each is true of the result; `run` is its first run,
# `worst` the first finding.
found() {
	$PYTHON -I - "$@" <<'PY'
import json, sys
result = json.load(open("out/result.json"))
runs = result["runs"]
run = runs[0]
worst = (run["findings"] or [None])[0]
for text in sys.argv[1:]:
    assert eval(f"({text})"), f"{text}: {json.dumps(result, indent=1)}"
PY
}

# Nothing of the program under test is left.
all_gone() {
	! pgrep -f "^$drip " >/dev/null
}

@test "a leak is found with its bytes per unit, first in every report" {
	soak 1 --step "$fifty" --iterations 12 -- "$drip" churn:300 leak:100
	found 'result["outcome"] == "found"' 'len(run["findings"]) == 1' \
		'worst["function"] == "drip_leak"' 'worst["verdict"] == "leak"' \
		'run["unit"] == worst["unit"] == "signal"' \
		'run["units"] == 600' 'run["snapshots"] == 13' \
		'abs(worst["bytes_per_unit"] - 100) <= 5' \
		'abs(worst["objects_per_unit"] - 1) <= 0.05' \
		'worst["bytes_per_unit_low"] <= 100 <=
		 worst["bytes_per_unit_high"]'
	[[ $output == *'drip_leak (host_drip.c:'*'): +100 B per signal'* ]]
	grep -q '^  1\. leak .*+100 B per signal' out/report.txt
	$PYTHON -I - <<'PY'
import csv, json
rows = list(csv.DictReader(open("out/report.csv")))
assert rows[0]["function"] == "drip_leak"
assert abs(float(rows[0]["bytes_per_unit"]) - 100) <= 5
assert abs(float(rows[0]["objects_per_unit"]) - 1) <= 0.05
row = json.load(open("out/report.json"))["processes"][0]["heap"][0]
assert row["verdict"]["unit"] == "signal"
assert abs(row["verdict"]["bytes_per_unit"] - 100) <= 5
work = list(csv.DictReader(open("out/work.csv")))
assert [int(row["units"]) for row in work] == list(range(0, 601, 50))
PY
	if grep -q report.html <<<"$output"; then
		grep -q '"bytes_per_unit":' out/report.html
	fi
	all_gone
}

@test "a leak of a program that becomes slower is no cache that fills" {
	soak 1 --step "$fifty" \
		--step 'exec:echo >>n; [ $(wc -l <n) -lt 7 ] || sleep 0.1' \
		--iterations 12 -- "$drip" churn:300 leak:100
	found 'worst["function"] == "drip_leak"' 'worst["verdict"] == "leak"' \
		'abs(worst["bytes_per_unit"] - 100) <= 5'
}

@test "a program that leaks nothing passes" {
	soak 0 --step "$fifty" --iterations 12 -- "$drip" churn:300 churn:5000
	found 'result["outcome"] == "clean"' 'run["findings"] == []' \
		'run["processes"] == 1'
	[[ $output == 'clean: 12 iterations, 600 signals in '* ]]
	[[ $stderr == *'gate: passed'* ]]
}

@test "a thread that nobody joins per unit is found with the exact count" {
	soak 1 --iterations 12 \
		--step '{"kind": "signal", "signals": "RTMIN+1", "count": 3}' \
		-- "$drip" thread churn:100
	found 'len(run["findings"]) == 1' 'worst["kind"] == "thread"' \
		'worst["function"] == "drip_thread"' \
		'worst["delta_objects"] == run["units"] == 36' \
		'worst["objects_per_unit"] == 1' 'worst["verdict"] == "leak"'
	[[ $output == *'drip_thread'*': +1 threads per signal'* ]]
}

@test "growth below the limit per unit passes, above it does not" {
	soak 0 --limit 101 --step "$fifty" --iterations 10 -- "$drip" leak:100
	[[ $output == 'within the limit: 10 iterations, '* ]]
	[[ $output == *$'\n  leaks 100 B per signal; the limit is 101 B per signal at a call stack\n'* ]]
	[[ $output == *'drip_leak'*': +100 B per signal, +'*'/h, '*' sure'* ]]
	found 'run["outcome"] == "clean"' 'len(run["findings"]) == 1'
	rm -r out
	soak 1 --limit 99 --step "$fifty" --iterations 10 -- "$drip" leak:100
	[[ $stderr == *'grew more than 99 B per unit of work: drip_leak'* ]]
}

@test "too few snapshots are not enough evidence" {
	soak 4 --step "$fifty" --iterations 1 -- "$drip" churn:1
	found 'result["outcome"] == "not enough evidence"'
	[[ $stderr == *'no process lived through 3 snapshots, as only 2 were taken'* ]]
}

@test "a crash is a result, with where and its last words" {
	soak 5 --step "$fifty" --iterations 12 -- "$drip" churn:10 crash:220
	found 'result["outcome"] == "failed"' \
		'"SIGABRT" in run["failure"]["text"]' \
		'run["failure"]["iteration"] == 5' \
		'"drip: crashing at 220" in run["failure"]["last_lines"]' \
		'run["snapshots"] >= 4'
	[ "$(ls out/snapshots | wc -l)" -ge 4 ]
	# The failure and its evidence come first, and nothing beside it.
	[ "$(sed -n 1p <<<"$output" | cut -d ' ' -f 1-7)" = \
		'failed: step 1 (signal) in iteration 5:' ]
	[[ $output == *$'SIGABRT\n  the target\'s last lines: '*'drip: crashing at 220'*$'\n  done until then: 4 iterations, '* ]]
	[[ $stderr != *'gate: not enough evidence'* ]]
}

@test "a leak that was seen before the crash is told, and the status is 5" {
	soak 5 --step "$fifty" --iterations 20 -- "$drip" leak:10 crash:620
	found 'worst["function"] == "drip_leak"' 'run["failure"]'
}

@test "a program that does not answer is a failure, not a pass" {
	soak 5 --step 'exec:kill -STOP $LEAKSHIM_PID' --timeout 1s \
		--before-snapshot true -- "$drip" churn:10
	found '"did not answer within 1 s" in run["failure"]["text"]' \
		'run["failure"]["at"] == "snapshot"' \
		'run["failure"]["iteration"] == 1'
	all_gone
}

@test "a step that fails is told with its command and output" {
	soak 5 --step "$fifty" --step 'exec:echo no luck >&2; exit 7' \
		-- "$drip" churn:10
	found '"exit status 7; it said: no luck" in run["failure"]["text"]' \
		'run["failure"]["at"] == "step 2 (exec)"'
	rm -r out
	soak 5 --step "exec:sleep 100.$$" --timeout 300ms -- "$drip" churn:10
	found '"timed out after 0.3 s" in run["failure"]["text"]'
	! pgrep -f "^sleep 100\.$$\$"
}

@test "a program that can't run, or ends by itself, is a failure" {
	soak 5 --step "$fifty" -- ./not-there
	[[ $output == *"cannot run './not-there': No such file"* ]]
	rm -r out
	soak 5 --step "$fifty" -- true
	[[ $output == *"'true' ended at once: exit status 0"* ]]
	rm -r out
	soak 5 --step "$fifty" --ready file:never -- "$drip" @missing
	[[ $output == *'ended at once: exit status 3'* ]]
	rm -r out
	soak 5 --step "$fifty" --ready file:never --timeout 300ms \
		-- "$drip" churn:1
	[[ $output == *'not ready after 0.3 s: never: No such file'* ]]
	all_gone
	rm -r out
	soak 5 --step "$fifty" --setup false -- "$drip" churn:1
	[[ $output == *"setup: 'false': exit status 1"* ]]
}

@test "a daemon is followed, and ended" {
	soak 1 --step "$fifty" --iterations 10 -- "$drip" daemon leak:32
	found 'worst["function"] == "drip_leak"' \
		'abs(worst["bytes_per_unit"] - 32) <= 2'
	all_gone
	rm -r out
	soak 4 --step "$fifty" --iterations 1 --timeout 1s \
		-- "$drip" daemon deaf churn:1
	all_gone
}

@test "all processes are judged, and the one that is named gets the signals" {
	soak 1 --step "$fifty" --iterations 10 --process 'dri?' \
		-- sh -c "'$drip' leak:32; true"
	found 'run["processes"] == 2' '"drip, pid" in run["target"]' \
		'len(run["findings"]) == 1' \
		'worst["exe"].endswith("/drip")' \
		'abs(worst["bytes_per_unit"] - 32) <= 2'
	[ -s out/report.csv ]
}

@test "the configuration that leaks is named with its stack, others pass" {
	echo churn:100 >a.conf
	echo leak:77 >b.conf
	echo churn:50 >c.conf
	soak 1 --step "$fifty" --step config:a.conf,b.conf,c.conf \
		--iterations 10 -- "$drip" @{config}
	found '[one["outcome"] for one in runs] == ["clean", "found", "clean"]' \
		'[one["name"] for one in runs] == ["a.conf", "b.conf", "c.conf"]' \
		'runs[1]["config"] == "b.conf"' \
		'abs(runs[1]["findings"][0]["bytes_per_unit"] - 77) <= 3' \
		'runs[1]["findings"][0]["stack"][:3] ==
		 ["drip_leak", "work", "main"]'
	[[ $output == *'b.conf: found'*'drip_leak < work < main'* ]]
	[ -e out/2-b.conf/report.txt ]
}

@test "of two variants it says which one grows" {
	soak 1 --step "$fifty" --iterations 10 \
		--ab "old=$drip churn:64" --ab "new=$drip leak:64"
	found 'result["grows"] == "new"'
	[[ $output == *'ab: new grows, +64 B per signal'*'; old does not'* ]]
	rm -r out
	soak 0 --step "$fifty" --iterations 10 \
		--ab "old=$drip churn:64" --ab "new=$drip churn:32"
	found 'result["grows"] is None'
	[[ $output == *'ab: neither grows'* ]]
}

@test "left running it is bounded, tells a leak once, and SIGTERM ends it" {
	start soak "$LEAKSHIM_BIN" soak --out out --duration forever --keep 8 \
		--ready "$up" --snapshot-every 2 --settle 10ms \
		--before-snapshot "$idle" \
		--step "$fifty" \
		--on-leak 'echo $LEAKSHIM_FUNCTION $LEAKSHIM_BYTES_PER_UNIT >>told' \
		--teardown 'touch torn-down' -- "$drip" leak:50
	wait_until 30 grep -qs '"outcome": "found"' out/verdict.json
	$PYTHON -Ic 'import json; json.load(open("out/verdict.json"))'
	wait_until 30 eval '[ $(grep -c snapshot out/soak.log) -ge 30 ]'
	[ "$(ls out/snapshots | wc -l)" -le 9 ]
	[ -e out/snapshots/drip.*.1.snap ]
	kill -TERM $pid
	ends_with 1 $pid
	found 'worst["function"] == "drip_leak"' 'run["stopped"]' \
		'abs(worst["bytes_per_unit"] - 50) <= 2'
	[ "$(cat told)" = 'drip_leak 50' ]
	[ -e torn-down ]
	[ -e out/report.txt ]
	all_gone
}

@test "a second signal ends it at once, with all that it started" {
	start soak "$LEAKSHIM_BIN" soak --out out --duration forever \
		--setup "sleep 77.$$ &" --teardown "sleep 78.$$" \
		--step "exec:sleep 79.$$" -- "$drip" churn:50
	wait_until 20 pgrep -f "^sleep 79\.$$\$"
	kill -INT $pid
	wait_until 20 pgrep -f "^sleep 78\.$$\$"
	kill -INT $pid
	ends_with 130 $pid
	! pgrep -f "^sleep 7[789]\.$$\$"
	all_gone
}

@test "malloc_trim is done by the helper, and refused where there is none" {
	soak 0 --step "$fifty" --iterations 8 -- "$drip" threaded pin:20000
	$PYTHON -I - <<'PY' >without
import json
print([line["bytes_new"]
       for line in json.load(open("out/report.json"))["processes"][0]["ledger"]
       if line["line"] == "allocator_retained"][0])
PY
	rm -r out
	soak 0 --trim --step "$fifty" --iterations 8 -- "$drip" threaded \
		pin:20000
	$PYTHON -I - "$(cat without)" <<'PY'
import json, sys
[kept] = [line["bytes_new"] for line in json.load(open(
    "out/report.json"))["processes"][0]["ledger"]
    if line["line"] == "allocator_retained"]
print(sys.argv[1], kept)
assert int(sys.argv[1]) > 15 << 20
assert kept < 4 << 20
PY
	rm -r out
	soak 0 --trim --step "$fifty" --iterations 8 -- "$drip" churn:20
	found '"has one thread" in run["notes"][0]' 'len(run["notes"]) == 1'
}

# --- no pass without evidence ---------------------------------------------------

@test "work that was never done is not enough evidence, though nothing grew" {
	soak 4 --iterations 10 --step '{"kind": "http",
		"url": "http://127.0.0.1:{port}/", "requests": 5,
		"max-errors": 100}' -- "$drip" churn:10
	found 'run["units"] == 0' 'run["snapshots"] == 11'
	[[ $stderr == *'not enough evidence: no work was done (0 requests)'* ]]
	# All runs together, without a time that nothing took.
	[[ $output == *'step 1 (http): 50 requests, none answered, 100.00% failed'* ]]
	found 'run["steps"][0]["total"]["requests"] == 50'
}

@test "a run that failed before there was evidence tells the failure only" {
	soak 5 --step exec:false -- "$drip" churn:10
	[ "$(sed -n 1p <<<"$output")" = \
		"failed: step 1 (exec) in iteration 1: 'false': exit status 1" ]
	[[ $output$stderr != *' of 0 processes'* ]]
	[[ $output == *$'\n  done until then: 0 iterations in '*', 1 snapshot (drip, '* ]]
	[[ $output$stderr != *'lived through'* ]]
	[[ $stderr != *'gate: '* ]]
	rm -r out
	soak 5 --step exec:false --warmup 1 -- "$drip" churn:10
	[[ $output == "failed: warm-up, step 1 (exec): 'false': exit status 1"* ]]
	[[ $output != *'done until then'* ]]
}

@test "what was done to warm up is in no number of the steps" {
	soak 0 --step "$fifty" --warmup 3 --iterations 8 -- "$drip" churn:10
	found 'run["units"] == run["steps"][0]["units"] == 400' \
		'run["steps"][0]["runs"] == 8'
}

@test "the text report is drawn as leakdiff draws in the same locale" {
	LC_ALL=C.UTF-8 soak 1 --step "$fifty" --iterations 10 \
		-- "$drip" leak:100
	grep -q ' objects  ▁.*█$' out/report.txt
	rm -r out
	LC_ALL=C soak 1 --step "$fifty" --iterations 10 -- "$drip" leak:100
	grep -q ' objects  \[_.*#\]$' out/report.txt
}

@test "a program that executes itself anew is judged by the work of one life" {
	soak 4 --step "$fifty" --iterations 10 -- "$drip" leak:100 exec:50
	[[ $stderr == *'no process lived through 3 snapshots'* ]]
	rm -r out
	soak 1 --step "$fifty" --iterations 12 -- "$drip" leak:100 exec:400
	found 'run["processes"] == 1' 'worst["function"] == "drip_leak"' \
		'run["processes_not_judged"] == 1' \
		'abs(worst["bytes_per_unit"] - 100) <= 5'
}

@test "a crash of another process than the main one is a failure" {
	soak 5 --iterations 6 --step '{"kind": "signal", "signals": "RTMIN+1",
		"count": 50, "to": "all"}' \
		--ready '[ $(grep -c "drip: up" {out}/target.log) = 2 ]' \
		-- sh -c "('$drip' crash:120 &); exec '$drip' churn:1"
	found 'result["outcome"] == run["outcome"] == "failed"' \
		'run["iterations"] == 6' 'run["crashed"] == run["killed"] == 1' \
		'[one["signal"] for one in run["deaths"]] == ["SIGABRT"]' \
		'run["deaths"][0]["name"] == "drip"' \
		'run["deaths"][0]["iteration"] in (3, 4)'
	[[ $output == *'1 process of the target died by a signal, 1 in a crash: '* ]]
}

@test "a main process that ends is missed, whoever is its parent" {
	# One starts it anew, one never waits for it.
	for parent in "while :; do '$drip' churn:1; done" \
		"'$drip' churn:1 & exec sleep 1000"; do
		rm -rf out
		soak 5 --process drip --iterations 4 --before-snapshot true \
			--step 'exec:kill -9 $LEAKSHIM_PID' \
			-- sh -c "$parent"
		[[ $output == *'the target (drip, pid '*') ended: '* ]]
		found 'run["failure"]["iteration"] == 1'
	done
}

@test "workers that a supervisor starts anew when they are killed are counted" {
	# Each is there long enough to be seen, status file and all.
	local kill='until grep -qs libleakshim \
		/proc/$(pgrep -P $LEAKSHIM_PID drip)/maps; do sleep 0.05; done;
		sleep 1.5; pkill -TERM -P $LEAKSHIM_PID drip'
	soak 0 --iterations 4 --before-snapshot true \
		--step "exec:$(tr -d '\n\t\\' <<<"$kill")" \
		-- sh -c "while :; do '$drip' churn:1; done"
	found 'run["killed"] >= 3' 'run["crashed"] == 0' \
		'all(one["name"] == "drip" and not one["crashed"] and
		     one["signal"] in ("SIGTERM", None)
		     for one in run["deaths"])'
}

@test "a run that was cut short does not pass, nor do those left out" {
	start soak "$LEAKSHIM_BIN" soak --out out --iterations 100000 \
		--ready "$up" --snapshot-every 1 --settle 0 --step "$fifty" \
		--before-snapshot "$idle" \
		--ab "one=$drip churn:1" --ab "two=$drip churn:2"
	wait_until 30 eval '[ $(grep -cs snapshot out/1-one/soak.log) -ge 12 ]'
	kill -TERM $pid
	ends_with 4 $pid
	found 'result["outcome"] == "not enough evidence"' \
		'result["runs_left_out"] == 1' 'result["grows"] is None' \
		'run["outcome"] == "not enough evidence"' 'run["stopped"]'
	grep 'gate: not enough evidence: a signal ended it' soak.err
	grep '1 of 2 runs were not done' soak.out
}

@test "signals that would merge are waited for, each is a unit" {
	soak 1 --iterations 8 \
		--step '{"kind": "signal", "signals": "HUP", "count": 10}' \
		-- "$drip" leak:100 slow:3
	found 'run["units"] == 80' 'worst["delta_objects"] == 80' \
		'abs(worst["objects_per_unit"] - 1) <= 0.01'
}

@test "a signal that is never taken is a failed step" {
	local stop='kill -STOP $LEAKSHIM_PID; until grep -q "^State:.T" \
		/proc/$LEAKSHIM_PID/status; do sleep 0.01; done'
	for step in '{"kind": "signal", "signals": "HUP"}' reload:HUP; do
		rm -rf out
		soak 5 --step "exec:$(tr -d '\n\\' <<<"$stop")" \
			--step "$step" --before-snapshot true --timeout 1s \
			-- "$drip" churn:10
		[[ $output == *'does not take SIGHUP: it hangs, or has it blocked'* ]]
	done
}

@test "of two variants that lose threads only it says which loses more" {
	local ten='{"kind": "signal", "signals": "RTMIN+1", "count": 10}'
	# glibc's memory for a thread is not what is looked for.
	printf 'leak:allocate_dtv\n' >dtv.supp
	soak 1 --iterations 8 --step "$ten" --suppressions dtv.supp \
		--ab "one=$drip thread" --ab "two=$drip thread thread"
	found 'result["grows"] == "two"' \
		'all(one["kind"] == "thread" for run in runs
		     for one in run["findings"])'
	[[ $output == *'two grows more, +2 threads per signal; one +1 threads'* ]]
}

@test "a program that ends before it is ready is not waited for" {
	soak 5 --step "$fifty" --ready 'sleep 100' -- sh -c 'exit 0'
	[[ $output == *"'sh' ended at once: exit status 0"* ]]
	rm -r out
	# The last attempt was cut short; the one before said why.
	soak 5 --step "$fifty" --timeout 2s \
		--ready 'sleep 1.2; echo not yet; false' -- "$drip" churn:1
	[[ $output == *'not ready after 2 s: '* ]]
	[[ $output != *'timed out after '[01].* ]]
}

@test "a URL before the snapshot that is not there is a failure" {
	soak 5 --step exec:true --ready 'tcp:127.0.0.1:{port}' \
		--before-snapshot 'http://127.0.0.1:{port}/not-there' \
		-- $PYTHON -m http.server --bind 127.0.0.1 '{port}'
	[[ $output == *'before-snapshot: '*'/not-there: it answers 404'* ]]
}

@test "a command for leaks that hangs does not hold the soak for each" {
	soak 1 --iterations 10 --timeout 1s --on-leak "sleep 88.$$" \
		--step "$fifty" -- "$drip" leak:100 thread
	[[ $stderr == *"on-leak: 'sleep 88.$$': timed out after 1 s"* ]]
	[[ $stderr == *'on-leak: not run for '*'it did not end in time'* ]]
	! pgrep -f "^sleep 88\.$$\$"
}

@test "orphans that end in a crowd do not hide how a command ended" {
	# All of it ends while the soak is stopped, the command first.
	local crowd='p=$PPID; for i in $(seq 400); do (sleep 1 &); done;
		(until grep -q "^State:.T" /proc/$p/status; do sleep 0.05; done;
		sleep 1.5; kill -CONT $p) & kill -STOP $p'
	soak 0 --iterations 3 --timeout 20s --step "$fifty" \
		--step "exec:$(tr '\n\t' '  ' <<<"$crowd")" -- "$drip" churn:10
}

@test "children that it was given are not ended, under nohup it stays" {
	(
		trap '' HUP
		sleep "66.$$" &
		exec "$LEAKSHIM_BIN" soak --out out --duration forever \
			--ready "$up" --settle 0 --step "exec:touch at-work" \
			-- "$drip" churn:10
	) >soak.out 2>&1 3>&- &
	local soak=$!
	wait_until 30 test -e at-work
	kill -HUP $soak
	rm at-work
	wait_until 30 test -e at-work
	kill -TERM $soak
	local status=0
	wait $soak || status=$?
	echo "status $status"
	cat soak.out
	[ $status = 4 ] || [ $status = 0 ]
	pgrep -f "^sleep 66\.$$\$"
	pkill -f "^sleep 66\.$$\$"
	all_gone
}

@test "what was found is told when the reports can't be written" {
	soak 5 --step "$fifty" --iterations 10 \
		--teardown 'mkdir {out}/report.txt' -- "$drip" leak:100
	found 'worst["function"] == "drip_leak"' \
		'run["outcome"] == "failed"' 'run["failure"] is None'
	[[ $output == *'no reports: '*'report.txt'*'drip_leak'* ]]
}

@test "of more processes than are looked at that is said" {
	soak 4 --step exec:true --iterations 1 --before-snapshot true \
		--ready '[ $(grep -c "drip: up" {out}/target.log) = 70 ]' \
		-- sh -c "i=0; while [ \$i -lt 70 ]; do i=\$((i + 1))
			'$drip' churn:1 & done; wait"
	found '"tracked processes: snapshots are taken of the oldest 64" in
		run["notes"][0]'
}

@test "result.json has what the manual page says, and nothing else" {
	soak 5 --step "$fifty" --iterations 20 -- "$drip" leak:10 crash:620
	man=$TOP/doc/leakshim.1
	$PYTHON -I - "$man" <<'PY'
import json, re, sys
manual = open(sys.argv[1]).read()
start = manual.index(".IR result.json ,\nwhich")
manual = manual[start:manual.index(".PP\nSIGINT", start)]
words = set(re.findall(r"\b[a-z_]+\b", manual))
result = json.load(open("out/result.json"))
assert result["schema_version"] == 1
def keys(what, value, wanted):
    assert list(value) == wanted.split(), (what, list(value))
    missing = set(value) - words
    assert not missing, (what, "not in the manual page", missing)
keys("result", result, "schema_version outcome runs runs_left_out")
run = result["runs"][0]
keys("run", run, """name config outcome out target unit units iterations
    elapsed_s stopped snapshots processes processes_not_judged steps failure
    killed crashed deaths findings notes more_findings gate""")
keys("step", run["steps"][0], "kind unit runs units seconds note")
keys("failure", run["failure"], "at iteration text last_lines")
keys("finding", run["findings"][0], """kind site function file line module
    stack verdict confidence unit bytes_per_unit bytes_per_unit_low
    bytes_per_unit_high objects_per_unit bytes_per_hour objects_per_hour
    eta_hours delta_bytes delta_objects live_bytes pid exe""")
PY
	rm -r out
	soak 0 --step "$fifty" --iterations 8 --ab "a=$drip churn:1" \
		--ab "b=$drip churn:1" --json
	$PYTHON -Ic 'import json, sys
given = json.loads(sys.argv[1])
assert given == json.load(open("out/result.json"))
assert list(given)[:3] == ["schema_version", "outcome", "grows"]' "$output"
}

@test "a scenario file does the same, and its texts are filled in" {
	cat >one.json <<-JSON
		{"#": "as a file",
		 "command": ["$drip", "@{out}/drip.conf"],
		 "env": {"WHAT": "leak:40"},
		 "setup": "echo \$WHAT >{out}/drip.conf; echo \$LEAKSHIM_DIR {dir} >dirs",
		 "ready": "grep -q 'drip: up' {out}/target.log",
		 "step": [{"kind": "reload", "signal": "RTMIN+1", "pause": "5ms",
			   "repeat": 4},
			  {"kind": "exec", "command": "test \$LEAKSHIM_ITERATION -ge 1"}],
		 "warmup": 1, "iterations": 3, "out": "out", "settle": 0.02,
		 "before-snapshot": "echo snap >>before"}
	JSON
	soak 1 one.json --iterations 10 \
		--before-snapshot "echo snap >>before; $idle"
	found 'run["unit"] == "reload"' 'run["units"] == 40' \
		'abs(worst["bytes_per_unit"] - 40) <= 2'
	[ "$(cat dirs)" = "$PWD $PWD" ]
	[ "$(grep -c snap before)" = 11 ]
	# A second one is not mixed with it.
	run "$LEAKSHIM_BIN" soak one.json
	[ "$status" -eq 2 ]
	[[ $output == *"'out' is not empty"* ]]
}
