# Sites are the same ones across address spaces, builds and reloads.

load helpers

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	cat >library.c <<-'END'
	#include <stdlib.h>
	void *volatile kept;
	void keep(void) { kept = malloc(1000); }
	END
	${CC:-cc} -g -O1 -fno-builtin -shared -fPIC -o library.so library.c
	# Built twice: of the second every function is elsewhere, and leak() has
	# moved to another line.
	cat >server.c <<-'END'
	#include <stdlib.h>
	#include <unistd.h>
	#ifdef NEW
	int padding(int x) { return x * 3 + 1; }

	#endif
	void *volatile kept;
	__attribute__((noinline)) void leak(void) { kept = malloc(100); }
	__attribute__((noinline)) void table(void) { kept = malloc(5000); }
	int main(int argc, char **argv)
	{
		int i, rounds = atoi(argv[argc - 1]);

		table();
		for (i = 0; i < 60; i++) {
			int k;

			for (k = 0; k < rounds; k++)
				leak();
			usleep(argc > 2 ? 100000 : 1000);
		}
		return 0;
	}
	END
	mkdir old new
	${CC:-cc} -g -O1 -fno-builtin -Wl,--build-id -o old/server server.c
	${CC:-cc} -g -O1 -fno-builtin -Wl,--build-id -DNEW -o new/server server.c
	cat >reload.c <<-'END'
	#include <dlfcn.h>
	#include <signal.h>
	#include <stdlib.h>
	#include <sys/mman.h>
	#include <unistd.h>
	int main(int argc, char **argv)
	{
		int i;

		for (i = 0; i < 2; i++) {
			void *library = dlopen(argv[argc - 1], RTLD_NOW);
			void (*keep)(void) = (void (*)(void))dlsym(library,
								   "keep");

			keep();
			raise(SIGUSR2);
			usleep(300000);
			dlclose(library);
			/* Whatever took its place is in the way. */
			mmap(NULL, 64 << 20, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		}
		return 0;
	}
	END
	${CC:-cc} -g -O1 -fno-builtin -o reload reload.c -ldl
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	old=$BATS_FILE_TMPDIR/old/server
	new=$BATS_FILE_TMPDIR/new/server
}

# run_to_exit NAME PROGRAM ROUNDS: NAME is the snapshot of its exit.
run_to_exit() {
	tracked "out=$PWD/$1,on=exit" "$2" "$3"
}

# identity FILE...: what the report says of it.
identity() {
	"$LEAKDIFF" "$@" --json | $PYTHON -Ic '
import json, sys
identity = json.load(sys.stdin)["identity"]
print(identity["by"], identity["sites_unmatched"])'
}

@test "two runs of one build match by build-id, wherever the loader put them" {
	run_to_exit one.snap "$old" 1
	run_to_exit two.snap "$old" 3
	report one.snap two.snap
	holds "named(heap, 'leak')[0].live_objects_old == 60" \
		"named(heap, 'leak')[0].delta_objects == 120" \
		"named(heap, 'table')[0].delta_bytes == 0" \
		"len(named(heap, 'leak')) == 1" "len(named(heap, 'table')) == 1"
	[ "$(identity one.snap two.snap)" = "build-id 0" ]
}

@test "two builds match by names" {
	run_to_exit one.snap "$old" 1
	run_to_exit two.snap "$new" 3
	report one.snap two.snap
	holds "named(heap, 'leak')[0].delta_objects == 120" \
		"len(named(heap, 'leak')) == 1" "len(named(heap, 'table')) == 1"
	[ "$(identity one.snap two.snap)" = "names 0" ]
}

@test "a build without names matches nothing, and the report says so" {
	mkdir stripped
	run_to_exit one.snap "$old" 1
	strip -o stripped/server "$new"
	run_to_exit two.snap "$PWD/stripped/server" 3
	report one.snap two.snap
	holds "named(heap, 'leak')[0].live_bytes_new == 0"
	[[ $(identity one.snap two.snap) =~ ^names\ [1-9] ]]
	"$LEAKDIFF" one.snap two.snap | grep -i 'match'
}

@test "a library that was unloaded and loaded again elsewhere is one" {
	tracked "out=$PWD/%n.snap" "$BATS_FILE_TMPDIR/reload" \
		"$BATS_FILE_TMPDIR/library.so"
	report 1.snap 2.snap
	holds "len(named(heap, 'keep')) == 1" \
		"named(heap, 'keep')[0].live_bytes_old == 1000" \
		"named(heap, 'keep')[0].live_bytes_new == 2000"
}

@test "several processes: who leaks, and since which build" {
	local pids=() i build
	build=$(readelf -n "$new" | sed -n 's/.*Build ID: //p')
	for i in 1 2; do
		tracked "out=$PWD/old.%p.%n.snap,interval=1s" "$old" slow 0 &
		pids+=($!)
		tracked "out=$PWD/new.%p.%n.snap,interval=1s" "$new" slow 20 &
		pids+=($!)
		[ $i = 2 ] || wait "${pids[@]}"
	done
	wait "${pids[@]}"
	"$LEAKDIFF" . --json -o fleet.json
	$PYTHON -Ic '
import json, sys
report = json.load(open("fleet.json"))
assert len(report["processes"]) == 4, len(report["processes"])
row, = report["fleet"]
assert row["function"] == "leak", row
assert (row["grows_in"], row["processes"]) == (2, 4), row' fleet.json
	"$LEAKDIFF" . >fleet.txt
	grep '2 of 4' fleet.txt
	[ -n "$build" ]
}
