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

@test "a program that leaks nothing passes" {
	soak 0 --step "$fifty" --iterations 12 -- "$drip" churn:300 churn:5000
	found 'result["outcome"] == "clean"' 'run["findings"] == []' \
		'run["processes"] == 1'
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
	rm -r out
	soak 1 --limit 99 --step "$fifty" --iterations 10 -- "$drip" leak:100
	[[ $stderr == *'grew more than 99 B per unit of work: drip_leak'* ]]
}

@test "too few snapshots are not enough evidence" {
	soak 4 --step "$fifty" --iterations 1 -- "$drip" churn:1
	found 'result["outcome"] == "not enough evidence"'
	[[ $stderr == *'no process lived through 3 snapshots'* ]]
}

@test "a crash is a result, with where and its last words" {
	soak 5 --step "$fifty" --iterations 12 -- "$drip" churn:10 crash:220
	found 'result["outcome"] == "failed"' \
		'"SIGABRT" in run["failure"]["text"]' \
		'run["failure"]["iteration"] == 5' \
		'"drip: crashing at 220" in run["failure"]["last_lines"]' \
		'run["snapshots"] >= 4'
	[ "$(ls out/snapshots | wc -l)" -ge 4 ]
	[[ $output == *'its last lines: '*'drip: crashing at 220'* ]]
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
