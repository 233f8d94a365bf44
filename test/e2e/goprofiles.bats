# Heap profiles of programs that profile themselves: Go's runtime, gperftools'
# and jemalloc's allocators. The amounts are compared with what `go tool pprof`
# reads in the same files.

load programs

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	local programs=$TOP/test/e2e/programs
	mkdir go
	GO111MODULE=off GOCACHE=$PWD/cache HOME=$PWD go build -o go_leak \
		"$programs/go_leak.go"
	timeout 60 ./go_leak go 4
	${CC:-cc} -O2 -g -fno-builtin -Wall -Wextra -Werror -o heap_leak \
		"$programs/heap_leak.c"
	mkdir gperftools jemalloc
	timeout 60 env LD_PRELOAD=libtcmalloc.so.4 \
		HEAPPROFILE="$PWD/gperftools/leak" ./heap_leak 8
	# Text has no time: the file's counts. One a minute.
	local i
	for i in {1..8}; do
		touch -d "@$((1700000000 + i * 60))" gperftools/leak.000$i.heap
	done
	local conf=prof:true,lg_prof_sample:14,prof_final:true
	timeout 60 env LD_PRELOAD=libjemalloc.so.2 \
		MALLOC_CONF=$conf,prof_prefix:jemalloc/leak ./heap_leak 3
}

setup() {
	cd "$BATS_FILE_TMPDIR"
	csv=$BATS_TEST_TMPDIR/report.csv
}

# holds EXPRESSION...: of the report (report.py).
holds() {
	$PYTHON -I "$TOP/test/e2e/report.py" "$csv" "$@"
}

# total COLUMN: over the heap rows of the report.
total() {
	$PYTHON -I - "$csv" "$1" <<'PY'
import csv, sys
print(sum(int(row[sys.argv[2]]) for row in csv.DictReader(open(sys.argv[1]))
          if row["kind"] == "heap"))
PY
}

# pprof_total COLUMN FILE: the sum over its samples, as `go tool pprof` reads
# the file; columns count from 1.
pprof_total() {
	HOME=$BATS_TEST_TMPDIR go tool pprof -symbolize=none -raw "$2" \
		2>/dev/null |
		awk -v column="$1" '/^Locations/ { exit }
			/^ +[0-9-]+ .*:/ { sum += $column }
			END { printf "%d\n", sum }'
}

# refused FILE WORDS: status 3 and one line that says so.
refused() {
	local rc=0
	"$LEAKDIFF" "$1" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" ||
		rc=$?
	cat "$BATS_TEST_TMPDIR/err"
	[ $rc -eq 3 ]
	[ ! -s "$BATS_TEST_TMPDIR/out" ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/err")" -eq 1 ]
	grep -qF "$2" "$BATS_TEST_TMPDIR/err"
}

@test "go_profiles_name_the_leaking_function_first" {
	"$LEAKDIFF" go/heap.1.pb.gz go/heap.4.pb.gz --csv -o "$csv"
	# 1,500 of 4 KiB, estimated from one in 4 KiB: within a tenth.
	holds "heap[0].function == 'main.leakRecords'" \
		"0.9 < heap[0].delta_objects / 1500 < 1.1" \
		"0.9 < heap[0].delta_bytes / (1500 * 4096) < 1.1" \
		"heap[0].file.endswith('/go_leak.go')" \
		"heap[0].stack[1] == 'main.main'" \
		"named(heap, 'main.loadTable')[0].delta_bytes == 0" \
		"named(heap, 'main.churn')[0].alloc_objects > 5000"
}

@test "go_profiles_hold_what_pprof_reads_in_them" {
	"$LEAKDIFF" go/heap.1.pb.gz go/heap.4.pb.gz --csv -o "$csv"
	[ "$(total live_objects_old)" -eq "$(pprof_total 3 go/heap.1.pb.gz)" ]
	[ "$(total live_bytes_old)" -eq "$(pprof_total 4 go/heap.1.pb.gz)" ]
	[ "$(total live_objects_new)" -eq "$(pprof_total 3 go/heap.4.pb.gz)" ]
	[ "$(total live_bytes_new)" -eq "$(pprof_total 4 go/heap.4.pb.gz)" ]
	[ "$(total live_bytes_new)" -gt $((32 << 20)) ]
}

@test "go_profiles_have_a_trend" {
	# By time, not by name or argument.
	"$LEAKDIFF" go/heap.3.pb.gz go/heap.1.pb.gz go/heap.4.pb.gz \
		go/heap.2.pb.gz --csv -o "$csv"
	head -n 1 "$csv" | grep -q ',verdict,confidence,bytes_per_hour,'
	sed -n 2p "$csv" | grep -q '^heap,main.leakRecords,[1-9]'
	"$LEAKDIFF" go/heap.*.pb.gz --series -o "$csv"
	[ "$(grep -c 'main.leakRecords' "$csv")" -ge 4 ]
	"$LEAKDIFF" go/heap.*.pb.gz | grep -q main.leakRecords
}

@test "go_text_is_the_same_profile" {
	"$LEAKDIFF" go/heap.1.txt go/heap.4.txt --csv -o "$csv"
	holds "heap[0].function == 'main.leakRecords'" \
		"heap[0].file.endswith('/go_leak.go')" \
		"0.9 < heap[0].delta_bytes / (1500 * 4096) < 1.1" \
		"not named(heap, '0x.*')"
	# pprof cuts what is estimated off, row by row.
	local ours theirs
	ours=$(total live_objects_new) theirs=$(pprof_total 3 go/heap.4.txt)
	[ "$ours" -ge "$theirs" ]
	[ "$ours" -lt $((theirs + 100)) ]
}

@test "goroutines_are_told_by_their_stacks" {
	"$LEAKDIFF" go/goroutine.pb.gz --csv -o "$csv"
	# Five that wait and the one that writes this.
	holds "total(threads, 'live_objects_new') == 6" \
		"any('main.main.func1' in t.stack and t.live_objects_new == 5 \
			for t in threads)" "heap == []"
}

@test "cpu_profile_is_refused_by_what_it_holds" {
	refused go/cpu.pb.gz \
		'holds samples/count, cpu/nanoseconds: not a heap profile'
}

@test "profile_of_a_difference_is_refused" {
	"$LEAKDIFF" go/heap.1.pb.gz go/heap.4.pb.gz --pprof \
		-o "$BATS_TEST_TMPDIR/diff.pb.gz"
	refused "$BATS_TEST_TMPDIR/diff.pb.gz" 'the difference of two'
	# pprof's own, where the newer one is subtracted.
	HOME=$BATS_TEST_TMPDIR go tool pprof -symbolize=none -proto \
		-output "$BATS_TEST_TMPDIR/base.pb.gz" \
		-base go/heap.4.pb.gz go/heap.1.pb.gz 2>/dev/null
	refused "$BATS_TEST_TMPDIR/base.pb.gz" 'the difference of two'
}

@test "own_profiles_read_like_what_they_were_made_from" {
	local one
	for one in 1 4; do
		"$LEAKDIFF" go/heap.$one.pb.gz --pprof \
			-o "$BATS_TEST_TMPDIR/own.$one.pb.gz"
	done
	"$LEAKDIFF" go/heap.1.pb.gz go/heap.4.pb.gz --csv -o "$csv"
	mv "$csv" "$csv.direct"
	"$LEAKDIFF" "$BATS_TEST_TMPDIR"/own.{1,4}.pb.gz --csv -o "$csv"
	[ "$(wc -l <"$csv")" -gt 3 ]
	cmp "$csv.direct" "$csv"
}

@test "profile_comes_through_a_pipe_packed_or_not" {
	"$LEAKDIFF" go/heap.1.pb.gz go/heap.4.pb.gz --csv -o "$csv"
	cat go/heap.4.pb.gz | "$LEAKDIFF" go/heap.1.pb.gz - --csv | cmp - "$csv"
	gzip -dc go/heap.4.pb.gz | "$LEAKDIFF" go/heap.1.pb.gz - --csv |
		cmp - "$csv"
}

@test "gperftools_profiles_name_the_leaking_function_first" {
	"$LEAKDIFF" gperftools/leak.0001.heap gperftools/leak.0003.heap --csv \
		-o "$csv"
	holds "heap[0].function == 'leak_records'" \
		"heap[0].delta_objects == 1000" \
		"heap[0].delta_bytes == 1000 * 4096" \
		"heap[0].stack[1] == 'main'" \
		"named(heap, 'churn')[0].delta_bytes == 0" \
		"named(heap, 'churn')[0].alloc_objects == 4000" \
		"named(heap, 'churn')[0].free_bytes == 4000 * 8192"
	# pprof: allocated objects and bytes, then in use.
	[ "$(total live_objects_new)" -eq \
		"$(pprof_total 3 gperftools/leak.0003.heap)" ]
	[ "$(total live_bytes_new)" -eq \
		"$(pprof_total 4 gperftools/leak.0003.heap)" ]
}

@test "gperftools_profiles_have_a_trend" {
	# 500 of 4 KiB a minute. The ninth is of the program's end.
	"$LEAKDIFF" gperftools/leak.000{8,3,1,2,6,5,4,7}.heap --csv -o "$csv"
	sed -n 2p "$csv" | grep -q '^heap,leak_records,14336000,3500,'
	sed -n 2p "$csv" | grep -q ',leak,[01].[0-9]*,122880000,30000.0,$'
}

@test "jemalloc_profile_names_the_leaking_function" {
	"$LEAKDIFF" jemalloc/leak.*.heap --csv -o "$csv"
	# 1,500 of 4 KiB, of which jemalloc saw one in four.
	holds "heap[0].function == 'leak_records'" \
		"0.8 < heap[0].live_bytes_new / (1500 * 4096) < 1.2"
}

# A profile of goroutines says nothing of the heap: it is no heap that is empty.
@test "a_profile_of_goroutines_does_not_hide_a_leak_of_the_heap" {
	local rc=0
	cp go/heap.*.pb.gz "$BATS_TEST_TMPDIR/"
	cp go/goroutine.pb.gz "$BATS_TEST_TMPDIR/"
	"$LEAKDIFF" "$BATS_TEST_TMPDIR" --json |
		$PYTHON -Ic 'import json, sys
report = json.load(sys.stdin)
heap, = [p for p in report["processes"] if len(p["snapshots"]) > 1]
assert heap["heap"][0]["function"] == "main.leakRecords", heap["heap"][0]
assert heap["totals"]["heap"]["delta_bytes"] > 0'
	"$LEAKDIFF" "$BATS_TEST_TMPDIR" --fail-over 1K >/dev/null || rc=$?
	[ $rc -ne 0 ]
}
