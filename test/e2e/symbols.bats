# Names of real programs: languages and manglings, where debug information is,
# and what leakdiff says when it is not there.

load programs

setup() {
	cd "$BATS_TEST_TMPDIR"
	programs=$TOP/test/e2e/programs
}

teardown() {
	end_processes
}

# leak PROGRAM: runs it under the shim; leaves exit.snap.
leak() {
	rm -f exit.snap
	tracked "out=$PWD/exit.snap,on=exit" "$@"
	[ -s exit.snap ]
}

# build_c [FLAGS...]: ./program
build_c() {
	${CC:-cc} -O2 -g -o program "$programs/symbols_leak.c" "$@"
}

# Moves the symbols and debug information of ./program to split/whole, which
# nobody finds there.
split_off() {
	mkdir -p split
	objcopy --only-keep-debug program split/whole
	strip --strip-all program
}

build_id_of() {
	readelf -n "$1" | sed -n 's/.*Build ID: //p'
}

inlines_are_named='sum(r.live_objects_new for r in named(heap, "leak_inlined")
	if r.stack[:2] == ["leak_inlined", "leak_hidden"]) == 100'
real_function_is_named='total(named(heap, "leak_hidden"),
	"live_objects_new") == 100'
nothing_is_named='not any("leak_" in name for r in heap for name in r.stack)'
offset_is_named='any(r.live_objects_new == 100 and
	re.fullmatch("program\\+0x[0-9a-f]+", r.function) for r in heap)'

@test "inlined functions are frames unless --no-inlines is given" {
	build_c
	leak ./program
	report exit.snap
	holds "$inlines_are_named"
	report --no-inlines exit.snap
	holds "$real_function_is_named" 'not named(heap, "leak_inlined")'
}

@test "without symbols a frame is module+0xoffset, and the program is right there" {
	build_c
	split_off
	leak ./program
	report exit.snap
	holds "$offset_is_named" "$nothing_is_named"
	local offset
	offset=$(grep -o 'program+0x[0-9a-f]*' report.csv | sort | uniq -c |
		sort -rn | sed -n '1s/.*+//p')
	addr2line -f -i -e split/whole "$offset" | grep leak_
}

@test "debug files are found by build-id in --debug-dir" {
	build_c
	split_off
	leak ./program
	local id
	id=$(build_id_of program)
	mkdir -p "debug/.build-id/${id:0:2}"
	cp split/whole "debug/.build-id/${id:0:2}/${id:2}.debug"
	report --debug-dir "$PWD/debug" exit.snap
	holds "$inlines_are_named"
	# A program that is gone, too.
	rm program
	report --debug-dir "$PWD/debug" exit.snap
	holds "$inlines_are_named"
}

@test "with --sysroot the program there is read, not the one here" {
	build_c
	leak ./program
	mkdir -p "root$PWD"
	cp program "root$PWD/"
	strip --strip-all program
	report --sysroot root exit.snap
	holds "$inlines_are_named"
	rm "root$PWD/program"
	cp program "root$PWD/"
	report --sysroot root exit.snap
	holds "$nothing_is_named" "$offset_is_named"
	run "$LEAKDIFF" --sysroot "$PWD/nowhere" exit.snap
	[ "$status" -ne 0 ]
	[[ $output == *nowhere* ]]
}

@test "another build of the program gives a warning and no names" {
	build_c
	leak ./program
	build_c -DANOTHER -O1
	"$LEAKDIFF" --csv exit.snap >report.csv 2>warnings
	cat warnings
	grep "program': not the file that ran (build-id " warnings
	holds "$nothing_is_named" "$offset_is_named"
}

@test "MiniDebugInfo in .gnu_debugdata names hidden functions" {
	command -v xz >/dev/null || skip "there is no xz"
	build_c
	split_off
	objcopy --strip-all --wildcard --keep-symbol='leak_hidden*' \
		split/whole mini
	xz mini
	objcopy --add-section .gnu_debugdata=mini.xz program
	leak ./program
	report exit.snap
	holds "$real_function_is_named"
}

# cxx COMPILER FLAGS...: the frame to blame is the program's own.
cxx() {
	local compiler=$1
	shift
	"$compiler" -O2 "$@" -o program "$programs/symbols_leak.cc"
	leak ./program
	report exit.snap
	holds 'sum(r.live_objects_new for r in heap if
		r.function.startswith("app::Pool<app::Item>::fill(")) == 100'
}

@test "C++ of g++ is blamed on the program, whatever debug information there is" {
	cxx g++ -g
	cxx g++ -g1
	cxx g++ -g0
	cxx g++ -g -flto
	cxx g++ -gdwarf-4 -gsplit-dwarf
}

@test "C++ of clang is blamed on the program, whatever debug information there is" {
	command -v clang++ >/dev/null || skip "there is no clang++"
	cxx clang++ -g
	cxx clang++ -gline-tables-only
	cxx clang++ -g0
}

# rust_names FLAGS...
rust_names() {
	rustc -C opt-level=2 -g "$@" -o program "$programs/symbols_leak.rs"
	leak ./program
	report exit.snap
	cut -c -300 report.csv
	# A generic's arguments are in v0 names only.
	holds 'sum(r.live_objects_new for r in heap if re.fullmatch(
		"<?(symbols_leak|program)::store::Pool<.*>>?::lose",
		r.function)) == 100' 'not any(re.search("17h[0-9a-f]{16}", name)
		for r in heap for name in r.stack)'
}

@test "Rust's v0 and legacy names are readable, without hashes" {
	command -v rustc >/dev/null || skip "there is no rustc"
	rust_names -C symbol-mangling-version=v0
	# Stable compilers of today want to be asked twice for the old one.
	RUSTC_BOOTSTRAP=1 rust_names -Z unstable-options \
		-C symbol-mangling-version=legacy
}

# serve DIRECTORY: debug files by build-id; sets DEBUGINFOD_URLS. What is asked
# for stands in server.err.
serve() {
	local port
	port=$(free_port)
	start server $PYTHON -I -m http.server --bind 127.0.0.1 \
		--directory "$1" "$port"
	wait_until 20 $PYTHON -Ic "import socket
socket.create_connection(('127.0.0.1', $port)).close()"
	export DEBUGINFOD_URLS=http://127.0.0.1:$port
	export DEBUGINFOD_CACHE_PATH=$PWD/cache
}

@test "debuginfod is asked with --debuginfod only" {
	build_c
	split_off
	leak ./program
	local id
	id=$(build_id_of program)
	mkdir -p "served/buildid/$id"
	cp split/whole "served/buildid/$id/debuginfo"
	serve served
	report exit.snap
	holds "$nothing_is_named"
	refute grep buildid server.err
	report --debuginfod exit.snap
	holds "$inlines_are_named"
	grep "GET /buildid/$id/debuginfo" server.err
}

@test "a debuginfod server that never answers costs its time limit only" {
	build_c
	split_off
	leak ./program
	# Takes connections, says nothing, for a minute.
	start silent $PYTHON -Iuc 'import socket, time
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen()
print(s.getsockname()[1])
time.sleep(60)'
	wait_until 20 test -s silent.out
	export DEBUGINFOD_URLS=http://127.0.0.1:$(cat silent.out)
	export DEBUGINFOD_CACHE_PATH=$PWD/cache
	timeout 40 "$LEAKDIFF" --debuginfod=1 --csv exit.snap >report.csv \
		2>warnings
	cat warnings
	grep "program': debuginfod: not fetched within 1 s" warnings
	holds "$nothing_is_named" "$offset_is_named"
}
