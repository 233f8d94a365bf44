# Programs and libraries whose segments lie apart, as linkers make them for
# huge pages: the kernel maps each segment of a program by itself, and leaves
# gaps. And the layouts of another linker, whose segments share file pages.

load helpers

APART=-Wl,-z,max-page-size=0x200000

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	cat >library.c <<-'END'
		#include <stdlib.h>
		int library_data = 3;
		__attribute__((noinline)) void *library_keeps(size_t bytes)
		{
			char *p = malloc(bytes);
			if (p != NULL)
				p[0] = (char)library_data;
			return p;
		}
	END
	# Each library, by turns, so that all are met more than once.
	cat >program.c <<-'END'
		#include <dlfcn.h>
		#include <stdlib.h>
		static void *volatile keep;
		__attribute__((noinline)) static void main_keeps(void)
		{
			keep = malloc(100);
		}
		__attribute__((noinline)) static void
		calls(void *(*work)(size_t))
		{
			main_keeps();
			keep = work(200);
		}
		int main(int argc, char **argv)
		{
			void *(*work[8])(size_t);

			for (int i = 1; i < argc; i++) {
				void *handle = dlopen(argv[i], RTLD_NOW);
				if (handle == NULL || i > 7)
					return 1;
				*(void **)&work[i] =
					dlsym(handle, "library_keeps");
			}
			for (int round = 0; round < 50; round++)
				for (int i = 1; i < argc; i++)
					calls(work[i]);
			return 0;
		}
	END
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

need_lld() {
	command -v ld.lld || skip "lld is not installed"
}

# build NAME SOURCE FLAGS...
build() {
	gcc -g -O1 -fno-builtin -fno-optimize-sibling-calls -Wl,--build-id \
		-o "$1" "$BATS_FILE_TMPDIR/$2.c" "${@:3}"
}

# has_gaps FILE: there are whole pages between its segments.
has_gaps() {
	readelf -lW "$1" | $PYTHON -Ic '
import sys
loads = [[int(word, 16) for word in line.split()[2:6]]
         for line in sys.stdin if line.split()[:1] == ["LOAD"]]
sys.exit(not any(above[0] >> 12 > (below[0] + below[3] >> 12) + 1
                 for below, above in zip(loads, loads[1:])))'
}

# complete PROGRAM LIBRARY...: all is there for 50 rounds under the shim.
complete() {
	local module
	rm -f exit.snap
	tracked "out=$PWD/exit.snap,on=exit" "./$1" "${@:2}"
	look exit.snap losses.truncated_stacks losses.modules_unknown \
		'[m.path for m in modules if m.unloaded]' | tee losses
	printf '0\n0\n[]\n' | diff - losses
	for module in "$PWD/$1" "${@:2}"; do
		# One module each, with its build-id.
		look exit.snap '[m.build_id.hex() for m in modules
			if m.path == b"'"$module"'"]' | tee build-ids
		readelf -n "$module" |
			sed -n "s/.*Build ID: \(.*\)/['\1']/p" >wanted
		[ -s wanted ]
		diff wanted build-ids
	done
	[ "$(held exit.snap main_keeps)" = \
		"$((50 * ($# - 1))) $((5000 * ($# - 1)))" ]
	[ "$(held exit.snap library_keeps)" = \
		"$((50 * ($# - 1))) $((10000 * ($# - 1)))" ]
	report exit.snap
	holds 'all(r.stack[-1] in ("main", "_start", "__libc_start_main",
			"__libc_start_call_main", "__libc_start_main_impl")
		for r in named(heap, "main_keeps") +
			named(heap, "library_keeps"))' \
		'all(r.stack[:3] == ["main_keeps", "calls", "main"]
			for r in named(heap, "main_keeps"))' \
		'all(r.stack[:3] == ["library_keeps", "calls", "main"]
			for r in named(heap, "library_keeps"))'
}

# The libraries that every program here opens.
libraries() {
	build apart.so library -shared -fPIC $APART
	set -- "$PWD/apart.so"
	if command -v ld.lld >/dev/null; then
		build lld.so library -shared -fPIC -fuse-ld=lld
		build lld_apart.so library -shared -fPIC -fuse-ld=lld $APART
		set -- "$@" "$PWD/lld.so" "$PWD/lld_apart.so"
	fi
	libraries=("$@")
}

@test "stacks are complete in a program with gaps" {
	libraries
	build program program -no-pie -fno-pie $APART
	has_gaps program
	complete program "${libraries[@]}"
}

@test "stacks are complete in a position-independent program with gaps" {
	libraries
	build program program -pie -fPIE $APART
	has_gaps program
	complete program "${libraries[@]}"
}

@test "stacks are complete in a program with gaps from lld" {
	need_lld
	libraries
	build program program -no-pie -fno-pie -fuse-ld=lld $APART
	has_gaps program
	complete program "${libraries[@]}"
	build program program -pie -fPIE -fuse-ld=lld $APART
	has_gaps program
	complete program "${libraries[@]}"
}

@test "stacks are complete in a program from lld" {
	need_lld
	libraries
	build program program -no-pie -fno-pie -fuse-ld=lld
	complete program "${libraries[@]}"
	build program program -pie -fPIE -fuse-ld=lld
	complete program "${libraries[@]}"
}

# The loader maps the program then, and tells where its headers are.
@test "stacks are complete in a program with gaps that the loader was told of" {
	local loader
	libraries
	build program program -no-pie -fno-pie $APART
	loader=$(readelf -lW program | sed -n 's/.*interpreter: \(.*\)]/\1/p')
	tracked "out=$PWD/exit.snap,on=exit" "$loader" ./program \
		"${libraries[@]}"
	[ "$(look exit.snap losses.truncated_stacks)" = 0 ]
	[ "$(held exit.snap main_keeps)" = \
		"$((50 * ${#libraries[@]})) $((5000 * ${#libraries[@]}))" ]
}

# As node has it: code in several segments, the rules behind all of them.
@test "code in several segments is one module's" {
	cat >parts.c <<-'END'
		#include <stdlib.h>
		#define PART(name) \
			__attribute__((noinline, section("in_" #name))) \
			static void name(int depth)
		static void *volatile keep;
		PART(one)
		{
			keep = malloc((size_t)depth);
		}
		PART(two)
		{
			one(depth + 1);
			keep = malloc((size_t)depth);
		}
		PART(three)
		{
			two(depth + 1);
			keep = malloc((size_t)depth);
		}
		int main(void)
		{
			for (int i = 0; i < 10; i++)
				three(1000);
			return 0;
		}
	END
	gcc -g -O1 -fno-builtin -no-pie -fno-pie -Wl,--build-id -o parts \
		parts.c -Wl,--section-start=in_one=0x900000 \
		-Wl,--section-start=in_two=0xa00000 \
		-Wl,--section-start=in_three=0xb00000
	has_gaps parts
	tracked "out=$PWD/exit.snap,on=exit" ./parts
	[ "$(look exit.snap losses.truncated_stacks losses.modules_unknown \
		'[len(m.segments) for m in modules if b"/parts" in m.path]' |
		tr '\n' ' ')" = '0 0 [4] ' ]
	report exit.snap
	holds 'sorted(r.stack[:r.stack.index("main")] for r in heap
			if "three" in r.stack) == [
		["one", "two", "three"], ["three"], ["two", "three"]]'
}

# Where a library asks to be, and the kernel lets it.
@test "a library in a gap of the program is another module" {
	build in_gap.so library -shared -fPIC -Wl,-Ttext-segment=0x480000
	build other.so library -shared -fPIC
	build program program -no-pie -fno-pie $APART
	complete program "$PWD/in_gap.so" "$PWD/other.so"
	look exit.snap '[s.start for m in modules for s in m.segments
			if b"in_gap" in m.path and 0x480000 <= s.start < 0x600000]' \
		'[s.start for m in modules for s in m.segments
			if b"program" in m.path and s.start >= 0x600000]' | tee at
	! grep -qx '\[\]' at || skip "the kernel put the library elsewhere"
}
