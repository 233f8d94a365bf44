# What takes minutes: suites of others under the shim, with the same results as
# plain. doc/RELIABILITY.md has the table.

load ../e2e/helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
}

teardown() {
	end_hosts
}

# Both at once, for the time: each in a directory of its own.
# twice SECONDS COMMAND...: sets plain and shim to the statuses.
twice() {
	local limit=$1 one two
	shift
	mkdir -p plain.d shim.d
	(cd plain.d && exec timeout "$limit" "$@") >plain.out 2>&1 3>&- &
	one=$!
	(cd shim.d && exec env LD_PRELOAD="$SHIM" \
		LEAKSHIM="out=$BATS_TEST_TMPDIR/%e.%p.%n.snap" \
		timeout $((limit * 2)) "$@") >shim.out 2>&1 3>&- &
	two=$!
	plain=0 shim=0
	wait $one || plain=$?
	wait $two || shim=$?
}

# Each module's tests: how many ran, how they went.
python_module() {
	/usr/bin/python3 -Ic "import test.$1" 2>/dev/null ||
		skip "there is no $1 (libpython3-testsuite)"
	twice 250 /usr/bin/python3 -m test -v "$1"
	grep -E '^(Ran [0-9]+ tests|OK|FAILED)' plain.out |
		sed 's/ in .*//' >plain.told
	grep -E '^(Ran [0-9]+ tests|OK|FAILED)' shim.out |
		sed 's/ in .*//' >shim.told
	cat shim.told
	[ -s plain.told ]
	if [ $plain -ne $shim ] || ! cmp plain.told shim.told; then
		grep -E '^(FAIL|ERROR)' plain.out shim.out || [ $? = 1 ]
		tail -n 30 shim.out
		return 1
	fi
	echo "$1: $(head -n 1 shim.told), $(tail -n 1 shim.told)" >&3
}

@test "CPython: test_json" { python_module test_json; }
@test "CPython: test_re" { python_module test_re; }
@test "CPython: test_threading" { python_module test_threading; }
@test "CPython: test_thread" { python_module test_thread; }
@test "CPython: test_ctypes" { python_module test_ctypes; }
@test "CPython: test_subprocess" { python_module test_subprocess; }
@test "CPython: test_signal" { python_module test_signal; }
@test "CPython: test_fork1" { python_module test_fork1; }
@test "CPython: test_faulthandler" { python_module test_faulthandler; }
@test "CPython: test_os" { python_module test_os; }
@test "CPython: test_gc" { python_module test_gc; }
@test "CPython: test_mmap" { python_module test_mmap; }
@test "CPython: test_posix" { python_module test_posix; }
@test "CPython: test_pickle" { python_module test_pickle; }
@test "CPython: test_exceptions" { python_module test_exceptions; }
@test "CPython: test_weakref" { python_module test_weakref; }

# stressed WHAT...: it verifies what it does, and says how it went.
stressed() {
	command -v stress-ng >/dev/null || skip 'there is no stress-ng'
	twice 100 stress-ng "$@"
	[ $plain -eq 0 ]
	[ $shim -eq 0 ]
	grep -q 'successful run completed' shim.out
	refute grep -i 'fail' shim.out
}

@test "stress-ng: malloc" {
	stressed --malloc 2 --malloc-ops 40000 --malloc-bytes 128M --verify
}
@test "stress-ng: malloc with threads" {
	stressed --malloc 1 --malloc-pthreads 4 --malloc-ops 40000 \
		--malloc-bytes 64M --verify
}
@test "stress-ng: fork" { stressed --fork 2 --fork-ops 4000 --verify; }
@test "stress-ng: vfork" { stressed --vfork 2 --vfork-ops 4000; }
@test "stress-ng: pthread" { stressed --pthread 2 --pthread-ops 4000 --verify; }
@test "stress-ng: mmap" {
	stressed --mmap 1 --mmap-ops 20 --mmap-bytes 16M --verify
}
@test "stress-ng: vm" { stressed --vm 1 --vm-ops 3000 --vm-bytes 64M --verify; }
@test "stress-ng: signals" { stressed --kill 1 --kill-ops 20000 --verify; }

# --- OpenJDK ----------------------------------------------------------

need_jdk() {
	command -v javac >/dev/null || skip 'there is no JDK'
	home=$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")
}

@test "javac compiles 200 files as plain" {
	need_jdk
	mkdir src
	for i in {1..200}; do
		cat >src/C$i.java <<-JAVA
			import java.util.*;
			public class C$i {
				interface F { int f(int x); }
				static Map<String, List<Integer>> m = new TreeMap<>();
				public static int run(int n) {
					F f = x -> x * $i;
					for (int k = 0; k < n; k++)
						m.computeIfAbsent("k" + k % 7,
							z -> new ArrayList<>())
							.add(f.f(k));
					return m.size() + $i;
				}
			}
		JAVA
	done
	twice 250 sh -c 'javac -d out ../src/*.java && find out -type f |
		sort | xargs cksum'
	[ $plain -eq 0 ]
	[ $shim -eq 0 ]
	[ "$(wc -l <shim.out)" -ge 400 ]
	cmp plain.out shim.out
}

@test "an HTTP server of the JVM: snapshots by request, its native leak named" {
	need_jdk
	[ -e "$home/include/jni.h" ] || skip 'there is no jni.h'
	cat >leaky.c <<-'C'
		#include <jni.h>
		#include <stdlib.h>
		__attribute__((noinline)) static void leak_natively(void)
		{
			void *volatile p = malloc(1234);
			(void)p;
		}
		JNIEXPORT void JNICALL Java_Server_leak(JNIEnv *e, jclass c)
		{
			(void)e, (void)c;
			for (int i = 0; i < 100; i++)
				leak_natively();
		}
	C
	"${CC:-cc}" -shared -fPIC -g -O1 -o libleaky.so leaky.c \
		-I"$home/include" -I"$home/include/linux"
	cat >Server.java <<-'JAVA'
		import com.sun.net.httpserver.*;
		import java.net.*;
		public class Server {
			static native void leak();
			public static void main(String[] a) throws Exception {
				System.load(a[0]);
				var s = HttpServer.create(new InetSocketAddress(
					"127.0.0.1", Integer.parseInt(a[1])), 0);
				s.createContext("/", x -> {
					leak();
					byte[] b = "hello\n".getBytes();
					x.sendResponseHeaders(200, b.length);
					x.getResponseBody().write(b);
					x.close();
				});
				s.setExecutor(java.util.concurrent.Executors
					.newFixedThreadPool(8));
				s.start();
				System.out.println("ready");
			}
		}
	JAVA
	javac Server.java
	port=$(free_port)
	track "out=$PWD/%p.%n" "$home/bin/java" -Xmx64m -cp . Server \
		"$PWD/libleaky.so" "$port"
	wait_until 60 grep -q ready host.out
	path=$("$LEAKSHIM_BIN" snapshot --timeout 60 $pid)
	for i in {1..50}; do
		[ "$(curl -fsS "http://127.0.0.1:$port/")" = hello ]
	done
	later=$("$LEAKSHIM_BIN" snapshot --timeout 60 $pid)
	"$LEAKDIFF" --csv "$path" "$later" >grown.csv
	grep 'heap,leak_natively' grown.csv
	[ "$(held "$later" leak_natively)" = '5000 6170000' ]
	"$LEAKDIFF" --verify "$later"
	# The JVM's own signals are its own: a thread dump, and the end.
	kill -QUIT $pid
	wait_until 20 grep -q 'Full thread dump' host.out
	kill -TERM $pid
	ends_with 143 $pid
}

# --- the shim itself --------------------------------------------------

# What an hour of a busy server does: threads that come and go, children, a
# library opened and closed, blocks of all sizes and ages, a snapshot a second.
@test "two minutes of churn leave the shim as large as it was" {
	build_host server -ldl
	track "out=$PWD/%n.snap,keep=200,interval=1s" \
		"$BATS_FILE_TMPDIR/server" "${SOAK_SECONDS:-120}" \
		"$BUILD/test/shim/lib_plugin_one.so"
	sleep 15
	"$LEAKSHIM_BIN" snapshot --timeout 30 $pid >/dev/null
	early=$(status_of $pid own_bytes)
	sleep $((${SOAK_SECONDS:-120} - 25))
	"$LEAKSHIM_BIN" snapshot --timeout 30 $pid >/dev/null
	late=$(status_of $pid own_bytes)
	echo "own bytes: $early, then $late" >&3
	# A page here and there for a stack not seen before.
	[ "$late" -le $((early + early / 10 + 262144)) ]
	ends_with 0 $pid
	last=$(ls -v ./*.snap | tail -n 1)
	"$LEAKDIFF" --verify ./*.snap >verify || {
		grep -i violat verify
		false
	}
	[ "$(look "$last" 'losses.dropped_allocs + losses.dropped_frees +
		losses.thinning_shift + losses.snapshot_failures')" -eq 0 ]
}
