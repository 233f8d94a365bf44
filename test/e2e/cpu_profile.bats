# leakshim serve --cpu-profile: where a process spends its processor time, by the
# kernel's sampler and by ptrace.

bats_require_minimum_version 1.5.0
load helpers

setup_file() {
	build_host spin
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	export HOME=$BATS_TEST_TMPDIR
	spin=$BATS_FILE_TMPDIR/spin
}

teardown() {
	end_hosts
}

says() {
	grep -q "$2" "$1"
}

need_go() {
	command -v go >/dev/null || skip 'there is no go'
}

# Whether the kernel samples for anyone here: its settings, a container's seccomp
# filter or another processor may be against it.
need_perf() {
	local why
	why=$($PYTHON -IB "$TOP/test/e2e/has_perf.py" 2>&1) ||
		skip "the kernel does not sample: ${why##*$'\n'}"
}

# serve NAME ARGUMENT...: in the background; sets url.
serve() {
	local name=$1
	shift
	start "$name" "$LEAKSHIM_BIN" serve --listen 127.0.0.1:0 "$@"
	wait_until 20 says "$name.err" 'serving on'
	url=$(sed -n 's,.*\(http://[^ ]*[^/ ]\)/*$,\1,p' "$name.err")
}

# track_spin ARGUMENT...: the host, which has all its threads then.
track_spin() {
	track out=%n.snap "$spin" "$@"
	host=$pid
	wait_until 60 says host.out ready
}

# serve_spin HOW ARGUMENT...: of a tracked host, whose pid is `host`.
serve_spin() {
	local how=$1
	shift
	track_spin "$@"
	serve serve --cpu-profile$how $host
}

# profile SECONDS: as people take one; sets output and the number of
# milliseconds that are in it.
profile() {
	run -0 go tool pprof -top -seconds "$1" "$url/debug/pprof/profile"
	take_total
}

take_total() {
	[[ $output == *'Type: cpu'* ]]
	[[ $output =~ 'Total samples = '([0-9.]+)(ms|s)? ]]
	total=$(awk -v n="${BASH_REMATCH[1]}" -v unit="${BASH_REMATCH[2]}" \
		'BEGIN { print int(unit == "s" ? n * 1000 : n) }')
}

# share FUNCTION COLUMN: of a function in `output`, in percent: 2 flat, 5 with
# what it calls.
share() {
	awk -v name="$1" -v column="$2" \
		'$6 == name { print int($column); found = 1; exit }
		END { if (!found) print 0 }' <<<"$output"
}

# used: milliseconds that the process used, as the profile's comment says.
used() {
	sed -n 's/.*used \([0-9.]*\) s of processor time.*/\1/p' <<<"$output" |
		awk '{ print int($1 * 1000); exit }'
}

# is_hot: the function that spins, below the one that calls it, is where the
# time went, and the samples are about what was used.
is_hot() {
	echo "$output"
	# The first row. A busy machine leaves few samples.
	[[ $output =~ 'cum%'$'\n'[^$'\n']*' spin_hard'($'\n'|$) ]]
	[ "$(share spin_hard 2)" -ge 50 ]
	[ "$(share spin_outer 5)" -ge 50 ]
	[ "$total" -gt 0 ]
	[ "$total" -le $(($(used) + 200)) ]
	[ "$total" -ge $(($(used) / 2 - 100)) ]
}

# refused: a profile is being taken already.
refused() {
	curl -s -D head -o second "$url/debug/pprof/profile?seconds=1"
	grep -q '^HTTP/1.1 500' head
}

# take_until_it_ends: in the background, to taken.pb.gz. It has begun when another
# one is refused, which may be this one to begin with.
take_until_it_ends() {
	start taking curl -sf --retry 50 --retry-delay 1 -o taken.pb.gz \
		"$url/debug/pprof/profile?seconds=600"
	taking=$pid
	wait_until 30 refused
}

# ticks: processor time of the host, in hundredths of a second.
ticks() {
	sed 's/.*) //' "/proc/$host/stat" | awk '{ print $12 + $13 }'
}

has_used() {
	[ "$(ticks)" -ge "$1" ]
}

# end_after TICKS: once it has used so much more, kills the host, and waits for the
# profile that is being taken.
end_after() {
	local end
	end=$(($(ticks) + $1))
	wait_until 60 has_used $end
	kill $host
	wait $taking
}

# --- both ways ------------------------------------------------------------------

@test "the kernel's samples name what is busy" {
	need_go
	need_perf
	serve_spin =perf
	profile 9
	is_hot
	[[ $output == *'sampled by the kernel (perf_event_open), 100 times'* ]]
	[[ $output == *'Duration: 9'* ]]
	[ "$(share main 5)" -ge 50 ]
}

@test "samples by ptrace name what is busy" {
	need_go
	serve_spin =ptrace
	profile 9
	is_hot
	[[ $output == *'sampled by ptrace, 20 times'* ]]
	[[ $output != *'not by the kernel'* ]]
	[[ $output == *'Duration: 9'* ]]
	[ "$(share main 5)" -ge 50 ]
}

@test "without a word the kernel samples where it may" {
	need_go
	need_perf
	serve_spin ''
	profile 2
	is_hot
	[[ $output == *'sampled by the kernel'* ]]
}

@test "threads that start and end while it is taken are in it, both ways" {
	local way
	need_go
	need_perf
	for way in =perf =ptrace; do
		serve_spin $way threads
		take_until_it_ends
		end_after 100
		run -0 go tool pprof -top taken.pb.gz
		take_total
		is_hot
	done
}

@test "the program in 500 waiting threads is named, both ways" {
	need_go
	need_perf
	serve_spin =perf still 500
	profile 3
	is_hot
	[[ $output != *'were lost'* ]]
	serve_spin =ptrace still 500
	profile 3
	is_hot
}

@test "a process that ends gives what there was, both ways" {
	local way
	need_go
	need_perf
	for way in =perf =ptrace; do
		serve_spin $way
		take_until_it_ends
		end_after 50
		run -0 go tool pprof -top taken.pb.gz
		take_total
		is_hot
		[[ $output == *'the process ended after '* ]]
	done
}

@test "a process that nobody waits for has ended too" {
	# Its parent does not, so that it is a zombie.
	start parent $PYTHON -c '
import subprocess, sys, time
print(subprocess.Popen(sys.argv[1:]).pid, flush=True)
time.sleep(1000)' env LD_PRELOAD="$SHIM" LEAKSHIM=out=%n.snap "$spin"
	wait_until 60 says parent.out ready
	host=$(head -n 1 parent.out)
	adopt $host
	serve serve --cpu-profile $host
	take_until_it_ends
	end_after 50
	grep -q '^State:.*zombie' /proc/$host/status
	go tool pprof -comments taken.pb.gz >comments 2>&1
	grep -q 'the process ended after ' comments
}

@test "a program goes on after its main thread has ended, both ways" {
	local way
	need_go
	need_perf
	for way in =perf =ptrace; do
		serve_spin $way orphan
		profile 2
		is_hot
		[[ $output != *'the process ended after '* ]]
	done
}

@test "a program in a container has its outer frames, both ways" {
	local way
	need_go
	need_perf
	need_root 'makes namespaces'
	unshare -pmf true 2>/dev/null || skip 'no namespaces can be made here'
	for way in =perf =ptrace; do
		# Its pid is 1 there, and its files are below another /proc.
		start host env LD_PRELOAD="$SHIM" LEAKSHIM=out=%n.snap \
			unshare --pid --mount --fork --kill-child --mount-proc "$spin"
		wait_until 60 says host.out ready
		host=$(pgrep -P $pid)
		adopt $host
		serve serve --cpu-profile$way $host
		profile 2
		is_hot
		[ "$(share main 5)" -ge 50 ]
	done
}

@test "an outer part that is missing is told" {
	need_go
	need_perf
	serve_spin =perf deep
	profile 2
	[ "$(share spin_hard 2)" -ge 80 ]
	[ "$(share spin_deep 5)" -ge 80 ]
	[ "$(share main 5)" -lt 50 ]
	[[ $output == *' call stacks are deeper than 32 KiB'* ]]
}

@test "the shape is that of Go's own profiles" {
	need_perf
	serve_spin =perf
	curl -sf -o cpu.pb.gz "$url/debug/pprof/profile?seconds=2"
	(cd "$TOP/test/e2e" && $PYTHON -B - "$BATS_TEST_TMPDIR/cpu.pb.gz") <<'PY'
import sys
from pprof_profile import Profile
profile = Profile(open(sys.argv[1], "rb").read())
assert profile.is_gzip
assert profile.types == [("samples", "count"), ("cpu", "nanoseconds")]
period = profile.messages(11)[0]
assert profile.text(period.one(1)) == "cpu"
assert profile.text(period.one(2)) == "nanoseconds"
assert profile.one(12) == 10_000_000
assert 1.9e9 < profile.duration_ns < 5e9, profile.duration_ns
assert profile.samples
for locations, values, _ in profile.samples:
    assert locations and values[0] > 0
    assert values[1] == values[0] * 10_000_000
assert max(profile.by_function(1).items(), key=lambda it: it[1])[0] \
    == "spin_hard"
PY
}

# --- when it can't be -----------------------------------------------------------

@test "what the kernel refuses is taken by ptrace, and the comment says why" {
	need_go
	track_spin still 60
	# An event is a descriptor: 61 threads need more than half of these.
	start serve prlimit --nofile=100:100 "$LEAKSHIM_BIN" serve \
		--listen 127.0.0.1:0 --cpu-profile $host
	wait_until 20 says serve.err 'serving on'
	url=$(sed -n 's,.*\(http://[^ ]*[^/ ]\)/*$,\1,p' serve.err)
	profile 3
	is_hot
	[[ $output == *'sampled by ptrace'* ]]
	[[ $output == *'not by the kernel: '* ]]
	# It serves on, with the descriptors that it had.
	curl -sf -o heap.pb.gz "$url/debug/pprof/heap"
}

# serve_without_perf ARGUMENT...: where a filter forbids the call, as Docker's.
serve_without_perf() {
	start serve $PYTHON -IB "$TOP/test/e2e/without_perf.py" \
		"$LEAKSHIM_BIN" serve --listen 127.0.0.1:0 "$@"
	wait_until 20 says serve.err 'serving on'
	url=$(sed -n 's,.*\(http://[^ ]*[^/ ]\)/*$,\1,p' serve.err)
}

@test "in a container that forbids the kernel's it is taken by ptrace" {
	need_go
	track_spin
	serve_without_perf --cpu-profile $host
	profile 3
	is_hot
	[[ $output == *'sampled by ptrace'* ]]
	[[ $output == *'not by the kernel: perf_event_open: Operation not permitted (perf_event_paranoid is '* ]]
}

@test "who wants no ptrace is told why the kernel does not sample" {
	track_spin
	serve_without_perf --cpu-profile=perf $host
	curl -s -D head -o said "$url/debug/pprof/profile?seconds=3"
	grep -q '^HTTP/1.1 503' head
	grep -qi '^x-go-pprof: 1' head
	[[ $(cat said) == 'perf_event_open: Operation not permitted (perf'* ]]
	[ "$(wc -l <said)" = 1 ]
}

@test "a library that is loaded while it is taken has its names" {
	need_go
	need_perf
	cc -O2 -fPIC -shared -o libspun.so -x c - <<'C'
static volatile unsigned long sum;
__attribute__((noinline)) static void spin_inside(unsigned long turns)
{
	for (unsigned long i = 0; i < turns; i++)
		sum += i * i;
}
void spin_library(void)
{
	spin_inside(1000000);
	sum++;
}
C
	track out=%n.snap $PYTHON -c '
import ctypes, os
while not os.path.exists("loaded"):
    sum(range(10000))
library = ctypes.CDLL("./libspun.so")
while True:
    library.spin_library()'
	host=$pid
	wait_until 20 "$LEAKSHIM_BIN" status $host
	serve serve --cpu-profile=perf $host
	take_until_it_ends
	touch loaded
	wait_until 20 grep -q libspun.so /proc/$host/maps
	end_after 100
	# Its callers too, so the library's own frames were unwound.
	run -0 go tool pprof -traces taken.pb.gz
	[[ $output == *spin_inside*spin_library*ffi_call*_PyEval_EvalFrameDefault* ]]
}

@test "another user's rights are enough, and what they lack is told" {
	need_root 'to become another user'
	need_go
	open_test_directory
	chmod 777 .
	track out=%n.snap setpriv --reuid $NOBODY --regid $NOBODY \
		--clear-groups "$spin"
	host=$pid
	wait_until 60 says host.out ready
	start serve setpriv --reuid $NOBODY --regid $NOBODY --clear-groups \
		"$LEAKSHIM_BIN" serve --listen 127.0.0.1:0 --cpu-profile $host
	wait_until 20 says serve.err 'serving on'
	url=$(sed -n 's,.*\(http://[^ ]*[^/ ]\)/*$,\1,p' serve.err)
	profile 3
	is_hot
	case $(cat /proc/sys/kernel/perf_event_paranoid) in
	2) [[ $output == *'without the time in the kernel'* ]] ;;
	esac
}

@test "a second profile is refused as Go refuses it" {
	serve_spin =ptrace
	take_until_it_ends
	grep -q '^HTTP/1.1 500' head
	grep -qi '^x-go-pprof: 1' head
	grep -qi '^content-type: text/plain; charset=utf-8' head
	run ! grep -qi '^content-disposition' head
	[ "$(cat second)" = \
		'Could not enable CPU profiling: cpu profiling already in use' ]
	# The first is not harmed.
	end_after 1
	[ -s taken.pb.gz ]
}

@test "a client that goes away ends its profile" {
	serve_spin ''
	run -28 curl -s -m 1 -o gone "$url/debug/pprof/profile?seconds=3000"
	wait_until 10 curl -sf -o next "$url/debug/pprof/profile?seconds=1"
}

@test "a way that is none is a usage error" {
	run -2 "$LEAKSHIM_BIN" serve --cpu-profile=magic 999999999
	[[ $output == *"by perf or ptrace: 'magic'"* ]]
}
