# Loaded by the tests of the shim's own behaviour, on top of programs.bash:
# hosts made from host_*.c, and looking into snapshots.

# Beside this file, whoever loads it from elsewhere.
load "$TOP/test/e2e/programs"

NOBODY=65534

# build_host NAME [FLAGS...]: makes $BATS_FILE_TMPDIR/NAME from host_NAME.c or
# .cc. As a distribution builds: optimised, without frame pointers.
build_host() {
	local name=$1 compiler=${CC:-cc} source=$TOP/test/e2e/host_$1.c
	shift
	if [ ! -e "$source" ]; then
		source=${source}c compiler=${CXX:-c++}
	fi
	"$compiler" -O2 -g -fno-builtin -Wall -Wextra -Werror -D_GNU_SOURCE \
		-o "$BATS_FILE_TMPDIR/$name" "$source" -pthread "$@"
}

# track OPTIONS COMMAND...: in the background under the shim. Sets pid; its
# output is in host.out and host.err.
track() {
	start_tracked host "$@"
}

# end_hosts: for teardown. Ends what is left, and removes the status files of
# programs that were killed, which nobody may ever look at again.
end_hosts() {
	local namespace uid one at
	end_processes
	[ -e "$BATS_TEST_TMPDIR/processes" ] || return 0
	namespace=$(stat -Lc %i /proc/self/ns/pid)
	while read -r one at; do
		for uid in "$(id -u)" $NOBODY; do
			rm -f "/run/user/$uid/leakshim/$namespace-$one" \
				"/tmp/leakshim-$uid/$namespace-$one"
		done
	done <"$BATS_TEST_TMPDIR/processes"
	# Others may have files there, or nobody ever had.
	rmdir /tmp/leakshim-$NOBODY 2>/dev/null || [ $? = 1 ]
}

# csv_sum FILE COLUMN [KIND [FUNCTION]]: over the rows of leakdiff --csv.
csv_sum() {
	$PYTHON -I - "$@" <<'PY'
import csv, sys
path, column, *wanted = sys.argv[1:]
print(sum(int(row[column]) for row in csv.DictReader(open(path))
          if all(row[key] == want for key, want
                 in zip(("kind", "function"), wanted))))
PY
}

# held SNAPSHOT FUNCTION: "OBJECTS BYTES" live there that FUNCTION allocated.
# Leaves the report in held.csv.
held() {
	"$LEAKDIFF" "$1" --csv -o held.csv
	echo "$(csv_sum held.csv live_objects_new heap "$2")" \
		"$(csv_sum held.csv live_bytes_new heap "$2")"
}

# look SNAPSHOT EXPRESSION...: of Python, over what decode_snapshot.py finds, as
# `header.trigger` or `sum(sites.live_bytes)`. No code of ours reads it there.
look() {
	$PYTHON -IB "$TOP/test/e2e/decode_snapshot.py" "$@"
}

need_root() {
	[ "$(id -u)" = 0 ] || skip "needs root: $1"
}

# What dropped its privileges must be able to reach the test's directory.
open_test_directory() {
	local directory=$BATS_TEST_TMPDIR
	while [ "$directory" != "${BATS_RUN_TMPDIR%/*}" ]; do
		chmod a+x "$directory"
		directory=${directory%/*}
	done
}
