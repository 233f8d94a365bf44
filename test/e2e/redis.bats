# Debian's redis-server, whose allocator is libjemalloc and stays it.

load programs

setup() {
	cd "$BATS_TEST_TMPDIR"
}

teardown() {
	end_processes
}

start_redis() {
	start_tracked redis "out=$PWD/snap.%n" /usr/bin/redis-server \
		--port 0 --unixsocket "$PWD/socket" --save '' --appendonly no \
		--daemonize no --dir "$PWD"
	redis=$pid
	wait_until 20 ask ping >connected
}

ask() {
	timeout 10 redis-cli -s "$PWD/socket" "$@" 2>/dev/null
}

value() {
	printf "%0$1d" 0
}

# load_by COMMAND...: 20,000 of them.
load_by() {
	redis-benchmark -q -s "$PWD/socket" -n 20000 -r 100000 -c 10 -P 8 \
		"$@" >>benchmark 3>&-
}

info() {
	ask info memory | tr -d '\r' | sed -n "s/^$1://p"
}

shut_down() {
	# The server ends instead of answering, which the client may call an
	# error; the next line tells whether it did.
	run ask shutdown nosave
	ends_with 0 $redis
	[ ! -s redis.err ]
}

@test "the growth of redis's data is named by functions of redis" {
	start_redis
	signal_snapshot $redis snap.1
	load_by SET key:__rand_int__ "$(value 200)"
	load_by HSET hash:__rand_int__ field value
	load_by LPUSH list:__rand_int__ "$(value 300)"
	keys=$(ask dbsize)
	[ "$keys" -gt 40000 ]
	signal_snapshot $redis snap.2
	report snap.1 snap.2
	# What grew most, in places that a reader of redis knows.
	objects='create\w*Object' strings='_?sdsnewlen|sds\w+'
	dicts='_?dict\w+' lists='lp\w+|ziplist\w+|quicklist\w+'
	holds "len(named(heap[:8], '$objects|$strings|$dicts|$lists')) >= 4" \
		"named(heap[:8], '$objects|$strings')" \
		"named(heap[:8], '$dicts')" \
		"not named(heap, 'z\w*(malloc|calloc|realloc|free)\w*')" \
		"not named(heap, 'je_\w*|\w*alloc')" \
		"'/usr/bin/redis-' in heap[0].module" \
		"total(heap, 'delta_bytes') > 20000 * 200"
	# One dict entry per key in the key space: exactly.
	holds "total([r for r in heap if 'dbAdd' in r.stack and
		r.function.startswith('dict') and
		r.delta_bytes == 24 * r.delta_objects],
		'delta_objects') == $keys"
	# The text too: who is to blame stands behind '>' and in the headline.
	"$LEAKDIFF" --top 0 snap.1 snap.2 >text
	grep '> createStringObject\|> _\?sdsnewlen' text
	refute grep -E '(> |allocated in )z[a-z]*(alloc|free)' text
	lost_nothing snap.2
	shut_down
}

@test "redis answers pings throughout, also while snapshots are written" {
	start_redis
	start ping $PYTHON -I "$TOP/test/e2e/programs/ping.py" \
		"$PWD/socket" "$PWD/stop"
	ping=$pid
	load_by SET key:__rand_int__ "$(value 100)" &
	load=$!
	for i in 1 2 3 4 5; do
		signal_snapshot $redis snap.$i
		kill -0 $ping
	done
	wait $load
	bell_snapshot $redis
	[ "$snapshot" = "$PWD/snap.6" ]
	touch stop
	ends_with 0 $ping
	read -r answered longest <ping.out
	[ "$answered" -gt 20 ]
	[ "$(ask ping)" = PONG ]
	shut_down
}

# What jemalloc itself counts; redis asks it ten times a second.
has_allocated() {
	[ "$(info allocator_allocated)" -gt "$1" ]
}

@test "redis's allocator stays jemalloc" {
	start_redis
	grep -q 'libjemalloc' /proc/$redis/maps
	[[ "$(info mem_allocator)" = jemalloc* ]]
	ask memory malloc-stats | grep 'Begin jemalloc statistics'
	before=$(info allocator_allocated)
	load_by SET key:__rand_int__ "$(value 1000)"
	grown=$(($(ask dbsize) * 1000))
	[ $grown -gt 15000000 ]
	wait_until 5 has_allocated $((before + grown))
	signal_snapshot $redis snap.1
	report snap.1
	# What was asked for is less than jemalloc's rounded sizes, not by much.
	allocated=$(info allocator_allocated)
	holds "$allocated / 2 < total(heap, 'live_bytes_new') <= $allocated"
	shut_down
}

@test "what redis frees in another thread is free" {
	start_redis
	signal_snapshot $redis snap.1
	load_by SET key:__rand_int__ "$(value 200)"
	signal_snapshot $redis snap.2
	report snap.1 snap.2
	holds "total(heap, 'delta_bytes') > 3000000"
	[ "$(ask flushall async)" = OK ]
	wait_until 10 eval '[ "$(ask info memory | tr -d "\r" |
		sed -n s/^lazyfree_pending_objects://p)" = 0 ]'
	signal_snapshot $redis snap.3
	report snap.1 snap.3
	# All 15,000 keys and more, but for redis's own latency histograms.
	holds "total(heap, 'delta_bytes') < 500000" \
		"total(heap, 'alloc_objects') > 45000" \
		"all(r.delta_objects < 100 for r in
			named(heap, '_sdsnewlen|dictAdd\w*|create\w*Object'))"
	lost_nothing snap.3
	shut_down
}

@test "redis's forked child saves the data while its parent is tracked" {
	start_redis
	load_by SET key:__rand_int__ "$(value 200)"
	keys=$(ask dbsize)
	ask bgsave
	wait_until 10 eval '[ "$(ask info persistence | tr -d "\r" |
		sed -n s/^rdb_bgsave_in_progress://p)" = 0 ]'
	ask info persistence | grep 'rdb_last_bgsave_status:ok'
	redis-check-rdb dump.rdb | grep "$keys keys read"
	bell_snapshot $redis
	[ "$snapshot" = "$PWD/snap.1" ]
	lost_nothing snap.1
	shut_down
}
