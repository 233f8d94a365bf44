# leakshim run, status and snapshot on live programs.

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
	end_hosts
}

# --- run --------------------------------------------------------------

@test "run passes the exit status through" {
	"$LEAKSHIM_BIN" run -- "$steps" leak:1x1
	run "$LEAKSHIM_BIN" run -- "$steps" exit:3
	[ "$status" -eq 3 ]
	run "$LEAKSHIM_BIN" run -- "$steps" _exit:255
	[ "$status" -eq 255 ]
}

@test "run is 126 for what can't be run and 127 for what is not there" {
	: >no_program
	run "$LEAKSHIM_BIN" run -- ./no_program
	[ "$status" -eq 126 ]
	[[ $output == "leakshim: cannot run './no_program': "* ]]
	run -127 "$LEAKSHIM_BIN" run -- ./nothing
	[[ $output == "leakshim: cannot run './nothing': No such file"* ]]
}

@test "a program that is killed under run died of that signal" {
	start host "$LEAKSHIM_BIN" run -- "$steps" touch:ready pause
	wait_for_file ready
	kill -TERM $pid
	ends_with 143 $pid
	start host "$LEAKSHIM_BIN" run -- "$steps" kill:6
	ends_with 134 $pid
}

@test "signals that the program takes reach it under run" {
	start host "$LEAKSHIM_BIN" run -- "$steps" take:10 take:1 \
		touch:ready wait:go taken
	wait_for_file ready
	kill -USR1 $pid
	kill -HUP $pid
	touch go
	ends_with 0 $pid
	[ "$(cat host.out)" = 'taken 2' ]
}

@test "run tells where snapshots appear and what next, on stderr only" {
	start host "$LEAKSHIM_BIN" run --out 'x.%e.%p.%n' -- \
		"$steps" leak:3x10 touch:ready pause
	wait_for_file ready
	[ ! -s host.out ]
	grep -qx "leakshim: snapshots: $PWD/x.steps.$pid.N" host.err
	# The next command, word for word, makes the first of the files that
	# the last line compares.
	take=$(sed -n 's/^leakshim: take one:  //p' host.err)
	[ "$(sh -c "$take")" = "$PWD/x.steps.$pid.1" ]
	sh -c "$take"
	compare=$(sed -n 's/^leakshim: compare:   //p' host.err)
	sh -c "$compare" | grep -q 'did not grow'
}

@test "run adds to LD_PRELOAD and LEAKSHIM and replaces neither" {
	${CC:-cc} -shared -fPIC -o other.so -xc - <<-'C'
		int other_library_is_here = 1;
	C
	LD_PRELOAD=$PWD/other.so LEAKSHIM=depth=7,out=asked.%n \
		start host "$LEAKSHIM_BIN" run --on exit -- \
		"$steps" touch:ready wait:go
	wait_for_file ready
	grep -q /other.so "/proc/$pid/maps"
	touch go
	ends_with 0 $pid
	[ "$(look asked.1 header.depth header.trigger | xargs)" = \
		'7 TRIGGER_EXIT' ]
}

@test "run --quiet says nothing" {
	run "$LEAKSHIM_BIN" run -q -- "$steps" leak:1x1
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
}

@test "run refuses options that the shim would, before it starts anything" {
	for bad in --interval=5 --signal=KILL --on=never --depth=0 \
		--sample=x --follow=all; do
		run "$LEAKSHIM_BIN" run "$bad" -- touch started
		[ "$status" -eq 125 ]
		[[ $output == "leakshim: bad value '${bad#*=}' of "* ]]
	done
	LEAKSHIM=no_such_key=1 run "$LEAKSHIM_BIN" run -- touch started
	[ "$status" -eq 125 ]
	[ "${lines[0]}" = "leakshim: unknown option 'no_such_key'" ]
	[ -z "$(ls)" ]
}

# --- status -----------------------------------------------------------

# Path of the status file of $pid, as proto/status.h says.
status_file() {
	local name directory
	name=$(stat -Lc %i /proc/self/ns/pid)-$pid
	for directory in "/run/user/$(id -u)/leakshim" \
		"/tmp/leakshim-$(id -u)"; do
		[ ! -e "$directory/$name" ] || echo "$directory/$name"
	done
}

@test "status shows the fields that the status file promises" {
	track out=%n.snap,depth=32 "$steps" threads:2 leak:1000x1000 \
		churn:10x10 touch:ready pause
	wait_for_file ready
	"$LEAKSHIM_BIN" snapshot $pid
	"$LEAKSHIM_BIN" status --json $pid >json
	$PYTHON -I - $pid "$PWD" "$steps" <<'PY'
import json, sys
pid, cwd, exe = int(sys.argv[1]), sys.argv[2], sys.argv[3]
status = json.load(open("json"))
wanted = dict(
    process=pid, pid=pid, refreshed=True, exe=exe, state="on", reason="",
    mode="exact", sample=1, unwind="cfi", out=cwd + "/%n.snap", out_note="",
    signal=12, signal_name="USR2", sequence=1, snapshot=cwd + "/1.snap",
    error="", threads_running=2, threads_unjoined=0, losses={}, messages=[])
bad = {key: (status.get(key), value) for key, value in wanted.items()
       if status.get(key) != value}
print("differ (got, wanted):", bad)
assert not bad
assert status["helper"] > 0 and status["helper"] != pid
assert status["bell"] >= 34
assert "depth=32" in status["options"].split(",")
assert status["live_objects"] >= 1000
assert status["live_bytes"] >= 1000000
assert status["alloc_objects"] >= status["live_objects"] + 10
assert (status["alloc_bytes"] - status["free_bytes"]
        == status["live_bytes"])
assert 0 < status["own_bytes"] < 64 << 20
assert 0 < status["longest_hold_ns"] < 5e9
assert status["updated_ns"] >= status["snapshot_ns"] > 0
PY
	"$LEAKSHIM_BIN" status $pid >text
	grep -q "^process *$pid  $steps\$" text
	grep -q '^state *on$' text
	grep -q '^mode *exact$' text
	grep -q '^signal *SIGUSR2 (12)$' text
	grep -q "^last one *number 1, .*: $PWD/1.snap\$" text
	grep -q '^threads *2 running beside the first, 0 exited but not joined$' text
	grep -q '^lost *nothing$' text
}

@test "status asks for fresh totals, and --no-refresh does not" {
	track out=%n.snap "$steps" touch:ready wait:go leak:100x1000 \
		touch:done pause
	wait_for_file ready
	before=$(status_of $pid live_bytes)
	touch go
	wait_for_file done
	"$LEAKSHIM_BIN" status --json --no-refresh $pid >old
	grep -q "\"live_bytes\": $before," old
	[ "$(status_of $pid live_bytes)" -ge $((before + 100000)) ]
	# Asking makes no snapshot.
	[ ! -e 1.snap ]
}

@test "the status file goes with its process" {
	track '' "$steps" touch:ready wait:go
	wait_for_file ready
	"$LEAKSHIM_BIN" status $pid
	file=$(status_file)
	[ "$(stat -c %a "$file" "${file%/*}" | xargs)" = '600 700' ]
	touch go
	ends_with 0 $pid
	[ ! -e "$file" ]
	run "$LEAKSHIM_BIN" status $pid
	[ "$status" -eq 3 ]
	[[ $output == "leakshim: no such process: $pid" ]]
}

@test "a stale status file is removed by who sees it" {
	track '' "$steps" touch:ready pause
	wait_for_file ready
	"$LEAKSHIM_BIN" status $pid
	file=$(status_file)
	kill -KILL $pid
	ends_with 137 $pid
	[ -e "$file" ]
	run "$LEAKSHIM_BIN" status $pid
	[ "$status" -eq 3 ]
	[ ! -e "$file" ]
}

@test "files of killed processes are swept by any look" {
	track '' "$steps" touch:ready pause
	wait_for_file ready
	"$LEAKSHIM_BIN" status $pid
	killed=$(status_file)
	cp "$killed" saved
	kill -KILL $pid
	ends_with 137 $pid
	track '' "$steps" touch:ready2 pause
	wait_for_file ready2
	# Half written; with a pid that another process has now; of another
	# namespace; no file of ours.
	cp saved "$killed.tmp"
	reused=${killed%-*}-$$
	sed "s/^pid=.*/pid=$$/" saved >"$reused"
	elsewhere=${killed%/*}/1-${killed##*-}
	cp saved "$elsewhere"
	chmod 600 "$killed.tmp" "$reused" "$elsewhere"
	"$LEAKSHIM_BIN" status $pid
	[ -e "$(status_file)" ]
	for gone in "$killed" "$killed.tmp" "$reused"; do
		[ ! -e "$gone" ]
	done
	[ -e "$elsewhere" ]
	rm "$elsewhere"
}

@test "status waits for a process that has just started" {
	for i in 1 2 3 4 5; do
		LD_PRELOAD=$SHIM start host "$steps" pause
		"$LEAKSHIM_BIN" status --no-refresh $pid
	done
}

# --- snapshot ---------------------------------------------------------

@test "snapshot refuses a process that does not exist" {
	start host sleep 0
	ends_with 0 $pid
	run "$LEAKSHIM_BIN" snapshot $pid
	[ "$status" -eq 3 ]
	[ "$output" = "leakshim: no such process: $pid" ]
}

@test "snapshot refuses a process that is not tracked, and sends nothing" {
	start host "$steps" touch:ready pause
	wait_for_file ready
	run "$LEAKSHIM_BIN" snapshot $pid
	[ "$status" -eq 3 ]
	[[ $output == *"process $pid is not tracked: libleakshim.so is not"* ]]
	kill -0 $pid
}

@test "snapshot refuses a process that only= leaves out, and sends nothing" {
	track only=other "$steps" touch:ready pause
	wait_for_file ready
	run "$LEAKSHIM_BIN" snapshot $pid
	[ "$status" -eq 3 ]
	[[ $output == *"process $pid has libleakshim.so loaded but"* ]]
	kill -0 $pid
}

@test "snapshot works by the bell when the program took SIGUSR2" {
	track out=%n.snap "$steps" take:12 touch:ready wait:go taken pause
	wait_for_file ready
	[ "$("$LEAKSHIM_BIN" snapshot $pid)" = "$PWD/1.snap" ]
	[ "$(status_of $pid signal)" -eq 0 ]
	[ -n "$(status_of $pid signal_note)" ]
	kill -USR2 $pid
	touch go
	wait_until 5 grep -qx 'taken 1' host.out
	[ ! -e 2.snap ]
}

@test "snapshot finds another bell when the program took that one" {
	track out=%n.snap "$steps" touch:ready pause
	wait_for_file ready
	bell=$(status_of $pid bell)
	track out=%n.snap "$steps" "take:$bell" touch:ready2 pause
	wait_for_file ready2
	path=$("$LEAKSHIM_BIN" snapshot $pid)
	[ -e "$path" ]
	[ "$(status_of $pid bell)" -ne "$bell" ]
}

@test "snapshot refuses where every signal is taken or none" {
	track out=%n.snap,bell=none "$steps" touch:ready pause
	wait_for_file ready
	run "$LEAKSHIM_BIN" snapshot $pid
	[ "$status" -eq 3 ]
	[[ $output == *"process $pid has no bell in force"* ]]
	kill -0 $pid
}

@test "snapshot refuses a dormant process and says how to start it" {
	track out=%n.snap,start=off "$steps" touch:ready pause
	wait_for_file ready
	run "$LEAKSHIM_BIN" snapshot $pid
	[ "$status" -eq 3 ]
	[[ $output == *"start it with leakshim start $pid" ]]
}

@test "snapshot refuses a program with one thread that blocks every signal" {
	track out=%n.snap "$steps" block touch:ready pause
	wait_for_file ready
	run timeout 60 "$LEAKSHIM_BIN" snapshot $pid
	[ "$status" -eq 3 ]
	[[ $output == *"every thread of process $pid blocks SIG"* ]]
	kill -KILL $pid
}

@test "snapshot says that a stopped program does not answer" {
	track out=%n.snap "$steps" touch:ready pause
	wait_for_file ready
	kill -STOP $pid
	run "$LEAKSHIM_BIN" snapshot --timeout 1 $pid
	kill -CONT $pid
	[ "$status" -eq 5 ]
	[[ $output == *"did not answer within 1 s: it is stopped"* ]]
	# It was asked, and answers now.
	wait_for_file 1.snap
}

# --- start ------------------------------------------------------------

@test "snapshot says that system calls are filtered where no answer comes" {
	# It kills for renameat2, by which an answer gets its name.
	[ "$(uname -m)" = x86_64 ] || skip 'the number of a system call'
	track '' $PYTHON -I -c "import ctypes, signal, struct
syscall = ctypes.CDLL(None).syscall
syscall.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_long, ctypes.c_void_p]
code = b''.join(struct.pack('HBBI', *one) for one in (
    (0x20, 0, 0, 0), (0x15, 0, 1, 316), (6, 0, 0, 0x80000000),
    (6, 0, 0, 0x7fff0000)))
code = ctypes.create_string_buffer(code)
program = struct.pack('HxxxxxxP', 4, ctypes.addressof(code))
assert ctypes.CDLL(None).prctl(38, 1, 0, 0, 0) == 0
assert syscall(317, 1, 0, program) == 0
open('ready', 'w')
while True: signal.pause()"
	wait_for_file ready
	run "$LEAKSHIM_BIN" snapshot -t 1 $pid
	echo "$output"
	[ "$status" -eq 5 ]
	[[ $output == *'did not answer within 1 s: its system calls are filtered (seccomp)'* ]]
}

@test "snapshot says that the status file's disk is full" {
	need_root 'a file system of our own'
	run unshare -m sh -c "
		mkdir -p '/tmp/leakshim-$(id -u)' &&
		mount -t tmpfs -o mode=700,size=64k none \
			'/tmp/leakshim-$(id -u)' &&
		{ [ ! -d /run/user ] || mount -t tmpfs none /run/user; } || exit
		LD_PRELOAD=$SHIM '$steps' touch:ready pause &
		until '$LEAKSHIM_BIN' status \$! >text 2>&1; do sleep 0.1; done
		cat /dev/zero >'/tmp/leakshim-$(id -u)/fill' 2>/dev/null
		'$LEAKSHIM_BIN' snapshot -t 1 \$!
		echo status \$?
		kill \$!"
	echo "$output"
	[[ $output == *"did not answer within 1 s: the file system of '/tmp/leakshim-"*"', where its answers go, is full"* ]]
	[[ $output == *'status 5'* ]]
}

@test "start begins to track a dormant program, threads and helper or not" {
	for steps_of in touch:ready 'threads:2 touch:ready'; do
		rm -f ready go ./*.snap
		# shellcheck disable=SC2086
		track out=%n.snap,start=off "$steps" leak:7x7 $steps_of \
			wait:go leak:40x100 touch:done pause
		wait_for_file ready
		wait_until 10 "$LEAKSHIM_BIN" status $pid
		[ "$("$LEAKSHIM_BIN" start $pid)" = \
			"process $pid is tracked from now on" ]
		[ "$(status_of $pid state)" = on ]
		[ "$("$LEAKSHIM_BIN" start $pid)" = \
			"process $pid is tracked already" ]
		touch go
		wait_for_file done
		"$LEAKSHIM_BIN" snapshot $pid
		# What was before is unknown, what comes after is exact.
		[ "$(held 1.snap leak_here)" = '40 4000' ]
		kill -KILL $pid
		rm done
	done
}

@test "start does nothing to a process that is off or not tracked" {
	start host "$steps" touch:ready pause
	wait_for_file ready
	run "$LEAKSHIM_BIN" start $pid
	[ "$status" -eq 3 ]
	[[ $output == *"process $pid is not tracked"* ]]
	kill -0 $pid
}

# --- losses -----------------------------------------------------------

@test "no call of an ordinary program comes before tracking" {
	for program in 'ls /' "$PYTHON -c 1" 'redis-server --version'; do
		rm -f one.snap
		LD_PRELOAD=$SHIM LEAKSHIM=out=one.snap,on=exit \
			$program >program.out
		[ "$(look one.snap losses.early_calls)" = 0 ]
		[ "$(look one.snap losses.unknown_frees)" = 0 ]
	done
}
