# protoc, go tool pprof, leakdiff's reports and a decoder that shares no code
# with any of them find the same numbers in the same snapshots.

load helpers

# Two snapshots of one program with a known mixture: between them 100 blocks of
# 1000 bytes more, the same churn, one block that was resized, three threads.
setup_file() {
	local BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR
	build_host steps
	cd "$BATS_FILE_TMPDIR"
	start_tracked host out=%n.snap "$BATS_FILE_TMPDIR/steps" \
		leak:50x1000 churn:1000x100 regrow:10x64 deep:9 threads:2 \
		touch:first wait:go \
		leak:100x1000 churn:500x100 regrow:5x640 unjoined:3 \
		touch:second pause
	wait_for_file first
	"$LEAKSHIM_BIN" snapshot $pid
	touch go
	wait_for_file second
	"$LEAKSHIM_BIN" snapshot $pid
	end_hosts
	"$LEAKDIFF" 1.snap --csv -o 1.csv
	"$LEAKDIFF" 2.snap --csv -o 2.csv
	"$LEAKDIFF" 1.snap 2.snap --csv -o diff.csv
	for name in 1 2; do
		zcat $name.snap | protoc --decode leakshim.v1.Snapshot \
			-I "$TOP/proto" snapshot.proto >$name.text
	done
}

setup() {
	cd "$BATS_FILE_TMPDIR"
}

# trailer FILE: its totals as protoc shows them, NAME VALUE.
trailer() {
	sed -n '/^trailer {/,/^}/s/^  \(.*\): /\1 /p' "$1"
}

# protoc_total FILE COLUMN: sum of the column over all sites.
protoc_total() {
	awk -v column="  $2:" '/^sites {/ { on = 1 } /^}/ { on = 0 }
		on && index($0, column) == 1 { sum += $2 }
		END { printf "%d\n", sum }' "$1"
}

@test "the snapshots are whole gzip files" {
	gzip -t 1.snap
	gzip -t 2.snap
	[ "$(look 1.snap truncated)" = False ]
	[ "$(look 2.snap truncated)" = False ]
}

@test "what is known of the mixture is found" {
	one() { csv_sum 1.csv "$1" heap "$2"; }
	two() { csv_sum 2.csv "$1" heap "$2"; }
	diff() { csv_sum diff.csv "$1" heap "$2"; }
	[ "$(one live_bytes_new leak_here)" -eq 50000 ]
	[ "$(two live_bytes_new leak_here)" -eq 150000 ]
	[ "$(two live_objects_new leak_here)" -eq 150 ]
	[ "$(diff delta_bytes leak_here)" -eq 100000 ]
	[ "$(diff delta_objects leak_here)" -eq 100 ]
	[ "$(two live_bytes_new churn_here)" -eq 0 ]
	[ "$(two alloc_bytes churn_here)" -eq 150000 ]
	[ "$(diff alloc_objects churn_here)" -eq 500 ]
	[ "$(diff free_bytes churn_here)" -eq 50000 ]
	# The last size of each that was resized.
	[ "$(one live_bytes_new regrow_here)" -eq 64 ]
	[ "$(two live_bytes_new regrow_here)" -eq 704 ]
	[ "$(diff alloc_bytes regrow_here)" -eq $((640 * (5+4+3+2+1))) ]
	[ "$(diff free_bytes regrow_here)" -eq $((640 * (5+4+3+2))) ]
	[ "$(two live_bytes_new leak_deep)" -eq 77 ]
	[ "$(diff delta_bytes leak_deep)" -eq 0 ]
	[ "$(csv_sum 2.csv live_objects_new thread start_threads)" -eq 2 ]
	[ "$(csv_sum diff.csv delta_objects thread never_join)" -eq 3 ]
	[ "$(csv_sum diff.csv delta_objects thread start_threads)" -eq 0 ]
}

@test "protoc, the independent decoder and leakdiff agree on every total" {
	for name in 1 2; do
		for column in alloc_objects alloc_bytes free_objects \
			free_bytes live_objects live_bytes; do
			want=$(look $name.snap "sum(sites.$column)")
			[ "$want" -gt 0 ]
			[ "$(look $name.snap "trailer.$column")" -eq $want ]
			[ "$(protoc_total $name.text $column)" -eq $want ]
			[ "$(trailer $name.text |
				sed -n "s/^$column //p")" -eq $want ]
			csv=$column
			[[ $column != live_* ]] || csv=${column}_new
			[ "$(csv_sum $name.csv $csv heap)" -eq $want ]
		done
		[ "$(look $name.snap trailer.sites)" -eq \
			"$(look $name.snap 'len(nodes)')" ]
	done
}

@test "protoc and the independent decoder agree on every number" {
	# Each value of every column, in order.
	for column in node_delta alloc_objects alloc_bytes free_objects \
		free_bytes live_objects live_bytes; do
		awk -v column="  $column:" '/^sites {/ { on = 1 }
			/^}/ { on = 0 }
			on && index($0, column) == 1 { print $2 }' \
			2.text >protoc.column
		look 2.snap "'\n'.join(map(str, sites.$column))" >our.column
		cmp protoc.column our.column
	done
	[ "$(sed -n 's/^  pid: //p' 2.text)" = "$(look 2.snap header.pid)" ]
}

@test "the totals between two snapshots are the difference of their totals" {
	for column in alloc_bytes alloc_objects free_bytes free_objects; do
		[ "$(csv_sum diff.csv $column heap)" -eq \
			$(($(look 2.snap "trailer.$column") -
				$(look 1.snap "trailer.$column"))) ]
	done
	for unit in bytes objects; do
		old=$(look 1.snap trailer.live_$unit)
		new=$(look 2.snap trailer.live_$unit)
		[ "$(csv_sum diff.csv live_${unit}_old heap)" -eq $old ]
		[ "$(csv_sum diff.csv live_${unit}_new heap)" -eq $new ]
		[ "$(csv_sum diff.csv delta_$unit heap)" -eq $((new - old)) ]
	done
}

@test "allocated less freed is live, for every site" {
	for name in 1 2; do
		[ "$(look $name.snap '[i for i in range(len(nodes)) if
			sites.alloc_bytes[i] - sites.free_bytes[i] !=
			sites.live_bytes[i] or
			sites.alloc_objects[i] - sites.free_objects[i] !=
			sites.live_objects[i]]')" = '[]' ]
	done
}

@test "age cohorts sum to what is live, for every site" {
	look 2.snap 'sum(cohorts.bytes)' 'sum(cohorts.objects)' >cohorts
	look 2.snap trailer.live_bytes trailer.live_objects >live
	cmp cohorts live
	[ "$(look 2.snap 'all(bin < len(header.cohort_bins)
		for bin in cohorts.bin)')" = True ]
}

@test "the ledger's parts sum to the resident memory" {
	[ "$(look 2.snap 'ledger.rss_bytes > 0' 'ledger.rss_bytes -
		ledger.live_heap_bytes - ledger.allocator_retained_bytes -
		ledger.direct_mmap_bytes - ledger.thread_stack_bytes -
		ledger.file_bytes - ledger.shared_bytes - ledger.shim_bytes
		- ledger.unexplained_bytes' | xargs)" = 'True 0' ]
	[ "$(look 2.snap 'ledger.live_heap_bytes - trailer.live_bytes')" -eq 0 ]
}

@test "text and CSV tell the same totals" {
	"$LEAKDIFF" 1.snap 2.snap --top 0 >text
	# Objects and counts stand in full in the text.
	total=$(sed -n '/^Heap sites/,/^$/p' text | grep -A2 '^total ')
	number() { tr -d ,; }
	[ "$(sed -n 's/^total .* in +\?\([-0-9,]*\) objects*$/\1/p' \
		<<<"$total" | number)" -eq \
		"$(csv_sum diff.csv delta_objects heap)" ]
	[ "$(sed -n 's/.*live .* in \([0-9,]*\) objects* (was.*/\1/p' \
		<<<"$total" | number)" -eq \
		"$(csv_sum diff.csv live_objects_new heap)" ]
	[ "$(sed -n 's/.*(was .* in \([0-9,]*\) objects*)/\1/p' \
		<<<"$total" | number)" -eq \
		"$(csv_sum diff.csv live_objects_old heap)" ]
	[ "$(sed -n 's/.*allocated in \([0-9,]*\) objects*, .*/\1/p' \
		<<<"$total" | number)" -eq \
		"$(csv_sum diff.csv alloc_objects heap)" ]
	[ "$(sed -n 's/.* freed in \([0-9,]*\) objects*/\1/p' \
		<<<"$total" | number)" -eq \
		"$(csv_sum diff.csv free_objects heap)" ]
	grep -q "of it (97.7 KiB, 100 objects) was allocated in leak_here" text
}

# pprof_total PROFILE SAMPLE_INDEX UNIT: of `go tool pprof -top`.
pprof_total() {
	go tool pprof -top -nodecount=100000 -nodefraction=0 \
		-sample_index="$2" -unit="$3" "$1" 2>pprof.err |
		sed -n 's/.* of \(-\{0,1\}[0-9.]*\)[A-Za-z]* total.*/\1/p'
}

# pprof_agrees PROFILE CSV INUSE: the four sample types; INUSE is which of the
# CSV's columns is what is in use, by its first letters.
pprof_agrees() {
	local inuse=$3
	[ "$(pprof_total "$1" inuse_space B)" -eq \
		"$(csv_sum "$2" "${inuse/UNIT/bytes}" heap)" ]
	[ "$(pprof_total "$1" inuse_objects count)" -eq \
		"$(csv_sum "$2" "${inuse/UNIT/objects}" heap)" ]
	[ "$(pprof_total "$1" alloc_space B)" -eq \
		"$(csv_sum "$2" alloc_bytes heap)" ]
	[ "$(pprof_total "$1" alloc_objects count)" -eq \
		"$(csv_sum "$2" alloc_objects heap)" ]
}

@test "go tool pprof agrees on the totals of a snapshot" {
	command -v go >/dev/null || skip 'there is no go'
	export HOME=$BATS_TEST_TMPDIR
	for name in 1 2; do
		"$LEAKDIFF" $name.snap --pprof -o $name.pb.gz
		gzip -t $name.pb.gz
		pprof_agrees $name.pb.gz $name.csv live_UNIT_new
	done
}

@test "go tool pprof agrees on the totals of a difference" {
	command -v go >/dev/null || skip 'there is no go'
	export HOME=$BATS_TEST_TMPDIR
	"$LEAKDIFF" 1.snap 2.snap --pprof -o diff.pb.gz
	# Its total is that of the base.
	pprof_agrees diff.pb.gz 1.csv live_UNIT_new
	go tool pprof -top -sample_index=inuse_space -unit=B diff.pb.gz \
		2>pprof.err >top
	grep -Eq '^ +100000B .* leak_here( |$)' top
}

# --- what is not whole ------------------------------------------------

@test "a truncated snapshot is reported and its good prefix used" {
	size=$(stat -c %s 2.snap)
	for cut in $((size * 98 / 100)) $((size * 9 / 10)) $((size / 2)) \
		$((size / 4)); do
		head -c $cut 2.snap >cut.snap
		run "$LEAKDIFF" cut.snap --csv
		[ "$status" -eq 0 ] || [ "$status" -eq 3 ]
		[[ $output == *"'cut.snap'"*truncated* ]]
		[[ $output != *'not the sums'* ]]
		# With the header there is always a report.
		[ "$(look cut.snap 'header is None')" = True ] ||
			[ "$status" -eq 0 ]
	done
}

@test "a snapshot that lacks its gzip's check sum only is reported and used" {
	head -c $(($(stat -c %s 2.snap) - 1)) 2.snap >cut.snap
	"$LEAKDIFF" cut.snap --csv 2>warning >cut.csv
	grep ^heap, 2.csv >want
	grep ^heap, cut.csv | cmp - want
	grep -q "'cut.snap'" warning
}

@test "snapshots of different processes are compared, and that is said" {
	tracked out=other.%n,on=exit "$BATS_FILE_TMPDIR/steps" leak:20x1000
	run "$LEAKDIFF" 1.snap other.1
	[ "$status" -eq 0 ]
	[[ $output == *"'1.snap' and 'other.1' are of different processes"* ]]
	[[ $output == *'of the second process is'* ]]
	# The same program's same stacks meet.
	"$LEAKDIFF" 1.snap other.1 --csv 2>warning >other.csv
	[ "$(csv_sum other.csv live_bytes_old heap leak_here)" -eq 50000 ]
	[ "$(csv_sum other.csv live_bytes_new heap leak_here)" -eq 20000 ]
	[ "$(csv_sum other.csv delta_bytes heap leak_here)" -eq -30000 ]
	[ "$(grep -c '^heap,leak_here,' other.csv)" -eq 1 ]
}
