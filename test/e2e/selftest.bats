# leakshim selftest: it passes here, and fails where something is broken.

load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
	mkdir bin tmp
	export TMPDIR=$PWD/tmp
}

# fails STEP TEXT: the last run was a failure of that step, for that reason,
# and left nothing.
fails() {
	echo "$output"
	[ "$status" -eq 5 ]
	[[ $output == *"FAILED  $1 "*"$2"* ]]
	[[ ${lines[-1]} == 'it is not proved that leakshim works here'* ]]
	[ "$(grep -c ^FAILED <<<"$output")" -eq 1 ]
	[ -z "$(ls -A tmp)" ]
}

@test "all steps pass, and no file is left" {
	run "$LEAKSHIM_BIN" selftest
	echo "$output"
	[ "$status" -eq 0 ]
	for step in directory library options preload exact bell snapshot \
		site counts signal diff end; do
		grep -q "^ok      $step\b" <<<"$output"
	done
	[ "${#lines[@]}" -eq 13 ]
	# What was checked, and what follows.
	[ "$(grep -cE '^ok +[a-z]+  .' <<<"$output")" -eq 12 ]
	[[ ${lines[12]} == 'leakshim works on this machine: '* ]]
	[[ $output == *selftest_leak_blocks* ]]
	[ -z "$(ls -A tmp)" ]
	pid=$(sed -n 's/.*process \([0-9]*\) is tracked/\1/p' <<<"$output")
	[ ! -e "/proc/$pid" ]
	[ -z "$(ls -d /run/user/*/leakshim/*-$pid /tmp/leakshim-*/*-$pid \
		2>/dev/null)" ]
}

@test "the JSON says the same" {
	"$LEAKSHIM_BIN" selftest --json >json
	$PYTHON -Ic 'import json
test = json.load(open("json"))
assert test["passed"] is True
assert len(test["steps"]) == 12
assert all(step["ok"] for step in test["steps"])'
	LEAKSHIM=sample=512K run "$LEAKSHIM_BIN" selftest --json
	[ "$status" -eq 5 ]
	$PYTHON -Ic 'import json, sys
test = json.loads(sys.argv[1])
assert test["passed"] is False
bad = [step for step in test["steps"] if not step["ok"]]
assert [step["step"] for step in bad] == ["exact"]
assert "512.0 KiB" in bad[0]["reason"]' "$output"
}

@test "a leakshim that was stripped of names finds the site by its address" {
	cp "$LEAKSHIM_BIN" "$SHIM" bin
	strip bin/leakshim
	run bin/leakshim selftest
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"by its address"* ]]
}

@test "a library that is missing, damaged or another's is found out" {
	cp "$LEAKSHIM_BIN" bin
	LC_ALL=C run bin/leakshim selftest
	if [ ! -e /usr/local/lib/libleakshim.so ]; then
		fails library 'cannot find libleakshim.so'
	fi
	: >bin/libleakshim.so
	run bin/leakshim selftest
	fails preload 'cannot be preloaded (file too short)'
	# A library that does nothing.
	echo 'int nothing;' | ${CC:-cc} -shared -xc -o bin/libleakshim.so -
	run bin/leakshim selftest
	fails preload 'libleakshim.so'
	LD_PRELOAD=/not/there/libleakshim.so run "$LEAKSHIM_BIN" selftest
	[[ $output == *"FAILED  preload "* ]]
}

@test "options in the environment that break a step are found out" {
	LEAKSHIM=sample=512K run "$LEAKSHIM_BIN" selftest
	fails exact 'one sample every 512.0 KiB'
	LEAKSHIM=only=nginx run "$LEAKSHIM_BIN" selftest
	fails preload 'does not track (only='
	LEAKSHIM=start=off run "$LEAKSHIM_BIN" selftest
	fails preload 'dormant (start=off)'
	LEAKSHIM=bell=none run "$LEAKSHIM_BIN" selftest
	fails bell 'has no bell in force'
	LEAKSHIM=signal=none run "$LEAKSHIM_BIN" selftest
	fails signal 'no signal is in force'
	LEAKSHIM=sampel=1 run "$LEAKSHIM_BIN" selftest
	fails options "unknown option 'sampel'"
	# What breaks none is let through.
	LEAKSHIM=depth=9,on=exit,keep=2,interval=1h \
		run "$LEAKSHIM_BIN" selftest
	[ "$status" -eq 0 ]
}

@test "a directory that can't be written is found out" {
	TMPDIR=$PWD/nothing run "$LEAKSHIM_BIN" selftest
	fails directory "cannot make a directory in $PWD/nothing"
	[ "$(id -u)" != 0 ] || need_unshare=1
	if [ -n "$need_unshare" ]; then
		run unshare -m sh -c "mount -t tmpfs -o ro none '$PWD/tmp' &&
			exec '$LEAKSHIM_BIN' selftest"
		fails directory 'Read-only file system'
		# Nothing is executed there.
		run unshare -m sh -c "
			mount -t tmpfs -o noexec none '$PWD/tmp' &&
			exec '$LEAKSHIM_BIN' selftest"
		[ "$status" -eq 0 ]
	fi
}

@test "an interrupted test leaves nothing" {
	start test "$LEAKSHIM_BIN" selftest
	kill -TERM $pid
	wait_for_end $pid
	[ -z "$(ls -A tmp)" ]
}
