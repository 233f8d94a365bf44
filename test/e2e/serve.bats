# leakshim serve against the programs that scrape Go's servers, and against
# clients that mean ill.

bats_require_minimum_version 1.5.0
load helpers

setup_file() {
	build_host leaker
	build_host stacks
	build_host hung
	if command -v go >/dev/null; then
		GO111MODULE=off GOCACHE=$BATS_FILE_TMPDIR/cache \
			HOME=$BATS_FILE_TMPDIR go build \
			-o "$BATS_FILE_TMPDIR/reference" \
			"$TOP/test/e2e/programs/reference.go"
	fi
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	export HOME=$BATS_TEST_TMPDIR
	leaker=$BATS_FILE_TMPDIR/leaker
}

teardown() {
	end_hosts
}

says() {
	grep -q "$2" "$1"
}

# serve NAME ARGUMENT...: in the background; sets url and server.
serve() {
	local name=$1
	shift
	start "$name" "$LEAKSHIM_BIN" serve --listen 127.0.0.1:0 "$@"
	server=$pid
	wait_until 20 says "$name.err" 'serving on'
	url=$(sed -n 's,.*\(http://[^ ]*[^/ ]\)/*$,\1,p' "$name.err")
}

# serve_leaker ARGUMENT...: of a tracked leaker, whose pid is `host`.
serve_leaker() {
	track out=%n.snap "$leaker"
	host=$pid
	serve serve "$@" $host
}

check() {
	$PYTHON -IB "$TOP/test/e2e/check_http.py" "$@"
}

# In the file's own directory its imports are found.
check_pprof() {
	(cd "$TOP/test/e2e" && $PYTHON -B "$@")
}

status_code() {
	curl -s -o body -w '%{http_code}' "$@"
}

need_go() {
	command -v go >/dev/null || skip 'there is no go'
}

# --- profilers ----------------------------------------------------------------

@test "every path answers as Go's own server does" {
	need_go
	serve_leaker
	start reference "$BATS_FILE_TMPDIR/reference"
	wait_until 20 says reference.out http
	check_pprof check_like_go.py "$url" "$(cat reference.out)"
}

@test "go tool pprof reads the profiles over HTTP" {
	need_go
	serve_leaker --cpu-profile
	wait_until 20 "$LEAKSHIM_BIN" status $host
	run go tool pprof -top "$url/debug/pprof/heap"
	[[ $output == *leak_blocks* ]]
	# In the window nothing but the leak grew.
	run go tool pprof -top -seconds 2 "$url/debug/pprof/heap"
	[[ $output == *'Duration: 2'* ]]
	[[ $(awk '/leak_blocks|main/ { print $NF; exit }' <<<"$output") \
		== leak_blocks ]]
	run go tool pprof -top -seconds 2 "$url/debug/pprof/profile"
	[[ $output == *'Type: cpu'* ]]
	run go tool pprof -top "$url/debug/pprof/goroutine"
	# Not the shim's helper.
	[[ $output == *'of 2 total'* ]]
	run go tool pprof -top "$url/debug/pprof/threadcreate"
	[[ $output == *main* ]]
}

@test "the CPU profile names what is busy, for as long as it is" {
	need_go
	track out=%n.snap $PYTHON -c 'while True: pass'
	host=$pid
	serve serve --cpu-profile $host
	run go tool pprof -top -seconds 3 "$url/debug/pprof/profile"
	[[ $output == *_PyEval_EvalFrameDefault* ]]
	# Of one thread no more than the time that went by; a loaded machine
	# gives it less.
	[[ $output =~ 'Total samples = '([0-9.]+)(ms|s) ]]
	awk -v n="${BASH_REMATCH[1]}" -v unit="${BASH_REMATCH[2]}" \
		'BEGIN { s = unit == "s" ? n : n / 1000
			exit !(s > 0.1 && s < 4) }'
}

@test "go tool pprof shows the page of a served profile" {
	need_go
	local port
	serve_leaker
	port=$(free_port)
	start pprof go tool pprof -no_browser -http "127.0.0.1:$port" \
		"$url/debug/pprof/heap"
	wait_until 30 curl -sf -o page "http://127.0.0.1:$port/ui/top"
	grep -q leak_blocks page
}

# What gperftools' client asks, in its order.
@test "below /pprof/ is what clients of gperftools ask for" {
	serve_leaker --path-prefix /x
	leaks() {
		curl -sf "$url/pprof/heap" >heap && grep -q leak_blocks heap
	}
	wait_until 20 leaks
	curl -sf "$url/pprof/symbol" | grep -q '^num_symbols: [1-9]'
	curl -sf "$url/pprof/cmdline" | tr '\0' ' ' | grep -q leaker
	head -1 heap | grep -Eq '^heap profile: [0-9]+: [0-9]+ \[[0-9]+: [0-9]+\] @ heapprofile$'
	sed -n '/^MAPPED_LIBRARIES:/,$p' heap | grep -q 'r-xp .*/leaker$'
	# The call before the return address, as it sends it: 16 digits.
	local at
	at=$(grep -B1 leak_blocks heap |
		sed -n 's/^[1-9].* @ 0x\([0-9a-f]*\).*/\1/p' | head -1)
	at=$(printf '0x%016x' $((16#$at - 1)))
	curl -sf --data "$at" "$url/pprof/symbol" >symbol
	grep -q '^0x[0-9a-f]* leak_blocks$' symbol
	[ "$(status_code "$url/pprof/nothing")" = 404 ]
	if command -v google-pprof >/dev/null; then
		google-pprof --text "$url/pprof/heap" | grep -q leak_blocks
	fi
}

@test "a stripped program whose file is gone has the names that were exported" {
	need_go
	cp "$leaker" gone
	strip gone
	track out=%n.snap ./gone
	host=$pid
	wait_until 20 "$LEAKSHIM_BIN" status $host
	rm gone
	serve serve $host
	leaks() {
		curl -sf "$url/debug/pprof/heap?debug=1" | grep -q '^[1-9]'
	}
	wait_until 20 leaks
	run go tool pprof -top "$url/debug/pprof/heap"
	[ "$status" -eq 0 ]
	[[ $output == *gone+0x* ]]
}

@test "profiles of redis-server and python3 pass what ingesters check" {
	local i port
	port=$(free_port)
	start_tracked redis out=%n.snap redis-server --port "$port" --save ''
	local redis=$pid
	start_tracked python out=%n.snap $PYTHON -c 'import json, time
kept = []
while True:
    kept.append(json.dumps({"a": list(range(200))}) * 2)
    time.sleep(0.01)'
	local python=$pid
	serve serve $redis $python
	for i in 1 2 3; do
		redis-benchmark -p "$port" -n 2000 -q -t set,lpush >/dev/null
		curl -sf -o "redis$i" "$url/p/$redis/debug/pprof/allocs"
		curl -sf -o "python$i" "$url/p/$python/debug/pprof/heap"
		sleep 1.1 # or they were one scrape
	done
	check_pprof check_ingest.py "$PWD"/redis[123]
	check_pprof check_ingest.py "$PWD"/python[123]
}

@test "a profile of 100,000 stacks fits an ingester, and its sum is exact" {
	track out=%n.snap "$BATS_FILE_TMPDIR/stacks" 100000
	host=$pid
	wait_until 60 says host.out ready
	serve serve $host
	curl -sf -o heap "$url/debug/pprof/heap"
	cat >sums.py <<'PY'
import sys
from pprof_profile import Profile
profile = Profile(open(sys.argv[1], "rb").read())
assert len(profile.samples) <= 16000, len(profile.samples)
assert len(profile.raw) <= 4 << 20, len(profile.raw)
assert profile.by_function(2)["[other call stacks]"] > 0
print(profile.sum(2))
PY
	local sum live
	sum=$(PYTHONPATH=$TOP/test/e2e $PYTHON -B sums.py heap)
	live=$(status_of $host live_objects)
	[ "$sum" -eq "$live" ]
}

# --- metrics --------------------------------------------------------------------

@test "promtool finds nothing wrong with the metrics" {
	command -v promtool >/dev/null || skip 'there is no promtool'
	serve_leaker
	curl -sf "$url/metrics" >one
	promtool check metrics <one
	local first=$host
	track out=second.%n.snap "$leaker" 2
	local second=$pid
	serve several $first $second
	curl -sf "$url/metrics" >two
	promtool check metrics <two
	grep -q "leakshim_heap_inuse_bytes{pid=\"$first\",exe=\"leaker\"}" two
	# The other's end changes nothing about the first one's series.
	kill $second
	wait_for_end $second
	curl -sf "$url/metrics" >three
	grep -q "leakshim_heap_inuse_bytes{pid=\"$first\",exe=\"leaker\"}" three
	refute grep -q "pid=\"$second\"" three
}

@test "Prometheus stores the metrics and knows what grows" {
	command -v prometheus >/dev/null || skip 'there is no prometheus'
	local port seconds=12
	[ -z "${FULL:-}" ] || seconds=60
	serve_leaker
	port=$(free_port)
	cat >prometheus.yml <<-YML
	scrape_configs:
	  - job_name: native
	    scrape_interval: 1s
	    static_configs:
	      - targets: ['${url#http://}']
	YML
	promtool check config prometheus.yml
	start prometheus prometheus --config.file=prometheus.yml \
		--storage.tsdb.path=data --web.listen-address=127.0.0.1:"$port"
	grows() {
		curl -sf -G "http://127.0.0.1:$port/api/v1/query" \
			--data-urlencode \
			"query=deriv(leakshim_function_inuse_bytes{function=\"leak_blocks\"}[${seconds}s])" \
			>answer
		# A megabyte a second, as far as a loaded machine lets it; not
		# none, and not of another unit.
		$PYTHON -Ic 'import json, sys
rows = json.load(open("answer"))["data"]["result"]
sys.exit(not (rows and 2e4 < float(rows[0]["value"][1]) < 1.5e6))'
	}
	sleep "$seconds"
	wait_until 30 grows
}

@test "the configurations in doc/FLEET.md can be read" {
	cat >blocks.py <<'PY'
import re, sys
text = open(sys.argv[1]).read()
for kind, block in re.findall(r"```(\w+)\n(.*?)```", text, re.S):
    name = re.match(r"# (\S+)", block)
    open(name.group(1) if name else "block." + kind, "w").write(block)
PY
	$PYTHON -I blocks.py "$TOP/doc/FLEET.md"
	for each in prometheus.yml parca.yaml otelcol.yaml pod-annotations.yaml
	do
		$PYTHON -Ic 'import sys, yaml
assert yaml.safe_load(open(sys.argv[1]))' "$each" ||
			$PYTHON -Ic 'import yaml' || skip 'no python3-yaml'
	done
	# Braces in balance is all that can be asked of it here.
	[ "$(tr -cd '{' <block.alloy | wc -c)" -eq \
		"$(tr -cd '}' <block.alloy | wc -c)" ]
	if command -v promtool >/dev/null; then
		promtool check config prometheus.yml
	fi
}

# --- processes ------------------------------------------------------------------

@test "of several processes each has paths of its own" {
	serve_leaker
	local first=$host
	track out=second.%n.snap "$leaker"
	local second=$pid
	serve several $first $second
	curl -sf "$url/" >root
	grep -q "p/$first/debug/charts/" root
	grep -q "p/$second/debug/pprof/" root
	curl -sf "$url/p/$second/debug/pprof/cmdline" | tr '\0' '\n' |
		grep -qx "$leaker"
	[ "$(curl -s -o body -w '%{http_code}' "$url/debug/pprof/heap")" = 404 ]
	grep -q 'below /p/PID/' body
	[ "$(curl -s -o body -w '%{http_code}' "$url/p/1/debug/pprof/")" = 404 ]
	for each in debug debug/; do
		[ "$(curl -s -o body -w '%{http_code} %{redirect_url}' \
			"$url/p/$second/$each")" = "302 $url/p/$second/" ]
	done
	curl -sfL "$url/p/$second" | grep -q 'href="debug/charts/"'
}

@test "watch serves processes as they come and go" {
	serve watch --watch
	track out=%n.snap "$leaker"
	local first=$pid
	served() {
		curl -sf "$url/" | grep -q "p/$1/"
	}
	wait_until 20 served $first
	kill $first
	wait_until 20 refute served $first
	kill -0 $server
}

@test "what ended has its last profile for a while, and is listed no more" {
	serve watch --watch
	track out=%n.snap "$leaker"
	local first=$pid
	leaks() {
		curl -sf "$url/p/$first/debug/pprof/heap?debug=1" >heap &&
			grep -q leak_blocks heap
	}
	wait_until 20 leaks
	kill -KILL $first
	wait_for_end $first
	leaks
	curl -sf "$url/p/$first/debug/charts/data" | grep -q '"exe":"leaker"'
	[ "$(status_code "$url/p/$first/debug/pprof/goroutine")" = 404 ]
	[ "$(status_code -X POST \
		"$url/p/$first/debug/snapshots/take")" = 404 ]
	refute grep -q "p/$first/" <(curl -sf "$url/")
	refute grep -q '^process_threads' <(curl -sf "$url/metrics")
}

@test "run starts a program and serves it, and either outlives the other" {
	ulimit -S -n 512
	start run "$LEAKSHIM_BIN" serve --listen 127.0.0.1:0 --run -- \
		"$leaker"
	server=$pid
	wait_until 20 says run.err 'serving on'
	host=$(pgrep -P $server -x leaker)
	adopt "$host"
	# What serve changes for itself is not the program's.
	grep -Eq '^Max open files +512 ' "/proc/$host/limits"
	ignored=$(awk '$1 == "SigIgn:" { print $2 }' "/proc/$host/status")
	[ $((16#$ignored & 1 << 12)) = 0 ] # SIGPIPE
	kill -KILL $server
	wait_for_end $server
	kill -0 "$host"
	serve again "$host"
	kill "$host"
	ends_with 0 $server
	grep -q 'the last process has ended' again.err
}

@test "run says how the program ended" {
	cat >how.c <<-C
	#include <signal.h>
	#include <stdlib.h>
	#include <unistd.h>
	int main(int argc, char **argv)
	{
		(void)argv;
		while (access("go", F_OK))
			usleep(10000);
		if (argc > 1)
			exit(7);
		raise(SIGSEGV);
	}
	C
	${CC:-cc} -o how how.c
	ulimit -c 0
	for each in '' status; do
		rm -f go
		serve run --run -- ./how $each
		touch go
		ends_with 0 $server
		if [ -n "$each" ]; then
			grep -q '^leakshim: ./how, process [0-9]*, has ended: exit status 7$' run.err
		else
			grep -q '^leakshim: ./how, process [0-9]*, has ended: signal 11 (Segmentation fault)$' run.err
		fi
	done
}

# A daemon: its first process ends and leaves another in a session of its own.
build_daemon() {
	cat >daemon.c <<-C
	#include <stdio.h>
	#include <stdlib.h>
	#include <unistd.h>
	int main(int argc, char **argv)
	{
		FILE *left;

		(void)argv;
		if (fork())
			exit(0);
		setsid();
		if (fork())
			exit(0);
		left = fopen("left.new", "w");
		fprintf(left, "%d\n", getpid());
		fclose(left);
		rename("left.new", "left");
		for (;;)
			free(malloc(100)), usleep(10000);
	}
	C
	${CC:-cc} -o daemon daemon.c
}

@test "run tells of what a daemon leaves, and with watch serves that alone" {
	local left other
	build_daemon
	track out=other.%n.snap "$leaker"
	other=$pid
	start run "$LEAKSHIM_BIN" serve --listen 127.0.0.1:0 --run -- ./daemon
	server=$pid
	wait_for_end $server
	wait_until 10 test -s left
	left=$(cat left)
	adopt "$left"
	cat run.err
	grep -q "1 process that ./daemon started goes on, tracked and not served: leakshim serve $left, or" run.err
	kill -0 "$left"
	rm left
	serve family --watch --run -- ./daemon
	wait_until 10 test -s left
	left=$(cat left)
	adopt "$left"
	served() {
		curl -sf "$url/" | grep -q "p/$1/"
	}
	wait_until 20 served "$left"
	refute served $other
	kill "$left"
	# Nothing that could start more is left.
	ends_with 0 $server
	kill -0 $other
}

@test "of several of a name those that are tracked are served" {
	cp "$leaker" several
	track out=%n.snap ./several
	host=$pid
	start plain ./several
	plain=$pid
	wait_until 10 grep -qx several /proc/$plain/comm
	serve serve several
	grep -q "warning: not served: process $plain " serve.err
	curl -sf "$url/debug/pprof/cmdline" | tr '\0' '\n' | grep -qx ./several
	kill $server
	wait_for_end $server
	kill $host
	wait_for_end $host
	run "$LEAKSHIM_BIN" serve --listen 127.0.0.1:0 several
	[ "$status" -eq 3 ]
}

@test "serve ends by a signal while the program that it runs is not tracked yet" {
	LEAKSHIM=only=another start run "$LEAKSHIM_BIN" serve \
		--listen 127.0.0.1:0 --run -- sleep 100
	server=$pid
	is_there() {
		host=$(pgrep -P $server -x sleep)
	}
	wait_until 20 is_there
	adopt "$host"
	kill -TERM $server
	ends_with 0 $server
	refute grep -q 'not served' run.err
	kill -0 "$host"
}

@test "a program that can't be served is not started" {
	local port
	port=$(free_port)
	start other $PYTHON -m http.server --bind 127.0.0.1 "$port"
	wait_until 20 curl -s -o page "http://127.0.0.1:$port/"
	run "$LEAKSHIM_BIN" serve --listen "127.0.0.1:$port" --run -- \
		touch started
	[ "$status" -eq 5 ]
	[[ $output == *'Address already in use (choose another by --listen)'* ]]
	[ ! -e started ]
}

@test "functions of one name in two modules are one series with their sum" {
	cat >name.c <<-C
	#include <stdlib.h>
	#include <unistd.h>
	void *call(void);
	static __attribute__((noinline)) void *same(void)
	{
		void *volatile p = malloc(SIZE);
		return p;
	}
	#if SIZE == 7000
	void *call(void) { void *volatile p = same(); return p; }
	#else
	int main(void)
	{
		void *volatile p = same();
		p = call();
		(void)p;
		for (;;)
			pause();
	}
	#endif
	C
	${CC:-cc} -O0 -g -shared -fPIC -DSIZE=7000 -o libname.so name.c
	${CC:-cc} -O0 -g -DSIZE=5000 -o name name.c ./libname.so
	track out=%n.snap ./name
	host=$pid
	serve serve $host
	curl -sf "$url/metrics" >metrics
	[ "$(grep '^leakshim_function_inuse_bytes{function="same"}' metrics)" \
		= 'leakshim_function_inuse_bytes{function="same"} 12000' ]
	[ "$(grep '^leakshim_function_inuse_objects{function="same"}' metrics)" \
		= 'leakshim_function_inuse_objects{function="same"} 2' ]
}

@test "a process that ends ends its streams" {
	serve_leaker
	start events curl -sN "$url/debug/charts/events"
	wait_until 20 says events.out 'event: point'
	kill $host
	wait_for_end $pid
	grep -q 'event: end' events.out
}

# --- charts and snapshots ---------------------------------------------------------

@test "a leak of a megabyte a second rises in the charts" {
	serve_leaker
	start events curl -sN "$url/debug/charts/events"
	rises() {
		$PYTHON -Ic 'import json, sys
points = [json.loads(line[6:]) for line in open("events.out")
          if line.startswith("data: {\"time_ms\"") and line.endswith("}\n")]
live = [p["live_bytes"] for p in points if p["live_bytes"] is not None]
sys.exit(not (len(live) > 4 and live[-1] > live[0] + 1e6 and
              sorted(live) == live))'
	}
	wait_until 20 rises
	curl -sf "$url/debug/charts/data" >data
	$PYTHON -Ic 'import json
data = json.load(open("data"))
assert data["exe"] == "leaker", data["exe"]
lengths = {len(v) for v in data.values() if isinstance(v, list)}
assert len(lengths) == 1 and lengths != {0}, lengths
# Points repeat a count; what is equal in all of it was counted once.
counts = {}
for when, live in zip(data["counted_ms"], data["live_bytes"]):
    assert (when is None) == (live is None)
    assert counts.setdefault(when, live) == live, (when, live)
assert len(counts) > 1'
	wait_until 30 says events.out 'event: report'
	curl -sf "$url/debug/charts/diff?from=0" >page
	grep -q '<script>' page
	for each in '' '?from=' '?from=x' '?from=-1' '?from=1x' '?to=1'; do
		[ "$(status_code "$url/debug/charts/diff$each")" = 400 ]
	done
}

@test "snapshots are listed, taken, downloaded and compared" {
	serve_leaker
	curl -sf -X POST "$url/debug/snapshots/take" >first
	curl -sf -X POST "$url/debug/snapshots/take" >second
	[ "$(cat first)" = "{\"number\":1,\"path\":\"$PWD/1.snap\"}" ]
	[ "$(cat second)" = "{\"number\":2,\"path\":\"$PWD/2.snap\"}" ]
	curl -sf "$url/debug/snapshots/list" >list
	[ "$(grep -o '"number":[0-9]*' list | tr '\n' ' ')" = \
		'"number":1 "number":2 ' ]
	curl -sf -H 'Accept: application/json' "$url/debug/snapshots/" |
		cmp list
	curl -sf "$url/debug/snapshots/?format=json" | cmp list
	curl -sf "$url/debug/snapshots/" | grep -q '<table>'
	curl -sf -H 'Accept: text/html, application/json' \
		"$url/debug/snapshots/" | grep -q '<table>'
	[ "$(status_code "$url/debug/snapshots/?format=x")" = 400 ]
	curl -sf "$url/debug/snapshots/2" >copy
	cmp copy 2.snap
	curl -sf "$url/debug/snapshots/diff?from=1&to=2&format=text" |
		grep -q leak_blocks
	curl -sf "$url/debug/snapshots/diff?from=1&to=2&format=csv" |
		grep -q leak_blocks
	for each in 'diff?from=1&to=9' 'diff?from=1' 'diff?from=x&to=1' 9 nope \
		'diff?from=1&to=2&format=nope' take; do
		[[ $(curl -s -o body -w '%{http_code}' \
			"$url/debug/snapshots/$each") == 40[045] ]]
	done
	# What somebody else plants beside them is none of them.
	ln -s /etc/passwd 7.snap
	[ "$(curl -s -o body -w '%{http_code}' "$url/debug/snapshots/7")" = 404 ]
}

@test "scrapes leave no file and do not count as snapshots" {
	serve_leaker
	curl -sf -o heap "$url/debug/pprof/heap"
	sleep 1.1 # or it is the same one
	curl -sf -o heap "$url/debug/pprof/heap"
	[ "$(status_of $host sequence)" -eq 0 ]
	[ -z "$(ls ./*.snap 2>/dev/null)" ]
}

@test "a snapshot that nobody fetched goes with its process" {
	local file
	track out=%n.snap "$leaker"
	host=$pid
	wait_until 20 "$LEAKSHIM_BIN" status $host
	file=$(ls "/tmp/leakshim-$(id -u)/"*-$host \
		"/run/user/$(id -u)/leakshim/"*-$host 2>/dev/null | head -1)
	: >"$file.scrape"
	: >"$file.scrape.tmp"
	kill -KILL $host
	wait $host || [ $? = 137 ] # as it was killed
	"$LEAKSHIM_BIN" list >list
	[ ! -e "$file" ]
	[ ! -e "$file.scrape" ]
	[ ! -e "$file.scrape.tmp" ]
}

@test "a prefix is before every path" {
	serve_leaker --path-prefix /mem/ory
	curl -sf -o page "$url/debug/pprof/"
	[[ $url == */mem/ory ]]
	[ "$(curl -s -o body -w '%{http_code} %{redirect_url}' \
		"$url/debug/charts")" = "301 $url/debug/charts/" ]
	[ "$(curl -s -o body -w '%{http_code} %{redirect_url}' \
		"$url/debug/")" = "302 $url/" ]
	[ "$(curl -s -o body -w '%{http_code}' \
		"${url%/mem/ory}/debug/pprof/")" = 404 ]
	if command -v go >/dev/null; then
		go tool pprof -top "$url/debug/pprof/heap" | grep -q leak_blocks
	fi
}

# --- who may ask --------------------------------------------------------------

@test "others can't ask without the token" {
	track out=%n.snap "$leaker"
	local secret=0123456789abcdef-secret
	run "$LEAKSHIM_BIN" serve --listen 0.0.0.0:0 $pid
	[ "$status" -eq 2 ]
	[[ $output == *'--token-file'* ]]
	echo short >token
	run "$LEAKSHIM_BIN" serve --listen 127.0.0.1:0 --token-file token $pid
	[ "$status" -eq 5 ]
	echo "$secret" >token
	serve serve --token-file token $pid
	check token "$url" "$secret"
}

@test "pages of other sites can't ask" {
	serve_leaker
	check foreign "$url"
}

# nginx [SED]: runs doc/FLEET.md's configuration, changed for this place;
# `proxied` is the page's address then.
nginx_before_serve() {
	local port
	port=$(free_port)
	# Its workers are another user, who can't enter the test's directory.
	printf 'who:%s\n' "$(openssl passwd -apr1 secret)" >htpasswd
	chmod 644 htpasswd
	{
		echo "daemon off; master_process off; pid $PWD/nginx.pid;"
		echo 'error_log stderr; events {} http { access_log off;'
		for each in client_body proxy fastcgi uwsgi scgi; do
			echo "${each}_temp_path $PWD/$each;"
		done
		sed -n '/^```nginx/,/^```$/p' "$TOP/doc/FLEET.md" |
			sed -e '/^```/d' -e '/ssl_/d' \
				-e "s,443 ssl,127.0.0.1:$port," \
				-e "s,/etc/nginx/memory.htpasswd,$PWD/htpasswd," \
				-e "s,127.0.0.1:6060,${url:7:-7}," "$@"
		echo '}'
	} >nginx.conf
	start nginx /usr/sbin/nginx -p "$PWD" -c "$PWD/nginx.conf"
	proxied=http://127.0.0.1:$port/memory
	wait_until 20 curl -s -o page "$proxied/"
}

# What a browser sends for a button of the page at $proxied by the name $1.
take_proxied() {
	status_code -u who:secret -X POST -H 'Accept: text/html' \
		-H "Host: $1" -H "Origin: ${2:-http://$1}" "${@:3}" \
		"$proxied/debug/snapshots/take"
}

@test "behind nginx as doc/FLEET.md has it, pages and their buttons work" {
	[ -x /usr/sbin/nginx ] || skip 'there is no nginx'
	echo 0123456789abcdef-secret >token
	chmod 600 token
	serve_leaker --path-prefix /memory --token-file token
	nginx_before_serve -e 's/TOKEN/0123456789abcdef-secret/'
	[ "$(status_code "$proxied/")" = 401 ] # nginx's
	curl -sf -u who:secret -o heap "$proxied/debug/pprof/heap"
	[ "$(take_proxied fleet.example)" = 303 ]
	# To https a browser says it itself.
	[ "$(take_proxied fleet.example null \
		-H 'Sec-Fetch-Site: same-origin')" = 303 ]
	# The password is known to the browser, whoever's page asks.
	[ "$(take_proxied fleet.example http://evil.example)" = 403 ]
	[ "$(take_proxied fleet.example null)" = 403 ]
	# Events come as they happen.
	start events curl -sN -u who:secret "$proxied/debug/charts/events"
	wait_until 20 says events.out 'event: point'
}

@test "behind nginx without a token Host has to be serve's address" {
	[ -x /usr/sbin/nginx ] || skip 'there is no nginx'
	serve_leaker --path-prefix /memory
	nginx_before_serve -e '/Authorization/d'
	[ "$(take_proxied fleet.example)" = 303 ]
	[ "$(take_proxied fleet.example http://evil.example)" = 403 ]
	grep -q X-Forwarded-Host body
	kill $pid
	wait_for_end $pid
	nginx_before_serve \
		-e 's/.*Authorization.*/proxy_set_header Host $http_host;/'
	[ "$(status_code -u who:secret -H 'Host: fleet.example' \
		"$proxied/metrics")" = 403 ]
	grep -q -- '--token-file' body
}

@test "a unix socket is for its owner and is removed at the end" {
	track out=%n.snap "$leaker"
	start serve "$LEAKSHIM_BIN" serve --listen unix:socket $pid
	server=$pid
	wait_until 20 test -S socket
	[ "$(stat -c %a socket)" = 600 ]
	wait_until 20 grep -qx 'leakshim: serving on unix:socket' serve.err
	wait_until 20 curl -sf -o heap --unix-socket socket \
		http://x/debug/pprof/heap
	run "$LEAKSHIM_BIN" serve --listen unix:socket "$pid"
	[ "$status" -ne 0 ]
	kill $server
	wait_for_end $server
	[ ! -e socket ]
	# One that was killed leaves its socket to the next.
	track out=%n.snap "$leaker"
	host=$pid
	start killed "$LEAKSHIM_BIN" serve --listen unix:socket $host
	wait_until 20 test -S socket
	kill -KILL $pid
	wait_for_end $pid
	start next "$LEAKSHIM_BIN" serve --listen unix:socket $host
	wait_until 20 curl -sf -o heap --unix-socket socket \
		http://x/debug/pprof/heap
}

@test "bad addresses and arguments are told" {
	track out=%n.snap "$leaker"
	for each in nowhere 127.0.0.1 127.0.0.1:99999 example.com:80 unix:; do
		run "$LEAKSHIM_BIN" serve --listen "$each" $pid
		[ "$status" -eq 2 ]
	done
	run "$LEAKSHIM_BIN" serve --path-prefix x $pid
	[ "$status" -eq 2 ]
	run "$LEAKSHIM_BIN" serve
	[ "$status" -eq 2 ]
	run "$LEAKSHIM_BIN" serve 999999999
	[ "$status" -eq 3 ]
	run "$LEAKSHIM_BIN" serve --run -- ./nothing
	[ "$status" -eq 5 ]
}

# --- processes that are not well ---------------------------------------------------

@test "a stopped process is told at once, and served again when it goes on" {
	serve_leaker
	curl -sf -o heap "$url/debug/pprof/heap"
	sleep 1.1 # or it is the same one
	kill -STOP $host
	wait_until 10 grep -q '^State:.*T' /proc/$host/status
	[ "$(status_code -m 5 "$url/debug/pprof/heap")" = 503 ]
	cat body
	grep -q 'is stopped (kill -CONT' body
	[ "$(status_code -m 5 -X POST "$url/debug/snapshots/take")" = 503 ]
	grep -q 'is stopped (kill -CONT' body
	curl -sf -m 10 "$url/debug/pprof/goroutine?debug=2" |
		grep -q '\[stopped\]'
	# What the kernel knows is there.
	curl -sf -m 10 "$url/metrics" | grep -q '^process_resident_memory_bytes [1-9]'
	kill -CONT $host
	wait_until 20 curl -sf -o heap "$url/debug/pprof/heap"
	[ -z "$(ls ./*.snap 2>/dev/null)" ] # nothing was asked of it meanwhile
	kill -0 $server
}

@test "processes that hang delay nobody's metrics and charts, nor the end" {
	local i hosts=()
	for i in 1 2 3; do
		track out=hung.%n.snap "$BATS_FILE_TMPDIR/hung"
		wait_until 20 says host.out ready
		wait_until 20 grep -q '^State:.*D' /proc/$pid/status
		hosts+=($pid)
	done
	# The last, by its pid or by the order in which they are named.
	track out=%n.snap "$leaker"
	host=$pid
	serve serve "${hosts[@]}" $host
	# Each would be waited for 2 s for its totals, and 30 s for a snapshot.
	curl -sf -m 20 "$url/metrics" >metrics
	grep -q "^leakshim_heap_inuse_bytes{pid=\"$host\"" metrics
	grep -q "^leakshim_function_inuse_bytes{pid=\"$host\".*leak_blocks" metrics
	for i in "${hosts[@]}"; do
		grep -q "^process_resident_memory_bytes{pid=\"$i\"" metrics
		refute grep -q "^leakshim_heap_inuse_bytes{pid=\"$i\"" metrics
	done
	# The painter comes to it although three that are silent come first.
	has_report() {
		curl -sf -m 20 "$url/p/$host/debug/charts/report" |
			grep -q leak_blocks
	}
	wait_until 20 has_report
	start heap curl -s -o body "$url/p/${hosts[0]}/debug/pprof/heap"
	sleep 0.5 # it is waited for
	kill $server
	ends_with 0 $server
}

@test "a dormant process is served, and its heap when it is started" {
	track out=%n.snap,start=off "$leaker"
	host=$pid
	serve serve $host
	[ "$(status_code "$url/debug/pprof/heap")" = 404 ]
	grep -q 'is dormant' body
	curl -sf -o threads "$url/debug/pprof/goroutine"
	curl -sf "$url/metrics" >metrics
	grep -q '^process_threads' metrics
	grep -qx 'leakshim_state{state="dormant"} 1' metrics
	refute grep -Eq '^leakshim_(heap|alloc|free)' metrics
	kill -USR2 $host
	wait_until 20 curl -sf -o heap "$url/debug/pprof/heap"
	counted() {
		curl -sf "$url/metrics" | grep -q '^leakshim_heap_inuse_bytes [1-9]'
	}
	wait_until 20 counted
	curl -sf "$url/metrics" | grep -qx 'leakshim_state{state="on"} 1'
}

@test "a process that runs another program is served as that one" {
	cat >twice.sh <<-SH
	read -r go <go
	exec "$leaker"
	SH
	mkfifo go
	track out=%n.snap,bell=auto bash twice.sh
	host=$pid
	serve serve $host
	echo >go
	# It was bash; now it is the leaker, with nothing from before.
	is_leaker() {
		curl -sf -o data "$url/debug/charts/data" &&
			grep -q '"exe":"leaker"' data
	}
	wait_until 30 is_leaker
	wait_until 20 curl -sf -o heap "$url/debug/pprof/heap"
	kill -0 $server
	refute grep -q 'no longer served' serve.err
}

@test "a process that runs a program without the library is told" {
	cat >away.sh <<-SH
	read -r go <go
	unset LD_PRELOAD
	exec sleep 100
	SH
	mkfifo go
	track out=%n.snap bash away.sh
	host=$pid
	serve serve $host
	echo >go
	is_told() {
		[ "$(status_code "$url/debug/pprof/heap")" = 404 ] &&
			grep -q "does not handle SIG" body
	}
	wait_until 20 is_told
	# It has threads and a command line like any other.
	[ "$(curl -sf "$url/debug/pprof/cmdline" | tr '\0' ' ')" = 'sleep 100' ]
}

@test "another user's process is refused with the reason" {
	need_root 'becomes another user'
	track out=%n.snap "$leaker"
	host=$pid
	open_test_directory
	cp "$LEAKSHIM_BIN" leakshim && chmod a+rx leakshim
	run setpriv --reuid $NOBODY --regid $NOBODY --clear-groups \
		./leakshim serve --listen 127.0.0.1:0 $host
	[ "$status" -eq 3 ]
	[[ $output == leakshim:*$host* ]]
}

@test "a full disk is told, and the process and serve go on" {
	need_root 'mounts a small file system'
	[ ! -d /run/user/0 ] || skip 'status files lie elsewhere here'
	mkdir -p -m 700 /tmp/leakshim-0
	# For the process alone.
	cat >small.sh <<-SH
	mount -t tmpfs -o size=256k,mode=700 none /tmp/leakshim-0
	echo mounted >&2
	exec env LD_PRELOAD="$SHIM" LEAKSHIM=out=$PWD/%n.snap "$leaker"
	SH
	start host unshare -m --propagation private bash small.sh
	host=$pid
	wait_until 20 says host.err mounted
	wait_until 20 "$LEAKSHIM_BIN" status $host
	serve serve $host
	wait_until 20 curl -sf -o heap "$url/debug/pprof/heap"
	local place=/proc/$host/root/tmp/leakshim-0
	sleep 1.1 # or it is the one from before
	# The status file still fits.
	truncate -s 0 $place/fill
	dd if=/dev/zero of=$place/fill bs=4096 count=62 status=none
	[ "$(status_code "$url/debug/pprof/heap")" = 503 ]
	rm "$place/fill"
	wait_until 20 curl -sf -o heap "$url/debug/pprof/heap"
	kill -0 $host
}

@test "a hundred processes are served at once" {
	local i count hosts=()
	for i in {1..100}; do
		track out=many.%n.snap "$leaker"
		hosts+=($pid)
	done
	serve many "${hosts[@]}"
	all_there() {
		count=$(curl -sf "$url/" | grep -c 'debug/charts')
		[ "$count" -eq 100 ]
	}
	wait_until 60 all_there
	# Who does not answer in time is not waited for.
	all_counted() {
		curl -sf -m 60 "$url/metrics" >metrics &&
			[ "$(grep -c '^leakshim_heap_inuse_bytes{' metrics)" \
				-eq 100 ] &&
			[ "$(grep -o '^leakshim_function_inuse_bytes{pid="[0-9]*"' \
				metrics | sort -u | wc -l)" -eq 100 ]
	}
	wait_until 60 all_counted
}

@test "tokens are read from files of all kinds, or told why not" {
	track out=%n.snap "$leaker"
	host=$pid
	refused() {
		run "$LEAKSHIM_BIN" serve --listen 127.0.0.1:0 \
			--token-file "$1" $host
		[ "$status" -eq 5 ] && [[ $output == *"$2"* ]]
	}
	refused nothing 'No such file'
	mkdir directory
	refused directory 'Is a directory'
	: >empty
	refused empty 'has 0 bytes'
	head -c 5000 /dev/zero | tr '\0' x >long
	refused long '4096'
	# As an editor elsewhere writes it.
	printf '0123456789abcdef\r\nmore\r\n' >token
	chmod 644 token
	serve open --token-file token $host
	grep -q "warning: others can read the token in 'token'" open.err
	chmod 640 token
	serve serve --token-file token $host
	refute grep -q warning serve.err
	curl -sf -o body -H 'Authorization: Bearer 0123456789abcdef' \
		"$url/debug/pprof/cmdline"
}

@test "SIGHUP ends serve in order, and nohup keeps it" {
	track out=%n.snap "$leaker"
	host=$pid
	start serve "$LEAKSHIM_BIN" serve --listen unix:socket $host
	wait_until 20 test -S socket
	kill -HUP $pid
	ends_with 0 $pid
	[ ! -e socket ]
	start kept nohup "$LEAKSHIM_BIN" serve --listen unix:socket $host
	wait_until 20 test -S socket
	kill -HUP $pid
	sleep 0.5 # it would end now
	kill -0 $pid
}

@test "it serves on the loopback of IPv6 alone" {
	[ -e /proc/net/if_inet6 ] && grep -qw lo /proc/net/if_inet6 ||
		skip 'no IPv6 here'
	track out=%n.snap "$leaker"
	host=$pid
	start serve "$LEAKSHIM_BIN" serve --listen '[::1]:0' $host
	server=$pid
	wait_until 20 says serve.err 'serving on'
	url=$(sed -n 's,.*\(http://[^ ]*[^/ ]\)/*$,\1,p' serve.err)
	[[ $url == 'http://[::1]:'* ]]
	curl -sf -g -o heap "$url/debug/pprof/heap"
	curl -sf -o heap "http://localhost:${url##*:}/debug/pprof/heap"
}

@test "intervals and prefixes that make no sense are told" {
	for each in 0 -1 x 1.5 99999999; do
		run "$LEAKSHIM_BIN" serve --interval "$each" 1
		[ "$status" -eq 2 ]
	done
	for each in x / /x/ //x /x//y '/a b' '/a?b' '/ä'; do
		run "$LEAKSHIM_BIN" serve --path-prefix "$each" 1
		[ "$status" -eq 2 ]
		[[ $output == *'path prefix'* ]]
	done
	run "$LEAKSHIM_BIN" serve --listen "unix:$(printf 'x%.0s' {1..200})" 1
	[ "$status" -ne 0 ]
}

# --- clients that mean ill ---------------------------------------------------------

@test "many clients at once get their answers, and serve leaks nothing" {
	local seconds=5
	[ -z "${FULL:-}" ] || seconds=30
	track out=%n.snap "$leaker" 2
	host=$pid
	start_tracked serve 'out=serve.%n.snap' "$LEAKSHIM_BIN" serve \
		--listen 127.0.0.1:0 $host
	server=$pid
	wait_until 20 says serve.err 'serving on'
	url=$(sed -n 's,.*\(http://[^ ]*[^/ ]\)/*$,\1,p' serve.err)
	check parallel "$url" 64 2
	"$LEAKSHIM_BIN" snapshot $server
	for i in 1 2 3 4 5 6 7; do
		check parallel "$url" 64 "$((seconds / 5))"
		"$LEAKSHIM_BIN" snapshot $server
	done
	# Some thousand requests: what each of them leaks is 256 KiB soon.
	run "$LEAKDIFF" serve.*.snap --fail-over 256K --top 3
	[ "$status" -eq 0 ]
	kill -0 $server
}

@test "a thousand idle connections, aborted clients and bodies are survived" {
	serve_leaker
	check idle "$url" 1000
	check abort "$url" 200
	check body "$url"
	kill -0 $server
	# Nothing is left of them.
	few() {
		[ "$(ls "/proc/$server/fd" | wc -l)" -lt 40 ]
	}
	wait_until 40 few
}

@test "malformed requests are survived" {
	local rounds=1500
	[ -z "${FULL:-}" ] || rounds=4000
	serve_leaker
	check fuzz "$url" $rounds 1
	kill -0 $server
}
