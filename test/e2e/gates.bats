# Gates, suppressions, baselines and --verify on real programs.

load helpers

setup_file() {
	build_host tidy
	build_host tidyxx -std=gnu++17
	build_host steps
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	tidy=$BATS_FILE_TMPDIR/tidy
	tidyxx=$BATS_FILE_TMPDIR/tidyxx
	steps=$BATS_FILE_TMPDIR/steps
}

teardown() {
	end_hosts
}

# gives STATUS COMMAND...: its output is in out, its messages in err.
gives() {
	local wanted=$1 status=0
	shift
	"$@" >out 2>err || status=$?
	[ $status -eq "$wanted" ] || {
		echo "$* gave $status, not $wanted"
		cat err
		return 1
	}
}

# exit_snapshot FILE COMMAND...: what is live at its exit.
exit_snapshot() {
	local file=$1
	shift
	rm -f "$file"
	tracked "out=$file,on=exit,follow=none" "$@" </dev/null >/dev/null 2>&1
	[ -s "$file" ]
}

# Names of the C library's inner functions are in a package of their own.
has_inner_names() {
	"$LEAKDIFF" --show-suppressions "$1" 2>/dev/null |
		grep -A1 '^# matched' | grep -q '_nl_'
}

# snapshots COUNT STEP: COUNT snapshots of one process, 1.snap and on, between
# each of which it takes STEP.
snapshots() {
	local all="leak:1000x16 touch:begun" i
	for ((i = 2; i <= $1; i++)); do
		all+=" wait:go.$i $2 touch:done.$i"
	done
	start_tracked host out=%n.snap "$steps" $all pause
	wait_for_file begun
	for ((i = 2; i <= $1; i++)); do
		bell_snapshot $pid
		touch go.$i
		wait_for_file done.$i
	done
	bell_snapshot $pid
}

@test "a clean C program passes, one lost byte fails" {
	exit_snapshot clean.snap "$tidy"
	if ! has_inner_names clean.snap; then
		skip 'needs the C library'\''s debug symbols (libc6-dbg)'
	fi
	gives 0 "$LEAKDIFF" clean.snap --fail-over 0
	grep -x 'leakdiff: gate: passed: no site holds more than 0 B' err
	gives 0 "$LEAKDIFF" clean.snap --fail-over-total 0 --fail-threads 0
	exit_snapshot lost.snap "$tidy" lose
	gives 1 "$LEAKDIFF" lost.snap --fail-over 0
	grep 'gate: 1 site holds more than 0 B: lose_a_byte (host_tidy.c:' err
	gives 1 "$LEAKDIFF" lost.snap --fail-over-total 0
	gives 0 "$LEAKDIFF" lost.snap --fail-over 1
}

@test "a stream that is never closed fails, though its buffer looks like stdout's" {
	exit_snapshot lost.snap "$tidy" lose-file
	if ! has_inner_names lost.snap; then
		skip 'needs the C library'\''s debug symbols (libc6-dbg)'
	fi
	gives 1 "$LEAKDIFF" lost.snap --fail-over 0
	grep 'gate: 1 site holds more than 0 B: ' err
}

@test "a clean C++ program passes, one lost byte fails" {
	exit_snapshot clean.snap "$tidyxx"
	if ! has_inner_names clean.snap; then
		skip 'needs the C library'\''s debug symbols (libc6-dbg)'
	fi
	gives 0 "$LEAKDIFF" clean.snap --fail-over 0
	# The emergency pool of libstdc++ is there, and not hidden.
	grep -q suppressed out
	exit_snapshot lost.snap "$tidyxx" lose
	gives 1 "$LEAKDIFF" lost.snap --fail-over 0
	grep 'gate: 1 site holds more than 0 B: lose_a_byte() (host_tidyxx.cc:' \
		err
}

@test "without the names of the C library nothing passes or fails by guess" {
	exit_snapshot clean.snap "$tidy"
	gives 4 "$LEAKDIFF" clean.snap --fail-over 0 --no-symbols
	grep 'not enough evidence: .* without the names of the C library' err
	exit_snapshot clean.snap "$tidy"
	# With the exported names alone no site of the program is accused.
	gives 4 "$LEAKDIFF" clean.snap --fail-over 0 --debug-dir /nonexistent
	exit_snapshot lost.snap "$tidy" lose
	gives 1 "$LEAKDIFF" lost.snap --fail-over 0 --debug-dir /nonexistent
	grep 'gate: 1 site holds more than 0 B: lose_a_byte' err
}

@test "two snapshots: what grew between them fails, what was there passes" {
	snapshots 2 leak:100x1000
	gives 1 "$LEAKDIFF" 1.snap 2.snap --fail-over 90K
	grep 'gate: 1 site grew more than 90.0 KiB: leak_here' err
	grep -q leak_here out
	gives 0 "$LEAKDIFF" 1.snap 2.snap --fail-over 98K
	gives 4 "$LEAKDIFF" 1.snap 2.snap --fail-over 1/h
	gives 4 "$LEAKDIFF" 2.snap 1.snap --fail-over 90K
	gives 4 "$LEAKDIFF" 1.snap 1.snap --fail-over 90K
	gives 0 "$LEAKDIFF" 2.snap 1.snap
}

@test "threads that were never joined fail" {
	exit_snapshot threads.snap "$steps" unjoined:3
	gives 1 "$LEAKDIFF" threads.snap --fail-threads 2
	grep 'gate: more than 2 threads were added: +3, by never_join' err
	gives 0 "$LEAKDIFF" threads.snap --fail-threads 3
}

@test "a leak over many snapshots fails by its rate, few are not enough" {
	snapshots 20 "leak:100x1000 sleep:250"
	gives 1 "$LEAKDIFF" ./*.snap --fail-over 1M/h
	grep 'gate: 1 site grew more than 1.0 MiB/h: leak_here' err
	gives 0 "$LEAKDIFF" ./*.snap --fail-over 1T/h
	gives 4 "$LEAKDIFF" 1.snap 2.snap 3.snap --fail-over 1M/h
	grep 'not enough evidence' err
}

@test "what cannot be read or is cut off is never passed" {
	snapshots 3 leak:1x10
	mkdir dir
	cp ./*.snap dir
	gives 0 "$LEAKDIFF" dir --fail-over 1G
	head -c -20 3.snap >dir/3.snap
	gives 4 "$LEAKDIFF" dir --fail-over 1G
	grep 'gate: not enough evidence: 1 of 3 snapshots was left out' err
	echo no snapshot >dir/3.snap
	gives 4 "$LEAKDIFF" dir --fail-over 1G
	grep 'gate: not enough evidence: 1 file could not be read' err
	gives 4 "$LEAKDIFF" 1.snap "$(head -c -20 3.snap >cut && echo cut)" \
		--fail-over 1G
	grep "gate: not enough evidence: 'cut' is truncated" err
}

@test "a sample is no evidence for a fine gate" {
	tracked out=%n.snap,on=exit,sample=512K "$steps" leak:1x16
	gives 4 "$LEAKDIFF" 1.snap --fail-over 0
	gives 0 "$LEAKDIFF" 1.snap --fail-over 10M
}

# lose COUNT FROM TO: a copy that says so many allocations were dropped.
lose() {
	$PYTHON -I - "$@" <<'PY'
import gzip, sys

def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return value, at

def encode(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])

count, source, target = sys.argv[1:]
data, at, out = gzip.open(source).read(), 0, b""
while at < len(data):
    begin = at
    key, at = varint(data, at)
    length, at = varint(data, at)
    at += length
    if key >> 3 == 10:  # Losses: dropped_allocs is its field 1
        body = b"\x08" + encode(int(count))
        out += encode(key) + encode(len(body)) + body
    else:
        out += data[begin:at]
gzip.open(target, "w").write(out)
PY
}

@test "what was lost is no pass" {
	exit_snapshot exit.snap "$steps" churn:1000x10
	lose 1 exit.snap little.snap
	lose 100 exit.snap much.snap
	gives 0 "$LEAKDIFF" little.snap --fail-over 1M
	gives 4 "$LEAKDIFF" little.snap --fail-over 1M --max-loss 0
	gives 4 "$LEAKDIFF" much.snap --fail-over 1M
	grep 'gate: not enough evidence: 100 of .* events were lost' err
	gives 0 "$LEAKDIFF" much.snap --fail-over 1M --max-loss 10%
	gives 0 "$LEAKDIFF" much.snap
}

@test "a baseline accepts what it saw, and no more" {
	snapshots 3 leak:100x1000
	gives 1 "$LEAKDIFF" 1.snap 2.snap --fail-over 1K
	gives 0 "$LEAKDIFF" 1.snap 2.snap --write-baseline base.json
	gives 0 "$LEAKDIFF" 1.snap 2.snap --fail-over 1K --baseline base.json
	grep -q 'accepted' out
	# Twice as much.
	gives 1 "$LEAKDIFF" 1.snap 3.snap --fail-over 1K --baseline base.json
	# It holds for 90 days.
	grep "\"expires\": \"$(date -u -d '+90 days' +%F)\"" base.json
	# In another process, at other addresses, the site is the same one.
	mkdir again
	cd again
	snapshots 2 leak:100x1000
	gives 0 "$LEAKDIFF" 1.snap 2.snap --fail-over 1K \
		--baseline ../base.json
	# Expired.
	sed -i 's/"expires": "[^"]*"/"expires": "2020-01-01"/' ../base.json
	gives 1 "$LEAKDIFF" 1.snap 2.snap --fail-over 1K \
		--baseline ../base.json
	grep 'leak_here (site .* was accepted until 2020-01-01' err
}

@test "suppressions of one's own pass, and are counted" {
	exit_snapshot lost.snap "$tidyxx" lose
	echo 'leak:^lose_a_byte()$' >my.supp
	if has_inner_names lost.snap; then
		gives 0 "$LEAKDIFF" lost.snap --fail-over 0 \
			--suppressions my.supp
	fi
	gives 0 "$LEAKDIFF" lost.snap --show-suppressions --suppressions my.supp
	grep -A2 '^# from my.supp' out >mine
	printf '%s\n' '# from my.supp' \
		'# matched 1 site, 1 byte in 1 object' \
		'leak:^lose_a_byte()$' | cmp - mine
	# What is shown loads.
	cp out shown.supp
	gives 0 "$LEAKDIFF" lost.snap --show-suppressions \
		--suppressions shown.supp
}

@test "a forked child does not answer for what its parent holds" {
	# The child lives for over a second, so that it leaves a snapshot.
	tracked out=%p.snap,on=exit "$steps" leak:100x1000 fork sleep:1500 \
		leak:1x77
	for file in *.snap; do
		if [ "$(look "$file" 'header.fork_wall_ns > 0')" = True ]; then
			child=$file
		else
			parent=$file
		fi
	done
	gives 1 "$LEAKDIFF" "$child" --fail-over 76
	grep 'gate: 1 site holds more than 76 B: leak_here .* +77 B' err
	gives 0 "$LEAKDIFF" "$child" --fail-over 77
	gives 1 "$LEAKDIFF" "$parent" --fail-over 77
	# The one that fails is enough, and is named.
	mkdir both
	cp "$child" "$parent" both
	gives 1 "$LEAKDIFF" both --fail-over 77
	grep "gate: pid ${parent%.snap} on .*: 1 site holds more than 77 B" err
	[ "$(grep -c gate: err)" = 1 ]
	gives 0 "$LEAKDIFF" both --fail-over 98K
	grep 'gate: passed: no site grew more than 98.0 KiB, in any of 2' err
}

@test "what real programs leave adds up" {
	exit_snapshot c.snap "$tidy" lose
	exit_snapshot cxx.snap "$tidyxx"
	gives 0 "$LEAKDIFF" --verify c.snap
	gives 0 "$LEAKDIFF" --verify cxx.snap
	snapshots 5 "leak:100x10 churn:1000x100 threads:3"
	gives 0 "$LEAKDIFF" --verify ./[1-5].snap
	grep '^5 snapshots, 0 violations' out
	head -c -20 1.snap >cut
	gives 4 "$LEAKDIFF" --verify cut
}

@test "what a busy program writes adds up within what is in flight" {
	start_tracked host out=%n.snap "$BUILD/test/demo/demo_server"
	wait_until 20 grep -q port "$BATS_TEST_TMPDIR/host.out"
	for i in 1 2 3; do bell_snapshot $pid; done
	gives 0 "$LEAKDIFF" --verify 1.snap 2.snap 3.snap
}
