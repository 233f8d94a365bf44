# Other allocators beside the shim, in every order; and runtimes that are
# allocators themselves.

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

# library NAME: sets `library` to its path, or skips.
library() {
	library=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p |
		sed -n "s,^.$1 .*x86-64.* => ,,p" | head -n 1)
	[ -n "$library" ] || skip "there is no $1"
}

# What every order must do: live on, with threads, forks and a failing request,
# and count to the unit.
works=(leak:100x64 churn:3000x5000 regrow:50x100 unjoined:5 vfork
	spawn:/bin/true atexit leak:2x300000)

# counted SNAPSHOT
counted() {
	[ "$(held "$1" leak_here)" = '102 606400' ]
	[ "$(held "$1" churn_here)" = '0 0' ]
	[ "$(held "$1" regrow_here)" = '1 100' ]
	[ "$(held "$1" keep_until_exit)" = '0 0' ]
	"$LEAKDIFF" --verify "$1"
}

# in_front LIBRARY: the shim before it in LD_PRELOAD.
in_front() {
	library "$1"
	LD_PRELOAD=$SHIM:$library LEAKSHIM=out=%e.%n.snap,on=exit \
		timeout 60 "$steps" "${works[@]}" >out 2>err 3>&-
	[ ! -s err ]
	counted steps.1.snap
}

# behind LIBRARY: then it sees the calls and we don't, and say so.
behind() {
	library "$1"
	LD_PRELOAD=$library:$SHIM LEAKSHIM=out=%e.%n.snap,on=exit \
		timeout 60 "$steps" "${works[@]}" >out 2>err 3>&-
	grep -q "^leakshim: the malloc of .*$1.* comes before ours" err
	[ -e steps.1.snap ]
	"$LEAKDIFF" --verify steps.1.snap
}

# linked LIBRARY: as DT_NEEDED of the program.
linked() {
	library "$1"
	${CC:-cc} -O2 -g -fno-builtin -D_GNU_SOURCE -o linked \
		"$TOP/test/e2e/host_steps.c" -pthread -Wl,--no-as-needed \
		"$library" || skip "$1 can not be linked to"
	readelf -d linked | grep -q "NEEDED.*$1"
	tracked out=%e.%n.snap,on=exit ./linked "${works[@]}" >out 2>err
	[ ! -s err ]
	counted linked.1.snap
}

@test "the shim in front of libjemalloc counts to the unit" {
	in_front libjemalloc.so.2
}

@test "the shim behind libjemalloc says that it sees nothing" {
	behind libjemalloc.so.2
}

@test "a program linked to libjemalloc is counted to the unit" {
	linked libjemalloc.so.2
}

@test "the shim in front of libtcmalloc counts to the unit" {
	in_front libtcmalloc.so.4
}

@test "the shim behind libtcmalloc says that it sees nothing" {
	behind libtcmalloc.so.4
}

@test "a program linked to libtcmalloc is counted to the unit" {
	linked libtcmalloc.so.4
}

@test "the shim in front of libtcmalloc_minimal counts to the unit" {
	in_front libtcmalloc_minimal.so.4
}

@test "the shim behind libtcmalloc_minimal says that it sees nothing" {
	behind libtcmalloc_minimal.so.4
}

@test "a program linked to libtcmalloc_minimal is counted to the unit" {
	linked libtcmalloc_minimal.so.4
}

@test "the shim in front of libmimalloc counts to the unit" {
	in_front libmimalloc.so.2
}

@test "the shim behind libmimalloc says that it sees nothing" {
	behind libmimalloc.so.2
}

@test "a program linked to libmimalloc is counted to the unit" {
	linked libmimalloc.so.2
}

@test "an allocator linked into the program is announced, and left alone" {
	build_host static_malloc
	run "$BATS_FILE_TMPDIR/static_malloc"
	[ "$status" -eq 3 ]
	[ "$output" = 'mine 1' ]
	status=0
	tracked out=%n.snap "$BATS_FILE_TMPDIR/static_malloc" >out 2>err ||
		status=$?
	[ "$status" -eq 3 ]
	[ "$(cat out)" = 'mine 1' ]
	grep -q '^leakshim: the malloc of .*static_malloc comes before ours' err
	[ "$(wc -l <err)" -eq 1 ]
}

# sanitized NAME FLAGS...: passes through under a bare LD_PRELOAD, and finds
# its own leak as without us.
sanitized() {
	local plain=0 under=0 name=$1
	shift
	cat >small.c <<-'C'
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		static void *volatile kept;
		int main(int argc, char **argv)
		{
			kept = malloc(10);
			kept = realloc(kept, 100000);
			strcpy(kept, "here");
			puts(kept);
			free(kept);
			if (argc > 1)
				kept = malloc(77);
			kept = NULL;
			return argc > 1 ? 0 : 3;
		}
	C
	"$@" -g -o small small.c 2>err || skip "$1 makes no such programs"
	./small >plain.out 2>plain.err || plain=$?
	LD_PRELOAD=$SHIM LEAKSHIM=out=%e.%n.snap,on=exit timeout 60 ./small \
		>out 2>err 3>&- || under=$?
	[ "$plain" -eq 3 ]
	[ "$under" -eq 3 ]
	cmp plain.out out
	grep -q "^leakshim: not tracking: ${name}Sanitizer is in the program" err
	[ "$(wc -l <err)" -eq 1 ]
	[ ! -e small.1.snap ]
}

@test "a program with AddressSanitizer is left alone" {
	sanitized Address clang -fsanitize=address
	# Its leak detector, which needs ptrace, says the same.
	plain=0 under=0
	./small leak >plain.out 2>plain.err || plain=$?
	LD_PRELOAD=$SHIM ./small leak >out 2>err || under=$?
	[ "$plain" -eq "$under" ]
}

@test "a program with ThreadSanitizer is left alone" {
	sanitized Thread clang -fsanitize=thread
}

@test "a program with LeakSanitizer is left alone" {
	sanitized Leak clang -fsanitize=leak
}

@test "a program with gcc's AddressSanitizer is left alone" {
	export ASAN_OPTIONS=verify_asan_link_order=0
	sanitized Address "${CC:-gcc}" -fsanitize=address
}

@test "valgrind is left alone" {
	command -v valgrind >/dev/null || skip 'there is no valgrind'
	# What it loads into the program is loaded by its name.
	LD_PRELOAD=$SHIM LEAKSHIM=out=%e.%n.snap,on=exit valgrind -q \
		--leak-check=full "$steps" leak:10x64 exit:3 >out 2>err ||
		[ $? -eq 3 ]
	grep -q 'definitely lost: 640 bytes in 10 blocks\|640 (.*) bytes in 10 blocks\|576 bytes in 9' err
	grep -q 'leakshim: not tracking: valgrind runs the program' err
	[ ! -e steps.1.snap ]
}
