# Debian's python3: what ctypes and C extensions leak, and threads by their
# creator. The deeds are programs/leaky_host.py's.

load programs
bats_require_minimum_version 1.5.0

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	local programs=$TOP/test/e2e/programs include
	${CC:-cc} -O2 -g -Wall -Wextra -pthread -shared -fPIC \
		-o leaky_library.so "$programs/leaky_library.c"
	include=$($PYTHON -Ic 'import sysconfig
print(sysconfig.get_path("include"))')
	[ ! -e "$include/Python.h" ] ||
		${CC:-cc} -O2 -g -Wall -Wextra -shared -fPIC -I"$include" \
			-o leaky_ext.so "$programs/leaky_ext.c"
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	mkfifo host.in
}

teardown() {
	end_processes
}

# start_host DEED: it has done it three times already.
start_host() {
	start_tracked host "out=$PWD/snap.%n" \
		$PYTHON -I "$TOP/test/e2e/programs/leaky_host.py" \
		"$BATS_FILE_TMPDIR" "$1"
	exec 8>host.in
	wait_until 20 grep -q ready host.out
}

# do_more TIMES
do_more() {
	echo "$1" >&8
	wait_until 20 grep -q "done $1\$" host.out
}

# between_snapshots TIMES: the deed, so often, and the report of what grew.
between_snapshots() {
	signal_snapshot $pid snap.1
	do_more "$1"
	signal_snapshot $pid snap.2
	report snap.1 snap.2
	lost_nothing snap.2
}

end_host() {
	exec 8>&-
	ends_with 0 $pid
	[ ! -s host.err ]
}

# leads FUNCTION-RE: it's first of what grew, by 500 blocks of 1234 bytes.
leads() {
	holds "re.fullmatch('$1', heap[0].function)" \
		"heap[0].delta_objects == 500" \
		"heap[0].delta_bytes == 500 * 1234" \
		"heap[0].live_objects_old == 3" \
		"heap[0].live_objects_new == 503" \
		"heap[0].live_bytes_new == 503 * 1234"
}

@test "what ctypes takes from malloc and forgets is first, exactly" {
	start_host malloc
	between_snapshots 500
	# malloc's caller is libffi, which calls for ctypes.
	leads '.*'
	holds "'libffi.so' in heap[0].module" \
		"'_PyEval_EvalFrameDefault' in heap[0].stack"
	end_host
}

@test "what a library behind ctypes forgets is first, exactly" {
	start_host library
	between_snapshots 500
	leads leaky_library_function
	holds "heap[0].file.endswith('leaky_library.c')" \
		"heap[0].module.endswith('leaky_library.so')" \
		"'_PyEval_EvalFrameDefault' in heap[0].stack"
	end_host
}

@test "what a C extension forgets is first, exactly" {
	[ -e "$BATS_FILE_TMPDIR/leaky_ext.so" ] ||
		skip 'python3-dev is not installed: no Python.h'
	start_host extension
	between_snapshots 500
	leads leaky_ext_function
	holds "heap[0].file.endswith('leaky_ext.c')" \
		"heap[0].stack[1] == 'leak'"
	end_host
}

@test "threads of python that never end are counted by their creator" {
	start_host never-ends
	between_snapshots 7
	# Debian's python3 is stripped of the static function that calls
	# PyThread_start_new_thread for _thread: it may go by its offset.
	holds "len(threads) == 1" \
		"threads[0].function in threads[0].stack[:2]" \
		"threads[0].stack[0] == 'PyThread_start_new_thread'" \
		"threads[0].delta_objects == 7" \
		"threads[0].live_objects_old == 3" \
		"threads[0].live_objects_new == 10" \
		"threads[0].delta_bytes > 0"
	end_host
}

@test "threads that ctypes creates and nobody joins are counted exactly" {
	start_host never-joined
	between_snapshots 9
	holds "len(threads) == 1" \
		"'libffi.so' in threads[0].module" \
		"threads[0].delta_objects == 9" \
		"threads[0].live_objects_old == 3" \
		"threads[0].live_objects_new == 12" \
		"threads[0].delta_bytes > 0"
	"$LEAKDIFF" snap.1 snap.2 >text
	grep -i 'joined' text
	[ "$(status_of $pid threads_unjoined)" = 12 ]
	end_host
}

@test "the library that forgets its threads is named, exactly" {
	start_host library-never-joined
	between_snapshots 9
	holds "len(threads) == 1" \
		"threads[0].function == 'forgetful_create'" \
		"threads[0].delta_objects == 9" \
		"threads[0].live_objects_new == 12"
	end_host
}

@test "a python program says and returns the same under the shim" {
	local script='import sys, signal, threading
t = threading.Thread(target=print, args=("from a thread",))
t.start(); t.join()
print(signal.getsignal(signal.SIGUSR2), [hash((i, i)) for i in range(5)])
print(sorted(map(str, range(2000)))[:3], file=sys.stderr)
sys.exit(7)'
	run -7 --separate-stderr $PYTHON -Ic "$script"
	local plain=$output plain_err=$stderr
	run -7 --separate-stderr tracked "out=$PWD/snap.%n" \
		$PYTHON -Ic "$script"
	[ "$output" = "$plain" ]
	[ "$stderr" = "$plain_err" ]
}
