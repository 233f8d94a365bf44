# leakshim doctor on programs and processes that are as its findings say.
#
# A finding is told by its identifier and severity. The last test compares the
# identifiers that are looked for here with those that there are.

bats_require_minimum_version 1.5.0
load helpers

setup_file() {
	build_host calm
	cat >"$BATS_FILE_TMPDIR/pool.c" <<-'C'
		#include <stddef.h>
		static char pool[1 << 20];
		static size_t used;
		void *NAME(malloc)(size_t n)
		{
			void *block = pool + used;
			used += (n + 15) & ~(size_t)15;
			return block;
		}
		void NAME(free)(void *block) { (void)block; }
	C
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	calm=$BATS_FILE_TMPDIR/calm
	as=()
	unset LD_PRELOAD LEAKSHIM PYTHONMALLOC USE_ZEND_ALLOC
}

teardown() {
	end_hosts
}

# examine ARGUMENTS...: sets $status, $verdict and $found (lines of "ID
# SEVERITY"). Every finding says what, and those that count what helps.
examine() {
	run "${as[@]}" "$LEAKSHIM_BIN" doctor --json "$@"
	found=$($PYTHON -I -c '
import json, sys
for one in json.load(sys.stdin)["examined"]:
    print("verdict", one["verdict"])
    for finding in one["findings"]:
        assert finding["what"], finding
        assert finding["fix"] or finding["severity"] in ("ok", "note")
        print(finding["id"], finding["severity"])' <<<"$output")
	verdict=$(sed -n 's/^verdict //p' <<<"$found")
	# grep says 1 where nothing was found.
	found=$(grep -v '^verdict ' <<<"$found" || [ $? = 1 ])
}

# has FINDING...: "ID SEVERITY" each; verdict and exit status fit the worst.
has() {
	local one
	for one; do
		if ! grep -qx "$one" <<<"$found"; then
			echo "no '$one' in: $found (exit status $status)"
			return 1
		fi
	done
	case $found in
	*' blind'*) [ "$verdict" = blind ] && [ "$status" -eq 1 ] ;;
	*'unreadable warning'*) [ "$verdict" = unknown ] && [ "$status" -eq 1 ] ;;
	*' warning'*) [ "$verdict" = limited ] && [ "$status" -eq 1 ] ;;
	*) [ "$verdict" = works ] && [ "$status" -eq 0 ] ;;
	esac
}

lacks() {
	local one
	for one; do
		if grep -q "^$one " <<<"$found"; then
			echo "'$one' in: $found"
			return 1
		fi
	done
}

# build NAME [FLAGS...]: a program of two lines.
build() {
	local name=$1
	shift
	printf '#include <stdlib.h>\nint main(void) { free(malloc(9)); }\n' \
		>main.c
	${CC:-cc} -g -O0 -fno-builtin -o "$name" main.c "$@"
}

# build_library NAME [FLAGS...]: one that has nothing to do.
build_library() {
	local name=$1
	shift
	echo 'int nothing;' >nothing.c
	${CC:-cc} -shared -fPIC -o "$name" nothing.c \
		-Wl,-soname,"${name##*/}" "$@"
}

# patch FILE OFFSET HEX...: bytes of a file.
patch() {
	local file=$1 offset=$2
	shift 2
	printf '%b' "$(printf '\\x%s' "$@")" |
		dd of="$file" bs=1 seek="$offset" conv=notrunc status=none
}

as_nobody() {
	as=(setpriv --reuid=$NOBODY --regid=$NOBODY --clear-groups)
}

need_mounts() {
	unshare -m mount -t tmpfs none "$BATS_TEST_TMPDIR" 2>/dev/null ||
		skip 'no mounts here'
}

# --- a program --------------------------------------------------------

@test "a plain program has nothing to be found" {
	build plain
	examine ./plain
	has
	[ -z "$found" ]
	run "$LEAKSHIM_BIN" doctor ./plain
	[ "$output" = 'plain: tracking will work' ]
}

@test "what is no program is said to be none" {
	run -3 "$LEAKSHIM_BIN" doctor ./nothing
	[[ $output == *"cannot run './nothing': No such file"* ]]
	run -3 "$LEAKSHIM_BIN" doctor no-such-thing-anywhere
	[[ $output == *"no program and no process is called 'no-such"* ]]
	run -3 "$LEAKSHIM_BIN" doctor "$PWD"
	[[ $output == *"cannot run '$PWD': Permission denied" ]]
	: >plain_file
	run -3 "$LEAKSHIM_BIN" doctor ./plain_file
	[[ $output == *'Permission denied'* ]]
	mkfifo fifo
	chmod +x fifo
	run -3 "$LEAKSHIM_BIN" doctor ./fifo
	run -3 "$LEAKSHIM_BIN" doctor 4194304
	run -3 "$LEAKSHIM_BIN" doctor 99999999999999999999
	run -2 "$LEAKSHIM_BIN" doctor
	run -2 "$LEAKSHIM_BIN" doctor --no-such-option x
	run -2 "$LEAKSHIM_BIN" doctor --process a b
}

@test "format: neither a program nor a script" {
	printf '\0\1\2\3' >bytes
	chmod +x bytes
	examine ./bytes
	has 'format blind'
	printf '#!/nonexistent/interpreter\n' >script
	chmod +x script
	examine ./script
	has 'script note' 'format blind'
}

@test "static: nothing can be preloaded" {
	build static -static
	examine ./static
	has 'static blind'
	build static-pie -static-pie -fPIE
	examine ./static-pie
	has 'static blind'
}

@test "libc: another C library's loader" {
	build musl
	sed -i 's,/ld-linux,/ld-musl-,' musl
	examine ./musl
	has 'libc blind'
	run "$LEAKSHIM_BIN" doctor ./musl
	[[ $output == *'uses musl'* ]]
	sed -i 's,/ld-musl-,/ld-other,' musl
	examine ./musl
	has 'libc blind'
}

@test "architecture: another machine, another word size" {
	build other
	patch other 18 16 00
	examine ./other
	has 'architecture blind'
	printf '\177ELF\1\1\1' >small
	truncate -s 52 small
	patch small 16 02 00 03 00 01 00 00 00
	patch small 40 34 00 20 00
	chmod +x small
	examine ./small
	has 'architecture blind'
	run "$LEAKSHIM_BIN" doctor ./small
	[[ $output == *'32-bit'* ]]
}

@test "damaged: cut files are told, wherever they were cut" {
	build whole
	for bytes in 4 16 63 64 100 400 700 1000 2000; do
		head -c $bytes whole >cut
		chmod +x cut
		examine ./cut
		has 'damaged warning'
	done
	examine ./whole
	lacks damaged
}

@test "unreadable: a program that may be run, but not read" {
	need_root 'a file of another user'
	build secret
	chmod 0711 secret
	open_test_directory
	as_nobody
	examine ./secret
	has 'unreadable warning'
}

@test "privileges: the loader ignores LD_PRELOAD" {
	need_root 'a file of another user'
	open_test_directory
	build raises
	chown $NOBODY raises
	chmod u+s raises
	examine ./raises
	has 'privileges blind'
	# They have no effect there.
	as=(setpriv --no-new-privs)
	examine ./raises
	lacks privileges
	as=()
	chown 0:$NOBODY raises
	chmod u-s,g+s raises
	examine ./raises
	has 'privileges blind'
	chmod g-s raises
	setcap cap_net_raw+ep raises || skip 'no file capabilities here'
	examine ./raises
	lacks privileges
	as_nobody
	examine ./raises
	has 'privileges blind'
}

@test "sanitizer: in the program, as a library, preloaded" {
	build asan -fsanitize=address
	examine ./asan
	has 'sanitizer blind'
	build tsan -fsanitize=thread
	examine ./tsan
	has 'sanitizer blind'
	build asan-static -fsanitize=address -static-libasan
	examine ./asan-static
	has 'sanitizer blind'
	lacks allocator-exported
	build plain
	build_library libasan.so.8
	LD_PRELOAD=$PWD/libasan.so.8 examine ./plain
	has 'sanitizer blind'
}

@test "allocator-exported: the program's malloc comes first" {
	build exports "-DNAME(x)=x" "$BATS_FILE_TMPDIR/pool.c"
	examine ./exports
	has 'allocator-exported blind'
	lacks allocator-static
}

@test "allocator-static: linked in, also where no symbol is left" {
	build prefixed "-DNAME(x)=je_##x" "$BATS_FILE_TMPDIR/pool.c"
	examine ./prefixed
	has 'allocator-static blind'
	run "$LEAKSHIM_BIN" doctor ./prefixed
	[[ $output == *'has jemalloc linked in'* ]]
	build hidden "-DNAME(x)=x" -fvisibility=hidden \
		"$BATS_FILE_TMPDIR/pool.c"
	examine ./hidden
	has 'allocator-static blind'
	echo 'const char text[] = "<jemalloc>: no";' >text.c
	build stripped text.c
	strip stripped
	examine ./stripped
	has 'allocator-static blind'
	build plain
	strip plain
	examine ./plain
	lacks allocator-static
}

@test "allocator-library: works, and is said" {
	mkdir lib
	build_library lib/libmimalloc.so.2
	build_library lib/libother.so -Wl,--no-as-needed lib/libmimalloc.so.2 \
		-Wl,-rpath,'$ORIGIN'
	build linked -Wl,--no-as-needed lib/libother.so \
		-Wl,-rpath,'$ORIGIN/lib' -Wl,-rpath-link,lib
	# Needed by what the program needs.
	examine ./linked
	has 'allocator-library ok'
	cp -r lib elsewhere
	rm -r lib
	examine ./linked
	lacks allocator-library
	LD_LIBRARY_PATH=$PWD/elsewhere examine ./linked
	has 'allocator-library ok'
}

@test "unwind, symbols, debug-info, build-id: what reports will lack" {
	build no-unwind -fno-asynchronous-unwind-tables -fno-unwind-tables \
		-Wl,--no-eh-frame-hdr
	examine ./no-unwind
	has 'unwind warning'
	build no-debug -g0
	examine ./no-debug
	has 'debug-info note'
	lacks symbols
	build stripped
	objcopy --only-keep-debug stripped stripped.debug
	strip stripped
	examine ./stripped
	has 'symbols note'
	lacks debug-info
	objcopy --add-gnu-debuglink=stripped.debug stripped
	examine ./stripped
	lacks symbols
	build no-id -Wl,--build-id=none
	examine ./no-id
	has 'build-id note'
}

@test "symbols: the Debian package that has them is named" {
	dpkg -S /bin/ls >/dev/null 2>&1 || skip 'no dpkg'
	run "$LEAKSHIM_BIN" doctor /bin/ls
	[[ $output == *'install coreutils-dbgsym '* ]]
}

@test "symbols: of a stub those of the library that has its code" {
	{
		echo 'int nothing;'
		echo 'const char much[600000] = { 1 };'
	} >much.c
	${CC:-cc} -shared -fPIC -s -o libmuch.so much.c
	build stub -s -L. -Wl,--no-as-needed -lmuch '-Wl,-rpath,$ORIGIN'
	examine ./stub
	has 'symbols note'
	[[ $output == *"libmuch.so, which has most of the code of ./stub, is stripped"* ]]
	# Nothing is missing then.
	${CC:-cc} -g -shared -fPIC -o libmuch.so much.c
	examine ./stub
	lacks symbols
	# One that is no stub.
	${CC:-cc} -shared -fPIC -s -o libmuch.so -xc /dev/null
	examine ./stub
	[[ $output == *"./stub is stripped"* ]]
}

# --- what runs in it --------------------------------------------------

@test "go: blind, or only its C parts" {
	command -v go >/dev/null || skip 'no Go'
	export HOME=$PWD GOCACHE=$PWD/cache
	printf 'package main\nfunc main() { println() }\n' >pure.go
	CGO_ENABLED=0 go build -o pure pure.go
	examine ./pure
	has 'go blind' 'static blind'
	printf 'package main\n// #include <stdlib.h>\nimport "C"\n%s\n' \
		'func main() { C.free(C.malloc(3)) }' >mixed.go
	CGO_ENABLED=1 go build -o mixed mixed.go
	examine ./mixed
	has 'go warning'
	lacks static
}

@test "python: arenas, unless PYTHONMALLOC is heeded" {
	examine $PYTHON app.py
	has 'python warning'
	PYTHONMALLOC=malloc examine $PYTHON app.py
	has 'python ok'
	PYTHONMALLOC=malloc examine $PYTHON -I app.py
	has 'python warning'
	PYTHONMALLOC=malloc examine $PYTHON app.py -I
	has 'python ok'
	examine env PYTHONMALLOC=malloc $PYTHON app.py
	has 'python ok' 'wrapper note'
}

@test "java, node, dotnet, php, erlang, chromium, interpreter by name" {
	local name finding
	build plain
	while read -r name finding; do
		cp plain "$name"
		examine "./$name"
		has "$finding"
	done <<-'NAMES'
		java java note
		node node note
		dotnet dotnet note
		php8.2 php warning
		beam.smp erlang warning
		chromium chromium warning
		ruby3.1 interpreter ok
	NAMES
	USE_ZEND_ALLOC=0 examine ./php8.2
	has 'php ok'
	# A name that only begins so is another program.
	cp plain nodestuff
	examine ./nodestuff
	[ -z "$found" ]
}

@test "java: a JVM that is a library of the program" {
	build_library libjvm.so
	build embeds -Wl,--no-as-needed ./libjvm.so -Wl,-rpath,'$ORIGIN'
	examine ./embeds
	has 'java note'
}

# --- how it is started ------------------------------------------------

@test "script: its interpreter is examined" {
	printf '#!/usr/bin/python3 -I\n' >script
	chmod +x script
	examine ./script
	has 'script note' 'python warning'
	printf '#!/usr/bin/env -S PYTHONMALLOC=malloc /usr/bin/python3\n' \
		>script
	examine ./script
	has 'script note' 'python ok' 'wrapper note'
	echo 'echo a text without a first line' >script
	examine ./script
	has 'script note'
	# A script that is its own interpreter.
	printf '#!%s/loop\n' "$PWD" >loop
	chmod +x loop
	examine ./loop
	has 'script note' 'format blind'
}

@test "wrapper: the program behind it is examined" {
	build static -static
	for words in 'env A=b' 'nice -n 5' 'nice -5' 'nohup' 'timeout 5' \
		'timeout -s KILL -k 3 5' 'stdbuf -o L' 'setsid -w' \
		'env -u OTHER nice' 'env -- A=b'; do
		examine $words ./static
		has 'wrapper note' 'static blind'
	done
	examine sh -c './static and its words'
	has 'wrapper note' 'static blind'
	examine sh -c 'A=b ./static'
	has 'wrapper note' 'static blind'
	examine sh -c './static; ./static'
	has 'wrapper note'
	lacks static
}

@test "environment: LD_PRELOAD does not last" {
	for words in 'env -i' 'env -' 'env -u LD_PRELOAD' 'env LD_PRELOAD=' \
		'env -uLD_PRELOAD' 'nice env -i'; do
		examine $words true
		has 'environment blind'
	done
	examine env -u OTHER true
	lacks environment
	build sudo
	examine ./sudo true
	has 'environment blind'
}

@test "elsewhere, valgrind: started by, or in, something else" {
	build docker
	cp docker valgrind
	cp docker snap
	ln -s snap some-app
	examine ./docker run image
	has 'elsewhere blind'
	examine ./some-app
	has 'elsewhere blind'
	examine ./valgrind ./docker
	has 'valgrind blind'
}

# --- where it runs ----------------------------------------------------

@test "library: missing, cut, another machine's, another one" {
	build plain
	mkdir bin
	cp "$LEAKSHIM_BIN" bin
	LEAKSHIM_BIN=$PWD/bin/leakshim
	: >bin/libleakshim.so
	examine ./plain
	has 'library blind'
	head -c 5000 "$SHIM" >bin/libleakshim.so
	examine ./plain
	has 'library blind'
	cp "$SHIM" bin/libleakshim.so
	examine ./plain
	lacks library
	patch bin/libleakshim.so 18 16 00
	examine ./plain
	has 'library blind'
	build_library bin/libleakshim.so
	examine ./plain
	has 'library blind'
	# The loader splits LD_PRELOAD there.
	mv bin 'b in'
	LEAKSHIM_BIN="$PWD/b in/leakshim"
	cp "$SHIM" 'b in/libleakshim.so'
	examine ./plain
	has 'library blind'
}

@test "libc: one that is older than our library needs" {
	build plain
	mkdir bin
	cp "$LEAKSHIM_BIN" "$SHIM" bin
	LEAKSHIM_BIN=$PWD/bin/leakshim
	examine ./plain
	lacks libc
	sed -i 's/GLIBC_2\.34/GLIBC_2.99/' bin/libleakshim.so
	examine ./plain
	has 'libc blind'
	start host "$calm" touch
	wait_for_file touched
	examine $pid
	has 'libc blind'
}

@test "library: on a file system that is mounted noexec" {
	need_mounts
	build plain
	mkdir inside outside
	cp "$LEAKSHIM_BIN" outside
	LEAKSHIM_BIN=$PWD/outside/leakshim
	ln -s ../inside/libleakshim.so outside
	as=(unshare -m sh -c 'mount -t tmpfs none inside &&
		cp "$SHIM" inside && exec "$@"' sh)
	examine ./plain
	lacks library
	as=(unshare -m sh -c 'mount -t tmpfs -o noexec none inside &&
		cp "$SHIM" inside && exec "$@"' sh)
	examine ./plain
	has 'library blind'
}

@test "options: bad ones, and those that leave the program out" {
	build plain
	LEAKSHIM=no_such=1 examine ./plain
	has 'options warning'
	LEAKSHIM=depth=5 examine ./plain
	lacks options
	LEAKSHIM='only=other*' examine ./plain
	has 'options blind'
	LEAKSHIM='only=pl*' examine ./plain
	lacks options
	LEAKSHIM=only=all examine ./plain
	lacks options
	LEAKSHIM=follow=fork examine env ./plain
	has 'options blind'
	LEAKSHIM=follow=fork examine ./plain
	lacks options
}

@test "preload: what else is in LD_PRELOAD" {
	build plain
	build_library libtcmalloc_minimal.so.4
	LD_PRELOAD=libm.so.6 examine ./plain
	has 'preload note'
	LD_PRELOAD=$SHIM examine ./plain
	lacks preload
	LD_PRELOAD="$PWD/libtcmalloc_minimal.so.4:$SHIM" examine ./plain
	has 'preload note' 'allocator-library ok'
}

@test "output: another place, or none" {
	build plain
	LEAKSHIM=out=$PWD/missing/x.%n examine ./plain
	has 'output warning'
	LEAKSHIM=out=x.%n examine ./plain
	lacks output
	LEAKSHIM=out=$PWD examine ./plain
	lacks output
	need_mounts
	mkdir bin
	# The build may lie there.
	as=(unshare -m sh -c 'mount --bind "$BUILD" /mnt &&
		mount -t tmpfs none /tmp && mkdir -p "$BUILD" &&
		mount --bind /mnt "$BUILD" &&
		mount -o remount,ro /tmp && exec "$@"' sh)
	LEAKSHIM=out=/none/x examine true
	has 'output blind'
}

@test "output: where another user may not write" {
	need_root 'another user'
	open_test_directory
	build plain
	as_nobody
	examine ./plain
	has 'output warning'
	mkdir open
	chmod 0777 open
	LEAKSHIM=out=open/x.%n examine ./plain
	lacks output
}

@test "space: little is left where snapshots go" {
	need_mounts
	build plain
	mkdir small
	as=(unshare -m sh -c 'mount -t tmpfs -o size=1M none small &&
		exec "$@"' sh)
	LEAKSHIM=out=$PWD/small/x.%n examine ./plain
	has 'space warning'
	as=()
	LEAKSHIM=out=$PWD/small/x.%n examine ./plain
	lacks space
}

@test "file-size, memory: limits that are too small" {
	build plain
	as=(prlimit --fsize=100000)
	examine ./plain
	has 'file-size warning'
	as=(prlimit --as=500000000)
	examine ./plain
	has 'memory warning'
	LEAKSHIM=memory=64M examine ./plain
	lacks memory
}

# --- a process --------------------------------------------------------

@test "untracked: a process that would have to be started anew" {
	start host "$calm"
	examine $pid
	has 'untracked note'
	lacks tracked
}

@test "a name means all processes of that name" {
	cp "$calm" calm-by-name
	start first ./calm-by-name touch
	wait_for_file touched
	rm touched
	start second ./calm-by-name touch
	wait_for_file touched
	examine calm-by-name
	[ "$(wc -l <<<"$verdict")" -eq 2 ]
	run "$LEAKSHIM_BIN" doctor --process calm-by-name
	[ "$status" -eq 0 ]
	[[ $output == *"calm-by-name ($pid): tracking will work"* ]]
}

@test "tracked, dormant, losses, bell, output: how it goes" {
	track out=%n.snap "$calm" touch
	wait_for_file touched
	examine $pid
	has 'tracked ok'
	lacks untracked losses
	rm touched
	track start=off,out=%n.snap "$calm" touch
	wait_for_file touched
	examine $pid
	has 'dormant note'
	rm touched
	track depth=1,out=%n.snap "$calm" touch
	wait_for_file touched
	"$LEAKSHIM_BIN" status $pid >/dev/null
	examine $pid
	has 'tracked ok' 'losses note'
	rm touched
	track bell=none,out=%n.snap "$calm" touch
	wait_for_file touched
	examine $pid
	has 'bell warning'
	rm touched
	track out=$PWD/missing/x "$calm" touch
	wait_for_file touched
	examine $pid
	has 'output warning'
}

@test "off: the library is there and does nothing" {
	local directory name
	track only=other "$calm" touch
	wait_for_file touched
	examine $pid
	has 'off warning' 'options blind'
	# As a status file says it.
	rm touched
	start host "$calm" touch
	wait_for_file touched
	directory=/tmp/leakshim-$(id -u)
	mkdir -p -m 0700 "$directory"
	name=$directory/$(stat -Lc %i /proc/self/ns/pid)-$pid
	(umask 077 && printf '%s\n' 'leakshim-status 1' "pid=$pid" state=off \
		"start_ticks=$(started_at $pid)" reason=why exe=calm >"$name")
	examine $pid
	has 'off blind'
}

@test "preload: the loader did not take what LD_PRELOAD names" {
	LD_PRELOAD=/nonexistent/libleakshim.so start host "$calm" touch
	wait_for_file touched
	examine $pid
	has 'preload blind'
}

@test "signal: handled, ignored or inherited so" {
	start host $PYTHON -I -c 'import signal
signal.signal(signal.SIGUSR2, lambda *a: 0)
open("touched", "w")
while True: signal.pause()'
	wait_for_file touched
	examine $pid
	has 'signal note'
	lacks bell
	as=(sh -c 'trap "" USR2; exec "$@"' sh)
	examine true
	has 'signal note'
	as=()
	examine true
	lacks signal
}

@test "signal: used by a program that is known" {
	build nginx
	examine ./nginx
	has 'signal note'
	# Python's: a script.
	printf '#!/usr/bin/python3 -u\n' >gunicorn
	chmod +x gunicorn
	examine ./gunicorn
	has 'signal note' 'script note' 'python warning'
	LEAKSHIM=bell=none examine ./nginx
	has 'signal warning'
	LEAKSHIM=signal=RTMIN+3 examine ./nginx
	lacks signal
}

@test "bell: no real-time signal is left" {
	start host $PYTHON -I -c 'import signal
for number in range(signal.SIGRTMIN, signal.SIGRTMAX + 1):
    signal.signal(number, signal.SIG_IGN)
open("touched", "w")
while True: signal.pause()'
	wait_for_file touched
	examine $pid
	has 'bell warning'
}

@test "seccomp: a filter is in force" {
	start host $PYTHON -I -c 'import ctypes, signal, struct
libc = ctypes.CDLL(None)
allow = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0x7fff0000))
program = struct.pack("HxxxxxxP", 1, ctypes.addressof(allow))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, program) == 0
open("touched", "w")
while True: signal.pause()'
	wait_for_file touched
	examine $pid
	has 'seccomp warning'
	# no_new_privs by itself is none, nor is one that all have here.
	rm touched
	start host setpriv --no-new-privs "$calm" touch
	wait_for_file touched
	examine $pid
	[[ $found != *'seccomp warning'* ]]
}

@test "secure: a process that was started with raised privileges" {
	need_root 'a file of another user'
	open_test_directory
	chmod a+w .
	cp "$calm" raises
	chown $NOBODY raises
	chmod u+s raises
	start host ./raises touch
	wait_for_file touched
	examine $pid
	has 'secure blind'
	rm touched
	start host "$calm" touch
	wait_for_file touched
	examine $pid
	lacks secure
}

@test "namespace, library: a process in a container" {
	local inner
	unshare -pmf true 2>/dev/null || skip 'no namespaces here'
	mkdir hidden
	cp "$LEAKSHIM_BIN" "$SHIM" hidden
	start host unshare -pmf --kill-child sh -c '
		mount -t tmpfs none hidden && exec "$0" touch' "$calm"
	wait_for_file touched
	inner=$(pgrep -P $pid)
	adopt $inner
	examine $inner
	has 'namespace note'
	lacks library
	LEAKSHIM_BIN=$PWD/hidden/leakshim
	examine $inner
	has 'library blind'
}

@test "sandbox: what flatpak leaves" {
	need_root chroot
	mkdir jail
	${CC:-cc} -static -o jail/calm "$TOP/test/e2e/host_calm.c"
	: >jail/.flatpak-info
	start host chroot jail /calm touch
	wait_for_file jail/touched
	examine $pid
	has 'sandbox warning'
	lacks namespace
}

@test "replaced: the file is not what runs" {
	cp "$calm" goes
	start host ./goes touch
	wait_for_file touched
	examine $pid
	lacks replaced
	rm goes
	examine $pid
	has 'replaced note'
}

@test "a process that ended, and one that is another's" {
	start host "$calm"
	kill $pid
	ends_with 143 $pid
	run -3 "$LEAKSHIM_BIN" doctor $pid
	need_root 'another user'
	start host "$calm"
	as_nobody
	examine $pid
	has 'unreadable warning'
	# Nothing is claimed that can't be known.
	"${as[@]}" "$LEAKSHIM_BIN" doctor $pid >text || [ $? = 1 ] # found
	grep -q "whether it is tracked can't be told" text
	grep -q "^[^ ]* ($pid): whether tracking will work can't be told" text
	run ! grep -q 'it is not tracked' text
}

@test "a handler is no program's where it may be ours" {
	need_root 'another user'
	build_host steps
	track out=%n.snap "$BATS_FILE_TMPDIR/steps" touch:ready pause
	wait_for_file ready
	as_nobody
	"${as[@]}" "$LEAKSHIM_BIN" doctor $pid >text || [ $? = 1 ] # found
	grep -q "whether it is tracked can't be told" text
	run ! grep -q 'handled by' text
}

@test "a process whose main thread has ended is looked into all the same" {
	build_host steps
	start host "$BATS_FILE_TMPDIR/steps" threads:1 leave
	wait_until 10 grep -q ') Z ' "/proc/$pid/stat"
	examine $pid
	lacks unreadable
	has 'untracked note'
}

@test "redis: its allocator is seen, in the file and in the process" {
	command -v redis-server >/dev/null || skip 'no redis'
	examine redis-server
	has 'allocator-library ok'
	start host redis-server --port 0 --unixsocket "$PWD/socket" --save ''
	wait_for_file socket
	examine $pid
	has 'allocator-library ok' 'untracked note'
}

@test "nginx: its handler of USR2 is seen in the process" {
	command -v nginx >/dev/null || skip 'no nginx'
	printf '%s\n' "pid $PWD/nginx.pid;" 'daemon off;' \
		"error_log $PWD/nginx.log;" 'events {}' >nginx.conf
	start host nginx -p "$PWD" -c "$PWD/nginx.conf"
	wait_for_file nginx.pid
	examine $pid
	has 'signal note' 'untracked note'
	run "$LEAKSHIM_BIN" doctor $pid
	[[ $output == *'handled by the program to upgrade its binary'* ]]
}

# --- the report -------------------------------------------------------

@test "colour is for terminals, and not with NO_COLOR" {
	run script -qec "TERM=xterm '$LEAKSHIM_BIN' doctor true" /dev/null
	[[ $output == *$'\033['* ]]
	run script -qec "TERM=xterm NO_COLOR=1 '$LEAKSHIM_BIN' doctor true" \
		/dev/null
	[[ $output != *$'\033['* ]]
	run "$LEAKSHIM_BIN" doctor true
	[[ $output != *$'\033['* ]]
}

@test "a hostile name does not drive the terminal" {
	build plain -g0
	cp plain $'a\033[31mb'
	run "$LEAKSHIM_BIN" doctor $'./a\033[31mb'
	[[ $output != *$'\033'* ]]
	[[ $output == *'a\x1b[31mb'* ]]
}

@test "every finding is looked for by a test" {
	local id missing= ids
	ids=$(sed -n '/^} ids/,/^};/s/.*{ "\([a-z-]*\)",.*/\1/p' \
		"$TOP/companion/exam.c")
	[ "$(wc -w <<<"$ids")" -gt 40 ]
	for id in $ids; do
		grep -qE "['\$ \t]$id (ok|note|warning|blind)" \
			"$TOP/test/e2e/doctor.bats" ||
			grep -q "EXAM_$(tr a-z- A-Z_ <<<"$id"))" \
				"$TOP"/test/unit/test_exam*.c ||
			missing="$missing $id"
	done
	[ -z "$missing" ] || { echo "no test for:$missing"; false; }
}
