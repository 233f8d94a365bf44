# The pieces of `make bench`, on sizes so small that their numbers mean nothing:
# each runs to its end, and its tables have what they should.

load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
	[ -x /usr/bin/python3 ] || skip 'no python3 here'
	export BENCH_SIZE=tiny BENCH_ROUNDS=1 BENCH_TOOLS=ours
	cp "$TOP/doc/BENCHMARKS.md" before.md
}

teardown() {
	# What is tiny is never written down.
	cmp before.md "$TOP/doc/BENCHMARKS.md"
}

# rows PATTERN: how many lines of the output match.
rows() {
	grep -cE "$1" table || [ $? = 1 ] # 1: none
}

@test "the benchmark's programs run under each mode and are compared" {
	"$TOP/scripts/bench" programs >table
	[ "$(rows '^\| churn \| [0-9.]+ \| [0-9.]+ \| [0-9.]+ \|$')" = 1 ]
	for mode in exact sample=512K dormant; do
		[ "$(rows "^\| churn-2 \| $mode \|")" = 1 ]
		[ "$(rows "^\| python dict \| $mode \|")" = 1 ]
	done
	[ "$(rows '^\| exact, programs of one thread: geometric mean')" = 1 ]
}

@test "the smaller benchmarks give a figure for each of their rows" {
	"$TOP/scripts/bench" micro,unwind,memory,snapshot >table
	[ "$(rows '^\| (5|20|60) frames( \| [0-9.]+ \([0-9.-]+\)){5} \|$')" = 3 ]
	[ "$(rows '^\| (cfi|fp) \| [0-9.]+ ')" = 2 ]
	[ "$(rows '^\| from the signal to the file \| [0-9.]+ ')" = 1 ]
	[ "$(rows '^\| memory per live block above a million')" = 1 ]
}

@test "the benchmark of monitor gives its share of a core" {
	"$TOP/scripts/bench" monitor >table
	[ "$(rows '^\| (every second|--smaps, asked .*) \| [0-9,]+ \| [0-9.]+ \([0-9.-]+\) \| ')" = 3 ]
}

@test "the benchmark of serve gives what it adds to a unit of work" {
	"$TOP/scripts/bench" serve >table
	[ "$(rows '^\| (nobody asks|scraped every 15 s)( \| -?[0-9.]+ \(-?[0-9.]+ to -?[0-9.]+\)){4} \|$')" = 2 ]
	[ "$(rows '^\| leakshim serve, nobody asks: the helper')" = 1 ]
}

@test "the benchmark says what it does not know, and fails" {
	run -2 "$TOP/scripts/bench" churn,nonsense
	[[ "$output" == *"no such part or program: 'nonsense'"* ]]
}
