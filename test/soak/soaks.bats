# Twenty soaks of real processes: eleven that leak and nine that do not, all at
# the same time, judged by leakdiff from their snapshots alone. Takes about as long
# as one of them; `make test-full` runs it.

load ../e2e/programs

SOAK_SECONDS=${SOAK_SECONDS:-100}

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	export BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR # where programs are noted
	${CC:-cc} -O1 -g -fno-builtin -pthread -o host_soak \
		"$TOP/test/soak/host_soak.c"
	${CXX:-c++} -O1 -g -o map_soak "$TOP/test/soak/map_soak.cc"
	local shape
	for shape in trickle steps buffer threads load slow-start rising-saw \
		cache small-cache saw pool tide; do
		soak $shape ./host_soak $shape "$SOAK_SECONDS"
	done
	soak cxx-map ./map_soak leak "$SOAK_SECONDS"
	soak cxx-queue ./map_soak steady "$SOAK_SECONDS"
	soak python-churn $PYTHON -I "$TOP/test/soak/python_soak.py" churn \
		"$SOAK_SECONDS"
	soak python-leak env PYTHONMALLOC=malloc $PYTHON -I \
		"$TOP/test/soak/python_soak.py" leak "$SOAK_SECONDS"
	soak perl-churn perl "$TOP/test/soak/perl_soak.pl" churn "$SOAK_SECONDS"
	soak perl-leak perl "$TOP/test/soak/perl_soak.pl" leak "$SOAK_SECONDS"
	# redis is ended by its load.
	soak redis-steady redis-server --port 0 --unixsocket redis-steady.sock \
		--save '' --daemonize no
	soak redis-leak redis-server --port 0 --unixsocket redis-leak.sock \
		--save '' --daemonize no
	load_redis steady &
	load_redis leak &
	sleep "$SOAK_SECONDS"
	sleep 3
	end_processes
}

# soak NAME COMMAND...: under the shim, with a snapshot every four seconds.
soak() {
	local name=$1
	shift
	mkdir "$name.d"
	start_tracked "$name" "out=$PWD/$name.d/%e.%p.%n.snap,interval=4s" "$@"
}

# load_redis KIND: the same thousand keys over and over, or a list that nobody
# reads.
load_redis() {
	local end=$((SECONDS + SOAK_SECONDS)) i=0
	wait_until 20 redis-cli -s "redis-$1.sock" ping >/dev/null 2>&1
	while [ $SECONDS -lt $end ]; do
		for _ in {1..50}; do
			i=$((i + 1))
			if [ "$1" = leak ]; then
				echo "LPUSH queue item-$i-with-some-text"
			else
				echo "SET key:$((RANDOM % 1000)) value-$RANDOM"
			fi
		done | redis-cli -s "redis-$1.sock" >/dev/null
		i=$((i + 50))
		sleep 0.2
	done
}

# verdicts NAME: one line per growing site: KIND FUNCTION STACK.
verdicts() {
	"$LEAKDIFF" "$BATS_FILE_TMPDIR/$1.d" --csv >"$BATS_TEST_TMPDIR/$1.csv"
	$PYTHON -I - "$BATS_TEST_TMPDIR/$1.csv" <<'PY'
import csv, sys
for row in csv.DictReader(open(sys.argv[1], errors="surrogateescape")):
    if row["kind"] != "ledger" and row["verdict"] in ("leak", "growing-buffer"):
        print(row["verdict"], row["kind"], row["function"], row["stack"])
PY
}

# leaks NAME PATTERN [KIND]: the first verdict of that kind has the pattern.
leaks() {
	verdicts "$1" >found
	cat found
	grep " ${3:-heap} " found | head -n 1 | grep -E -- "$2"
}

# is_clean NAME: nothing is called a leak.
is_clean() {
	verdicts "$1" >found
	cat found
	[ -z "$(cat found)" ]
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

@test "a trickle of 3 KB/s in a noisy heap" { leaks trickle leak_slowly; }
@test "a staircase" { leaks steps leak_in_steps; }
@test "a buffer that grows" { leaks buffer 'growing-buffer heap leak_by_growing'; }
@test "threads nobody joins" { leaks threads leak_a_thread thread; }
@test "a leak under a load that comes and goes" { leaks load leak_under_load; }
@test "a leak that starts late" { leaks slow-start leak_slowly; }
@test "a sawtooth whose floor rises" { leaks rising-saw leak_slowly; }
@test "a C++ map that is never emptied" { leaks cxx-map 'remember|_M_|insert|map'; }
@test "a Python list that grows" { leaks python-leak .; }
@test "a perl array that grows" { leaks perl-leak .; }
@test "a redis list that nobody reads" { leaks redis-leak .; }

@test "clean: a cache that fills and rotates" { is_clean cache; }
@test "clean: a small cache" { is_clean small-cache; }
@test "clean: a sawtooth with a level floor" { is_clean saw; }
@test "clean: a pool that is filled once" { is_clean pool; }
@test "clean: a tide" { is_clean tide; }
@test "clean: a C++ queue" { is_clean cxx-queue; }
@test "clean: Python at work" { is_clean python-churn; }
@test "clean: perl at work" { is_clean perl-churn; }
@test "clean: redis that sets the same keys" { is_clean redis-steady; }
