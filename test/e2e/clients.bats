# What leakdiff writes, read by the programs that people read it with, and all
# formats against each other.

load helpers

# Five snapshots of one program that grows, shrinks, and starts threads.
setup_file() {
	local BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR n steps=()
	build_host steps
	cd "$BATS_FILE_TMPDIR"
	for n in 1 2 3 4 5; do
		steps+=("leak:$((n * 10))x1000" churn:500x100
			"regrow:$((6 - n))x640" "deep:$n" "touch:at$n"
			"wait:go$n")
		[ $n != 2 ] || steps+=(threads:2)
		[ $n != 4 ] || steps+=(unjoined:3)
	done
	start_tracked host out=%n.snap "$BATS_FILE_TMPDIR/steps" \
		"${steps[@]}" pause
	for n in 1 2 3 4 5; do
		wait_for_file at$n
		"$LEAKSHIM_BIN" snapshot $pid
		touch go$n
	done
	end_hosts
	echo 'leak:leak_deep' >suppressions
}

setup() {
	cd "$BATS_FILE_TMPDIR"
	export HOME=$BATS_TEST_TMPDIR
}

teardown() {
	end_hosts
}

need_go() {
	command -v go >/dev/null || skip 'there is no go'
}

formats_agree() {
	$PYTHON -IB "$TOP/test/e2e/check_formats.py" "$LEAKDIFF" "$@"
}

schema_holds() {
	$PYTHON -Ic 'import jsonschema' 2>/dev/null ||
		skip 'there is no python3-jsonschema'
	$PYTHON -IB "$TOP/test/e2e/check_json.py" \
		"$TOP/doc/leakdiff.schema.json" "$@"
}

# --- the formats against each other -----------------------------------------

@test "all formats tell the same numbers of one snapshot" {
	need_go
	formats_agree -- 1.snap
	formats_agree --no-symbols -- 3.snap
}

@test "all formats tell the same numbers of two snapshots" {
	need_go
	formats_agree -- 1.snap 5.snap
	formats_agree --no-inlines -- 2.snap 3.snap
	# What grew has shrunk.
	formats_agree -- 5.snap 1.snap
}

@test "all formats tell the same numbers of five snapshots" {
	need_go
	formats_agree -- [1-5].snap
}

@test "what is not listed is in the totals of all formats" {
	need_go
	for files in '1.snap' '1.snap 5.snap' '1.snap 2.snap 3.snap 4.snap'; do
		formats_agree --focus leak -- $files
		formats_agree --ignore 'leak_here' -- $files
		formats_agree --min-bytes 20000 -- $files
		formats_agree --top 1 -- $files
		formats_agree --suppressions suppressions -- $files
		formats_agree --top 2 --focus leak --min-bytes 100 -- $files
	done
}

@test "sums by function, file and module agree too" {
	for by in function file module; do
		formats_agree --by $by -- 1.snap 5.snap
		formats_agree --by $by --focus leak -- [1-5].snap
	done
}

@test "the order of arguments is nothing to five snapshots" {
	for format in --csv --series --json; do
		"$LEAKDIFF" $format [1-5].snap >sorted
		"$LEAKDIFF" $format 3.snap 1.snap 5.snap 4.snap 2.snap >mixed
		cmp sorted mixed
	done
}

# --- JSON --------------------------------------------------------------------

@test "every mode's JSON is what the schema says, and adds up" {
	tracked out=other.%n,on=exit "$BATS_FILE_TMPDIR/steps" leak:20x1000
	"$LEAKDIFF" --json 1.snap -o one.json
	"$LEAKDIFF" --json 1.snap 5.snap -o two.json
	"$LEAKDIFF" --json [1-5].snap -o five.json
	"$LEAKDIFF" --json 1.snap other.1 -o strangers.json
	"$LEAKDIFF" --json [1-5].snap other.1 -o fleet.json
	"$LEAKDIFF" --json --by function [1-5].snap -o by.json
	"$LEAKDIFF" --json --top 1 --focus leak [1-5].snap -o top.json
	head -c $(($(stat -c %s 5.snap) * 9 / 10)) 5.snap >cut.snap
	"$LEAKDIFF" --json 1.snap cut.snap -o cut.json
	for file in *.json; do
		$PYTHON -Im json.tool $file >/dev/null
	done
	schema_holds *.json
	[ "$($PYTHON -Ic 'import json
for name in ("one", "two", "five", "fleet"):
    print(json.load(open(name + ".json"))["mode"])' | xargs)" = \
		'snapshot diff trend trend' ]
}

@test "a report that the schema does not describe is refused" {
	"$LEAKDIFF" --json 1.snap -o one.json
	schema_holds one.json
	for change in 's/"schema_version":1/"schema_version":2/' \
		's/"mode":"snapshot"/"mode":"other"/' \
		's/"live_bytes_new":[0-9]*/"live_bytes_new":1/' \
		's/"sequence"/"number"/' 's/"named"/"name"/'; do
		sed "$change" one.json >broken.json
		! cmp -s one.json broken.json
		run schema_holds broken.json
		[ "$status" -ne 0 ]
	done
}

@test "an id is the same in another process at other addresses" {
	tracked out=other.%n,on=exit "$BATS_FILE_TMPDIR/steps" leak:20x1000
	ids() {
		"$LEAKDIFF" --series "$@" | $PYTHON -Ic 'import csv, sys
for row in csv.DictReader(sys.stdin):
    if row["function"] == "leak_here":
        print(row["site"])' | sort -u
	}
	[ "$(ids 1.snap other.1 | wc -l)" -eq 1 ]
	# Without names it is the place.
	[ "$(ids 1.snap)" != "$(ids 1.snap --no-symbols)" ]
}

# --- CSV ---------------------------------------------------------------------

@test "python's csv module reads what the columns promise" {
	fixed=kind,function,delta_bytes,delta_objects,live_bytes_old
	fixed+=,live_bytes_new,live_objects_old,live_objects_new,alloc_bytes
	fixed+=,alloc_objects,free_bytes,free_objects,file,line,module,stack
	trend=verdict,confidence,bytes_per_hour,objects_per_hour,eta_hours
	head_of() { "$LEAKDIFF" --csv "$@" | head -n 1; }
	tracked out=other.%n,on=exit "$BATS_FILE_TMPDIR/steps" leak:20x1000
	[ "$(head_of 1.snap)" = "$fixed" ]
	[ "$(head_of 1.snap 5.snap)" = "$fixed" ]
	[ "$(head_of [1-5].snap)" = "$fixed,$trend" ]
	[ "$(head_of [1-5].snap other.1)" = "$fixed,$trend,process" ]
	for files in 1.snap '1.snap 5.snap' '1.snap 2.snap 3.snap other.1'; do
		for format in --csv --series; do
			"$LEAKDIFF" $format $files >table
			$PYTHON -Ic 'import csv, sys
rows = list(csv.reader(open(sys.argv[1], newline=""), strict=True))
assert len(rows) > 5 and len({len(row) for row in rows}) == 1' table
		done
	done
}

# --- pprof -------------------------------------------------------------------

# What a report has in any case would not show that it was read.
@test "go tool pprof shows a snapshot by function, line and tag" {
	need_go
	"$LEAKDIFF" 5.snap --pprof -o 5.pb.gz
	go tool pprof -top -unit=B 5.pb.gz 2>err >top
	grep -Eq '^ +150000B .* leak_here( |$)' top
	go tool pprof -top -lines -unit=B 5.pb.gz 2>err >lines
	grep -Eq '^ +150000B .* leak_here .*host_steps\.c:[0-9]+$' lines
	go tool pprof -tags 5.pb.gz >tags 2>err
	! grep -q pprof::base tags
}

@test "go tool pprof shows a difference relative to its base" {
	need_go
	"$LEAKDIFF" 1.snap 5.snap --pprof -o diff.pb.gz
	"$LEAKDIFF" 1.snap --pprof -o 1.pb.gz
	"$LEAKDIFF" 5.snap --pprof -o 5.pb.gz
	# Its own difference of the two is the judge.
	go tool pprof -top -unit=B -nodefraction=0 -nodecount=100000 \
		diff.pb.gz 2>err | sed '1,/^ *flat /d' | sort >ours
	go tool pprof -top -unit=B -nodefraction=0 -nodecount=100000 \
		-diff_base 1.pb.gz 5.pb.gz 2>err | sed '1,/^ *flat /d' |
		sort >theirs
	grep -Eq '^ +140000B .* leak_here( |$)' ours
	cmp ours theirs
	go tool pprof -tags diff.pb.gz 2>err >tags
	grep -q pprof::base tags
	"$LEAKDIFF" 1.snap 5.snap --pprof --growth-only -o growth.pb.gz
	go tool pprof -top -unit=B growth.pb.gz 2>err >top
	grep -Eq '^ +140000B .* leak_here( |$)' top
	! grep -q -- '^ *-' top
}

@test "go tool pprof shows the threads" {
	need_go
	"$LEAKDIFF" 1.snap 5.snap --pprof --threads -o threads.pb.gz
	go tool pprof -top threads.pb.gz >top 2>err
	grep -q '^Type: threadcreate' top
	grep -Eq '^ +3 .* never_join( |$)' top
}

@test "the pages of go tool pprof show every call stack" {
	need_go
	local port names
	"$LEAKDIFF" 5.snap --pprof -o 5.pb.gz
	port=$(free_port)
	start pages go tool pprof -no_browser -http "127.0.0.1:$port" \
		-edgefraction 0 -nodefraction 0 -nodecount 100000 5.pb.gz
	page() {
		curl -sf --max-time 20 "http://127.0.0.1:$port/ui/$1" >$1.html
	}
	wait_until 30 page flamegraph
	page top
	"$LEAKDIFF" 5.snap --csv | $PYTHON -Ic 'import csv, sys
for row in csv.DictReader(sys.stdin):
    if row["kind"] == "heap" and int(row["live_bytes_new"]):
        print(row["function"])' | sort -u >names
	[ "$(wc -l <names)" -ge 3 ]
	while read -r name; do
		grep -qF -- "$name" flamegraph.html
		grep -qF -- "$name" top.html
	done <names
}

@test "two Go profiles differ as go tool pprof says" {
	need_go
	local at=$TOP/test/fixtures/profiles type
	"$LEAKDIFF" $at/heap.1.pb.gz $at/heap.2.pb.gz --pprof -o go.pb.gz
	shown() {
		go tool pprof -top -unit=B -nodefraction=0 -nodecount=100000 \
			-symbolize=none -sample_index=$type "$@" 2>err |
			sed '1,/^ *flat /d' | sort
	}
	for type in inuse_space inuse_objects alloc_space alloc_objects; do
		shown go.pb.gz >ours
		shown -diff_base $at/heap.1.pb.gz $at/heap.2.pb.gz >theirs
		grep -q main.leakRecords ours
		cmp ours theirs
	done
}

@test "a profile of a profile is that profile" {
	need_go
	"$LEAKDIFF" 5.snap --pprof -o 5.pb.gz
	"$LEAKDIFF" 5.pb.gz --pprof -o again.pb.gz
	for file in 5 again; do
		go tool pprof -top -unit=B -nodefraction=0 $file.pb.gz 2>err |
			sed '1,/^ *flat /d' | sort >$file.top
	done
	grep -q leak_here 5.top
	cmp 5.top again.top
}

# --- speedscope --------------------------------------------------------------

# speedscope FILE: what its page shows, as lines of TOTAL SELF NAME.
speedscope() {
	local work=$BATS_FILE_TMPDIR/clients chromium
	command -v npm >/dev/null || skip 'there is no npm'
	chromium=$(command -v chromium) || skip 'there is no Chromium'
	if [ ! -e "$work/ready" ]; then
		mkdir -p "$work"
		cp "$TOP"/test/clients/* "$work"
		(cd "$work" && timeout 120 npm ci --ignore-scripts --no-audit \
			--no-fund) >"$work/log" 2>&1 ||
			skip 'npm could not get speedscope'
		touch "$work/ready"
	fi
	CHROMIUM=$chromium SCRATCH=$BATS_TEST_TMPDIR timeout 60 \
		node "$work/speedscope.mjs" "$1" 3>&-
}

@test "speedscope imports a profile and shows its functions and bytes" {
	"$LEAKDIFF" 5.snap --pprof -o 5.pb.gz
	speedscope 5.pb.gz >shown
	grep -Eq $'^146\\.48 KB[^\t]*\t146\\.48 KB[^\t]*\tleak_here$' shown
	grep -Eq $'\tmain$' shown
}

@test "speedscope imports folded stacks of a snapshot and of growth" {
	"$LEAKDIFF" 5.snap --folded -o 5.folded
	speedscope 5.folded >shown
	grep -Eq $'^150,000[^\t]*\t150,000[^\t]*\tleak_here$' shown
	"$LEAKDIFF" 1.snap 5.snap --folded --growth-only -o growth.folded
	speedscope growth.folded >shown
	grep -Eq $'^140,000[^\t]*\t140,000[^\t]*\tleak_here$' shown
}

@test "speedscope imports the growth between two snapshots from a profile" {
	"$LEAKDIFF" 1.snap 5.snap --pprof --growth-only -o growth.pb.gz
	speedscope growth.pb.gz >shown
	grep -Eq $'^136\\.72 KB[^\t]*\t136\\.72 KB[^\t]*\tleak_here$' shown
}
