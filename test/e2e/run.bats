# leakshim run --then-report: the report at the end, whatever the end is.

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

# watch STEP...: in the background under run --then-report, started after its
# first snapshot was taken. Sets pid, of leakshim, and program.
watch() {
	start host "$LEAKSHIM_BIN" run -q --then-report --out '%p.%n.snap' -- \
		"$steps" touch:ready wait:go "$@"
	wait_for_file ready
	program=$(pgrep -P $pid)
	adopt "$program"
	wait_for_file "$program.1.snap"
	touch go
}

# The report says that leak_here grew by COUNT objects.
grew_by() {
	grep -qE "^Live heap grew by .* $1 objects?\) was allocated in leak_here" \
		host.err || {
		cat host.err
		return 1
	}
}

@test "the report has what grew from the first snapshot to the exit" {
	watch leak:100x100
	ends_with 0 $pid
	grew_by 100
	# Of those that were asked for, the first and the last are kept.
	[ "$(ls | grep -c 'snap$')" -eq 2 ]
	# The others were ours to remove, and are missed by nobody.
	run ! grep -q 'snapshots removed' host.err
	[ ! -s host.out ]
}

@test "what is sent to leakshim run reaches the program, once" {
	start host "$LEAKSHIM_BIN" run -q -r -- "$steps" take:10 take:1 \
		take:15 touch:ready await:3 touch:came wait:go taken
	wait_for_file ready
	kill -USR1 $pid
	kill -HUP $pid
	kill -TERM $pid
	program=$(pgrep -P $pid)
	adopt "$program"
	wait_for_file came
	# No second one is on its way.
	wait_until 10 nothing_pending $pid
	touch go
	ends_with 0 $pid
	[ "$(cat host.out)" = 'taken 3' ]
}

nothing_pending() {
	grep -q '^ShdPnd:.*0000000000000000$' "/proc/$1/status"
}

@test "SIGUSR2 to leakshim run takes a snapshot" {
	# With an interval of the user's own nobody else asks for one.
	start host "$LEAKSHIM_BIN" run -q -r --interval 1h --out '%n.snap' -- \
		"$steps" leak:5x100 touch:ready pause
	wait_for_file ready
	kill -USR2 $pid
	wait_for_file 1.snap
	[ "$(look 1.snap header.trigger)" = TRIGGER_SIGNAL ]
	program=$(pgrep -P $pid)
	adopt "$program"
	kill -KILL "$program"
	ends_with 137 $pid
	[ ! -e 2.snap ]
	grep -q '^leakshim: there is one snapshot only' host.err
}

@test "a program that a signal ends was asked for a last snapshot" {
	watch leak:50x100 touch:done pause
	wait_for_file done
	kill -TERM $pid
	ends_with 143 $pid
	grew_by 50
}

@test "an interrupt from the terminal ends both, and the report is printed" {
	$PYTHON -I - "$LEAKSHIM_BIN" "$steps" >host.err <<'PY'
import os, pty, signal, sys, time, glob
leakshim, steps = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(leakshim, ["leakshim", "run", "-qr", "--out", "%n.snap", "--",
                        steps, "touch:ready", "wait:go", "leak:50x100",
                        "touch:done", "pause"])
def wait(what):
    end = time.time() + 20
    while not what():
        assert time.time() < end
        time.sleep(0.02)
wait(lambda: os.path.exists("1.snap"))
open("go", "w").close()
wait(lambda: os.path.exists("done"))
# One that has the leak.
done = os.stat("done").st_mtime
wait(lambda: any(os.stat(f).st_mtime > done for f in glob.glob("*.snap")))
os.write(terminal, b"\x03")
text = b""
try:
    while chunk := os.read(terminal, 65536):
        text += chunk
except OSError:
    pass
status = os.waitpid(pid, 0)[1]
sys.stdout.write(text.decode().replace("\r", "").replace("\x1b[0m", "")
                 .replace("^C", "").replace("\x1b[1m", ""))
assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGINT
PY
	grew_by 50
}

@test "a program is compared with itself, not with who executed it" {
	start host "$LEAKSHIM_BIN" run -q -r --out '%e.%n.snap' -- \
		sh -c "sleep 0.2; exec $steps touch:ready wait:go leak:50x100"
	wait_for_file ready
	wait_for_file steps.1.snap
	touch go
	ends_with 0 $pid
	grew_by 50
	grep -q "^old .*steps\.1\.snap" host.err
}

@test "a short program's report is what it held at its end" {
	run "$LEAKSHIM_BIN" run -q -r -- "$steps" leak:77x100
	[ "$status" -eq 0 ]
	[[ $output == *"(7.5 KiB, 77 objects) was allocated in leak_here"* ]]
}

@test "where no snapshot could be written the report's absence has a reason" {
	need_root 'a file system of our own'
	mkdir small
	run unshare -m sh -c "mount -t tmpfs -o size=4k none small || exit
		cat /dev/zero >small/fill 2>/dev/null
		'$LEAKSHIM_BIN' run -q --then-report --out small/%n.snap \
			'$steps' leak:1000x10 sleep:3000"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == 'leakshim: no report: the program left no snapshot: '*'no space left on device'* ]]
}

@test "processes that the program started are said to have snapshots" {
	run "$LEAKSHIM_BIN" run -q -r -- \
		sh -c "$steps leak:1x1; $steps leak:1x1; exit 9"
	[ "$status" -eq 9 ]
	# Beside what is said of the one that the report is about.
	[[ ${lines[0]} == "leakshim: 2 other processes of this run left "* ]]
	[[ $output == *$'\nold '* || $output == *$'\nsnapshot '* ]]
}

@test "a signal that ended the program is told, and how old the report is" {
	watch leak:50x100 kill:6
	ends_with 134 $pid
	grep -qE '^leakshim: the program was ended by SIGABRT( \(core dumped\))?, [0-9.]+ (ms|s) after its last snapshot$' \
		host.err
	# One that ends by itself has its last snapshot at the end.
	run "$LEAKSHIM_BIN" run -q -r -- "$steps" leak:77x100
	[[ $output != *'was ended by'* ]]
}

@test "a daemon that gave up root has a report, from where its snapshots went" {
	need_root 'root to give up'
	mkdir private
	cd private
	run "$LEAKSHIM_BIN" run -q -r -- "$steps" setuid:$NOBODY leak:77x100
	echo "$output"
	rm -f /tmp/leakshim-$NOBODY/leakshim.steps.*.snap
	rmdir /tmp/leakshim-$NOBODY || [ $? = 1 ] # others have files there
	[ "$status" -eq 0 ]
	[[ $output == *"/tmp/leakshim-$NOBODY/leakshim.steps."* ]]
	[[ $output == *"77 objects) was allocated in leak_here"* ]]
}

@test "what is announced for a link is what is written" {
	ln -s "$steps" alias
	run "$LEAKSHIM_BIN" run --on exit -- ./alias exit:0
	[ "$status" -eq 0 ]
	[[ ${lines[0]} =~ ' '([^ ]*/leakshim\.alias\.[0-9]+\.)N\.snap$ ]]
	[ -e "${BASH_REMATCH[1]}1.snap" ]
}

@test "an ignored hangup stays ignored" {
	start host nohup "$LEAKSHIM_BIN" run -q -r -- "$steps" touch:ready \
		wait:go
	wait_for_file ready
	kill -HUP $pid
	program=$(pgrep -P $pid)
	adopt "$program"
	kill -HUP "$program"
	touch go
	ends_with 0 $pid
}

@test "where SIGCHLD is ignored the program's status is still its own" {
	run env --ignore-signal=CHLD "$LEAKSHIM_BIN" run -q -r -- \
		"$steps" exit:3
	[ "$status" -eq 3 ]
}

@test "static and sanitized programs are refused before they start" {
	echo 'int main(void) { return 0; }' >main.c
	${CC:-cc} -static -o static main.c
	run "$LEAKSHIM_BIN" run -- ./static
	[ "$status" -eq 125 ]
	[[ $output == *"'./static': it is statically linked"* ]]
	for one in address:AddressSanitizer thread:ThreadSanitizer \
		leak:LeakSanitizer; do
		${CC:-cc} "-fsanitize=${one%:*}" -o sanitized main.c
		run "$LEAKSHIM_BIN" run -- ./sanitized
		[ "$status" -eq 125 ]
		[[ $output == *"it was built with ${one#*:}"* ]]
	done
}
